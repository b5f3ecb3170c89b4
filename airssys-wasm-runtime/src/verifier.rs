//! From bytes to a verified component: what runs on the threads of the compiler.

use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::bounds::{MAX_FUNCTION_WORK, MAX_WORK_PER_BYTES};
use crate::burden::Burden;
use crate::checkpoints::with_checkpoints;
use crate::component::{VerifiedComponent, check_needs, compile, link};
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

    /// Work that all functions of a component of this size may be together.
    pub(crate) fn max_work(bytes: u64) -> u64 {
        let (units, per_bytes) = MAX_WORK_PER_BYTES;
        (bytes / per_bytes).saturating_mul(units).saturating_add(MAX_FUNCTION_WORK)
    }

    /// The engine would call one that does not fit into its pool not valid, although all that it needs is more
    /// room: that is told before.
    pub(crate) fn verify(&self, wasm: &[u8], burden: Burden) -> Result<VerifiedComponent, RuntimeError> {
        check_needs(burden.largest_memory, burden.largest_table, self.config.max_memory_bytes)?;
        link(self.compile(&self.engine, wasm)?, burden.memory, &self.linker, &self.known)
    }

    /// It may be too large for the pool, and is compiled for an engine that has none.
    pub(crate) fn inspect(&self, wasm: &[u8], _: Burden) -> Result<ComponentReport, RuntimeError> {
        let engine = Engine::new(&self.config.to_unpooled(self.enforcement))
            .map_err(|error| RuntimeError::EngineCreation(error.into()))?;
        let component = self.compile(&engine, wasm)?;
        Ok(ComponentReport::of(&component, wasm.len() as u64, self.known.missing(&component)))
    }

    /// With the places where fuel and time are looked at, unless nothing is.
    fn compile(&self, engine: &Engine, wasm: &[u8]) -> Result<Component, RuntimeError> {
        if self.enforcement.is_on() {
            return compile(engine, &with_checkpoints(wasm));
        }
        compile(engine, wasm)
    }
}
