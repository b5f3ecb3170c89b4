//! Starting: instantiation and `initialize` have a budget of their own.

use anyhow::{Result, bail, ensure};

use airssys_wasm_core::EndCause;
use airssys_wasm_runtime::RuntimeError;
use airssys_wasm_system::Component;

use crate::attack::Attack;
use crate::guests;
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

fn cause(error: RuntimeError) -> Result<EndCause> {
    match error {
        RuntimeError::InstantiationFailed(failure) => Ok(failure.cause),
        other => Err(anyhow::Error::new(other).context("refused before it ran")),
    }
}
