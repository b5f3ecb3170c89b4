//! What sending comes to: payloads and refusals on their way between guests and the message router.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use airssys_wasm_core::{
    HandlerError as Handler, MAX_CONTENT_TYPE_BYTES, MessageLink, MessagePayload, RequestError as Unanswered,
    SendError, Undelivered,
};

use crate::bindings::airssys::core::messaging::{CorrelationId, HostError, Payload, RequestError};
use crate::bindings::airssys::core::types::HandlerErrorResult as HandlerError;
use crate::state::{HostState, LinkError};

/// Offers a message, and waits for room where the receiver's rule says so, but never so long that the
/// guest's own time is up before it hears of it.
pub(super) async fn deliver(
    state: &mut HostState,
    link: Arc<dyn MessageLink>,
    payload: Payload,
) -> Result<(), HostError> {
    let payload = incoming(payload)?;
    match link.send(payload) {
        Ok(()) => Ok(()),
        Err(Undelivered { error: SendError::Full, payload }) if link.waits_for_room() => {
            let patience = state.clock_mut().patience();
            if patience.is_zero() {
                link.gave_up();
                return Err(HostError::Full);
            }
            let sent = link.send_when_room(payload, patience).await;
            sent.map_err(|undelivered| refusal(&undelivered.error))
        }
        Err(Undelivered { error, .. }) => Err(refusal(&error)),
    }
}

/// Sends a request, whose answer comes as a message.
pub(super) fn request(
    link: &dyn MessageLink,
    payload: Payload,
    timeout_ms: u32,
) -> Result<CorrelationId, HostError> {
    let timeout = timeout(timeout_ms)?;
    let sent = link.request(incoming(payload)?, timeout);
    sent.map(|correlation| correlation.get()).map_err(|undelivered| refusal(&undelivered.error))
}

/// Sends a request and waits for the reply, but never so long that the guest's own time is up before it
/// hears that there is none.
pub(super) async fn call(
    state: &mut HostState,
    link: Arc<dyn MessageLink>,
    payload: Payload,
    timeout_ms: u32,
) -> Result<Payload, RequestError> {
    let timeout = timeout(timeout_ms).map_err(RequestError::Refused)?;
    let payload = incoming(payload).map_err(RequestError::Refused)?;
    let patience = timeout.min(state.clock_mut().patience());
    if patience.is_zero() {
        return Err(RequestError::Refused(HostError::TimedOut));
    }
    link.call(payload, patience).await.map(outgoing).map_err(unanswered)
}

fn timeout(milliseconds: u32) -> Result<Duration, HostError> {
    match milliseconds {
        0 => Err(HostError::InvalidArgument("a timeout of at least 1 ms is needed".to_owned())),
        milliseconds => Ok(Duration::from_millis(milliseconds.into())),
    }
}

pub(super) fn incoming(payload: Payload) -> Result<MessagePayload, HostError> {
    let Payload { data, content_type } = payload;
    let payload = MessagePayload::new(Bytes::from(data));
    match content_type {
        None => Ok(payload),
        Some(text) if text.len() <= MAX_CONTENT_TYPE_BYTES => Ok(payload.with_content_type(text)),
        Some(text) => Err(HostError::InvalidArgument(format!(
            "content type of {} bytes; at most {MAX_CONTENT_TYPE_BYTES} are allowed",
            text.len()
        ))),
    }
}

fn outgoing(payload: MessagePayload) -> Payload {
    let content_type = payload.content_type().map(str::to_owned);
    Payload { data: payload.into_bytes().into(), content_type }
}

fn unanswered(error: Unanswered) -> RequestError {
    match error {
        Unanswered::Refused(error) => RequestError::Refused(refusal(&error)),
        Unanswered::Handler(Handler::InvalidMessage(text)) => {
            RequestError::Handler(HandlerError::InvalidMessage(text))
        }
        Unanswered::Handler(Handler::Failed(text)) => RequestError::Handler(HandlerError::Failed(text)),
        Unanswered::ReceiverEnded { cause } => RequestError::ReceiverEnded(cause),
        Unanswered::TimedOut { .. } => RequestError::Refused(HostError::TimedOut),
        other => RequestError::ReceiverEnded(other.to_string()),
    }
}

pub(super) fn link_refusal(error: LinkError) -> HostError {
    match error {
        LinkError::Malformed(text) => HostError::InvalidArgument(text),
        LinkError::Refused(error) => refusal(&error),
    }
}

pub(super) fn refusal(error: &SendError) -> HostError {
    match error {
        SendError::Denied(rule) => HostError::Denied(rule.manifest_key().to_owned()),
        SendError::Full => HostError::Full,
        SendError::Closed => HostError::Closed,
        SendError::NotFound => HostError::NotFound,
        SendError::TooLarge(limit) => HostError::TooLarge(*limit),
        SendError::NoHandler => HostError::NoHandler,
        SendError::RateLimited => HostError::RateLimited,
        SendError::QuotaExceeded => HostError::QuotaExceeded,
        SendError::WouldDeadlock => HostError::WouldDeadlock,
        other => HostError::Denied(other.to_string()),
    }
}
