//! Where texts go: results to standard output, everything that is said about them to standard error.
//!
//! Invariant: a reader that went away is no failure, and what guests wrote cannot steer a terminal.

use std::borrow::Cow;
use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use miette::{GraphicalReportHandler, GraphicalTheme};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use airssys_wasm_core::ManifestError;
use airssys_wasm_system::SystemError;

/// The environment variable that says what is logged.
const LOG_VARIABLE: &str = "AIRSSYS_LOG";

/// Often enough for eyes, and seldom enough for a terminal at the other end of a slow line.
const REDRAWS_PER_SECOND: u8 = 10;

/// What is logged where nothing else is asked for.
const USUAL_LOG: &str = "warn";

/// Writes a result. Where nobody reads it any more there is nothing left to do.
pub(crate) fn data(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

/// Writes a result as one JSON object and a line end.
pub(crate) fn json(value: &impl Serialize) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(value)?;
    bytes.push(b'\n');
    data(&bytes)
}

/// Whether results are read on a terminal.
pub(crate) fn is_on_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether results are in colour.
pub(crate) fn is_coloured() -> bool {
    is_on_terminal() && colour_is_wanted()
}

fn colour_is_wanted() -> bool {
    env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A text of somebody else's, without the characters that steer a terminal. Line ends and tabs stay.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    let steers = |character: char| {
        character.is_control() && !matches!(character, '\n' | '\t')
            || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}')
            || matches!(character, '\u{2066}'..='\u{2069}')
    };
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|one| if steers(one) { '\u{fffd}' } else { one }).collect())
}

/// The sources of an error, each once and without what the one before it said already.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut causes = Vec::new();
    let mut last = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !said.is_empty() && !last.contains(&said) {
            causes.push(said.clone());
            last = said;
        }
        source = cause.source();
    }
    causes
}

/// An error with its causes.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in causes(error) {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  caused by: {cause}");
    }
    text
}

/// The manifest's error that an error is, where it is one.
pub(crate) fn manifest_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e ManifestError> {
    match error.downcast_ref::<SystemError>() {
        Some(SystemError::Manifest(manifest)) => Some(manifest),
        _ => error.downcast_ref::<ManifestError>(),
    }
}

/// Standard error, with whatever progress is shown on it.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    bars: MultiProgress,
    is_terminal: bool,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        Self {
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND)),
            is_terminal: io::stderr().is_terminal(),
        }
    }

    /// Sends logs here, those of guests and those of the host.
    pub(crate) fn show_logs(&self) {
        let filter = self.log_filter();
        let terminal = self.clone();
        tracing_subscriber::fmt()
            .compact()
            .with_env_filter(filter)
            .with_ansi(self.is_terminal && colour_is_wanted())
            .with_writer(move || terminal.clone())
            .init();
    }

    /// What the environment asks for. What it asks for wrongly is told once.
    fn log_filter(&self) -> EnvFilter {
        let asked = match env::var(LOG_VARIABLE) {
            Ok(asked) => EnvFilter::try_new(asked).map_err(|error| chain(&error)),
            Err(env::VarError::NotPresent) => Ok(EnvFilter::new(USUAL_LOG)),
            Err(error) => Err(chain(&error)),
        };
        asked.unwrap_or_else(|error| {
            self.note(&format!("{LOG_VARIABLE} is not valid, so that it is `{USUAL_LOG}`: {error}"));
            EnvFilter::new(USUAL_LOG)
        })
    }

    /// Shows a bar or a spinner, on a terminal only.
    pub(crate) fn show(&self, bar: ProgressBar) -> ProgressBar {
        if self.is_terminal { self.bars.add(bar) } else { ProgressBar::hidden() }
    }

    /// Says something beside the results.
    pub(crate) fn note(&self, text: &str) {
        // Nobody can be told that standard error is gone.
        let _ = self.clone().write_all(format!("{}\n", harmless(text)).as_bytes());
    }

    /// Shows an error; a manifest's with its lines.
    pub(crate) fn error(&self, error: &(dyn Error + 'static)) {
        match manifest_error(error) {
            Some(manifest) => self.manifest_error(manifest),
            None => self.note(&format!("error: {}", chain(error))),
        }
    }

    fn manifest_error(&self, error: &ManifestError) {
        if !self.is_terminal {
            return self.note(&error.to_string());
        }
        let theme =
            if colour_is_wanted() { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme);
        let mut text = String::new();
        for diagnostic in error.diagnostics() {
            if handler.render_report(&mut text, diagnostic).is_err() {
                return self.note(&error.to_string());
            }
        }
        // Colour is steering too; core has made the manifest's own text harmless.
        let _ = self.clone().write_all(text.as_bytes());
    }
}

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_terminal {
            self.bars.suspend(|| io::stderr().lock().write(bytes))
        } else {
            io::stderr().lock().write(bytes)
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A bar over the bytes of a file, or a spinner with their number where nobody knows how many there are.
pub(crate) fn progress_bar(bytes: Option<u64>) -> ProgressBar {
    let (bar, template) = match bytes {
        Some(bytes) => (ProgressBar::new(bytes), "{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}"),
        None => (ProgressBar::new_spinner(), "{spinner} {bytes} {bytes_per_sec}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use thiserror::Error;

    use super::*;

    #[derive(Debug, Error)]
    #[error("{text}")]
    struct Link {
        text: &'static str,
        #[source]
        source: Option<Box<Link>>,
    }

    fn link(text: &'static str, source: Option<Link>) -> Link {
        Link { text, source: source.map(Box::new) }
    }

    #[test]
    fn a_chain_says_everything_once() {
        let error = link("a cannot be started", Some(link("the call failed", Some(link("timeout", None)))));
        assert_eq!(chain(&error), "a cannot be started\n  caused by: the call failed\n  caused by: timeout");
        let error = link("limits refused: too large", Some(link("too large", None)));
        assert_eq!(chain(&error), "limits refused: too large");
    }

    #[test]
    fn a_text_cannot_steer_a_terminal() {
        assert_eq!(harmless("a\tb\nc ü"), "a\tb\nc ü");
        assert_eq!(harmless("\u{1b}[2Jx\r\u{9b}y\u{202e}"), "\u{fffd}[2Jx\u{fffd}\u{fffd}y\u{fffd}");
    }
}
