//! Broadcasts to far too many targets at once: a message `COUNT TARGET` makes it name TARGET COUNT times in one
//! broadcast. The reply counts the results, as decimal numbers with spaces between: accepted, refused as beyond
//! the quota, and all of them. A message `ping` is answered with `pong`.

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
    let (count, target) = std::str::from_utf8(order).ok()?.split_once(' ')?;
    let payload = Payload { data: b"broadcast".to_vec(), content_type: None };
    let results = messaging::broadcast(&vec![target.to_owned(); count.parse().ok()?], &payload);
    let accepted = results.iter().filter(|result| result.is_ok()).count();
    let refused = results.iter().filter(|result| matches!(result, Err(HostError::QuotaExceeded))).count();
    Some(format!("{accepted} {refused} {}", results.len()).into_bytes())
}

export!(Component);
