//! Linear memory: the sum over all memories, at growth and at instantiation.

use anyhow::{Context, Result, bail, ensure};

use airssys_wasm_core::EndCause;
use airssys_wasm_runtime::{InstancePorts, RuntimeError};
use airssys_wasm_system::Component;

use crate::attack::Attack;
use crate::bare::{self, FUEL};
use crate::guests::{self, MEMORY_BYTES};
use crate::observation::Observation;
use crate::siege::{Field, ROUNDS, Siege};

/// What `two_memories_too_big` begins with, in bytes: each half of it is below [`MEMORY_BYTES`].
const INITIAL_BYTES: u64 = 3 << 20;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "memory at growth, then a trap",
        key: "resources.memory.max_bytes",
        guest: "grow_past_limit",
        unit: "bytes at peak",
        measure: || Box::pin(past_limit("grow_past_limit")),
    },
    Attack {
        limit: "memory at growth, carrying on",
        key: "resources.memory.max_bytes",
        guest: "grow_tolerant",
        unit: "bytes, by the guest's own count",
        measure: || Box::pin(tolerant("grow_tolerant", "attack")),
    },
    Attack {
        limit: "memory at growth by the largest jumps",
        key: "resources.memory.max_bytes",
        guest: "grow_by_jump",
        unit: "bytes, by the guest's own count",
        measure: || Box::pin(tolerant("grow_by_jump", "attack")),
    },
    Attack {
        limit: "memory at growth, filled from data segments",
        key: "resources.memory.max_bytes",
        guest: "grow_by_data_segments",
        unit: "bytes at peak",
        measure: || Box::pin(past_limit("grow_by_data_segments")),
    },
    Attack {
        limit: "memory as the sum over memories",
        key: "resources.memory.max_bytes",
        guest: "many_memories",
        unit: "bytes at peak",
        measure: || Box::pin(past_limit("many_memories")),
    },
    Attack {
        limit: "memory as the sum, carrying on",
        key: "resources.memory.max_bytes",
        guest: "many_memories",
        unit: "bytes, by the guest's own count",
        measure: || Box::pin(tolerant("many_memories", "tolerant")),
    },
    Attack {
        limit: "memory at instantiation, as the sum",
        key: "resources.memory.max_bytes",
        guest: "two_memories_too_big",
        unit: "bytes at the start, by the gauge",
        measure: || Box::pin(initial()),
    },
];

async fn past_limit(guest: &'static str) -> Result<Observation> {
    let siege = Siege::lay(guests::component(guest)?).await?;
    let mut observation = Observation::of(MEMORY_BYTES);
    for _ in 0..ROUNDS {
        check_denied(&siege.strike("attack").await?.cause)?;
        // The peak outlives the instance only where its gauge was taken beforehand.
        let bare = bare::strike(guest).await?;
        check_denied(&bare.cause)?;
        ensure!(bare.memory.denied_growths == 1, "{} growths denied", bare.memory.denied_growths);
        observation.add(bare.memory.peak_bytes);
    }
    ensure!(siege.status()?.kills.out_of_memory == ROUNDS as u64, "the kills are not counted");
    siege.lift().await;
    Ok(observation.noting("peak read from the gauge of an instance without actor"))
}

fn check_denied(cause: &EndCause) -> Result<()> {
    let EndCause::OutOfMemory { max_bytes, requested_bytes } = cause else { bail!("ended by {cause}") };
    ensure!(*max_bytes == MEMORY_BYTES, "the report speaks of {max_bytes} bytes");
    ensure!(requested_bytes > max_bytes, "denied although {requested_bytes} bytes are allowed");
    Ok(())
}

async fn tolerant(guest: &'static str, payload: &'static str) -> Result<Observation> {
    let siege = Siege::lay(guests::component(guest)?.max_fuel(100_000_000)).await?;
    let mut observation = Observation::of(MEMORY_BYTES);
    for _ in 0..ROUNDS {
        let reply = siege.probe(payload).await?;
        let reply = reply.as_slice().try_into().context("the reply is not a number")?;
        observation.add(u64::from_le_bytes(reply));
        let memory = siege.status()?.memory.context("the host does not see its memory")?;
        ensure!(memory.denied_growths > 0, "nothing was denied");
        observation.add(memory.peak_bytes);
    }
    siege.lift().await;
    Ok(observation.noting("each round the guest's count, then the host's"))
}

/// The smallest limit by which it starts is what its memories have together: with a byte less, or with a limit
/// that has room for each of them, it does not.
async fn initial() -> Result<Observation> {
    const GUEST: &str = "two_memories_too_big";
    let field = Field::new().await?;
    let mut observation = Observation::of(INITIAL_BYTES);
    for _ in 0..ROUNDS {
        for max in [MEMORY_BYTES, INITIAL_BYTES - 1] {
            let mut manifest = guests::manifest(GUEST)?;
            manifest.resources.memory.max_bytes = max;
            let refusal = field.refuse(Component::from_manifest(manifest, guests::file(GUEST))).await?;
            let RuntimeError::NeedsMoreMemory { needed_bytes, max_bytes } = refusal.error else {
                bail!("refused with {:?}", refusal.error)
            };
            ensure!(needed_bytes == INITIAL_BYTES, "the report says that it needs {needed_bytes} bytes");
            ensure!(max_bytes == max, "the report speaks of {max_bytes} bytes");
            ensure!(refusal.started == 0, "{} instances were made", refusal.started);
        }
        let limits = bare::limits(INITIAL_BYTES, FUEL)?;
        let instance = bare::start(GUEST, limits, InstancePorts::isolated()).await??;
        observation.add(instance.memory_gauge().read().peak_bytes);
    }
    field.clear().await;
    Ok(observation.never_less().noting(format!(
        "with limits of {MEMORY_BYTES} and {} bytes it is refused, and reported to need the sum",
        INITIAL_BYTES - 1
    )))
}
