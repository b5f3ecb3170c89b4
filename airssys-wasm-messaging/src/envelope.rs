//! What lies in a mailbox, and the way back to who asked.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use airssys_wasm_core::{Address, CorrelationId, Invocation, MessagePayload, RequestError};

/// What a requester gets.
pub type Reply = Result<MessagePayload, RequestError>;

/// The cause that a requester is told when its request was let go without an answer.
const UNANSWERED: &str = "the request was dropped without an answer";

/// One message on its way to one receiver.
#[derive(Debug)]
pub struct Envelope {
    /// Who sent it; set by the host, so that it cannot be forged.
    pub sender: Address,
    /// What it says.
    pub payload: MessagePayload,
    /// The way back, where somebody waits for a reply.
    pub reply: Option<ReplySlot>,
}

impl Envelope {
    /// A message that nobody waits on.
    #[must_use]
    pub fn new(sender: Address, payload: MessagePayload) -> Self {
        Self { sender, payload, reply: None }
    }

    /// Bytes that count against the mailbox: those of the payload, and the name of a function to call.
    #[must_use]
    pub fn weight(&self) -> usize {
        let name = self.invocation().map_or(0, |call| call.function().len());
        self.payload.weight().saturating_add(name)
    }

    /// The typed call that this is, where it is no message: the payload is its arguments.
    #[must_use]
    pub fn invocation(&self) -> Option<&Invocation> {
        self.reply.as_ref()?.invocation()
    }
}

/// The right to answer one request, once.
///
/// Invariant: its requester hears exactly one answer. A slot that is dropped unanswered, wherever
/// that happens, answers [`RequestError::ReceiverEnded`].
///
/// ```
/// use airssys_wasm_core::{CorrelationId, RequestError};
/// use airssys_wasm_messaging::ReplySlot;
///
/// let (slot, mut wait) = ReplySlot::new(CorrelationId::new(1));
/// assert!(slot.answer(Ok("pong".into())));
/// assert_eq!(wait.try_take(), Some(Ok("pong".into())));
///
/// let (slot, mut wait) = ReplySlot::new(CorrelationId::new(2));
/// drop(slot);
/// assert!(matches!(wait.try_take(), Some(Err(RequestError::ReceiverEnded { .. }))));
/// ```
pub struct ReplySlot {
    correlation: CorrelationId,
    requester: Option<oneshot::Sender<Reply>>,
    /// What is asked for, where that is not the handler's reply. A typed call always has somebody who waits.
    invocation: Option<Box<Invocation>>,
}

impl ReplySlot {
    /// A slot, and what its requester waits on.
    pub fn new(correlation: CorrelationId) -> (Self, ReplyWait) {
        let (requester, reply) = oneshot::channel();
        (Self { correlation, requester: Some(requester), invocation: None }, ReplyWait { correlation, reply })
    }

    /// As [`new`](Self::new), for the result of a typed call instead of the handler's reply. It reaches
    /// components without a handler as well.
    pub fn for_invocation(correlation: CorrelationId, invocation: Invocation) -> (Self, ReplyWait) {
        let (mut slot, wait) = Self::new(correlation);
        slot.invocation = Some(Box::new(invocation));
        (slot, wait)
    }

    /// The typed call whose result this answers; none where it answers a message.
    #[must_use]
    pub fn invocation(&self) -> Option<&Invocation> {
        self.invocation.as_deref()
    }

    /// The request that it answers.
    #[must_use]
    pub fn correlation(&self) -> CorrelationId {
        self.correlation
    }

    /// Whether the requester has stopped waiting, so that an answer would be discarded.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.requester.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    /// Answers. False where the requester has stopped waiting: the reply is late and discarded.
    pub fn answer(mut self, reply: Reply) -> bool {
        self.requester.take().is_some_and(|requester| requester.send(reply).is_ok())
    }
}

impl Drop for ReplySlot {
    fn drop(&mut self) {
        if let Some(requester) = self.requester.take() {
            // Who no longer waits needs no answer.
            let _late = requester.send(Err(unanswered()));
        }
    }
}

impl fmt::Debug for ReplySlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplySlot").field("correlation", &self.correlation).finish_non_exhaustive()
    }
}

/// Resolves to the reply. Dropping it gives the request up; a later answer is discarded.
#[must_use = "a request is given up when its wait is dropped"]
pub struct ReplyWait {
    correlation: CorrelationId,
    reply: oneshot::Receiver<Reply>,
}

impl ReplyWait {
    /// The request that is waited for.
    #[must_use]
    pub fn correlation(&self) -> CorrelationId {
        self.correlation
    }

    /// The reply, where it is there already. It is given once.
    pub fn try_take(&mut self) -> Option<Reply> {
        self.reply.try_recv().ok()
    }
}

impl Future for ReplyWait {
    type Output = Reply;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reply> {
        Pin::new(&mut self.reply).poll(cx).map(|reply| reply.unwrap_or_else(|_gone| Err(unanswered())))
    }
}

impl fmt::Debug for ReplyWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyWait").field("correlation", &self.correlation).finish_non_exhaustive()
    }
}

fn unanswered() -> RequestError {
    RequestError::ReceiverEnded { cause: UNANSWERED.to_owned() }
}
