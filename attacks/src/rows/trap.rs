//! Traps end the instance that trapped, and nothing else.

use anyhow::{Result, bail, ensure};

use airssys_wasm_core::{EndCause, TrapKind};

use crate::attack::Attack;
use crate::guests;
use crate::observation::Observation;
use crate::siege::{ROUNDS, Siege, Strike};

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "a trap by giving up",
        key: "isolation",
        guest: "unreachable",
        unit: "instances ended by an attack",
        measure: || Box::pin(trapped("unreachable", TrapKind::Unreachable)),
    },
    Attack {
        limit: "a trap by arithmetic",
        key: "isolation",
        guest: "divide_by_zero",
        unit: "instances ended by an attack",
        measure: || Box::pin(trapped("divide_by_zero", TrapKind::Arithmetic)),
    },
];

async fn trapped(guest: &'static str, expected: TrapKind) -> Result<Observation> {
    let siege = Siege::lay(guests::component(guest)?).await?;
    let mut observation = Observation::of(1).never_less();
    for _ in 0..ROUNDS {
        let Strike { cause, ended, .. } = siege.strike("attack").await?;
        let EndCause::Trap { kind, backtrace } = cause else { bail!("ended by {cause}") };
        ensure!(kind == expected, "reported as {}", kind.as_str());
        ensure!(!backtrace.is_empty(), "without a backtrace");
        observation.add(ended);
    }
    ensure!(siege.status()?.kills.trap == ROUNDS as u64, "the kills are not counted");
    siege.lift().await;
    Ok(observation)
}
