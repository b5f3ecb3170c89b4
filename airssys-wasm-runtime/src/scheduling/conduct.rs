//! What an instance takes of the threads for short calls, by calls that are nearly long.
//!
//! A call that ends just before it counts as long has had a slice of a thread that others wait for, and its next
//! call has another. So what such calls take is summed up and leaks away with time (a leaky bucket, as in ITU-T
//! I.371): an instance that takes more than its share that way belongs with the long calls, however short each of its
//! calls. It is trusted again after a row of calls that are short in truth.
//!
//! Nobody reads a clock for each call. Ticks are a sample of processor time that no guest chooses: who computes for a
//! tenth of the time is met by a tenth of them, in calls of whatever length, and each stands for a whole period. Only
//! the call that is met is timed, from the tick to its end. Where nearly nothing is left of it, it is of those for
//! which nobody has to wait, and an instance may have as many of these as there are messages for it.
//!
//! Caveat: the share is each instance's own. Very many that all stay just within theirs take much together.

use std::time::{Duration, Instant};

/// What an instance may take at once: so many ticks that one that is met by more of them than its due is not
/// misjudged.
const BURST: Duration = Duration::from_millis(16);
/// Of each stretch of time, the part that it may take on and on.
const SHARE: u32 = 16;
/// Periods that one call can be held against it at the most: it may have waited for others meanwhile.
const MOST_PERIODS: u32 = 2;
/// What is left at a tick of a call that others notice: more than the whole of one that handles a message and nothing
/// else, and less than a thread takes to begin.
const NOTICED: Duration = Duration::from_micros(25);
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
    /// A call met a tick, of which there is one in each `period`, and went on for `after` until now.
    pub(crate) fn met_tick(&mut self, after: Duration, period: Duration, now: Instant) {
        let taken = if after < NOTICED { after } else { after.clamp(period, period * MOST_PERIODS) };
        self.level = self.level(now).saturating_add(taken).min(2 * BURST);
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
    const LONG: Duration = Duration::from_secs(10);

    /// Is met in each `every` by a tick in a call that goes on for `after`; whether that is ever too much.
    fn is_ever_greedy(after: Duration, every: Duration) -> bool {
        let (mut conduct, start) = (Conduct::default(), Instant::now());
        let times = u32::try_from(LONG.as_nanos() / every.as_nanos()).unwrap();
        (0..times).any(|time| {
            conduct.met_tick(after, MS, start + every * time);
            conduct.is_greedy()
        })
    }

    /// Calls of this length begin in each `every`, and a tick meets whichever there is; whether that is ever too much.
    fn calls_are_ever_greedy(length: Duration, every: Duration) -> bool {
        let (mut conduct, start) = (Conduct::default(), Instant::now());
        (0..10_000).map(|tick| tick * MS).any(|time| {
            let into_call = Duration::from_nanos((time.as_nanos() % every.as_nanos()).try_into().unwrap());
            if let Some(after) = length.checked_sub(into_call) {
                conduct.met_tick(after, MS, start + time);
            }
            conduct.is_greedy()
        })
    }

    const US: Duration = Duration::from_micros(1);

    #[test]
    fn who_stays_within_the_share_is_never_greedy() {
        assert!(!is_ever_greedy(MS, 17 * MS));
        assert!(!is_ever_greedy(2 * MS, 40 * MS));
        assert!(!calls_are_ever_greedy(97 * US, 1_951 * US), "a twentieth of the time");
    }

    #[test]
    fn who_passes_it_is_greedy_however_short_the_calls() {
        assert!(is_ever_greedy(MS, 15 * MS));
        for length in [901, 499, 97, 53, 37] {
            assert!(
                calls_are_ever_greedy(length * US, length * US),
                "calls of {length} µs, one after the other"
            );
        }
        assert!(calls_are_ever_greedy(97 * US, 997 * US), "a tenth of the time");
    }

    #[test]
    fn calls_for_which_nobody_waits_are_no_greed_however_many() {
        for length in [1, 3, 11, 19] {
            assert!(!calls_are_ever_greedy(length * US, length * US), "calls of {length} µs");
        }
    }

    #[test]
    fn one_call_that_waited_long_is_no_greed() {
        assert!(!is_ever_greedy(1_000 * MS, 1_000 * MS));
    }

    #[test]
    fn who_was_greedy_is_trusted_after_a_row_of_short_calls_and_a_while() {
        let greedy = |ago: Duration| {
            let (mut conduct, now) = (Conduct::default(), Instant::now());
            for _ in 0..10 {
                conduct.met_tick(2 * MS, MS, now.checked_sub(ago).unwrap());
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
