//! Looks up more and more names below the one that is the second word of a message, as the first one says:
//!
//! - `hoard`: begins look-ups and keeps them, waiting for none; the reply is how many were begun
//! - `churn`: begins look-ups and gives them up, until it is refused too often; the reply is how many were begun
//! - `read`: looks one name up; the reply is how many addresses it has
//! - `lengthen`: asks for names of 1 KiB, 2 KiB and so on up to 512 KiB; the reply is how many were not refused
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

fn attack(text: &str) -> usize {
    let (deed, name) = text.split_once(' ').unwrap_or_default();
    let begin = |number: usize| tcp_client::begin_look_up(&format!("n{number}.{name}"));
    match deed {
        "hoard" => (0..ATTEMPTS).filter_map(|number| begin(number).ok()).collect::<Vec<_>>().len(),
        "churn" => (0..ATTEMPTS).filter(|number| begin(*number).is_ok()).count(),
        "read" => tcp_client::look_up(&format!("n.{name}")).map_or(0, |addresses| addresses.len()),
        "lengthen" => (1..=512)
            .filter(|kib| tcp_client::begin_look_up(&format!("{}.{name}", "a".repeat(kib * 1024))).is_ok())
            .count(),
        _ => 0,
    }
}

export!(Component);
