//! From bytes to a verified component: what runs on the threads of the compiler.

use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::bounds::{MAX_FUNCTION_WORK, MAX_WORK_PER_BYTES};
use crate::component::{VerifiedComponent, compile, fits, link};
use crate::config::EngineConfig;
use crate::enforcement::Enforcement;
use crate::error::RuntimeError;
use crate::host::KnownInterfaces;
use crate::inspection::ComponentReport;
use crate::state::HostState;

/// Compiles and links for one engine.
#[derive(Clone)]
pub(crate) struct Verifier {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<HostState>,
    pub(crate) known: KnownInterfaces,
    pub(crate) config: EngineConfig,
    pub(crate) enforcement: Enforcement,
}

impl Verifier {
    /// Refuses what is too large, before anything else is done with it.
    pub(crate) fn check_size(&self, bytes: u64) -> Result<(), RuntimeError> {
        let max_bytes = self.config.max_component_bytes;
        if bytes > max_bytes { Err(RuntimeError::TooLarge { bytes, max_bytes }) } else { Ok(()) }
    }

    /// Work that all functions of a component may be together: in proportion to how large it may be.
    pub(crate) fn max_work(&self) -> u64 {
        let (units, bytes) = MAX_WORK_PER_BYTES;
        (self.config.max_component_bytes / bytes).saturating_mul(units).max(MAX_FUNCTION_WORK)
    }

    pub(crate) fn verify(&self, wasm: &[u8]) -> Result<VerifiedComponent, RuntimeError> {
        let component = match compile(&self.engine, wasm) {
            Err(RuntimeError::InvalidComponent(source)) => return Err(self.refusal(wasm, source)),
            compiled => compiled?,
        };
        link(component, &self.linker, &self.known)
    }

    pub(crate) fn inspect(&self, wasm: &[u8]) -> Result<ComponentReport, RuntimeError> {
        let component = match compile(&self.engine, wasm) {
            // Perhaps it is only too large for the pool of this host; else the error is the same again.
            Err(RuntimeError::InvalidComponent(_)) => self.compile_unpooled(wasm)?,
            compiled => compiled?,
        };
        Ok(ComponentReport::of(&component, wasm.len() as u64, self.known.missing(&component)))
    }

    /// Why a component is refused. The engine calls one that does not fit into its pool not valid, although
    /// all that it needs is more room.
    fn refusal(&self, wasm: &[u8], source: Box<dyn std::error::Error + Send + Sync>) -> RuntimeError {
        self.compile_unpooled(wasm)
            .ok()
            .and_then(|component| fits(&component, self.config.max_memory_bytes).err())
            .unwrap_or(RuntimeError::InvalidComponent(source))
    }

    /// Compiles what need not fit into the pool, to tell what it needs.
    fn compile_unpooled(&self, wasm: &[u8]) -> Result<Component, RuntimeError> {
        let engine = Engine::new(&self.config.to_unpooled(self.enforcement))
            .map_err(|error| RuntimeError::EngineCreation(error.into()))?;
        compile(&engine, wasm)
    }
}
