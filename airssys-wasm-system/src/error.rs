//! Errors of hosting components.

use std::path::PathBuf;

use thiserror::Error;

use airssys_wasm_core::{
    Address, ComponentId, IdError, ManifestError, RequestError, ResourceLimitError, TooBroad, WasmError,
};
use airssys_wasm_messaging::CodecError;
use airssys_wasm_runtime::RuntimeError;
use airssys_wasm_storage::StoreError;

use crate::audit::AuditLogError;

/// Why a host could not do what it was asked for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SystemError {
    /// A file could not be read.
    #[error("{} cannot be read", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// A manifest has errors; all of them are in it, with their lines.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The component's file lies outside of the folder of its manifest, perhaps through a link.
    #[error("{} leads outside of the folder of its manifest", path.display())]
    OutsideFolder {
        /// The path as the manifest gives it.
        path: PathBuf,
    },
    /// The embedder's loader could not bring the component.
    #[error("{component} cannot be loaded")]
    Load {
        /// Which component.
        component: Address,
        /// What the loader said.
        #[source]
        source: WasmError,
    },
    /// A name is not valid.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The limits are beyond what this host allows.
    #[error("{component} asks for more than this host allows")]
    Limits {
        /// Which component.
        component: Address,
        /// Which limit, and what raises it.
        source: ResourceLimitError,
    },
    /// A right means everything, which this host's policy does not allow.
    #[error("{component} asks for a right that is too broad")]
    TooBroad {
        /// Which component.
        component: Address,
        /// Which right, and what allows it.
        source: TooBroad,
    },
    /// The component cannot be loaded or started.
    #[error("{component} cannot be started")]
    Start {
        /// Which component.
        component: Address,
        /// Why.
        #[source]
        source: RuntimeError,
    },
    /// The engine cannot be made.
    #[error("the engine cannot be started")]
    Engine(#[source] RuntimeError),
    /// The audit log that was asked for cannot be written.
    #[error("the audit log cannot be written")]
    Audit(#[from] AuditLogError),
    /// The declared memory limits of all instances together would exceed the host's.
    #[error(
        "{component} declares {asked_bytes} bytes; {used_bytes} of {max_bytes} are taken by other instances \
         ([host.ceilings] total_memory_bytes)"
    )]
    TotalMemory {
        /// Which component.
        component: Address,
        /// What it declares, over all its new instances.
        asked_bytes: u64,
        /// What is declared already.
        used_bytes: u64,
        /// The host's limit.
        max_bytes: u64,
    },
    /// The storage quotas of all components together would exceed the host's.
    #[error(
        "{component} asks for a storage quota of {asked_bytes} bytes; {used_bytes} of {max_bytes} are taken by other \
         components ([host.ceilings] total_storage_bytes)"
    )]
    TotalStorage {
        /// Which component.
        component: Address,
        /// Its quota.
        asked_bytes: u64,
        /// The quotas of those that are there already.
        used_bytes: u64,
        /// The host's limit.
        max_bytes: u64,
    },
    /// What components keep cannot be opened: its folder cannot be made or read, holds something else, or belongs to
    /// another host that runs.
    #[error("the storage of components cannot be opened")]
    Storage(#[from] StoreError),
    /// The engine's pool has no room for it beside what is there.
    #[error(
        "{component}: the pool, made for {max_instances} instances, has no room for its instances, memories or tables"
    )]
    PoolFull {
        /// Which component.
        component: Address,
        /// How many instances the host was made for.
        max_instances: u32,
    },
    /// A component of no instances was asked for.
    #[error("{0}: at least one instance must be started")]
    NoInstances(Address),
    /// The host has been shut down.
    #[error("the host is shut down")]
    ShutDown,
    /// An instance of the component is there already.
    #[error("{0} is already there")]
    AlreadyThere(ComponentId),
    /// There is no such instance.
    #[error("there is no {0}")]
    NotFound(Address),
    /// A call of the host into blocking code did not come back.
    #[error("loading was interrupted")]
    Interrupted,
}

/// Why a typed call with multicodec-prefixed arguments has no result.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InvokeError {
    /// The arguments have no prefix that this host knows, or they or the result are too large.
    #[error("the payload cannot be taken")]
    Codec(#[from] CodecError),
    /// The call itself.
    #[error(transparent)]
    Call(#[from] RequestError),
}
