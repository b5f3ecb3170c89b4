//! The stack of guest code.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};

use airssys_wasm_core::{ComponentId, EndCause, FuelMetrics, MemoryMetrics, ResourceLimits, TrapKind};
use airssys_wasm_runtime::{EngineConfig, InstanceSetup, MAX_WASM_STACK_BYTES, WasmtimeEngine};

use crate::attack::Attack;
use crate::guests::{self, MEMORY_BYTES};
use crate::observation::Observation;
use crate::siege::{ROUNDS, Siege};

const FUEL: u64 = 1_000_000_000;
/// Fuel that one level of `deep_recursion` costs: five instructions and the call's own unit.
const FUEL_PER_LEVEL: u64 = 6;
/// The least that a level takes of the stack: a return address and a frame pointer.
const BYTES_PER_LEVEL: u64 = 16;

pub(super) const ATTACKS: &[Attack] = &[Attack {
    limit: "stack of guest code",
    key: "MAX_WASM_STACK_BYTES",
    guest: "deep_recursion",
    unit: "bytes at least",
    measure: || Box::pin(recursion()),
}];

async fn recursion() -> Result<Observation> {
    let siege = Siege::lay(guests::component("deep_recursion")?.max_fuel(FUEL)).await?;
    let mut observation = Observation::of(MAX_WASM_STACK_BYTES as u64);
    for _ in 0..ROUNDS {
        check_overflow(&siege.strike("attack").await?.cause)?;
        let bare = strike_bare("deep_recursion").await?;
        check_overflow(&bare.cause)?;
        let levels = bare.fuel.consumed() / FUEL_PER_LEVEL;
        ensure!(levels > 0, "no fuel was used");
        observation.add(levels * BYTES_PER_LEVEL);
    }
    ensure!(siege.status()?.kills.trap == ROUNDS as u64, "the kills are not counted");
    siege.lift().await;
    Ok(observation.noting(format!(
        "a lower bound: {BYTES_PER_LEVEL} bytes for each {FUEL_PER_LEVEL} units of fuel used until the overflow"
    )))
}

fn check_overflow(cause: &EndCause) -> Result<()> {
    ensure!(matches!(cause, EndCause::Trap { kind: TrapKind::StackOverflow, .. }), "ended by {cause}");
    Ok(())
}

/// What an attack on an instance without an actor came to.
pub(super) struct BareStrike {
    pub(super) cause: EndCause,
    pub(super) fuel: FuelMetrics,
    pub(super) memory: MemoryMetrics,
}

/// Attacks through an instance without an actor, whose gauge and fuel can be read after its end.
pub(super) async fn strike_bare(guest: &str) -> Result<BareStrike> {
    let config = EngineConfig { max_instances: 1, ..EngineConfig::default() };
    let engine = Arc::new(WasmtimeEngine::new(config)?);
    let wasm = guests::bytes(guest)?;
    let verifier = Arc::clone(&engine);
    // Compiling takes processor time, so that it must not sit on a thread that serves others.
    let component = tokio::task::spawn_blocking(move || verifier.verify(&wasm)).await??;
    let limits = ResourceLimits::builder()
        .memory_bytes(MEMORY_BYTES)
        .max_fuel(FUEL)
        .execution_timeout_ms(20_000)
        .build()?;
    let id = ComponentId::new("attack", "bare", "0")?;
    let mut instance = engine.start(&component, InstanceSetup::new(id, limits)).await?.value;
    let gauge = instance.memory_gauge();
    match instance.handle_message("host/attack", None, &"attack".into()).await {
        Ok(_) => bail!("{guest} carried on"),
        Err(failure) => {
            ensure!(!instance.is_live(), "the instance could be entered again");
            Ok(BareStrike { cause: failure.cause, fuel: failure.fuel, memory: gauge.read() })
        }
    }
}
