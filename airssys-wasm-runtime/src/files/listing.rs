//! A folder that is read in parts, however large it is.

use std::collections::VecDeque;

use wasmtime_wasi::filesystem::Dir;
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorType, DirectoryEntry, ErrorCode};
use wasmtime_wasi::p2::{FsError, FsResult};

use super::handle::{FileAccess, Room};
use crate::bounds::DIRECTORY_ENTRIES_AT_ONCE;

/// A folder that is being read.
pub(super) struct Listing {
    /// None while its reader is under way, or after it was lost with an operation.
    reader: Option<Reader>,
    ready: VecDeque<DirectoryEntry>,
    is_over: bool,
    _room: Room,
}

impl Listing {
    /// Begins to read. This blocks.
    pub(super) fn open(dir: &Dir) -> FsResult<Reader> {
        Reader::open(dir)
    }

    pub(super) fn new(reader: Reader, room: Room) -> Self {
        Self { reader: Some(reader), ready: VecDeque::new(), is_over: false, _room: room }
    }

    /// The next entry; none at the end.
    pub(super) async fn next(&mut self, access: &FileAccess) -> FsResult<Option<DirectoryEntry>> {
        if self.ready.is_empty() && !self.is_over {
            let Some(mut reader) = self.reader.take() else { return Err(ErrorCode::Io.into()) };
            let part = access.run(move || {
                let part = reader.read();
                (reader, part)
            });
            let (reader, part) = part.await?;
            self.reader = Some(reader);
            self.ready = part?;
            self.is_over = self.ready.is_empty();
        }
        Ok(self.ready.pop_front())
    }
}

/// Reads the entries of one folder.
#[cfg(unix)]
pub(super) struct Reader {
    entries: rustix::fs::Dir,
    folder: Dir,
}

#[cfg(unix)]
impl Reader {
    fn open(dir: &Dir) -> FsResult<Self> {
        let entries = rustix::fs::Dir::read_from(&*dir.dir).map_err(failed)?;
        Ok(Self { entries, folder: dir.clone() })
    }

    /// The next entries; none at the end.
    fn read(&mut self) -> FsResult<VecDeque<DirectoryEntry>> {
        let mut part = VecDeque::new();
        while part.len() < DIRECTORY_ENTRIES_AT_ONCE {
            let Some(entry) = self.entries.read() else { break };
            let entry = entry.map_err(failed)?;
            if matches!(entry.file_name().to_bytes(), b"." | b"..") {
                continue;
            }
            let Ok(name) = entry.file_name().to_str() else {
                return Err(ErrorCode::IllegalByteSequence.into());
            };
            let kind = match entry.file_type() {
                rustix::fs::FileType::Unknown => self.kind_of(name),
                known => known,
            };
            part.push_back(DirectoryEntry { type_: shown(kind), name: name.to_owned() });
        }
        Ok(part)
    }

    /// Where the entries themselves do not say it.
    fn kind_of(&self, name: &str) -> rustix::fs::FileType {
        let follow = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
        let stat = rustix::fs::statat(&*self.folder.dir, name, follow);
        stat.map_or(rustix::fs::FileType::Unknown, |stat| rustix::fs::FileType::from_raw_mode(stat.st_mode))
    }
}

#[cfg(unix)]
fn shown(kind: rustix::fs::FileType) -> DescriptorType {
    match kind {
        rustix::fs::FileType::RegularFile => DescriptorType::RegularFile,
        rustix::fs::FileType::Directory => DescriptorType::Directory,
        rustix::fs::FileType::Symlink => DescriptorType::SymbolicLink,
        rustix::fs::FileType::Fifo => DescriptorType::Fifo,
        rustix::fs::FileType::Socket => DescriptorType::Socket,
        rustix::fs::FileType::CharacterDevice => DescriptorType::CharacterDevice,
        rustix::fs::FileType::BlockDevice => DescriptorType::BlockDevice,
        rustix::fs::FileType::Unknown => DescriptorType::Unknown,
    }
}

#[cfg(unix)]
fn failed(error: rustix::io::Errno) -> FsError {
    std::io::Error::from(error).into()
}

/// Elsewhere the engine reads a folder whole, which has no bound.
#[cfg(not(unix))]
pub(super) struct Reader;

#[cfg(not(unix))]
impl Reader {
    fn open(_: &Dir) -> FsResult<Self> {
        Err(FsError::from(ErrorCode::Unsupported))
    }

    fn read(&mut self) -> FsResult<VecDeque<DirectoryEntry>> {
        Ok(VecDeque::new())
    }
}
