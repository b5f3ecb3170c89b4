//! What is still to be written, within bounds: what does not fit is counted for whoever caused it.
//!
//! Invariant: nothing is dropped that is not counted, and each count leaves as an entry of its own. A
//! component that is denied, or starts and ends, without end takes neither the room nor the disk of what others
//! cause: what guests bring about has a rate for each component, and all of it together leaves room for what the
//! host was asked to do.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::SystemTime;

use super::record::line_bytes;
use crate::clock::Clock;
use crate::guard::component_of;
use crate::rate::MessageRateLimiter;
use airssys_wasm_core::{Address, AuditEvent, AuditKind, AuditReason};

/// Entries that wait at most.
pub const MAX_WAITING_RECORDS: usize = 4_096;

/// Of these, what guests brought about at most, so that there is room for what the host was asked to do.
pub const MAX_WAITING_BY_GUESTS: usize = 3_072;

/// Bytes that wait at most: the texts of the entries, and 256 for each. What guests brought about may take three
/// quarters of it.
pub const MAX_WAITING_BYTES: usize = 2_097_152;

/// Bytes of lines that one component may bring about per second: 80 to 100 denials of ordinary names. One component
/// needs four hours to push the other records out of a log of the default size, which is nine files of 64 MiB.
pub const AUDIT_BYTES_PER_SECOND: u32 = 40_960;

/// Bytes of lines that one component may bring about at once: more than a thousand denials of ordinary names.
pub const AUDIT_BURST_BYTES: u32 = 524_288;

/// What an entry costs beside its texts, which are shared with others or not.
const ENTRY_BYTES: usize = 256;

/// Components that are counted one by one. Those beyond share one rate and one count.
const MAX_TRACKED: usize = 16_384;

/// Time between two entries about what was lost, so that a flood costs the log one of them a second.
const LOSS_INTERVAL_NANOS: u64 = 1_000_000_000;

/// An event and when it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// By the clock on the wall.
    pub time: SystemTime,
    /// What happened.
    pub event: AuditEvent,
}

impl AuditEntry {
    fn weight(&self) -> usize {
        ENTRY_BYTES + self.event.weight()
    }
}

/// The entries that wait, first in, first out.
#[derive(Debug)]
pub struct AuditBacklog {
    queue: VecDeque<AuditEntry>,
    bytes: usize,
    /// Entries that guests brought about.
    by_guests: usize,
    /// Who brought something about lately, by component.
    tracked: HashMap<Box<str>, Tracked>,
    /// All whom `tracked` has no room for.
    others: Tracked,
    /// What the host did and could not be taken.
    lost: u64,
    last_losses: u64,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct Tracked {
    limiter: MessageRateLimiter,
    lost: u64,
}

impl Tracked {
    fn new() -> Self {
        Self { limiter: MessageRateLimiter::new(AUDIT_BYTES_PER_SECOND, AUDIT_BURST_BYTES), lost: 0 }
    }
}

impl AuditBacklog {
    /// A backlog with nothing in it, which measures rates by this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            queue: VecDeque::with_capacity(MAX_WAITING_RECORDS),
            bytes: 0,
            by_guests: 0,
            tracked: HashMap::new(),
            others: Tracked::new(),
            lost: 0,
            last_losses: 0,
            clock,
        }
    }

    /// Takes an entry; false where it was only counted.
    pub fn push(&mut self, entry: AuditEntry) -> bool {
        let weight = entry.weight();
        if !entry.event.is_by_guest {
            let fits = self.queue.len() < MAX_WAITING_RECORDS && self.bytes + weight <= MAX_WAITING_BYTES;
            if !fits {
                self.lost += 1;
                return false;
            }
        } else if !self.admits(&entry, weight) {
            return false;
        } else {
            self.by_guests += 1;
        }
        self.bytes += weight;
        self.queue.push_back(entry);
        true
    }

    fn admits(&mut self, entry: &AuditEntry, weight: usize) -> bool {
        let fits = self.by_guests < MAX_WAITING_BY_GUESTS
            && self.queue.len() < MAX_WAITING_RECORDS
            && self.bytes + weight <= MAX_WAITING_BYTES / 4 * 3;
        let now = self.clock.nanos();
        let name = entry.event.guest().map(component_of).unwrap_or_default();
        if self.tracked.len() < MAX_TRACKED && !self.tracked.contains_key(name) {
            self.tracked.insert(name.into(), Tracked::new());
        }
        let tracked = self.tracked.get_mut(name).unwrap_or(&mut self.others);
        // What finds no room takes nothing of its component's rate.
        let bytes = u32::try_from(line_bytes(&entry.event)).unwrap_or(u32::MAX);
        let admitted = fits && tracked.limiter.try_acquire_many(now, bytes);
        if !admitted {
            tracked.lost += 1;
        }
        admitted
    }

    /// Moves the oldest entries, at most this many, to the end of `into`.
    pub fn take(&mut self, most: usize, into: &mut VecDeque<AuditEntry>) {
        for entry in self.queue.drain(..most.min(self.queue.len())) {
            self.bytes = self.bytes.saturating_sub(entry.weight());
            self.by_guests -= usize::from(entry.event.is_by_guest);
            into.push_back(entry);
        }
    }

    /// Appends an entry for each component about what was only counted since the last time: once a second,
    /// or at once where `is_last`. The entries are not held against the bounds of the backlog, since there is
    /// one for each component that is tracked at most.
    pub fn take_losses(&mut self, time: SystemTime, is_last: bool, into: &mut VecDeque<AuditEntry>) {
        let now = self.clock.nanos();
        let is_due = now.saturating_sub(self.last_losses) >= LOSS_INTERVAL_NANOS;
        if !is_due && !is_last {
            return;
        }
        self.last_losses = now;
        let mut lose = |sender: Option<Address>, lost: &mut u64| {
            if *lost > 0 {
                let plural = if *lost == 1 { "record was" } else { "records were" };
                let reason = AuditReason::text(format_args!("{lost} {plural} not written"));
                let event = AuditEvent { sender, ..AuditEvent::of_log(AuditKind::Lost, Some(reason)) };
                into.push_back(AuditEntry { time, event });
                *lost = 0;
            }
        };
        lose(None, &mut self.lost);
        lose(None, &mut self.others.lost);
        self.tracked.retain(|name, tracked| {
            lose(name.parse().ok(), &mut tracked.lost);
            // One whose burst is at hand in full is as good as a new one.
            !tracked.limiter.is_full(now)
        });
    }

    /// Entries that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes that wait.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
