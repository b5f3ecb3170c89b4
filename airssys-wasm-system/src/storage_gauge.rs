//! How near a component is to the quota of what it keeps, without asking its store at every write.
//!
//! Invariant: after a write that leaves less than a tenth of the quota, and before the next look, the gauge knows it. What
//! was written since the store was last asked is an upper bound of what the use can have grown by meanwhile; only
//! when that could have reached nine tenths the store is asked again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use airssys_wasm_core::{BoxFuture, KeyValueStore, StorageError, StorageUsage};

use crate::actor::is_near;

/// What one component keeps, with a gauge on it that all its instances share.
#[derive(Debug)]
pub(crate) struct GaugedStore {
    store: Arc<dyn KeyValueStore>,
    quota_bytes: u64,
    /// Bytes that can be written before the use may be near the quota; 0 where nothing is known.
    ample: AtomicU64,
    /// The use when it was last seen near the quota; 0 where it is not known to be.
    near: AtomicU64,
}

impl GaugedStore {
    pub(crate) fn new(store: Arc<dyn KeyValueStore>, quota_bytes: u64) -> Self {
        Self { store, quota_bytes, ample: AtomicU64::new(0), near: AtomicU64::new(0) }
    }

    /// The bytes that were used when they came near the quota, and the quota.
    pub(crate) fn near_quota(&self) -> Option<(u64, u64)> {
        match self.near.load(Ordering::Acquire) {
            0 => None,
            used => Some((used, self.quota_bytes)),
        }
    }

    /// An instance starts: what was seen for an earlier one may have changed since.
    pub(crate) fn rearm(&self) {
        self.near.store(0, Ordering::Release);
        self.ample.store(0, Ordering::Release);
    }

    /// So much was written, at most.
    async fn wrote(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let spent =
            self.ample.fetch_update(Ordering::AcqRel, Ordering::Acquire, |ample| ample.checked_sub(bytes));
        if spent.is_ok_and(|before| before > bytes) || self.near.load(Ordering::Acquire) > 0 {
            return;
        }
        // What others write while the store is asked is not in its answer.
        let asked = self.ample.load(Ordering::Acquire);
        // Who cannot be told the use now is told after the next write.
        let Ok(StorageUsage { used_bytes, .. }) = self.store.usage().await else { return };
        if is_near(used_bytes, self.quota_bytes) {
            self.near.store(used_bytes.max(1), Ordering::Release);
        } else {
            let threshold = self.quota_bytes - self.quota_bytes / 10;
            let ample = threshold.saturating_sub(used_bytes);
            // Where another one was told meanwhile, its answer stands, or the next write asks again.
            self.ample.compare_exchange(asked, ample, Ordering::AcqRel, Ordering::Acquire).ok();
        }
    }
}

impl KeyValueStore for GaugedStore {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StorageError>> {
        self.store.get(key)
    }

    fn set<'a>(&'a self, key: &'a str, value: Vec<u8>) -> BoxFuture<'a, Result<(), StorageError>> {
        let bytes = key.len().saturating_add(value.len());
        Box::pin(async move {
            self.store.set(key, value).await?;
            self.wrote(bytes).await;
            Ok(())
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool, StorageError>> {
        self.store.delete(key)
    }

    fn exists<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool, StorageError>> {
        self.store.exists(key)
    }

    fn list_keys<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        self.store.list_keys(prefix)
    }

    fn usage(&self) -> BoxFuture<'_, Result<StorageUsage, StorageError>> {
        self.store.usage()
    }

    fn compare_and_swap<'a>(
        &'a self,
        key: &'a str,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> BoxFuture<'a, Result<bool, StorageError>> {
        let bytes = key.len().saturating_add(value.len());
        Box::pin(async move {
            let swapped = self.store.compare_and_swap(key, expected, value).await?;
            if swapped {
                self.wrote(bytes).await;
            }
            Ok(swapped)
        })
    }
}
