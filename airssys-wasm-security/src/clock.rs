//! The time that rate limits are measured by, as a port, so that tests need not sleep.

use std::cell::Cell;
use std::fmt;
use std::sync::OnceLock;
use std::time::Instant;

/// How long a thread goes on from the time that it last read from the operating system, in nanoseconds of the
/// processor's counter. What the counter's scale is wrong by adds up no longer than this.
const FRESH_NANOS: u64 = 500_000;

/// What may lie between a reading of the counter and one of the operating system's clock that are taken for one time.
const CLOSE_NANOS: u64 = 20_000;

/// A clock that counts nanoseconds from a start of its own.
///
/// It should never go back; where it does, a rate limit only gets stricter for that while.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Nanoseconds since the clock's start.
    fn nanos(&self) -> u64;
}

/// The operating system's monotonic clock, counted from the moment of construction.
///
/// It is read for every message. So where the processor has a counter of constant rate, each thread reads the
/// operating system's clock twice in a millisecond at the most and adds what the counter says since: for a rate
/// limit that is the same time, at a smaller price.
///
/// ```
/// use airssys_wasm_security::{Clock, MonotonicClock};
///
/// let clock = MonotonicClock::new();
/// let earlier = clock.nanos();
/// assert!(clock.nanos() >= earlier);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct MonotonicClock {
    /// Nanoseconds from the process's own epoch to the start.
    start: u64,
}

impl MonotonicClock {
    /// A clock that starts now.
    #[must_use]
    pub fn new() -> Self {
        Self { start: epoch().now() }
    }
}

impl Default for MonotonicClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for MonotonicClock {
    fn nanos(&self) -> u64 {
        epoch().now().saturating_sub(self.start)
    }
}

/// What all threads count from.
#[derive(Debug)]
struct Epoch {
    begun: Instant,
    /// The processor's counter and its scale; the operating system's clock once more where there is no such counter.
    counter: quanta::Clock,
}

/// A time that was read from the operating system, and what the counter said then.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    count: u64,
    nanos: u64,
}

thread_local! {
    static ANCHOR: Cell<Option<Anchor>> = const { Cell::new(None) };
}

fn epoch() -> &'static Epoch {
    static EPOCH: OnceLock<Epoch> = OnceLock::new();
    EPOCH.get_or_init(|| Epoch { begun: Instant::now(), counter: quanta::Clock::new() })
}

impl Epoch {
    /// Nanoseconds since the epoch.
    fn now(&self) -> u64 {
        let count = self.counter.raw();
        if let Some(anchor) = ANCHOR.get() {
            let since = self.counter.delta_as_nanos(anchor.count, count);
            // A counter that went back says nothing.
            if count >= anchor.count && since < FRESH_NANOS {
                return anchor.nanos + since;
            }
        }
        // 584 years fit.
        let nanos = u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let after = self.counter.raw();
        // A thread that was put aside between the two readings knows less well which belongs to which.
        let is_close = self.counter.delta_as_nanos(count, after) < CLOSE_NANOS;
        ANCHOR.set(is_close.then_some(Anchor { count: after, nanos }));
        nanos
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Between two readings of the operating system's clock that enclose it, but for what the counter's scale may be
    /// wrong by within one stretch, and the two readings apart: a quarter of it here.
    #[test]
    fn it_is_the_operating_systems_time() {
        let slack = Duration::from_nanos(FRESH_NANOS / 4);
        let before = Instant::now();
        let clock = MonotonicClock::new();
        let begun = Instant::now();
        let mut readings = 0;
        while begun.elapsed() < Duration::from_millis(20) {
            let least = begun.elapsed();
            let told = Duration::from_nanos(clock.nanos());
            let most = before.elapsed();
            assert!(told + slack >= least, "{told:?} is before {least:?}");
            assert!(told <= most + slack, "{told:?} is after {most:?}");
            readings += 1;
        }
        assert!(readings > 100, "{readings} readings tell nothing of what lies between two anchors");
    }

    #[test]
    fn every_thread_counts_from_the_same_start() {
        let clock = MonotonicClock::new();
        let here = clock.nanos();
        let there = std::thread::spawn(move || clock.nanos()).join().unwrap();
        assert!(there + FRESH_NANOS >= here, "{there} is before {here}");
        assert!(clock.nanos() + FRESH_NANOS >= there);
    }
}
