//! Why a store cannot be opened, and why one that is open does not work.

use std::any::Any;
use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error as DeriveError;

use airssys_wasm_core::{BoxError, StorageError};

/// Why a store could not be opened.
#[derive(Debug, DeriveError)]
#[non_exhaustive]
pub enum StoreError {
    /// The folder or a file in it cannot be made or opened.
    #[error("{} cannot be opened", .path.display())]
    Folder {
        /// What cannot be opened.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another host has it open; one store has one host.
    #[error("{} is in use by another host", .path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// A store was made in the folder, and its file is not there any more, or it is empty. Put it back; or remove the
    /// mark, and a new one is made.
    #[error(
        "{} is gone or empty, although a store was made; put it back, or remove {} to begin with nothing",
        .path.display(),
        .mark.display()
    )]
    Gone {
        /// The file of the store.
        path: PathBuf,
        /// The file that says that there was one, which is the lock as well.
        mark: PathBuf,
    },
    /// What lies there is no store, or a damaged one.
    #[error("what is there is no store, or a damaged one")]
    Damaged(#[source] StoreFailure),
    /// It was written by another version of this program, which keeps its records otherwise. No record was changed.
    #[error("the store is of version {found}, and this program knows version {known} only")]
    UnknownSchema {
        /// The version that it says.
        found: u64,
        /// The version that is known.
        known: u64,
    },
    /// It cannot be read or written.
    #[error("the store cannot be read or written")]
    Failed(#[source] StoreFailure),
    /// The operating system gives no thread.
    #[error("no thread can be had")]
    Thread(#[source] io::Error),
}

/// What kind of trouble a store has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// There is no room on the disk, or in what this process may use of it.
    Full,
    /// The disk fails otherwise.
    Disk,
    /// What is read is not what a store has.
    Damaged,
    /// The program failed where it should not.
    Internal,
    /// The store was closed.
    Closed,
}

impl FailureKind {
    fn text(self) -> &'static str {
        match self {
            Self::Full => "there is no room on the disk",
            Self::Disk => "the disk failed",
            Self::Damaged => "the store is damaged",
            Self::Internal => "the store failed inside",
            Self::Closed => "the store is closed",
        }
    }
}

/// Why an operation of an open store failed. A clone shares the cause: what fails a transaction fails each
/// operation in it.
#[derive(Debug, Clone, DeriveError)]
#[error("{}", .kind.text())]
pub struct StoreFailure {
    kind: FailureKind,
    /// Whether the store refuses everything until it is opened again, for this or for an earlier failure.
    stale: bool,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl StoreFailure {
    /// What kind of trouble it is.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// Whether only an earlier failure is in the way, which is not this operation's. Nothing was changed then.
    pub(crate) fn is_stale(&self) -> bool {
        self.stale
    }

    pub(crate) fn closed() -> Self {
        Self { kind: FailureKind::Closed, stale: false, source: None }
    }

    /// The database is not open since it could not be opened again.
    pub(crate) fn not_open() -> Self {
        Self { kind: FailureKind::Disk, stale: true, source: None }
    }

    pub(crate) fn damaged(what: &'static str) -> Self {
        Self { kind: FailureKind::Damaged, stale: false, source: Some(cause(what)) }
    }

    /// What a panic said.
    pub(crate) fn panicked(payload: &(dyn Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a text".to_owned());
        Self { kind: FailureKind::Internal, stale: false, source: Some(cause(text)) }
    }

    /// What a component is told.
    pub(crate) fn told(&self) -> StorageError {
        match self.kind {
            FailureKind::Full => StorageError::Full(Box::new(self.clone())),
            _ => StorageError::Failed(Box::new(self.clone())),
        }
    }
}

fn cause(text: impl Into<BoxError>) -> Arc<dyn Error + Send + Sync> {
    Arc::from(text.into())
}

impl From<redb::Error> for StoreFailure {
    fn from(error: redb::Error) -> Self {
        let (kind, stale) = match &error {
            redb::Error::Io(cause) => (of_io(cause.kind()), false),
            redb::Error::PreviousIo | redb::Error::DatabaseClosed => (FailureKind::Disk, true),
            redb::Error::LockPoisoned(_) => (FailureKind::Internal, true),
            redb::Error::Corrupted(_)
            | redb::Error::UpgradeRequired(_)
            | redb::Error::RepairAborted
            | redb::Error::TableTypeMismatch { .. }
            | redb::Error::TableIsMultimap(_)
            | redb::Error::TypeDefinitionChanged { .. }
            | redb::Error::TableDoesNotExist(_) => (FailureKind::Damaged, false),
            _ => (FailureKind::Internal, false),
        };
        Self { kind, stale, source: Some(Arc::new(error)) }
    }
}

fn of_io(kind: io::ErrorKind) -> FailureKind {
    match kind {
        // The last is what a limit of the process on the size of files gives.
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            FailureKind::Full
        }
        // The database says so of a file that is none of its own.
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => FailureKind::Damaged,
        _ => FailureKind::Disk,
    }
}

macro_rules! through_database_error {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for StoreFailure {
            fn from(error: $error) -> Self {
                redb::Error::from(error).into()
            }
        })+
    };
}

through_database_error!(
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::DatabaseError,
);
