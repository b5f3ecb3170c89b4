//! Sends on what it is told to send, and replies with what became of it.
//!
//! A payload is a target and the rest, with a zero byte between: `TARGET\0REST`
//! sends REST by name. A message without a zero byte is a handler error. The reply is `ok`, or
//! the host's refusal: its name, and where there is more to it `: ` and that.
//!
//! With the content type `peer` it sends through a `peer` that it resolves for this message.

use airssys::core::messaging::{self, Peer};
use airssys::core::types::HostError;
use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

/// The content type that asks for the way through a `peer`.
const BY_PEER: &str = "peer";

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let mut payload = message.payload;
        let split = payload.data.iter().position(|&byte| byte == 0);
        let Some(target) =
            split.and_then(|at| String::from_utf8(payload.data.drain(..=at).take(at).collect()).ok())
        else {
            return Err(HandlerError::InvalidMessage(
                "a message is a target, a zero byte and the rest".into(),
            ));
        };
        let by_peer = payload.content_type.take().as_deref() == Some(BY_PEER);
        let sent = if by_peer {
            Peer::resolve(&target).and_then(|peer| peer.send(&payload))
        } else {
            messaging::send(&target, &payload)
        };
        let data = match sent {
            Ok(()) => "ok".to_owned(),
            Err(error) => describe(error),
        };
        Ok(Some(Payload { data: data.into_bytes(), content_type: Some("text/plain".into()) }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

fn describe(error: HostError) -> String {
    match error {
        HostError::Denied(rule) => format!("denied: {rule}"),
        HostError::Full => "full".into(),
        HostError::Closed => "closed".into(),
        HostError::NotFound => "not-found".into(),
        HostError::NoHandler => "no-handler".into(),
        HostError::TooLarge(limit) => format!("too-large: {limit}"),
        HostError::RateLimited => "rate-limited".into(),
        HostError::TimedOut => "timed-out".into(),
        HostError::WouldDeadlock => "would-deadlock".into(),
        HostError::QuotaExceeded => "quota-exceeded".into(),
        HostError::InvalidArgument(what) => format!("invalid-argument: {what}"),
        HostError::Unsupported(what) => format!("unsupported: {what}"),
    }
}

export!(Component);
