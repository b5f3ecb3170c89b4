//! `[capabilities.filesystem]`, `[capabilities.network]` and `[capabilities.environment]`: what a component may do
//! with the host through the standard interfaces (WASI).

use super::capabilities::within;
use super::document::Report;
use super::section::Section;
use crate::grant::{Destination, FolderPath, GrantError, VariableName};
use crate::policy::{BroadRight, BroadRights};

/// What a component may do with the host through the standard interfaces (WASI). The default grants nothing.
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

pub(super) fn read(
    capabilities: &Section<'_>,
    report: &mut Report,
    allowed: BroadRights,
) -> HostCapabilities {
    HostCapabilities {
        filesystem: read_filesystem(capabilities, report),
        network: read_network(capabilities, report, allowed),
        environment: read_environment(capabilities, report),
    }
}

fn read_filesystem(capabilities: &Section<'_>, report: &mut Report) -> FilesystemCapabilities {
    let section = capabilities.section(report, "filesystem", &["read", "write"]);
    let mut folders = |key| section.parsed(report, key, "for example \"/var/log/nginx\"", folder);
    FilesystemCapabilities { read: folders("read"), write: folders("write") }
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
    NetworkCapabilities { connect: within(&section, report, help, BroadRight::Connect, allowed) }
}

fn read_environment(capabilities: &Section<'_>, report: &mut Report) -> EnvironmentCapabilities {
    let section = capabilities.section(report, "environment", &["variables"]);
    EnvironmentCapabilities {
        variables: section.parsed(report, "variables", "for example \"TZ\"", str::parse),
    }
}
