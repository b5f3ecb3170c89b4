//! The side of a mailbox that many may hold.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::envelope::Envelope;
use crate::mailbox::pair::Pushed;
use crate::mailbox::queue::{Shared, to_usize};
use airssys_wasm_core::{Overflow, SendError};

/// The senders' side of a mailbox. A clone leads to the same mailbox.
#[derive(Debug, Clone)]
pub struct MailboxSender {
    shared: Arc<Shared>,
}

impl MailboxSender {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Puts a message into the mailbox, or gives it back. Never waits.
    ///
    /// # Errors
    ///
    /// - [`SendError::Full`]: no room now; with [`Overflow::DropOldest`] only where more than
    ///   [`MAX_PUSHED_OUT`](crate::MAX_PUSHED_OUT) would have to go, and then none goes.
    /// - [`SendError::TooLarge`]: heavier than the whole mailbox may be.
    /// - [`SendError::Closed`]: the mailbox takes no more.
    pub fn try_push(&self, envelope: Envelope) -> Result<Pushed, (SendError, Envelope)> {
        self.shared.push(envelope)
    }

    /// Puts the answer to a request of the owner's own into the mailbox, or gives it back:
    /// [`SendError::Full`] where it holds anything and the answers that wait would hold too much with it,
    /// [`SendError::Closed`] where the owner is gone.
    pub(crate) fn push_answer(&self, envelope: Envelope) -> Result<(), (SendError, Envelope)> {
        self.shared.push_answer(envelope)
    }

    /// Whether those who wait for room have been told, or are told now.
    pub(crate) fn has_ample_room(&self) -> bool {
        self.shared.overflow == Overflow::DropOldest || self.shared.has_ample_room()
    }

    /// Resolves when there may be room again, or when the mailbox has closed.
    ///
    /// To be called after a refusal as full. It resolves when at most half of the messages and half
    /// of the bytes are left, so that senders are not woken for every single place, and not before a
    /// message that was refused would fit. All who wait are woken at once; whoever finds the mailbox
    /// full again waits again.
    pub async fn room(&self) {
        self.shared.room(|| false).await;
    }

    /// As [`room`](Self::room), but resolves too when `gone` says so, which is asked again whenever
    /// [`recall_waiters`](Self::recall_waiters) is called.
    pub(crate) async fn room_unless(&self, gone: impl Fn() -> bool) {
        self.shared.room(gone).await;
    }

    /// Wakes those who wait for room although there is none, because the way here has changed.
    pub(crate) fn recall_waiters(&self) {
        self.shared.recall_waiters();
    }

    /// Takes no more messages. What waits can still be taken out by the owner, who still gets answers.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Whether the mailbox takes no more messages.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }

    /// Whether its owner handles what comes, as far as it has said.
    #[must_use]
    pub fn is_attended(&self) -> bool {
        self.shared.is_attended()
    }

    /// What happens when there is no room.
    #[must_use]
    pub fn overflow(&self) -> Overflow {
        self.shared.overflow
    }

    /// Messages that may wait.
    #[must_use]
    pub fn capacity(&self) -> usize {
        to_usize(self.shared.capacity)
    }

    /// Bytes that may wait.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        to_usize(self.shared.max_bytes)
    }

    /// Messages that wait, without the one in hand. Exact while nobody pushes or takes.
    #[must_use]
    pub fn depth(&self) -> usize {
        to_usize(self.shared.load().messages)
    }

    /// Bytes that wait, without the message in hand. Exact while nobody pushes or takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        to_usize(self.shared.load().bytes)
    }

    /// Answers to requests of the owner's own accepted since the mailbox was made. They are no messages, and
    /// count in none of the other figures.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.shared.answers.accepted()
    }

    /// Answers that wait to be read.
    #[must_use]
    pub fn unread_answers(&self) -> usize {
        to_usize(self.shared.answers.waiting())
    }

    /// What they hold, in bytes.
    #[must_use]
    pub fn unread_answer_bytes(&self) -> usize {
        to_usize(self.shared.answers.bytes())
    }

    /// Messages accepted since the mailbox was made.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// Messages that were accepted and never begun: pushed out by newer ones, drained, or left over
    /// when the owner was dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Messages that newer ones pushed out (`overflow = "drop-oldest"`).
    #[must_use]
    pub fn overflowed(&self) -> u64 {
        self.shared.overflowed.load(Ordering::Relaxed)
    }

    /// Whether both lead to the same mailbox.
    #[must_use]
    pub fn same_mailbox(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}
