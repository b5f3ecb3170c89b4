//! How records lie in the database, and what makes a database a store.
//!
//! A namespace has a number, which stands before each of its keys; so no key of one namespace is one of another,
//! whatever is in it. A value has a number too and lies in parts: an index of keys alone answers listings and checks a
//! quota without reading values, and parts of one size leave no holes in the file.

use std::panic::{self, AssertUnwindSafe};

use redb::{
    Builder, Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, TableError,
    WriteTransaction,
};

use crate::bounds::CACHE_BYTES;
use crate::error::{FailureKind, StoreError, StoreFailure};
use crate::medium::Shared;

/// The version of all this. A store of another one is refused.
const SCHEMA: u64 = 1;

/// Numbers of the store as a whole, by their names.
pub(crate) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// The number of its namespace, bytes and keys of each component, by its address without an instance.
pub(crate) const ACCOUNTS: TableDefinition<'_, &str, (u64, u64, u64)> =
    TableDefinition::new("guest-accounts");
/// The number of the value and its length in bytes, by namespace and key.
pub(crate) const KEYS: TableDefinition<'_, (u64, &[u8]), (u64, u64)> = TableDefinition::new("guest-keys");
/// Parts of values that fill a page, by the number of the value and of the part.
pub(crate) const PARTS: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("guest-values");
/// What is left of values beyond such parts, by the number of the value: apart, so that they share pages.
pub(crate) const ENDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("guest-value-ends");

/// The version, in [`META`].
const VERSION: &str = "schema";
/// How many transactions have changed something, in [`META`]; says after a failure whether the last one did.
pub(crate) const SEQUENCE: &str = "sequence";
/// How many namespaces were ever made, in [`META`].
pub(crate) const NAMESPACES: &str = "namespaces";
/// How many values were ever given a number, in [`META`].
pub(crate) const VALUES: &str = "values";

/// Opens the database of a store, and makes it where the medium is new. What a database does with a damaged file
/// is not always an error: a panic counts as one.
pub(crate) fn open(medium: &Shared) -> Result<Database, StoreError> {
    panic::catch_unwind(AssertUnwindSafe(|| open_unguarded(medium)))
        .unwrap_or_else(|payload| Err(StoreError::Damaged(StoreFailure::panicked(&*payload))))
}

fn open_unguarded(medium: &Shared) -> Result<Database, StoreError> {
    let database = Builder::new()
        .set_cache_size(CACHE_BYTES)
        .create_with_backend(medium.clone())
        .map_err(|error| sorted(error.into()))?;
    match version(&database).map_err(sorted)? {
        Some(SCHEMA) => {}
        Some(found) => return Err(StoreError::UnknownSchema { found, known: SCHEMA }),
        None => create(&database).map_err(sorted)?,
    }
    Ok(database)
}

fn sorted(failure: StoreFailure) -> StoreError {
    match failure.kind() {
        FailureKind::Damaged => StoreError::Damaged(failure),
        _ => StoreError::Failed(failure),
    }
}

/// The version of a store; none of a database that is new.
fn version(database: &Database) -> Result<Option<u64>, StoreFailure> {
    let transaction = database.begin_read()?;
    match transaction.open_table(META) {
        Ok(meta) => match meta.get(VERSION)? {
            Some(version) => Ok(Some(version.value())),
            None => Err(StoreFailure::damaged("no version in it")),
        },
        Err(TableError::TableDoesNotExist(_)) if is_new(&transaction)? => Ok(None),
        Err(TableError::TableDoesNotExist(_)) => Err(StoreFailure::damaged("a database of another program")),
        Err(error) => Err(error.into()),
    }
}

fn is_new(transaction: &ReadTransaction) -> Result<bool, StoreFailure> {
    Ok(transaction.list_tables()?.next().is_none() && transaction.list_multimap_tables()?.next().is_none())
}

fn create(database: &Database) -> Result<(), StoreFailure> {
    let transaction = begin(database)?;
    transaction.open_table(META)?.insert(VERSION, SCHEMA)?;
    transaction.open_table(ACCOUNTS)?;
    transaction.open_table(KEYS)?;
    transaction.open_table(PARTS)?;
    transaction.open_table(ENDS)?;
    Ok(transaction.commit()?)
}

/// Begins a transaction that lasts when it is committed.
///
/// It is committed in two steps: in one step a crash in the middle is found by checksums, which whoever chooses the
/// values may forge. And it keeps what a database needs to be opened at once after a crash or a failure; otherwise all
/// of the file would be read then, and a full disk lets guests cause that at will.
pub(crate) fn begin(database: &Database) -> Result<WriteTransaction, StoreFailure> {
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    transaction.set_quick_repair(true);
    Ok(transaction)
}

/// How many transactions have changed something.
pub(crate) fn sequence(database: &Database) -> Result<u64, StoreFailure> {
    number(&database.begin_read()?.open_table(META)?, SEQUENCE)
}

/// A number of the store; 0 before it is first written.
pub(crate) fn number(
    meta: &impl ReadableTable<&'static str, u64>,
    name: &'static str,
) -> Result<u64, StoreFailure> {
    Ok(meta.get(name)?.map_or(0, |number| number.value()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::memory::Memory;

    #[test]
    fn a_store_of_another_version_is_refused_and_left_alone() {
        let medium = Shared::new(Arc::new(Memory::default()));
        let database = open(&medium).unwrap();
        let transaction = begin(&database).unwrap();
        transaction.open_table(META).unwrap().insert(VERSION, SCHEMA + 1).unwrap();
        transaction.commit().unwrap();
        drop(database);
        for _ in 0..2 {
            let refused = open(&medium).unwrap_err();
            let StoreError::UnknownSchema { found, known } = refused else { panic!("{refused:?}") };
            assert_eq!((found, known), (SCHEMA + 1, SCHEMA));
        }
    }
}
