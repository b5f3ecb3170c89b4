//! Where the calls of one instance run.

use std::future::Future;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// What times are counted from that lanes remember.
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The time of the present call never runs out, as far as the lane knows.
const NEVER: u64 = u64::MAX;

/// The present call was ended by somebody else.
const ENDED_NOW: u64 = 0;
/// The present call was given up because its time is over, and has not ended yet.
const GIVEN_UP: u64 = 1;

/// The future that owns the instance can move.
const MOVABLE: u8 = 1;
/// The last call was long, or the present one is.
const LONG: u8 = 2;
/// The future is with the threads for long calls.
const AWAY: u8 = 4;
/// The present slice is over.
const SLICE_OVER: u8 = 8;
/// The call that has just ended had been given up.
const WAS_GIVEN_UP: u8 = 16;

/// How many times calls were ended by others: those who wait for a turn may be among them.
static ENDED: AtomicU64 = AtomicU64::new(0);

/// Where the calls of one instance run: beside the host's other work, or with the long calls.
///
/// Given to an instance at its start, and to [`WasmtimeEngine::in_lane`](crate::WasmtimeEngine::in_lane)
/// together with the future that owns the instance. Without the latter its calls stay where they are, and
/// only yield at each tick.
///
/// ```
/// use airssys_wasm_runtime::CallLane;
///
/// assert!(!CallLane::new().is_long());
/// ```
#[derive(Debug, Clone, Default)]
pub struct CallLane(Arc<Standing>);

#[derive(Debug)]
struct Standing {
    flags: AtomicU8,
    /// When the time of the present call is over, in nanoseconds since [`ORIGIN`].
    expiry: AtomicU64,
    /// When the guest last went on after it had given way, in the same way.
    resumed: AtomicU64,
    /// Told when a call begins to be watched while the future is away.
    watched: Notify,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            flags: AtomicU8::new(0),
            expiry: AtomicU64::new(NEVER),
            resumed: AtomicU64::new(0),
            watched: Notify::new(),
        }
    }
}

/// When the time of one call is over; no two calls of a lane have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expiry {
    nanos: u64,
    pub(super) at: Instant,
}

impl CallLane {
    /// The lane of an instance that has computed for long never yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The present call has been seen to run since `seen`, and may run for `timeout`.
    pub(crate) fn expires(&self, seen: Instant, timeout: Duration) {
        let left = u64::try_from(timeout.as_nanos()).unwrap_or(NEVER);
        self.0.expiry.store(nanos(seen).saturating_add(left).max(GIVEN_UP + 1), Ordering::Release);
        if self.has(AWAY) {
            self.0.watched.notify_one();
        }
    }

    /// The same, where nothing is known that ends it earlier.
    pub(crate) fn expires_at_the_latest(&self, seen: Instant, timeout: Duration) {
        if self.0.expiry.load(Ordering::Relaxed) == NEVER {
            self.expires(seen, timeout);
        }
    }

    /// The call whose time was watched has ended.
    pub(crate) fn expires_never(&self) {
        if self.0.expiry.swap(NEVER, Ordering::AcqRel) == GIVEN_UP {
            self.0.flags.fetch_or(WAS_GIVEN_UP, Ordering::Relaxed);
        }
    }

    /// Whether the call that has ended had been given up before: then it ran past its time, whatever it came to.
    pub(crate) fn take_given_up(&self) -> bool {
        self.has(WAS_GIVEN_UP) && self.0.flags.fetch_and(!WAS_GIVEN_UP, Ordering::Relaxed) & WAS_GIVEN_UP != 0
    }

    /// The time of the present call, where it is watched and the call has neither ended nor been given up.
    pub(super) fn present(&self) -> Option<Expiry> {
        let nanos = self.0.expiry.load(Ordering::Acquire);
        (![ENDED_NOW, GIVEN_UP].contains(&nanos)).then(|| instant(nanos))?.map(|at| Expiry { nanos, at })
    }

    /// Resolves when another call may have begun to be watched.
    pub(super) async fn watched(&self) {
        self.0.watched.notified().await;
    }

    /// Gives the call of this expiry up. False where it has ended meanwhile, or was given up before.
    pub(super) fn give_up(&self, expiry: Expiry) -> bool {
        self.0.expiry.compare_exchange(expiry.nanos, GIVEN_UP, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// The present call was ended by somebody else, and only has to be taken down.
    pub(crate) fn end_now(&self) {
        // Whoever was told before that it ran past its time was told the truth.
        if self.0.expiry.swap(ENDED_NOW, Ordering::AcqRel) == GIVEN_UP {
            self.0.flags.fetch_or(WAS_GIVEN_UP, Ordering::Relaxed);
        }
        ENDED.fetch_add(1, Ordering::Release);
    }

    /// When the time of the present call is over, comparable with [`nanos`].
    pub(super) fn expiry(&self) -> u64 {
        self.0.expiry.load(Ordering::Relaxed)
    }

    /// Whether the time of the present call is over. Of a call that somebody else has ended nobody knows.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        let expiry = self.expiry();
        expiry != ENDED_NOW && expiry <= nanos(now)
    }

    /// The guest has had a slice, and gives way until the future that is returned is done.
    pub(crate) fn give_way(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.flags.fetch_or(SLICE_OVER, Ordering::Relaxed);
        let lane = self.clone();
        async move {
            // A yield to the scheduler itself: the engine's own is taken again by the same worker at once.
            tokio::task::yield_now().await;
            lane.0.resumed.store(nanos(Instant::now()), Ordering::Relaxed);
        }
    }

    /// How long the guest has computed since it last went on after it had given way.
    pub(crate) fn since_resumed(&self, now: Instant) -> Duration {
        Duration::from_nanos(nanos(now).saturating_sub(self.0.resumed.load(Ordering::Relaxed)))
    }

    /// Whether the slice is over; a new one begins.
    pub(super) fn take_slice_over(&self) -> bool {
        self.0.flags.fetch_and(!SLICE_OVER, Ordering::Relaxed) & SLICE_OVER != 0
    }

    /// Whether the last call was long, or the present one is.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.has(LONG)
    }

    pub(crate) fn make_movable(&self) {
        self.0.flags.fetch_or(MOVABLE, Ordering::Relaxed);
    }

    pub(crate) fn moved(&self, is_away: bool) {
        if is_away {
            self.0.flags.fetch_or(AWAY, Ordering::Relaxed);
        } else {
            self.0.flags.fetch_and(!AWAY, Ordering::Relaxed);
        }
    }

    /// The present call has outlived its slice.
    pub(crate) fn mark_long(&self) {
        if self.has(MOVABLE) {
            self.0.flags.fetch_or(LONG, Ordering::Relaxed);
        }
    }

    /// The call that ended was short.
    pub(crate) fn mark_short(&self) {
        if self.has(LONG) {
            self.0.flags.fetch_and(!LONG, Ordering::Relaxed);
        }
    }

    /// Goes back to the other short calls after the first short one among the long.
    pub(crate) async fn settle(&self) {
        if self.has(AWAY) && !self.is_long() {
            // The future is moved when it waits, and it has to wait for that.
            tokio::task::yield_now().await;
        }
    }

    /// Whether the future is with the long calls.
    pub(crate) fn is_away(&self) -> bool {
        self.has(AWAY)
    }

    fn has(&self, bit: u8) -> bool {
        self.0.flags.load(Ordering::Relaxed) & bit != 0
    }
}

/// Nanoseconds since an origin of the process's own.
pub(crate) fn nanos(time: Instant) -> u64 {
    u64::try_from(time.saturating_duration_since(*ORIGIN).as_nanos()).unwrap_or(NEVER)
}

/// The moment of so many nanoseconds; none where that is never.
pub(super) fn instant(nanos: u64) -> Option<Instant> {
    // Beyond the range of clocks is never, too.
    if nanos == NEVER { None } else { ORIGIN.checked_add(Duration::from_nanos(nanos)) }
}

/// Rises whenever a call is ended by somebody else.
pub(super) fn ended() -> u64 {
    ENDED.load(Ordering::Acquire)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lane of a call whose time is over.
    fn overdue() -> CallLane {
        let lane = CallLane::new();
        lane.expires(Instant::now(), Duration::ZERO);
        lane
    }

    #[test]
    fn a_kill_takes_nothing_back_of_what_was_told_before() {
        let lane = overdue();
        let expiry = lane.present().unwrap();
        assert!(lane.give_up(expiry));
        lane.end_now();
        lane.expires_never();
        assert!(lane.take_given_up(), "who was told so was told the truth");
        assert!(!lane.take_given_up(), "once");
    }

    #[test]
    fn a_call_that_was_only_killed_was_not_given_up() {
        let lane = overdue();
        let expiry = lane.present().unwrap();
        lane.end_now();
        assert!(!lane.give_up(expiry), "it has ended");
        lane.expires_never();
        assert!(!lane.take_given_up());
    }
}
