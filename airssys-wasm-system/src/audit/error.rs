//! Why an audit log cannot be written.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use airssys_wasm_security::AuditFault;

/// Why a host cannot begin or go on with its audit log. It does not start then: whoever asks for a log gets
/// one, or hears why not.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuditLogError {
    /// A file of the log cannot be opened, read or written.
    #[error("{} cannot be used", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Another host writes the same log.
    #[error("another host writes {}", path.display())]
    InUse {
        /// The log.
        path: PathBuf,
    },
    /// What is there does not end with a record that could be gone on from.
    #[error("{} ends with what is no whole record: verify it, and move it away to begin a new log", path.display())]
    Broken {
        /// Which file.
        path: PathBuf,
        /// What is wrong with its last line.
        #[source]
        source: AuditFault,
    },
    /// The path has no file name, or names something that is no ordinary file.
    #[error("{} is no place for a file", path.display())]
    NoFile {
        /// The path.
        path: PathBuf,
    },
    /// The sizes are out of range.
    #[error("an audit log has files of at least 4096 bytes and keeps at least one full one")]
    TooSmall,
    /// The thread that writes cannot be started.
    #[error("the thread that writes the audit log cannot be started")]
    Thread(#[source] io::Error),
}
