//! What a host is made of.

use std::sync::Arc;
use std::time::Duration;

use airssys_wasm_core::Ceilings;
use airssys_wasm_runtime::{EngineConfig, RuntimeError, WasmtimeEngine};

use crate::error::SystemError;
use crate::host::Host;

type Extension = Box<dyn FnOnce(&mut WasmtimeEngine) -> Result<(), RuntimeError> + Send>;

/// Makes a [`Host`]. Everything is optional.
#[derive(Default)]
pub struct HostBuilder {
    ceilings: Ceilings,
    engine: EngineConfig,
    extensions: Vec<Extension>,
}

impl HostBuilder {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// What any component may ask for at most.
    #[must_use]
    pub fn ceilings(mut self, ceilings: Ceilings) -> Self {
        self.ceilings = ceilings;
        self
    }

    /// The highest memory limit of any component in bytes, where single components may have more than the
    /// host's ceiling: address space is reserved for it.
    #[must_use]
    pub fn max_memory_bytes(mut self, bytes: u64) -> Self {
        self.engine.max_memory_bytes = bytes;
        self
    }

    /// How many instances live at a time; 1,000 by default.
    #[must_use]
    pub fn max_instances(mut self, count: u32) -> Self {
        self.engine.max_instances = count;
        self
    }

    /// How often a running guest is looked at; 1 ms by default, and at least 100 µs. A finer tick ends calls closer
    /// to their time and shares the processors more evenly, for some of their time.
    #[must_use]
    pub fn tick(mut self, period: Duration) -> Self {
        self.engine.tick = period;
        self
    }

    /// Adds host interfaces of the embedder's own, before any component is loaded.
    #[must_use]
    pub fn extend(
        mut self,
        extension: impl FnOnce(&mut WasmtimeEngine) -> Result<(), RuntimeError> + Send + 'static,
    ) -> Self {
        self.extensions.push(Box::new(extension));
        self
    }

    /// Makes the host. Actors are spawned on the tokio runtime that starts them; it needs time enabled.
    ///
    /// # Errors
    ///
    /// [`SystemError::Engine`] when the engine cannot be made or an extension fails.
    pub fn build(self) -> Result<Host, SystemError> {
        let Self { ceilings, mut engine, extensions } = self;
        engine.max_memory_bytes = engine.max_memory_bytes.max(ceilings.max_memory_bytes);
        engine.max_component_bytes = ceilings.max_component_bytes;
        let mut engine = WasmtimeEngine::new(engine).map_err(SystemError::Engine)?;
        for extension in extensions {
            extension(&mut engine).map_err(SystemError::Engine)?;
        }
        Ok(Host::new(Arc::new(engine), ceilings))
    }
}

impl std::fmt::Debug for HostBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostBuilder")
            .field("ceilings", &self.ceilings)
            .field("engine", &self.engine)
            .field("extensions", &self.extensions.len())
            .finish()
    }
}
