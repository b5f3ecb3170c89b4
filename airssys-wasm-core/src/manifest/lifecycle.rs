//! `[lifecycle]`: what starting and stopping may cost.

use super::document::Report;
use super::resources::{fuel_bounds, timeout_bounds};
use super::section::{Bounds, Section};
use crate::limits::Ceilings;

/// Longest start and longest grace, in milliseconds: ten minutes.
const MAX_MS: u64 = 600_000;

/// `[lifecycle]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LifecycleConfig {
    /// Wall-clock time to instantiate and initialise, in milliseconds; 1 up to the host's ceiling of time, default
    /// 5,000 or the ceiling, if that is less.
    pub start_timeout_ms: u64,
    /// Fuel to instantiate and initialise, in units; 1 up to the host's ceiling of fuel, default
    /// 100,000,000.
    pub start_fuel: u64,
    /// Time to drain the mailbox before `shutdown`, in milliseconds; 0 to 600,000, default 5,000.
    pub stop_grace_ms: u64,
}

impl Default for LifecycleConfig {
    fn default() -> Self {
        Self { start_timeout_ms: 5_000, start_fuel: 100_000_000, stop_grace_ms: 5_000 }
    }
}

/// Reads `[lifecycle]`.
pub(super) fn read(root: &Section<'_>, report: &mut Report, ceilings: &Ceilings) -> LifecycleConfig {
    let section = root.section(report, "lifecycle", &["start_timeout_ms", "start_fuel", "stop_grace_ms"]);
    let default = LifecycleConfig::default();
    let start_timeout_ms = section.integer(report, "start_timeout_ms", &timeout_bounds(ceilings));
    let start_fuel = section.integer(report, "start_fuel", &fuel_bounds(ceilings));
    let stop_grace_ms = section.integer(report, "stop_grace_ms", &Bounds::new(0..=MAX_MS, "ms"));
    LifecycleConfig {
        start_timeout_ms: start_timeout_ms
            .map_or(default.start_timeout_ms.min(ceilings.max_timeout_ms), |found| found.value),
        // A host may allow less than the default.
        start_fuel: start_fuel.map_or(default.start_fuel.min(ceilings.max_fuel), |found| found.value),
        stop_grace_ms: stop_grace_ms.map_or(default.stop_grace_ms, |found| found.value),
    }
}
