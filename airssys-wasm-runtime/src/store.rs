//! Makes every store of the house, so that none is without its limits.

use wasmtime::{Engine, Store};

use airssys_wasm_core::ResourceLimits;

use crate::bounds::{FUEL_INTERVAL, HOSTCALL_SLACK_BYTES, MAX_COMPONENT_HANDLES, MAX_GUEST_MESSAGE_BYTES};
use crate::deadline::watch_ticks;
use crate::error::RuntimeError;
use crate::limiter::apply_limits_to_store;
use crate::state::HostState;

/// Makes stores with every limit in place: memory and tables, fuel, ticks, copies and handles.
#[derive(Debug, Clone)]
pub struct StoreManager {
    engine: Engine,
}

impl StoreManager {
    pub(crate) fn new(engine: &Engine) -> Self {
        Self { engine: engine.clone() }
    }

    pub(crate) fn create(
        &self,
        state: HostState,
        limits: &ResourceLimits,
    ) -> Result<Store<HostState>, RuntimeError> {
        let mut store = Store::new(&self.engine, state);
        apply_limits_to_store(&mut store, limits)?;
        watch_ticks(&mut store);
        // Brings the count of a running guest up to date, so that a call that ends by time does not
        // report a figure from its beginning.
        store
            .fuel_async_yield_interval(Some(FUEL_INTERVAL))
            .map_err(|error| RuntimeError::EngineCreation(error.into()))?;
        store.set_hostcall_fuel(hostcall_allowance(limits));
        store.set_max_component_handles(MAX_COMPONENT_HANDLES);
        Ok(store)
    }
}

/// Bytes that one host call may make the host copy: what fits a message and the guest's memory.
fn hostcall_allowance(limits: &ResourceLimits) -> usize {
    let memory = usize::try_from(limits.max_memory_bytes()).unwrap_or(usize::MAX);
    memory.min(MAX_GUEST_MESSAGE_BYTES).saturating_add(HOSTCALL_SLACK_BYTES)
}
