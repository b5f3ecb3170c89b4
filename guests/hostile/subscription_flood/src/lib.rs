//! Subscribes to more and more patterns: a message `COUNT` makes it subscribe to `flood.0`, `flood.1` and so on, and
//! a message `COUNT SUFFIX` to those with the suffix behind each. The reply counts what became of it, as decimal numbers with a space between: accepted, and refused as beyond
//! the quota. A message `ping` is answered with `pong`.

use airssys::core::messaging;
use airssys::core::types::HostError;
use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let order = message.payload.data;
        let data =
            if order == b"ping" { b"pong".to_vec() } else { attack(&order).ok_or_else(not_understood)? };
        Ok(Some(Payload { data, content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

fn not_understood() -> HandlerError {
    HandlerError::InvalidMessage("not understood".to_owned())
}

fn attack(order: &[u8]) -> Option<Vec<u8>> {
    let order = std::str::from_utf8(order).ok()?;
    let (count, suffix) = order.split_once(' ').unwrap_or((order, ""));
    let count: u32 = count.parse().ok()?;
    let (mut accepted, mut refused) = (0_u32, 0_u32);
    for number in 0..count {
        match messaging::subscribe(&format!("flood.{number}{suffix}")) {
            Ok(()) => accepted += 1,
            Err(HostError::QuotaExceeded) => refused += 1,
            Err(_) => {}
        }
    }
    Some(format!("{accepted} {refused}").into_bytes())
}

export!(Component);
