//! The files of an audit log: opened where the last host has left them, and rotated when they are full.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use airssys_wasm_security::{AuditChain, AuditFault, MAX_AUDIT_RECORD_BYTES};

use super::error::AuditLogError;
use super::location::AuditLocation;
use super::store::{Rotated, Store};

/// Digits of the number in the name of a full file: those of the largest one.
const SUFFIX_DIGITS: usize = 20;

/// How every record begins. What a host has not finished begins so, as far as it goes.
const RECORD_BEGINS: &[u8] = b"{\"sequence\":";

/// How far from the end of a file its last line is looked for: more than is written at a time.
const TAIL_BYTES: u64 = 131_072;

/// The log that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) files: AuditFiles,
    pub(super) chain: AuditChain,
    /// What the file that is written held already.
    pub(super) beginning: Beginning,
}

/// How a host's part of a log begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// The file has no record yet.
    New {
        /// The full file that it comes after.
        after: Option<String>,
        /// Whether it was there.
        was_there: bool,
        /// Bytes of a line that its last host has not finished, which were cut off.
        cut_bytes: u64,
    },
    /// The file goes on; so many bytes of a line that its last host has not finished were cut off.
    Resumed { cut_bytes: u64 },
}

/// The files of one log, which nobody else writes.
#[derive(Debug)]
pub(super) struct AuditFiles {
    location: AuditLocation,
    folder: PathBuf,
    name: String,
    file: File,
    /// Good bytes of the file.
    bytes: u64,
    /// Behind them lies what is left of a failed attempt.
    is_torn: bool,
    /// The number of the file's first record.
    first_sequence: u64,
    /// Full files, the oldest first.
    aside: Vec<String>,
    /// The file was put aside, and there is no new one yet.
    is_put_aside: bool,
    /// Held as long as the log is written.
    _lock: File,
}

impl AuditFiles {
    /// Opens the log, goes on where it ends, and keeps others from writing it.
    pub(super) fn open(location: AuditLocation) -> Result<Found, AuditLogError> {
        if location.max_file_bytes < 4_096 || location.keep_files == 0 {
            return Err(AuditLogError::TooSmall);
        }
        let path = &location.path;
        let Some(name) = path.file_name().and_then(OsStr::to_str).map(str::to_owned) else {
            return Err(AuditLogError::NoFile { path: path.clone() });
        };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        // A link would be renamed instead of the file that it leads to.
        if fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(AuditLogError::NoFile { path: path.clone() });
        }
        let lock = lock(&folder.join(format!(".{name}.lock")), path)?;
        let failed = |source| AuditLogError::File { path: path.clone(), source };
        let aside = full_files(&folder, &name)
            .map_err(|source| AuditLogError::File { path: folder.clone(), source })?;
        let was_there = path.exists();
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed)?;
        let Tail { line, whole_bytes, torn } = Tail::of(&mut file, path)?;
        // Anything else may be a file that is no log, and was named by mistake.
        if !is_unfinished(&torn) {
            return Err(AuditLogError::Broken { path: path.clone(), source: AuditFault::NotARecord });
        }
        let cut_bytes = torn.len() as u64;
        if cut_bytes > 0 {
            file.set_len(whole_bytes).map_err(failed)?;
        }
        let (chain, first_sequence, beginning) = match line {
            Some(line) => {
                let chain = chain_after(&line, path)?;
                let first = first_sequence(&mut file, path)?;
                (chain, first, Beginning::Resumed { cut_bytes })
            }
            // A host ended between putting a file aside and beginning the next one, or there is none yet.
            None => {
                let chain = match aside.last() {
                    Some(last) => end_of(&folder.join(last))?,
                    None => AuditChain::new(),
                };
                let first = chain.next_sequence();
                (chain, first, Beginning::New { after: aside.last().cloned(), was_there, cut_bytes })
            }
        };
        let (bytes, is_torn, is_put_aside) = (whole_bytes, false, false);
        let files = Self {
            location,
            folder,
            name,
            file,
            bytes,
            is_torn,
            first_sequence,
            aside,
            is_put_aside,
            _lock: lock,
        };
        Ok(Found { files, chain, beginning })
    }

    /// Removes the oldest files beyond those that are kept. What cannot be removed is tried again the next
    /// time.
    fn prune(&mut self) -> Vec<String> {
        let keep = usize::try_from(self.location.keep_files).unwrap_or(usize::MAX);
        let mut removed = Vec::new();
        let surplus = self.aside.len().saturating_sub(keep);
        let mut number = 0;
        self.aside.retain(|name| {
            number += 1;
            if number > surplus {
                return true;
            }
            match fs::remove_file(self.folder.join(name)) {
                Ok(()) => removed.push(name.clone()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    tracing::warn!(file = name, %error, "an old file of the audit log cannot be removed");
                    return true;
                }
            }
            false
        });
        removed
    }
}

impl Store for AuditFiles {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.file.set_len(self.bytes)?;
            self.is_torn = false;
        }
        let written = self.file.write_all(bytes);
        match written {
            Ok(()) => self.bytes += bytes.len() as u64,
            // At once, so that the file is whole if this was the last attempt; else before the next one.
            Err(_) => self.is_torn = self.file.set_len(self.bytes).is_err(),
        }
        written
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn rotate(&mut self, next_sequence: u64) -> io::Result<Rotated> {
        let name = format!("{}.{:020}", self.name, self.first_sequence);
        let aside = self.folder.join(&name);
        if !self.is_put_aside {
            self.sync()?;
            // A rename would replace what is there.
            if fs::symlink_metadata(&aside).is_ok() {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    format!("{} is there already", aside.display()),
                ));
            }
            fs::rename(&self.location.path, &aside)?;
            self.is_put_aside = true;
        }
        self.file = OpenOptions::new().read(true).append(true).create_new(true).open(&self.location.path)?;
        self.is_put_aside = false;
        self.aside.push(name.clone());
        (self.bytes, self.first_sequence) = (0, next_sequence);
        Ok(Rotated { aside: name, removed: self.prune() })
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
}

fn lock(path: &Path, log: &Path) -> Result<File, AuditLogError> {
    let failed = |source| AuditLogError::File { path: path.to_owned(), source };
    let lock = OpenOptions::new().write(true).create(true).truncate(false).open(path).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(AuditLogError::InUse { path: log.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// The names of the full files of a log, the oldest first.
fn full_files(folder: &Path, name: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(found) = entry.file_name().into_string() else { continue };
        let suffix = found.strip_prefix(name).and_then(|rest| rest.strip_prefix('.'));
        let is_full = suffix.is_some_and(|suffix| {
            suffix.len() == SUFFIX_DIGITS && suffix.bytes().all(|byte| byte.is_ascii_digit())
        });
        if is_full && entry.file_type()?.is_file() {
            names.push(found);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// The last whole line of a file, and what comes after it.
struct Tail {
    /// Without its line end; none where the file has no whole line.
    line: Option<Vec<u8>>,
    whole_bytes: u64,
    torn: Vec<u8>,
}

impl Tail {
    fn of(file: &mut File, path: &Path) -> Result<Self, AuditLogError> {
        let failed = |source| AuditLogError::File { path: path.to_owned(), source };
        let length = file.metadata().map_err(failed)?.len();
        let from = length.saturating_sub(TAIL_BYTES);
        let mut tail = Vec::new();
        file.seek(SeekFrom::Start(from)).map_err(failed)?;
        file.take(TAIL_BYTES).read_to_end(&mut tail).map_err(failed)?;
        let end = tail.iter().rposition(|byte| *byte == b'\n');
        let Some(end) = end else {
            // One line that its host has not finished is all that there is, or it is no log at all.
            if length <= MAX_AUDIT_RECORD_BYTES as u64 {
                return Ok(Self { line: None, whole_bytes: 0, torn: tail });
            }
            return Err(AuditLogError::Broken { path: path.to_owned(), source: AuditFault::TooLong });
        };
        let torn = tail.split_off(end + 1);
        tail.truncate(end);
        let line = match tail.iter().rposition(|byte| *byte == b'\n') {
            Some(before) => tail.split_off(before + 1),
            None if from == 0 => tail,
            None => {
                return Err(AuditLogError::Broken { path: path.to_owned(), source: AuditFault::TooLong });
            }
        };
        Ok(Self { line: Some(line), whole_bytes: length - torn.len() as u64, torn })
    }
}

/// Whether these bytes are what is left of a record that was not finished: its beginning, and zeros where a loss of
/// power has kept the rest from the disk.
fn is_unfinished(torn: &[u8]) -> bool {
    let zeros = torn.iter().rev().take_while(|byte| **byte == 0).count();
    let (written, _) = torn.split_at_checked(torn.len() - zeros).unwrap_or_default();
    written.starts_with(RECORD_BEGINS) || RECORD_BEGINS.starts_with(written)
}

fn chain_after(line: &[u8], path: &Path) -> Result<AuditChain, AuditLogError> {
    AuditChain::after(line).map_err(|source| AuditLogError::Broken { path: path.to_owned(), source })
}

/// The number of a file's first record.
fn first_sequence(file: &mut File, path: &Path) -> Result<u64, AuditLogError> {
    let failed = |source| AuditLogError::File { path: path.to_owned(), source };
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    file.take(MAX_AUDIT_RECORD_BYTES as u64).read_to_end(&mut head).map_err(failed)?;
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(chain_after(line, path)?.next_sequence() - 1)
}

/// The end of the chain in a full file, which is whole.
fn end_of(path: &Path) -> Result<AuditChain, AuditLogError> {
    let mut file =
        File::open(path).map_err(|source| AuditLogError::File { path: path.to_owned(), source })?;
    match Tail::of(&mut file, path)? {
        Tail { line: Some(line), torn, .. } if torn.is_empty() => chain_after(&line, path),
        _ => Err(AuditLogError::Broken { path: path.to_owned(), source: AuditFault::Unfinished }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use proptest::prelude::*;

    use super::super::writer::{Writer, entry};
    use super::*;
    use airssys_wasm_core::{AuditEvent, AuditKind, AuditReason};
    use airssys_wasm_security::{AuditEntry, AuditVerifier};

    /// Files on a disk that fails when it is told to.
    #[derive(Debug)]
    struct Flaky {
        files: AuditFiles,
        /// For each attempt whether it fails, and after how many bytes; the first is the next.
        script: Vec<Option<usize>>,
    }

    impl Flaky {
        fn fails(&mut self) -> Option<usize> {
            if self.script.is_empty() { None } else { self.script.remove(0) }
        }
    }

    impl Store for Flaky {
        fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
            let Some(written) = self.fails() else { return self.files.append(bytes) };
            if self.files.is_torn {
                self.files.file.set_len(self.files.bytes)?;
            }
            self.files.is_torn = true;
            self.files.file.write_all(&bytes[..written.min(bytes.len())])?;
            Err(io::ErrorKind::StorageFull.into())
        }

        fn bytes(&self) -> u64 {
            self.files.bytes()
        }

        fn rotate(&mut self, next_sequence: u64) -> io::Result<Rotated> {
            match self.fails() {
                Some(half) if half % 2 == 1 && !self.files.is_put_aside => {
                    let aside = format!("{}.{:020}", self.files.name, self.files.first_sequence);
                    fs::rename(&self.files.location.path, self.files.folder.join(aside))?;
                    self.files.is_put_aside = true;
                    Err(io::ErrorKind::StorageFull.into())
                }
                Some(_) => Err(io::ErrorKind::StorageFull.into()),
                None => self.files.rotate(next_sequence),
            }
        }

        fn sync(&mut self) -> io::Result<()> {
            self.files.sync()
        }
    }

    fn location(folder: &Path) -> AuditLocation {
        AuditLocation { path: folder.join("audit.jsonl"), max_file_bytes: 4_096, keep_files: 10_000 }
    }

    fn denied(number: usize) -> AuditEntry {
        let reason = Some(AuditReason::text(number));
        AuditEntry { time: UNIX_EPOCH, event: AuditEvent::of_log(AuditKind::Denied, reason) }
    }

    /// The numbers of the denials in the log, which is whole.
    fn recorded(folder: &Path) -> Vec<usize> {
        let mut names = full_files(folder, "audit.jsonl").unwrap();
        names.push("audit.jsonl".to_owned());
        let mut verifier = AuditVerifier::new();
        let mut numbers = Vec::new();
        for name in names {
            let bytes = fs::read(folder.join(&name)).unwrap();
            assert!(bytes.len() <= 4_096, "{name} has {} bytes", bytes.len());
            verifier
                .feed(&bytes)
                .and_then(|()| verifier.end_file())
                .unwrap_or_else(|bad| panic!("{name}: {bad}"));
            for line in std::str::from_utf8(&bytes).unwrap().lines() {
                let record: serde_json::Value = serde_json::from_str(line).unwrap();
                if record["kind"] == "denied" {
                    numbers.push(record["reason"].as_str().unwrap().parse().unwrap());
                }
            }
        }
        numbers
    }

    /// Writes these denials as one host does, and ends without a word.
    fn host(folder: &Path, numbers: std::ops::Range<usize>, script: Vec<Option<usize>>) -> u64 {
        let Found { files, chain, beginning } = AuditFiles::open(location(folder)).unwrap();
        let mut writer = Writer::new(Box::new(Flaky { files, script }), chain, 4_096);
        writer.work.push_back(match beginning {
            Beginning::New { .. } => entry(AuditKind::Begun, None),
            Beginning::Resumed { .. } => entry(AuditKind::Resumed, None),
        });
        writer.work.extend(numbers.map(denied));
        let mut failures = 0;
        while writer.write().is_err() {
            failures += 1;
        }
        assert_eq!((writer.unwritten(), writer.is_idle()), (0, true));
        failures
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_disk_that_fails_costs_no_record_and_leaves_no_gap(
            counts in proptest::collection::vec(0..40_usize, 1..4),
            script in proptest::collection::vec(proptest::option::of(0..5_000_usize), 0..20),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut next = 0;
            for count in counts {
                host(folder.path(), next..next + count, script.clone());
                next += count;
            }
            prop_assert_eq!(recorded(folder.path()), (0..next).collect::<Vec<_>>());
        }

        #[test]
        fn a_host_that_was_killed_while_it_wrote_is_gone_on_from(
            before in 1..30_usize, cut: prop::sample::Index, junk in 0..3_u8,
        ) {
            let folder = tempfile::tempdir().unwrap();
            host(folder.path(), 0..before, Vec::new());
            let path = folder.path().join("audit.jsonl");
            let length = fs::metadata(&path).unwrap().len();
            let left = cut.index(usize::try_from(length).unwrap() + 1) as u64;
            let mut file = OpenOptions::new().append(true).open(&path).unwrap();
            file.set_len(left).unwrap();
            // A loss of power may leave zeros where a line was to come.
            if junk == 2 {
                file.write_all(&[0; 1_000]).unwrap();
            }
            host(folder.path(), 1_000..1_005, Vec::new());
            let numbers = recorded(folder.path());
            prop_assert!(numbers.ends_with(&[1_000, 1_001, 1_002, 1_003, 1_004]));
            let kept = numbers.len() - 5;
            prop_assert!(numbers.iter().take(kept).copied().eq(0..kept) && kept <= before);
        }
    }

    #[test]
    fn the_script_of_failures_is_played() {
        let folder = tempfile::tempdir().unwrap();
        let failures =
            host(folder.path(), 0..100, vec![Some(100), Some(0), None, Some(1), Some(2), Some(3_000)]);
        assert_eq!(failures, 5);
        assert!(full_files(folder.path(), "audit.jsonl").unwrap().len() > 5);
    }

    #[track_caller]
    fn check_refused(content: &[u8], matches: fn(&AuditLogError) -> bool) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("audit.jsonl"), content).unwrap();
        let error = AuditFiles::open(location(folder.path())).map(drop).unwrap_err();
        assert!(matches(&error), "{error:?}");
        assert_eq!(fs::read(folder.path().join("audit.jsonl")).unwrap(), content, "it was changed");
    }

    #[test]
    fn what_is_no_log_is_not_gone_on_from() {
        let broken = |error: &AuditLogError| matches!(error, AuditLogError::Broken { .. });
        check_refused(b"something else\n", broken);
        check_refused(b"the key of something else", broken);
        check_refused(&[b'x'; 4_000], broken);
        check_refused(&[b'x'; 200_000], broken);
        check_refused(&[&[b'x'; 200_000][..], b"\n"].concat(), broken);
        let folder = tempfile::tempdir().unwrap();
        host(folder.path(), 0..3, Vec::new());
        let mut altered = fs::read(folder.path().join("audit.jsonl")).unwrap();
        let at = altered.len() - 100;
        altered[at] ^= 1;
        check_refused(&altered, |error| {
            matches!(error, AuditLogError::Broken { source: AuditFault::Altered, .. })
        });
        altered[at] ^= 1;
        check_refused(&[&altered[..], b"what is no record"].concat(), broken);
    }

    /// How a host goes on where its file holds this alone.
    #[track_caller]
    fn check_beginning(content: &[u8]) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("audit.jsonl"), content).unwrap();
        let Found { beginning, .. } = AuditFiles::open(location(folder.path())).unwrap();
        let cut_bytes = content.len() as u64;
        assert_eq!(beginning, Beginning::New { after: None, was_there: true, cut_bytes });
        assert_eq!(fs::metadata(folder.path().join("audit.jsonl")).unwrap().len(), 0);
    }

    #[test]
    fn what_may_be_a_record_is_cut_off_and_told() {
        for content in
            [&b""[..], b"{", b"{\"sequence\":0,\"ti", &[0; 3_000], b"{\"seq\0\0", b"{\"sequence\":1\0"]
        {
            check_beginning(content);
        }
    }

    #[test]
    fn a_log_has_one_writer_and_a_place() {
        let folder = tempfile::tempdir().unwrap();
        let first = AuditFiles::open(location(folder.path())).unwrap();
        let second = AuditFiles::open(location(folder.path())).map(drop);
        assert!(matches!(second, Err(AuditLogError::InUse { .. })), "{second:?}");
        drop(first);
        AuditFiles::open(location(folder.path())).unwrap();

        let refuse = |location| AuditFiles::open(location).map(drop).unwrap_err();
        let small = AuditLocation { max_file_bytes: 4_095, ..location(folder.path()) };
        assert!(matches!(refuse(small), AuditLogError::TooSmall));
        let none = AuditLocation { keep_files: 0, ..location(folder.path()) };
        assert!(matches!(refuse(none), AuditLogError::TooSmall));
        assert!(matches!(refuse(location(&folder.path().join("gone"))), AuditLogError::File { .. }));
        fs::create_dir(folder.path().join("folder")).unwrap();
        let folder_itself = AuditLocation::new(folder.path().join("folder"));
        assert!(matches!(refuse(folder_itself), AuditLogError::NoFile { .. }));
        assert!(matches!(refuse(AuditLocation::new("..")), AuditLogError::NoFile { .. }));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("/dev/null", folder.path().join("link")).unwrap();
            let link = AuditLocation::new(folder.path().join("link"));
            assert!(matches!(refuse(link), AuditLogError::NoFile { .. }));
        }
    }
}
