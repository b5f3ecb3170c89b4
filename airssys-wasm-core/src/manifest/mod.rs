//! Manifests: `Component.toml` and `airssys.toml` as typed, validated data.
//!
//! Invariant: what is parsed is valid as a whole. Everything that is wrong is reported at once, each
//! with its line, a caret, the reason and a remedy; an unknown key is always wrong.

mod audit;
mod capabilities;
mod component;
mod diagnostic;
mod document;
mod host_capabilities;
mod lifecycle;
mod mailbox;
mod path;
mod resources;
mod section;
mod supervision;
mod system;
mod unsupported;
mod value;

pub use audit::AuditConfig;
pub use capabilities::MessagingCapabilities;
pub use component::ComponentManifest;
pub use diagnostic::{ManifestDiagnostic, ManifestError};
pub use document::MAX_MANIFEST_BYTES;
pub use host_capabilities::{
    BadGrants, EnvironmentCapabilities, FilesystemCapabilities, HostCapabilities, MAX_GRANTED_DESTINATIONS,
    MAX_GRANTED_FOLDERS, MAX_GRANTED_VARIABLES, NetworkCapabilities, StorageCapabilities,
};
pub use lifecycle::LifecycleConfig;
pub use mailbox::{MailboxConfig, Overflow};
pub use resources::{ComponentConfig, CpuConfig, MemoryConfig, ResourcesConfig};
pub use system::{ComponentEntry, IoConfig, SystemManifest};
