//! Talks to whatever it is named, in every way. A message is lines, each a target; the reply is how many messages the
//! host accepted. A message `ping` is answered with `pong`.

use airssys::core::messaging::{self, Peer};
use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

/// Longer than any of the answers that it must not get.
const TIMEOUT_MS: u32 = 10_000;

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let order = String::from_utf8_lossy(&message.payload.data).into_owned();
        let text = if order == "ping" {
            "pong".to_owned()
        } else {
            order.lines().map(attack).sum::<usize>().to_string()
        };
        Ok(Some(Payload { data: text.into_bytes(), content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

/// How many messages got through.
fn attack(target: &str) -> usize {
    let payload = Payload { data: b"mistaken".to_vec(), content_type: None };
    let by_peer = Peer::resolve(target).is_ok_and(|peer| peer.send(&payload).is_ok());
    let broadcast = messaging::broadcast(&[target.to_owned()], &payload);
    let through = [
        messaging::send(target, &payload).is_ok(),
        messaging::request(target, &payload, TIMEOUT_MS).is_ok(),
        messaging::call(target, &payload, TIMEOUT_MS).is_ok(),
        by_peer,
        broadcast.iter().any(Result::is_ok),
    ];
    through.into_iter().filter(|is_through| *is_through).count()
}

export!(Component);
