//! The audit log without its files: a hash chain of records, its verification, and the bounded backlog of
//! what is still to be written.
//!
//! # Format
//!
//! A log is a sequence of files, each of them JSON lines: one record to a line, every line ended by one LF
//! (`0x0a`), nothing else between them. A record is one JSON object in exactly this form, without any space
//! outside of its texts, with all keys in this order, and `null` for what does not apply:
//!
//! ```json
//! {"sequence":7,"time":"2026-01-02T03:04:05.678901Z","kind":"denied","sender":"logs/a/0","target":"logs/b","rule":"capabilities.messaging.send_to","reason":"denied by capabilities.messaging.send_to","correlation":null,"previous":"<64 hexadecimal digits>","hash":"<64 hexadecimal digits>"}
//! ```
//!
//! | key | what it is |
//! |---|---|
//! | `sequence` | the record's number; the first of a log has 0, each other one more than the one before |
//! | `time` | when it happened, UTC, RFC 3339 with six digits of a second and `Z`; the clock's, so that it may go back |
//! | `kind` | an [`AuditKind`](airssys_wasm_core::AuditKind) |
//! | `sender` | who tried or did it, as an address; null where the host did |
//! | `target` | whom or what it was about: an address, a topic or a pattern on topics, or what was wanted of the host (a path, `host:port`, an import) |
//! | `rule` | the manifest key that decided |
//! | `reason` | text |
//! | `correlation` | the number of the request that it belongs to; null where there is none yet, as where `send_to` or `receive_from` refuses the first request or call to a target |
//! | `previous` | `hash` of the record before; 64 zeros in record 0 |
//! | `hash` | SHA-256 (FIPS 180-4), in lower case, of the line's own bytes from its `{` up to and without `,"hash":` |
//!
//! Texts are UTF-8; `"`, `\` and the characters below U+0020 are escaped as in RFC 8259, by their short form
//! where there is one and by `\u00xx` in lower case otherwise, and nothing else is. So each record has one
//! form, and a line that says the same in another form is not a record.
//!
//! Each file begins with a record of the kind `begun`, which goes on with the chain of the file before: a file
//! can be verified by itself, and files in their order as one chain.
//!
//! What a component is granted is written in as many records of the kind `granted` as it takes, each of them one
//! `key = value` after the other, with the names in quotes.
//!
//! # What the chain proves
//!
//! Within the files that are given, a record that was changed, removed, inserted or moved is found, and so is
//! a file that ends within a record or has lost its beginning. The hashes have no key: whoever can write the
//! files can write a new chain from any record on. And no chain knows its own end: records cut off at the
//! end of the last file, or whole files before the first one given, leave a chain that is whole. Both are
//! found by whoever keeps the last hash elsewhere and compares.

mod backlog;
mod chain;
mod hash;
mod record;
mod verifier;

pub use backlog::{
    AUDIT_BURST_BYTES, AUDIT_BYTES_PER_SECOND, AuditBacklog, AuditEntry, MAX_WAITING_BY_GUESTS,
    MAX_WAITING_BYTES, MAX_WAITING_RECORDS,
};
pub use chain::AuditChain;
pub use hash::{AuditHash, AuditHashError};
pub use record::MAX_AUDIT_RECORD_BYTES;
pub use verifier::{AuditFault, AuditHead, AuditVerifier, BadAuditRecord};
