//! Where the bytes of a store lie, and how the database gets at them.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redb::StorageBackend;

/// Where the bytes of a store lie: a file, memory, or what an embedder has. A store has it alone as long as it is
/// open, and goes on with it after a failure. It is called on the store's own threads, several at a time.
pub trait Medium: Send + Sync + fmt::Debug + 'static {
    /// How long it is in bytes; 0 when it is new.
    ///
    /// # Errors
    ///
    /// What the medium has, as with every operation here.
    fn len(&self) -> io::Result<u64>;

    /// Whether it is new.
    ///
    /// # Errors
    ///
    /// What [`Self::len`] has.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills `into` with what lies at `offset`.
    ///
    /// # Errors
    ///
    /// Where some of it lies beyond the end, too.
    fn read(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;

    /// Writes `bytes` at `offset`. They last when the next [`Self::sync`] comes back.
    ///
    /// # Errors
    ///
    /// `StorageFull` or `QuotaExceeded` where there is no room. What was written then is not known.
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes it longer, with zeros, or shorter.
    ///
    /// # Errors
    ///
    /// As with [`Self::write`].
    fn set_len(&self, bytes: u64) -> io::Result<()>;

    /// Comes back when everything that was written lasts.
    ///
    /// # Errors
    ///
    /// Then nothing is known of what was written since the last time.
    fn sync(&self) -> io::Result<()>;
}

/// A medium as the database sees it. It has no locks, so that the database takes none: what keeps other hosts out
/// outlives a database that is opened again.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    medium: Arc<dyn Medium>,
    /// How often everything written came to last.
    syncs: Arc<AtomicU64>,
}

impl Shared {
    pub(crate) fn new(medium: Arc<dyn Medium>) -> Self {
        Self { medium, syncs: Arc::default() }
    }

    /// How often everything written came to last. A transaction is there only when this has gone up since its commit
    /// began: its second step is taken after what the first one wrote lasts.
    pub(crate) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Acquire)
    }

    /// Whether everything that was there is gone.
    pub(crate) fn is_emptied(&self) -> bool {
        self.medium.is_empty().is_ok_and(|is_empty| is_empty)
    }
}

impl StorageBackend for Shared {
    fn len(&self) -> io::Result<u64> {
        self.medium.len()
    }

    fn read(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.medium.read(offset, into)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.medium.set_len(bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.medium.sync().inspect(|()| {
            self.syncs.fetch_add(1, Ordering::AcqRel);
        })
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.medium.write(offset, bytes)
    }
}
