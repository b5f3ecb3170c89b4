//! Relative paths that stay below the folder of their manifest.

use super::document::Report;
use super::section::{Found, Section};
use crate::id::shorten;

/// Longest path, in bytes.
const MAX_PATH_BYTES: usize = 4_096;

/// Reads the path of a file below the folder of the manifest.
pub(super) fn read<'t>(section: &Section<'t>, report: &mut Report, key: &str) -> Option<Found<&'t str>> {
    let found = section.text(report, key)?;
    checked(found, report, key, "which names a folder, not a file")
}

/// Reads the path of a folder below the folder of the manifest; a slash at its end is left out.
pub(super) fn read_folder<'t>(
    section: &Section<'t>,
    report: &mut Report,
    key: &str,
) -> Option<Found<&'t str>> {
    let Found { value, span } = section.text(report, key)?;
    let found =
        Found { value: value.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(value), span };
    checked(found, report, key, "which names no folder of its own")
}

/// `nameless` says what is wrong with a path whose last part is no name.
fn checked<'t>(
    found: Found<&'t str>,
    report: &mut Report,
    key: &str,
    nameless: &str,
) -> Option<Found<&'t str>> {
    match check_relative(found.value, nameless) {
        Ok(()) => Some(found),
        Err(reason) => {
            let help = "the path is relative to the folder of this file and stays in it";
            report.error(found.span, format!("`{key}` {reason}"), help);
            None
        }
    }
}

/// Checks that a text names something below a folder, on every system.
fn check_relative(text: &str, nameless: &str) -> Result<(), String> {
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
        return Err(format!("{shown}, {nameless}"));
    }
    Ok(())
}
