//! The folders that an instance was granted, opened when it starts.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wasmtime_wasi::filesystem::Dir;
use wasmtime_wasi::{FsPerms, OpenMode};

use airssys_wasm_core::{FilesystemCapabilities, FolderPath, PROTECTED_FOLDERS};

use super::handle::FileAccess;
use super::threads::FileThreads;
use super::work::FileWork;
use crate::error::RuntimeError;

/// A folder that was granted, open.
#[derive(Clone)]
pub(super) struct Folder {
    pub(super) dir: Dir,
    /// Where the guest sees it.
    pub(super) path: Arc<str>,
}

impl std::fmt::Debug for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Folder").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Folders that no component may be granted: those of the system, and the host's own.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProtectedFolders(Vec<PathBuf>);

impl ProtectedFolders {
    pub(crate) fn add(&mut self, folder: PathBuf) {
        self.0.push(folder);
    }

    /// Which of them hinders a grant of this folder, all links in its path followed.
    fn hindering(&self, real: &Path) -> Option<PathBuf> {
        let own = self.0.iter().map(PathBuf::as_path);
        PROTECTED_FOLDERS.iter().map(Path::new).chain(own).find_map(|folder| {
            // One that is not there yet is meant where its path leads so far.
            let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
            (real.starts_with(&folder) || folder.starts_with(real)).then_some(folder)
        })
    }
}

/// The folders that a component is to be granted, each with the key that grants it.
#[derive(Debug)]
pub(crate) struct Folders {
    wanted: Vec<(&'static str, FsPerms, FolderPath)>,
    protected: ProtectedFolders,
}

impl Folders {
    /// A folder that is to be read and written is named once, by the right that includes the other.
    pub(crate) fn new(capabilities: &FilesystemCapabilities, protected: &ProtectedFolders) -> Self {
        let FilesystemCapabilities { read, write } = capabilities;
        let mut wanted = Vec::with_capacity(read.len() + write.len());
        let mut want = |key, perms, folder: &FolderPath| {
            if !wanted.iter().any(|(_, _, known)| known == folder) {
                wanted.push((key, perms, folder.clone()));
            }
        };
        write.iter().for_each(|folder| want("capabilities.filesystem.write", FsPerms::ReadWrite, folder));
        read.iter().for_each(|folder| want("capabilities.filesystem.read", FsPerms::ReadOnly, folder));
        Self { wanted, protected: protected.clone() }
    }

    pub(crate) fn are_none(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Opens all of them, on threads that may block.
    pub(crate) async fn open(
        self,
        threads: &Arc<FileThreads>,
        work: &FileWork,
    ) -> Result<FileAccess, RuntimeError> {
        let unfinished = |_| RuntimeError::FilesUnavailable;
        let place = work.place().await.map_err(unfinished)?;
        let mut opening = place.begin(threads, move || {
            self.wanted.iter().map(|(key, perms, path)| self.open_one(key, *perms, path)).collect()
        });
        let folders: Result<Vec<Folder>, RuntimeError> = opening.result().await.map_err(unfinished)?;
        Ok(FileAccess::new(folders?, Arc::clone(threads), work.clone()))
    }

    /// As [`open`](Self::open), and leaves nothing open: whether they could all be granted now. This blocks.
    pub(crate) fn check(&self) -> Result<(), RuntimeError> {
        self.wanted.iter().try_for_each(|(key, perms, path)| self.open_one(key, *perms, path).map(drop))
    }

    fn open_one(&self, key: &'static str, perms: FsPerms, path: &FolderPath) -> Result<Folder, RuntimeError> {
        let failed = |source| RuntimeError::Folder { key, path: path.as_path().to_owned(), source };
        let (folder, real) = open(path.as_path()).map_err(failed)?;
        if let Some(protected) = self.protected.hindering(&real) {
            return Err(RuntimeError::ProtectedFolder { key, path: path.as_path().to_owned(), protected });
        }
        let mode = match perms {
            FsPerms::ReadOnly => OpenMode::READ,
            FsPerms::ReadWrite => OpenMode::READ | OpenMode::WRITE,
        };
        Ok(Folder { dir: Dir::new(folder, perms, mode, true), path: path.as_str().into() })
    }
}

/// Opens a folder, and tells where it is with all links followed: of what was opened, and not of what has its name
/// a moment later.
#[cfg(target_os = "linux")]
fn open(path: &Path) -> io::Result<(std::fs::File, PathBuf)> {
    use std::os::fd::AsRawFd;

    use rustix::fs::{Mode, OFlags};

    let folder = rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let folder = std::fs::File::from(folder);
    let real = std::fs::read_link(format!("/proc/self/fd/{}", folder.as_raw_fd()));
    let real = real.or_else(|_| path.canonicalize())?;
    Ok((folder, real))
}

/// The same, where only names can be asked.
#[cfg(not(target_os = "linux"))]
fn open(path: &Path) -> io::Result<(std::fs::File, PathBuf)> {
    let real = path.canonicalize()?;
    if !real.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok((std::fs::File::open(&real)?, real))
}
