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
}

impl AnswerLoad {
    /// Makes room for one more, with the mailbox locked; false where those that wait hold too much. One alone
    /// always has room: its size was bounded by who asked.
    pub(super) fn admit(&self, envelope: &Envelope) -> bool {
        let (weight, held) = (weight(envelope), self.bytes());
        if held > 0 && held.saturating_add(weight) > to_u64(MAX_UNREAD_ANSWER_BYTES) {
            return false;
        }
        self.bytes.fetch_add(weight, Ordering::AcqRel);
        self.waiting.fetch_add(1, Ordering::AcqRel);
        self.accepted.fetch_add(1, Ordering::AcqRel);
        true
    }

    /// Its owner takes it, or nobody ever will.
    pub(super) fn release(&self, envelope: &Envelope) {
        self.bytes.fetch_sub(weight(envelope), Ordering::AcqRel);
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
        self.bytes.load(Ordering::Acquire)
    }
}
