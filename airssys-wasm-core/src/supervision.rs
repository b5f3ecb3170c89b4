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
    latest: Duration,
}

impl RestartTracker {
    /// A tracker without a past.
    #[must_use]
    pub fn new(config: &SupervisionConfig) -> Self {
        Self { config: *config, restarts: VecDeque::new(), latest: Duration::ZERO }
    }

    /// Decides what follows an ending at `now`, a time since any fixed point. `random` is a fresh
    /// random number in `[0, 1)`, which spreads the wait. A time that goes back counts as none
    /// having passed.
    pub fn on_end(&mut self, cause: &EndCause, now: Duration, random: f64) -> RestartDecision {
        if !self.config.policy.restarts_after(cause) {
            return RestartDecision::Stop;
        }
        let now = now.max(self.latest);
        self.latest = now;
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
        let takes_effect = now.saturating_add(delay);
        let last = self.restarts.back().copied().unwrap_or_default();
        self.restarts.push_back(takes_effect.max(last));
        RestartDecision::Restart { delay, attempt: restarts_in_window.saturating_add(1) }
    }
}
