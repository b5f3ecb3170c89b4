//! The way back to who asked.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use airssys_wasm_core::{CorrelationId, Invocation, MessagePayload, RequestError, SendError};

use crate::desk::Desk;
use crate::waits::Waiting;

/// What a requester gets.
pub type Reply = Result<MessagePayload, RequestError>;

/// The cause that a requester is told when its request was let go without an answer.
const UNANSWERED: &str = "the request was dropped without an answer";

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
    requester: Option<Requester>,
    /// What is asked for, where that is not the handler's reply. A typed call always has somebody who waits.
    invocation: Option<Box<Invocation>>,
}

/// Who waits for the reply.
enum Requester {
    /// A part of the host.
    Host(oneshot::Sender<Reply>),
    /// An instance, which finds the answer in its mailbox.
    Desk(Arc<Desk>),
    /// An instance that waits in the middle of a call.
    Caller(Box<Caller>),
}

/// An instance that waits in the middle of a call.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) reply: oneshot::Sender<Reply>,
    /// It waits no more once it is answered, although it has not run since.
    pub(crate) waiting: Arc<Waiting>,
    /// The largest reply that it takes, in bytes.
    pub(crate) max_bytes: usize,
}

/// What became of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Taking {
    /// Its requester gets it as it is.
    Taken,
    /// Its requester gets this refusal in its place.
    Refused(SendError),
    /// Nobody waits for it any more.
    Discarded,
}

impl Requester {
    fn take(self, correlation: CorrelationId, reply: Reply) -> Taking {
        match self {
            Self::Host(requester) => match requester.send(reply) {
                Ok(()) => Taking::Taken,
                Err(_) => Taking::Discarded,
            },
            Self::Desk(desk) => desk.answer(correlation, reply),
            Self::Caller(caller) => {
                let Caller { reply: requester, waiting, max_bytes } = *caller;
                let (reply, taking) = within(reply, max_bytes);
                waiting.end();
                if requester.send(reply).is_ok() { taking } else { Taking::Discarded }
            }
        }
    }
}

/// The reply, or the refusal in its place where it is larger than its requester takes.
pub(crate) fn within(reply: Reply, max_bytes: usize) -> (Reply, Taking) {
    let weight = reply.as_ref().map_or_else(error_weight, MessagePayload::weight);
    if weight > max_bytes {
        let error = SendError::TooLarge(u64::try_from(max_bytes).unwrap_or(u64::MAX));
        return (Err(RequestError::Refused(error.clone())), Taking::Refused(error));
    }
    (reply, Taking::Taken)
}

/// The bytes of an error that a guest wrote. The host's own words are few.
pub(crate) fn error_weight(error: &RequestError) -> usize {
    if let RequestError::Handler(error) = error { error.text().len() } else { 0 }
}

impl ReplySlot {
    /// A slot, and what its requester waits on.
    pub fn new(correlation: CorrelationId) -> (Self, ReplyWait) {
        let (requester, reply) = oneshot::channel();
        (Self::to(correlation, Requester::Host(requester)), ReplyWait { correlation, reply })
    }

    fn to(correlation: CorrelationId, requester: Requester) -> Self {
        Self { correlation, requester: Some(requester), invocation: None }
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

    /// Takes out the typed call, for whoever makes it while somebody else holds the slot.
    pub fn take_invocation(&mut self) -> Option<Box<Invocation>> {
        self.invocation.take()
    }

    /// A slot whose answer goes to the mailbox of the instance that asks.
    pub(crate) fn to_desk(correlation: CorrelationId, desk: Arc<Desk>) -> Self {
        Self::to(correlation, Requester::Desk(desk))
    }

    /// A slot whose answer ends a call.
    pub(crate) fn to_caller(correlation: CorrelationId, caller: Caller) -> Self {
        Self::to(correlation, Requester::Caller(Box::new(caller)))
    }

    /// The request that it answers.
    #[must_use]
    pub fn correlation(&self) -> CorrelationId {
        self.correlation
    }

    /// Whether the requester has stopped waiting, so that an answer would be discarded.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.requester.as_ref().is_none_or(|requester| match requester {
            Requester::Host(requester) => requester.is_closed(),
            Requester::Desk(desk) => !desk.is_pending(self.correlation),
            Requester::Caller(caller) => caller.reply.is_closed(),
        })
    }

    /// Answers. False where the reply was not taken: its requester has stopped waiting, or does not take so
    /// much and was told that instead.
    pub fn answer(self, reply: Reply) -> bool {
        self.answer_or_why(reply) == Taking::Taken
    }

    /// As [`answer`](Self::answer), and tells why the answer was not taken.
    pub(crate) fn answer_or_why(mut self, reply: Reply) -> Taking {
        self.requester.take().map_or(Taking::Discarded, |requester| requester.take(self.correlation, reply))
    }

    /// The wait that an answer ends, where the requester waits in the middle of a call.
    pub(crate) fn waiting(&self) -> Option<&Arc<Waiting>> {
        match &self.requester {
            Some(Requester::Caller(caller)) => Some(&caller.waiting),
            _ => None,
        }
    }

    /// Lets the slot go without an answer, because the requester was told in another way.
    pub(crate) fn defuse(mut self) {
        self.requester = None;
    }
}

impl Drop for ReplySlot {
    fn drop(&mut self) {
        if let Some(requester) = self.requester.take() {
            // Who no longer waits needs no answer.
            let _late = requester.take(self.correlation, Err(unanswered()));
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
