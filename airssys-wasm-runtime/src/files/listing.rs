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

/// Reads the entries of one folder, by a descriptor of its own and no other: what is listed is one thing that is open.
#[cfg(unix)]
pub(super) struct Reader {
    entries: rustix::fs::Dir,
    /// What ended the part that was read last, for the next one.
    failure: Option<FsError>,
}

#[cfg(unix)]
impl Reader {
    fn open(dir: &Dir) -> FsResult<Self> {
        let entries = rustix::fs::Dir::read_from(&*dir.dir).map_err(failed)?;
        Ok(Self { entries, failure: None })
    }

    /// The next entries; none at the end. An entry that cannot be told is an error, after those before it.
    fn read(&mut self) -> FsResult<VecDeque<DirectoryEntry>> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let mut part = VecDeque::new();
        while part.len() < DIRECTORY_ENTRIES_AT_ONCE {
            match self.entry() {
                Ok(Some(entry)) => part.push_back(entry),
                Ok(None) => break,
                Err(failure) if part.is_empty() => return Err(failure),
                Err(failure) => {
                    self.failure = Some(failure);
                    break;
                }
            }
        }
        Ok(part)
    }

    fn entry(&mut self) -> FsResult<Option<DirectoryEntry>> {
        while let Some(entry) = self.entries.read() {
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
            return Ok(Some(DirectoryEntry { type_: shown(kind), name: name.to_owned() }));
        }
        Ok(None)
    }

    /// Where the entries themselves do not say it.
    fn kind_of(&self, name: &str) -> rustix::fs::FileType {
        let follow = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
        let stat = self.entries.fd().and_then(|folder| rustix::fs::statat(folder, name, follow));
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::collections::BTreeSet;
    use std::ffi::OsStr;
    use std::fs::File;
    use std::os::unix::ffi::OsStrExt;
    use std::sync::Arc;

    use wasmtime_wasi::{FsPerms, OpenMode};

    use super::*;

    fn granted(folder: File) -> Dir {
        Dir::new(folder, FsPerms::ReadOnly, OpenMode::READ, true)
    }

    #[test]
    fn a_listing_is_one_thing_that_is_open() {
        let ground = tempfile::tempdir().unwrap();
        let dir = granted(File::open(ground.path()).unwrap());
        let reader = Listing::open(&dir).unwrap();
        assert_eq!(Arc::strong_count(&dir.dir), 1, "the guest's handle is closed when the guest closes it");
        assert_eq!(reader.kind_of("."), rustix::fs::FileType::Directory);
    }

    #[test]
    fn a_name_that_is_no_text_costs_no_other() {
        let ground = tempfile::tempdir().unwrap();
        let texts: BTreeSet<String> = (0..20).map(|number| format!("entry-{number}")).collect();
        for name in &texts {
            std::fs::write(ground.path().join(name), "").unwrap();
        }
        std::fs::write(ground.path().join(OsStr::from_bytes(b"\xff")), "").unwrap();
        let mut reader = Listing::open(&granted(File::open(ground.path()).unwrap())).unwrap();
        let (mut names, mut failures) = (BTreeSet::new(), 0);
        loop {
            match reader.read() {
                Ok(part) if part.is_empty() => break,
                Ok(part) => names.extend(part.into_iter().map(|entry| entry.name)),
                Err(error) => {
                    assert_eq!(error.downcast_ref(), Some(&ErrorCode::IllegalByteSequence));
                    failures += 1;
                }
            }
        }
        assert_eq!((names, failures), (texts, 1));
    }
}
