//! A manifest's text on its way to typed data.
//!
//! Invariant: no text, however hostile, makes reading it panic, overflow the stack or take more
//! than its length allows.

use std::ops::Range;
use std::sync::Arc;

use toml::de::DeTable;

use super::diagnostic::{BYTE_ORDER_MARK, ManifestDiagnostic, ManifestError, Source};

/// Longest manifest, in bytes. It bounds the time that a hostile one can take.
pub const MAX_MANIFEST_BYTES: usize = 1_048_576;

/// What the parser allows of brackets in one another, and of parts in one key.
const PARSER_LIMIT: usize = 80;

/// Levels of tables that any thread has stack for.
const SHALLOW_LEVELS: usize = 640;

/// Stack for the deepest document that the parser lets pass, 80 keys of 80 parts in one another,
/// without optimisation. It is reserved and hardly ever touched.
const DEEP_STACK_BYTES: usize = 64 * 1_024 * 1_024;

/// A place in the text, in bytes.
pub(super) type Span = Range<usize>;

/// Collects what is wrong.
#[derive(Debug)]
pub(super) struct Report {
    source: Arc<Source>,
    diagnostics: Vec<ManifestDiagnostic>,
}

impl Report {
    pub(super) fn error(&mut self, span: Span, reason: impl Into<String>, help: impl Into<String>) {
        let source = Arc::clone(&self.source);
        self.diagnostics.push(ManifestDiagnostic::new(source, span, reason.into(), Some(help.into())));
    }

    pub(super) fn source(&self) -> Arc<Source> {
        Arc::clone(&self.source)
    }
}

/// Parses a text and reads it with `read`; none from it means that it has reported an error.
pub(super) fn parse<T: Send>(
    source_name: &str,
    text: &str,
    read: impl FnOnce(&DeTable<'_>, &mut Report) -> Option<T> + Send,
) -> Result<T, ManifestError> {
    // A reader stops one byte beyond the limit, so that every byte counts, a byte order mark's too.
    if text.len() > MAX_MANIFEST_BYTES {
        let reason = format!("the file has {} bytes: at most {MAX_MANIFEST_BYTES} are read", text.len());
        return Err(refusal(source_name, reason, "name the manifest, not another file"));
    }
    let unmarked = text.strip_prefix(BYTE_ORDER_MARK);
    let (text, is_marked) = (unmarked.unwrap_or(text), unmarked.is_some());
    if may_nest_deeply(text) {
        return std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(DEEP_STACK_BYTES);
            match thread.spawn_scoped(scope, || parse_here(source_name, text, is_marked, read)) {
                Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                Err(error) => {
                    let reason = format!("no thread to read a deeply nested file: {error}");
                    Err(refusal(source_name, reason, "make the file flatter, or try again"))
                }
            }
        });
    }
    parse_here(source_name, text, is_marked, read)
}

fn parse_here<T>(
    source_name: &str,
    text: &str,
    is_marked: bool,
    read: impl FnOnce(&DeTable<'_>, &mut Report) -> Option<T>,
) -> Result<T, ManifestError> {
    let mut report = Report { source: Source::new(source_name, text, is_marked), diagnostics: Vec::new() };
    let (root, errors) = DeTable::parse_recoverable(text);
    let found = if errors.is_empty() { read(root.get_ref(), &mut report) } else { None };
    for error in errors {
        let span = error.span().unwrap_or(text.len()..text.len());
        report.error(span, error.message(), "the file must be valid TOML (https://toml.io)");
    }
    match found {
        Some(value) if report.diagnostics.is_empty() => Ok(value),
        _ => Err(ManifestError::new(report.source, report.diagnostics)),
    }
}

/// An error about a file as a whole.
fn refusal(source_name: &str, reason: String, help: &str) -> ManifestError {
    let mut report = Report { source: Source::new(source_name, "", false), diagnostics: Vec::new() };
    report.error(0..0, reason, help);
    ManifestError::new(report.source, report.diagnostics)
}

/// Whether the tables of a text could nest deeper than [`SHALLOW_LEVELS`].
///
/// The parser bounds the brackets in one another and the parts of one key, each by 80. Both
/// multiply in `{a.b.c = {a.b.c = …}}`, and dropping what was parsed takes stack for each level.
/// Levels beyond those of a header (with an array for each part), a key and the brackets need a dot each, and an
/// inline table for each 80 of them. Dots and braces in texts are counted too, so that this never
/// errs on the other side.
fn may_nest_deeply(text: &str) -> bool {
    let count = |wanted| text.bytes().filter(|byte| *byte == wanted).count();
    let bound = 4 * PARSER_LIMIT + (PARSER_LIMIT * count(b'{')).min(count(b'.'));
    bound > SHALLOW_LEVELS
}
