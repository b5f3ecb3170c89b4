//! `[audit]`: where the audit log lies and how large it grows.

use super::document::{Report, Span};
use super::path;
use super::section::{Bounds, Section};

/// Least bytes of a file: room for the record that begins it and for the largest other one.
const MIN_FILE_BYTES: u64 = 4_096;

/// Most bytes of a file: what a process can address.
const MAX_FILE_BYTES: u64 = 140_737_488_355_328;

/// `[audit]`. Without this section nothing is recorded, and denials are only counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditConfig {
    /// The file that is written, relative to the manifest and within its folder. Parts are joined by `/`.
    pub path: String,
    /// Bytes that no file of the log exceeds; 4,096 to 128 TiB, default 64 MiB.
    pub max_file_bytes: u64,
    /// Full files that are kept beside the one that is written; 1 to 10,000, default 8. Older ones are removed.
    pub keep_files: u32,
}

impl AuditConfig {
    /// A log in this file, with the default sizes.
    #[must_use]
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), max_file_bytes: 67_108_864, keep_files: 8 }
    }
}

/// Reads `[audit]`, with the place of its path.
pub(super) fn read(root: &Section<'_>, report: &mut Report) -> Option<(AuditConfig, Span)> {
    let section = root.section(report, "audit", &["path", "max_file_bytes", "keep_files"]);
    if section.is_present() && !section.has("path") {
        section.missing(report, "path", "add for example `path = \"audit.jsonl\"`");
    }
    let path = path::read(&section, report, "path");
    let bytes = Bounds::new(MIN_FILE_BYTES..=MAX_FILE_BYTES, "bytes");
    let max_file_bytes = section.integer(report, "max_file_bytes", &bytes).map(|found| found.value);
    let keep_files = section.count(report, "keep_files", &Bounds::new(1..=10_000, "files"));
    let path = path?;
    let mut config = AuditConfig::new(path.value);
    config.max_file_bytes = max_file_bytes.unwrap_or(config.max_file_bytes);
    config.keep_files = keep_files.unwrap_or(config.keep_files);
    Some((config, path.span))
}
