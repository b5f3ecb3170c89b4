//! Opens what a path leads to, and never waits for whoever is at the other end of a pipe.

use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, DescriptorType, HostDescriptor, OpenFlags, PathFlags,
};

use super::sandbox::{Sandbox, done};

/// What a guest wants to open.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) path: String,
    pub(super) path_flags: PathFlags,
    pub(super) open_flags: OpenFlags,
    pub(super) flags: DescriptorFlags,
}

/// What became of it.
pub(super) enum Opened {
    Descriptor(Descriptor),
    /// A pipe, a device or a socket, which could keep whoever uses it waiting for ever.
    Special,
}

impl Opening {
    /// Opens a regular file or a folder. This blocks, and waits for nobody.
    ///
    /// What a path leads to is looked at before it is opened, because opening a device may do something, and what was
    /// opened afterwards, because the path may lead elsewhere by then.
    pub(super) fn open(self, folder: Descriptor) -> FsResult<Opened> {
        let mut sandbox = Sandbox::new();
        let entered = sandbox.enter(folder.clone())?;
        if let Ok(found) = done(sandbox.view().stat_at(entered, self.path_flags, self.path.clone()))
            && is_special(found.type_)
        {
            return Ok(Opened::Special);
        }
        #[cfg(target_os = "linux")]
        if beneath::is_possible() {
            return beneath::open(&self, &folder);
        }
        self.open_by_engine(folder)
    }

    /// By the engine's own operation, which waits where a pipe has taken the place of what was looked at.
    fn open_by_engine(self, folder: Descriptor) -> FsResult<Opened> {
        let mut sandbox = Sandbox::new();
        let folder = sandbox.enter(folder)?;
        let Self { path, path_flags, open_flags, flags } = self;
        let opened = done(sandbox.view().open_at(folder, path_flags, path, open_flags, flags))?;
        let kind = done(sandbox.view().get_type(wasmtime::component::Resource::new_borrow(opened.rep())))?;
        if is_special(kind) {
            return Ok(Opened::Special);
        }
        Ok(Opened::Descriptor(sandbox.table.delete(opened)?))
    }
}

fn is_special(kind: DescriptorType) -> bool {
    !matches!(kind, DescriptorType::RegularFile | DescriptorType::Directory | DescriptorType::SymbolicLink)
}

/// By the system's own call for paths that lead nowhere else: the engine's is the same, but for what is added here.
/// A pipe is opened without waiting and closed again, and nothing is opened on another mount than the folder's.
#[cfg(target_os = "linux")]
mod beneath {
    use std::fs::File as SystemFile;
    use std::sync::LazyLock;

    use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};
    use rustix::io::Errno;
    use wasmtime_wasi::OpenMode;
    use wasmtime_wasi::filesystem::{Descriptor, Dir, File};
    use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorFlags, ErrorCode, OpenFlags, PathFlags};
    use wasmtime_wasi::p2::{FsError, FsResult};

    use super::{Opened, Opening};

    /// How often a path is tried whose `..` the system cannot judge because something is renamed meanwhile.
    const ATTEMPTS: usize = 64;

    /// Whether this system has the call, and lets this process use it.
    pub(super) fn is_possible() -> bool {
        static IS_POSSIBLE: LazyLock<bool> = LazyLock::new(|| {
            let flags = OFlags::PATH | OFlags::CLOEXEC;
            rustix::fs::openat2(CWD, ".", flags, Mode::empty(), ResolveFlags::empty()).is_ok()
        });
        *IS_POSSIBLE
    }

    pub(super) fn open(opening: &Opening, folder: &Descriptor) -> FsResult<Opened> {
        let Descriptor::Dir(folder) = folder else { return Err(ErrorCode::NotDirectory.into()) };
        let mode = mode(opening, folder)?;
        let file = match resolve(opening, folder, mode) {
            Ok(file) => file,
            // Nobody reads the pipe, or it is a socket.
            Err(Errno::NXIO) => return Ok(Opened::Special),
            // Outside of the folder, or on another mount.
            Err(Errno::XDEV) => return Err(ErrorCode::NotPermitted.into()),
            Err(error) => return Err(failed(error)),
        };
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&file).map_err(failed)?.st_mode);
        if is_special(kind) {
            return Ok(Opened::Special);
        }
        let flags = rustix::fs::fcntl_getfl(&file).map_err(failed)?;
        rustix::fs::fcntl_setfl(&file, flags.difference(OFlags::NONBLOCK)).map_err(failed)?;
        Ok(Opened::Descriptor(match kind {
            FileType::Directory => Descriptor::Dir(Dir::new(file, folder.perms, mode, true)),
            _ if opening.open_flags.contains(OpenFlags::DIRECTORY) => {
                return Err(ErrorCode::NotDirectory.into());
            }
            _ => Descriptor::File(File::new(file, folder.perms, mode, true)),
        }))
    }

    fn is_special(kind: FileType) -> bool {
        !matches!(kind, FileType::RegularFile | FileType::Directory)
    }

    /// What the file is opened for, where the folder's right and the interface allow it.
    fn mode(opening: &Opening, folder: &Dir) -> FsResult<OpenMode> {
        let Opening { open_flags, flags, .. } = opening;
        let synchronous = [
            DescriptorFlags::FILE_INTEGRITY_SYNC,
            DescriptorFlags::DATA_INTEGRITY_SYNC,
            DescriptorFlags::REQUESTED_WRITE_SYNC,
        ];
        if synchronous.iter().any(|flag| flags.contains(*flag)) {
            return Err(ErrorCode::Unsupported.into());
        }
        let files_only = [OpenFlags::CREATE, OpenFlags::EXCLUSIVE, OpenFlags::TRUNCATE];
        let is_for_files = files_only.iter().any(|flag| open_flags.contains(*flag));
        if open_flags.contains(OpenFlags::DIRECTORY) && is_for_files {
            return Err(ErrorCode::Invalid.into());
        }
        let mut mode = OpenMode::empty();
        if !flags.contains(DescriptorFlags::WRITE) || flags.contains(DescriptorFlags::READ) {
            mode |= OpenMode::READ;
        }
        let changes = [OpenFlags::CREATE, OpenFlags::TRUNCATE];
        if flags.contains(DescriptorFlags::WRITE) || changes.iter().any(|flag| open_flags.contains(*flag)) {
            mode |= OpenMode::WRITE;
        }
        if folder.perms.write_not_permitted() && mode.contains(OpenMode::WRITE) {
            return Err(ErrorCode::NotPermitted.into());
        }
        Ok(mode)
    }

    fn resolve(opening: &Opening, folder: &Dir, mode: OpenMode) -> Result<SystemFile, Errno> {
        let Opening { path, path_flags, open_flags, .. } = opening;
        let mut flags = OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        flags |= match (mode.contains(OpenMode::READ), mode.contains(OpenMode::WRITE)) {
            (true, true) => OFlags::RDWR,
            (false, true) => OFlags::WRONLY,
            _ => OFlags::RDONLY,
        };
        flags.set(OFlags::NOFOLLOW, !path_flags.contains(PathFlags::SYMLINK_FOLLOW));
        let creates = open_flags.contains(OpenFlags::CREATE);
        let is_new = creates && open_flags.contains(OpenFlags::EXCLUSIVE);
        flags.set(OFlags::CREATE, creates);
        flags.set(OFlags::EXCL, is_new);
        flags.set(OFlags::TRUNC, open_flags.contains(OpenFlags::TRUNCATE) && !is_new);
        let permissions = if creates { Mode::from_raw_mode(0o666) } else { Mode::empty() };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        let mut attempts = ATTEMPTS;
        loop {
            attempts -= 1;
            match rustix::fs::openat2(&*folder.dir, path.as_str(), flags, permissions, resolve) {
                Err(Errno::AGAIN) if attempts > 0 => {}
                opened => return opened.map(SystemFile::from),
            }
        }
    }

    fn failed(error: Errno) -> FsError {
        std::io::Error::from(error).into()
    }

    #[cfg(test)]
    mod tests {
        use wasmtime_wasi::FsPerms;

        use super::*;

        /// As where a pipe takes the place of a file after that was looked at.
        #[test]
        fn a_pipe_that_was_not_looked_at_keeps_nobody_waiting() {
            let ground = tempfile::tempdir().unwrap();
            let pipe = ground.path().join("pipe");
            rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
            std::fs::write(ground.path().join("file"), "content").unwrap();
            let folder = SystemFile::open(ground.path()).unwrap();
            let mode = OpenMode::READ | OpenMode::WRITE;
            let folder = Descriptor::Dir(Dir::new(folder, FsPerms::ReadWrite, mode, true));
            let open = |path: &str, flags| {
                let path_flags = PathFlags::SYMLINK_FOLLOW;
                let opening =
                    Opening { path: path.into(), path_flags, open_flags: OpenFlags::empty(), flags };
                super::open(&opening, &folder).unwrap()
            };
            for flags in [
                DescriptorFlags::READ,
                DescriptorFlags::WRITE,
                DescriptorFlags::READ | DescriptorFlags::WRITE,
            ] {
                assert!(matches!(open("pipe", flags), Opened::Special));
            }
            let Opened::Descriptor(Descriptor::File(file)) = open("file", DescriptorFlags::READ) else {
                panic!("it is a file")
            };
            let flags = rustix::fs::fcntl_getfl(&*file.file).unwrap();
            assert!(!flags.contains(OFlags::NONBLOCK), "{flags:?}");
        }

        #[test]
        fn nothing_is_opened_on_another_mount() {
            let folder = SystemFile::open("/").unwrap();
            let folder = Descriptor::Dir(Dir::new(folder, FsPerms::ReadOnly, OpenMode::READ, true));
            let (path_flags, open_flags) = (PathFlags::SYMLINK_FOLLOW, OpenFlags::empty());
            let path = "proc/version".to_owned();
            let opening = Opening { path, path_flags, open_flags, flags: DescriptorFlags::READ };
            let error = super::open(&opening, &folder).err().unwrap();
            assert_eq!(error.downcast_ref(), Some(&ErrorCode::NotPermitted));
        }
    }
}
