//! `Component.toml` as a whole.

use semver::Version;
use serde_json::{Map, Value};
use toml::de::DeTable;

use super::capabilities::{self, MessagingCapabilities};
use super::diagnostic::ManifestError;
use super::document::{Report, parse};
use super::host_capabilities::HostCapabilities;
use super::lifecycle::{self, LifecycleConfig};
use super::mailbox::{self, MailboxConfig};
use super::path;
use super::resources::{self, CpuConfig, MemoryConfig, ResourcesConfig};
use super::section::{Found, Section};
use super::supervision;
use super::unsupported::refuse_in_component;
use super::value::json;
use crate::id::{Address, HOST_NAMESPACE, shorten};
use crate::limits::{Ceilings, ResourceLimits};
use crate::policy::{BroadRights, TooBroad};
use crate::supervision::SupervisionConfig;

/// The namespace of a component that names none.
const DEFAULT_NAMESPACE: &str = "default";

const SECTIONS: &[&str] =
    &["component", "resources", "lifecycle", "mailbox", "capabilities", "supervision", "health", "config"];

/// A component's manifest, `Component.toml`.
///
/// ```
/// use airssys_wasm_core::{Address, ComponentManifest};
/// use semver::Version;
///
/// let address: Address = "logs/parser".parse()?;
/// let manifest = ComponentManifest::new(address, Version::new(0, 3, 1), 1_048_576);
/// assert_eq!(manifest.wasm, "parser.wasm");
/// assert!(manifest.messaging.send_to.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ComponentManifest {
    /// Its version.
    pub version: Version,
    /// Path of its file relative to the manifest, within the manifest's folder; default
    /// `<name>.wasm`. Parts are joined by `/`.
    pub wasm: String,
    /// What it does, for people.
    pub description: Option<String>,
    /// Who wrote it.
    pub authors: Vec<String>,
    /// Under which licence.
    pub license: Option<String>,
    /// What one instance and each of its calls may use.
    pub resources: ResourcesConfig,
    /// What starting and stopping may cost.
    pub lifecycle: LifecycleConfig,
    /// What may wait for it.
    pub mailbox: MailboxConfig,
    /// Whom it may talk to.
    pub messaging: MessagingCapabilities,
    /// What it may do with the host, through the standard interfaces or by keeping something there.
    pub host: HostCapabilities,
    /// When it is started again.
    pub supervision: SupervisionConfig,
    /// What is handed to `initialize`.
    pub config: Map<String, Value>,
    address: Address,
}

impl ComponentManifest {
    /// A manifest with a memory limit in bytes and defaults for all the rest: it may talk to nobody.
    ///
    /// An instance in `address` is left out. The limit is checked where it is applied.
    #[must_use]
    pub fn new(address: Address, version: Version, max_memory_bytes: u64) -> Self {
        let address = address.component();
        Self {
            version,
            wasm: format!("{}.wasm", address.name()),
            description: None,
            authors: Vec::new(),
            license: None,
            resources: ResourcesConfig {
                memory: MemoryConfig { max_bytes: max_memory_bytes },
                cpu: CpuConfig::default(),
            },
            lifecycle: LifecycleConfig::default(),
            mailbox: MailboxConfig::default(),
            messaging: MessagingCapabilities::default(),
            host: HostCapabilities::default(),
            supervision: SupervisionConfig::default(),
            config: Map::new(),
            address,
        }
    }

    /// Reads a `Component.toml`. `source_name` names the file in diagnostics.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, limits above `ceilings`, rights that mean more than they allow, and
    /// sections that this version does not enforce included.
    pub fn parse(source_name: &str, text: &str, ceilings: &Ceilings) -> Result<Self, ManifestError> {
        parse(source_name, text, |root, report| read(root, report, ceilings))
    }

    /// The component's namespace and name; the namespace is `default` where none was given.
    #[must_use]
    pub fn address(&self) -> Address {
        self.address.clone()
    }

    /// What one instance and each of its calls may use. A manifest is always metered.
    #[must_use]
    pub fn limits(&self) -> ResourceLimits {
        self.resources.limits()
    }

    /// Whether a host that allows these rights to mean everything grants what this manifest asks for.
    ///
    /// # Errors
    ///
    /// The first right that is too broad.
    pub fn check_breadth(&self, allowed: BroadRights) -> Result<(), TooBroad> {
        capabilities::check_breadth(&self.messaging, &self.host, allowed)
    }

    /// `[config]` as a JSON object, `{}` when absent.
    #[must_use]
    pub fn config_json(&self) -> String {
        Value::Object(self.config.clone()).to_string()
    }
}

fn read(root: &DeTable<'_>, report: &mut Report, ceilings: &Ceilings) -> Option<ComponentManifest> {
    let top = Section::root(root, report, SECTIONS);
    let component = read_component(&top, report);
    let resources = resources::read(&top, report, ceilings);
    let lifecycle = lifecycle::read(&top, report, ceilings);
    let mailbox = mailbox::read(&top, report);
    let (messaging, host) = capabilities::read(&top, report, &mailbox, ceilings);
    let supervision = supervision::read(&top, report);
    supervision::check_health(&top, report);
    let config = read_config(&top, report);
    refuse_in_component(root, report);
    Some(ComponentManifest {
        resources: resources?,
        lifecycle,
        mailbox,
        messaging,
        host,
        supervision,
        config,
        ..component?
    })
}

fn read_component(root: &Section<'_>, report: &mut Report) -> Option<ComponentManifest> {
    let section = root.section(
        report,
        "component",
        &["name", "namespace", "version", "wasm", "description", "authors", "license"],
    );
    if !section.is_present() {
        if !root.has("component") {
            let help = "add\n\n[component]\nname = \"parser\"\nversion = \"0.1.0\"";
            report.error(0..0, "missing section [component]", help);
        }
        return None;
    }
    let name = section.name(report, "name").map(|found| found.value);
    if !section.has("name") {
        section.missing(report, "name", "add for example `name = \"parser\"`");
    }
    let namespace = read_namespace(&section, report);
    let version = read_version(&section, report);
    let wasm = path::read(&section, report, "wasm");
    let description = section.text(report, "description");
    let authors = section.texts(report, "authors").unwrap_or_default();
    let license = section.text(report, "license");
    let address = Address::new(namespace?, name?, None).ok()?;
    let mut manifest = ComponentManifest::new(address, version?, 0);
    if let Some(found) = wasm {
        manifest.wasm = found.value.into();
    }
    manifest.description = description.map(|found| found.value.into());
    manifest.authors = authors.into_iter().map(|found| found.value.into()).collect();
    manifest.license = license.map(|found| found.value.into());
    Some(manifest)
}

fn read_namespace<'t>(section: &Section<'t>, report: &mut Report) -> Option<&'t str> {
    if !section.has("namespace") {
        return Some(DEFAULT_NAMESPACE);
    }
    let Found { value, span } = section.name(report, "namespace")?;
    if value == HOST_NAMESPACE {
        report.error(span, "the namespace \"host\" belongs to the host itself", "choose another");
        return None;
    }
    Some(value)
}

fn read_version(section: &Section<'_>, report: &mut Report) -> Option<Version> {
    let help = "three numbers joined by dots, for example `version = \"0.3.1\"` (https://semver.org)";
    if !section.has("version") {
        section.missing(report, "version", help);
    }
    let Found { value, span } = section.text(report, "version")?;
    Version::parse(value)
        .map_err(|error| {
            let shown = shorten(value);
            report.error(
                span,
                format!("`version` is {shown:?}, which is not a semantic version: {error}"),
                help,
            );
        })
        .ok()
}

fn read_config(root: &Section<'_>, report: &mut Report) -> Map<String, Value> {
    let entries = root.free_form(report, "config");
    entries.into_iter().filter_map(|(key, value)| Some((key.into(), json(value, report)?))).collect()
}
