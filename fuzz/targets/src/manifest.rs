//! Both manifests: whatever the text, reading it ends, and what it says of a mistake can be shown.

use airssys_wasm_core::{Ceilings, ComponentManifest, ManifestError, SystemManifest};
use anyhow::{Result, ensure};

use crate::target::Told;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Reads a component's manifest.
pub(crate) fn component(text: &str) -> Result<Told> {
    let ceilings = Ceilings::default();
    let read = |text: &str| ComponentManifest::parse("Component.toml", text, &ceilings);
    let parsed = read(text);
    match &parsed {
        Ok(manifest) => {
            manifest.limits().validate(&ceilings)?;
            ensure!(manifest.address().as_str().parse().as_ref() == Ok(&manifest.address()), "its own name");
            ensure!(manifest.mailbox.capacity >= 1, "a mailbox for nothing");
            ensure!(
                manifest.mailbox.max_bytes >= manifest.messaging.max_message_bytes,
                "a message never fits"
            );
            ensure!(
                (1..=ceilings.max_fuel).contains(&manifest.lifecycle.start_fuel)
                    && (1..=ceilings.max_timeout_ms).contains(&manifest.lifecycle.start_timeout_ms),
                "a start without budget, or beyond the ceilings"
            );
            let config: serde_json::Value = serde_json::from_str(&manifest.config_json())?;
            ensure!(
                config == serde_json::Value::Object(manifest.config.clone()),
                "config changed on its way"
            );
        }
        Err(error) => check_error(text, error)?,
    }
    check_mark(text, parsed.as_ref().err(), read)?;
    Ok(told(&parsed))
}

/// Reads a system's manifest.
pub(crate) fn system(text: &str) -> Result<Told> {
    let read = |text: &str| SystemManifest::parse("airssys.toml", text);
    let parsed = read(text);
    match &parsed {
        Ok(manifest) => {
            let ceilings = manifest.ceilings;
            ensure!(ceilings.max_fuel >= 1 && ceilings.max_timeout_ms >= 1, "ceilings that allow nothing");
            ensure!(manifest.components.iter().all(|entry| entry.instances >= 1), "an entry for nothing");
        }
        Err(error) => check_error(text, error)?,
    }
    check_mark(text, parsed.as_ref().err(), read)?;
    Ok(told(&parsed))
}

fn told<T>(parsed: &Result<T, ManifestError>) -> Told {
    if parsed.is_ok() { Told::Accepted } else { Told::Refused }
}

/// What holds for every error: it says something, points into the text in order, and can be shown.
fn check_error(text: &str, error: &ManifestError) -> Result<()> {
    ensure!(!error.diagnostics().is_empty(), "refused without a word");
    let shown = error.source_text();
    let mut last = 0;
    for wrong in error.diagnostics() {
        let span = wrong.span();
        ensure!(!wrong.reason().is_empty() && wrong.help().is_some_and(|help| !help.is_empty()), "no words");
        ensure!(shown.is_empty() || text.get(span.clone()).is_some(), "{span:?} is no part of the file");
        ensure!(shown.get(span.clone()).is_some(), "{span:?} is no part of the shown text");
        ensure!(span.start >= last, "out of order at {span:?}");
        ensure!(wrong.line() >= 1 && wrong.column() >= 1, "places count from 1");
        last = span.start;
    }
    let printed = error.to_string();
    ensure!(printed.starts_with("error: ") && printed.contains(" = help: "), "{printed:?}");
    let harmless = |character: char| !character.is_control() || matches!(character, '\n' | '\t' | '\r');
    ensure!(printed.chars().all(harmless), "a control character is printed: {printed:?}");
    Ok(())
}

/// A byte order mark moves the places in the file and changes nothing else.
fn check_mark<T>(
    text: &str,
    error: Option<&ManifestError>,
    read: impl Fn(&str) -> Result<T, ManifestError>,
) -> Result<()> {
    if text.starts_with(BYTE_ORDER_MARK) || text.len() > 100_000 {
        return Ok(());
    }
    let marked = format!("{BYTE_ORDER_MARK}{text}");
    match (error, read(&marked)) {
        (None, Ok(_)) => {}
        (Some(plain), Err(other)) => {
            check_error(&marked, &other)?;
            ensure!(plain.to_string() == other.to_string(), "{other} with a byte order mark, else {plain}");
            let start =
                |error: &ManifestError| error.diagnostics().first().map_or(0, |wrong| wrong.span().start);
            ensure!(start(plain) + BYTE_ORDER_MARK.len() == start(&other), "places of the file are off");
        }
        (plain, other) => {
            anyhow::bail!("{:?} with a byte order mark, else {plain:?}", other.err());
        }
    }
    Ok(())
}
