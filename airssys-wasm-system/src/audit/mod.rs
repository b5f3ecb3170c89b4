//! The audit log on disk: what was refused and done, written by a thread of its own.
//!
//! Invariant: whoever records waits for no file. What does not fit into the backlog is counted and recorded
//! as lost, whether the disk is slow, full or gone.

mod error;
mod files;
mod location;
mod log;
mod status;
mod store;
mod writer;

pub use error::AuditLogError;
pub use location::AuditLocation;
pub use status::AuditStatus;

pub(crate) use log::{AuditLog, AuditThread};
