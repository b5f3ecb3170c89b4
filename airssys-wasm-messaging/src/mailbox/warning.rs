//! When a mailbox is nearly full, told once.
//!
//! The senders' first look is at a threshold anyway, so that it costs them nothing that it lies at the warning
//! share of a bound until the warning was given, and at the bound itself from then on.

/// The share of a bound at which a warning is given, in percent.
const WARNING_PERCENT: u64 = 90;

/// One of the two bounds of a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailboxBound {
    /// How many messages may wait.
    Messages,
    /// How many bytes may wait.
    Bytes,
}

/// A mailbox came to 90 % of a bound, for the first time since it was made or since
/// [`MailboxReceiver::rearm_warnings`](crate::MailboxReceiver::rearm_warnings).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailboxWarning {
    /// Which bound.
    pub bound: MailboxBound,
    /// What waits, the message that led to this included.
    pub waiting: u64,
    /// What may wait.
    pub max: u64,
}

/// The least loads that want a closer look.
#[derive(Debug)]
pub(super) struct Thresholds {
    messages: Threshold,
    bytes: Threshold,
}

#[derive(Debug)]
struct Threshold {
    bound: MailboxBound,
    max: u64,
    /// Loads below it need no closer look.
    look_at: u64,
    is_armed: bool,
}

impl Thresholds {
    pub(super) fn new(max_messages: u64, max_bytes: u64) -> Self {
        Self {
            messages: Threshold::new(MailboxBound::Messages, max_messages),
            bytes: Threshold::new(MailboxBound::Bytes, max_bytes),
        }
    }

    /// Whether a load with the next message needs no closer look.
    pub(super) fn are_above(&self, messages: u64, bytes: u64) -> bool {
        messages < self.messages.look_at && bytes < self.bytes.look_at
    }

    /// Takes note of an exact load that was accepted. Where both bounds are near, the second one is told with the
    /// next message.
    pub(super) fn pass(&mut self, messages: u64, bytes: u64) -> Option<MailboxWarning> {
        self.messages.pass(messages).or_else(|| self.bytes.pass(bytes))
    }
}

impl Threshold {
    fn new(bound: MailboxBound, max: u64) -> Self {
        // Without overflow, and rounded up: nine of ten, ninety of a hundred, one of one. A bound of nothing is
        // never near.
        let near = max - max / 100 * (100 - WARNING_PERCENT) - max % 100 * (100 - WARNING_PERCENT) / 100;
        Self { bound, max, look_at: near, is_armed: max > 0 }
    }

    fn pass(&mut self, load: u64) -> Option<MailboxWarning> {
        if !self.is_armed || load < self.look_at {
            return None;
        }
        self.is_armed = false;
        // One more than the bound: a load at the bound itself still has room.
        self.look_at = self.max.saturating_add(1);
        Some(MailboxWarning { bound: self.bound, waiting: load, max: self.max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_tenths_are_near_and_told_once() {
        for (max, near) in [(1, 1), (2, 2), (9, 9), (10, 9), (11, 10), (100, 90), (101, 91), (1_000, 900)] {
            let mut threshold = Threshold::new(MailboxBound::Messages, max);
            assert_eq!(threshold.pass(near - 1), None, "{near} of {max}");
            let expected = MailboxWarning { bound: MailboxBound::Messages, waiting: near, max };
            assert_eq!(threshold.pass(near), Some(expected), "{near} of {max}");
            assert_eq!(threshold.pass(max), None, "once");
        }
        assert_eq!(Threshold::new(MailboxBound::Bytes, 0).pass(0), None);
        let mut largest = Threshold::new(MailboxBound::Bytes, u64::MAX);
        assert_eq!(largest.pass(u64::MAX / 10 * 9), None);
        assert!(largest.pass(u64::MAX).is_some());
    }

    #[test]
    fn after_its_warning_a_bound_wants_no_look_below_itself() {
        let mut thresholds = Thresholds::new(10, 100);
        assert!(thresholds.are_above(8, 89) && !thresholds.are_above(9, 0) && !thresholds.are_above(1, 90));
        assert_eq!(thresholds.pass(9, 90).map(|warning| warning.bound), Some(MailboxBound::Messages));
        assert_eq!(thresholds.pass(10, 90).map(|warning| warning.bound), Some(MailboxBound::Bytes));
        assert_eq!(thresholds.pass(10, 100), None);
        assert!(
            thresholds.are_above(10, 100) && !thresholds.are_above(11, 0) && !thresholds.are_above(1, 101)
        );
    }
}
