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

/// Why rights cannot be granted together, whether a manifest or an embedder names them.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadGrants {
    /// More of one kind than a component can be granted.
    #[error("[{key}] grants {granted} {what}, and at most {max} can be granted")]
    TooMany {
        /// The section that grants them.
        key: &'static str,
        /// What they are.
        what: &'static str,
        /// How many were granted.
        granted: usize,
        /// How many can be.
        max: usize,
    },
    /// A folder that is to be read lies in one that is to be written, which is the wider right.
    #[error("`read` names \"{inner}\", which `write` of \"{outer}\" allows to change")]
    ReadWithinWrite {
        /// The folder to be read.
        inner: FolderPath,
        /// The folder to be written.
        outer: FolderPath,
    },
}

impl BadGrants {
    /// What to do about it.
    fn help(&self) -> String {
        match self {
            Self::TooMany { max, .. } => format!("grant at most {max} of them"),
            Self::ReadWithinWrite { .. } => {
                "leave it out of `read`, or grant in `write` only folders that do not hold it".to_owned()
            }
        }
    }
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
    /// The same without what is named twice, as a manifest is read.
    #[must_use]
    pub fn each_once(mut self) -> Self {
        each_once(&mut self.filesystem.read);
        each_once(&mut self.filesystem.write);
        each_once(&mut self.network.connect);
        each_once(&mut self.environment.variables);
        self
    }

    /// Whether this can be granted together, as a manifest is checked.
    ///
    /// # Errors
    ///
    /// [`BadGrants`] beyond [`MAX_GRANTED_FOLDERS`], [`MAX_GRANTED_DESTINATIONS`] or [`MAX_GRANTED_VARIABLES`], and
    /// where a folder to read lies in one to write.
    pub fn check(&self) -> Result<(), BadGrants> {
        let counted = [self.network.count(), self.environment.count()].into_iter().flatten();
        self.filesystem.faults().into_iter().chain(counted).next().map_or(Ok(()), Err)
    }
}

fn check_count(key: &'static str, what: &'static str, granted: usize, max: usize) -> Option<BadGrants> {
    (granted > max).then_some(BadGrants::TooMany { key, what, granted, max })
}

/// `[capabilities.filesystem]`: folders of the host that a component sees, each at its own path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilesystemCapabilities {
    /// Folders that it may read, all that is below them included.
    pub read: Vec<FolderPath>,
    /// Folders that it may read and change.
    pub write: Vec<FolderPath>,
}

impl FilesystemCapabilities {
    fn faults(&self) -> Vec<BadGrants> {
        let Self { read, write } = self;
        let granted = read.len() + write.len();
        // Whatever follows looks at each with each.
        if let Some(too_many) =
            check_count("capabilities.filesystem", "folders", granted, MAX_GRANTED_FOLDERS)
        {
            return vec![too_many];
        }
        let wider =
            read.iter().filter_map(|inner| Some((inner, write.iter().find(|outer| lies_in(inner, outer))?)));
        let fault = |(inner, outer): (&FolderPath, &FolderPath)| BadGrants::ReadWithinWrite {
            inner: inner.clone(),
            outer: outer.clone(),
        };
        wider.map(fault).collect()
    }
}

/// `[capabilities.network]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkCapabilities {
    /// Where it may connect to, by TCP. A name leads to public addresses only; every other address is granted as
    /// such.
    pub connect: Vec<Destination>,
}

impl NetworkCapabilities {
    fn count(&self) -> Option<BadGrants> {
        check_count("capabilities.network", "destinations", self.connect.len(), MAX_GRANTED_DESTINATIONS)
    }
}

/// `[capabilities.environment]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvironmentCapabilities {
    /// Variables of the host that it sees, with the value that they have when it starts.
    pub variables: Vec<VariableName>,
}

impl EnvironmentCapabilities {
    fn count(&self) -> Option<BadGrants> {
        check_count("capabilities.environment", "variables", self.variables.len(), MAX_GRANTED_VARIABLES)
    }
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
    let mut folders = |key| {
        let mut named = section.parsed(report, key, "for example \"/var/log/nginx\"", folder);
        each_once(&mut named);
        named
    };
    let filesystem = FilesystemCapabilities { read: folders("read"), write: folders("write") };
    report_faults(&section, report, filesystem.faults());
    filesystem
}

fn lies_in(inner: &FolderPath, outer: &FolderPath) -> bool {
    inner != outer && inner.as_path().starts_with(outer.as_path())
}

/// Leaves out what was named before.
fn each_once<T: Clone + Eq + Hash>(named: &mut Vec<T>) {
    let mut known = HashSet::with_capacity(named.len());
    named.retain(|one| known.insert(one.clone()));
}

fn report_faults(section: &Section<'_>, report: &mut Report, faults: impl IntoIterator<Item = BadGrants>) {
    for fault in faults {
        let span = match fault {
            BadGrants::TooMany { .. } => section.span(),
            BadGrants::ReadWithinWrite { .. } => section.span_of("read"),
        };
        report.error(span, fault.to_string(), fault.help());
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
    let mut network =
        NetworkCapabilities { connect: within(&section, report, help, BroadRight::Connect, allowed) };
    each_once(&mut network.connect);
    report_faults(&section, report, network.count());
    network
}

fn read_environment(capabilities: &Section<'_>, report: &mut Report) -> EnvironmentCapabilities {
    let section = capabilities.section(report, "environment", &["variables"]);
    let variables = section.parsed(report, "variables", "for example \"TZ\"", str::parse);
    let mut environment = EnvironmentCapabilities { variables };
    each_once(&mut environment.variables);
    report_faults(&section, report, environment.count());
    environment
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
