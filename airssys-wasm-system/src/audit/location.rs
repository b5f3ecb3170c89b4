//! Where the audit log lies.

use std::path::{Path, PathBuf};

use airssys_wasm_core::AuditConfig;

/// Where the audit log of a host lies and how large it grows.
///
/// The file that is written has the name of `path`. A full one is renamed to `path` with a dot and the
/// number of its first record in 20 digits, so that the names sort in the order of the chain:
/// `airssys-wasm audit verify audit.jsonl.* audit.jsonl` verifies all of it. A hidden file beside it,
/// `.<name>.lock`, is locked while a host writes the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLocation {
    /// The file that is written; its folder must be there.
    pub path: PathBuf,
    /// Bytes that no file of the log exceeds; at least 4,096.
    pub max_file_bytes: u64,
    /// Full files that are kept beside the one that is written; at least 1. Older ones are removed, which the
    /// log records.
    pub keep_files: u32,
}

impl AuditLocation {
    /// A log in this file, with files of 64 MiB, of which 8 full ones are kept.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let AuditConfig { max_file_bytes, keep_files, .. } = AuditConfig::new("");
        Self { path: path.into(), max_file_bytes, keep_files }
    }

    /// The folder that its files lie in.
    pub(crate) fn folder(&self) -> PathBuf {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        }
    }

    /// What a system manifest in this folder means.
    pub(crate) fn of(config: &AuditConfig, folder: &Path) -> Self {
        let AuditConfig { path, max_file_bytes, keep_files } = config;
        Self { path: folder.join(path), max_file_bytes: *max_file_bytes, keep_files: *keep_files }
    }
}
