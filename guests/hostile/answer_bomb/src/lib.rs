//! Replies with far more than its requester can hold: a message that is a number is answered with so many bytes,
//! `error NUMBER` with an error whose text has so many, every other one with 1 MiB. A message `ping` is answered with
//! `pong`.

use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

struct Component;

const BYTES: usize = 1 << 20;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let order = std::str::from_utf8(&message.payload.data).unwrap_or_default();
        if let Some(bytes) = order.strip_prefix("error ") {
            return Err(HandlerError::Failed("b".repeat(bytes.parse().unwrap_or(BYTES))));
        }
        let data = match order {
            "ping" => b"pong".to_vec(),
            order => vec![b'b'; order.parse().unwrap_or(BYTES)],
        };
        Ok(Some(Payload { data, content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

export!(Component);
