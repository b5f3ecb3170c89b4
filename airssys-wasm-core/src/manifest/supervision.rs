//! `[supervision]` and `[health]`: when a component is started again.

use super::document::Report;
use super::section::{Bounds, Found, Section};
use crate::supervision::{Backoff, RestartPolicy, SupervisionConfig};

/// Longest wait before a restart, in milliseconds: an hour.
const MAX_BACKOFF_MS: u64 = 3_600_000;

const POLICIES: [(&str, RestartPolicy); 3] = [
    (RestartPolicy::Permanent.as_str(), RestartPolicy::Permanent),
    (RestartPolicy::Transient.as_str(), RestartPolicy::Transient),
    (RestartPolicy::Temporary.as_str(), RestartPolicy::Temporary),
];

/// Reads `[supervision]`.
pub(super) fn read(root: &Section<'_>, report: &mut Report) -> SupervisionConfig {
    let section =
        root.section(report, "supervision", &["restart", "max_restarts", "window_seconds", "backoff"]);
    let default = SupervisionConfig::default();
    let policy = section.choice(report, "restart", &POLICIES).unwrap_or_default();
    let (max_restarts, window_seconds) = read_intensity(&section, report);
    SupervisionConfig {
        policy,
        max_restarts: max_restarts.unwrap_or(default.max_restarts),
        window_seconds: window_seconds.unwrap_or(default.window_seconds),
        backoff: read_backoff(&section, report),
    }
}

/// Reads how many restarts a window may hold; groups have the same two keys.
pub(super) fn read_intensity(section: &Section<'_>, report: &mut Report) -> (Option<u32>, Option<u64>) {
    let restarts = section.count(report, "max_restarts", &Bounds::new(0..=1_000_000, "restarts"));
    let window = section.integer(report, "window_seconds", &Bounds::new(1..=86_400, "seconds"));
    (restarts, window.map(|found| found.value))
}

fn read_backoff(supervision: &Section<'_>, report: &mut Report) -> Backoff {
    let section = supervision.section(report, "backoff", &["initial_ms", "max_ms", "factor", "jitter"]);
    let default = Backoff::default();
    let bounds = Bounds::new(0..=MAX_BACKOFF_MS, "ms");
    let max_ms = section.integer(report, "max_ms", &bounds).map_or(default.max_ms, |found| found.value);
    let initial_ms = match section.integer(report, "initial_ms", &bounds) {
        Some(Found { value, span }) if value > max_ms => {
            let reason = format!("`initial_ms` is {value}, above `max_ms`, which is {max_ms}");
            report.error(span, reason, "choose less, or raise `max_ms`");
            max_ms
        }
        Some(found) => found.value,
        None => default.initial_ms.min(max_ms),
    };
    Backoff {
        initial_ms,
        max_ms,
        factor: section.number(report, "factor", 1.0..=100.0).unwrap_or(default.factor),
        jitter: section.number(report, "jitter", 0.0..=1.0).unwrap_or(default.jitter),
    }
}

/// Validates `[health]`, which no crate enforces yet.
pub(super) fn check_health(root: &Section<'_>, report: &mut Report) {
    let section = root.section(report, "health", &["interval_ms", "timeout_ms", "unhealthy_after"]);
    section.integer(report, "interval_ms", &Bounds::new(1..=3_600_000, "ms"));
    section.integer(report, "timeout_ms", &Bounds::new(1..=600_000, "ms"));
    section.integer(report, "unhealthy_after", &Bounds::new(1..=1_000, "results"));
}
