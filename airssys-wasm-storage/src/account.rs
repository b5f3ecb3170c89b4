//! What a component uses, as it lies in the store, and what it may use more.

use airssys_wasm_core::StorageError;

use crate::bounds::MAX_KEYS;

/// The account of one component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Account {
    /// The number of its namespace; 0 of a component that has never stored anything.
    pub(crate) namespace: u64,
    /// Bytes of its keys and values.
    pub(crate) used_bytes: u64,
    /// How many keys it has.
    pub(crate) keys: u64,
}

impl From<(u64, u64, u64)> for Account {
    fn from((namespace, used_bytes, keys): (u64, u64, u64)) -> Self {
        Self { namespace, used_bytes, keys }
    }
}

impl From<Account> for (u64, u64, u64) {
    fn from(account: Account) -> Self {
        (account.namespace, account.used_bytes, account.keys)
    }
}

impl Account {
    /// The account when a value of `new` bytes stands in place of one of `old` bytes, or where there was none.
    ///
    /// What makes the use no larger is never refused: a quota that was lowered does not lock anybody out of what is
    /// there.
    pub(crate) fn with_value(
        self,
        key: u64,
        old: Option<u64>,
        new: u64,
        quota_bytes: u64,
    ) -> Result<Self, StorageError> {
        let freed = self.without_value(key, old);
        let used_bytes = freed.used_bytes.saturating_add(key).saturating_add(new);
        if used_bytes > self.used_bytes && used_bytes > quota_bytes {
            return Err(StorageError::QuotaExceeded { needed_bytes: used_bytes, quota_bytes });
        }
        if old.is_none() && self.keys >= MAX_KEYS {
            return Err(StorageError::TooManyKeys { max: MAX_KEYS });
        }
        Ok(Self { used_bytes, keys: freed.keys.saturating_add(1), ..self })
    }

    /// The account without a key and its value of `old` bytes, where there is one.
    pub(crate) fn without_value(self, key: u64, old: Option<u64>) -> Self {
        match old {
            None => self,
            Some(old) => Self {
                used_bytes: self.used_bytes.saturating_sub(key).saturating_sub(old),
                keys: self.keys.saturating_sub(1),
                ..self
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELD: Account = Account { namespace: 1, used_bytes: 100, keys: 2 };

    /// Bytes and keys after a value was written, or the bytes that it would need.
    fn written(held: Account, old: Option<u64>, new: u64, quota: u64) -> Result<(u64, u64), u64> {
        match held.with_value(10, old, new, quota) {
            Ok(account) => Ok((account.used_bytes, account.keys)),
            Err(StorageError::QuotaExceeded { needed_bytes, .. }) => Err(needed_bytes),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_quota_is_used_to_its_last_byte() {
        assert_eq!(written(HELD, None, 90, 200), Ok((200, 3)));
        assert_eq!(written(HELD, None, 91, 200), Err(201));
        assert_eq!(written(HELD, Some(50), 150, 200), Ok((200, 2)));
        assert_eq!(written(HELD, Some(50), 151, 200), Err(201));
        assert_eq!(written(Account::default(), None, 0, 10), Ok((10, 1)));
        assert_eq!(written(Account::default(), None, 0, 9), Err(10));
    }

    #[test]
    fn what_is_over_a_lowered_quota_may_shrink_and_stay_but_not_grow() {
        assert_eq!(written(HELD, Some(50), 49, 20), Ok((99, 2)));
        assert_eq!(written(HELD, Some(50), 50, 20), Ok((100, 2)));
        assert_eq!(written(HELD, Some(50), 51, 20), Err(101));
        assert_eq!(written(HELD, Some(50), 50, 0), Ok((100, 2)));
    }

    #[test]
    fn the_largest_quota_does_not_overflow() {
        let full = Account { used_bytes: u64::MAX - 5, ..HELD };
        assert_eq!(written(full, None, 100, u64::MAX), Ok((u64::MAX, 3)));
        assert_eq!(written(HELD, None, 0, u64::MAX), Ok((110, 3)));
    }

    #[test]
    fn one_key_more_than_the_bound_is_refused_and_an_old_one_is_written() {
        let full = Account { keys: MAX_KEYS, ..HELD };
        assert!(matches!(
            full.with_value(1, None, 0, 1_000),
            Err(StorageError::TooManyKeys { max: MAX_KEYS })
        ));
        assert_eq!(written(full, Some(1), 2, 1_000), Ok((101, MAX_KEYS)));
        let last = Account { keys: MAX_KEYS - 1, ..HELD };
        assert_eq!(written(last, None, 0, 1_000), Ok((110, MAX_KEYS)));
    }
}
