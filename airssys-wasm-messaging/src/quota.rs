//! When an instance has nearly as much under way as it may have, told once in its life.

/// The share of a bound at which a warning is given, in percent.
const WARNING_PERCENT: usize = 90;

/// What an instance can have under way, each within a bound of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Quota {
    /// Requests that wait for their answers, and answers that were not read yet.
    Requests,
    /// Timers that have not fired.
    Timers,
    /// What they hold, in bytes.
    TimerBytes,
    /// Patterns that it is subscribed to.
    Subscriptions,
}

/// An instance came to 90 % of a quota, for the first time since it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaWarning {
    /// Which quota.
    pub quota: Quota,
    /// What is under way, the newest included.
    pub used: usize,
    /// What may be.
    pub max: usize,
}

/// Which warnings were given already.
#[derive(Debug, Default)]
pub(crate) struct Warned(Vec<Quota>);

impl Warned {
    /// The warning, where one is due.
    pub(crate) fn pass(&mut self, quota: Quota, used: usize, max: usize) -> Option<QuotaWarning> {
        if used.saturating_mul(100) < max.saturating_mul(WARNING_PERCENT) || self.0.contains(&quota) {
            return None;
        }
        self.0.push(quota);
        Some(QuotaWarning { quota, used, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_tenths_are_told_once_for_each_quota() {
        let mut warned = Warned::default();
        assert_eq!(warned.pass(Quota::Timers, 89, 100), None);
        let expected = QuotaWarning { quota: Quota::Timers, used: 90, max: 100 };
        assert_eq!(warned.pass(Quota::Timers, 90, 100), Some(expected));
        assert_eq!(warned.pass(Quota::Timers, 100, 100), None);
        assert!(warned.pass(Quota::TimerBytes, 95, 100).is_some());
    }
}
