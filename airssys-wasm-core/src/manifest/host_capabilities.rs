//! `[capabilities.filesystem]`, `[capabilities.network]`, `[capabilities.environment]` and `[capabilities.storage]`:
//! what a component may do with the host.

use std::collections::HashSet;
use std::hash::Hash;

use thiserror::Error;

use super::capabilities::within;
use super::document::Report;
use super::section::{Bounds, Section};
use crate::grant::{Destination, FolderPath, GrantError, VariableName};
use crate::limits::{Ceilings, ResourceLimitError};
use crate::policy::{BroadRight, BroadRights};

/// Folders that one component can be granted, to read and to write together. Each is a descriptor of the host's process
/// for every instance.
pub const MAX_GRANTED_FOLDERS: usize = 64;

/// Destinations that one component can be granted; each of its connections is compared with all of them.
pub const MAX_GRANTED_DESTINATIONS: usize = 256;

/// Variables that one component can be granted; every instance holds them with their values.
pub const MAX_GRANTED_VARIABLES: usize = 256;

/// More of one kind than a component can be granted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{key} grants {granted} {what}, and at most {max} can be granted")]
pub struct TooManyGrants {
    /// The section that grants them.
    pub key: &'static str,
    /// What they are.
    pub what: &'static str,
    /// How many were granted.
    pub granted: usize,
    /// How many can be.
    pub max: usize,
}

/// What a component may do with the host: through the standard interfaces (WASI), and by keeping something there.
/// The default grants nothing.
///
/// ```
/// use airssys_wasm_core::HostCapabilities;
///
/// let mut capabilities = HostCapabilities::default();
/// capabilities.filesystem.read.push("/var/log/nginx".parse()?);
/// capabilities.environment.variables.push("TZ".parse()?);
/// # Ok::<(), airssys_wasm_core::GrantError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostCapabilities {
    /// Folders.
    pub filesystem: FilesystemCapabilities,
    /// Connections.
    pub network: NetworkCapabilities,
    /// Variables.
    pub environment: EnvironmentCapabilities,
    /// Keys and values of its own.
    pub storage: StorageCapabilities,
}

impl HostCapabilities {
    /// Whether no more is granted than can be.
    ///
    /// # Errors
    ///
    /// [`TooManyGrants`] beyond [`MAX_GRANTED_FOLDERS`], [`MAX_GRANTED_DESTINATIONS`] or [`MAX_GRANTED_VARIABLES`].
    pub fn check_counts(&self) -> Result<(), TooManyGrants> {
        let FilesystemCapabilities { read, write } = &self.filesystem;
        let folders = read.len() + write.len();
        check_count("capabilities.filesystem", "folders", folders, MAX_GRANTED_FOLDERS)?;
        let destinations = self.network.connect.len();
        check_count("capabilities.network", "destinations", destinations, MAX_GRANTED_DESTINATIONS)?;
        let variables = self.environment.variables.len();
        check_count("capabilities.environment", "variables", variables, MAX_GRANTED_VARIABLES)
    }
}

fn check_count(
    key: &'static str,
    what: &'static str,
    granted: usize,
    max: usize,
) -> Result<(), TooManyGrants> {
    if granted > max { Err(TooManyGrants { key, what, granted, max }) } else { Ok(()) }
}

/// `[capabilities.filesystem]`: folders of the host that a component sees, each at its own path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilesystemCapabilities {
    /// Folders that it may read, all that is below them included.
    pub read: Vec<FolderPath>,
    /// Folders that it may read and change.
    pub write: Vec<FolderPath>,
}

/// `[capabilities.network]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkCapabilities {
    /// Where it may connect to, by TCP. A name leads to public addresses only; every other address is granted as
    /// such.
    pub connect: Vec<Destination>,
}

/// `[capabilities.environment]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvironmentCapabilities {
    /// Variables of the host that it sees, with the value that they have when it starts.
    pub variables: Vec<VariableName>,
}

/// `[capabilities.storage]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StorageCapabilities {
    /// Bytes of the keys and values that all instances of the component keep together; 1 up to the host's ceiling.
    /// Without it the component keeps nothing.
    pub quota_bytes: Option<u64>,
}

pub(super) fn read(capabilities: &Section<'_>, report: &mut Report, ceilings: &Ceilings) -> HostCapabilities {
    HostCapabilities {
        filesystem: read_filesystem(capabilities, report),
        network: read_network(capabilities, report, ceilings.broad_rights),
        environment: read_environment(capabilities, report),
        storage: read_storage(capabilities, report, ceilings),
    }
}

fn read_filesystem(capabilities: &Section<'_>, report: &mut Report) -> FilesystemCapabilities {
    let section = capabilities.section(report, "filesystem", &["read", "write"]);
    let mut folders = |key| each_once(section.parsed(report, key, "for example \"/var/log/nginx\"", folder));
    let (read, write) = (folders("read"), folders("write"));
    let wider =
        read.iter().filter_map(|inner| Some((inner, write.iter().find(|outer| lies_in(inner, outer))?)));
    for (inner, outer) in wider {
        report.error(
            section.span_of("read"),
            format!("`read` names \"{inner}\", which `write` of \"{outer}\" allows to change"),
            "leave it out of `read`, or grant in `write` only folders that do not hold it",
        );
    }
    let granted = read.len() + write.len();
    report_count(
        &section,
        report,
        check_count("[capabilities.filesystem]", "folders", granted, MAX_GRANTED_FOLDERS),
    );
    FilesystemCapabilities { read, write }
}

fn lies_in(inner: &FolderPath, outer: &FolderPath) -> bool {
    inner != outer && inner.as_path().starts_with(outer.as_path())
}

/// What was granted, without what was granted before.
fn each_once<T: Clone + Eq + Hash>(mut named: Vec<T>) -> Vec<T> {
    let mut known = HashSet::with_capacity(named.len());
    named.retain(|one| known.insert(one.clone()));
    named
}

fn report_count(section: &Section<'_>, report: &mut Report, counted: Result<(), TooManyGrants>) {
    if let Err(error) = counted {
        report.error(section.span(), error.to_string(), format!("grant at most {} of them", error.max));
    }
}

/// A folder that can be granted, as far as its path tells; whoever opens it looks where its links lead.
fn folder(text: &str) -> Result<FolderPath, String> {
    let folder: FolderPath = text.parse().map_err(|error: GrantError| error.to_string())?;
    match folder.hindrance() {
        Some(protected) => Err(format!(
            "\"{folder}\" cannot be granted: it is {protected}, holds it, or lies in it, which is for no component"
        )),
        None => Ok(folder),
    }
}

fn read_network(
    capabilities: &Section<'_>,
    report: &mut Report,
    allowed: BroadRights,
) -> NetworkCapabilities {
    let section = capabilities.section(report, "network", &["connect"]);
    let help = "for example \"api.example.com:443\", \"*.example.com:443\" or, for what is not public, an address: \
                \"10.0.0.5:5432\", \"[fd00::5]:5432\"";
    let connect = each_once(within(&section, report, help, BroadRight::Connect, allowed));
    let key = "[capabilities.network]";
    let counted = check_count(key, "destinations", connect.len(), MAX_GRANTED_DESTINATIONS);
    report_count(&section, report, counted);
    NetworkCapabilities { connect }
}

fn read_environment(capabilities: &Section<'_>, report: &mut Report) -> EnvironmentCapabilities {
    let section = capabilities.section(report, "environment", &["variables"]);
    let variables = each_once(section.parsed(report, "variables", "for example \"TZ\"", str::parse));
    let key = "[capabilities.environment]";
    report_count(&section, report, check_count(key, "variables", variables.len(), MAX_GRANTED_VARIABLES));
    EnvironmentCapabilities { variables }
}

fn read_storage(capabilities: &Section<'_>, report: &mut Report, ceilings: &Ceilings) -> StorageCapabilities {
    let section = capabilities.section(report, "storage", &["quota_bytes"]);
    if section.is_present() && !section.has("quota_bytes") {
        section.missing(report, "quota_bytes", "add for example `quota_bytes = 1048576`");
    }
    let max = ceilings.max_storage_bytes;
    let bounds = Bounds::new(1..=max, "bytes")
        .below(ResourceLimitError::ZeroStorage { max }.remedy())
        .above(ResourceLimitError::StorageTooLarge { asked: 0, max }.remedy());
    let quota_bytes = section.integer(report, "quota_bytes", &bounds).map(|found| found.value);
    StorageCapabilities { quota_bytes }
}
