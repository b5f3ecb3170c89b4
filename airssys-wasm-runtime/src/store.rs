//! Makes every store of the house, so that none is without its limits.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::Resource;
use wasmtime::{Engine, Store};

use airssys_wasm_core::{Ceilings, ResourceLimits};

use crate::bounds::{FUEL_INTERVAL, HOSTCALL_SLACK_BYTES, MAX_COMPONENT_HANDLES, MAX_GUEST_MESSAGE_BYTES};
use crate::call_clock::watch_ticks;
use crate::enforcement::Enforcement;
use crate::engine::WasmtimeEngine;
use crate::error::RuntimeError;
use crate::peer::Peer;
use crate::state::HostState;
use crate::ticker::Ticker;

/// Makes stores with every limit in place.
///
/// Three types are easily confused. [`HostState`] is what the host keeps of one instance. A store holds
/// that state and everything that the guest has. A [`ComponentInstance`](crate::ComponentInstance) owns one
/// store, and refills the budget before each call; whoever calls into a store by other means must apply the
/// limits again before each call.
#[derive(Debug, Clone)]
pub struct StoreManager {
    engine: Engine,
    enforcement: Enforcement,
    ticker: Option<Arc<Ticker>>,
}

impl StoreManager {
    /// Makes stores of this engine.
    #[must_use]
    pub fn new(engine: &WasmtimeEngine) -> Self {
        Self { engine: engine.engine().clone(), enforcement: engine.enforcement(), ticker: engine.ticker() }
    }

    /// A store around `state`, under these limits. The engine's clock ticks as long as the store lives.
    ///
    /// # Errors
    ///
    /// As [`apply_limits_to_store`].
    pub fn create(
        &self,
        state: HostState,
        limits: &ResourceLimits,
    ) -> Result<Store<HostState>, RuntimeError> {
        let mut store = Store::new(&self.engine, state.ticked_by(self.ticker.clone()));
        if self.enforcement.is_on() {
            apply_limits_to_store(&mut store, limits)?;
        }
        Ok(store)
    }
}

/// Puts a store under limits: the sum of its memories and tables, the fuel and the wall clock of its next
/// call, and the engine's bounds on copies and handles.
///
/// Applying again replaces the limits and refills the budget; what the store already holds is counted on.
/// Fuel and wall clock cover guest code; a host call that parks is ended by the timer of
/// [`ComponentInstance`](crate::ComponentInstance) alone.
///
/// # Errors
///
/// [`RuntimeError::InvalidLimits`] when the limits contradict themselves (zero fuel, zero time, less than
/// the smallest memory); ceilings are the caller's policy and were checked when the limits were made.
/// [`RuntimeError::EngineCreation`] for a store of an engine that does not meter.
pub fn apply_limits_to_store(
    store: &mut Store<HostState>,
    limits: &ResourceLimits,
) -> Result<(), RuntimeError> {
    limits.validate(&Ceilings {
        max_memory_bytes: u64::MAX,
        max_fuel: u64::MAX,
        max_timeout_ms: u64::MAX,
        ..Ceilings::default()
    })?;
    let unmetered = |error: wasmtime::Error| RuntimeError::EngineCreation(error.into());
    let state = store.data_mut();
    state.limiter_mut().replace_limit(limits.max_memory_bytes());
    state.set_limits(*limits);
    store.limiter(|state| state.limiter_mut());
    store.set_hostcall_fuel(hostcall_allowance(limits));
    store.set_max_component_handles(MAX_COMPONENT_HANDLES);
    // Unmetered is the most there is, never zero: a store without fuel traps at once.
    let fuel = limits.max_fuel_per_execution().unwrap_or(u64::MAX);
    refill(store, fuel, Duration::from_millis(limits.execution_timeout_ms())).map_err(unmetered)?;
    // Brings the count of a running guest up to date, so that a call that ends by time does not report a
    // figure from its beginning.
    store.fuel_async_yield_interval(Some(FUEL_INTERVAL)).map_err(unmetered)?;
    watch_ticks(store);
    Ok(())
}

/// Refills the budget for a call that is about to begin. Fails where the engine does not meter.
pub(crate) fn refill(store: &mut Store<HostState>, fuel: u64, timeout: Duration) -> wasmtime::Result<()> {
    store.set_fuel(fuel)?;
    store.set_epoch_deadline(1);
    let state = store.data_mut();
    state.clock_mut().begin(timeout);
    state.limiter_mut().begin_call();
    Ok(())
}

/// Whether the guest holds as many component-model handles as it may. For a store that is about to be dropped.
///
/// The engine tells its bound by a plain message, which nobody can tell from a value in a wrong form. But nobody can
/// make a handle any more there, the host no more than the guest, until the bound is raised: so that is tried.
pub(crate) fn has_no_handle_left(store: &mut Store<HostState>) -> bool {
    let mut can_make = || Resource::<Peer>::new_own(0).try_into_resource_any(&mut *store).is_ok();
    if can_make() {
        return false;
    }
    store.set_max_component_handles(usize::MAX);
    Resource::<Peer>::new_own(0).try_into_resource_any(store).is_ok()
}

/// Bytes that one host call may make the host copy: what fits a message and the guest's memory.
pub(crate) fn hostcall_allowance(limits: &ResourceLimits) -> usize {
    let memory = usize::try_from(limits.max_memory_bytes()).unwrap_or(usize::MAX);
    memory.min(MAX_GUEST_MESSAGE_BYTES).saturating_add(HOSTCALL_SLACK_BYTES)
}
