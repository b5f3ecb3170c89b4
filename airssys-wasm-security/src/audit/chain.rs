//! The end of a log that is being written.

use chrono::{DateTime, Utc};

use super::backlog::AuditEntry;
use super::hash::AuditHash;
use super::record::{self, Body};
use super::verifier::AuditFault;

/// Makes the next record of a log.
///
/// ```
/// use std::time::SystemTime;
///
/// use airssys_wasm_core::{AuditEvent, AuditKind};
/// use airssys_wasm_security::{AuditChain, AuditEntry, AuditVerifier};
///
/// let mut log = Vec::new();
/// let mut chain = AuditChain::new();
/// for kind in [AuditKind::Begun, AuditKind::Closed] {
///     let event = AuditEvent::of_log(kind, None);
///     chain.append(&AuditEntry { time: SystemTime::now(), event }, &mut log);
/// }
/// let mut verifier = AuditVerifier::new();
/// verifier.feed(&log)?;
/// verifier.end_file()?;
/// let head = verifier.head().ok_or("a record")?;
/// assert_eq!((head.sequence, head.hash), (1, chain.last_hash()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditChain {
    next: u64,
    last: AuditHash,
}

impl AuditChain {
    /// The chain of a log without a record.
    #[must_use]
    pub fn new() -> Self {
        Self { next: 0, last: AuditHash::ZERO }
    }

    /// The chain of a log whose last line, without its LF, is this.
    ///
    /// # Errors
    ///
    /// [`AuditFault::NotARecord`] or [`AuditFault::Altered`].
    pub fn after(line: &[u8]) -> Result<Self, AuditFault> {
        let last = record::read(line)?;
        Ok(Self { next: last.sequence.saturating_add(1), last: last.hash })
    }

    /// Appends the line of the next record, its LF included.
    pub fn append(&mut self, entry: &AuditEntry, out: &mut Vec<u8>) {
        let event = &entry.event;
        let body = Body {
            sequence: self.next,
            time: record::time_text(DateTime::<Utc>::from(entry.time)).into(),
            kind: event.kind.as_str().into(),
            sender: event.sender.as_ref().map(|sender| sender.as_str().into()),
            target: event.target.as_ref().map(|target| target.as_str().into()),
            rule: event.rule.map(Into::into),
            reason: event.reason.as_ref().map(|reason| reason.to_string().into()),
            correlation: event.correlation.map(|correlation| correlation.get()),
            previous: self.last.to_string().into(),
        };
        self.last = body.write(out);
        self.next = self.next.saturating_add(1);
    }

    /// The number of the next record, which is also how many there are.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.next
    }

    /// The hash of the last record; zeros where there is none.
    #[must_use]
    pub fn last_hash(&self) -> AuditHash {
        self.last
    }
}

impl Default for AuditChain {
    fn default() -> Self {
        Self::new()
    }
}
