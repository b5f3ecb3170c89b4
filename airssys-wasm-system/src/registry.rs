//! The table of all instances of a host.

#![expect(
    clippy::disallowed_types,
    reason = "a map that is read by host calls of guests, never across an await"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use airssys_wasm_core::{Address, ComponentId};
use airssys_wasm_runtime::PoolShare;

use crate::record::InstanceRecord;

/// Knows every instance that is there, running or ended and not yet removed.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    table: RwLock<Table>,
}

/// The table itself, seen by one at a time: whatever must happen together with a change of it happens while
/// it is held.
#[derive(Debug, Default)]
pub(crate) struct Table {
    records: BTreeMap<ComponentId, Arc<InstanceRecord>>,
    declared_memory: u64,
    /// The quotas of all components, each counted once.
    declared_storage: u64,
    share: PoolShare,
    closed: bool,
}

/// Why records were not taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    Closed,
    AlreadyThere(ComponentId),
    TotalMemory { asked_bytes: u64, used_bytes: u64 },
    TotalStorage { asked_bytes: u64, used_bytes: u64 },
    Pool,
}

/// What all that is there may take together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Totals {
    pub(crate) memory_bytes: u64,
    pub(crate) storage_bytes: u64,
    pub(crate) pool: PoolShare,
}

impl Table {
    /// Takes in all instances of one component or none, within the host's totals of declared memory and storage and
    /// its pool. While one of its instances is there a component cannot come a second time: its rights are fixed.
    pub(crate) fn insert(&mut self, records: &[Arc<InstanceRecord>], totals: &Totals) -> Result<(), Refusal> {
        if self.closed {
            return Err(Refusal::Closed);
        }
        let component = records.first().map(|record| record.id.component());
        let known = self.records.keys().find(|id| Some(id.component()) == component);
        if let Some(known) = known {
            return Err(Refusal::AlreadyThere(known.clone()));
        }
        let asked_bytes = records.iter().fold(0u64, |sum, record| sum.saturating_add(record.declared_memory));
        let total = self.declared_memory.saturating_add(asked_bytes);
        if total > totals.memory_bytes {
            return Err(Refusal::TotalMemory { asked_bytes, used_bytes: self.declared_memory });
        }
        // The instances of a component share what it keeps.
        let asked_bytes = records.first().map_or(0, |record| record.storage_quota);
        let storage = self.declared_storage.saturating_add(asked_bytes);
        if storage > totals.storage_bytes {
            return Err(Refusal::TotalStorage { asked_bytes, used_bytes: self.declared_storage });
        }
        let share = records.iter().fold(self.share, |sum, record| sum.plus(record.pool_share));
        if !share.fits(totals.pool) {
            return Err(Refusal::Pool);
        }
        self.declared_memory = total;
        self.declared_storage = storage;
        self.share = share;
        for record in records {
            self.records.insert(record.id.clone(), Arc::clone(record));
        }
        Ok(())
    }

    /// Removes this very record, not another that has taken its id since. Whether its component has no
    /// other record is told where it was there.
    pub(crate) fn remove(&mut self, record: &Arc<InstanceRecord>) -> Option<bool> {
        if !self.records.get(&record.id).is_some_and(|known| Arc::ptr_eq(known, record)) {
            return None;
        }
        self.records.remove(&record.id);
        self.declared_memory = self.declared_memory.saturating_sub(record.declared_memory);
        self.share = self.share.minus(record.pool_share);
        let is_last = !self.records.keys().any(|other| other.component() == record.id.component());
        if is_last {
            self.declared_storage = self.declared_storage.saturating_sub(record.storage_quota);
        }
        Some(is_last)
    }

    /// Takes nothing in any more.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }
}

impl Registry {
    /// Changes the table, and whatever must agree with it, alone.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Table) -> T) -> T {
        change(&mut self.table.write().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn get(&self, id: &ComponentId) -> Option<Arc<InstanceRecord>> {
        self.read().records.get(id).cloned()
    }

    /// The instances that an address names, sorted by id.
    pub(crate) fn named(&self, address: &Address) -> Vec<Arc<InstanceRecord>> {
        let table = self.read();
        table.records.values().filter(|record| record.is_named(address)).cloned().collect()
    }

    /// All instances, sorted by id.
    pub(crate) fn all(&self) -> Vec<Arc<InstanceRecord>> {
        self.read().records.values().cloned().collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }
}
