//! The built guests: real components to begin with.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../guests/built"))
}

/// The bytes of all built guests of at most `max_bytes`, in the order of their names.
///
/// # Errors
///
/// Where the folder cannot be read.
pub fn built_guests(max_bytes: u64) -> Result<Vec<Vec<u8>>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder()).context("the folder of built guests cannot be read")? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|name| name == "wasm") && entry.metadata()?.len() <= max_bytes
        {
            paths.push(entry.path());
        }
    }
    paths.sort();
    paths.iter().map(|path| fs::read(path).with_context(|| path.display().to_string())).collect()
}
