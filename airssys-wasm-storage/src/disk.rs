//! The folder of a store: its file, and the lock that keeps other hosts out.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
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
/// What is in the file of the lock from when a store was made, so that one that is gone is not taken for one that never
/// was.
const MARK: &[u8] = b"A store was made in this folder. It is made anew only when this file is gone.\n";

/// The file of a store. The lock is given up with it.
#[derive(Debug)]
struct Disk {
    file: FileBackend,
    place: Place,
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
    let is_marked = lock.metadata().map_err(failed(&at))?.len() > 0;
    let lock = Arc::new(lock);
    let data = folder.join(DATA);
    if is_missing(&data).map_err(failed(&data))? {
        if is_marked {
            return Err(StoreError::Gone { path: data, mark: at });
        }
        let unfinished = folder.join(UNFINISHED);
        let file = options().create(true).truncate(true).open(&unfinished).map_err(failed(&unfinished))?;
        drop(schema::open(&Shared::new(Disk::medium(file, &unfinished, &lock)?))?);
        fs::rename(&unfinished, &data).map_err(failed(&data))?;
        sync_folder(folder).map_err(failed(folder))?;
    }
    if !is_marked && let Err(error) = mark(&lock) {
        // On a full disk, say. The store is there, and the next host marks it.
        tracing::warn!(path = %at.display(), %error, "the store cannot be marked as made");
    }
    let file = options().open(&data).map_err(failed(&data))?;
    Disk::medium(file, &data, &lock)
}

/// Whether there is no store; an empty file is none, because a store gets its name when it is whole.
fn is_missing(data: &Path) -> io::Result<bool> {
    match fs::metadata(data) {
        Ok(metadata) => Ok(metadata.is_file() && metadata.len() == 0),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

fn mark(mut lock: &File) -> io::Result<()> {
    lock.write_all(MARK)?;
    lock.sync_all()
}

impl Disk {
    fn medium(file: File, path: &Path, lock: &Arc<File>) -> Result<Arc<dyn Medium>, StoreError> {
        let failed = |source| StoreError::Folder { path: path.to_owned(), source };
        let place = Place::of(&file, path).map_err(failed)?;
        let file = FileBackend::new(file).map_err(|error| StoreError::Failed(error.into()))?;
        Ok(Arc::new(Self { file, place, _lock: Arc::clone(lock) }))
    }
}

/// Where a file was opened: what is written to one that is not there any more is lost with its last handle.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    #[cfg(unix)]
    identity: (u64, u64),
}

#[cfg(unix)]
impl Place {
    fn of(file: &File, path: &Path) -> io::Result<Self> {
        // The present folder may be another one later.
        let path = std::path::absolute(path)?;
        Ok(Self { path, identity: Self::identity(&file.metadata()?) })
    }

    fn identity(metadata: &fs::Metadata) -> (u64, u64) {
        use std::os::unix::fs::MetadataExt;

        (metadata.dev(), metadata.ino())
    }

    fn check(&self) -> io::Result<()> {
        let found = fs::metadata(&self.path);
        if found.is_ok_and(|metadata| Self::identity(&metadata) == self.identity) {
            return Ok(());
        }
        let what = format!("{} was removed or replaced under the host", self.path.display());
        Err(io::Error::new(ErrorKind::NotFound, what))
    }
}

/// Elsewhere a file that is open stays where it is.
#[cfg(not(unix))]
impl Place {
    fn of(_file: &File, path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned() })
    }

    fn check(&self) -> io::Result<()> {
        self.path.try_exists().map(|_| ())
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
        self.file.sync_data()?;
        self.place.check()
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
