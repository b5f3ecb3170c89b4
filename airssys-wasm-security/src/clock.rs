//! The time that rate limits are measured by, as a port, so that tests need not sleep.

use std::fmt;
use std::time::Instant;

/// A clock that counts nanoseconds from a start of its own.
///
/// It should never go back; where it does, a rate limit only gets stricter for that while.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Nanoseconds since the clock's start.
    fn nanos(&self) -> u64;
}

/// The operating system's monotonic clock, counted from the moment of construction.
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
    start: Instant,
}

impl MonotonicClock {
    /// A clock that starts now.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for MonotonicClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for MonotonicClock {
    fn nanos(&self) -> u64 {
        // 584 years fit.
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
