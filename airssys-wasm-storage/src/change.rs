//! What one change does to the records, and what it answers.

use redb::{ReadableTable, Table, WriteTransaction};

use airssys_wasm_core::StorageError;

use crate::account::Account;
use crate::error::StoreFailure;
use crate::schema::{ACCOUNTS, ENDS, KEYS, META, NAMESPACES, PARTS, SEQUENCE, VALUES, number};
use crate::values::{Place, Values, WritableValues};

/// What is to be done with a key.
#[derive(Debug)]
pub(crate) enum Change {
    /// Writes a value.
    Set(Vec<u8>),
    /// Removes the key.
    Delete,
    /// Writes a value where the present one is as expected.
    Swap {
        /// None: where there is no such key.
        expected: Option<Vec<u8>>,
        /// What is written.
        value: Vec<u8>,
    },
}

/// A change of one key of one component.
#[derive(Debug)]
pub(crate) struct Order {
    /// Its address without an instance.
    pub(crate) component: String,
    pub(crate) quota_bytes: u64,
    pub(crate) key: String,
    pub(crate) change: Change,
}

/// What came of a change.
#[derive(Debug)]
pub(crate) enum Decision {
    /// Something was changed, and that is answered once it lasts.
    Changed,
    /// There was nothing to change, for a reason that is no error.
    Unchanged,
    /// It was refused.
    Refused(StorageError),
}

impl Decision {
    /// Whether a transaction with it has to be committed.
    pub(crate) fn is_change(&self) -> bool {
        matches!(self, Self::Changed)
    }

    /// What is answered.
    pub(crate) fn answer(self) -> Result<bool, StorageError> {
        match self {
            Self::Changed => Ok(true),
            Self::Unchanged => Ok(false),
            Self::Refused(error) => Err(error),
        }
    }
}

/// The records, while they are changed in one transaction.
pub(crate) struct Records<'a> {
    meta: Table<'a, &'static str, u64>,
    accounts: Table<'a, &'static str, (u64, u64, u64)>,
    keys: Table<'a, (u64, &'static [u8]), (u64, u64)>,
    values: WritableValues<'a>,
}

impl<'a> Records<'a> {
    pub(crate) fn new(transaction: &'a WriteTransaction) -> Result<Self, StoreFailure> {
        Ok(Self {
            meta: transaction.open_table(META)?,
            accounts: transaction.open_table(ACCOUNTS)?,
            keys: transaction.open_table(KEYS)?,
            values: Values { parts: transaction.open_table(PARTS)?, ends: transaction.open_table(ENDS)? },
        })
    }

    /// Makes a change, or refuses it and leaves everything as it is.
    pub(crate) fn apply(&mut self, order: &Order) -> Result<Decision, StoreFailure> {
        let account: Account = self
            .accounts
            .get(order.component.as_str())?
            .map(|account| account.value().into())
            .unwrap_or_default();
        let present: Option<Place> =
            self.keys.get((account.namespace, order.key.as_bytes()))?.map(|place| place.value().into());
        match &order.change {
            Change::Set(value) => self.write(order, account, present, value),
            Change::Swap { expected, value } if self.is_as_expected(present, expected.as_deref())? => {
                self.write(order, account, present, value)
            }
            Change::Delete => self.remove(order, account, present),
            Change::Swap { .. } => Ok(Decision::Unchanged),
        }
    }

    /// Counts the transaction; says the count, by which it is known after a failure.
    pub(crate) fn count(&mut self) -> Result<u64, StoreFailure> {
        self.take_number(SEQUENCE)
    }

    fn write(
        &mut self,
        order: &Order,
        account: Account,
        present: Option<Place>,
        value: &[u8],
    ) -> Result<Decision, StoreFailure> {
        let old = present.map(|place| place.bytes);
        let mut account =
            match account.with_value(length(order.key.as_bytes()), old, length(value), order.quota_bytes) {
                Ok(account) => account,
                Err(error) => return Ok(Decision::Refused(error)),
            };
        if account.namespace == 0 {
            account.namespace = self.take_number(NAMESPACES)?;
        }
        let old = match present {
            Some(place) => place,
            None => Place { value: self.take_number(VALUES)?, bytes: 0 },
        };
        self.values.write(old, value)?;
        self.keys.insert((account.namespace, order.key.as_bytes()), (old.value, length(value)))?;
        self.accounts.insert(order.component.as_str(), <(u64, u64, u64)>::from(account))?;
        Ok(Decision::Changed)
    }

    fn remove(
        &mut self,
        order: &Order,
        account: Account,
        present: Option<Place>,
    ) -> Result<Decision, StoreFailure> {
        let Some(place) = present else { return Ok(Decision::Unchanged) };
        let account = account.without_value(length(order.key.as_bytes()), Some(place.bytes));
        self.values.remove(place)?;
        self.keys.remove((account.namespace, order.key.as_bytes()))?;
        self.accounts.insert(order.component.as_str(), <(u64, u64, u64)>::from(account))?;
        Ok(Decision::Changed)
    }

    fn is_as_expected(&self, present: Option<Place>, expected: Option<&[u8]>) -> Result<bool, StoreFailure> {
        match (present, expected) {
            (None, None) => Ok(true),
            (Some(place), Some(expected)) if place.bytes == length(expected) => {
                Ok(self.values.read(place)? == expected)
            }
            _ => Ok(false),
        }
    }

    /// The next of some numbers, which begin at 1.
    fn take_number(&mut self, name: &'static str) -> Result<u64, StoreFailure> {
        let next = number(&self.meta, name)?.saturating_add(1);
        self.meta.insert(name, next)?;
        Ok(next)
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
