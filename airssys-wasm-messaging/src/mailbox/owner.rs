//! The side of a mailbox that its one owner holds.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use crate::envelope::Envelope;
use crate::mailbox::answers::AnswerQueue;
use crate::mailbox::queue::{Shared, State};
use crate::mailbox::sender::MailboxSender;
use airssys_wasm_core::Overflow;

/// Messages that an owner may take in a row before it lets other tasks run, as tokio's own
/// channels do: a mailbox that never runs empty must not keep a worker thread for itself.
const MESSAGES_PER_TURN: u32 = 128;

/// Room for messages that an idle mailbox keeps; more is given back to the allocator.
const KEPT_CAPACITY: usize = 16;

/// The owner's side of a mailbox: the one place where messages come out.
///
/// It outlives restarts of the component that it belongs to. Dropping it closes the mailbox and
/// drops what waits; [`drain_remaining`](Self::drain_remaining) first, to account for each message.
#[derive(Debug)]
pub struct MailboxReceiver {
    shared: Arc<Shared>,
    /// Taken out of the shared queue and not begun. Always empty with [`Overflow::DropOldest`].
    batch: VecDeque<Envelope>,
    /// Answers among and after those.
    answers: AnswerQueue,
    /// Messages taken since this owner last waited.
    in_a_row: u32,
    /// Messages that newer ones had pushed out when the last one was taken: all of them were before it.
    pushed_out: u64,
}

impl MailboxReceiver {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, batch: VecDeque::new(), answers: AnswerQueue::default(), in_a_row: 0, pushed_out: 0 }
    }

    /// The next message or answer; none when the mailbox is closed and empty.
    ///
    /// Nothing is lost where the future is dropped. After many messages in a row it yields to other
    /// tasks once.
    pub async fn next(&mut self) -> Option<Envelope> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`next`](Self::next), for those who poll by hand.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Envelope>> {
        if self.in_a_row >= MESSAGES_PER_TURN {
            self.in_a_row = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.take(Some(cx.waker())) {
            Taken::Message(envelope) => {
                self.in_a_row += 1;
                Poll::Ready(Some(envelope))
            }
            Taken::Closed => Poll::Ready(None),
            Taken::Nothing => {
                self.in_a_row = 0;
                Poll::Pending
            }
        }
    }

    /// The next message, where one waits already.
    pub fn try_next(&mut self) -> Option<Envelope> {
        match self.take(None) {
            Taken::Message(envelope) => Some(envelope),
            Taken::Closed | Taken::Nothing => None,
        }
    }

    /// Takes no more messages; what waits can still be taken out, and answers still come.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Says whether somebody handles what comes: no while an instance is being made, or waits to be made again. What is
    /// sent to a component, and not to one of its instances, goes to those that are attended, as long as there are any.
    /// A mailbox is attended until its owner says otherwise.
    pub fn set_attended(&self, is_attended: bool) {
        self.shared.set_attended(is_attended);
    }

    /// Warns again where the mailbox is nearly full, because another instance begins to read it.
    pub fn rearm_warnings(&self) {
        self.shared.rearm();
    }

    /// Takes out every message that waits, in order, for dead letters. Counted as dropped. Answers that wait are
    /// let go: they are nobody's letters.
    #[must_use = "these messages were accepted: they are dead letters now"]
    pub fn drain_remaining(&mut self) -> Vec<Envelope> {
        let mut remaining: Vec<_> = mem::take(&mut self.batch).into();
        let later = mem::take(&mut self.shared.lock().queue);
        remaining.extend(later);
        self.shared.drop_counted(&remaining);
        self.discard_answers();
        self.shared.offer_room();
        remaining
    }

    /// Takes out the answers that wait, because their requester is gone, and leaves the messages. They are no
    /// dead letters: nobody waits for them any more. How many there were.
    pub(crate) fn discard_answers(&mut self) -> usize {
        let later = mem::take(&mut self.shared.lock().answers);
        let mut count = 0;
        for mut queue in [mem::take(&mut self.answers), later] {
            for answer in queue.drain() {
                self.shared.answers.release(&answer);
                count += 1;
            }
        }
        count
    }

    /// Messages that newer ones pushed out before the last one that was taken.
    pub(crate) fn pushed_out(&self) -> u64 {
        self.pushed_out
    }

    /// The senders' side of this mailbox.
    #[must_use]
    pub fn sender(&self) -> MailboxSender {
        MailboxSender::new(Arc::clone(&self.shared))
    }

    /// Takes one message out, or leaves the waker where there is none.
    fn take(&mut self, waker: Option<&Waker>) -> Taken {
        if let Some(envelope) = next_of(&self.shared, &mut self.answers, &mut self.batch) {
            return self.begin(envelope);
        }
        let mut state = self.shared.lock();
        if self.shared.overflow == Overflow::DropOldest {
            // One at a time: what lies in a batch could not be dropped as the oldest any more. Begun
            // under the lock, because a sender may be about to make room at the front.
            let State { answers, queue, .. } = &mut *state;
            if let Some(envelope) = next_of(&self.shared, answers, queue) {
                self.shared.begin(&envelope);
                self.pushed_out = self.shared.overflowed.load(Ordering::Relaxed);
                drop(state);
                self.shared.offer_room();
                return Taken::Message(envelope);
            }
        } else {
            mem::swap(&mut state.queue, &mut self.batch);
            mem::swap(&mut state.answers, &mut self.answers);
            if let Some(envelope) = next_of(&self.shared, &mut self.answers, &mut self.batch) {
                drop(state);
                return self.begin(envelope);
            }
        }
        if self.shared.closed.load(Ordering::Acquire) {
            return Taken::Closed;
        }
        if let Some(waker) = waker {
            state.queue.shrink_to(KEPT_CAPACITY);
            state.answers.shrink_to(KEPT_CAPACITY);
            self.batch.shrink_to(KEPT_CAPACITY);
            self.answers.shrink_to(KEPT_CAPACITY);
            match &mut state.owner {
                Some(owner) => owner.clone_from(waker),
                owner @ None => *owner = Some(waker.clone()),
            }
        }
        Taken::Nothing
    }

    /// Releases the message's room.
    fn begin(&self, envelope: Envelope) -> Taken {
        self.shared.begin(&envelope);
        self.shared.offer_room();
        Taken::Message(envelope)
    }
}

/// The next of answers and messages that were put into their queues side by side.
fn next_of(
    shared: &Shared,
    answers: &mut AnswerQueue,
    messages: &mut VecDeque<Envelope>,
) -> Option<Envelope> {
    answers.pop_due(|| shared.gone()).or_else(|| messages.pop_front())
}

impl Drop for MailboxReceiver {
    fn drop(&mut self) {
        self.close();
        self.shared.seal();
        // Senders may keep the mailbox for long: the messages must not stay in it, nor their
        // requesters wait.
        drop(self.drain_remaining());
    }
}

enum Taken {
    Message(Envelope),
    Closed,
    Nothing,
}
