//! Tries by its choice of keys to reach what another component keeps. A message `NAMESPACE/NAME KEY` names the component
//! and one of its keys; the reply is how many tries found something, and how many there were. It looks by every
//! operation that could tell, and tries to change what is there. A message `ping` is answered with `pong`.

use airssys::core::storage;
use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let order = String::from_utf8_lossy(&message.payload.data).into_owned();
        let reply = match order.split_once(' ') {
            None if order == "ping" => "pong".to_owned(),
            Some((owner, key)) => attack(owner, key),
            None => return Err(HandlerError::InvalidMessage("not understood".to_owned())),
        };
        Ok(Some(Payload { data: reply.into_bytes(), content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

fn attack(owner: &str, key: &str) -> String {
    let (mut found, mut tries) = (0_u32, 0_u32);
    for guess in guesses(owner, key) {
        let hits = [
            matches!(storage::get(&guess), Ok(Some(_))),
            matches!(storage::exists(&guess), Ok(true)),
            matches!(storage::list_keys(&guess), Ok(keys) if !keys.is_empty()),
            matches!(storage::delete(&guess), Ok(true)),
            // What stands there would have to be known, so that only an absence can be guessed.
            matches!(storage::compare_and_swap(&guess, Some(b"secret"), b"stolen"), Ok(true)),
        ];
        found += hits.into_iter().map(u32::from).sum::<u32>();
        tries += hits.len() as u32;
    }
    // What is written by such a name has to be its own alone.
    for guess in guesses(owner, key) {
        let _ = storage::set(&guess, b"mischief");
    }
    let used = storage::usage().map_or(0, |usage| usage.keys);
    let own = storage::list_keys("").map_or(0, |keys| keys.len() as u64);
    format!("{found} {tries} {own} {used}")
}

/// Names that an inept store would take for a key of another's, or of its own books.
fn guesses(owner: &str, key: &str) -> Vec<String> {
    let (namespace, name) = owner.split_once('/').unwrap_or((owner, ""));
    let mut guesses = vec![String::new(), key.to_owned(), owner.to_owned(), format!("{owner}/")];
    for separator in
        ["/", "\0", "\0\0", ":", ".", "|", "\u{1f}", "\u{ff}", "\u{10ffff}", "\n", " ", "%00", "//"]
    {
        guesses.push(format!("{owner}{separator}{key}"));
        guesses.push(format!("{namespace}{separator}{name}{separator}{key}"));
        guesses.push(format!("{separator}{owner}{separator}{key}"));
        guesses.push(format!("{separator}{key}"));
        guesses.push(format!("{key}{separator}"));
        guesses.push(separator.to_owned());
    }
    for climb in ["../", "../../", "/", "./", "~", "*", "?", "%", "_"] {
        guesses.push(format!("{climb}{owner}/{key}"));
        guesses.push(format!("{climb}{key}"));
        guesses.push(climb.to_owned());
    }
    // The first character wider, and composed in another way.
    for mark in ["\u{200b}", "\u{301}", "\u{feff}", "\u{202e}"] {
        guesses.push(format!("{key}{mark}"));
        guesses.push(format!("{mark}{key}"));
    }
    guesses.push(key.to_uppercase());
    guesses.push(key.chars().map(|one| char::from_u32(u32::from(one) + 0xfee0).unwrap_or(one)).collect());
    guesses
}

export!(Component);
