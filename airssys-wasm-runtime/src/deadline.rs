//! The wall clock of a call, over guest code and over parked host calls.
//!
//! A call that ends within one tick never reads a clock. Time is counted from the first tick or the first
//! suspension that the call meets, so that what is measured is never more than what has passed: no call
//! is ended before its time.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::Notify;
use tokio::time::{Sleep, sleep};
use wasmtime::{Store, UpdateDeadline};

use crate::scheduling::{CallLane, Conduct};
use crate::state::HostState;

/// What is left of a call's time to a guest that waited in a host function, at least: timers and ticks are a
/// millisecond coarse, and a wait that ended at the deadline would end the guest.
const LEAST_LEFT_TO_GUEST: Duration = Duration::from_millis(5);

/// Ticks that a call meets before it counts as long. The first may come at once, so that it tells nothing; a
/// call that meets two has computed for a tick at least.
const LONG_CALL_TICKS: u32 = 2;

/// Why a call was ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Interruption {
    #[error("the call ran past its time")]
    Timeout,
    #[error("the instance was killed")]
    Killed,
}

/// Ends an instance from outside, whatever its guest does.
///
/// ```
/// let switch = airssys_wasm_runtime::KillSwitch::new();
/// switch.kill();
/// assert!(switch.is_killed());
/// ```
#[derive(Debug, Clone, Default)]
pub struct KillSwitch(Arc<Switch>);

#[derive(Debug, Default)]
struct Switch {
    killed: AtomicBool,
    told: Notify,
    /// Where the calls of the instance run.
    lane: OnceLock<CallLane>,
}

impl KillSwitch {
    /// A switch that nobody has used.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the present call and every later one. A running guest meets it at its next tick.
    pub fn kill(&self) {
        self.0.killed.store(true, Ordering::Release);
        if let Some(lane) = self.0.lane.get() {
            lane.end_now();
        }
        self.0.told.notify_waiters();
    }

    /// Tells where the calls of the instance run, so that one that is ended there does not wait for its turn.
    pub(crate) fn watches(&self, lane: &CallLane) {
        lane.expires_never();
        // Told once for each instance, which has one lane.
        self.0.lane.set(lane.clone()).ok();
    }

    /// Whether it was used.
    #[must_use]
    pub fn is_killed(&self) -> bool {
        self.0.killed.load(Ordering::Acquire)
    }

    async fn killed(self) {
        loop {
            let told = self.0.told.notified();
            if self.is_killed() {
                return;
            }
            told.await;
        }
    }
}

/// The clock of one store, started anew for each call.
#[derive(Debug)]
pub(crate) struct CallClock {
    timeout: Duration,
    seen: Option<Instant>,
    ticks: u32,
    switch: KillSwitch,
    lane: CallLane,
    conduct: Conduct,
}

/// How a call ended, as far as its time goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ending {
    /// How long it took, where anything ever asked for the time.
    pub(crate) time: Option<Duration>,
    /// Whether somebody was told before that it ran past its time.
    pub(crate) was_given_up: bool,
}

impl Ending {
    /// What the call came to: whoever was told that it ran past its time was told the truth.
    pub(crate) fn settle<T>(self, outcome: Result<T, Interruption>) -> Result<T, Interruption> {
        if self.was_given_up { Err(Interruption::Timeout) } else { outcome }
    }
}

impl CallClock {
    pub(crate) fn new(switch: KillSwitch, lane: CallLane) -> Self {
        Self { timeout: Duration::MAX, seen: None, ticks: 0, switch, lane, conduct: Conduct::default() }
    }

    pub(crate) fn begin(&mut self, timeout: Duration) {
        self.timeout = timeout;
        self.seen = None;
        self.ticks = 0;
    }

    /// The call has ended; the next one begins where this one belonged.
    pub(crate) fn end(&mut self) -> Ending {
        match self.ticks {
            0 => self.conduct.was_quiet(),
            1 => self.has_had_a_slice(Instant::now()),
            _ => {}
        }
        if self.conduct.is_greedy() {
            self.lane.mark_long();
        } else if self.ticks < LONG_CALL_TICKS {
            self.lane.mark_short();
        }
        self.end_start()
    }

    /// A start has ended. One that was short says nothing of the messages that follow: whose last message was
    /// long begins the next one with the long calls, however quickly it was started again between them.
    pub(crate) fn end_start(&self) -> Ending {
        let time = self.seen.map(|seen| {
            self.lane.expires_never();
            seen.elapsed()
        });
        // What was never seen was given up only where a timer watched it, which has ended by now.
        Ending { time, was_given_up: self.lane.take_given_up() }
    }

    fn has_had_a_slice(&mut self, now: Instant) {
        self.conduct.took(self.lane.since_resumed(now), now);
    }

    /// When the call was first seen to run, which is now where nobody looked before.
    fn seen(&mut self, now: Instant) -> Instant {
        *self.seen.get_or_insert_with(|| {
            self.lane.expires(now, self.timeout);
            now
        })
    }

    /// The guest is about to wait in a host function, which is the moment to look at the time.
    pub(crate) fn waits(&mut self) {
        if self.seen.is_none() {
            self.seen(Instant::now());
        }
    }

    pub(crate) fn lane(&self) -> &CallLane {
        &self.lane
    }

    /// Asked at a tick of a running guest.
    fn tick(&mut self, now: Instant) -> Result<(), Interruption> {
        if self.switch.is_killed() {
            return Err(Interruption::Killed);
        }
        let seen = self.seen(now);
        if now.saturating_duration_since(seen) >= self.timeout {
            return Err(Interruption::Timeout);
        }
        if self.ticks == 1 {
            self.has_had_a_slice(now);
        }
        self.ticks = self.ticks.saturating_add(1);
        if self.ticks >= LONG_CALL_TICKS {
            self.lane.mark_long();
        }
        Ok(())
    }

    /// How long a host function may still wait so that the guest hears of it before its own time is up: a
    /// tenth of the call's time is left to the guest, and never less than timers are coarse.
    pub(crate) fn patience(&mut self) -> Duration {
        let now = Instant::now();
        let seen = self.seen(now);
        let used = now.saturating_duration_since(seen);
        let left_to_guest = (self.timeout / 10).max(LEAST_LEFT_TO_GUEST);
        self.timeout.saturating_sub(left_to_guest).saturating_sub(used)
    }
}

/// Lets a store's own clock decide at each tick. A shared deadline would end siblings as well.
pub(crate) fn watch_ticks(store: &mut Store<HostState>) {
    store.epoch_deadline_callback(|mut context| {
        let clock = context.data_mut().clock_mut();
        clock.tick(Instant::now())?;
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(clock.lane().give_way())))
    });
}

/// Runs a call to its end, or to the end of its time.
///
/// Neither fuel nor ticks see a call that is parked in a host function; this timer does. It is made only
/// when the call suspends for the first time.
pub(crate) async fn within<F: Future>(
    call: F,
    timeout: Duration,
    switch: &KillSwitch,
) -> Result<F::Output, Interruption> {
    let mut call = std::pin::pin!(call);
    let mut watch: Option<Watch<'_>> = None;
    std::future::poll_fn(|context| {
        // First, so that a call whose time ended while it waited for its turn gets no other turn.
        if let Some(interruption) = watch.as_mut().and_then(|watch| watch.look(context)) {
            return Poll::Ready(Err(interruption));
        }
        if let Poll::Ready(output) = call.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        if watch.is_none() {
            let begun = watch.insert(Watch::begin(timeout, switch));
            if let Some(interruption) = begun.look(context) {
                return Poll::Ready(Err(interruption));
            }
        }
        Poll::Pending
    })
    .await
}

struct Watch<'a> {
    timer: Pin<Box<Sleep>>,
    killed: Pin<Box<dyn Future<Output = ()> + Send>>,
    lane: Option<&'a CallLane>,
}

impl<'a> Watch<'a> {
    fn begin(timeout: Duration, switch: &'a KillSwitch) -> Self {
        let lane = switch.0.lane.get();
        if let Some(lane) = lane {
            // A call that waits in a host function and meets no tick: nobody else knows of its time.
            lane.expires_at_the_latest(Instant::now(), timeout);
        }
        Self { timer: Box::pin(sleep(timeout)), killed: Box::pin(switch.clone().killed()), lane }
    }

    fn look(&mut self, context: &mut Context<'_>) -> Option<Interruption> {
        if self.killed.as_mut().poll(context).is_ready() {
            Some(Interruption::Killed)
        } else if self.timer.as_mut().poll(context).is_ready() {
            Some(Interruption::Timeout)
        } else {
            None
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if let Some(lane) = self.lane {
            lane.expires_never();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_counts_from_the_first_tick_that_the_call_meets() {
        let mut clock = CallClock::new(KillSwitch::new(), CallLane::new());
        let start = Instant::now();
        clock.begin(Duration::from_millis(10));
        assert_eq!(clock.tick(start + Duration::from_secs(5)), Ok(()), "the call may have begun just now");
        assert_eq!(clock.tick(start + Duration::from_millis(5_009)), Ok(()));
        assert_eq!(clock.tick(start + Duration::from_millis(5_010)), Err(Interruption::Timeout));
        clock.begin(Duration::from_millis(10));
        assert_eq!(clock.tick(start + Duration::from_secs(9)), Ok(()), "a new call has all its time");
    }

    #[test]
    fn the_longest_time_does_not_overflow() {
        let mut clock = CallClock::new(KillSwitch::new(), CallLane::new());
        clock.begin(Duration::from_millis(u64::MAX));
        let now = Instant::now();
        assert_eq!(clock.tick(now), Ok(()));
        assert_eq!(clock.tick(now + Duration::from_secs(1 << 30)), Ok(()));
        assert!(clock.patience() > Duration::from_secs(1 << 30));
    }

    #[test]
    fn a_short_call_waits_for_nothing() {
        let mut clock = CallClock::new(KillSwitch::new(), CallLane::new());
        clock.begin(Duration::from_millis(5));
        assert_eq!(clock.patience(), Duration::ZERO);
        clock.begin(Duration::from_millis(100));
        assert!((Duration::from_millis(50)..=Duration::from_millis(90)).contains(&clock.patience()));
    }

    #[tokio::test]
    async fn a_parked_call_ends_at_its_time_or_when_it_is_killed() {
        let switch = KillSwitch::new();
        let parked = std::future::pending::<()>;
        assert_eq!(within(parked(), Duration::from_millis(5), &switch).await, Err(Interruption::Timeout));
        let other = switch.clone();
        let (ended, ()) = tokio::join!(within(parked(), Duration::MAX, &switch), async move { other.kill() });
        assert_eq!(ended, Err(Interruption::Killed));
    }
}
