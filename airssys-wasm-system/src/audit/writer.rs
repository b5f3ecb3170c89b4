//! Turns entries into lines of the chain, and goes on where it failed.
//!
//! Invariant: a line that was made is written before any other, as often as that takes, so that a failed
//! attempt leaves no gap and no second form of a record.

use std::collections::VecDeque;
use std::io;
use std::time::SystemTime;

use super::store::{Rotated, Store};
use airssys_wasm_core::{AuditEvent, AuditKind, AuditReason};
use airssys_wasm_security::{AuditChain, AuditEntry, AuditHash};

/// Bytes that are written at a time.
const PIECE_BYTES: usize = 65_536;

/// Writes one log.
#[derive(Debug)]
pub(super) struct Writer {
    store: Box<dyn Store>,
    /// The end of what was made, written or not.
    chain: AuditChain,
    max_file_bytes: u64,
    /// What is to become lines, the oldest first.
    pub(super) work: VecDeque<AuditEntry>,
    /// Lines that are not written yet, and how many.
    made: Vec<u8>,
    made_records: u64,
    /// Those of them that are not about the log itself.
    made_events: u64,
    is_full: bool,
    progress: Progress,
    is_synced: bool,
}

/// How far a log was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    /// Records written by this writer.
    pub(super) written: u64,
    /// Records of the whole chain.
    pub(super) records: u64,
    /// The hash of the last one.
    pub(super) last_hash: AuditHash,
}

impl Writer {
    pub(super) fn new(store: Box<dyn Store>, chain: AuditChain, max_file_bytes: u64) -> Self {
        let progress = Progress { written: 0, records: chain.next_sequence(), last_hash: chain.last_hash() };
        Self {
            store,
            chain,
            max_file_bytes,
            work: VecDeque::new(),
            made: Vec::new(),
            made_records: 0,
            made_events: 0,
            is_full: false,
            progress,
            is_synced: true,
        }
    }

    /// Writes all of the work. After a failure nothing is lost: the next call goes on.
    pub(super) fn write(&mut self) -> io::Result<()> {
        loop {
            if !self.made.is_empty() {
                self.store.append(&self.made)?;
                self.is_synced = false;
                self.progress = Progress {
                    written: self.progress.written + self.made_records,
                    records: self.chain.next_sequence(),
                    last_hash: self.chain.last_hash(),
                };
                self.made.clear();
                (self.made_records, self.made_events) = (0, 0);
            }
            if self.is_full {
                let rotated = self.store.rotate(self.chain.next_sequence())?;
                self.is_full = false;
                self.work.push_front(begun(&rotated));
            }
            self.make();
            if self.made.is_empty() && !self.is_full {
                return Ok(());
            }
        }
    }

    /// Makes lines of the work, until there are enough for one piece or the file is full.
    fn make(&mut self) {
        while self.made.len() < PIECE_BYTES {
            let Some(entry) = self.work.front() else { return };
            let (before, start) = (self.chain.clone(), self.made.len());
            self.chain.append(entry, &mut self.made);
            if self.store.bytes() + self.made.len() as u64 > self.max_file_bytes {
                // It becomes a line of the next file, with another number.
                self.made.truncate(start);
                self.chain = before;
                self.is_full = true;
                return;
            }
            self.made_events += u64::from(is_event(entry));
            self.made_records += 1;
            self.work.pop_front();
        }
    }

    /// Sees to it that what was written survives a loss of power.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if !self.is_synced {
            self.store.sync()?;
            self.is_synced = true;
        }
        Ok(())
    }

    pub(super) fn progress(&self) -> Progress {
        self.progress
    }

    /// Whether everything that this writer was given is written.
    pub(super) fn is_idle(&self) -> bool {
        self.work.is_empty() && self.made.is_empty()
    }

    /// Events that this writer was given and has not written; records about the log itself are none.
    pub(super) fn unwritten(&self) -> u64 {
        self.made_events + self.work.iter().filter(|entry| is_event(entry)).count() as u64
    }
}

fn is_event(entry: &AuditEntry) -> bool {
    let kind = entry.event.kind;
    !matches!(kind, AuditKind::Begun | AuditKind::Resumed | AuditKind::Closed | AuditKind::Lost)
}

/// The first record of a file after a full one.
fn begun(rotated: &Rotated) -> AuditEntry {
    let mut text = format!("goes on after {}", rotated.aside);
    for (number, name) in rotated.removed.iter().enumerate() {
        text.push_str(if number == 0 { "; removed " } else { ", " });
        text.push_str(name);
    }
    entry(AuditKind::Begun, Some(AuditReason::text(text)))
}

/// A record about the log itself, now.
pub(super) fn entry(kind: AuditKind, reason: Option<AuditReason>) -> AuditEntry {
    AuditEntry { time: SystemTime::now(), event: AuditEvent::of_log(kind, reason) }
}
