//! `airssys-wasm inspect`: what a component is made of, and the manifest that it would need.

use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Serialize;

use airssys_wasm_core::is_valid_name;
use airssys_wasm_system::{ComponentReport, Host, InterfaceReport, RuntimeError, SystemError};

use crate::cli::{Format, InspectArguments};
use crate::exit::{Exit, Failure};
use crate::output;
use crate::policy::Policy;

/// The least that a skeleton asks for, in bytes: what many components do with.
const USUAL_MEMORY_BYTES: u64 = 1_048_576;

/// What a skeleton's limit is a multiple of, in bytes.
const MEMORY_STEP_BYTES: u64 = 524_288;

/// Interfaces by which a component would reach outside, or keep something, and what it meets.
const CLOSED: &[(&str, &str)] = &[
    ("wasi:filesystem/", "nothing, unless [capabilities.filesystem] grants a folder"),
    ("wasi:sockets/", "nothing, unless [capabilities.network] grants a destination, which is by TCP"),
    ("wasi:http/", "every request is refused"),
    (
        "wasi:cli/environment",
        "nothing, unless [capabilities.environment] grants a variable; never an argument",
    ),
    ("wasi:cli/stdin", "it is at its end"),
    ("airssys:core/storage", "nothing, unless [capabilities.storage] grants a quota"),
];

#[derive(Serialize)]
struct Inspection<'i> {
    file: String,
    size_bytes: u64,
    imports: Vec<InterfaceJson<'i>>,
    exports: Vec<InterfaceJson<'i>>,
    missing_imports: &'i [String],
    memories: Option<u32>,
    initial_memory_bytes: Option<u64>,
    initial_table_elements: Option<u64>,
    denied: Vec<Denied>,
    max_memory_bytes: u64,
    raises_ceiling: bool,
    manifest: String,
}

#[derive(Serialize)]
struct InterfaceJson<'i> {
    name: &'i str,
    functions: &'i [String],
}

/// An import that answers, and grants nothing by itself.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Denied {
    import: String,
    reason: String,
}

/// Inspects one file.
pub(crate) fn inspect(arguments: &InspectArguments, format: Format) -> Result<Exit, Failure> {
    let file = &arguments.file;
    let ceilings = Policy::of(arguments.ceilings.as_deref()).map_err(Failure::invalid)?.host;
    let wasm = read(file, ceilings.max_component_bytes)?;
    // Nothing is run, so that no room for instances is needed.
    let host = Host::builder().ceilings(ceilings).max_instances(1).build().map_err(Failure::running)?;
    let report = host.inspect(&wasm).map_err(Failure::invalid)?;
    let inspection = Inspection::new(file, &report, ceilings.max_memory_bytes);
    match format {
        Format::Json => output::json(&inspection),
        Format::Human => {
            let text = inspection.human();
            // Names of imports are the component's own.
            output::data(
                if output::is_on_terminal() { output::harmless(&text) } else { text.into() }.as_bytes(),
            )
        }
    }
    .map_err(Failure::running)?;
    // What cannot be loaded is not valid here, however well it could be told what it is.
    Ok(if report.missing_imports.is_empty() { Exit::Done } else { Exit::Invalid })
}

/// The file; one that is too large is not even read.
fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, Failure> {
    let failed = |source| Failure::invalid(SystemError::File { path: path.to_owned(), source });
    let file = File::open(path).map_err(failed)?;
    let too_large = |bytes| Failure::invalid(RuntimeError::TooLarge { bytes, max_bytes });
    let bytes = file.metadata().map_err(failed)?.len();
    if bytes > max_bytes {
        return Err(too_large(bytes));
    }
    // A pipe has no length, and a file may grow meanwhile.
    let mut wasm = Vec::new();
    let read = file.take(max_bytes.saturating_add(1)).read_to_end(&mut wasm).map_err(failed)? as u64;
    match read {
        0 => Err(failed(io::Error::new(io::ErrorKind::UnexpectedEof, "it is empty"))),
        _ if read > max_bytes => Err(too_large(read)),
        _ => Ok(wasm),
    }
}

impl<'i> Inspection<'i> {
    fn new(file: &Path, report: &'i ComponentReport, ceiling_bytes: u64) -> Self {
        let max_memory_bytes = memory_limit(report, ceiling_bytes);
        Self {
            file: file.display().to_string(),
            size_bytes: report.size_bytes,
            imports: interfaces(&report.imports),
            exports: interfaces(&report.exports),
            missing_imports: &report.missing_imports,
            memories: report.memories,
            initial_memory_bytes: report.initial_memory_bytes,
            initial_table_elements: report.initial_table_elements,
            denied: denied(&report.imports),
            max_memory_bytes,
            raises_ceiling: max_memory_bytes > ceiling_bytes,
            manifest: skeleton(file, report, max_memory_bytes),
        }
    }

    fn human(&self) -> String {
        let mut text = format!("{}: a component of {} bytes\n", self.file, self.size_bytes);
        list(&mut text, "imports", &self.imports);
        list(&mut text, "exports", &self.exports);
        if !self.missing_imports.is_empty() {
            text.push_str(
                "\nmissing imports (this host offers no implementation, so that it cannot be loaded)\n",
            );
            for import in self.missing_imports {
                line(&mut text, &format!("  {import}"));
            }
        }
        text.push_str("\nneeds at its start\n");
        let known = |number: Option<u64>| number.map_or("unknown".into(), |number| number.to_string());
        line(&mut text, &format!("  memories              {}", known(self.memories.map(u64::from))));
        line(&mut text, &format!("  largest memory, bytes {}", known(self.initial_memory_bytes)));
        line(&mut text, &format!("  largest table         {}", known(self.initial_table_elements)));
        if !self.denied.is_empty() {
            text.push_str("\nwhat imports reach by themselves\n");
            for Denied { import, reason } in &self.denied {
                line(&mut text, &format!("  {import}: {reason}"));
            }
        }
        if self.raises_ceiling {
            let note = "more memory than the host's ceiling; in airssys.toml, its [[component]] needs";
            line(&mut text, &format!("\n{note}\n  max_memory_bytes = {}", self.max_memory_bytes));
        }
        text.push_str("\nComponent.toml\n\n");
        text.push_str(&self.manifest);
        text
    }
}

fn interfaces(reports: &[InterfaceReport]) -> Vec<InterfaceJson<'_>> {
    reports.iter().map(|report| InterfaceJson { name: &report.name, functions: &report.functions }).collect()
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

fn list(text: &mut String, title: &str, interfaces: &[InterfaceJson<'_>]) {
    line(text, &format!("\n{title}"));
    if interfaces.is_empty() {
        text.push_str("  none\n");
    }
    for interface in interfaces {
        let functions = if interface.functions.is_empty() {
            String::new()
        } else {
            format!(": {}", interface.functions.join(", "))
        };
        line(text, &format!("  {}{functions}", interface.name));
    }
}

/// What a component asks for that its imports alone do not give.
fn denied(imports: &[InterfaceReport]) -> Vec<Denied> {
    let closed = |import: &InterfaceReport| {
        let (_, reason) = CLOSED.iter().find(|(prefix, _)| import.name.starts_with(prefix))?;
        Some(Denied { import: import.name.clone(), reason: (*reason).into() })
    };
    imports.iter().filter_map(closed).collect()
}

/// The short name of an interface of this project.
fn own_interface(import: &str) -> Option<&str> {
    import.strip_prefix("airssys:core/")?.split('@').next()
}

/// Twice what it starts with, within the host's ceiling where that leaves room.
fn memory_limit(report: &ComponentReport, ceiling_bytes: u64) -> u64 {
    let largest = report.initial_memory_bytes.unwrap_or(0);
    let needed = largest.saturating_mul(u64::from(report.memories.unwrap_or(1).max(1)));
    let generous = needed.saturating_mul(2).max(USUAL_MEMORY_BYTES);
    let rounded = generous.checked_next_multiple_of(MEMORY_STEP_BYTES).unwrap_or(u64::MAX);
    let fits_policy = needed.saturating_add(MEMORY_STEP_BYTES) <= ceiling_bytes;
    if fits_policy { rounded.min(ceiling_bytes) } else { rounded }
}

fn skeleton(file: &Path, report: &ComponentReport, max_bytes: u64) -> String {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let name = component_name(&stem);
    let mut text = format!("[component]\nname = \"{name}\"\nversion = \"0.1.0\"\n");
    let wasm = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if wasm != format!("{name}.wasm") {
        line(&mut text, &format!("wasm = {}", toml_text(&wasm)));
    }
    line(&mut text, &format!("\n[resources.memory]\nmax_bytes = {max_bytes}"));
    let sends = report.imports.iter().any(|import| own_interface(&import.name) == Some("messaging"));
    let receives = report.exports.iter().any(|export| own_interface(&export.name) == Some("handler"));
    if sends || receives {
        text.push_str("\n[capabilities.messaging]\n");
    }
    if sends {
        text.push_str("send_to = []                # whom it may send to, such as \"logs/stats\"\n");
    }
    if receives {
        text.push_str("receive_from = []           # who may send to it, besides the host\n");
    }
    let functions = || report.imports.iter().flat_map(|import| &import.functions);
    if sends && functions().any(|function| function == "publish") {
        text.push_str("publish = []                # topics, such as \"logs.parsed\"\n");
    }
    if sends && functions().any(|function| function == "subscribe") {
        text.push_str("subscribe = []              # patterns on topics, such as \"logs.raw.#\"\n");
    }
    if report.imports.iter().any(|import| own_interface(&import.name) == Some("storage")) {
        text.push_str("\n# [capabilities.storage]    # it keeps nothing without\n# quota_bytes = 1048576\n");
    }
    text
}

/// A valid name as near to `stem` as there is one.
fn component_name(stem: &str) -> String {
    let mut name = String::new();
    for character in stem.chars().map(|one| one.to_ascii_lowercase()) {
        match character {
            'a'..='z' => name.push(character),
            '0'..='9' if !name.is_empty() => name.push(character),
            _ if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    name.truncate(64);
    let name = name.trim_end_matches('-');
    if is_valid_name(name) { name.to_owned() } else { "component".into() }
}

/// A basic string of TOML, whose escapes are those of JSON but for one character.
fn toml_text(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

#[cfg(test)]
mod tests {
    use airssys_wasm_core::{Ceilings, ComponentManifest, MAX_MEMORY_BYTES};

    use super::*;

    fn report(imports: &[(&str, &[&str])], memory: u64) -> ComponentReport {
        let interface = |(name, functions): &(&str, &[&str])| InterfaceReport {
            name: (*name).into(),
            functions: functions.iter().map(|function| (*function).into()).collect(),
        };
        ComponentReport {
            size_bytes: 1,
            imports: imports.iter().map(interface).collect(),
            exports: Vec::new(),
            missing_imports: Vec::new(),
            memories: Some(1),
            initial_memory_bytes: Some(memory),
            initial_table_elements: None,
        }
    }

    #[track_caller]
    fn check_limit(initial: u64, expected: u64) {
        assert_eq!(memory_limit(&report(&[], initial), MAX_MEMORY_BYTES), expected);
    }

    #[test]
    fn memory_is_generous_and_within_policy_where_it_can_be() {
        check_limit(0, 1_048_576);
        check_limit(65_536, 1_048_576);
        check_limit(1_114_112, 2_621_440);
        check_limit(3_000_000, MAX_MEMORY_BYTES);
        check_limit(MAX_MEMORY_BYTES, 2 * MAX_MEMORY_BYTES);
        check_limit(u64::MAX, u64::MAX);
        assert_eq!(memory_limit(&report(&[], 3_000_000), 2 * MAX_MEMORY_BYTES), 6_291_456);
    }

    #[test]
    fn names_are_made_valid() {
        for (stem, expected) in [
            ("parser", "parser"),
            ("Deep_Recursion", "deep-recursion"),
            ("9 lives--x-", "lives-x"),
            ("", "component"),
            ("ü", "component"),
        ] {
            assert_eq!(component_name(stem), expected);
        }
        assert_eq!(component_name(&"a".repeat(80)).len(), 64);
    }

    #[test]
    fn a_skeleton_is_a_valid_manifest() {
        let imports: &[(&str, &[&str])] = &[
            ("airssys:core/messaging@0.1.0", &["send", "publish", "subscribe"]),
            ("airssys:core/storage@0.1.0", &["get"]),
        ];
        for file in ["a/echo.wasm", "Strange \"name\".wasm"] {
            let text = skeleton(Path::new(file), &report(imports, 65_536), 1_048_576);
            let manifest = ComponentManifest::parse(file, &text, &Ceilings::default()).unwrap();
            assert_eq!(manifest.wasm, Path::new(file).file_name().unwrap().to_str().unwrap());
            assert!(manifest.messaging.send_to.is_empty());
            assert_eq!(manifest.host.storage.quota_bytes, None);
            assert!(text.ends_with("\n# quota_bytes = 1048576\n"), "{text}");
            assert!(text.contains("\npublish = []") && text.contains("\nsubscribe = []"), "{text}");
        }
    }

    #[test]
    fn what_grants_nothing_is_named() {
        let imports: &[(&str, &[&str])] = &[
            ("wasi:filesystem/types@0.2.0", &[]),
            ("wasi:io/poll@0.2.0", &[]),
            ("airssys:core/messaging@0.1.0", &["send", "broadcast", "[method]peer.request"]),
            ("airssys:core/storage@0.1.0", &["get", "compare-and-swap"]),
        ];
        let found = denied(&report(imports, 0).imports);
        let reasons: Vec<_> = found.iter().map(|one| one.reason.as_str()).collect();
        assert_eq!(
            reasons,
            [
                "nothing, unless [capabilities.filesystem] grants a folder",
                "nothing, unless [capabilities.storage] grants a quota"
            ]
        );
    }
}
