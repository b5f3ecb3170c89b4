//! Errors of loading and running components.

use std::path::PathBuf;

use thiserror::Error;

use airssys_wasm_core::{BadGrants, ComponentHandle, EndCause, ResourceLimitError, WasmError};

use crate::failure::CallFailure;
use crate::missing::MissingImports;

/// Why a component could not be loaded or run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// The engine refuses its configuration, or its thread could not be started.
    #[error("the engine cannot be created")]
    EngineCreation(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The pool would reserve more address space than an engine may.
    #[error(
        "{max_instances} instances of up to {max_memory_bytes} bytes of memory need {needed_bytes} bytes of address \
         space, and at most {max_bytes} are reserved; lower max_instances or max_memory_bytes"
    )]
    AddressSpace {
        /// What it would reserve.
        needed_bytes: u64,
        /// What it may.
        max_bytes: u64,
        /// How many instances it was to be made for.
        max_instances: u32,
        /// The memory limit that it was to be made for.
        max_memory_bytes: u64,
    },
    /// The pool would need more memory mappings than the system allows a process.
    #[error(
        "{max_instances} instances need {needed} memory mappings before the first one runs, and the system allows \
         {max}; lower max_instances or raise vm.max_map_count"
    )]
    Mappings {
        /// What it would need.
        needed: u64,
        /// What the system allows.
        max: u64,
        /// How many instances it was to be made for.
        max_instances: u32,
    },
    /// The file is larger than the host takes.
    #[error(
        "component of {bytes} bytes; at most {max_bytes} are allowed ([host.ceilings] max_component_bytes)"
    )]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The host's ceiling.
        max_bytes: u64,
    },
    /// The compiler itself failed: its threads could not be started, or it panicked.
    #[error("the component could not be compiled for a reason of the host's own")]
    CompilerFailed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It would keep the compiler busy for too long, or make it hold too much memory, although the file is small
    /// enough.
    #[error("the component has {found} {what}; at most {max} are allowed")]
    TooMuchToCompile {
        /// What there is too much of.
        what: &'static str,
        /// How much there is, at least.
        found: u64,
        /// How much is allowed.
        max: u64,
    },
    /// One of its names is too long: the host copies names into what it tells of traps.
    #[error("a name in the component has {bytes} bytes; at most {max_bytes} are allowed")]
    NameTooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        max_bytes: usize,
    },
    /// A component is handed on within it, as an import, an argument or an export, so that what it is made of
    /// cannot be told.
    #[error(
        "the component hands on a component as an {how}, and this host takes none that does; hand on instances and \
         functions instead"
    )]
    HandsOnComponents {
        /// In which way.
        how: &'static str,
    },
    /// A core WebAssembly module.
    #[error(
        "this is a core WebAssembly module, not a component; turn it into one, for example with \
         `wasm-tools component new`"
    )]
    CoreModule,
    /// Not WebAssembly at all.
    #[error("this is not a WebAssembly component: it does not start with the component header")]
    NotWasm,
    /// The file ends in the middle.
    #[error("the component is truncated: it ends inside a section after {bytes} bytes")]
    Truncated {
        /// How long it is.
        bytes: usize,
    },
    /// The engine's validation refuses it.
    #[error("the component is not valid")]
    InvalidComponent(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It imports what the host does not offer; every missing import is listed, up to a bound on what the list holds.
    #[error("the host offers no implementation for {0}")]
    MissingImports(MissingImports),
    /// It imports or exports a known interface with other types than that interface has.
    #[error("{interface} does not have the types of this version")]
    IncompatibleInterface {
        /// Which one, and whether it is imported or exported.
        interface: String,
        /// What differs.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It needs more memory to start than its limit allows.
    #[error(
        "the component needs {needed_bytes} bytes of memory to start and its limit is {max_bytes}; raise \
         [resources.memory] max_bytes to at least that"
    )]
    NeedsMoreMemory {
        /// What it needs.
        needed_bytes: u64,
        /// Its limit.
        max_bytes: u64,
    },
    /// It needs larger tables to start than its limits allow.
    #[error(
        "the component needs a table of {needed_elements} elements to start; at most {max_elements} are allowed"
    )]
    NeedsLargerTable {
        /// What its largest table needs.
        needed_elements: u64,
        /// What its memory limit carries.
        max_elements: u64,
    },
    /// The memory limit is beyond what the engine was made for.
    #[error("a memory limit of {asked_bytes} bytes is beyond the {max_bytes} that this engine was made for")]
    BeyondEngine {
        /// The limit asked for.
        asked_bytes: u64,
        /// What the engine reserves for each memory.
        max_bytes: u64,
    },
    /// The limits contradict themselves.
    #[error("the limits are not valid")]
    InvalidLimits(#[from] ResourceLimitError),
    /// All places of the engine's pool are taken, by instances or by their memories and tables.
    #[error("the pool, made for {max_instances} instances, has no room")]
    PoolExhausted {
        /// How many there are.
        max_instances: u32,
    },
    /// A folder that was granted cannot be opened.
    #[error("{key} names {}, which cannot be opened as a folder", path.display())]
    Folder {
        /// The key that grants it.
        key: &'static str,
        /// The path as it was granted.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// A folder by a path that leads through a link, which somebody may change: a guest, where it lies in a folder
    /// that is written.
    #[error("{key} names {}, which is a link to {real}: name {real}", path.display(), real = real.display())]
    LinkedFolder {
        /// The key that grants it.
        key: &'static str,
        /// The path as it was granted.
        path: PathBuf,
        /// Where it leads.
        real: PathBuf,
    },
    /// A folder that no component may be granted, or one that holds such a folder or lies in it, links followed and
    /// whatever it is mounted as.
    #[error(
        "{key} names {}, and no component may be granted {}, what holds it, or what lies in it",
        path.display(),
        protected.display()
    )]
    ProtectedFolder {
        /// The key that grants it.
        key: &'static str,
        /// The path as it was granted.
        path: PathBuf,
        /// What it would give access to.
        protected: PathBuf,
    },
    /// More rights than a component can be granted, or such as cannot be granted together.
    #[error("these rights cannot be granted together")]
    BadGrants(#[source] BadGrants),
    /// The variables that were granted are too long to be held by every instance.
    #[error(
        "capabilities.environment.variables names {bytes} bytes of names and values, and at most {max} can be granted"
    )]
    LongVariables {
        /// What they have.
        bytes: usize,
        /// What they may have.
        max: usize,
    },
    /// A folder to write that is, or holds, one whose files say what the next start grants and runs.
    #[error(
        "{key} names {}, and whoever writes in {} changes what the next start grants and runs",
        path.display(),
        held.display()
    )]
    FolderOfManifests {
        /// The key that grants it.
        key: &'static str,
        /// The path as it was granted.
        path: PathBuf,
        /// The folder of such files.
        held: PathBuf,
    },
    /// The threads that open folders are gone.
    #[error("there is no thread to open folders")]
    FilesUnavailable,
    /// The instance could not be started.
    #[error("the instance could not be started")]
    InstantiationFailed(#[source] CallFailure),
    /// There is no component with this handle.
    #[error("no component with handle {} ({})", .0.handle_id(), .0.id())]
    ComponentNotFound(ComponentHandle),
    /// The component does not export what the call needs.
    #[error("the component has no {0}")]
    MissingExport(&'static str),
    /// A call ended the instance.
    #[error("the call failed")]
    ExecutionError(#[source] CallFailure),
}

impl From<CallFailure> for WasmError {
    fn from(failure: CallFailure) -> Self {
        match failure.cause {
            EndCause::OutOfFuel(fuel) => Self::out_of_fuel(fuel),
            EndCause::Timeout { timeout_ms, fuel_consumed } => {
                Self::execution_timeout(timeout_ms, fuel_consumed)
            }
            EndCause::OutOfMemory { max_bytes, requested_bytes } => {
                Self::OutOfMemory { max_bytes, requested_bytes }
            }
            EndCause::Trap { kind, backtrace } => Self::Trap { kind, backtrace, source: None },
            EndCause::HostLimit { detail } => Self::HostLimit { reason: detail, source: None },
            EndCause::InitialiseFailed { detail } => Self::InitialiseFailed { reason: detail },
            other => Self::ExecutionFailed { reason: other.to_string(), source: None },
        }
    }
}

impl From<RuntimeError> for WasmError {
    fn from(error: RuntimeError) -> Self {
        match error {
            RuntimeError::EngineCreation(source) | RuntimeError::CompilerFailed(source) => {
                Self::EngineCreation { source }
            }
            RuntimeError::InstantiationFailed(failure) | RuntimeError::ExecutionError(failure) => {
                failure.into()
            }
            RuntimeError::ComponentNotFound(handle) => Self::ComponentNotFound(handle),
            RuntimeError::InvalidLimits(error) => error.into(),
            RuntimeError::NeedsMoreMemory { needed_bytes, max_bytes } => {
                Self::OutOfMemory { max_bytes, requested_bytes: needed_bytes }
            }
            error @ RuntimeError::MissingExport(_) => Self::Unsupported { reason: error.to_string() },
            error @ (RuntimeError::PoolExhausted { .. }
            | RuntimeError::BeyondEngine { .. }
            | RuntimeError::Folder { .. }
            | RuntimeError::LinkedFolder { .. }
            | RuntimeError::ProtectedFolder { .. }
            | RuntimeError::FolderOfManifests { .. }
            | RuntimeError::BadGrants(_)
            | RuntimeError::LongVariables { .. }
            | RuntimeError::FilesUnavailable
            | RuntimeError::AddressSpace { .. }
            | RuntimeError::Mappings { .. }) => {
                Self::InvalidConfiguration { reason: error.to_string(), source: None }
            }
            error => {
                let reason = error.to_string();
                Self::InvalidComponent { reason, source: Some(Box::new(error)) }
            }
        }
    }
}
