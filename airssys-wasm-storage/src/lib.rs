//! What components keep under keys of their own: an embedded store in one file, or in memory.
//!
//! A [`Store`] gives each component a namespace of its own, as the port `KeyValueStore`. Each operation is atomic,
//! and a change is answered when it is on the disk. One thread writes, and puts all changes that wait into one
//! transaction; a few threads read. A component has one operation under way at a time, so that components take turns
//! and none can make the store hold more than one of its values. When the disk fails the store opens its file again
//! by itself at the next operation.
//!
//! Invariant: storage knows bytes and records and nothing else: no engine, no component that runs, no manifest. No
//! call of it blocks a thread of the asynchronous runtime, but dropping the last handle of a store that was not closed.
//!
//! ```
//! use airssys_wasm_core::KeyValueStore;
//! use airssys_wasm_storage::{Store, StoreConfig};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Store::in_memory(StoreConfig::default())?;
//! let shop = store.namespace(&"shop/orders".parse()?, 65_536);
//! shop.set("order/1", b"two apples".to_vec()).await?;
//! assert_eq!(shop.get("order/1").await?.as_deref(), Some(b"two apples".as_slice()));
//! assert_eq!(shop.usage().await?.used_bytes, 17);
//!
//! let other = store.namespace(&"shop/prices".parse()?, 65_536);
//! assert_eq!(other.get("order/1").await?, None);
//! store.close().await;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod bounds;

mod error;
mod health;

mod disk;
mod medium;
mod memory;

mod engine;
mod schema;

mod account;
mod change;
mod query;
mod values;

mod ticket;

mod reader;
mod writer;

mod namespace;
mod store;

pub use crate::bounds::{
    CACHE_BYTES, CHANGE_BYTES, LISTED_KEY_BYTES, MAX_KEY_BYTES, MAX_KEYS, MAX_LISTING_BYTES, MAX_VALUE_BYTES,
    MAX_WAITING_CHANGE_BYTES, MAX_WAITING_READS, READERS,
};
pub use crate::error::{FailureKind, StoreError, StoreFailure};
pub use crate::health::{StoreObserver, StoreStatus};
pub use crate::medium::Medium;
pub use crate::store::{Store, StoreConfig};
