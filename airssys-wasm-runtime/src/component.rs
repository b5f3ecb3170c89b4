//! Verified components: compiled, and known to be components that this host can link.

use std::sync::Arc;

use wasmtime::component::{Component, InstancePre};
use wasmtime::{CodeBuilder, Engine};

use airssys_wasm_core::ResourceLimits;

use crate::bindings::exports::airssys::core::{handler, health, lifecycle};
use crate::bounds::{MAX_MEMORIES, MAX_TABLES};
use crate::config::WASM_PAGE_BYTES;
use crate::error::RuntimeError;
use crate::host::KnownInterfaces;
use crate::limiter::table_allowance;
use crate::missing::MissingImports;
use crate::pool::PoolShare;
use crate::state::HostState;

/// The interfaces of the world that a component may export.
pub(crate) const LIFECYCLE: &str = "airssys:core/lifecycle@0.1.0";
pub(crate) const HANDLER: &str = "airssys:core/handler@0.1.0";
pub(crate) const HEALTH: &str = "airssys:core/health@0.1.0";

/// A component that is compiled and whose imports the host offers, with the types that it expects.
///
/// Only this can be instantiated: what is unverified cannot be started. A clone shares the code.
#[derive(Clone)]
pub struct VerifiedComponent {
    parts: Arc<Parts>,
}

struct Parts {
    component: Component,
    /// Bytes that all its memories begin with, at least.
    memory: u64,
    pre: InstancePre<HostState>,
    exports: ExportIndices,
}

/// The interfaces of the world that the component exports, each looked up on its own.
#[derive(Clone)]
pub(crate) struct ExportIndices {
    pub(crate) lifecycle: Option<lifecycle::GuestIndices>,
    pub(crate) handler: Option<handler::GuestIndices>,
    pub(crate) health: Option<health::GuestIndices>,
}

impl VerifiedComponent {
    /// Whether it exports `handler`; without it every message is refused with `no-handler`.
    #[must_use]
    pub fn has_handler(&self) -> bool {
        self.parts.exports.handler.is_some()
    }

    /// Whether it exports `lifecycle`.
    #[must_use]
    pub fn has_lifecycle(&self) -> bool {
        self.parts.exports.lifecycle.is_some()
    }

    /// Whether it exports `health`; without it health is judged by traps alone.
    #[must_use]
    pub fn has_health(&self) -> bool {
        self.parts.exports.health.is_some()
    }

    /// Bytes that its largest memory needs at its start, where that can be told before it runs.
    #[must_use]
    pub fn initial_memory_bytes(&self) -> Option<u64> {
        initial_memory_bytes(&self.parts.component)
    }

    /// What one instance of it takes of the engine's pool.
    #[must_use]
    pub fn pool_share(&self) -> PoolShare {
        // What cannot be told is taken as the most that is allowed.
        let most = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        match self.parts.component.resources_required() {
            Some(needs) => PoolShare { instances: 1, memories: needs.num_memories, tables: needs.num_tables },
            None => PoolShare { instances: 1, memories: most(MAX_MEMORIES), tables: most(MAX_TABLES) },
        }
    }

    pub(crate) fn component(&self) -> &Component {
        &self.parts.component
    }

    pub(crate) fn pre(&self) -> &InstancePre<HostState> {
        &self.parts.pre
    }

    pub(crate) fn exports(&self) -> &ExportIndices {
        &self.parts.exports
    }

    /// Checks what can be told before an instance is made, so that the error can say what to change.
    pub(crate) fn fits(&self, limits: &ResourceLimits) -> Result<(), RuntimeError> {
        fits(&self.parts.component, self.parts.memory, limits.max_memory_bytes())
    }
}

/// Checks what a component needs at its start against a limit of memory, and the tables that go with it.
fn fits(component: &Component, all_memories: u64, max_memory_bytes: u64) -> Result<(), RuntimeError> {
    let memory = initial_memory_bytes(component).unwrap_or(0).max(all_memories);
    let needs = component.resources_required();
    let elements = needs.and_then(|needs| needs.max_initial_table_size).unwrap_or(0);
    check_needs(memory, elements, max_memory_bytes)
}

/// As [`fits`](VerifiedComponent::fits), of what is known before it is compiled: the bytes of the largest memory and
/// the elements of the largest table, whether or not they are instantiated.
pub(crate) fn check_needs(memory: u64, elements: u64, max_memory_bytes: u64) -> Result<(), RuntimeError> {
    if memory > max_memory_bytes {
        return Err(RuntimeError::NeedsMoreMemory { needed_bytes: memory, max_bytes: max_memory_bytes });
    }
    let allowed = table_allowance(max_memory_bytes) as u64;
    if elements > allowed {
        return Err(RuntimeError::NeedsLargerTable { needed_elements: elements, max_elements: allowed });
    }
    Ok(())
}

/// Bytes that the largest memory has at its start; the engine counts them in pages.
pub(crate) fn initial_memory_bytes(component: &Component) -> Option<u64> {
    let pages = component.resources_required().and_then(|needs| needs.max_initial_memory_size)?;
    Some(pages.saturating_mul(WASM_PAGE_BYTES))
}

impl std::fmt::Debug for VerifiedComponent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedComponent")
            .field("has_handler", &self.has_handler())
            .field("has_lifecycle", &self.has_lifecycle())
            .field("has_health", &self.has_health())
            .finish()
    }
}

/// Compiles what was counted before.
pub(crate) fn compile(engine: &Engine, wasm: &[u8]) -> Result<Component, RuntimeError> {
    CodeBuilder::new(engine)
        .wasm_binary(wasm, None)
        .and_then(|builder| builder.compile_component())
        .map_err(|error| RuntimeError::InvalidComponent(error.into()))
}

/// Links `component`, whose memories begin with so many bytes in all, against what the host offers.
pub(crate) fn link(
    component: Component,
    memory: u64,
    linker: &wasmtime::component::Linker<HostState>,
    known: &KnownInterfaces,
) -> Result<VerifiedComponent, RuntimeError> {
    let pre = match linker.instantiate_pre(&component) {
        Ok(pre) => pre,
        Err(error) => {
            let missing = known.missing(&component);
            return Err(if missing.is_empty() {
                RuntimeError::IncompatibleInterface {
                    interface: "an imported interface".to_owned(),
                    source: error.into(),
                }
            } else {
                RuntimeError::MissingImports(MissingImports::of(missing))
            });
        }
    };
    let exports = ExportIndices {
        lifecycle: export(&component, LIFECYCLE, || lifecycle::GuestIndices::new(&pre))?,
        handler: export(&component, HANDLER, || handler::GuestIndices::new(&pre))?,
        health: export(&component, HEALTH, || health::GuestIndices::new(&pre))?,
    };
    Ok(VerifiedComponent { parts: Arc::new(Parts { component, memory, pre, exports }) })
}

/// An export that is there must have all its functions, whose types the engine compares at the start; one
/// that is not there is fine.
fn export<T>(
    component: &Component,
    interface: &str,
    indices: impl FnOnce() -> wasmtime::Result<T>,
) -> Result<Option<T>, RuntimeError> {
    if component.get_export_index(None, interface).is_none() {
        return Ok(None);
    }
    indices().map(Some).map_err(|error| RuntimeError::IncompatibleInterface {
        interface: format!("the exported interface {interface}"),
        source: error.into(),
    })
}
