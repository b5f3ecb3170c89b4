//! Where the repository keeps what is measured.

use std::path::PathBuf;

use anyhow::{Context, Result};

/// The root of the repository that this was built from.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The path of a built guest.
pub(crate) fn guest(name: &str) -> PathBuf {
    root().join("guests/built").join(format!("{name}.wasm"))
}

/// The bytes of a built guest.
pub(crate) fn read_guest(name: &str) -> Result<Vec<u8>> {
    let path = guest(name);
    std::fs::read(&path).with_context(|| format!("{} is missing", path.display()))
}
