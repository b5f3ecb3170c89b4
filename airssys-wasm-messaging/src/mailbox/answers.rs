//! Answers to requests of the owner's own: beside the messages, and each in its place among them.
//!
//! They lie in a queue of their own, so that nobody searches one kind for the other, and remember which message
//! they come before. How many there are is bounded by who registers requests, and their bytes here.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::bounds::MAX_UNREAD_ANSWER_BYTES;
use crate::envelope::Envelope;
use crate::mailbox::queue::{to_u64, weight};

/// Answers in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct AnswerQueue(VecDeque<Placed>);

#[derive(Debug)]
struct Placed {
    /// Messages that were accepted before it.
    after: u64,
    envelope: Envelope,
}

impl AnswerQueue {
    pub(super) fn push(&mut self, after: u64, envelope: Envelope) {
        self.0.push_back(Placed { after, envelope });
    }

    /// The next answer, where all messages are gone that came before it.
    pub(super) fn pop_due(&mut self, gone: impl FnOnce() -> u64) -> Option<Envelope> {
        let first = self.0.front()?;
        if first.after > gone() {
            return None;
        }
        self.0.pop_front().map(|placed| placed.envelope)
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Envelope> {
        std::mem::take(&mut self.0).into_iter().map(|placed| placed.envelope)
    }

    pub(super) fn shrink_to(&mut self, capacity: usize) {
        self.0.shrink_to(capacity);
    }
}

/// How many answers there are and what they hold, read without a lock.
#[derive(Debug, Default)]
pub(super) struct AnswerLoad {
    accepted: AtomicU64,
    /// Raised under the mailbox's lock, as the bytes are.
    waiting: AtomicU64,
    bytes: AtomicU64,
    /// What the one answer holds that is larger than all others may be together. Apart, so that it takes no room of
    /// theirs.
    large: AtomicU64,
}

impl AnswerLoad {
    /// Makes room for one more, with the mailbox locked; false where those that wait hold too much. One that is larger
    /// than all of them may be together has it where no other such waits: its size was bounded by who asked, and the
    /// others' room is not for it to fill. So one that holds nothing always has room: whoever is refused room is told so by
    /// such a one, and their number is bounded by the requests.
    pub(super) fn admit(&self, envelope: &Envelope) -> bool {
        let weight = weight(envelope);
        let (held, is_too_much) = if is_large(weight) {
            (&self.large, self.large.load(Ordering::Acquire) > 0)
        } else {
            let held = self.bytes.load(Ordering::Acquire);
            (&self.bytes, held.saturating_add(weight) > to_u64(MAX_UNREAD_ANSWER_BYTES))
        };
        if is_too_much {
            return false;
        }
        held.fetch_add(weight, Ordering::AcqRel);
        self.waiting.fetch_add(1, Ordering::AcqRel);
        self.accepted.fetch_add(1, Ordering::AcqRel);
        true
    }

    /// Its owner takes it, or nobody ever will.
    pub(super) fn release(&self, envelope: &Envelope) {
        let weight = weight(envelope);
        let held = if is_large(weight) { &self.large } else { &self.bytes };
        held.fetch_sub(weight, Ordering::AcqRel);
        self.waiting.fetch_sub(1, Ordering::AcqRel);
    }

    /// Answers accepted since the mailbox was made.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Acquire)
    }

    /// Answers that wait.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Acquire)
    }

    /// What those that wait hold.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Acquire).saturating_add(self.large.load(Ordering::Acquire))
    }
}

/// Whether it is more than all that wait may hold together.
fn is_large(weight: u64) -> bool {
    to_u64(MAX_UNREAD_ANSWER_BYTES) < weight
}
