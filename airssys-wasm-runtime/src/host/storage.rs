//! `airssys:core/storage`: what the component keeps, by the port that the layer above gives it.
//!
//! Invariant: the port stands for the right: without it nothing is looked at but the name of the function. Whatever
//! waits for the store counts towards the call's wall clock, and ends with the call.

use std::error::Error;
use std::fmt::Display;
use std::sync::Arc;

use airssys_wasm_core::{AccessDenial, AccessRight, KeyValueStore, StorageError};

use crate::bindings::airssys::core::storage::{Host, HostError, StorageUsage};
use crate::state::HostState;

type Refusable<T> = wasmtime::Result<Result<T, HostError>>;

// The functions of the interface, as those are told of them who hear of refusals.
const GET: &str = "storage.get";
const SET: &str = "storage.set";
const DELETE: &str = "storage.delete";
const EXISTS: &str = "storage.exists";
const LIST_KEYS: &str = "storage.list-keys";
const USAGE: &str = "storage.usage";
const COMPARE_AND_SWAP: &str = "storage.compare-and-swap";

impl Host for HostState {
    async fn get(&mut self, key: String) -> Refusable<Option<Vec<u8>>> {
        self.take_turn().await?;
        let asked = async {
            let store = self.store_for(GET)?;
            let answer = store.get(&key).await;
            self.answered(GET, answer)
        };
        Ok(asked.await)
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> Refusable<()> {
        self.take_turn().await?;
        let asked = async {
            let store = self.store_for(SET)?;
            let answer = store.set(&key, value).await;
            self.answered(SET, answer)
        };
        Ok(asked.await)
    }

    async fn delete(&mut self, key: String) -> Refusable<bool> {
        self.take_turn().await?;
        let asked = async {
            let store = self.store_for(DELETE)?;
            let answer = store.delete(&key).await;
            self.answered(DELETE, answer)
        };
        Ok(asked.await)
    }

    async fn exists(&mut self, key: String) -> Refusable<bool> {
        self.take_turn().await?;
        let asked = async {
            let store = self.store_for(EXISTS)?;
            let answer = store.exists(&key).await;
            self.answered(EXISTS, answer)
        };
        Ok(asked.await)
    }

    async fn list_keys(&mut self, prefix: String) -> Refusable<Vec<String>> {
        self.take_turn().await?;
        let asked = async {
            let store = self.store_for(LIST_KEYS)?;
            let answer = store.list_keys(&prefix).await;
            self.answered(LIST_KEYS, answer)
        };
        Ok(asked.await)
    }

    async fn usage(&mut self) -> Refusable<StorageUsage> {
        self.take_turn().await?;
        let asked = async {
            let store = self.store_for(USAGE)?;
            let answer = store.usage().await;
            let airssys_wasm_core::StorageUsage { used_bytes, quota_bytes, keys } =
                self.answered(USAGE, answer)?;
            Ok(StorageUsage { used_bytes, quota_bytes, keys })
        };
        Ok(asked.await)
    }

    async fn compare_and_swap(
        &mut self,
        key: String,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Refusable<bool> {
        self.take_turn().await?;
        let asked = async {
            let store = self.store_for(COMPARE_AND_SWAP)?;
            let answer = store.compare_and_swap(&key, expected, value).await;
            self.answered(COMPARE_AND_SWAP, answer)
        };
        Ok(asked.await)
    }
}

impl HostState {
    /// The store of a component that may keep something. The call is about to wait for it.
    fn store_for(&mut self, function: &'static str) -> Result<Arc<dyn KeyValueStore>, HostError> {
        let Some(store) = self.storage() else {
            self.refuse_storage(function, &"no quota was granted");
            return Err(HostError::Denied(AccessRight::Storage.manifest_key().to_owned()));
        };
        self.clock_mut().waits();
        Ok(store)
    }

    /// What the guest hears. What goes beyond its quota is told to whoever keeps account of refusals, too.
    fn answered<T>(&self, function: &'static str, answer: Result<T, StorageError>) -> Result<T, HostError> {
        answer.map_err(|error| match &error {
            StorageError::InvalidKey(_) => HostError::InvalidArgument(error.to_string()),
            StorageError::TooLarge { max_bytes, .. } => HostError::TooLarge(*max_bytes),
            StorageError::QuotaExceeded { .. } | StorageError::TooManyKeys { .. } => {
                self.refuse_storage(function, &error);
                HostError::QuotaExceeded
            }
            StorageError::Full(_) => self.failed(function, &error, HostError::Full),
            _ => self.failed(function, &error, HostError::Closed),
        })
    }

    fn refuse_storage(&self, function: &'static str, reason: &dyn Display) {
        self.deny_access(&AccessDenial::new(AccessRight::Storage, &function, reason));
    }

    /// It is the host's own fault: the guest hears of it, and not why.
    fn failed(&self, function: &'static str, error: &StorageError, told: HostError) -> HostError {
        tracing::debug!(
            target: "airssys_wasm::storage",
            component = %self.component_id(), function, %error, source = error.source(), "not done"
        );
        told
    }
}
