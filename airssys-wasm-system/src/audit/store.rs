//! Where lines go: a port of the writer, so that a disk that fails can be played in tests.

use std::fmt;
use std::io;

/// The files of a log, as the writer needs them.
pub(super) trait Store: Send + fmt::Debug {
    /// Appends these bytes, all of them or none that stay: what a failed attempt has left behind is cut off
    /// before the next one.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Bytes of the file that is written.
    fn bytes(&self) -> u64;

    /// Puts the full file aside and begins a new one, whose first record will have this number. After a
    /// failure it is called again.
    fn rotate(&mut self, next_sequence: u64) -> io::Result<Rotated>;

    /// Sees to it that what was appended survives a loss of power.
    fn sync(&mut self) -> io::Result<()>;
}

/// What a rotation has done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Rotated {
    /// The name that the full file has now.
    pub(super) aside: String,
    /// The oldest files, which were removed.
    pub(super) removed: Vec<String>,
}
