//! Who may send what to whom, and how much of it: patterns, capability sets, rate limits and the
//! guard that messaging asks; what a component may reach on the network; and the audit log that holds what was
//! refused and done.
//!
//! Everything is denied unless both sides say otherwise, and a decision is a plain function of
//! rights, addresses and a time that the caller gives.
//!
//! Invariant: this crate knows neither the engine nor an asynchronous runtime, does no I/O, and
//! reads a clock only through the [`Clock`] that it was given.
//!
//! ```
//! use std::sync::Arc;
//!
//! use airssys_wasm_core::{DenialRule, Guard, MessagingCapabilities, SendError};
//! use airssys_wasm_security::{CapabilityGuard, CapabilitySet, MonotonicClock};
//!
//! let guard = CapabilityGuard::new(Arc::new(MonotonicClock::new()));
//! let parser = MessagingCapabilities {
//!     send_to: vec!["logs/*".parse()?],
//!     ..MessagingCapabilities::default()
//! };
//! let stats = MessagingCapabilities {
//!     receive_from: vec!["logs/parser".parse()?],
//!     ..MessagingCapabilities::default()
//! };
//! guard.grant(&"logs/parser".parse()?, Arc::new(CapabilitySet::new(&parser)));
//! guard.grant(&"logs/stats".parse()?, Arc::new(CapabilitySet::new(&stats)));
//!
//! let admission = guard.authorise(&"logs/parser/0".parse()?, &"logs/stats".parse()?)?;
//! assert_eq!(admission.admit(100), Ok(()));
//! let back = guard.authorise(&"logs/stats/0".parse()?, &"logs/parser".parse()?);
//! assert_eq!(back.err(), Some(SendError::Denied(DenialRule::SendTo)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod audit;
mod capability;
mod clock;
mod guard;
mod network;
mod pattern;
mod rate;

pub use crate::audit::{
    AUDIT_BURST_BYTES, AUDIT_BYTES_PER_SECOND, AuditBacklog, AuditChain, AuditEntry, AuditFault, AuditHash,
    AuditHashError, AuditHead, AuditVerifier, BadAuditRecord, MAX_AUDIT_RECORD_BYTES, MAX_WAITING_BY_GUESTS,
    MAX_WAITING_BYTES, MAX_WAITING_RECORDS,
};
pub use crate::capability::CapabilitySet;
pub use crate::clock::{Clock, MonotonicClock};
pub use crate::guard::{CapabilityGuard, MAX_RATED_PAIRS};
pub use crate::network::{AddressClass, Answers, DestinationSet, Lookup, NetworkAccess, NetworkRefusal};
pub use crate::pattern::PatternSet;
pub use crate::rate::MessageRateLimiter;
