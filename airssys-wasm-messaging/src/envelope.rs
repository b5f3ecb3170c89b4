//! What lies in a mailbox, and what kind of message it is.

use airssys_wasm_core::{Address, CorrelationId, Invocation, MessagePayload, RequestError, Topic};

use crate::reply::{Reply, ReplySlot, error_weight};

/// One message on its way to one receiver.
#[derive(Debug)]
pub struct Envelope {
    /// Who sent it; set by the host, so that it cannot be forged.
    pub sender: Address,
    /// What it says.
    pub payload: MessagePayload,
    /// What it is to its receiver.
    pub kind: EnvelopeKind,
}

/// What a message is to its receiver.
#[derive(Debug)]
#[non_exhaustive]
pub enum EnvelopeKind {
    /// A message that nobody waits on.
    Message,
    /// A request: somebody waits for the reply.
    Request(ReplySlot),
    /// What was published to this topic.
    Publication(Topic),
    /// The answer to a request of the receiver's own; its payload is the reply where there is one.
    Answer(Answer),
}

/// The one answer to a request.
#[derive(Debug)]
pub struct Answer {
    correlation: CorrelationId,
    error: Option<Box<RequestError>>,
}

impl Envelope {
    /// A message that nobody waits on.
    #[must_use]
    pub fn new(sender: Address, payload: MessagePayload) -> Self {
        Self { sender, payload, kind: EnvelopeKind::Message }
    }

    /// A request, answered through the slot.
    #[must_use]
    pub fn request(sender: Address, payload: MessagePayload, slot: ReplySlot) -> Self {
        Self { sender, payload, kind: EnvelopeKind::Request(slot) }
    }

    /// A publication to a topic.
    #[must_use]
    pub fn publication(sender: Address, payload: MessagePayload, topic: Topic) -> Self {
        Self { sender, payload, kind: EnvelopeKind::Publication(topic) }
    }

    /// The answer to the request of this id that was sent to `sender`.
    pub(crate) fn answer(sender: Address, correlation: CorrelationId, reply: Reply) -> Self {
        let (payload, error) = match reply {
            Ok(payload) => (payload, None),
            Err(error) => (MessagePayload::empty(), Some(Box::new(error))),
        };
        Self { sender, payload, kind: EnvelopeKind::Answer(Answer { correlation, error }) }
    }

    /// Bytes that count against the mailbox: those of the payload, and the name of a function to call; of an
    /// answer without a reply those of the error that a guest wrote.
    #[must_use]
    pub fn weight(&self) -> usize {
        let beside = match &self.kind {
            EnvelopeKind::Request(slot) => slot.invocation().map_or(0, |call| call.function().len()),
            EnvelopeKind::Answer(answer) => answer.error().map_or(0, error_weight),
            _ => 0,
        };
        self.payload.weight().saturating_add(beside)
    }

    /// The typed call that this is, where it is no message: the payload is its arguments.
    #[must_use]
    pub fn invocation(&self) -> Option<&Invocation> {
        match &self.kind {
            EnvelopeKind::Request(slot) => slot.invocation(),
            _ => None,
        }
    }

    /// The right to answer it, where somebody waits for a reply.
    #[must_use]
    pub fn into_reply_slot(self) -> Option<ReplySlot> {
        match self.kind {
            EnvelopeKind::Request(slot) => Some(slot),
            _ => None,
        }
    }

    /// Takes out the right to answer it, where somebody waits for a reply; what is left is a message that nobody waits
    /// on.
    #[must_use]
    pub fn take_reply_slot(&mut self) -> Option<ReplySlot> {
        match std::mem::replace(&mut self.kind, EnvelopeKind::Message) {
            EnvelopeKind::Request(slot) => Some(slot),
            other => {
                self.kind = other;
                None
            }
        }
    }

    /// Whether it is the answer to a request of the receiver's own.
    #[must_use]
    pub fn is_answer(&self) -> bool {
        matches!(self.kind, EnvelopeKind::Answer(_))
    }
}

impl Answer {
    /// The request that it answers.
    #[must_use]
    pub fn correlation(&self) -> CorrelationId {
        self.correlation
    }

    /// Why there is no reply, where there is none.
    #[must_use]
    pub fn error(&self) -> Option<&RequestError> {
        self.error.as_deref()
    }
}
