//! What an instance takes of the threads for short calls, by calls that are nearly long.
//!
//! A call that ends just before it counts as long has had a slice of a thread that others wait for, and its next
//! call has another. So what such calls take is summed up and leaks away with time (a leaky bucket, as in ITU-T
//! I.371): an instance that takes more than its share that way belongs with the long calls, however short each of its
//! calls. It is trusted again after a row of calls that are short in truth.
//!
//! Caveat: the share is each instance's own. Very many that all stay just within theirs take much together.

use std::time::{Duration, Instant};

/// What an instance may take at once.
const BURST: Duration = Duration::from_millis(4);
/// Of each stretch of time, the part that it may take on and on.
const SHARE: u32 = 16;
/// What one call can be held against it at the most: it may have waited for others meanwhile.
const MOST_OF_A_CALL: Duration = Duration::from_millis(2);
/// Calls in a row that met no tick, before an instance is trusted again.
const QUIET_CALLS: u32 = 64;

/// How an instance conducts itself among the short calls.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Conduct {
    level: Duration,
    last: Option<Instant>,
    is_greedy: bool,
    quiet: u32,
}

impl Conduct {
    /// A call took so much, until now.
    pub(crate) fn took(&mut self, taken: Duration, now: Instant) {
        self.level = self.level(now).saturating_add(taken.min(MOST_OF_A_CALL)).min(2 * BURST);
        self.last = Some(now);
        self.quiet = 0;
        self.is_greedy |= self.level > BURST;
    }

    /// A call has met no tick.
    pub(crate) fn was_quiet(&mut self) {
        if self.is_greedy {
            self.quiet += 1;
            if self.quiet >= QUIET_CALLS {
                self.quiet = 0;
                self.is_greedy = self.level(Instant::now()) > BURST / 2;
            }
        }
    }

    /// Whether it took more than its share, and is not trusted again.
    pub(crate) fn is_greedy(&self) -> bool {
        self.is_greedy
    }

    fn level(&self, now: Instant) -> Duration {
        let leaked = self.last.map_or(Duration::ZERO, |last| now.saturating_duration_since(last) / SHARE);
        self.level.saturating_sub(leaked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Takes `taken` once in each `every`, and tells whether that is ever too much within ten seconds.
    fn is_ever_greedy(taken: Duration, every: Duration) -> bool {
        let (mut conduct, start) = (Conduct::default(), Instant::now());
        let times = u32::try_from(Duration::from_secs(10).as_nanos() / every.as_nanos()).unwrap();
        (0..times).any(|time| {
            conduct.took(taken, start + every * time);
            conduct.is_greedy()
        })
    }

    #[test]
    fn who_stays_within_the_share_is_never_greedy() {
        assert!(!is_ever_greedy(MS, 17 * MS));
        assert!(!is_ever_greedy(MS / 100, MS / 4));
        assert!(!is_ever_greedy(2 * MS, 40 * MS));
    }

    #[test]
    fn who_passes_it_is_greedy_however_small_the_pieces() {
        assert!(is_ever_greedy(MS, 15 * MS));
        assert!(is_ever_greedy(MS / 100, MS / 8));
    }

    #[test]
    fn one_call_that_waited_long_is_no_greed() {
        assert!(!is_ever_greedy(1_000 * MS, 1_000 * MS));
    }

    #[test]
    fn who_was_greedy_is_trusted_after_a_row_of_short_calls_and_a_while() {
        let greedy = |ago: Duration| {
            let (mut conduct, now) = (Conduct::default(), Instant::now());
            for _ in 0..5 {
                conduct.took(2 * MS, now.checked_sub(ago).unwrap());
            }
            assert!(conduct.is_greedy());
            conduct
        };
        let mut late = greedy(1_000 * MS);
        (1..QUIET_CALLS).for_each(|_| late.was_quiet());
        assert!(late.is_greedy(), "not a row yet");
        late.was_quiet();
        assert!(!late.is_greedy());

        let mut early = greedy(Duration::ZERO);
        (0..QUIET_CALLS).for_each(|_| early.was_quiet());
        assert!(early.is_greedy(), "not a while yet");
    }
}
