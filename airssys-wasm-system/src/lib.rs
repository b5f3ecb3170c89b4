//! Hosts untrusted WebAssembly components as supervised, message-passing actors.
//!
//! A [`Host`] runs components, each in its own sandbox with declared limits, without any right that was
//! not granted, behind a bounded mailbox, and restarted when it fails. A [`ComponentRef`] sends and asks
//! from Rust. This is the composition root: the engine, the mailboxes and the guard meet here.
//!
//! Invariant: this crate knows neither the command line nor any network transport, and no type of the
//! engine is in its public signatures.
//!
//! The first supervised component, from a file:
//!
//! ```
//! use airssys_wasm_system::{Component, Host};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../guests/built/echo.wasm");
//! let host = Host::builder().build()?;
//! let echo = host.start(Component::from_file("demo/echo".parse()?, file, 2 << 20)).await?;
//! let reply = echo.request("hello").await?;
//! assert_eq!(reply.bytes().as_ref(), b"hello");
//! host.shutdown().await;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod component;
mod component_file;
mod regular_file;
mod system_files;
mod whereabouts;

mod builder;
mod host;
mod reference;

mod access_account;
mod actor;
mod actor_state;
mod control;
mod record;
mod registry;

mod audit;
mod directory;
mod events;
mod guest_log;
mod host_storage;
mod in_hand;
mod observers;
mod rights;
mod status;
mod storage_gauge;
#[cfg(feature = "unlimited-for-benchmarks")]
mod unlimited;

mod error;

pub use actor_state::ActorState;
pub use audit::{AuditLocation, AuditLogError, AuditStatus};
pub use builder::HostBuilder;
pub use component::Component;
pub use error::{InvokeError, SystemError};
pub use events::{Event, EventStream, WarnedLimit};
pub use host::Host;
pub use reference::ComponentRef;
pub use status::{ComponentStatus, Kills};
pub use system_files::{LaunchStep, SystemFiles};

pub use airssys_wasm_messaging::{
    DeadLetterCause, ENTRY_BYTES, MAX_PENDING_REQUESTS, MAX_SUBSCRIPTIONS, MAX_TIMER_BYTES, MAX_TIMERS,
    MAX_UNREAD_ANSWER_BYTES, Published, ReplyWait, TopicStream,
};
pub use airssys_wasm_runtime::{ComponentReport, InterfaceReport, RuntimeError};
pub use airssys_wasm_security::{
    AuditFault, AuditHash, AuditHashError, AuditHead, AuditVerifier, BadAuditRecord, MAX_AUDIT_RECORD_BYTES,
};
pub use airssys_wasm_storage::{
    CACHE_BYTES, LISTED_KEY_BYTES, MAX_KEY_BYTES, MAX_KEYS, MAX_LISTING_BYTES, MAX_VALUE_BYTES,
    MAX_WAITING_CHANGE_BYTES, StoreError, StoreFailure, StoreStatus,
};
