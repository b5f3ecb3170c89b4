//! `airssys.toml` as a whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use toml::de::DeTable;

use super::audit::{self, AuditConfig};
use super::diagnostic::{ManifestDiagnostic, ManifestError, Source};
use super::document::{Report, Span, parse};
use super::path;
use super::section::{Bounds, Found, Section};
use super::supervision::read_intensity;
use super::unsupported::refuse_in_system;
use crate::id::{Address, shorten};
use crate::limits::{Ceilings, MIN_MEMORY_BYTES};
use crate::policy::{BroadRight, BroadRights};

/// The name of a host that names none.
const DEFAULT_HOST_NAME: &str = "airssys";

/// Highest ceiling of memory, in bytes: what a linear memory of 32 bits can address.
const MAX_CEILING_BYTES: u64 = 4_294_967_296;

/// Highest total of memory limits, and of storage quotas, in bytes: what a process can address.
const MAX_TOTAL_BYTES: u64 = 140_737_488_355_328;

/// Highest ceiling of storage, in bytes.
const MAX_STORAGE_BYTES: u64 = 1_099_511_627_776;

/// Highest ceiling of a component's file, in bytes.
const MAX_COMPONENT_BYTES: u64 = 1_073_741_824;

/// Highest ceiling of a call's time, in milliseconds: a day.
const MAX_TIMEOUT_MS: u64 = 86_400_000;

/// A host's manifest, `airssys.toml`.
///
/// ```
/// use airssys_wasm_core::SystemManifest;
///
/// let text = r#"
/// [[component]]
/// manifest = "parser/Component.toml"
/// instances = 2
/// max_memory_bytes = 16777216
/// "#;
/// let system = SystemManifest::parse("airssys.toml", text)?;
/// let parser = &system.components[0];
/// assert_eq!(parser.instances, 2);
/// assert_eq!(parser.ceilings(&system.ceilings).max_memory_bytes, 16_777_216);
/// # Ok::<(), airssys_wasm_core::ManifestError>(())
/// ```
#[derive(Debug, Clone)]
pub struct SystemManifest {
    /// Name of the host, as a component's name is written; default `airssys`.
    pub name: String,
    /// The folder of what components keep, relative to `airssys.toml` and within its folder; in memory only where this
    /// is absent. Parts are joined by `/`.
    pub data_dir: Option<String>,
    /// What any component may ask for at most.
    pub ceilings: Ceilings,
    /// What the host runs, in the order of the file.
    pub components: Vec<ComponentEntry>,
    /// How standard input and output are joined to components.
    pub io: Option<IoConfig>,
    /// Where it records what was denied and done; nowhere where this is absent.
    pub audit: Option<AuditConfig>,
    source: Arc<Source>,
    input_spans: Vec<Span>,
    output_span: Span,
    audit_span: Span,
    data_span: Span,
}

/// One `[[component]]` of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentEntry {
    /// Path of its manifest relative to `airssys.toml`, within its folder. Parts are joined by `/`.
    pub manifest: String,
    /// How many instances run; 1 to 10,000, default 1.
    pub instances: u32,
    /// The ceiling of memory for this component alone, in bytes; 524,288 to 4 GiB.
    pub max_memory_bytes: Option<u64>,
    span: Span,
}

impl ComponentEntry {
    /// The host's ceilings with this component's own ceiling of memory in place of the host's.
    #[must_use]
    pub fn ceilings(&self, host: &Ceilings) -> Ceilings {
        Ceilings { max_memory_bytes: self.max_memory_bytes.unwrap_or(host.max_memory_bytes), ..*host }
    }
}

/// `[io]`: joins standard input and output. Addresses name components, never instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IoConfig {
    /// Who gets the input; not empty, and no component twice. The first is back-pressured, the others
    /// get copies under their own overflow rule.
    pub input: Vec<Address>,
    /// Who answers at the end of input.
    pub output: Address,
}

impl SystemManifest {
    /// Reads an `airssys.toml`. `source_name` names the file in diagnostics.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, sections that this version does not enforce included.
    pub fn parse(source_name: &str, text: &str) -> Result<Self, ManifestError> {
        parse(source_name, text, |root, report| Some(read(root, report)))
    }

    /// An error at `io.input[index]`, found by whoever knows the components.
    #[must_use]
    pub fn error_at_input(&self, index: usize, reason: &str, help: &str) -> ManifestError {
        self.error_at(self.input_spans.get(index).cloned(), reason, help)
    }

    /// An error at `io.output`, found by whoever knows the components.
    #[must_use]
    pub fn error_at_output(&self, reason: &str, help: &str) -> ManifestError {
        self.error_at(Some(self.output_span.clone()), reason, help)
    }

    /// An error at the `manifest` of `components[index]`, found by whoever opens it.
    #[must_use]
    pub fn error_at_manifest(&self, index: usize, reason: &str, help: &str) -> ManifestError {
        self.error_at(self.components.get(index).map(|entry| entry.span.clone()), reason, help)
    }

    /// An error at `audit.path`, found by whoever opens it.
    #[must_use]
    pub fn error_at_audit(&self, reason: &str, help: &str) -> ManifestError {
        self.error_at(Some(self.audit_span.clone()), reason, help)
    }

    /// An error at `host.data_dir`, found by whoever opens it.
    #[must_use]
    pub fn error_at_data_dir(&self, reason: &str, help: &str) -> ManifestError {
        self.error_at(Some(self.data_span.clone()), reason, help)
    }

    fn error_at(&self, span: Option<Span>, reason: &str, help: &str) -> ManifestError {
        let source = Arc::clone(&self.source);
        let span = span.unwrap_or_default();
        let diagnostic = ManifestDiagnostic::new(Arc::clone(&source), span, reason.into(), Some(help.into()));
        ManifestError::new(source, vec![diagnostic])
    }
}

fn read(root: &DeTable<'_>, report: &mut Report) -> SystemManifest {
    let top = Section::root(root, report, &["host", "component", "group", "io", "audit"]);
    let (name, data_dir, ceilings) = read_host(&top, report);
    let components = read_components(&top, report);
    let io = read_io(&top, report);
    check_groups(&top, report);
    let audit = audit::read(&top, report);
    refuse_in_system(root, report);
    let (io, input_spans, output_span) = io.unwrap_or_default();
    let (audit, audit_span) = audit.unzip();
    let (data_dir, data_span) = data_dir.map(|found| (found.value.into(), found.span)).unzip();
    SystemManifest {
        name,
        data_dir,
        ceilings,
        components,
        io,
        audit,
        source: report.source(),
        input_spans,
        output_span,
        audit_span: audit_span.unwrap_or_default(),
        data_span: data_span.unwrap_or_default(),
    }
}

fn read_host<'t>(root: &Section<'t>, report: &mut Report) -> (String, Option<Found<&'t str>>, Ceilings) {
    let section = root.section(report, "host", &["name", "data_dir", "ceilings", "policy"]);
    let name = section.name(report, "name").map_or(DEFAULT_HOST_NAME, |found| found.value);
    let data_dir = path::read_folder(&section, report, "data_dir");
    let ceilings = read_ceilings(&section, report);
    (name.into(), data_dir, Ceilings { broad_rights: read_policy(&section, report), ..ceilings })
}

fn read_policy(host: &Section<'_>, report: &mut Report) -> BroadRights {
    let section = host.section(report, "policy", &["allow_broad"]);
    let help = "\"messaging.send_to\", \"messaging.receive_from\", \"messaging.publish\", \"messaging.subscribe\" and \
                \"network.connect\" can be";
    section.parsed(report, "allow_broad", help, str::parse::<BroadRight>).into_iter().collect()
}

fn read_ceilings(host: &Section<'_>, report: &mut Report) -> Ceilings {
    let section = host.section(
        report,
        "ceilings",
        &[
            "max_memory_bytes",
            "max_fuel",
            "max_timeout_ms",
            "max_component_bytes",
            "total_memory_bytes",
            "max_storage_bytes",
            "total_storage_bytes",
        ],
    );
    let default = Ceilings::default();
    let mut read = |key, range, unit, default| {
        section.integer(report, key, &Bounds::new(range, unit)).map_or(default, |found| found.value)
    };
    let memory = MIN_MEMORY_BYTES..=MAX_CEILING_BYTES;
    let total = MIN_MEMORY_BYTES..=MAX_TOTAL_BYTES;
    Ceilings {
        max_memory_bytes: read("max_memory_bytes", memory, "bytes", default.max_memory_bytes),
        max_fuel: read("max_fuel", 1..=u64::MAX, "units", default.max_fuel),
        max_timeout_ms: read("max_timeout_ms", 1..=MAX_TIMEOUT_MS, "ms", default.max_timeout_ms),
        max_component_bytes: read(
            "max_component_bytes",
            1..=MAX_COMPONENT_BYTES,
            "bytes",
            default.max_component_bytes,
        ),
        total_memory_bytes: read("total_memory_bytes", total, "bytes", default.total_memory_bytes),
        max_storage_bytes: read(
            "max_storage_bytes",
            1..=MAX_STORAGE_BYTES,
            "bytes",
            default.max_storage_bytes,
        ),
        total_storage_bytes: read(
            "total_storage_bytes",
            1..=MAX_TOTAL_BYTES,
            "bytes",
            default.total_storage_bytes,
        ),
        ..default
    }
}

fn read_components(root: &Section<'_>, report: &mut Report) -> Vec<ComponentEntry> {
    let sections =
        root.sections(report, "component", &["manifest", "instances", "group", "max_memory_bytes"]);
    let mut entries = Vec::with_capacity(sections.len());
    let mut seen = BTreeSet::new();
    for section in sections {
        let manifest = path::read(&section, report, "manifest");
        if section.is_present() && !section.has("manifest") {
            section.missing(report, "manifest", "add for example `manifest = \"parser/Component.toml\"`");
        }
        let instances = section.count(report, "instances", &Bounds::new(1..=10_000, "instances"));
        let bounds = Bounds::new(MIN_MEMORY_BYTES..=MAX_CEILING_BYTES, "bytes");
        let max_memory_bytes = section.integer(report, "max_memory_bytes", &bounds).map(|found| found.value);
        section.name(report, "group");
        let Some(Found { value, span }) = manifest else { continue };
        if !seen.insert(value) {
            let reason = format!("`manifest` is {:?}, which an earlier [[component]] names", shorten(value));
            let help = "keep one of them, with `instances` for more than one instance";
            report.error(span.clone(), reason, help);
        }
        entries.push(ComponentEntry {
            manifest: value.into(),
            instances: instances.unwrap_or(1),
            max_memory_bytes,
            span,
        });
    }
    entries
}

type Io = (Option<IoConfig>, Vec<Span>, Span);

fn read_io(root: &Section<'_>, report: &mut Report) -> Option<Io> {
    let section = root.section(report, "io", &["input", "output"]);
    if !section.is_present() {
        return None;
    }
    let help = "namespace/name of a component, for example \"logs/parser\"";
    let given = section.texts(report, "input");
    if section.has_empty_list("input") {
        report.error(section.span_of("input"), "`input` is empty", help);
    }
    let input = given.unwrap_or_default().into_iter();
    let input: Vec<_> =
        input.filter_map(|text| text.parsed(report, "input", help, component_address)).collect();
    for key in ["input", "output"] {
        if !section.has(key) {
            section.missing(report, key, "[io] names who gets the input and who answers at its end");
        }
    }
    let (mut addresses, mut spans) = (Vec::new(), Vec::new());
    for Found { value, span } in input {
        if addresses.contains(&value) {
            report.error(span, format!("`input` names {value} twice"), "each component gets the input once");
        } else {
            addresses.push(value);
            spans.push(span);
        }
    }
    let Found { value: output, span } =
        section.text(report, "output")?.parsed(report, "output", help, component_address)?;
    Some((Some(IoConfig { input: addresses, output }), spans, span))
}

fn component_address(text: &str) -> Result<Address, String> {
    let address: Address = text.parse().map_err(|error| format!("{error}"))?;
    if address.is_host() {
        return Err("the namespace \"host\" belongs to the host itself".into());
    }
    if address.instance().is_some() {
        return Err(format!("{address} names an instance, and a component is meant"));
    }
    Ok(address)
}

/// Validates `[[group]]`, which no crate enforces yet.
fn check_groups(root: &Section<'_>, report: &mut Report) {
    let known = &["name", "strategy", "parent", "max_restarts", "window_seconds"];
    for section in root.sections(report, "group", known) {
        if section.is_present() && !section.has("name") {
            section.missing(report, "name", "add for example `name = \"pipeline\"`");
        }
        section.name(report, "name");
        section.name(report, "parent");
        let strategies = [("one-for-one", ()), ("one-for-all", ()), ("rest-for-one", ())];
        section.choice(report, "strategy", &strategies);
        read_intensity(&section, report);
    }
}
