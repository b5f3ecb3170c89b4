//! The folder of a store: its file, and the lock that keeps other hosts out.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;

use redb::StorageBackend;
use redb::backends::FileBackend;

use crate::error::StoreError;
use crate::medium::{Medium, Shared};
use crate::schema;

const DATA: &str = "store.redb";
/// What is made first, so that a host that ends in the middle leaves no half of a store.
const UNFINISHED: &str = "store.redb.new";
/// The lock is on a file of its own: the data file is replaced when it is made, and opened again after a failure.
const LOCK: &str = "store.lock";

/// The file of a store. The lock is given up with it.
#[derive(Debug)]
struct Disk {
    file: FileBackend,
    _lock: Arc<File>,
}

/// Opens the store in a folder, which is made where there is none; nobody but the host's own user may look into it.
pub(crate) fn open(folder: &Path) -> Result<Arc<dyn Medium>, StoreError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| StoreError::Folder { path, source }
    };
    make_folder(folder).map_err(failed(folder))?;
    let at = folder.join(LOCK);
    let lock = options().create(true).truncate(false).open(&at).map_err(failed(&at))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { path: folder.to_path_buf() }),
        Err(TryLockError::Error(source)) => return Err(failed(&at)(source)),
    }
    let lock = Arc::new(lock);
    let data = folder.join(DATA);
    if !data.try_exists().map_err(failed(&data))? {
        let unfinished = folder.join(UNFINISHED);
        let file = options().create(true).truncate(true).open(&unfinished).map_err(failed(&unfinished))?;
        drop(schema::open(&Shared::new(Disk::medium(file, &lock)?))?);
        fs::rename(&unfinished, &data).map_err(failed(&data))?;
        sync_folder(folder).map_err(failed(folder))?;
    }
    let file = options().open(&data).map_err(failed(&data))?;
    Disk::medium(file, &lock)
}

impl Disk {
    fn medium(file: File, lock: &Arc<File>) -> Result<Arc<dyn Medium>, StoreError> {
        let file = FileBackend::new(file).map_err(|error| StoreError::Failed(error.into()))?;
        Ok(Arc::new(Self { file, _lock: Arc::clone(lock) }))
    }
}

impl Medium for Disk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, into)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write(offset, bytes)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The name of a new file lasts when its folder is written.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
