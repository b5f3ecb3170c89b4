//! The host's ceilings: what no manifest can ask for, and what all have together.

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use airssys_wasm_core::{Ceilings, ComponentManifest, CpuConfig, EndCause, MAX_MEMORY_BYTES, RequestError};
use airssys_wasm_runtime::RuntimeError;
use airssys_wasm_system::{Component, ComponentRef, SystemError};

use crate::attack::Attack;
use crate::guests::{self, MEMORY_BYTES};
use crate::observation::{Figure, Observation};
use crate::siege::{Field, GIVE_UP, LATE_MS, ROUNDS, sibling};

use super::processor::milliseconds;

const MAX_FUEL: u64 = 1_000_000;
/// Enough for a start as well, which it bounds too.
const MAX_TIMEOUT_MS: u64 = 250;
/// The sibling's limit, and three times that of an attacker.
const TOTAL_BYTES: u64 = 4 * MEMORY_BYTES;
/// Room for the sibling's file.
const MAX_COMPONENT_BYTES: u64 = 131_072;
/// What `initial_memory_too_big` begins with, in bytes.
const INITIAL_BYTES: u64 = 64 << 20;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "memory that a manifest asks for",
        key: "host.ceilings.max_memory_bytes",
        guest: "grow_tolerant",
        unit: "bytes at peak",
        measure: || Box::pin(memory()),
    },
    Attack {
        limit: "memory that a component begins with",
        key: "host.ceilings.max_memory_bytes",
        guest: "initial_memory_too_big",
        unit: "instances started",
        measure: || Box::pin(initial()),
    },
    Attack {
        limit: "fuel that a manifest asks for",
        key: "host.ceilings.max_fuel",
        guest: "loop_forever",
        unit: "fuel units",
        measure: || Box::pin(fuel()),
    },
    Attack {
        limit: "time that a manifest asks for",
        key: "host.ceilings.max_timeout_ms",
        guest: "loop_forever",
        unit: "ms from request to kill",
        measure: || Box::pin(time()),
    },
    Attack {
        limit: "size of a component",
        key: "host.ceilings.max_component_bytes",
        guest: "loop_forever",
        unit: "bytes of the largest that ran",
        measure: || Box::pin(size()),
    },
    Attack {
        limit: "memory of all instances together",
        key: "host.ceilings.total_memory_bytes",
        guest: "grow_tolerant",
        unit: "bytes, all instances at their peaks",
        measure: || Box::pin(total()),
    },
];

/// The ceiling itself, the least above it and the most that a manifest can say.
fn asks(ceiling: u64) -> [u64; 3] {
    [ceiling, ceiling + 1, u64::MAX]
}

/// Starts it, or none where the host refuses what it asks for.
async fn granted(field: &Field, component: Component) -> Result<Option<ComponentRef>> {
    match field.host().start(component).await {
        Ok(started) => Ok(Some(started)),
        Err(SystemError::Limits { .. }) => Ok(None),
        Err(other) => Err(anyhow::Error::new(other).context("refused for another reason")),
    }
}

/// A host with these ceilings, which bound the starts on it as well.
async fn within(ceilings: Ceilings) -> Result<Field> {
    let component = sibling("attack/*")?;
    let mut manifest = component.manifest().clone();
    lower_start(&mut manifest, &ceilings);
    Field::within(ceilings, Component::from_manifest(manifest, guests::file("echo"))).await
}

fn lower_start(manifest: &mut ComponentManifest, ceilings: &Ceilings) {
    let lifecycle = &mut manifest.lifecycle;
    lifecycle.start_fuel = lifecycle.start_fuel.min(ceilings.max_fuel);
    lifecycle.start_timeout_ms = lifecycle.start_timeout_ms.min(ceilings.max_timeout_ms);
}

/// What computes without end, with this fuel and time for each call.
fn endless(ceilings: &Ceilings, fuel: u64, timeout_ms: u64) -> Result<Component> {
    let mut manifest = guests::manifest("loop_forever")?;
    manifest.resources.cpu = CpuConfig { max_fuel: fuel, timeout_ms };
    lower_start(&mut manifest, ceilings);
    Ok(Component::from_manifest(manifest, guests::file("loop_forever")))
}

async fn memory() -> Result<Observation> {
    let ceilings = Ceilings { max_memory_bytes: MEMORY_BYTES, ..Ceilings::default() };
    let field = within(ceilings).await?;
    let mut observation = Observation::of(MEMORY_BYTES);
    for _ in 0..ROUNDS {
        for ask in asks(MEMORY_BYTES) {
            let mut manifest = guests::manifest("grow_tolerant")?;
            manifest.resources.memory.max_bytes = ask;
            manifest.resources.cpu.max_fuel = 100_000_000;
            let component = Component::from_manifest(manifest, guests::file("grow_tolerant"));
            if let Some(hostile) = granted(&field, component).await? {
                observation.add(grow(&field, &hostile).await?);
                field.host().stop(hostile.address()).await?;
            }
        }
        field.sibling_lives().await?;
    }
    field.clear().await;
    Ok(observation.never_less().noting("asked for the ceiling, for a byte more and for all that there is"))
}

/// Grows until it is denied, and tells how far it came.
async fn grow(field: &Field, hostile: &ComponentRef) -> Result<u64> {
    hostile.request_within("attack", GIVE_UP).await.context("the attack was not answered")?;
    let memory = field.status(hostile.address())?.memory.context("the host does not see its memory")?;
    ensure!(memory.denied_growths > 0, "nothing was denied");
    Ok(memory.peak_bytes)
}

/// It passes what any component of the host may have, and is refused before its own limit is asked.
async fn initial() -> Result<Observation> {
    let field = Field::new().await?;
    let mut observation = Observation::of(0);
    for _ in 0..ROUNDS {
        let refusal = field.refuse(guests::component("initial_memory_too_big")?).await?;
        let RuntimeError::NeedsMoreMemory { needed_bytes, max_bytes } = refusal.error else {
            bail!("refused with {:?}", refusal.error)
        };
        ensure!(needed_bytes == INITIAL_BYTES, "the report says that it needs {needed_bytes} bytes");
        ensure!(max_bytes == MAX_MEMORY_BYTES, "the report speaks of {max_bytes} bytes");
        observation.add(refusal.started);
    }
    field.clear().await;
    Ok(observation.noting(format!("asks for {INITIAL_BYTES} bytes and is refused")))
}

async fn fuel() -> Result<Observation> {
    let ceilings = Ceilings { max_fuel: MAX_FUEL, ..Ceilings::default() };
    let field = within(ceilings).await?;
    let mut observation = Observation::of(MAX_FUEL).never_less();
    for _ in 0..ROUNDS {
        for ask in asks(MAX_FUEL) {
            let component = endless(&ceilings, ask, 20_000)?;
            if let Some(hostile) = granted(&field, component).await? {
                let EndCause::OutOfFuel(fuel) = end(&field, &hostile).await? else {
                    bail!("not ended for want of fuel")
                };
                observation.add(fuel.consumed());
            }
        }
        field.sibling_lives().await?;
    }
    field.clear().await;
    Ok(observation.noting("asked for the ceiling, for a unit more and for all that there is"))
}

async fn time() -> Result<Observation> {
    let ceilings = Ceilings { max_timeout_ms: MAX_TIMEOUT_MS, ..Ceilings::default() };
    let field = within(ceilings).await?;
    let mut observation = Observation::of(MAX_TIMEOUT_MS).never_less().tolerating(LATE_MS);
    for _ in 0..ROUNDS {
        for ask in asks(MAX_TIMEOUT_MS) {
            let component = endless(&ceilings, 10_000_000_000, ask)?;
            if let Some(hostile) = granted(&field, component).await? {
                let began = Instant::now();
                let cause = end(&field, &hostile).await?;
                ensure!(matches!(cause, EndCause::Timeout { .. }), "ended by {cause}");
                observation.add(Figure(milliseconds(began.elapsed())));
            }
        }
        field.sibling_lives().await?;
    }
    field.clear().await;
    Ok(observation.noting(format!("verdict allows {LATE_MS} ms over; asked for more as well")))
}

/// Attacks, and removes what is left of it.
async fn end(field: &Field, hostile: &ComponentRef) -> Result<EndCause> {
    match hostile.request_within("attack", GIVE_UP).await {
        Err(RequestError::ReceiverEnded { .. }) => {}
        other => bail!("the attack was not ended: {other:?}"),
    }
    // The next instance answers, so that the end of this one is on record.
    field.ask(hostile, "ping").await?;
    let cause = field.status(hostile.address())?.last_end.context("the host knows no cause")?;
    field.host().stop(hostile.address()).await?;
    Ok(cause)
}

async fn size() -> Result<Observation> {
    let field = within(Ceilings { max_component_bytes: MAX_COMPONENT_BYTES, ..Ceilings::default() }).await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("padded.wasm");
    let wasm = guests::bytes("loop_forever")?;
    let mut observation = Observation::of(MAX_COMPONENT_BYTES).never_less();
    for _ in 0..ROUNDS {
        let mut largest = 0;
        for bytes in [MAX_COMPONENT_BYTES, MAX_COMPONENT_BYTES + 1, 2 * MAX_COMPONENT_BYTES] {
            let padded = pad(&wasm, bytes as usize)?;
            std::fs::write(&file, &padded)?;
            let manifest = guests::manifest("loop_forever")?;
            let from_bytes = Component::from_bytes(manifest.address(), padded, MEMORY_BYTES);
            for component in [from_bytes, Component::from_manifest(manifest, &file)] {
                match field.host().start(component).await {
                    Ok(hostile) => {
                        field.ask(&hostile, "ping").await?;
                        field.host().stop(hostile.address()).await?;
                        largest = largest.max(bytes);
                    }
                    Err(SystemError::Start { source: RuntimeError::TooLarge { .. }, .. }) => {}
                    Err(other) => bail!("refused for another reason: {other:?}"),
                }
            }
        }
        observation.add(largest);
        field.sibling_lives().await?;
    }
    field.clear().await;
    Ok(observation
        .noting("padded to the ceiling, to a byte more and to twice as much, in memory and as a file"))
}

/// Appends a custom section of zeros, so that the component has exactly so many bytes.
fn pad(wasm: &[u8], bytes: usize) -> Result<Vec<u8>> {
    /// Identifier, a length of five bytes and an empty name.
    const HEAD_BYTES: usize = 7;
    let zeros = bytes.checked_sub(wasm.len() + HEAD_BYTES).context("it is larger than that already")?;
    let content = u32::try_from(zeros + 1)?;
    let mut padded = wasm.to_vec();
    padded.push(0);
    padded.extend((0..5).map(|part| {
        let more = if part < 4 { 0x80 } else { 0 };
        ((content >> (7 * part)) & 0x7f) as u8 | more
    }));
    padded.resize(bytes, 0);
    Ok(padded)
}

async fn total() -> Result<Observation> {
    let field = within(Ceilings { total_memory_bytes: TOTAL_BYTES, ..Ceilings::default() }).await?;
    let mut observation = Observation::of(TOTAL_BYTES);
    for _ in 0..ROUNDS {
        let mut attackers = Vec::new();
        // Twice as many as there is room for.
        for number in 0..2 * TOTAL_BYTES / MEMORY_BYTES {
            let address = format!("attack/grow-{number}").parse()?;
            let wasm = guests::bytes("grow_tolerant")?;
            let component = Component::from_bytes(address, wasm, MEMORY_BYTES).max_fuel(100_000_000);
            match field.host().start(component).await {
                Ok(hostile) => {
                    grow(&field, &hostile).await?;
                    attackers.push(hostile);
                }
                Err(SystemError::TotalMemory { max_bytes, .. }) => {
                    ensure!(max_bytes == TOTAL_BYTES, "the report speaks of {max_bytes} bytes");
                }
                Err(other) => bail!("refused for another reason: {other:?}"),
            }
        }
        let statuses = field.host().statuses();
        let memories = statuses.iter().filter_map(|status| status.memory);
        let together: u64 = memories.map(|memory| memory.peak_bytes).sum();
        ensure!(together > TOTAL_BYTES - MEMORY_BYTES, "only {together} bytes were taken");
        observation.add(together);
        field.sibling_lives().await?;
        for hostile in attackers {
            field.host().stop(hostile.address()).await?;
        }
    }
    field.clear().await;
    Ok(observation.noting("each attacker grows until it is denied; the sibling's part is not full"))
}
