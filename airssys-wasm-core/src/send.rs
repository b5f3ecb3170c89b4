//! The outcomes of sending.

use thiserror::Error;

use crate::message::MessagePayload;
use crate::typed_call::CallError;

/// Which rule of the guard refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DenialRule {
    /// The sender's `send_to` does not name the receiver.
    SendTo,
    /// The receiver's `receive_from` does not name the sender.
    ReceiveFrom,
    /// The payload is larger than the receiver's `max_message_bytes`.
    MessageSize,
    /// The payload begins with the prefix of none of the receiver's `codecs`.
    Codecs,
    /// The sender exceeds the receiver's `rate_per_second` and `burst`.
    Rate,
    /// The receiver's mailbox has no room, and its overflow rule makes none.
    Room,
    /// The publisher's `publish` does not name the topic.
    Publish,
    /// The subscriber's `subscribe` does not cover the pattern.
    Subscribe,
}

impl DenialRule {
    /// Every rule, in the order in which a message meets them; those of topics last.
    pub const ALL: [Self; 8] = [
        Self::SendTo,
        Self::ReceiveFrom,
        Self::MessageSize,
        Self::Codecs,
        Self::Rate,
        Self::Room,
        Self::Publish,
        Self::Subscribe,
    ];

    /// The manifest key that states the rule.
    #[must_use]
    pub const fn manifest_key(self) -> &'static str {
        match self {
            Self::SendTo => "capabilities.messaging.send_to",
            Self::ReceiveFrom => "capabilities.messaging.receive_from",
            Self::MessageSize => "capabilities.messaging.max_message_bytes",
            Self::Codecs => "capabilities.messaging.codecs",
            Self::Rate => "capabilities.messaging.rate_per_second",
            Self::Room => "mailbox.overflow",
            Self::Publish => "capabilities.messaging.publish",
            Self::Subscribe => "capabilities.messaging.subscribe",
        }
    }
}

/// Why a message was not accepted. Each variant asks the sender for something else.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// A right is missing; sending again is useless until the rights change.
    #[error("denied by {}", .0.manifest_key())]
    Denied(DenialRule),
    /// The mailbox has no room; it may have later.
    #[error("mailbox is full")]
    Full,
    /// The receiver has stopped or failed.
    #[error("receiver takes no more messages")]
    Closed,
    /// There is no such component or instance.
    #[error("no such component")]
    NotFound,
    /// Larger than the receiver takes; carries the limit in bytes.
    #[error("larger than the {0} bytes that the receiver takes")]
    TooLarge(u64),
    /// More than the receiver's rate; later it may pass.
    #[error("more messages than the receiver's rate allows")]
    RateLimited,
    /// The receiver exports no `handler`.
    #[error("receiver has no handler")]
    NoHandler,
    /// The sender has as many requests, timers or subscriptions as one instance may have.
    #[error("more under way than one instance may have")]
    QuotaExceeded,
    /// Everyone who could end the wait waits for the sender, directly or through others.
    #[error("waiting would close a cycle")]
    WouldDeadlock,
}

/// A message that was not accepted, given back with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("message not accepted")]
pub struct Undelivered {
    /// Why.
    #[source]
    pub error: SendError,
    /// What was to be sent.
    pub payload: MessagePayload,
}

/// Why a request has no reply.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The request was not accepted.
    #[error("request not accepted")]
    Refused(#[source] SendError),
    /// The handler answered with an error of its own; the component goes on.
    #[error("handler error: {0}")]
    Handler(HandlerError),
    /// The receiver ended before it answered.
    #[error("receiver ended before it answered: {cause}")]
    ReceiverEnded {
        /// The cause, as a short name such as `out of fuel`.
        cause: String,
    },
    /// No reply within the time that the requester gave.
    #[error("no reply within {timeout_ms} ms")]
    TimedOut {
        /// The time given, in milliseconds.
        timeout_ms: u64,
    },
    /// A typed call was not made, or its result cannot be handed over; the component goes on.
    #[error("typed call not completed")]
    Call(#[source] Box<CallError>),
}

/// A guest's business error. It never ends the component.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HandlerError {
    /// The message is not what the handler understands.
    #[error("invalid message: {0}")]
    InvalidMessage(String),
    /// The handler understood and could not do it.
    #[error("failed: {0}")]
    Failed(String),
}

impl HandlerError {
    /// What the guest says of it.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::InvalidMessage(text) | Self::Failed(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_listed_once() {
        let place = |rule| match rule {
            DenialRule::SendTo => 0,
            DenialRule::ReceiveFrom => 1,
            DenialRule::MessageSize => 2,
            DenialRule::Codecs => 3,
            DenialRule::Rate => 4,
            DenialRule::Room => 5,
            DenialRule::Publish => 6,
            DenialRule::Subscribe => 7,
        };
        assert_eq!(DenialRule::ALL.map(place), [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
