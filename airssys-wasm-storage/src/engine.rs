//! The database of a store, opened again when it fails.

#![expect(
    clippy::disallowed_types,
    reason = "held on the store's own threads for one transaction, which none of them may be in when the database is \
              opened again"
)]

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, PoisonError, RwLock};

use redb::Database;

use crate::error::{StoreError, StoreFailure};
use crate::health::Health;
use crate::medium::{Medium, Shared};
use crate::schema;

/// The database, and where it lies. After a failure of the disk a database refuses everything until it is opened
/// again, which no transaction of it may outlive.
#[derive(Debug)]
pub(crate) struct Engine {
    open: RwLock<Open>,
    medium: Shared,
    pub(crate) health: Arc<Health>,
}

#[derive(Debug)]
struct Open {
    /// None when it could not be opened again.
    database: Option<Database>,
    /// How often it was tried to open it, so that of two that met the same failure one opens it.
    generation: u64,
}

/// A failure, and of which opening of the database.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) failure: StoreFailure,
    pub(crate) generation: u64,
}

impl Engine {
    pub(crate) fn new(medium: Arc<dyn Medium>, health: Arc<Health>) -> Result<Self, StoreError> {
        let medium = Shared::new(medium);
        let database = Some(schema::open(&medium)?);
        Ok(Self { open: RwLock::new(Open { database, generation: 0 }), medium, health })
    }

    /// Does some work with the database. A panic in it is a failure like others: who waits for its answer is answered.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, StoreFailure>,
    ) -> Result<T, Failed> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let done = match &open.database {
            None => Err(StoreFailure::not_open()),
            Some(database) => panic::catch_unwind(AssertUnwindSafe(|| work(database)))
                .unwrap_or_else(|payload| Err(StoreFailure::panicked(&*payload))),
        };
        done.map_err(|failure| Failed { failure, generation: open.generation })
    }

    /// A count that a commit which was made has moved.
    pub(crate) fn syncs(&self) -> u64 {
        self.medium.syncs()
    }

    /// Opens the database again, unless somebody did since that opening of it failed.
    pub(crate) fn reopen(&self, generation: u64) -> Result<(), StoreFailure> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.generation != generation && open.database.is_some() {
            return Ok(());
        }
        open.generation += 1;
        let database = open.database.take();
        // What fails while it is closed has failed before, and is told where it is opened.
        let _ = panic::catch_unwind(AssertUnwindSafe(|| drop(database)));
        // A new store would hide that what was kept is gone.
        if self.medium.is_emptied() {
            return Err(StoreFailure::damaged("it was emptied"));
        }
        match schema::open(&self.medium) {
            Ok(database) => {
                open.database = Some(database);
                self.health.reopened();
                Ok(())
            }
            Err(StoreError::Damaged(failure) | StoreError::Failed(failure)) => Err(failure),
            Err(_) => Err(StoreFailure::damaged("it has become another's")),
        }
    }
}
