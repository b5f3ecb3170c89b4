//! Sets timers without end: a message `COUNT BYTES` makes it set COUNT timers for an hour from now, each with a
//! payload of BYTES bytes for itself. The reply counts what became of them, as decimal numbers with a space
//! between: accepted, and refused as beyond the quota. `storm COUNT` makes it try COUNT times to set a timer that is due
//! at once, so that it has as many of those as it may for as long as that takes. A message `ping` is answered with
//! `pong`.

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
    let (first, second) = std::str::from_utf8(order).ok()?.split_once(' ')?;
    let (count, bytes, delay) =
        if first == "storm" { (second, 0, 0) } else { (first, second.parse().ok()?, 3_600_000) };
    let payload = Payload { data: vec![b't'; bytes], content_type: None };
    let own = messaging::self_id();
    let (mut accepted, mut refused) = (0_u32, 0_u32);
    for _ in 0..count.parse::<u32>().ok()? {
        match messaging::send_after(&own, &payload, delay) {
            Ok(_) => accepted += 1,
            Err(HostError::QuotaExceeded) => refused += 1,
            Err(_) => {}
        }
    }
    Some(format!("{accepted} {refused}").into_bytes())
}

export!(Component);
