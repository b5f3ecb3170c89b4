//! The stack of guest code.

use anyhow::{Result, ensure};

use airssys_wasm_core::{EndCause, TrapKind};
use airssys_wasm_runtime::MAX_WASM_STACK_BYTES;

use crate::attack::Attack;
use crate::bare::{self, FUEL};
use crate::guests;
use crate::observation::Observation;
use crate::siege::{ROUNDS, Siege};

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
        let bare = bare::strike("deep_recursion").await?;
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
