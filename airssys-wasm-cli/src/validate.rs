//! `airssys-wasm validate`: every error of every manifest, with its line.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use airssys_wasm_core::{Ceilings, ManifestError, SystemManifest};
use airssys_wasm_system::{Component, RuntimeError, SystemError, SystemFiles};

use crate::cli::{Format, ValidateArguments};
use crate::diagnosis::{DiagnosticJson, diagnostics};
use crate::exit::{Exit, Failure};
use crate::output::{self, Terminal};
use crate::policy::{Policy, manifest_in, read_text};

/// What a manifest describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Component,
    System,
}

/// One manifest that was named, and all that is wrong with it and with those that it names.
struct Checked {
    path: PathBuf,
    kind: Kind,
    /// Components that a system lists.
    components: usize,
    errors: Vec<SystemError>,
}

#[derive(Serialize)]
struct Verdict {
    valid: bool,
    files: Vec<FileJson>,
    diagnostics: Vec<DiagnosticJson>,
}

#[derive(Serialize)]
struct FileJson {
    file: String,
    kind: Kind,
    valid: bool,
}

/// Checks all manifests that are named.
pub(crate) fn validate(arguments: &ValidateArguments, format: Format) -> Result<Exit, Failure> {
    let policy = Policy::of(arguments.ceilings.as_deref()).map_err(Failure::invalid)?;
    let checked: Vec<_> = arguments.manifests.iter().map(|path| check(path, &policy)).collect();
    let is_valid = checked.iter().all(|one| one.errors.is_empty());
    match format {
        Format::Human => show(&checked).map_err(Failure::running)?,
        Format::Json => output::json(&verdict(&checked)).map_err(Failure::running)?,
    }
    Ok(if is_valid { Exit::Done } else { Exit::Invalid })
}

fn show(checked: &[Checked]) -> io::Result<()> {
    let terminal = Terminal::new();
    let mut is_first = true;
    for one in checked {
        let name = one.path.display().to_string();
        match (one.errors.is_empty(), one.kind) {
            (true, Kind::Component) => output::data(format!("{name}: ok\n").as_bytes())?,
            (true, Kind::System) => {
                let count = one.components;
                let ending = if count == 1 { "" } else { "s" };
                output::data(format!("{name}: ok ({count} component{ending})\n").as_bytes())?;
            }
            (false, _) => {
                for error in &one.errors {
                    if !std::mem::take(&mut is_first) {
                        terminal.note("");
                    }
                    terminal.error(error);
                }
            }
        }
    }
    Ok(())
}

fn verdict(checked: &[Checked]) -> Verdict {
    let file = |one: &Checked| FileJson {
        file: one.path.display().to_string(),
        kind: one.kind,
        valid: one.errors.is_empty(),
    };
    Verdict {
        valid: checked.iter().all(|one| one.errors.is_empty()),
        files: checked.iter().map(file).collect(),
        diagnostics: checked
            .iter()
            .flat_map(|one| one.errors.iter().flat_map(|error| diagnostics(&one.path, error)))
            .collect(),
    }
}

fn check(named: &Path, policy: &Policy) -> Checked {
    let path = manifest_in(named);
    let (kind, components, errors) = match read_text(&path) {
        Err(error) => (kind_by_name(&path), 0, vec![error]),
        Ok(text) => match kind_of(&path, &text) {
            Kind::Component => {
                let ceilings = policy.ceilings(&path);
                let mut errors = check_component(&path, &ceilings);
                if errors.is_empty() {
                    errors.extend(check_size(&path, &ceilings).err());
                }
                (Kind::Component, 0, errors)
            }
            Kind::System => {
                let (components, errors) = check_system(&path, &text);
                (Kind::System, components, errors)
            }
        },
    };
    Checked { path, kind, components, errors }
}

fn check_component(path: &Path, ceilings: &Ceilings) -> Vec<SystemError> {
    let component = match Component::from_manifest_file(path, ceilings) {
        Ok(component) => component,
        Err(error) => return vec![error],
    };
    let wasm = wasm_of(path, &component);
    if wasm.is_file() {
        return Vec::new();
    }
    vec![SystemError::File { path: wasm, source: io::ErrorKind::IsADirectory.into() }]
}

fn wasm_of(path: &Path, component: &Component) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).join(&component.manifest().wasm)
}

/// Refuses a component whose file is larger than a host takes. A system's own are checked with it, where
/// the line that lists them is known.
fn check_size(path: &Path, ceilings: &Ceilings) -> Result<(), SystemError> {
    let component = Component::from_manifest_file(path, ceilings)?;
    let wasm = wasm_of(path, &component);
    let failed = |source| SystemError::File { path: wasm.clone(), source };
    let bytes = fs::metadata(&wasm).map_err(failed)?.len();
    let max_bytes = ceilings.max_component_bytes;
    if bytes <= max_bytes {
        return Ok(());
    }
    let source = RuntimeError::TooLarge { bytes, max_bytes };
    Err(SystemError::Start { component: component.address(), source })
}

/// A system and everything that it names. What lies between its parts is looked at when each is right.
fn check_system(path: &Path, text: &str) -> (usize, Vec<SystemError>) {
    let manifest = match SystemManifest::parse(&path.display().to_string(), text) {
        Ok(manifest) => manifest,
        Err(error) => return (0, vec![error.into()]),
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut errors = Vec::new();
    for (index, entry) in manifest.components.iter().enumerate() {
        let component = folder.join(&entry.manifest);
        if component.is_file() {
            errors.extend(check_component(&component, &entry.ceilings(&manifest.ceilings)));
        } else {
            errors.push(missing(&manifest, index, &component).into());
        }
    }
    if errors.is_empty() {
        errors.extend(SystemFiles::read(path).err());
    }
    (manifest.components.len(), errors)
}

fn missing(manifest: &SystemManifest, index: usize, path: &Path) -> ManifestError {
    let reason = format!("there is no file {}", path.display());
    manifest.error_at_manifest(index, &reason, "the path is relative to the folder of this manifest")
}

/// Tells by the first header which only one of the two has, so that a text that is no TOML at all is told
/// apart too; by the name of the file where there is none.
fn kind_of(path: &Path, text: &str) -> Kind {
    let mut is_inside_text = false;
    // A byte order mark is no part of the first header.
    for line in text.trim_start_matches('\u{feff}').lines() {
        let header = line.trim_start();
        if !is_inside_text {
            let root = header.trim_start_matches('[').trim_start();
            let root = root.split(['.', ']', ' ', '\t']).next().unwrap_or_default();
            match (header.starts_with("[["), header.starts_with('['), root) {
                (true, _, "component" | "group") | (_, true, "host" | "io" | "audit") => return Kind::System,
                (
                    false,
                    true,
                    "component" | "resources" | "lifecycle" | "mailbox" | "capabilities" | "supervision"
                    | "health" | "config",
                ) => return Kind::Component,
                _ => {}
            }
        }
        let quotes = line.matches("\"\"\"").count() + line.matches("'''").count();
        is_inside_text ^= quotes % 2 == 1;
    }
    kind_by_name(path)
}

fn kind_by_name(path: &Path) -> Kind {
    if path.file_name().is_some_and(|name| name == "Component.toml") { Kind::Component } else { Kind::System }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_kind(name: &str, text: &str, expected: Kind) {
        assert_eq!(kind_of(Path::new(name), text), expected);
    }

    #[test]
    fn manifests_are_told_apart_by_what_they_hold() {
        check_kind("x.toml", "# [host]\n\n [component]\nname = 1", Kind::Component);
        check_kind("x.toml", "[resources.memory]", Kind::Component);
        check_kind("x.toml", "[[ component ]]", Kind::System);
        check_kind("Component.toml", "[host.ceilings]\n[component]", Kind::System);
        check_kind("x.toml", "x = \"\"\"\n[host]\n\"\"\"\n[config]", Kind::Component);
        check_kind("x.toml", "\u{feff}[component]", Kind::Component);
        check_kind("x.toml", "[componentx]\n[component", Kind::Component);
    }

    #[test]
    fn a_name_decides_where_nothing_else_does() {
        check_kind("a/Component.toml", "", Kind::Component);
        check_kind("airssys.toml", "garbage", Kind::System);
    }
}
