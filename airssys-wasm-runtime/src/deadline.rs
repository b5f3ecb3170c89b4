//! The ends that come from outside: the time of a call is over, or its instance is killed.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::Notify;
use tokio::time::{Sleep, sleep};

use crate::scheduling::CallLane;
use crate::ticker::Ticks;

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
    ticks: OnceLock<Arc<Ticks>>,
    /// How many ticks there were when the guest last went on after it had waited.
    turn: AtomicU64,
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

    /// Tells by what the turns of the instance's calls are counted.
    pub(crate) fn counts(&self, ticks: &Arc<Ticks>) {
        // Told once for each instance, which has one store.
        self.0.ticks.set(Arc::clone(ticks)).ok();
    }

    /// The guest goes on after it has waited.
    pub(crate) fn begins_turn(&self) {
        if let Some(ticks) = self.0.ticks.get() {
            self.0.turn.store(ticks.count(), Ordering::Relaxed);
        }
    }

    /// How many ticks there were then; the turn may be one of an earlier call.
    pub(crate) fn turn(&self) -> u64 {
        self.0.turn.load(Ordering::Relaxed)
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
        if let Some(watch) = &mut watch {
            if let Some(interruption) = watch.look(context) {
                return Poll::Ready(Err(interruption));
            }
            switch.begins_turn();
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
        } else if self.is_over() || self.timer.as_mut().poll(context).is_ready() {
            Some(Interruption::Timeout)
        } else {
            None
        }
    }

    /// Whether the call is with the long ones, and over its time as the lane knows it. The timer was made later, and
    /// rounds up: a call that was given a turn in order to be ended would compute until the next one.
    fn is_over(&self) -> bool {
        self.lane.is_some_and(|lane| lane.is_away() && lane.is_over(Instant::now()))
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

    #[tokio::test]
    async fn a_parked_call_ends_at_its_time_or_when_it_is_killed() {
        let switch = KillSwitch::new();
        let parked = std::future::pending::<()>;
        assert_eq!(within(parked(), Duration::from_millis(5), &switch).await, Err(Interruption::Timeout));
        let other = switch.clone();
        let (ended, ()) = tokio::join!(within(parked(), Duration::MAX, &switch), async move { other.kill() });
        assert_eq!(ended, Err(Interruption::Killed));
    }

    #[tokio::test]
    async fn a_call_that_was_handed_over_to_be_ended_gets_no_other_slice() {
        let (switch, lane) = (KillSwitch::new(), CallLane::new());
        switch.watches(&lane);
        lane.moved(true);
        let mut turns = 0;
        let computes = std::future::poll_fn(|context| {
            turns += 1;
            // Seen to run so long ago that its time is over, where the timer of this watch has just been made.
            lane.expires(Instant::now(), Duration::ZERO);
            context.waker().wake_by_ref();
            if turns > 1 { Poll::Ready(()) } else { Poll::Pending }
        });
        assert_eq!(within(computes, Duration::MAX, &switch).await, Err(Interruption::Timeout));
        assert_eq!(turns, 1);
    }
}
