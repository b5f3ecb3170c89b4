//! Sends to whom it has no right to send: to the target that a message names, 1,000 times by name and
//! 1,000 times through a `peer`. The reply is how often it was denied, of 2,000, as decimal text.
//! A message `ping` is answered with `pong`.

use airssys::core::messaging::{self, Peer};
use airssys::core::types::HostError;
use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

/// How often it tries, each way.
const ATTEMPTS: u32 = 1_000;

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let data =
            if message.payload.data == b"ping" { b"pong".to_vec() } else { trespass(&message.payload.data) };
        Ok(Some(Payload { data, content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

fn trespass(target: &[u8]) -> Vec<u8> {
    let target = String::from_utf8_lossy(target);
    let payload = Payload { data: b"forbidden".to_vec(), content_type: None };
    let mut denied = 0_u32;
    for _ in 0..ATTEMPTS {
        let by_name = messaging::send(&target, &payload);
        let by_peer = Peer::resolve(&target).and_then(|peer| peer.send(&payload));
        for sent in [by_name, by_peer] {
            denied += u32::from(matches!(sent, Err(HostError::Denied(_))));
        }
    }
    denied.to_string().into_bytes()
}

export!(Component);
