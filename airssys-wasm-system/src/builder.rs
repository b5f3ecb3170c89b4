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
    #[cfg(feature = "unlimited-for-benchmarks")]
    is_unlimited: bool,
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

    /// Makes a host that enforces no limit on its guests: no fuel, no wall clock, no limit of memory or tables,
    /// no message size and no rate. Rights and the bounds of mailboxes stay. It is there to measure what limits
    /// cost, and never for production.
    #[cfg(feature = "unlimited-for-benchmarks")]
    #[must_use]
    pub fn without_limits(mut self) -> Self {
        self.is_unlimited = true;
        self
    }

    /// Makes the host. Actors are spawned on the tokio runtime that starts them; it needs time enabled.
    ///
    /// # Errors
    ///
    /// [`SystemError::Engine`] when the engine cannot be made or an extension fails.
    pub fn build(self) -> Result<Host, SystemError> {
        #[cfg(feature = "unlimited-for-benchmarks")]
        let is_unlimited = self.is_unlimited;
        let Self { ceilings, mut engine, extensions, .. } = self;
        engine.max_memory_bytes = engine.max_memory_bytes.max(ceilings.max_memory_bytes);
        engine.max_component_bytes = ceilings.max_component_bytes;
        #[cfg(feature = "unlimited-for-benchmarks")]
        if is_unlimited {
            let engine = extended(WasmtimeEngine::without_limits(engine), extensions)?;
            return Ok(Host::new(engine, ceilings, |guard| {
                Arc::new(crate::unlimited::Unlimited::new(guard))
            }));
        }
        Ok(Host::new(extended(WasmtimeEngine::new(engine), extensions)?, ceilings, |guard| guard))
    }
}

/// The engine with everything that the embedder adds to it.
fn extended(
    engine: Result<WasmtimeEngine, RuntimeError>,
    extensions: Vec<Extension>,
) -> Result<Arc<WasmtimeEngine>, SystemError> {
    let mut engine = engine.map_err(SystemError::Engine)?;
    for extension in extensions {
        extension(&mut engine).map_err(SystemError::Engine)?;
    }
    Ok(Arc::new(engine))
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
