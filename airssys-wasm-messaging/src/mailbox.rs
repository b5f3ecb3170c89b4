//! The mailbox: a queue bounded in messages and in bytes, with many senders and one owner.
//!
//! Senders push under a short lock. The owner takes the whole queue in one swap and then begins
//! message by message; what it took and has not begun still counts as waiting, so that the bounds
//! are exact. The counts have one writer each (senders write under the lock, the owner alone writes
//! what it began), so that the hot path has no contended read-modify-write.
//!
//! Invariant: waiting messages never exceed the capacity nor their bytes the bound, the message in
//! hand not counted; and whoever waits for a message or for room is woken, at the latest when the
//! mailbox closes.

#![expect(clippy::disallowed_types, reason = "held for one push, one swap or a close, never across an await")]

use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;

use airssys_wasm_core::{MailboxConfig, Overflow, SendError};

use crate::envelope::Envelope;

/// Messages that an owner may take in a row before it lets other tasks run, as tokio's own
/// channels do: a mailbox that never runs empty must not keep a worker thread for itself.
const MESSAGES_PER_TURN: u32 = 128;

/// Room for messages that an idle mailbox keeps; more is given back to the allocator.
const KEPT_CAPACITY: usize = 16;

/// Makes mailboxes.
///
/// ```
/// use airssys_wasm_core::{MailboxConfig, SendError};
/// use airssys_wasm_messaging::{Envelope, Mailbox};
///
/// let (sender, mut receiver) = Mailbox::new(&MailboxConfig { capacity: 1, ..MailboxConfig::default() });
/// let from: airssys_wasm_core::Address = "logs/tail/0".parse()?;
/// assert!(sender.try_push(Envelope::new(from.clone(), "one".into())).is_ok());
/// let refused = sender.try_push(Envelope::new(from, "two".into()));
/// assert_eq!(refused.err().map(|(error, _)| error), Some(SendError::Full));
/// assert!(receiver.try_next().is_some());
/// assert_eq!(sender.depth(), 0);
/// # Ok::<(), airssys_wasm_core::IdError>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Mailbox;

impl Mailbox {
    /// An empty mailbox: its senders' side, which can be cloned, and its owner's side. A capacity
    /// of zero is taken as one.
    #[expect(clippy::new_ret_no_self, reason = "a mailbox is its two sides, as a channel is")]
    #[must_use]
    pub fn new(config: &MailboxConfig) -> (MailboxSender, MailboxReceiver) {
        let shared = Arc::new(Shared {
            capacity: to_u64(config.capacity).max(1),
            max_bytes: to_u64(config.max_bytes),
            overflow: config.overflow,
            state: Mutex::new(State {
                queue: VecDeque::new(),
                owner: None,
                begun_seen: 0,
                begun_bytes_seen: 0,
            }),
            closed: AtomicBool::new(false),
            accepted: AtomicU64::new(0),
            accepted_bytes: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            dropped_bytes: AtomicU64::new(0),
            begun: Begun::default(),
            waiting: AtomicUsize::new(0),
            largest_refused: AtomicU64::new(0),
            room: Notify::new(),
        });
        let receiver = MailboxReceiver { shared: Arc::clone(&shared), batch: VecDeque::new(), in_a_row: 0 };
        (MailboxSender { shared }, receiver)
    }
}

/// What became of an accepted message besides being queued.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Pushed {
    /// What was dropped to make room, oldest first; only with [`Overflow::DropOldest`].
    pub dropped: Vec<Envelope>,
}

/// The senders' side of a mailbox. A clone leads to the same mailbox.
#[derive(Debug, Clone)]
pub struct MailboxSender {
    shared: Arc<Shared>,
}

impl MailboxSender {
    /// Puts a message into the mailbox, or gives it back. Never waits.
    ///
    /// # Errors
    ///
    /// - [`SendError::Full`]: no room now; with [`Overflow::DropOldest`] this does not occur.
    /// - [`SendError::TooLarge`]: heavier than the whole mailbox may be.
    /// - [`SendError::Closed`]: the mailbox takes no more.
    pub fn try_push(&self, envelope: Envelope) -> Result<Pushed, (SendError, Envelope)> {
        self.shared.push(envelope)
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
        self.shared.room.notify_waiters();
    }

    /// Takes no more messages. What waits can still be taken out by the owner.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Whether the mailbox takes no more messages.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
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

    /// Whether both lead to the same mailbox.
    #[must_use]
    pub fn same_mailbox(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

/// The owner's side of a mailbox: the one place where messages come out.
///
/// It outlives restarts of the component that it belongs to. Dropping it closes the mailbox and
/// drops what waits; [`drain_remaining`](Self::drain_remaining) first, to account for each message.
#[derive(Debug)]
pub struct MailboxReceiver {
    shared: Arc<Shared>,
    /// Taken out of the shared queue and not begun. Always empty with [`Overflow::DropOldest`].
    batch: VecDeque<Envelope>,
    /// Messages taken since this owner last waited.
    in_a_row: u32,
}

impl MailboxReceiver {
    /// The next message; none when the mailbox is closed and empty.
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

    /// Takes no more messages; what waits can still be taken out.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Takes out everything that waits, in order, for dead letters. Counted as dropped.
    #[must_use = "these messages were accepted: they are dead letters now"]
    pub fn drain_remaining(&mut self) -> Vec<Envelope> {
        let mut remaining: Vec<_> = mem::take(&mut self.batch).into();
        let mut state = self.shared.lock();
        remaining.extend(mem::take(&mut state.queue));
        self.shared.drop_counted(&remaining);
        drop(state);
        self.shared.offer_room();
        remaining
    }

    /// The senders' side of this mailbox.
    #[must_use]
    pub fn sender(&self) -> MailboxSender {
        MailboxSender { shared: Arc::clone(&self.shared) }
    }

    /// Takes one message out, or leaves the waker where there is none.
    fn take(&mut self, waker: Option<&Waker>) -> Taken {
        if let Some(envelope) = self.batch.pop_front() {
            return self.begin(envelope);
        }
        let mut state = self.shared.lock();
        if self.shared.overflow == Overflow::DropOldest {
            // One at a time: what lies in a batch could not be dropped as the oldest any more. Begun
            // under the lock, because a sender may be about to make room at the front.
            if let Some(envelope) = state.queue.pop_front() {
                self.shared.begun.add(&envelope);
                return Taken::Message(envelope);
            }
        } else {
            mem::swap(&mut state.queue, &mut self.batch);
            if let Some(envelope) = self.batch.pop_front() {
                drop(state);
                return self.begin(envelope);
            }
        }
        if self.shared.closed.load(Ordering::Acquire) {
            return Taken::Closed;
        }
        if let Some(waker) = waker {
            state.queue.shrink_to(KEPT_CAPACITY);
            self.batch.shrink_to(KEPT_CAPACITY);
            match &mut state.owner {
                Some(owner) => owner.clone_from(waker),
                owner @ None => *owner = Some(waker.clone()),
            }
        }
        Taken::Nothing
    }

    /// Releases the message's room.
    fn begin(&self, envelope: Envelope) -> Taken {
        self.shared.begun.add(&envelope);
        self.shared.offer_room();
        Taken::Message(envelope)
    }
}

impl Drop for MailboxReceiver {
    fn drop(&mut self) {
        self.close();
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

#[derive(Debug)]
struct Shared {
    capacity: u64,
    max_bytes: u64,
    overflow: Overflow,
    state: Mutex<State>,
    /// Written under the lock.
    closed: AtomicBool,
    /// Written under the lock, like the three that follow.
    accepted: AtomicU64,
    accepted_bytes: AtomicU64,
    dropped: AtomicU64,
    dropped_bytes: AtomicU64,
    begun: Begun,
    /// How many wait for room.
    waiting: AtomicUsize,
    /// The heaviest message refused as full since room was last offered. Written under the lock.
    largest_refused: AtomicU64,
    room: Notify,
}

#[derive(Debug)]
struct State {
    queue: VecDeque<Envelope>,
    /// The owner's waker while it waits for a message.
    owner: Option<Waker>,
    /// What `begun` was when a sender last looked. A lower bound, looked up again only where there
    /// seems to be no room, so that senders rarely touch the owner's counts.
    begun_seen: u64,
    begun_bytes_seen: u64,
}

/// What the owner has taken out and begun. Only the owner writes it, on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Begun {
    messages: AtomicU64,
    bytes: AtomicU64,
}

impl Begun {
    fn add(&self, envelope: &Envelope) {
        let bytes = self.bytes.load(Ordering::Relaxed).wrapping_add(weight(envelope));
        let messages = self.messages.load(Ordering::Relaxed).wrapping_add(1);
        self.bytes.store(bytes, Ordering::Release);
        self.messages.store(messages, Ordering::Release);
    }
}

/// What waits.
#[derive(Debug, Clone, Copy)]
struct Load {
    messages: u64,
    bytes: u64,
}

impl Shared {
    fn push(&self, envelope: Envelope) -> Result<Pushed, (SendError, Envelope)> {
        let weight = weight(&envelope);
        if weight > self.max_bytes {
            return Err((SendError::TooLarge(self.max_bytes), envelope));
        }
        let mut pushed = Pushed::default();
        let owner = {
            let mut state = self.lock();
            if self.closed.load(Ordering::Relaxed) {
                return Err((SendError::Closed, envelope));
            }
            if !self.has_room(&mut state, weight) {
                if self.overflow != Overflow::DropOldest {
                    let largest = self.largest_refused.load(Ordering::Relaxed).max(weight);
                    self.largest_refused.store(largest, Ordering::SeqCst);
                    return Err((SendError::Full, envelope));
                }
                self.make_room(&mut state, weight, &mut pushed.dropped);
            }
            state.queue.push_back(envelope);
            add(&self.accepted_bytes, weight);
            add(&self.accepted, 1);
            state.owner.take()
        };
        if let Some(owner) = owner {
            owner.wake();
        }
        Ok(pushed)
    }

    /// Whether one more message of this weight fits. Exact: senders are serialised by the lock, and
    /// the owner can only make room meanwhile.
    fn has_room(&self, state: &mut State, weight: u64) -> bool {
        let fits = |begun: u64, begun_bytes: u64| {
            let messages = self.kept(&self.accepted, &self.dropped).wrapping_sub(begun);
            let bytes = self.kept(&self.accepted_bytes, &self.dropped_bytes).wrapping_sub(begun_bytes);
            messages < self.capacity && bytes <= self.max_bytes.saturating_sub(weight)
        };
        if fits(state.begun_seen, state.begun_bytes_seen) {
            return true;
        }
        state.begun_seen = self.begun.messages.load(Ordering::Acquire);
        state.begun_bytes_seen = self.begun.bytes.load(Ordering::Acquire);
        fits(state.begun_seen, state.begun_bytes_seen)
    }

    /// Drops from the front until the message fits. The owner takes under the same lock, so that the
    /// front is the oldest that waits.
    fn make_room(&self, state: &mut State, weight: u64, dropped: &mut Vec<Envelope>) {
        while !self.has_room(state, weight)
            && let Some(oldest) = state.queue.pop_front()
        {
            add(&self.dropped_bytes, self::weight(&oldest));
            add(&self.dropped, 1);
            dropped.push(oldest);
        }
    }

    /// Called with the lock held.
    fn drop_counted(&self, envelopes: &[Envelope]) {
        add(&self.dropped_bytes, envelopes.iter().map(weight).sum());
        add(&self.dropped, to_u64(envelopes.len()));
    }

    fn kept(&self, accepted: &AtomicU64, dropped: &AtomicU64) -> u64 {
        accepted.load(Ordering::Relaxed).wrapping_sub(dropped.load(Ordering::Relaxed))
    }

    /// What waits, without the lock: the begun and the dropped are read first, so that a racing push
    /// makes it too large rather than too small, and a count can never fall below zero.
    fn load(&self) -> Load {
        let begun = self.begun.messages.load(Ordering::Acquire);
        let begun_bytes = self.begun.bytes.load(Ordering::Acquire);
        let dropped = self.dropped.load(Ordering::Acquire);
        let dropped_bytes = self.dropped_bytes.load(Ordering::Acquire);
        let gone = begun.saturating_add(dropped);
        let gone_bytes = begun_bytes.saturating_add(dropped_bytes);
        Load {
            messages: self.accepted.load(Ordering::Acquire).saturating_sub(gone),
            bytes: self.accepted_bytes.load(Ordering::Acquire).saturating_sub(gone_bytes),
        }
    }

    fn close(&self) {
        let owner = {
            let mut state = self.lock();
            self.closed.store(true, Ordering::SeqCst);
            state.owner.take()
        };
        if let Some(owner) = owner {
            owner.wake();
        }
        self.room.notify_waiters();
    }

    /// Wakes those who wait for room, where there is enough. The owner's side of [`Self::room`].
    fn offer_room(&self) {
        // Pairs with the fence in `room`: either the waiter sees what was just begun, or this sees
        // the waiter.
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) > 0 && self.has_ample_room() {
            self.largest_refused.store(0, Ordering::SeqCst);
            self.room.notify_waiters();
        }
    }

    async fn room(&self, gone: impl Fn() -> bool) {
        if self.overflow == Overflow::DropOldest {
            return;
        }
        let mut notified = pin!(self.room.notified());
        let _waiting = Waiting::new(&self.waiting);
        notified.as_mut().enable();
        fence(Ordering::SeqCst);
        if self.closed.load(Ordering::SeqCst) || gone() || self.has_ample_room() {
            return;
        }
        notified.await;
    }

    /// Half of everything, or more where a message that was refused needs more.
    fn has_ample_room(&self) -> bool {
        let load = self.load();
        let needed = self.largest_refused.load(Ordering::SeqCst);
        load.messages <= self.capacity / 2
            && load.bytes <= (self.max_bytes / 2).min(self.max_bytes.saturating_sub(needed))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts one who waits for room, for as long as they do.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Adds to a count that is written under the lock alone: no locked instruction is needed.
fn add(count: &AtomicU64, more: u64) {
    count.store(count.load(Ordering::Relaxed).wrapping_add(more), Ordering::Release);
}

fn weight(envelope: &Envelope) -> u64 {
    to_u64(envelope.payload.weight())
}

fn to_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
