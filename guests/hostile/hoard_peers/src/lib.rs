//! Resolves the target that a message names again and again, sends it one message through each `peer`, and
//! gives none of them back, so that the host holds more and more for it.
//! A message `ping` is answered with `pong`.

use airssys::core::messaging::Peer;
use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

/// Far more than a host should hold for one instance.
const ATTEMPTS: usize = 100_000;

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let data =
            if message.payload.data == b"ping" { b"pong".to_vec() } else { hoard(&message.payload.data) };
        Ok(Some(Payload { data, content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

fn hoard(target: &[u8]) -> Vec<u8> {
    let target = String::from_utf8_lossy(target);
    let payload = Payload { data: b"one more".to_vec(), content_type: None };
    let mut held = Vec::new();
    for _ in 0..ATTEMPTS {
        if let Ok(peer) = Peer::resolve(&target) {
            // What the target makes of it does not matter: the host counts that it was tried.
            _ = peer.send(&payload);
            held.push(peer);
        }
    }
    held.len().to_string().into_bytes()
}

export!(Component);
