//! What a call used of its limits.
//!
//! Invariant: no value here overflows or divides by zero, whatever the numbers are.

use chrono::{DateTime, Utc};

use crate::limits::DEFAULT_MAX_FUEL;

/// How much fuel one call may use.
///
/// ```
/// use airssys_wasm_core::FuelConfig;
///
/// assert_eq!(FuelConfig::default().max_fuel(), 1_000_000);
/// assert_eq!(FuelConfig::new(5).max_fuel(), 5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FuelConfig {
    max_fuel: u64,
}

impl FuelConfig {
    /// A budget of this many units for each call.
    #[must_use]
    pub const fn new(max_fuel: u64) -> Self {
        Self { max_fuel }
    }

    /// The budget in units.
    #[must_use]
    pub const fn max_fuel(self) -> u64 {
        self.max_fuel
    }
}

impl Default for FuelConfig {
    fn default() -> Self {
        Self::new(DEFAULT_MAX_FUEL)
    }
}

/// The fuel that one call used, against its budget.
///
/// An unmetered call has a budget of [`u64::MAX`]. A budget of zero is used up from the start: it
/// counts as 100 % used.
///
/// ```
/// use airssys_wasm_core::FuelMetrics;
///
/// let fuel = FuelMetrics::new(1_000, 900);
/// assert_eq!(fuel.remaining(), 100);
/// assert_eq!(fuel.usage_percentage(), 90.0);
/// assert!(fuel.exceeds_threshold(80.0) && !fuel.exceeds_threshold(90.0));
/// assert!(!fuel.is_exhausted());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FuelMetrics {
    max_fuel: u64,
    consumed: u64,
}

impl FuelMetrics {
    /// What was consumed, in units, of a budget of `max_fuel` units.
    #[must_use]
    pub const fn new(max_fuel: u64, consumed: u64) -> Self {
        Self { max_fuel, consumed }
    }

    /// The budget in units.
    #[must_use]
    pub const fn max_fuel(self) -> u64 {
        self.max_fuel
    }

    /// The units consumed; may pass the budget by what the last instruction cost.
    #[must_use]
    pub const fn consumed(self) -> u64 {
        self.consumed
    }

    /// The units left, never below zero.
    #[must_use]
    pub const fn remaining(self) -> u64 {
        self.max_fuel.saturating_sub(self.consumed)
    }

    /// The part of the budget that was consumed, in percent; above 100 where it was passed.
    ///
    /// A budget of zero counts as 100 % used.
    #[must_use]
    pub fn usage_percentage(self) -> f64 {
        if self.max_fuel == 0 {
            return 100.0;
        }
        self.consumed as f64 / self.max_fuel as f64 * 100.0
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_exhausted(self) -> bool {
        self.remaining() == 0
    }

    /// Whether more than `percent` of the budget was consumed.
    #[must_use]
    pub fn exceeds_threshold(self, percent: f64) -> bool {
        self.usage_percentage() > percent
    }
}

/// The linear memory of one instance, summed over all its memories, at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MemoryMetrics {
    /// Bytes held.
    pub current_bytes: u64,
    /// The most bytes that were held at once.
    pub peak_bytes: u64,
    /// The limit in bytes.
    pub max_bytes: u64,
    /// How often growing was denied.
    pub denied_growths: u64,
    /// When this was read.
    pub taken_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(max_fuel: u64, consumed: u64, remaining: u64, percent: f64, exhausted: bool) {
        let fuel = FuelMetrics::new(max_fuel, consumed);
        assert_eq!(fuel.remaining(), remaining);
        assert!((fuel.usage_percentage() - percent).abs() < 1e-9, "{}", fuel.usage_percentage());
        assert_eq!(fuel.is_exhausted(), exhausted);
    }

    #[test]
    fn fuel_is_defined_at_every_boundary() {
        check(100, 0, 100, 0.0, false);
        check(100, 99, 1, 99.0, false);
        check(100, 100, 0, 100.0, true);
        check(100, 101, 0, 101.0, true);
        check(1, 0, 1, 0.0, false);
        check(0, 0, 0, 100.0, true);
        check(0, 7, 0, 100.0, true);
        check(u64::MAX, 0, u64::MAX, 0.0, false);
        check(u64::MAX, u64::MAX, 0, 100.0, true);
    }

    #[test]
    fn a_threshold_is_exceeded_only_above_it() {
        let fuel = FuelMetrics::new(10, 9);
        assert!(!fuel.exceeds_threshold(90.0));
        assert!(fuel.exceeds_threshold(89.9));
        assert!(FuelMetrics::new(0, 0).exceeds_threshold(99.9));
        assert!(!FuelMetrics::new(u64::MAX, 1_000_000).exceeds_threshold(0.1));
    }

    /// Numbers that lie where sums and shares go wrong, and all others.
    fn figure() -> impl Strategy<Value = u64> {
        prop_oneof![Just(0), Just(1), 0..200_u64, any::<u64>(), Just(u64::MAX - 1), Just(u64::MAX)]
    }

    proptest! {
        #[test]
        fn remaining_and_consumed_come_to_the_budget(max in figure(), consumed in figure()) {
            let fuel = FuelMetrics::new(max, consumed);
            prop_assert_eq!((fuel.max_fuel(), fuel.consumed()), (max, consumed));
            prop_assert_eq!(u128::from(fuel.remaining()) + u128::from(consumed.min(max)), u128::from(max));
            prop_assert_eq!(fuel.is_exhausted(), consumed >= max);
        }

        #[test]
        fn a_percentage_is_the_share_within_what_a_float_can_tell(max in figure(), consumed in figure()) {
            let percent = FuelMetrics::new(max, consumed).usage_percentage();
            prop_assert!(percent.is_finite() && percent >= 0.0, "{}", percent);
            let hundredfold = u128::from(consumed) * 100;
            // Off by less than a part in 10^15 on either side.
            let at_least = (percent * (1.0 - 1e-15)).floor() as u128;
            let at_most = (percent * (1.0 + 1e-15)).ceil() as u128;
            if max == 0 {
                prop_assert_eq!(percent, 100.0);
            } else {
                prop_assert!(hundredfold / u128::from(max) <= at_most, "{}", percent);
                prop_assert!(hundredfold.div_ceil(u128::from(max)) >= at_least, "{}", percent);
            }
        }

        #[test]
        fn more_fuel_is_never_a_smaller_share(max in figure(), one in figure(), other in figure()) {
            let share = |consumed| FuelMetrics::new(max, consumed).usage_percentage();
            prop_assert!(share(one.min(other)) <= share(one.max(other)));
        }

        #[test]
        fn thresholds_are_passed_one_after_another(max in 1..=1_000_000_u64, permille in 0..=1_200_u64) {
            let consumed = max * permille / 1_000;
            let fuel = FuelMetrics::new(max, consumed);
            let passed = [50_u32, 75, 90, 95, 100].map(|percent| {
                // Whole numbers of this size are exact, so that so is the comparison.
                assert_eq!(fuel.exceeds_threshold(f64::from(percent)), consumed * 100 > max * u64::from(percent));
                fuel.exceeds_threshold(f64::from(percent))
            });
            prop_assert!(passed.is_sorted_by(|lower, higher| lower >= higher), "{:?}", passed);
            prop_assert!(!fuel.exceeds_threshold(f64::INFINITY) && !fuel.exceeds_threshold(f64::NAN));
        }
    }
}
