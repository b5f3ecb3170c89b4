//! An instance without an actor, whose gauge, fuel and log can be read after its end.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};

use airssys_wasm_core::{ComponentId, EndCause, FuelMetrics, MemoryMetrics, ResourceLimits};
use airssys_wasm_runtime::{
    ComponentInstance, EngineConfig, InstancePorts, InstanceSetup, RuntimeError, WasmtimeEngine,
};

use crate::guests::{self, MEMORY_BYTES};

/// Fuel of each of its calls.
pub(crate) const FUEL: u64 = 1_000_000_000;

/// What an attack came to.
pub(crate) struct BareStrike {
    pub(crate) cause: EndCause,
    pub(crate) fuel: FuelMetrics,
    pub(crate) memory: MemoryMetrics,
}

/// Attacks an isolated instance, which must end by it.
pub(crate) async fn strike(guest: &str) -> Result<BareStrike> {
    strike_with(guest, FUEL, InstancePorts::isolated()).await
}

/// As [`strike`], with the instance's fuel and ways to the outside.
pub(crate) async fn strike_with(guest: &str, fuel: u64, ports: InstancePorts) -> Result<BareStrike> {
    let mut instance = start(guest, limits(MEMORY_BYTES, fuel)?, ports).await??;
    let gauge = instance.memory_gauge();
    match instance.handle_message("host/attack", None, &"attack".into()).await {
        Ok(_) => bail!("{guest} carried on"),
        Err(failure) => {
            ensure!(!instance.is_live(), "the instance could be entered again");
            Ok(BareStrike { cause: failure.cause, fuel: failure.fuel, memory: gauge.read() })
        }
    }
}

/// Limits of `memory` bytes, and of `fuel` units for each call.
pub(crate) fn limits(memory: u64, fuel: u64) -> Result<ResourceLimits> {
    let limits = ResourceLimits::builder().memory_bytes(memory).max_fuel(fuel).execution_timeout_ms(20_000);
    Ok(limits.build()?)
}

/// Starts an instance; the outer error says that the attack could not be tried.
pub(crate) async fn start(
    guest: &str,
    limits: ResourceLimits,
    ports: InstancePorts,
) -> Result<Result<ComponentInstance, RuntimeError>> {
    let config = EngineConfig { max_instances: 1, ..EngineConfig::default() };
    let engine = Arc::new(WasmtimeEngine::new(config)?);
    let wasm = guests::bytes(guest)?;
    let verifier = Arc::clone(&engine);
    // Compiling takes processor time, so that it must not sit on a thread that serves others.
    let component = tokio::task::spawn_blocking(move || verifier.verify(&wasm)).await??;
    let mut setup = InstanceSetup::new(ComponentId::new("attack", "bare", "0")?, limits);
    setup.ports = ports;
    Ok(engine.start(&component, setup).await.map(|started| started.value))
}
