//! What a component keeps under keys of its own, and the port to whoever keeps it.

use std::fmt;

use thiserror::Error;

use crate::error::BoxError;
use crate::ports::BoxFuture;

/// What a component uses of its quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StorageUsage {
    /// Bytes of all its keys and values together.
    pub used_bytes: u64,
    /// What it may use: `[capabilities.storage] quota_bytes`.
    pub quota_bytes: u64,
    /// How many keys it has.
    pub keys: u64,
}

/// Why something could not be stored or read. Nothing was changed then, but for [`Failed`](Self::Failed), where it
/// is not known.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StorageError {
    /// No key may be like this.
    #[error("invalid key: {0}")]
    InvalidKey(&'static str),
    /// A key, a value or an answer is larger than it may be, whatever the quota is.
    #[error("{what} of more than {max_bytes} bytes")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The bound in bytes.
        max_bytes: u64,
    },
    /// It would take more bytes than the component's quota.
    #[error("{needed_bytes} bytes where the quota is {quota_bytes}")]
    QuotaExceeded {
        /// What the component would use after it, in bytes.
        needed_bytes: u64,
        /// What it may use.
        quota_bytes: u64,
    },
    /// It would be one more key than a component may have.
    #[error("more than {max} keys")]
    TooManyKeys {
        /// The bound.
        max: u64,
    },
    /// The host has no room for it: a full disk. It may be tried again.
    #[error("there is no room on the host's disk")]
    Full(#[source] BoxError),
    /// The store does not work. It may be tried again.
    #[error("the store failed")]
    Failed(#[source] BoxError),
}

/// The keys and values of one component, within its quota, and nobody else's. The runtime calls it for a guest; the
/// store implements it.
///
/// Each operation is atomic, also among the instances of the component, and what was answered is seen by whoever asks
/// next. Dropping a future does not tell whether the operation is done all the same.
pub trait KeyValueStore: Send + Sync + fmt::Debug {
    /// The value under a key, none when there is none.
    ///
    /// # Errors
    ///
    /// [`StorageError`], as with every operation here.
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StorageError>>;

    /// Writes a value, in place of an earlier one. It lasts when this comes back.
    ///
    /// # Errors
    ///
    /// [`StorageError`].
    fn set<'a>(&'a self, key: &'a str, value: Vec<u8>) -> BoxFuture<'a, Result<(), StorageError>>;

    /// Removes a key; true when there was one.
    ///
    /// # Errors
    ///
    /// [`StorageError`].
    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool, StorageError>>;

    /// Whether there is such a key.
    ///
    /// # Errors
    ///
    /// [`StorageError`].
    fn exists<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool, StorageError>>;

    /// The keys that start with `prefix`, in byte order.
    ///
    /// # Errors
    ///
    /// [`StorageError::TooLarge`] where all of them together are more than is handed over at once.
    fn list_keys<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, StorageError>>;

    /// What is used and what is allowed.
    ///
    /// # Errors
    ///
    /// [`StorageError`].
    fn usage(&self) -> BoxFuture<'_, Result<StorageUsage, StorageError>>;

    /// Writes `value` where the present value equals `expected` (none: where there is no such key); true when it
    /// wrote.
    ///
    /// # Errors
    ///
    /// [`StorageError`]. A quota that `value` would exceed is told only where it would be written.
    fn compare_and_swap<'a>(
        &'a self,
        key: &'a str,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> BoxFuture<'a, Result<bool, StorageError>>;
}
