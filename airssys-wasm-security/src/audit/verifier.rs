//! Finds the first record of a log that is not what it was, or not where it was.

use std::mem;

use thiserror::Error;

use super::hash::AuditHash;
use super::record::{self, MAX_AUDIT_RECORD_BYTES};
use airssys_wasm_core::AuditKind;

/// What is wrong with a record, or between it and the one before.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AuditFault {
    /// The line has not the form of a record.
    #[error("this is no audit record")]
    NotARecord,
    /// The line is longer than any record.
    #[error("this line is longer than the {MAX_AUDIT_RECORD_BYTES} bytes of the longest record")]
    TooLong,
    /// The hash of the record is not that of its content.
    #[error("the record was altered: its hash is not that of its content")]
    Altered,
    /// The number does not follow the one before.
    #[error("record {expected} was expected here, and this is record {found}")]
    OutOfSequence {
        /// One more than the record before.
        expected: u64,
        /// The number of this record.
        found: u64,
    },
    /// The number follows, the hash does not: the record before is another one than was written.
    #[error("the record does not follow the one before: it names {found} as its hash, which is {expected}")]
    NotChained {
        /// The hash of the record before.
        expected: AuditHash,
        /// The hash that this record names.
        found: AuditHash,
    },
    /// The first record of a file does not begin one.
    #[error("the file does not begin with a record `begun`: its beginning is missing")]
    NoBeginning,
    /// The file has no record.
    #[error("the file is empty")]
    Empty,
    /// The last line has no line end.
    #[error("the file ends within this record")]
    Unfinished,
}

/// The first bad record of a file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {fault}")]
pub struct BadAuditRecord {
    /// Its line, counting from 1.
    pub line: u64,
    /// What is wrong.
    pub fault: AuditFault,
}

/// The last record of what was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditHead {
    /// Its number.
    pub sequence: u64,
    /// Its hash.
    pub hash: AuditHash,
    /// Whether it says that the host was shut down in order.
    pub is_closed: bool,
}

/// Verifies the files of a log in their order, in pieces of any size. It holds one line at a time.
///
/// A log need not be given from its first file on: the first record given is believed about the records
/// before it. After an error the verifier goes no further.
#[derive(Debug, Default)]
pub struct AuditVerifier {
    head: Option<AuditHead>,
    first: Option<u64>,
    records: u64,
    /// Complete lines of this file.
    lines: u64,
    /// The beginning of a line whose end was not given yet.
    partial: Vec<u8>,
}

impl AuditVerifier {
    /// A verifier at the beginning of the first file.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the file.
    ///
    /// # Errors
    ///
    /// The first bad record.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), BadAuditRecord> {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at_checked(end).unwrap_or_default();
            rest = after.get(1..).unwrap_or_default();
            if self.partial.is_empty() {
                self.take_line(line)?;
            } else {
                self.keep(line)?;
                let line = mem::take(&mut self.partial);
                self.take_line(&line)?;
            }
        }
        self.keep(rest)
    }

    /// The file ends; what is given from now on is the next one.
    ///
    /// # Errors
    ///
    /// [`AuditFault::Unfinished`] where it ends within a line, and [`AuditFault::Empty`].
    pub fn end_file(&mut self) -> Result<(), BadAuditRecord> {
        if !self.partial.is_empty() {
            return Err(self.bad(AuditFault::Unfinished));
        }
        if self.lines == 0 {
            return Err(self.bad(AuditFault::Empty));
        }
        self.lines = 0;
        Ok(())
    }

    /// The last good record so far.
    #[must_use]
    pub fn head(&self) -> Option<AuditHead> {
        self.head
    }

    /// The number of the first record.
    #[must_use]
    pub fn first_sequence(&self) -> Option<u64> {
        self.first
    }

    /// Good records so far.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    fn keep(&mut self, part: &[u8]) -> Result<(), BadAuditRecord> {
        if self.partial.len() + part.len() >= MAX_AUDIT_RECORD_BYTES {
            return Err(self.bad(AuditFault::TooLong));
        }
        self.partial.extend_from_slice(part);
        Ok(())
    }

    fn take_line(&mut self, line: &[u8]) -> Result<(), BadAuditRecord> {
        if line.len() >= MAX_AUDIT_RECORD_BYTES {
            return Err(self.bad(AuditFault::TooLong));
        }
        let read = record::read(line).map_err(|fault| self.bad(fault))?;
        if self.lines == 0 && read.kind != AuditKind::Begun {
            return Err(self.bad(AuditFault::NoBeginning));
        }
        let (sequence, hash) = match self.head {
            Some(head) => (head.sequence.saturating_add(1), head.hash),
            None if read.sequence == 0 => (0, AuditHash::ZERO),
            None => (read.sequence, read.previous),
        };
        if read.sequence != sequence {
            return Err(self.bad(AuditFault::OutOfSequence { expected: sequence, found: read.sequence }));
        }
        if read.previous != hash {
            return Err(self.bad(AuditFault::NotChained { expected: hash, found: read.previous }));
        }
        self.first.get_or_insert(sequence);
        self.head = Some(AuditHead { sequence, hash: read.hash, is_closed: read.kind == AuditKind::Closed });
        self.records += 1;
        self.lines += 1;
        Ok(())
    }

    /// The line that is being read is bad.
    fn bad(&self, fault: AuditFault) -> BadAuditRecord {
        BadAuditRecord { line: self.lines + 1, fault }
    }
}
