//! How the audit log stands, as operators see it.

use airssys_wasm_security::AuditHash;

/// The audit log of a host at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditStatus {
    /// Records that this host has written.
    pub written: u64,
    /// Events that were not recorded, for want of room or beyond their component's rate. The log says so as
    /// well, as soon as it can be written.
    pub lost: u64,
    /// Events that wait to be written.
    pub waiting: usize,
    /// What they take, in bytes.
    pub waiting_bytes: usize,
    /// Why the log cannot be written at present, where it cannot.
    pub failing: Option<String>,
    /// Records of the whole chain, those of earlier hosts included.
    pub records: u64,
    /// The hash of the last record that was written. Kept elsewhere, it proves later that no record was cut
    /// off at the end: `airssys-wasm audit verify --expect-last`.
    pub last_hash: AuditHash,
}
