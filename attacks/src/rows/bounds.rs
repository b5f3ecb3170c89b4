//! The fixed bounds on what a guest can make the host hold.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};

use airssys_wasm_core::EndCause;
use airssys_wasm_runtime::{
    InstancePorts, MAX_RANDOM_BYTES, MAX_RESOURCES, MAX_TABLE_ELEMENTS, RuntimeError,
};

use crate::attack::Attack;
use crate::bare::{self, FUEL};
use crate::guests::{self, MEMORY_BYTES};
use crate::log_meter::RecordMeter;
use crate::observation::Observation;
use crate::siege::{ROUNDS, SIBLING, Siege};

/// By how much `random_bytes` asks for more each time.
const RANDOM_STEP_BYTES: u64 = 1_024;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "table elements, all tables together",
        key: "MAX_TABLE_ELEMENTS",
        guest: "grow_tables",
        unit: "elements, by the guest's own count",
        measure: || Box::pin(tables()),
    },
    Attack {
        limit: "handles of the host",
        key: "MAX_RESOURCES",
        guest: "hoard_peers",
        unit: "peers held",
        measure: || Box::pin(peers()),
    },
    Attack {
        limit: "random bytes per call",
        key: "MAX_RANDOM_BYTES",
        guest: "random_bytes",
        unit: "bytes in one call",
        measure: || Box::pin(random()),
    },
];

async fn tables() -> Result<Observation> {
    let siege = Siege::lay(guests::component("grow_tables")?.max_fuel(100_000_000)).await?;
    let mut observation = Observation::of(MAX_TABLE_ELEMENTS as u64);
    for _ in 0..ROUNDS {
        let reply = siege.probe("attack").await?;
        let elements = u64::from_le_bytes(reply.as_slice().try_into().context("the reply is not a number")?);
        ensure!(elements > MAX_TABLE_ELEMENTS as u64 / 2, "only {elements} elements were to be had");
        observation.add(elements);
    }
    siege.lift().await;
    Ok(observation.noting("grown 50 elements at a time; the component's own small tables count as well"))
}

/// The guest sends one message through each peer that it holds, and the host counts what became of it.
async fn peers() -> Result<Observation> {
    let component = guests::component("hoard_peers")?.max_fuel(10_000_000_000).timeout_ms(20_000);
    let siege = Siege::lay(component.send_to(SIBLING.parse()?)).await?;
    let mut observation = Observation::of(MAX_RESOURCES as u64);
    for _ in 0..ROUNDS {
        let reply = siege.probe(SIBLING).await?;
        let held: u64 = std::str::from_utf8(&reply)?.parse()?;
        ensure!(held > MAX_RESOURCES as u64 / 2, "only {held} peers were to be had");
        observation.add(held);
    }
    siege.lift().await;
    Ok(observation.noting("every further one is refused as quota-exceeded, and the component goes on"))
}

/// The guest writes a record to the log after each call that was answered.
async fn random() -> Result<Observation> {
    let mut observation = Observation::of(MAX_RANDOM_BYTES).never_less();
    for _ in 0..ROUNDS {
        let meter = Arc::new(RecordMeter::default());
        let ports = InstancePorts { log: meter.clone(), ..InstancePorts::isolated() };
        let limits = bare::limits(MEMORY_BYTES, FUEL)?;
        match bare::start("random_bytes", limits, ports).await? {
            Err(RuntimeError::InstantiationFailed(failure)) => {
                let cause = failure.cause;
                ensure!(matches!(cause, EndCause::HostLimit { .. }), "ended by {cause}");
            }
            Err(other) => bail!("refused with {other:?}"),
            Ok(_) => bail!("it got all that it asked for"),
        }
        observation.add(meter.records() * RANDOM_STEP_BYTES);
    }
    Ok(observation.noting("in steps of 1 KiB; counted by the guest's log records; ended by host limit"))
}
