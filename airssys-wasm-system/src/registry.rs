//! The table of all instances of a host.

#![expect(
    clippy::disallowed_types,
    reason = "a map that is read by host calls of guests, never across an await"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use airssys_wasm_core::{Address, ComponentId};

use crate::record::InstanceRecord;

/// Knows every instance that is there, running or ended and not yet removed.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    table: RwLock<Table>,
}

#[derive(Debug, Default)]
struct Table {
    records: BTreeMap<ComponentId, Arc<InstanceRecord>>,
    declared_memory: u64,
}

/// Why a record was not taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    AlreadyThere(ComponentId),
    TotalMemory { asked_bytes: u64, used_bytes: u64 },
}

impl Registry {
    /// Takes in all of `records` or none, within the host's total of declared memory.
    pub(crate) fn insert(
        &self,
        records: &[Arc<InstanceRecord>],
        max_total_memory: u64,
    ) -> Result<(), Refusal> {
        let mut table = self.write();
        if let Some(known) = records.iter().find(|record| table.records.contains_key(&record.id)) {
            return Err(Refusal::AlreadyThere(known.id.clone()));
        }
        let asked_bytes = records.iter().fold(0u64, |sum, record| sum.saturating_add(record.declared_memory));
        let total = table.declared_memory.saturating_add(asked_bytes);
        if total > max_total_memory {
            return Err(Refusal::TotalMemory { asked_bytes, used_bytes: table.declared_memory });
        }
        table.declared_memory = total;
        for record in records {
            table.records.insert(record.id.clone(), Arc::clone(record));
        }
        Ok(())
    }

    /// Removes a record. Whether its component has no other record is told as well.
    pub(crate) fn remove(&self, id: &ComponentId) -> Option<(Arc<InstanceRecord>, bool)> {
        let mut table = self.write();
        let record = table.records.remove(id)?;
        table.declared_memory = table.declared_memory.saturating_sub(record.declared_memory);
        let last = !table.records.keys().any(|other| other.component() == id.component());
        Some((record, last))
    }

    pub(crate) fn get(&self, id: &ComponentId) -> Option<Arc<InstanceRecord>> {
        self.read().records.get(id).cloned()
    }

    /// The instances that an address names, sorted by id.
    pub(crate) fn named(&self, address: &Address) -> Vec<Arc<InstanceRecord>> {
        self.read()
            .records
            .values()
            .filter(|record| match address.instance() {
                Some(_) => record.id.address() == address,
                None => record.id.component() == *address,
            })
            .cloned()
            .collect()
    }

    /// All instances, sorted by id.
    pub(crate) fn all(&self) -> Vec<Arc<InstanceRecord>> {
        self.read().records.values().cloned().collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}
