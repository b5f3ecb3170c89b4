//! The table of all instances of a host.

#![expect(
    clippy::disallowed_types,
    reason = "a map that is read by host calls of guests, never across an await"
)]

use std::collections::BTreeMap;
use std::ops::Bound;
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
    places: BTreeMap<ComponentId, Place>,
    declared_memory: u64,
    /// The quotas of all components, each counted once.
    declared_storage: u64,
    share: PoolShare,
    closed: bool,
}

/// The place of one instance.
#[derive(Debug)]
struct Place {
    record: Arc<InstanceRecord>,
    /// Whether what it declares is counted: it is until the instance is over, although its place is kept for longer.
    is_counted: bool,
}

impl Place {
    fn is_of(&self, record: &Arc<InstanceRecord>) -> bool {
        Arc::ptr_eq(&self.record, record)
    }
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
        if let Some(record) = records.first()
            && let Some((known, _)) = self.places_of(&record.id.component()).next()
        {
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
            self.places.insert(record.id.clone(), Place { record: Arc::clone(record), is_counted: true });
        }
        Ok(())
    }

    /// Removes this very record, not another that has taken its id since. Whether its component has no
    /// other record is told where it was there.
    pub(crate) fn remove(&mut self, record: &Arc<InstanceRecord>) -> Option<bool> {
        if !self.places.get(&record.id).is_some_and(|place| place.is_of(record)) {
            return None;
        }
        self.release(record);
        self.places.remove(&record.id);
        Some(self.places_of(&record.id.component()).next().is_none())
    }

    /// Gives back what this very record declares: its instance is over, and its store is gone. It stays known. A second
    /// call changes nothing.
    pub(crate) fn release(&mut self, record: &Arc<InstanceRecord>) {
        let place = self.places.get_mut(&record.id).filter(|place| place.is_of(record) && place.is_counted);
        let Some(place) = place else { return };
        place.is_counted = false;
        self.declared_memory = self.declared_memory.saturating_sub(record.declared_memory);
        self.share = self.share.minus(record.pool_share);
        if record.storage_quota > 0 && !self.counts_any(&record.id.component()) {
            self.declared_storage = self.declared_storage.saturating_sub(record.storage_quota);
        }
    }

    /// Whether what an instance of this component declares is counted.
    fn counts_any(&self, component: &Address) -> bool {
        self.places_of(component).any(|(_, place)| place.is_counted)
    }

    /// The instances of a component. They stand together, because the ids are in the order of their texts.
    fn places_of<'t>(
        &'t self,
        component: &Address,
    ) -> impl Iterator<Item = (&'t ComponentId, &'t Place)> + use<'t> {
        let stem = format!("{component}/");
        let behind = self.places.range::<str, _>((Bound::Excluded(stem.as_str()), Bound::Unbounded));
        behind.take_while(move |(id, _)| id.as_str().starts_with(&stem))
    }

    fn records(&self) -> impl Iterator<Item = &Arc<InstanceRecord>> {
        self.places.values().map(|place| &place.record)
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
        self.read().places.get(id).map(|place| Arc::clone(&place.record))
    }

    /// The instances that an address names, sorted by id.
    pub(crate) fn named(&self, address: &Address) -> Vec<Arc<InstanceRecord>> {
        let table = self.read();
        match address.instance() {
            Some(_) => table
                .places
                .get(address.as_str())
                .map(|place| Arc::clone(&place.record))
                .into_iter()
                .collect(),
            None => table.places_of(address).map(|(_, place)| Arc::clone(&place.record)).collect(),
        }
    }

    /// So many instances behind this one, sorted by id; from the first one where none is named.
    pub(crate) fn some_after(&self, after: Option<&ComponentId>, count: usize) -> Vec<Arc<InstanceRecord>> {
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let table = self.read();
        let behind = table.places.range::<ComponentId, _>((begin, Bound::Unbounded));
        behind.take(count).map(|(_, place)| Arc::clone(&place.record)).collect()
    }

    /// All instances, sorted by id.
    pub(crate) fn all(&self) -> Vec<Arc<InstanceRecord>> {
        self.read().records().cloned().collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use airssys_wasm_core::MailboxConfig;
    use airssys_wasm_messaging::Mailbox;
    use semver::Version;

    use super::*;

    /// A record that declares a byte of memory and keeps nothing.
    pub(crate) fn record(id: ComponentId) -> Arc<InstanceRecord> {
        let (mailbox, _) = Mailbox::new(&MailboxConfig::default());
        let share = PoolShare::default();
        Arc::new(InstanceRecord::new(id, Version::new(1, 0, 0), 1, 0, share, mailbox, Duration::ZERO))
    }

    #[test]
    fn instances_of_a_component_are_told_from_those_whose_names_begin_alike() {
        let registry = Registry::default();
        let one = |id: &str| vec![record(id.parse().unwrap())];
        let totals = Totals { memory_bytes: u64::MAX, storage_bytes: 0, pool: PoolShare::default() };
        let insert = |records: &[_]| registry.change(|table| table.insert(records, &totals));
        let ids = ["t/a-b/0", "t/a/1", "t/ab/0", "ta/a/0", "u/a/0"];
        let all: Vec<_> = ids.iter().map(|id| one(id)).collect();
        for records in &all {
            assert_eq!(insert(records), Ok(()));
        }
        let first = one("t/a/0");
        assert_eq!(insert(&first), Err(Refusal::AlreadyThere("t/a/1".parse().unwrap())));
        let named = |address: &str| {
            let named = registry.named(&address.parse().unwrap());
            named.iter().map(|record| record.id.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(named("t/a"), ["t/a/1"]);
        assert_eq!(named("t/a/1"), ["t/a/1"]);
        assert_eq!((named("t/a/0"), named("t/b")), (vec![], vec![]));
        let both = [&one("t/c/0")[..], &one("t/c/1")[..]].concat();
        assert_eq!(insert(&both), Ok(()));
        assert_eq!(named("t/c"), ["t/c/0", "t/c/1"]);
        let remove = |record| registry.change(|table| table.remove(record));
        assert_eq!((remove(&both[0]), remove(&both[0]), remove(&both[1])), (Some(false), None, Some(true)));
        assert_eq!(remove(&all[1][0]), Some(true), "the others are other components");
        assert_eq!(insert(&first), Ok(()));
    }
}
