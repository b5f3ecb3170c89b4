//! A rate limit in one atomic word.
//!
//! The generic cell rate algorithm in its virtual scheduling form (ITU-T I.371, annex A): instead
//! of a token count and the time of its last change, one number is kept, the theoretical arrival
//! time of the next message. It is that one number that makes the limit lock-free.
//!
//! Not the `governor` crate: here the time is an argument, so that tests need no sleeping and no
//! mocked global clock, and a limiter is small enough for one per pair of components.
//!
//! Invariant: rounding never admits more than was declared.

use std::sync::atomic::{AtomicU64, Ordering};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Finest division of a nanosecond. A word of 64 bits then lasts for nine years of a clock, and for
/// centuries at the rates that need no such division, which are all the round ones.
const MAX_UNITS_PER_NANO: u64 = 64;

/// Admits at most `burst + rate × T` messages in any span of `T` seconds.
///
/// An interval between messages that is no whole number of nanoseconds is kept in fractions of up
/// to 1/64 ns, and rounded up where it is no such fraction either. Rates whose interval is such a
/// fraction are met exactly, like 1000, 3 or 100,000,000 per second; others fall short by less than
/// 1/64 ns in each interval.
///
/// ```
/// use airssys_wasm_security::MessageRateLimiter;
///
/// let limiter = MessageRateLimiter::new(1_000, 2);
/// assert!(limiter.try_acquire(0));
/// assert!(limiter.try_acquire(0));
/// assert!(!limiter.try_acquire(999_999));
/// assert!(limiter.try_acquire(1_000_000));
/// ```
#[derive(Debug)]
pub struct MessageRateLimiter {
    /// When the next message would be due if all came at the declared rate, in units.
    theoretical_arrival: AtomicU64,
    /// How far the theoretical arrival may be ahead of the clock, in units.
    tolerance: u64,
    /// Units between two messages at the declared rate.
    interval: u64,
    units_per_nano: u64,
}

impl MessageRateLimiter {
    /// A limiter whose burst is at hand in full. A rate or a burst of zero admits nothing.
    #[must_use]
    pub fn new(rate_per_second: u32, burst: u32) -> Self {
        let (interval, units_per_nano) = interval_of(rate_per_second);
        let tolerance = if rate_per_second == 0 { 0 } else { interval.saturating_mul(u64::from(burst)) };
        Self { theoretical_arrival: AtomicU64::new(0), tolerance, interval, units_per_nano }
    }

    /// Takes one message's worth at this time of the clock, if it is there.
    ///
    /// A time before that of an earlier call takes nothing back and gives nothing extra.
    #[must_use]
    pub fn try_acquire(&self, now_nanos: u64) -> bool {
        self.try_acquire_many(now_nanos, 1)
    }

    /// As [`try_acquire`](Self::try_acquire), for so many messages at once: all of them or none.
    #[must_use]
    pub fn try_acquire_many(&self, now_nanos: u64, count: u32) -> bool {
        let now = self.units(now_nanos);
        let taken = self.interval.saturating_mul(u64::from(count));
        // `units` leaves the tolerance free above every time, so that this sum cannot overflow.
        let latest = now + self.tolerance;
        let mut arrival = self.theoretical_arrival.load(Ordering::Relaxed);
        loop {
            let Some(next) = arrival.max(now).checked_add(taken).filter(|next| *next <= latest) else {
                return false;
            };
            match self.theoretical_arrival.compare_exchange_weak(
                arrival,
                next,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(current) => arrival = current,
            }
        }
    }

    /// Whether the whole burst is at hand at this time, which makes it as good as a new limiter.
    #[must_use]
    pub fn is_full(&self, now_nanos: u64) -> bool {
        self.theoretical_arrival.load(Ordering::Relaxed) <= self.units(now_nanos)
    }

    fn units(&self, nanos: u64) -> u64 {
        nanos.saturating_mul(self.units_per_nano).min(u64::MAX - self.tolerance)
    }
}

/// The interval of a rate and the units per nanosecond that it is counted in: of all permitted
/// units the one that the rounded interval is shortest in, the coarsest of those.
fn interval_of(rate_per_second: u32) -> (u64, u64) {
    let rate = u64::from(rate_per_second.max(1));
    let mut best = (NANOS_PER_SECOND.div_ceil(rate), 1);
    for units in 2..=MAX_UNITS_PER_NANO {
        let interval = (NANOS_PER_SECOND * units).div_ceil(rate);
        // Both products stay below 2^42: compares interval/units by cross multiplication.
        if interval * best.1 < best.0 * units {
            best = (interval, units);
        }
    }
    best
}
