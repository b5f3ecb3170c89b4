//! What both sides of a mailbox share: the queue under its lock, and the counts beside it.

#![expect(clippy::disallowed_types, reason = "held for one push, one swap or a close, never across an await")]

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::Notify;

use crate::bounds::MAX_PUSHED_OUT;
use crate::envelope::Envelope;
use crate::mailbox::answers::{AnswerLoad, AnswerQueue};
use crate::mailbox::pair::Pushed;
use crate::mailbox::warning::Thresholds;
use airssys_wasm_core::{MailboxConfig, Overflow, SendError};

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) capacity: u64,
    pub(super) max_bytes: u64,
    pub(super) overflow: Overflow,
    state: Mutex<State>,
    /// Takes no more messages. Written under the lock.
    pub(super) closed: AtomicBool,
    /// Its owner is gone, so that it takes no more answers either. Written under the lock.
    sealed: AtomicBool,
    /// Its owner handles what comes, as far as it has said.
    attended: AtomicBool,
    /// Written under the lock, like the three that follow.
    pub(super) accepted: AtomicU64,
    accepted_bytes: AtomicU64,
    pub(super) dropped: AtomicU64,
    dropped_bytes: AtomicU64,
    /// Those of the dropped that newer messages pushed out.
    pub(super) overflowed: AtomicU64,
    pub(super) begun: Begun,
    /// Answers, beside the messages.
    pub(super) answers: AnswerLoad,
    /// How many wait for room.
    waiting: AtomicUsize,
    /// The heaviest message refused as full since room was last offered. Raised under the lock; an
    /// offer resets it without, which at worst wakes somebody whose message does not fit yet.
    largest_refused: AtomicU64,
    room: Notify,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) queue: VecDeque<Envelope>,
    pub(super) answers: AnswerQueue,
    /// The owner's waker while it waits for a message.
    pub(super) owner: Option<Waker>,
    /// What `begun` was when a sender last looked. A lower bound, looked up again only where there
    /// seems to be no room, so that senders rarely touch the owner's counts.
    begun_seen: u64,
    begun_bytes_seen: u64,
    /// Below these a sender has room without a closer look.
    thresholds: Thresholds,
}

/// What the owner has taken out and begun. Only the owner writes it, on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Begun {
    pub(super) messages: AtomicU64,
    pub(super) bytes: AtomicU64,
}

impl Begun {
    pub(super) fn add(&self, envelope: &Envelope) {
        let bytes = self.bytes.load(Ordering::Relaxed).wrapping_add(weight(envelope));
        let messages = self.messages.load(Ordering::Relaxed).wrapping_add(1);
        self.bytes.store(bytes, Ordering::Release);
        self.messages.store(messages, Ordering::Release);
    }
}

/// Readings of what waits that are tried, before one is taken during which something was taken out.
const LOAD_READINGS: usize = 8;

/// What waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) messages: u64,
    pub(super) bytes: u64,
}

impl Load {
    fn of<'e>(envelopes: impl IntoIterator<Item = &'e Envelope>) -> Self {
        envelopes.into_iter().fold(Self { messages: 0, bytes: 0 }, |sum, envelope| Self {
            messages: sum.messages + 1,
            bytes: sum.bytes.saturating_add(weight(envelope)),
        })
    }

    fn without(self, gone: &Self) -> Self {
        Self {
            messages: self.messages.saturating_sub(gone.messages),
            bytes: self.bytes.saturating_sub(gone.bytes),
        }
    }
}

impl Shared {
    pub(super) fn new(config: &MailboxConfig) -> Self {
        Self {
            capacity: to_u64(config.capacity).max(1),
            max_bytes: to_u64(config.max_bytes),
            overflow: config.overflow,
            state: Mutex::new(State {
                queue: VecDeque::new(),
                answers: AnswerQueue::default(),
                owner: None,
                begun_seen: 0,
                begun_bytes_seen: 0,
                thresholds: Thresholds::new(to_u64(config.capacity).max(1), to_u64(config.max_bytes)),
            }),
            closed: AtomicBool::new(false),
            sealed: AtomicBool::new(false),
            attended: AtomicBool::new(true),
            accepted: AtomicU64::new(0),
            accepted_bytes: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            dropped_bytes: AtomicU64::new(0),
            overflowed: AtomicU64::new(0),
            begun: Begun::default(),
            answers: AnswerLoad::default(),
            waiting: AtomicUsize::new(0),
            largest_refused: AtomicU64::new(0),
            room: Notify::new(),
        }
    }

    pub(super) fn push(&self, envelope: Envelope) -> Result<Pushed, (SendError, Envelope)> {
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
            if !self.has_ample_room_for(&mut state, weight) {
                if !self.has_room(&mut state, weight) {
                    let is_made = self.overflow == Overflow::DropOldest
                        && self.make_room(&mut state, weight, &mut pushed.dropped);
                    if !is_made {
                        let largest = self.largest_refused.load(Ordering::Relaxed).max(weight);
                        self.largest_refused.store(largest, Ordering::SeqCst);
                        return Err((SendError::Full, envelope));
                    }
                }
                let Load { messages, bytes } = self.seen(&state);
                pushed.warning = state.thresholds.pass(messages + 1, bytes.saturating_add(weight));
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

    /// Puts an answer behind all that waits. The requester has a place for it, so that only its bytes can be too
    /// many: one that holds none is taken as long as the owner is there.
    pub(super) fn push_answer(&self, envelope: Envelope) -> Result<(), (SendError, Envelope)> {
        let owner = {
            let mut state = self.lock();
            if self.sealed.load(Ordering::Relaxed) {
                return Err((SendError::Closed, envelope));
            }
            if !self.answers.admit(&envelope) {
                return Err((SendError::Full, envelope));
            }
            state.answers.push(self.accepted.load(Ordering::Relaxed), envelope);
            state.owner.take()
        };
        if let Some(owner) = owner {
            owner.wake();
        }
        Ok(())
    }

    /// The owner begins with it: its room is free.
    pub(super) fn begin(&self, envelope: &Envelope) {
        if envelope.is_answer() {
            self.answers.release(envelope);
        } else {
            self.begun.add(envelope);
        }
    }

    /// Messages that are no longer waiting: the number of the next one. Asked by the owner, who begins them; with
    /// the lock held where newer messages may push out older ones.
    pub(super) fn gone(&self) -> u64 {
        let begun = self.begun.messages.load(Ordering::Relaxed);
        begun.wrapping_add(self.dropped.load(Ordering::Relaxed))
    }

    /// Whether one more message of this weight stays below every threshold, at the latest look at the owner or
    /// at a new one. Most messages are accepted by this alone.
    fn has_ample_room_for(&self, state: &mut State, weight: u64) -> bool {
        let is_ample = |state: &State| {
            let Load { messages, bytes } = self.seen(state);
            state.thresholds.are_above(messages + 1, bytes.saturating_add(weight))
        };
        is_ample(state) || {
            self.look(state);
            is_ample(state)
        }
    }

    /// Whether one more message of this weight fits. Exact: senders are serialised by the lock, and
    /// the owner can only make room meanwhile.
    fn has_room(&self, state: &mut State, weight: u64) -> bool {
        self.fits(self.seen(state), weight) || {
            self.look(state);
            self.fits(self.seen(state), weight)
        }
    }

    /// Whether one more message of this weight fits beside that.
    fn fits(&self, load: Load, weight: u64) -> bool {
        load.messages < self.capacity && load.bytes <= self.max_bytes.saturating_sub(weight)
    }

    /// What waited when a sender last looked at the owner, and what came since: never too little.
    fn seen(&self, state: &State) -> Load {
        Load {
            messages: self.kept(&self.accepted, &self.dropped).wrapping_sub(state.begun_seen),
            bytes: self.kept(&self.accepted_bytes, &self.dropped_bytes).wrapping_sub(state.begun_bytes_seen),
        }
    }

    fn look(&self, state: &mut State) {
        state.begun_seen = self.begun.messages.load(Ordering::Acquire);
        state.begun_bytes_seen = self.begun.bytes.load(Ordering::Acquire);
    }

    /// Warns again of bounds that were warned of already.
    pub(super) fn rearm(&self) {
        let thresholds = Thresholds::new(self.capacity, self.max_bytes);
        self.lock().thresholds = thresholds;
    }

    /// Drops from the front until the message fits, or nothing where too many would have to go. The owner takes under
    /// the same lock, so that the front is the oldest that waits.
    fn make_room(&self, state: &mut State, weight: u64, dropped: &mut Vec<Envelope>) -> bool {
        let Some(count) = self.to_push_out(state, weight) else { return false };
        dropped.extend(state.queue.drain(..count));
        self.count_dropped(Load::of(&*dropped));
        add(&self.overflowed, to_u64(count));
        true
    }

    /// How many of the oldest have to go until the message fits; none where those are too many.
    fn to_push_out(&self, state: &State, weight: u64) -> Option<usize> {
        let mut load = self.seen(state);
        let mut oldest = state.queue.iter();
        for count in 0..=MAX_PUSHED_OUT {
            if self.fits(load, weight) {
                return Some(count);
            }
            load = load.without(&Load::of([oldest.next()?]));
        }
        None
    }

    /// Messages that the owner has taken out and will not begin.
    pub(super) fn drop_counted(&self, envelopes: &[Envelope]) {
        // There may be very many: they are looked at before senders have to wait.
        let load = Load::of(envelopes);
        let _state = self.lock();
        self.count_dropped(load);
    }

    /// Called with the lock held.
    fn count_dropped(&self, load: Load) {
        add(&self.dropped_bytes, load.bytes);
        add(&self.dropped, load.messages);
    }

    fn kept(&self, accepted: &AtomicU64, dropped: &AtomicU64) -> u64 {
        accepted.load(Ordering::Relaxed).wrapping_sub(dropped.load(Ordering::Relaxed))
    }

    /// What waits, without the lock: a reading during which nothing was taken out, where there is one. Who is put
    /// aside in the middle of a reading would tell of messages that have long been handled; after a few such it
    /// tells too little rather than too much.
    pub(super) fn load(&self) -> Load {
        let mut gone = self.taken_out();
        for _ in 0..LOAD_READINGS {
            let accepted = Load {
                messages: self.accepted.load(Ordering::Acquire),
                bytes: self.accepted_bytes.load(Ordering::Acquire),
            };
            let gone_now = self.taken_out();
            let is_still = gone_now == gone;
            gone = gone_now;
            if is_still {
                return accepted.without(&gone);
            }
        }
        let accepted = Load {
            messages: self.accepted.load(Ordering::Acquire),
            bytes: self.accepted_bytes.load(Ordering::Acquire),
        };
        accepted.without(&self.taken_out())
    }

    /// What was taken out, be it to be handled or to make room.
    fn taken_out(&self) -> Load {
        let begun = self.begun.messages.load(Ordering::Acquire);
        let begun_bytes = self.begun.bytes.load(Ordering::Acquire);
        Load {
            messages: begun.saturating_add(self.dropped.load(Ordering::Acquire)),
            bytes: begun_bytes.saturating_add(self.dropped_bytes.load(Ordering::Acquire)),
        }
    }

    /// The owner is gone: no answer could be read any more.
    pub(super) fn seal(&self) {
        let _state = self.lock();
        self.sealed.store(true, Ordering::Relaxed);
    }

    pub(super) fn close(&self) {
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

    pub(super) fn is_attended(&self) -> bool {
        self.attended.load(Ordering::SeqCst)
    }

    /// Whoever waits for room here looks again where to wait, when nobody will make any for a while.
    pub(super) fn set_attended(&self, is_attended: bool) {
        let was_attended = self.attended.swap(is_attended, Ordering::SeqCst);
        if was_attended && !is_attended {
            self.recall_waiters();
        }
    }

    /// Wakes those who wait for room, whether or not there is any.
    pub(super) fn recall_waiters(&self) {
        self.room.notify_waiters();
    }

    /// Wakes those who wait for room, where there is enough. The owner's side of [`Self::room`].
    pub(super) fn offer_room(&self) {
        // Pairs with the fence in `room`: either the waiter sees what was just begun, or this sees
        // the waiter.
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) > 0 && self.has_ample_room() {
            self.largest_refused.store(0, Ordering::SeqCst);
            self.room.notify_waiters();
        }
    }

    pub(super) async fn room(&self, gone: impl Fn() -> bool) {
        if self.overflow == Overflow::DropOldest && self.largest_refused.load(Ordering::SeqCst) == 0 {
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
    pub(super) fn has_ample_room(&self) -> bool {
        let load = self.load();
        let needed = self.largest_refused.load(Ordering::SeqCst);
        load.messages <= self.capacity / 2
            && load.bytes <= (self.max_bytes / 2).min(self.max_bytes.saturating_sub(needed))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
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

pub(super) fn weight(envelope: &Envelope) -> u64 {
    to_u64(envelope.weight())
}

pub(super) fn to_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

pub(super) fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
