//! Starting: instantiation and `initialize` have a budget of their own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use airssys_wasm_core::{ComponentId, EndCause, TrapKind};
use airssys_wasm_runtime::{Budget, EngineConfig, InstanceSetup, RuntimeError, WasmtimeEngine};
use airssys_wasm_system::Component;

use crate::attack::Attack;
use crate::bare;
use crate::guests::{self, MEMORY_BYTES};
use crate::observation::{Figure, Observation};
use crate::siege::{Field, LATE_MS, ROUNDS};

use super::processor::milliseconds;

const START_FUEL: u64 = 1_000_000;
const FUEL_TO_SPARE: u64 = 10_000_000_000;
const START_TIMEOUT_MS: u64 = 50;
const TIME_TO_SPARE_MS: u64 = 20_000;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "fuel of initialize",
        key: "lifecycle.start_fuel",
        guest: "loop_in_initialize",
        unit: "fuel units",
        measure: || Box::pin(fuel("loop_in_initialize")),
    },
    Attack {
        limit: "wall clock of initialize",
        key: "lifecycle.start_timeout_ms",
        guest: "loop_in_initialize",
        unit: "ms from start to refusal",
        measure: || Box::pin(time("loop_in_initialize")),
    },
    Attack {
        limit: "fuel of a start function",
        key: "lifecycle.start_fuel",
        guest: "start_function_loops",
        unit: "fuel units",
        measure: || Box::pin(fuel("start_function_loops")),
    },
    Attack {
        limit: "wall clock of a start function",
        key: "lifecycle.start_timeout_ms",
        guest: "start_function_loops",
        unit: "ms from start to refusal",
        measure: || Box::pin(time("start_function_loops")),
    },
    Attack {
        limit: "a trap in a start function",
        key: "isolation",
        guest: "start_function_traps",
        unit: "instances started",
        measure: || Box::pin(trap("start_function_traps", TrapKind::Unreachable)),
    },
    Attack {
        limit: "a data segment beyond the memory",
        key: "isolation",
        guest: "data_segment_past_memory",
        unit: "instances started",
        measure: || Box::pin(trap("data_segment_past_memory", TrapKind::MemoryOutOfBounds)),
    },
    Attack {
        limit: "wall clock of a poll that never fires",
        key: "lifecycle.start_timeout_ms",
        guest: "poll_that_never_fires",
        unit: "ms from start to refusal",
        measure: || Box::pin(time("poll_that_never_fires")),
    },
    Attack {
        limit: "fuel of reads that block",
        key: "lifecycle.start_fuel",
        guest: "blocking_read",
        unit: "fuel units",
        measure: || Box::pin(fuel("blocking_read")),
    },
    Attack {
        limit: "wall clock of reads that block",
        key: "lifecycle.start_timeout_ms",
        guest: "blocking_read",
        unit: "ms from start to refusal",
        measure: || Box::pin(time("blocking_read")),
    },
    Attack {
        limit: "wall clock of calls of a standard interface in a row",
        key: "lifecycle.start_timeout_ms",
        guest: "output_in_a_row",
        unit: "ms from start to refusal",
        measure: || Box::pin(time_alone("output_in_a_row")),
    },
    Attack {
        limit: "wall clock of numbers asked for on the way back from a recursion",
        key: "lifecycle.start_timeout_ms",
        guest: "numbers_in_a_row",
        unit: "ms from start to refusal",
        measure: || Box::pin(time_alone("numbers_in_a_row")),
    },
];

fn component(guest: &str, fuel: u64, timeout_ms: u64) -> Result<Component> {
    let mut manifest = guests::manifest(guest)?;
    manifest.lifecycle.start_fuel = fuel;
    manifest.lifecycle.start_timeout_ms = timeout_ms;
    Ok(Component::from_manifest(manifest, guests::file(guest)))
}

async fn fuel(guest: &'static str) -> Result<Observation> {
    let field = Field::new().await?;
    let mut observation = Observation::of(START_FUEL).never_less();
    for _ in 0..ROUNDS {
        let refusal = field.refuse(component(guest, START_FUEL, TIME_TO_SPARE_MS)?).await?;
        let EndCause::OutOfFuel(fuel) = cause(refusal.error)? else { bail!("not ended for want of fuel") };
        ensure!(refusal.started == 0, "{} instances were made", refusal.started);
        observation.add(fuel.consumed());
    }
    field.clear().await;
    Ok(observation)
}

async fn time(guest: &'static str) -> Result<Observation> {
    let field = Field::new().await?;
    let mut observation = Observation::of(START_TIMEOUT_MS).never_less().tolerating(LATE_MS);
    for _ in 0..ROUNDS {
        let refusal = field.refuse(component(guest, FUEL_TO_SPARE, START_TIMEOUT_MS)?).await?;
        let EndCause::Timeout { timeout_ms, fuel_consumed } = cause(refusal.error)? else {
            bail!("not ended by its time")
        };
        ensure!(timeout_ms == START_TIMEOUT_MS, "the report speaks of {timeout_ms} ms");
        ensure!(fuel_consumed > 0, "the report claims that no fuel was used");
        ensure!(refusal.started == 0, "{} instances were made", refusal.started);
        observation.add(Figure(milliseconds(refusal.elapsed)));
    }
    field.clear().await;
    Ok(observation
        .noting(format!("verdict allows {LATE_MS} ms over; loading and compiling are in the figure")))
}

/// As [`time`], of a guest that takes long to compile: that is done before.
async fn time_alone(guest: &'static str) -> Result<Observation> {
    let engine = Arc::new(WasmtimeEngine::new(EngineConfig { max_instances: 1, ..EngineConfig::default() })?);
    let (wasm, verifier) = (guests::bytes(guest)?, Arc::clone(&engine));
    let component = tokio::task::spawn_blocking(move || verifier.verify(&wasm)).await??;
    let mut observation = Observation::of(START_TIMEOUT_MS).never_less().tolerating(LATE_MS);
    for _ in 0..ROUNDS {
        let limits = bare::limits(MEMORY_BYTES, FUEL_TO_SPARE)?;
        let mut setup = InstanceSetup::new(ComponentId::new("attack", "start", "0")?, limits);
        setup.start = Budget { fuel: Some(FUEL_TO_SPARE), timeout: Duration::from_millis(START_TIMEOUT_MS) };
        let began = Instant::now();
        let Err(error) = engine.start(&component, setup).await else { bail!("it was started") };
        let elapsed = began.elapsed();
        let cause = cause(error)?;
        let EndCause::Timeout { .. } = cause else { bail!("ended by {cause}") };
        observation.add(Figure(milliseconds(elapsed)));
    }
    Ok(observation.noting(format!("verdict allows {LATE_MS} ms over")))
}

async fn trap(guest: &'static str, expected: TrapKind) -> Result<Observation> {
    let field = Field::new().await?;
    let mut observation = Observation::of(0);
    for _ in 0..ROUNDS {
        let refusal = field.refuse(guests::component(guest)?).await?;
        let cause = cause(refusal.error)?;
        let EndCause::Trap { kind, .. } = cause else { bail!("ended by {cause}") };
        ensure!(kind == expected, "reported as {}", kind.as_str());
        observation.add(refusal.started);
    }
    field.clear().await;
    Ok(observation)
}

fn cause(error: RuntimeError) -> Result<EndCause> {
    match error {
        RuntimeError::InstantiationFailed(failure) => Ok(failure.cause),
        other => Err(anyhow::Error::new(other).context("refused before it ran")),
    }
}
