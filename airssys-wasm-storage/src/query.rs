//! What can be asked of the records of one component.

use redb::ReadTransaction;

use airssys_wasm_core::{StorageError, StorageUsage};

use crate::account::Account;
use crate::bounds::{LISTED_KEY_BYTES, MAX_LISTING_BYTES};
use crate::error::StoreFailure;
use crate::schema::{ACCOUNTS, ENDS, KEYS, PARTS};
use crate::values::{Place, Values};

/// What a question is answered, or why it is refused.
pub(crate) type Reply<T> = Result<Result<T, StorageError>, StoreFailure>;

/// The value under a key.
pub(crate) fn get(records: &ReadTransaction, component: &str, key: &str) -> Reply<Option<Vec<u8>>> {
    let Some(place) = place(records, component, key)? else { return Ok(Ok(None)) };
    let values = Values { parts: records.open_table(PARTS)?, ends: records.open_table(ENDS)? };
    Ok(Ok(Some(values.read(place)?)))
}

/// Whether there is such a key.
pub(crate) fn exists(records: &ReadTransaction, component: &str, key: &str) -> Reply<bool> {
    Ok(Ok(place(records, component, key)?.is_some()))
}

/// The keys that start with a prefix, in byte order, as long as they are not too many.
pub(crate) fn list(records: &ReadTransaction, component: &str, prefix: &str) -> Reply<Vec<String>> {
    let namespace = account(records, component)?.namespace;
    let keys = records.open_table(KEYS)?;
    let mut listed = Vec::new();
    let mut bytes: usize = 0;
    for entry in keys.range((namespace, prefix.as_bytes())..)? {
        let (key, _) = entry?;
        let (whose, key) = key.value();
        if whose != namespace || !key.starts_with(prefix.as_bytes()) {
            break;
        }
        bytes = bytes.saturating_add(key.len()).saturating_add(LISTED_KEY_BYTES);
        if bytes > MAX_LISTING_BYTES {
            let max_bytes = u64::try_from(MAX_LISTING_BYTES).unwrap_or(u64::MAX);
            return Ok(Err(StorageError::TooLarge { what: "a listing", max_bytes }));
        }
        let key = str::from_utf8(key).map_err(|_| StoreFailure::damaged("a key that is no text"))?;
        listed.push(key.to_owned());
    }
    Ok(Ok(listed))
}

/// What a component uses, beside its quota.
pub(crate) fn usage(records: &ReadTransaction, component: &str, quota_bytes: u64) -> Reply<StorageUsage> {
    let account = account(records, component)?;
    Ok(Ok(StorageUsage { used_bytes: account.used_bytes, quota_bytes, keys: account.keys }))
}

fn account(records: &ReadTransaction, component: &str) -> Result<Account, StoreFailure> {
    let accounts = records.open_table(ACCOUNTS)?;
    Ok(accounts.get(component)?.map(|account| account.value().into()).unwrap_or_default())
}

fn place(records: &ReadTransaction, component: &str, key: &str) -> Result<Option<Place>, StoreFailure> {
    let namespace = account(records, component)?.namespace;
    let keys = records.open_table(KEYS)?;
    Ok(keys.get((namespace, key.as_bytes()))?.map(|place| place.value().into()))
}
