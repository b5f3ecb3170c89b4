//! Traps end the instance that trapped, and nothing else.

use anyhow::{Result, bail, ensure};

use airssys_wasm_core::{EndCause, TrapKind};

use crate::attack::Attack;
use crate::guests;
use crate::observation::Observation;
use crate::siege::{ROUNDS, Siege};

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "a trap by giving up",
        key: "isolation",
        guest: "unreachable",
        unit: "siblings ended",
        measure: || Box::pin(trapped("unreachable", TrapKind::Unreachable)),
    },
    Attack {
        limit: "a trap by arithmetic",
        key: "isolation",
        guest: "divide_by_zero",
        unit: "siblings ended",
        measure: || Box::pin(trapped("divide_by_zero", TrapKind::Arithmetic)),
    },
];

async fn trapped(guest: &'static str, expected: TrapKind) -> Result<Observation> {
    let siege = Siege::lay(guests::component(guest)?).await?;
    let mut observation = Observation::of(0);
    for _ in 0..ROUNDS {
        let strike = siege.strike("attack").await?;
        let EndCause::Trap { kind, backtrace } = strike.cause else { bail!("ended by {}", strike.cause) };
        ensure!(kind == expected, "reported as {}", kind.as_str());
        ensure!(!backtrace.is_empty(), "without a backtrace");
        observation.add(siege.sibling()?.restarts);
    }
    ensure!(siege.status()?.kills.trap == ROUNDS as u64, "the kills are not counted");
    siege.lift().await;
    Ok(observation)
}
