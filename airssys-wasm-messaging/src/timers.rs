//! The timers of a host: one wheel for all deadlines, driven by one task.

#![expect(clippy::disallowed_types, reason = "held to set, stop or collect timers, never across an await")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::timeout_at;

use airssys_wasm_core::{CorrelationId, TimerId};

use crate::backlog::Backlog;
use crate::bounds::{MAX_PENDING_REQUESTS, MAX_TIMERS};
use crate::desk::WeakDesk;
use crate::router::Inner;
use crate::turn::let_others_run;
use crate::wheel::{TimerKey, TimerWheel};

/// The length of a tick, a millisecond, in nanoseconds. Nothing comes early, and late by a tick at most where the
/// machine is idle.
const TICK_NANOS: u128 = 1_000_000;

/// Deadlines that are seen to before other tasks of the thread get their turn. Each is a few operations on maps.
const DEADLINES_PER_TURN: usize = 128;

/// Messages that are sent before what is due by then is looked at again, deadlines first. Each asks the guard and
/// goes into a mailbox.
const MESSAGES_PER_TURN: usize = 32;

/// What is due.
#[derive(Debug)]
pub(crate) enum Due {
    /// The deadline of a request.
    Request(WeakDesk, CorrelationId),
    /// A message that was to be sent later.
    Message(WeakDesk, TimerId),
}

/// All timers of a host.
#[derive(Debug)]
pub(crate) struct Timers {
    origin: Instant,
    wheel: Mutex<TimerWheel<Due>>,
    /// The tick at which the driver will look again.
    planned: AtomicU64,
    /// Tells the driver that there is something earlier, or that there will be nothing any more.
    changed: Notify,
    is_driven: AtomicBool,
}

impl Timers {
    pub(crate) fn new() -> Self {
        Self {
            origin: Instant::now(),
            wheel: Mutex::new(TimerWheel::new()),
            planned: AtomicU64::new(u64::MAX),
            changed: Notify::new(),
            is_driven: AtomicBool::new(false),
        }
    }

    /// Sets a timer, rounded up to a tick.
    pub(crate) fn set(&self, delay: Duration, due: Due) -> TimerKey {
        let at = self.origin.elapsed().saturating_add(delay).as_nanos().div_ceil(TICK_NANOS);
        let at = u64::try_from(at).unwrap_or(u64::MAX);
        let mut wheel = self.lock();
        let key = wheel.insert(at, due);
        // Under the lock, as the driver's plan is made: either the driver sees the timer, or this sees the plan.
        if at < self.planned.load(Ordering::Relaxed) {
            self.planned.store(at, Ordering::Relaxed);
            drop(wheel);
            self.changed.notify_one();
        }
        key
    }

    /// Stops a timer. One that is over is let be.
    pub(crate) fn stop(&self, key: TimerKey) {
        drop(self.lock().cancel(key));
    }

    /// Wakes the driver, to see that the host is gone.
    pub(crate) fn recall(&self) {
        self.changed.notify_one();
    }

    /// What is due by now, and when to look again.
    fn collect(&self) -> (Vec<Due>, Option<Instant>) {
        let now = u64::try_from(self.origin.elapsed().as_nanos() / TICK_NANOS).unwrap_or(u64::MAX);
        let mut wheel = self.lock();
        let due = wheel.advance(now);
        let next = wheel.next_wake();
        self.planned.store(next.unwrap_or(u64::MAX), Ordering::Relaxed);
        drop(wheel);
        // Beyond the range of clocks is beyond the life of the host.
        let at = |tick| self.origin.checked_add(Duration::from_millis(tick));
        (due, next.and_then(at))
    }

    fn lock(&self) -> MutexGuard<'_, TimerWheel<Due>> {
        self.wheel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fires the timers of a router for as long as it runs. There is one at a time; where its task ends before the
/// router does, another can be had.
#[derive(Debug)]
#[must_use = "nothing fires while it does not run"]
pub struct TimerDriver {
    timers: Arc<Timers>,
    router: Weak<Inner>,
}

impl TimerDriver {
    /// The driver, where there is none.
    pub(crate) fn take(timers: &Arc<Timers>, router: &Arc<Inner>) -> Option<Self> {
        let is_driven = timers.is_driven.swap(true, Ordering::AcqRel);
        (!is_driven).then(|| Self { timers: Arc::clone(timers), router: Arc::downgrade(router) })
    }

    /// Runs until the router is gone. Needs a tokio runtime with time enabled.
    pub async fn run(self) {
        let mut due = AllDue::new();
        loop {
            let next = due.collect(&self.timers);
            let Some(router) = self.router.upgrade() else { return };
            let is_done = due.fire(&router);
            drop(router);
            if !is_done {
                let_others_run().await;
                continue;
            }
            let changed = self.timers.changed.notified();
            match next {
                // An elapsed wait is what was wanted.
                Some(next) => drop(timeout_at(next.into(), changed).await),
                None => changed.await,
            }
        }
    }
}

/// What is due and not seen to yet. Deadlines go before messages, and of each kind everybody's in turn, so that a
/// storm of timers makes nobody wait but who raised it.
struct AllDue {
    deadlines: Backlog<CorrelationId>,
    messages: Backlog<TimerId>,
}

impl AllDue {
    fn new() -> Self {
        Self { deadlines: Backlog::new(MAX_PENDING_REQUESTS), messages: Backlog::new(MAX_TIMERS) }
    }

    /// Adds what is due by now; when to look again.
    fn collect(&mut self, timers: &Timers) -> Option<Instant> {
        let (due, next) = timers.collect();
        for due in due {
            match due {
                Due::Request(desk, id) => {
                    self.deadlines.push(desk, id, |desk, id| !desk.is_pending(*id));
                }
                Due::Message(desk, id) => self.messages.push(desk, id, |desk, id| !desk.has_timer(*id)),
            }
        }
        next
    }

    /// Sees to some of it; whether that was all.
    fn fire(&mut self, router: &Arc<Inner>) -> bool {
        for _ in 0..DEADLINES_PER_TURN {
            let Some((desk, correlation)) = self.deadlines.pop() else { break };
            desk.expire(correlation);
        }
        for _ in 0..MESSAGES_PER_TURN {
            let Some((desk, timer)) = self.messages.pop() else { break };
            router.fire(&desk, timer);
        }
        self.deadlines.is_empty() && self.messages.is_empty()
    }
}

impl Drop for TimerDriver {
    fn drop(&mut self) {
        self.timers.is_driven.store(false, Ordering::Release);
    }
}
