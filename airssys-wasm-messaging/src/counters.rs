//! Counts per sender, read from outside without stopping anybody.

#![expect(clippy::disallowed_types, reason = "held for one look-up when a part of the host opens a link")]

use std::collections::HashMap;
use std::ops::Add;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use airssys_wasm_core::{Address, SendError};

/// Host parts that are counted one by one (`host/cli`, `host/input`, …); further ones share the
/// counters of none. Their names come from the host's own code, so this is a bound, not a limit.
const MAX_HOST_SENDERS: usize = 1_024;

/// What became of the messages of one sender.
///
/// An instance sends from one task at a time, so that its counters are never contended.
#[derive(Debug, Default)]
pub struct TrafficCounters {
    sent: AtomicU64,
    denied: AtomicU64,
    rejected_full: AtomicU64,
    rate_limited: AtomicU64,
    too_large: AtomicU64,
    quota_exceeded: AtomicU64,
    would_deadlock: AtomicU64,
    undeliverable: AtomicU64,
}

impl TrafficCounters {
    /// The counts at this moment.
    #[must_use]
    pub fn snapshot(&self) -> TrafficSnapshot {
        TrafficSnapshot {
            sent: self.sent.load(Ordering::Relaxed),
            denied: self.denied.load(Ordering::Relaxed),
            rejected_full: self.rejected_full.load(Ordering::Relaxed),
            rate_limited: self.rate_limited.load(Ordering::Relaxed),
            too_large: self.too_large.load(Ordering::Relaxed),
            quota_exceeded: self.quota_exceeded.load(Ordering::Relaxed),
            would_deadlock: self.would_deadlock.load(Ordering::Relaxed),
            undeliverable: self.undeliverable.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn count_sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count(&self, error: &SendError) {
        self.count_times(error, 1);
    }

    pub(crate) fn count_times(&self, error: &SendError, times: u64) {
        let counter = match error {
            SendError::Denied(_) => &self.denied,
            SendError::Full => &self.rejected_full,
            SendError::RateLimited => &self.rate_limited,
            SendError::TooLarge(_) => &self.too_large,
            SendError::QuotaExceeded => &self.quota_exceeded,
            SendError::WouldDeadlock => &self.would_deadlock,
            _ => &self.undeliverable,
        };
        counter.fetch_add(times, Ordering::Relaxed);
    }
}

/// [`TrafficCounters`] at one moment. A message that is offered again for want of room counts as
/// rejected once at most, and as sent when it was accepted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrafficSnapshot {
    /// Accepted by a mailbox.
    pub sent: u64,
    /// Refused for want of a right.
    pub denied: u64,
    /// Refused for want of room in the mailbox.
    pub rejected_full: u64,
    /// Refused by the receiver's rate.
    pub rate_limited: u64,
    /// Refused by the receiver's largest message.
    pub too_large: u64,
    /// Refused because the sender has as much under way as one instance may have: requests, timers, subscriptions,
    /// targets of one broadcast.
    pub quota_exceeded: u64,
    /// Refused because waiting would have closed a cycle.
    pub would_deadlock: u64,
    /// Nobody there to take it: not found, closed or without a handler.
    pub undeliverable: u64,
}

impl Add for TrafficSnapshot {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            sent: self.sent.saturating_add(other.sent),
            denied: self.denied.saturating_add(other.denied),
            rejected_full: self.rejected_full.saturating_add(other.rejected_full),
            rate_limited: self.rate_limited.saturating_add(other.rate_limited),
            too_large: self.too_large.saturating_add(other.too_large),
            quota_exceeded: self.quota_exceeded.saturating_add(other.quota_exceeded),
            would_deadlock: self.would_deadlock.saturating_add(other.would_deadlock),
            undeliverable: self.undeliverable.saturating_add(other.undeliverable),
        }
    }
}

/// The counters of the senders that are no registered instance: the parts of the host. Those of an
/// instance live and end with its registration, so that nothing grows over starts and stops.
#[derive(Debug, Default)]
pub struct RouterCounters {
    host: Mutex<HashMap<Address, Arc<TrafficCounters>>>,
}

impl RouterCounters {
    /// The counters of a part of the host, where it has sent anything.
    #[must_use]
    pub fn host(&self, sender: &Address) -> Option<Arc<TrafficCounters>> {
        self.host.lock().unwrap_or_else(PoisonError::into_inner).get(sender).cloned()
    }

    /// The counters of this sender, kept only for the host and within the bound.
    pub(crate) fn open(&self, sender: &Address) -> Arc<TrafficCounters> {
        let mut host = self.host.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = host.get(sender) {
            return Arc::clone(known);
        }
        let fresh = Arc::new(TrafficCounters::default());
        if sender.is_host() && host.len() < MAX_HOST_SENDERS {
            host.insert(sender.clone(), Arc::clone(&fresh));
        }
        fresh
    }
}
