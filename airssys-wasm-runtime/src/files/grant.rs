//! The folders that an instance was granted, opened when it starts.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wasmtime_wasi::filesystem::Dir;
use wasmtime_wasi::{FsPerms, OpenMode};

use airssys_wasm_core::{FilesystemCapabilities, FolderPath, PROTECTED_FOLDERS};

use super::handle::FileAccess;
use super::mounts::{Mounts, overlap};
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
pub(crate) struct ProtectedFolders {
    from_all: Vec<PathBuf>,
    /// Folders whose files say what the next start grants and runs.
    from_writing: Vec<PathBuf>,
}

impl ProtectedFolders {
    /// A relative path is meant from where the process is now, and the empty one means just that.
    pub(crate) fn add(&mut self, folder: PathBuf) {
        self.from_all.push(absolute(folder));
    }

    /// The same against writing alone.
    pub(crate) fn add_from_writing(&mut self, folder: PathBuf) {
        self.from_writing.push(absolute(folder));
    }

    /// Which of those that nobody may write in is this folder, which is at its real path, or lies in it: by its own path
    /// or by another that it is mounted at.
    fn hindering_writing(&self, real: &Path, mounts: &Mounts) -> Option<PathBuf> {
        let mut folders = self.from_writing.iter().map(|folder| resolved(folder));
        folders.find(|folder| folder.starts_with(real) || mounts.show(real, folder))
    }

    /// Which of them hinders a grant of this folder, which is at its real path: by its own path or by another that it
    /// is mounted at.
    fn hindering(&self, real: &Path, mounts: &Mounts) -> Option<PathBuf> {
        let own = self.from_all.iter().map(PathBuf::as_path);
        let mut folders = PROTECTED_FOLDERS.iter().map(Path::new).chain(own).map(resolved);
        folders
            .find(|folder| overlap(real, folder) || mounts.lead(real, folder))
            .or_else(|| mounts.system(real).map(Path::to_owned))
    }
}

/// Every path begins with the empty one, which must not stand for all of them.
fn absolute(folder: PathBuf) -> PathBuf {
    let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
    std::path::absolute(&folder).unwrap_or(folder)
}

/// Where a path leads, all links followed. Of one that is not there yet, as far as it is there.
fn resolved(path: &Path) -> PathBuf {
    let there = |ancestor: &Path| {
        let below = path.strip_prefix(ancestor).ok()?;
        let real = ancestor.canonicalize().ok()?;
        Some(if below.as_os_str().is_empty() { real } else { real.join(below) })
    };
    path.ancestors().find_map(there).unwrap_or_else(|| path.to_owned())
}

/// A folder, and the key that grants it.
type Wanted = (&'static str, FsPerms, FolderPath);

/// The folders that a component is to be granted, each with the key that grants it.
#[derive(Debug)]
pub(crate) struct Folders {
    wanted: Vec<Wanted>,
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
            let mounts = Mounts::now();
            let open = |(key, perms, path): &Wanted| self.open_one(key, *perms, path, &mounts);
            self.wanted.iter().map(open).collect()
        });
        let folders: Result<Vec<Folder>, RuntimeError> = opening.result().await.map_err(unfinished)?;
        Ok(FileAccess::new(folders?, Arc::clone(threads), work.clone()))
    }

    /// As [`open`](Self::open), and leaves nothing open: whether they could all be granted now. This blocks.
    pub(crate) fn check(&self) -> Result<(), RuntimeError> {
        let mounts = Mounts::now();
        let open = |(key, perms, path): &Wanted| self.open_one(key, *perms, path, &mounts);
        self.wanted.iter().try_for_each(|wanted| open(wanted).map(drop))
    }

    /// Links are not followed: where one leads may be for a guest to say, this one before its restart, or another.
    fn open_one(
        &self,
        key: &'static str,
        perms: FsPerms,
        path: &FolderPath,
        mounts: &Mounts,
    ) -> Result<Folder, RuntimeError> {
        let failed = |source| RuntimeError::Folder { key, path: path.as_path().to_owned(), source };
        let (folder, real) = open(path.as_path()).map_err(failed)?;
        if let Some(protected) = self.protected.hindering(&real, mounts) {
            return Err(RuntimeError::ProtectedFolder { key, path: path.as_path().to_owned(), protected });
        }
        if perms == FsPerms::ReadWrite
            && let Some(held) = self.protected.hindering_writing(&real, mounts)
        {
            return Err(RuntimeError::FolderOfManifests { key, path: path.as_path().to_owned(), held });
        }
        if real != path.as_path() {
            return Err(RuntimeError::LinkedFolder { key, path: path.as_path().to_owned(), real });
        }
        let mode = match perms {
            FsPerms::ReadOnly => OpenMode::READ,
            FsPerms::ReadWrite => OpenMode::READ | OpenMode::WRITE,
        };
        Ok(Folder { dir: Dir::new(folder, perms, mode, true), path: path.as_str().into() })
    }
}

/// Opens a folder, and tells where it really is: of what was opened, and not of what has its name a moment later.
#[cfg(target_os = "linux")]
fn open(path: &Path) -> io::Result<(std::fs::File, PathBuf)> {
    use std::os::fd::AsRawFd;

    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
    use rustix::io::Errno;

    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = match rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        // A link is opened for the sake of its name, which then is another than what was granted; so it is where the
        // system does not have this call or forbids it.
        Err(Errno::LOOP | Errno::NOSYS | Errno::PERM) => rustix::fs::open(path, flags, Mode::empty()),
        opened => opened,
    };
    let folder = std::fs::File::from(folder?);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protected_folder_that_is_not_there_yet_is_protected() {
        let ground = tempfile::tempdir().unwrap();
        let real = ground.path().canonicalize().unwrap();
        std::fs::create_dir(real.join("there")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(real.join("there"), real.join("link")).unwrap();
        let mut protected = ProtectedFolders::default();
        protected.add(real.join("link/later/log"));
        let hindering = |path: &str| protected.hindering(&real.join(path), &Mounts::default());
        let expected = Some(real.join("there/later/log"));
        assert_eq!(hindering("there"), expected);
        assert_eq!(hindering("there/later/log/old"), expected);
        assert_eq!(hindering("there/other"), None);
    }

    #[test]
    fn a_folder_that_nobody_may_write_in_is_known_by_its_other_mounts() {
        let mounts = Mounts::parse(
            b"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n27 22 8:1 /not-there /mnt/other rw - ext4 /dev/sda1 rw\n",
        );
        let mut protected = ProtectedFolders::default();
        protected.add_from_writing("/not-there/system".into());
        for (granted, is_held) in [
            ("/not-there", true),
            ("/mnt", true),
            ("/mnt/other", true),
            ("/mnt/other/system", true),
            ("/mnt/other/system/data", false),
            ("/mnt/other/free", false),
        ] {
            let held = protected.hindering_writing(Path::new(granted), &mounts);
            assert_eq!(held, is_held.then(|| "/not-there/system".into()), "{granted}");
        }
    }

    #[test]
    fn a_relative_protected_folder_is_meant_from_here() {
        let mut protected = ProtectedFolders::default();
        protected.add("later/log".into());
        let here = std::env::current_dir().unwrap().canonicalize().unwrap();
        let hindering = |path: &str| protected.hindering(&here.join(path), &Mounts::default());
        assert_eq!(hindering("later"), Some(here.join("later/log")));
        assert_eq!(hindering("other"), None);
    }

    #[test]
    fn the_empty_path_protects_where_the_process_is_and_nothing_beside_it() {
        let mut protected = ProtectedFolders::default();
        protected.add(PathBuf::new());
        protected.add_from_writing(PathBuf::new());
        let here = std::env::current_dir().unwrap().canonicalize().unwrap();
        let beside = here.with_file_name("another folder");
        let mounts = Mounts::default();
        assert_eq!(protected.hindering(&here, &mounts), Some(here.clone()));
        assert_eq!(protected.hindering_writing(&here, &mounts), Some(here.clone()));
        assert_eq!(protected.hindering(&beside, &mounts), None);
        assert_eq!(protected.hindering_writing(&beside, &mounts), None);
    }
}
