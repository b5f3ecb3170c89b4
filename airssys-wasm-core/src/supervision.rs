//! When an ended instance is started again.
//!
//! Invariant: decisions are a pure function of endings, times and random numbers that the caller
//! hands in; nothing here reads a clock or waits. At most `max_restarts` restarts take effect in
//! any window of `window_seconds`.

use std::collections::VecDeque;
use std::time::Duration;

use crate::lifecycle::EndCause;

/// Which endings are followed by a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RestartPolicy {
    /// Every ending that nobody asked for.
    #[default]
    Permanent,
    /// Every failure. As a component cannot end by itself without failing, this is the same as
    /// permanent today; it differs as soon as there is such an ending.
    Transient,
    /// None.
    Temporary,
}

impl RestartPolicy {
    /// Its name, as manifests write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::Transient => "transient",
            Self::Temporary => "temporary",
        }
    }

    const fn restarts_after(self, cause: &EndCause) -> bool {
        match self {
            Self::Permanent => !matches!(cause, EndCause::Stopped | EndCause::Killed | EndCause::Replaced),
            Self::Transient => cause.is_failure(),
            Self::Temporary => false,
        }
    }
}

/// How long to wait before a restart: exponential with jitter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// Wait before the first restart, in milliseconds; 0 up to `max_ms`, default 100.
    pub initial_ms: u64,
    /// Longest wait in milliseconds, jitter included; at most 3,600,000, default 30,000.
    pub max_ms: u64,
    /// By what each wait is longer than the last; 1.0 to 100.0, default 2.0.
    pub factor: f64,
    /// By what part of itself a wait may be shorter or longer; 0.0 to 1.0, default 0.1.
    pub jitter: f64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { initial_ms: 100, max_ms: 30_000, factor: 2.0, jitter: 0.1 }
    }
}

impl Backoff {
    /// The wait before the restart that `earlier` restarts precede.
    ///
    /// Values out of range, which only an embedder can build, are taken as the nearest in range.
    fn delay(&self, earlier: usize, random: f64) -> Duration {
        let max = self.max_ms as f64;
        let factor = if self.factor >= 1.0 { self.factor } else { 1.0 };
        let jitter = if self.jitter >= 0.0 { self.jitter.min(1.0) } else { 0.0 };
        let random = if random >= 0.0 { random.min(1.0) } else { 0.0 };
        let initial = self.initial_ms as f64;
        // Infinity is cut to the maximum; zero times infinity would be no number.
        let grown = if self.initial_ms == 0 {
            0.0
        } else {
            (initial * factor.powi(i32::try_from(earlier).unwrap_or(i32::MAX))).min(max)
        };
        let milliseconds = (grown * (1.0 + jitter * (2.0 * random - 1.0))).min(max);
        Duration::try_from_secs_f64(milliseconds / 1_000.0)
            .unwrap_or(Duration::ZERO)
            .min(Duration::from_millis(self.max_ms))
    }
}

/// How a component is supervised: `[supervision]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SupervisionConfig {
    /// Which endings are followed by a restart; default permanent.
    pub policy: RestartPolicy,
    /// Restarts within one window before the component is given up; default 3.
    pub max_restarts: u32,
    /// Length of the sliding window in seconds; default 60.
    pub window_seconds: u64,
    /// The wait before each restart.
    pub backoff: Backoff,
}

impl Default for SupervisionConfig {
    fn default() -> Self {
        Self {
            policy: RestartPolicy::default(),
            max_restarts: 3,
            window_seconds: 60,
            backoff: Backoff::default(),
        }
    }
}

/// What to do with an instance that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartDecision {
    /// Start a fresh instance.
    Restart {
        /// After this wait.
        delay: Duration,
        /// How many restarts in a row this makes, counted from 1.
        attempt: u32,
    },
    /// Leave it: it was meant to end, or its policy wants no restart.
    Stop,
    /// It fails too often.
    GiveUp {
        /// The restarts within the window until now.
        restarts_in_window: u32,
    },
}

/// Decides about the restarts of one instance.
///
/// A restart counts in the window from the moment at which it takes effect, after its wait. The
/// waits grow with each restart that the window still holds, and begin anew when it holds none.
/// Remembers at most `max_restarts` times.
///
/// ```
/// use std::time::Duration;
///
/// use airssys_wasm_core::{EndCause, RestartDecision, RestartTracker, SupervisionConfig};
///
/// let mut tracker = RestartTracker::new(&SupervisionConfig { max_restarts: 1, ..Default::default() });
/// let cause = EndCause::InitialiseFailed { detail: "no config".into() };
/// let first = tracker.on_end(&cause, Duration::ZERO, 0.5);
/// assert_eq!(first, RestartDecision::Restart { delay: Duration::from_millis(100), attempt: 1 });
/// let second = tracker.on_end(&cause, Duration::from_secs(1), 0.5);
/// assert_eq!(second, RestartDecision::GiveUp { restarts_in_window: 1 });
/// ```
#[derive(Debug, Clone)]
pub struct RestartTracker {
    config: SupervisionConfig,
    /// When the restarts of the window take effect, in order.
    restarts: VecDeque<Duration>,
}

impl RestartTracker {
    /// A tracker without a past.
    #[must_use]
    pub fn new(config: &SupervisionConfig) -> Self {
        Self { config: *config, restarts: VecDeque::new() }
    }

    /// Decides what follows an ending at `now`, a time since any fixed point. `random` is a fresh
    /// random number in `[0, 1)`, which spreads the wait. A time that goes back frees no place in
    /// the window.
    pub fn on_end(&mut self, cause: &EndCause, now: Duration, random: f64) -> RestartDecision {
        if !self.config.policy.restarts_after(cause) {
            return RestartDecision::Stop;
        }
        let window = Duration::from_secs(self.config.window_seconds);
        while self.restarts.front().is_some_and(|at| now.saturating_sub(*at) >= window) {
            self.restarts.pop_front();
        }
        let earlier = self.restarts.len();
        let restarts_in_window = u32::try_from(earlier).unwrap_or(u32::MAX);
        if restarts_in_window >= self.config.max_restarts {
            return RestartDecision::GiveUp { restarts_in_window };
        }
        let delay = self.config.backoff.delay(earlier, random);
        // A time that went back must not put the restarts out of order.
        let takes_effect = now.saturating_add(delay);
        let last = self.restarts.back().copied().unwrap_or_default();
        self.restarts.push_back(takes_effect.max(last));
        RestartDecision::Restart { delay, attempt: restarts_in_window.saturating_add(1) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lifecycle::TrapKind;
    use crate::metrics::FuelMetrics;

    const FAILURE: EndCause = EndCause::OutOfFuel(FuelMetrics::new(1, 1));

    fn steady(max_restarts: u32, window_seconds: u64, backoff: Backoff) -> RestartTracker {
        let policy = RestartPolicy::Permanent;
        RestartTracker::new(&SupervisionConfig { policy, max_restarts, window_seconds, backoff })
    }

    fn backoff(initial_ms: u64, max_ms: u64, factor: f64, jitter: f64) -> Backoff {
        Backoff { initial_ms, max_ms, factor, jitter }
    }

    fn restart(delay_ms: u64, attempt: u32) -> RestartDecision {
        RestartDecision::Restart { delay: Duration::from_millis(delay_ms), attempt }
    }

    /// Ends the instance at each time in milliseconds, without luck in the jitter.
    #[track_caller]
    fn check(mut tracker: RestartTracker, endings: &[(u64, RestartDecision)]) {
        for (at, expected) in endings {
            assert_eq!(tracker.on_end(&FAILURE, Duration::from_millis(*at), 0.5), *expected, "at {at} ms");
        }
    }

    #[test]
    fn policies_choose_the_endings() {
        let failures = [
            FAILURE,
            EndCause::Timeout { timeout_ms: 1, fuel_consumed: 0 },
            EndCause::OutOfMemory { max_bytes: 1, requested_bytes: 2 },
            EndCause::Trap { kind: TrapKind::Unreachable, backtrace: String::new() },
            EndCause::HostLimit { detail: String::new() },
            EndCause::InitialiseFailed { detail: String::new() },
            EndCause::Unhealthy { detail: String::new() },
        ];
        let wanted = [EndCause::Stopped, EndCause::Killed, EndCause::Replaced];
        for policy in [RestartPolicy::Permanent, RestartPolicy::Transient, RestartPolicy::Temporary] {
            let decide = |cause: &EndCause| {
                let mut tracker = RestartTracker::new(&SupervisionConfig { policy, ..Default::default() });
                tracker.on_end(cause, Duration::ZERO, 0.5)
            };
            let after_failure = match policy {
                RestartPolicy::Temporary => RestartDecision::Stop,
                RestartPolicy::Permanent | RestartPolicy::Transient => restart(100, 1),
            };
            for cause in &failures {
                assert_eq!(decide(cause), after_failure, "{policy:?} {cause}");
            }
            for cause in &wanted {
                assert_eq!(decide(cause), RestartDecision::Stop, "{policy:?} {cause}");
            }
        }
    }

    #[test]
    fn no_restart_at_all_can_be_asked_for() {
        check(steady(0, 60, Backoff::default()), &[(0, RestartDecision::GiveUp { restarts_in_window: 0 })]);
    }

    #[test]
    fn one_more_than_the_intensity_is_given_up() {
        let give_up = RestartDecision::GiveUp { restarts_in_window: 3 };
        let at_once = backoff(0, 0, 1.0, 0.0);
        check(
            steady(3, 60, at_once),
            &[(0, restart(0, 1)), (1, restart(0, 2)), (2, restart(0, 3)), (3, give_up), (59_999, give_up)],
        );
        // The first restart leaves the window after exactly its length.
        check(
            steady(3, 60, at_once),
            &[
                (0, restart(0, 1)),
                (1, restart(0, 2)),
                (2, restart(0, 3)),
                (60_000, restart(0, 3)),
                (60_000, give_up),
            ],
        );
    }

    #[test]
    fn waits_grow_up_to_the_longest_and_begin_anew_when_the_window_is_quiet() {
        check(
            steady(10, 60, backoff(100, 500, 2.0, 0.0)),
            &[
                (0, restart(100, 1)),
                (100, restart(200, 2)),
                (300, restart(400, 3)),
                (700, restart(500, 4)),
                (1_200, restart(500, 5)),
                // The last restart took effect at 1,700.
                (61_699, restart(200, 2)),
                (121_899, restart(100, 1)),
            ],
        );
    }

    #[test]
    fn a_wait_longer_than_the_window_does_not_hide_restarts() {
        let give_up = RestartDecision::GiveUp { restarts_in_window: 1 };
        check(steady(1, 1, backoff(5_000, 5_000, 1.0, 0.0)), &[(0, restart(5_000, 1)), (5_000, give_up)]);
    }

    #[test]
    fn jitter_moves_a_wait_both_ways_and_never_past_the_longest() {
        let delay = |random, backoff: Backoff| backoff.delay(0, random).as_millis();
        let jittered = backoff(1_000, 30_000, 2.0, 0.1);
        assert_eq!(delay(0.0, jittered), 900);
        assert_eq!(delay(0.5, jittered), 1_000);
        assert!((1_099..=1_100).contains(&delay(0.999_999, jittered)));
        assert_eq!(delay(0.999_999, backoff(1_000, 1_000, 2.0, 1.0)), 1_000);
        assert_eq!(delay(0.0, backoff(1_000, 1_000, 2.0, 1.0)), 0);
    }

    #[test]
    fn a_time_that_goes_back_frees_no_place_in_the_window() {
        let mut tracker = steady(2, 60, backoff(0, 0, 1.0, 0.0));
        assert_eq!(tracker.on_end(&FAILURE, Duration::from_secs(100), 0.5), restart(0, 1));
        assert_eq!(tracker.on_end(&FAILURE, Duration::ZERO, 0.5), restart(0, 2));
        let decision = tracker.on_end(&FAILURE, Duration::from_secs(159), 0.5);
        assert_eq!(decision, RestartDecision::GiveUp { restarts_in_window: 2 });
        assert_eq!(tracker.on_end(&FAILURE, Duration::from_secs(160), 0.5), restart(0, 1));
    }

    #[test]
    fn memory_is_what_the_window_holds() {
        let mut tracker = steady(1_000_000, 1, backoff(0, 0, 1.0, 0.0));
        for millisecond in 0..20_000 {
            tracker.on_end(&FAILURE, Duration::from_millis(millisecond), 0.5);
            assert!(tracker.restarts.len() <= 1_000);
        }
        assert!(tracker.restarts.capacity() <= 2_048);
    }

    fn any_number() -> impl Strategy<Value = f64> {
        prop_oneof![any::<f64>(), 0.0..3.0_f64]
    }

    proptest! {
        #[test]
        fn no_window_holds_more_restarts_than_allowed(
            max_restarts in 0..6_u32,
            window_seconds in 1..20_u64,
            waits in (0..3_000_u64, 0..6_000_u64, 1.0..4.0_f64, 0.0..=1.0_f64),
            endings in proptest::collection::vec((0..4_000_u64, 0.0..1.0_f64, any::<bool>()), 1..80),
        ) {
            let (initial, max, factor, jitter) = waits;
            let backoff = backoff(initial.min(max), max, factor, jitter);
            let mut tracker = steady(max_restarts, window_seconds, backoff);
            let window = Duration::from_secs(window_seconds);
            let (mut now, mut restarts) = (Duration::ZERO, Vec::new());
            for (step, random, is_after_restart) in endings {
                now += Duration::from_millis(step);
                match tracker.on_end(&FAILURE, now, random) {
                    RestartDecision::Restart { delay, attempt } => {
                        prop_assert!((1..=max_restarts).contains(&attempt));
                        let base = initial.min(max) as f64 * factor.powf(f64::from(attempt - 1));
                        let base = base.min(max as f64) / 1_000.0;
                        prop_assert!(delay <= Duration::from_millis(max));
                        prop_assert!(delay.as_secs_f64() >= base * (1.0 - jitter) - 1e-6);
                        prop_assert!(delay.as_secs_f64() <= base * (1.0 + jitter) + 1e-6);
                        restarts.push(now + delay);
                        if is_after_restart {
                            now += delay;
                        }
                    }
                    RestartDecision::GiveUp { restarts_in_window } => {
                        prop_assert_eq!(restarts_in_window, max_restarts);
                    }
                    RestartDecision::Stop => prop_assert!(false, "a failure is never left alone"),
                }
            }
            for start in &restarts {
                let inside = restarts.iter().filter(|at| **at >= *start && **at < *start + window).count();
                prop_assert!(inside <= max_restarts as usize, "{inside} restarts from {start:?}");
            }
        }

        #[test]
        fn no_number_panics(
            config in (any::<u32>(), any::<u64>(), any::<u64>(), any::<u64>(), any_number(), any_number()),
            endings in proptest::collection::vec((any::<Duration>(), any_number()), 1..20),
        ) {
            let (max_restarts, window, initial, max, factor, jitter) = config;
            let mut tracker = steady(max_restarts, window, backoff(initial, max, factor, jitter));
            for (now, random) in endings {
                if let RestartDecision::Restart { delay, .. } = tracker.on_end(&FAILURE, now, random) {
                    prop_assert!(delay <= Duration::from_millis(max));
                }
            }
        }
    }
}
