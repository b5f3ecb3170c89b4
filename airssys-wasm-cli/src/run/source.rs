//! Where the input comes from.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
#[cfg(unix)]
use std::os::{
    fd::AsFd,
    unix::fs::{FileTypeExt, MetadataExt},
};
use std::path::{Path, PathBuf};

use thiserror::Error;

use airssys_wasm_system::SystemFiles;

/// The file that is read where nobody gave an input.
const SAMPLE: &str = "sample.log";

/// The input cannot be read.
#[derive(Debug, Error)]
#[error("{name} cannot be read")]
pub(crate) struct InputError {
    pub(crate) name: String,
    #[source]
    pub(crate) source: io::Error,
}

/// An opened input.
pub(crate) struct Source {
    /// How people call it.
    pub(crate) name: String,
    pub(crate) reader: Box<dyn Read + Send>,
    /// Its length in bytes, where it has one.
    pub(crate) bytes: Option<u64>,
    pub(crate) kind: SourceKind,
}

/// Why this is the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SourceKind {
    /// It was asked for.
    File,
    /// It stands in for the input that nobody gave.
    Sample,
    /// Nothing else was asked for. The sample of the system is known, where there is one.
    Standard { sample: Option<PathBuf> },
}

impl Source {
    /// Opens the file that was asked for, or else standard input, or else the sample of the system.
    pub(crate) fn open(asked: Option<&Path>, system: &SystemFiles) -> Result<Self, InputError> {
        if let Some(path) = asked.filter(|path| *path != Path::new("-")) {
            return Self::file(path, SourceKind::File);
        }
        let sample = Some(system.folder().join(SAMPLE)).filter(|path| path.is_file());
        match sample {
            Some(path) if asked.is_none() && nothing_was_given() => Self::file(&path, SourceKind::Sample),
            sample => Ok(Self {
                name: "standard input".into(),
                reader: Box::new(io::stdin()),
                bytes: None,
                kind: SourceKind::Standard { sample },
            }),
        }
    }

    fn file(path: &Path, kind: SourceKind) -> Result<Self, InputError> {
        let name = path.display().to_string();
        let open = || {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            if metadata.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            Ok((file, metadata.is_file().then_some(metadata.len())))
        };
        match open() {
            Ok((file, bytes)) => Ok(Self { name, reader: Box::new(file), bytes, kind }),
            Err(source) => Err(InputError { name, source }),
        }
    }
}

/// Whether standard input is none at all: a terminal, on which nobody would type a log, or the null
/// device, which services and scripts give to programs that they have no input for. An empty file or pipe
/// is an empty input.
fn nothing_was_given() -> bool {
    io::stdin().is_terminal() || is_null_device().unwrap_or(false)
}

#[cfg(unix)]
fn is_null_device() -> io::Result<bool> {
    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?).metadata()?;
    let null = std::fs::metadata("/dev/null")?;
    Ok(input.file_type().is_char_device() && input.rdev() == null.rdev())
}

#[cfg(not(unix))]
fn is_null_device() -> io::Result<bool> {
    Ok(false)
}
