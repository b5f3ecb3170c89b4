//! Fuel to the unit: what a call takes is exactly what it needs, and what is told of a trap is not far from it.

use anyhow::{Context, Result, bail, ensure};

use airssys_wasm_core::{EndCause, MessagePayload, TrapKind};
use airssys_wasm_runtime::{ComponentInstance, FUEL_INTERVAL, InstancePorts, VerifiedComponent};

use crate::attack::Attack;
use crate::bare;
use crate::guests::MEMORY_BYTES;
use crate::observation::Observation;
use crate::quarters::{Quarters, is_over};
use crate::siege::ROUNDS;

/// What the guest counts down from, so that a call is far below and far above the interval in which the engine
/// brings its count up to date.
const COUNTS: [u64; ROUNDS] = [1, 100, 10_000, 50_000, 333_333];

/// What the end of a call may cost beside its loop, so that a call that traps takes less than one that returns.
const RETURN_UNITS: u64 = 100;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "the last unit of fuel",
        key: "resources.cpu.max_fuel",
        guest: "count_down",
        unit: "units that a call was short of and succeeded",
        measure: || Box::pin(last_unit()),
    },
    Attack {
        limit: "the fuel that is reported of a trap",
        key: "FUEL_INTERVAL",
        guest: "count_down",
        unit: "units below the truth",
        measure: || Box::pin(trapped()),
    },
];

/// With a unit less than it needs the call ends; with what it needs, and with a unit more, it succeeds.
async fn last_unit() -> Result<Observation> {
    let mut quarters = Quarters::new().await?;
    let component = quarters.admit("count_down").await?;
    let mut observation = Observation::of(0);
    for count in COUNTS {
        let need = need(&mut quarters, &component, count).await?;
        let mut short = None;
        for fuel in [need - 1, need, need + 1] {
            let mut instance = with_fuel(&mut quarters, &component, fuel).await?;
            match instance
                .handle_message("host/attack", None, &MessagePayload::from(&count.to_le_bytes()))
                .await
            {
                Ok(done) => {
                    ensure!(done.fuel.consumed() == need, "{} units, not {need}", done.fuel.consumed());
                    short = short.or(Some(need.saturating_sub(fuel)));
                }
                Err(failure) => {
                    let EndCause::OutOfFuel(told) = failure.cause else {
                        bail!("ended by {}", failure.cause)
                    };
                    ensure!(fuel < need, "ended although {fuel} units are enough");
                    ensure!(told.consumed() == fuel && told.is_exhausted(), "{} are told", told.consumed());
                    is_over(&mut instance).await?;
                }
            }
        }
        quarters.sibling_lives().await?;
        observation.add(short.context("it never succeeded")?);
    }
    Ok(observation.noting(format!("with a unit less than needed, as needed and one more; counts {COUNTS:?}")))
}

async fn trapped() -> Result<Observation> {
    let mut quarters = Quarters::new().await?;
    let component = quarters.admit("count_down").await?;
    let mut observation = Observation::of(FUEL_INTERVAL).tolerating(RETURN_UNITS);
    for count in COUNTS {
        let need = need(&mut quarters, &component, count).await?;
        let mut instance = quarters.isolate(&component).await?;
        let mut order = count.to_le_bytes().to_vec();
        order.push(0);
        let outcome = instance.handle_message("host/attack", None, &order.into()).await;
        let failure = outcome.err().context("it carried on")?;
        let EndCause::Trap { kind, .. } = failure.cause else { bail!("ended by {}", failure.cause) };
        ensure!(kind == TrapKind::Unreachable, "reported as {}", kind.as_str());
        let told = failure.fuel.consumed();
        ensure!(told > 0 && told <= need + RETURN_UNITS, "{told} units are reported of {need}");
        is_over(&mut instance).await?;
        quarters.sibling_lives().await?;
        observation.add(need.saturating_sub(told));
    }
    Ok(observation.noting(format!(
        "against the same call without the trap, whose return costs up to {RETURN_UNITS}; counts {COUNTS:?}"
    )))
}

/// Units that the call takes.
async fn need(quarters: &mut Quarters, component: &VerifiedComponent, count: u64) -> Result<u64> {
    let mut instance = quarters.isolate(component).await?;
    let done =
        instance.handle_message("host/attack", None, &MessagePayload::from(&count.to_le_bytes())).await?;
    let need = done.fuel.consumed();
    ensure!(need > count, "{count} rounds take {need} units");
    Ok(need)
}

async fn with_fuel(
    quarters: &mut Quarters,
    component: &VerifiedComponent,
    fuel: u64,
) -> Result<ComponentInstance> {
    let limits = bare::limits(MEMORY_BYTES, fuel)?;
    Ok(quarters.start(component, limits, "{}", InstancePorts::isolated()).await??)
}
