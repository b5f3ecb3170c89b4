//! Relative paths that stay below the folder of their manifest.

use super::document::Report;
use super::section::{Found, Section};
use crate::id::shorten;

/// Longest path, in bytes.
const MAX_PATH_BYTES: usize = 4_096;

/// Reads a path below the folder of the manifest.
pub(super) fn read<'t>(section: &Section<'t>, report: &mut Report, key: &str) -> Option<Found<&'t str>> {
    let found = section.text(report, key)?;
    match check_relative(found.value) {
        Ok(()) => Some(found),
        Err(reason) => {
            let help = "the path is relative to the folder of this file and stays in it";
            report.error(found.span, format!("`{key}` {reason}"), help);
            None
        }
    }
}

/// Checks that a text names a file below a folder, on every system.
fn check_relative(text: &str) -> Result<(), String> {
    let shown = format!("is {:?}", shorten(text));
    if text.is_empty() {
        return Err("is empty".into());
    }
    if text.len() > MAX_PATH_BYTES {
        return Err(format!("has {} bytes, and at most {MAX_PATH_BYTES} are allowed", text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{shown}, which holds a control character"));
    }
    if text.contains('\\') {
        return Err(format!("{shown}, which holds a backslash: parts are joined by '/'"));
    }
    let has_drive = text.as_bytes().get(1) == Some(&b':');
    if text.starts_with('/') || has_drive {
        return Err(format!("{shown}, which is not relative"));
    }
    if text.split('/').any(|part| part == "..") {
        return Err(format!("{shown}, which leaves the folder of the manifest by \"..\""));
    }
    if matches!(text.rsplit('/').next(), Some("" | ".")) {
        return Err(format!("{shown}, which names a folder, not a file"));
    }
    Ok(())
}
