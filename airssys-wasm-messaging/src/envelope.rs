//! What lies in a mailbox, and the way back to who asked.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use airssys_wasm_core::{Address, CorrelationId, MessagePayload, RequestError};

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
}

impl ReplySlot {
    /// A slot, and what its requester waits on.
    pub fn new(correlation: CorrelationId) -> (Self, ReplyWait) {
        let (requester, reply) = oneshot::channel();
        (Self { correlation, requester: Some(requester) }, ReplyWait { correlation, reply })
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
