//! Files that are read to their end, and nothing else that may have a name in a folder.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

/// Opens a file for reading if it is a regular one.
///
/// A pipe that nobody writes to would be waited for and read for ever, and keep its place among those that are to be
/// compiled. What is opened is looked at, not what the name stood for before, and opening it waits for nobody.
pub(crate) fn regular_file(path: &Path) -> io::Result<(File, Metadata)> {
    let mut options = OpenOptions::new();
    options.read(true);
    wait_for_nobody(&mut options);
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() {
        Ok((file, metadata))
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"))
    }
}

/// A pipe opens at once, whether or not there is a writer; regular files know no difference.
#[cfg(unix)]
fn wait_for_nobody(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;

    options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
}

/// Elsewhere a folder holds no pipes.
#[cfg(not(unix))]
fn wait_for_nobody(_: &mut OpenOptions) {}

// Without a program that makes the pipe: as long as one starts, it holds what other tests have locked.
#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn a_pipe_that_took_the_place_of_a_file_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "text").unwrap();
        assert_eq!(regular_file(&path).unwrap().1.len(), 4);
        std::fs::remove_file(&path).unwrap();
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert_eq!(regular_file(&path).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert!(regular_file(folder.path()).is_err());
    }
}
