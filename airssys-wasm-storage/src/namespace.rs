//! What one component keeps, as the port that it is reached by.

use std::fmt;
use std::sync::Arc;

use redb::ReadTransaction;
use tokio::sync::{Semaphore, oneshot};

use airssys_wasm_core::{Address, BoxFuture, KeyValueStore, StorageError, StorageUsage};

use crate::bounds::{CHANGE_BYTES, MAX_KEY_BYTES, MAX_VALUE_BYTES};
use crate::change::{Change, Order};
use crate::error::StoreFailure;
use crate::query::{self, Reply};
use crate::reader::{self, Read};
use crate::store::Threads;
use crate::writer::Write;

/// The namespace of one component, with the quota of whoever holds it.
pub(crate) struct Namespace {
    pub(crate) component: Address,
    pub(crate) quota_bytes: u64,
    /// One permit, for all handles of this component.
    pub(crate) turns: Arc<Semaphore>,
    pub(crate) threads: Arc<Threads>,
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace")
            .field("component", &self.component)
            .field("quota_bytes", &self.quota_bytes)
            .finish_non_exhaustive()
    }
}

impl Namespace {
    async fn read<T: Send + 'static>(
        &self,
        question: impl Fn(&ReadTransaction, &str) -> Reply<T> + Send + 'static,
    ) -> Result<T, StorageError> {
        let ticket = self.threads.reads.ticket(&self.turns, 1).await.map_err(|closed| closed.told())?;
        let (answer, answered) = oneshot::channel();
        let component = self.component.clone();
        let read = Read(Box::new(move |engine| {
            let reply = reader::ask(engine, |records| question(records, component.as_str()));
            // Who has stopped waiting frees the place all the same.
            let _ = answer.send((reply, ticket));
        }));
        self.threads.reads.put(read).map_err(|closed| closed.told())?;
        let (reply, _ticket) = answered.await.map_err(|_| StoreFailure::closed().told())?;
        reply
    }

    async fn write(&self, key: &str, change: Change) -> Result<bool, StorageError> {
        let bytes = key.len().saturating_add(match &change {
            Change::Set(value) => value.len(),
            Change::Delete => 0,
            Change::Swap { expected, value } => value.len() + expected.as_ref().map_or(0, Vec::len),
        });
        let units = bytes.saturating_add(CHANGE_BYTES);
        let ticket = self.threads.changes.ticket(&self.turns, units).await.map_err(|closed| closed.told())?;
        let (answer, answered) = oneshot::channel();
        let order = Order {
            component: self.component.as_str().to_owned(),
            quota_bytes: self.quota_bytes,
            key: key.to_owned(),
            change,
        };
        self.threads.changes.put(Write { order, answer, ticket }).map_err(|closed| closed.told())?;
        let (done, _ticket) = answered.await.map_err(|_| StoreFailure::closed().told())?;
        done
    }
}

impl KeyValueStore for Namespace {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StorageError>> {
        Box::pin(async move {
            let key = checked(key)?.to_owned();
            self.read(move |records, component| query::get(records, component, &key)).await
        })
    }

    fn set<'a>(&'a self, key: &'a str, value: Vec<u8>) -> BoxFuture<'a, Result<(), StorageError>> {
        Box::pin(async move {
            at_most("a value", &value, MAX_VALUE_BYTES)?;
            self.write(checked(key)?, Change::Set(value)).await.map(|_| ())
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool, StorageError>> {
        Box::pin(async move { self.write(checked(key)?, Change::Delete).await })
    }

    fn exists<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool, StorageError>> {
        Box::pin(async move {
            let key = checked(key)?.to_owned();
            self.read(move |records, component| query::exists(records, component, &key)).await
        })
    }

    fn list_keys<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        Box::pin(async move {
            if prefix.len() > MAX_KEY_BYTES {
                // No key is that long; and nobody else's text of any length is kept here.
                return Ok(Vec::new());
            }
            let prefix = prefix.to_owned();
            self.read(move |records, component| query::list(records, component, &prefix)).await
        })
    }

    fn usage(&self) -> BoxFuture<'_, Result<StorageUsage, StorageError>> {
        let quota_bytes = self.quota_bytes;
        Box::pin(self.read(move |records, component| query::usage(records, component, quota_bytes)))
    }

    fn compare_and_swap<'a>(
        &'a self,
        key: &'a str,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> BoxFuture<'a, Result<bool, StorageError>> {
        Box::pin(async move {
            at_most("a value", &value, MAX_VALUE_BYTES)?;
            at_most("an expected value", expected.as_deref().unwrap_or_default(), MAX_VALUE_BYTES)?;
            self.write(checked(key)?, Change::Swap { expected, value }).await
        })
    }
}

fn checked(key: &str) -> Result<&str, StorageError> {
    if key.is_empty() {
        return Err(StorageError::InvalidKey("it is empty"));
    }
    at_most("a key", key.as_bytes(), MAX_KEY_BYTES)?;
    Ok(key)
}

fn at_most(what: &'static str, bytes: &[u8], most: usize) -> Result<(), StorageError> {
    if bytes.len() <= most {
        return Ok(());
    }
    Err(StorageError::TooLarge { what, max_bytes: u64::try_from(most).unwrap_or(u64::MAX) })
}
