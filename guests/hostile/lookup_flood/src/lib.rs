//! Looks up more and more names below the one that is the second word of a message, as the first one says:
//!
//! - `hoard`: begins look-ups and keeps them, waiting for none; the reply is how many were begun
//! - `churn`: looks one name up after the other; the reply is how many had an answer
//! - `read`: looks one name up; the reply is how many addresses it has
//! - `lengthen`: looks up names that are longer and longer; the reply is how many had an answer
//!
//! A message `ping` is answered with `pong`.

use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

/// Far more than a host should do for one instance at once.
const ATTEMPTS: usize = 1_000;

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let text = String::from_utf8_lossy(&message.payload.data);
        let data = if text == "ping" { b"pong".to_vec() } else { attack(&text).to_string().into_bytes() };
        Ok(Some(Payload { data, content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

/// Most bytes of a name that is tried.
const LONGEST: usize = 500_000;

fn attack(text: &str) -> usize {
    let (deed, name) = text.split_once(' ').unwrap_or_default();
    let numbered = |number: usize| format!("n{number}.{name}");
    let has_answer = |name: String| tcp_client::look_up(&name).is_ok();
    match deed {
        "hoard" => {
            let begun = (0..ATTEMPTS).filter_map(|number| tcp_client::begin_look_up(&numbered(number)).ok());
            begun.collect::<Vec<_>>().len()
        }
        "churn" => (0..ATTEMPTS).filter(|number| has_answer(numbered(*number))).count(),
        "read" => tcp_client::look_up(&numbered(0)).map_or(0, |addresses| addresses.len()),
        "lengthen" => {
            let mut lengths: Vec<usize> = (name.len() + 3..300).step_by(7).chain(250..260).collect();
            lengths.extend(
                std::iter::successors(Some(300), |length| Some(length * 2)).take_while(|l| *l < LONGEST),
            );
            lengths.into_iter().filter(|length| has_answer(long(name, *length))).count()
        }
        _ => 0,
    }
}

/// A name of so many bytes, whose parts are short.
fn long(name: &str, length: usize) -> String {
    let mut long = if (length - name.len()) % 2 == 0 { String::new() } else { "aa.".to_owned() };
    while long.len() + name.len() < length {
        long.push_str("a.");
    }
    long + name
}

export!(Component);
