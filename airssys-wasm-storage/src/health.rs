//! How a store does, for its operator.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use tracing::{info, warn};

use crate::bounds::TOLD_INTERVAL;
use crate::error::StoreFailure;

/// Hears when a store begins to fail and when it works again. It is called on the store's own threads, while others
/// wait for them: it must not block, nor call the store.
pub trait StoreObserver: Send + Sync + fmt::Debug {
    /// Operations fail since now; further failures are not told before it has recovered, nor within a second of the
    /// last that was.
    fn failed(&self, failure: &StoreFailure);

    /// What failed works again.
    fn recovered(&self);
}

/// How a store does: counts since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StoreStatus {
    /// Whether the last change or the last read failed for the store's own reasons.
    pub is_failing: bool,
    /// Changes that were made, in transactions of one or more.
    pub changes: u64,
    /// Transactions in which they were made.
    pub commits: u64,
    /// Reads that were answered.
    pub reads: u64,
    /// Transactions and reads that failed for the store's own reasons, not for a bound or a quota.
    pub failures: u64,
    /// How often the file was opened again after a failure.
    pub reopened: u64,
}

/// Which part of the store works or fails: one that works says nothing about the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Writing,
    Reading,
}

#[derive(Debug)]
pub(crate) struct Health {
    observer: Option<Arc<dyn StoreObserver>>,
    writing_fails: AtomicBool,
    reading_fails: AtomicBool,
    changes: AtomicU64,
    commits: AtomicU64,
    reads: AtomicU64,
    failures: AtomicU64,
    reopened: AtomicU64,
    /// When the observer was told last, in milliseconds of `clock`, plus one; 0 before it ever was.
    told_at: AtomicU64,
    /// Whether what it was told last is a failure.
    is_told: AtomicBool,
    clock: Instant,
}

impl Health {
    pub(crate) fn new(observer: Option<Arc<dyn StoreObserver>>) -> Self {
        Self {
            observer,
            writing_fails: AtomicBool::new(false),
            reading_fails: AtomicBool::new(false),
            changes: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            reopened: AtomicU64::new(0),
            told_at: AtomicU64::new(0),
            is_told: AtomicBool::new(false),
            clock: Instant::now(),
        }
    }

    pub(crate) fn status(&self) -> StoreStatus {
        StoreStatus {
            is_failing: self.is_failing(),
            changes: self.changes.load(Ordering::Relaxed),
            commits: self.commits.load(Ordering::Relaxed),
            reads: self.reads.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            reopened: self.reopened.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn committed(&self, changes: u64) {
        self.changes.fetch_add(changes, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.works(Part::Writing);
    }

    pub(crate) fn read(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.works(Part::Reading);
    }

    pub(crate) fn reopened(&self) {
        self.reopened.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self, part: Part, failure: &StoreFailure) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.part(part).store(true, Ordering::SeqCst);
        if self.may_tell() && !self.is_told.swap(true, Ordering::Relaxed) {
            warn!(failure = failure as &(dyn std::error::Error + 'static), "the store fails");
            if let Some(observer) = &self.observer {
                observer.failed(failure);
            }
        }
    }

    fn works(&self, part: Part) {
        // Most of the time nothing fails, and then nothing is written that other threads read.
        let fails = self.part(part);
        if fails.load(Ordering::Relaxed)
            // In one order for all threads: of two that work again at the same time the later sees that all does.
            && fails.swap(false, Ordering::SeqCst)
            && !self.is_failing()
            && self.is_told.swap(false, Ordering::Relaxed)
        {
            info!("the store works again");
            if let Some(observer) = &self.observer {
                observer.recovered();
            }
        }
    }

    fn is_failing(&self) -> bool {
        self.writing_fails.load(Ordering::SeqCst) || self.reading_fails.load(Ordering::SeqCst)
    }

    /// Whether a failure may be told now, and then it counts as told.
    fn may_tell(&self) -> bool {
        let last = self.told_at.load(Ordering::Relaxed);
        let now = u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        let interval = u64::try_from(TOLD_INTERVAL.as_millis()).unwrap_or(u64::MAX);
        let may =
            !self.is_told.load(Ordering::Relaxed) && (last == 0 || now.saturating_sub(last) >= interval);
        may && self.told_at.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn part(&self, part: Part) -> &AtomicBool {
        match part {
            Part::Writing => &self.writing_fails,
            Part::Reading => &self.reading_fails,
        }
    }
}
