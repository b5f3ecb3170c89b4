//! Publishes to topics, subscribes to patterns and ends subscriptions, whatever it may. A message is lines of
//! `publish TOPIC`, `subscribe PATTERN` and `unsubscribe PATTERN`; the reply is how many of them the host let pass. A message `ping` is answered with
//! `pong`, and what it hears of is dropped.

use airssys::core::messaging;
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
    let payload = Payload { data: b"squatted".to_vec(), content_type: None };
    let mut passed = 0_u32;
    for line in std::str::from_utf8(order).ok()?.lines() {
        let (verb, topic) = line.split_once(' ')?;
        let outcome = match verb {
            "publish" => messaging::publish(topic, &payload).map(drop),
            "subscribe" => messaging::subscribe(topic),
            "unsubscribe" => messaging::unsubscribe(topic),
            _ => return None,
        };
        passed += u32::from(outcome.is_ok());
    }
    Some(passed.to_string().into_bytes())
}

export!(Component);
