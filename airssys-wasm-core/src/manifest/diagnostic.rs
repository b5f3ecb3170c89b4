//! What is wrong with a manifest, and where.
//!
//! Invariant: a text that is shown holds no control character and no invisible one, so that a
//! manifest from elsewhere cannot write to a terminal; offsets stay those of the file.

use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode, SourceSpan};

/// Diagnostics that [`ManifestError`] shows; the rest are counted, because nobody reads more.
const MAX_SHOWN: usize = 100;

/// Characters of a line that are shown; a longer one is cut around the place that is wrong.
const MAX_LINE_CHARS: usize = 160;

/// Characters that stay before the place that is wrong where a long line is cut.
const CONTEXT_CHARS: usize = 40;

/// What some editors put before the first character of a file.
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// The text of a manifest, made fit to be shown.
#[derive(Debug)]
pub(super) struct Source {
    /// Without its byte order mark, which would be shown as a part of the first line.
    named: NamedSource<String>,
    line_starts: Vec<usize>,
    /// The whole text, where it has a byte order mark.
    marked: Option<String>,
}

impl Source {
    /// `text` is without its byte order mark; `is_marked` says whether the file has one.
    pub(super) fn new(name: &str, text: &str, is_marked: bool) -> Arc<Self> {
        let shown = visible(text);
        let line_starts = std::iter::once(0).chain(shown.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let marked = is_marked.then(|| format!("{}{shown}", "?".repeat(BYTE_ORDER_MARK.len_utf8())));
        Arc::new(Self {
            named: NamedSource::new(visible(name).replace('\n', "?"), shown),
            line_starts,
            marked,
        })
    }

    /// What an offset in the shown text lacks to be one of the file.
    fn offset(&self) -> usize {
        if self.marked.is_some() { BYTE_ORDER_MARK.len_utf8() } else { 0 }
    }

    fn text(&self) -> &str {
        self.named.inner()
    }

    /// The number of a line counted from 0, its start, and its text without its end.
    fn line(&self, offset: usize) -> (usize, usize, &str) {
        let number = self.line_starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.line_starts.get(number).copied().unwrap_or_default();
        let rest = self.text().get(start..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        (number, start, line.strip_suffix('\r').unwrap_or(line))
    }
}

/// Each character that cannot be seen, or changes how others are seen, becomes question marks of
/// the same length.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let hidden = match character {
            '\n' | '\t' => false,
            '\r' => rest.peek() != Some(&'\n'),
            '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => true,
            '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => {
                true
            }
            _ => character.is_control(),
        };
        if hidden {
            shown.extend(std::iter::repeat_n('?', character.len_utf8()));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// One thing that is wrong with a manifest.
///
/// Its `Display` is the reason alone. As a [`miette::Diagnostic`] it brings the place and the remedy,
/// so that a command line can show it in colour.
#[derive(Debug, Clone)]
pub struct ManifestDiagnostic {
    source: Arc<Source>,
    /// In the shown text.
    span: Range<usize>,
    reason: String,
    help: Option<String>,
}

impl ManifestDiagnostic {
    pub(super) fn new(source: Arc<Source>, span: Range<usize>, reason: String, help: Option<String>) -> Self {
        let text = source.text();
        let start = text.floor_char_boundary(span.start.min(text.len()));
        let end = text.floor_char_boundary(span.end.min(text.len())).max(start);
        Self { span: start..end, source, reason, help }
    }

    /// What is wrong.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// How to mend it.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Which bytes of the file are wrong, a byte order mark counted; empty where something is missing.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        let offset = self.source.offset();
        self.span.start + offset..self.span.end + offset
    }

    /// The line, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.source.line(self.span.start).0 + 1
    }

    /// The column in characters, counted from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        let (_, start, _) = self.source.line(self.span.start);
        self.source.text().get(start..self.span.start).unwrap_or_default().chars().count() + 1
    }

    /// The line, cut where it is too long, and how many characters stand before and in the span.
    fn excerpt(&self) -> (String, String, usize) {
        let (_, start, line) = self.source.line(self.span.start);
        let before = self.column() - 1;
        let marked_end = self.span.end.min(start + line.len());
        let marked = self.source.text().get(self.span.start..marked_end).unwrap_or_default().chars().count();
        // Only a line that is too long is cut; counting stops as soon as that is known.
        let is_long = line.chars().nth(MAX_LINE_CHARS).is_some();
        let skipped = if is_long { before.saturating_sub(CONTEXT_CHARS) } else { 0 };
        let mut shown = String::new();
        if skipped > 0 {
            shown.push('…');
        }
        let mut rest = line.chars().skip(skipped);
        shown.extend(rest.by_ref().take(MAX_LINE_CHARS));
        let is_cut = rest.next().is_some();
        let before = before - skipped + usize::from(skipped > 0);
        // Tabs stay tabs, so that the carets stand below what they mean.
        let blank = shown.chars().take(before).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let carets = marked.min(shown.chars().count().saturating_sub(before)).max(1);
        if is_cut {
            shown.push('…');
        }
        (shown, blank, carets)
    }

    fn render(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line();
        let gutter = " ".repeat(line.to_string().len());
        let (text, blank, carets) = self.excerpt();
        writeln!(f, "error: {}", self.reason)?;
        writeln!(f, "{gutter}--> {}:{line}:{}", self.source.named.name(), self.column())?;
        writeln!(f, "{gutter} |")?;
        writeln!(f, "{}", format_args!("{line} | {text}").to_string().trim_end())?;
        write!(f, "{gutter} | {blank}{}", "^".repeat(carets))?;
        let Some(help) = &self.help else { return Ok(()) };
        for (number, line) in help.lines().enumerate() {
            match (number, line) {
                (0, _) => write!(f, "\n{gutter} = help: {line}")?,
                (_, "") => writeln!(f)?,
                _ => write!(f, "\n{gutter}         {line}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for ManifestDiagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Error for ManifestDiagnostic {}

impl Diagnostic for ManifestDiagnostic {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source.named)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = SourceSpan::from((self.span.start, self.span.len()));
        Some(Box::new(std::iter::once(LabeledSpan::underline(span))))
    }
}

/// Everything that is wrong with one manifest.
///
/// Its `Display` is plain text in the manner of rustc: for each diagnostic the reason, the place,
/// the line with carets, and the remedy. To show it in colour, hand each of
/// [`ManifestError::diagnostics`] to a [`miette::ReportHandler`]; they are also its
/// [`related`](Diagnostic::related) diagnostics.
///
/// ```
/// use airssys_wasm_core::{Ceilings, ComponentManifest};
///
/// let text = "[component]\nname = \"parser\"\nversion = \"1\"\n[resources.memory]\nmax_bytes = 1048576";
/// let error = ComponentManifest::parse("Component.toml", text, &Ceilings::default()).unwrap_err();
/// let wrong = &error.diagnostics()[0];
/// assert_eq!((wrong.line(), wrong.column()), (3, 11));
/// ```
#[derive(Debug, Clone)]
pub struct ManifestError {
    source: Arc<Source>,
    diagnostics: Vec<ManifestDiagnostic>,
}

impl ManifestError {
    /// An error of these diagnostics, in the order of the text.
    pub(super) fn new(source: Arc<Source>, mut diagnostics: Vec<ManifestDiagnostic>) -> Self {
        diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
        Self { source, diagnostics }
    }

    /// Everything that is wrong, in the order of the text; at least one.
    #[must_use]
    pub fn diagnostics(&self) -> &[ManifestDiagnostic] {
        &self.diagnostics
    }

    /// The name of the file, as it was given.
    #[must_use]
    pub fn source_name(&self) -> &str {
        self.source.named.name()
    }

    /// The text of the file; characters that cannot be seen are question marks.
    #[must_use]
    pub fn source_text(&self) -> &str {
        self.source.marked.as_deref().unwrap_or_else(|| self.source.text())
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, diagnostic) in self.diagnostics.iter().take(MAX_SHOWN).enumerate() {
            if number > 0 {
                f.write_str("\n\n")?;
            }
            diagnostic.render(f)?;
        }
        match self.diagnostics.len().saturating_sub(MAX_SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n\nerror: {more} more errors are not shown"),
        }
    }
}

impl Error for ManifestError {}

impl Diagnostic for ManifestError {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.diagnostics.iter().map(|diagnostic| diagnostic as &dyn Diagnostic)))
    }
}
