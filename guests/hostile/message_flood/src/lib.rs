//! Sends as much as it is told to: a message `COUNT BYTES TARGET` makes it send COUNT messages of BYTES
//! bytes to TARGET. The reply counts what became of them, as decimal numbers with spaces between: accepted,
//! refused as full, as too large, as beyond the rate, and for any other reason.
//! A message `ping` is answered with `pong`.

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
        let data = if order == b"ping" {
            b"pong".to_vec()
        } else {
            let not_understood = || HandlerError::InvalidMessage("not `COUNT BYTES TARGET`".to_owned());
            flood(&order).ok_or_else(not_understood)?
        };
        Ok(Some(Payload { data, content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

fn flood(order: &[u8]) -> Option<Vec<u8>> {
    let mut words = std::str::from_utf8(order).ok()?.split(' ');
    let count: u32 = words.next()?.parse().ok()?;
    let bytes: usize = words.next()?.parse().ok()?;
    let target = words.next()?;
    let payload = Payload { data: vec![b'f'; bytes], content_type: None };
    let mut outcomes = [0_u32; 5];
    for _ in 0..count {
        let outcome = match messaging::send(target, &payload) {
            Ok(()) => 0,
            Err(HostError::Full) => 1,
            Err(HostError::TooLarge(_)) => 2,
            Err(HostError::RateLimited) => 3,
            Err(_) => 4,
        };
        outcomes[outcome] += 1;
    }
    Some(outcomes.map(|count| count.to_string()).join(" ").into_bytes())
}

export!(Component);
