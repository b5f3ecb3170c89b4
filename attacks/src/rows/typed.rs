//! Typed calls: functions of the component's own, which have the limits of a message and a bound on what their
//! results take in the host.

use std::time::Instant;

use anyhow::{Result, bail, ensure};

use airssys_wasm_core::{EncodedValues, EndCause, ResourceLimits, ValueFormat};
use airssys_wasm_runtime::{ComponentInstance, InstancePorts, MAX_TYPED_VALUE_BYTES};

use super::processor::milliseconds;
use crate::attack::Attack;
use crate::bare::{self, FUEL};
use crate::guests::MEMORY_BYTES;
use crate::observation::{Figure, Observation};
use crate::resident::Resident;
use crate::siege::{LATE_MS, ROUNDS};

const TIMEOUT_MS: u64 = 50;

/// What the process takes besides: the instance itself, and what the allocator rounds up.
const BESIDES_BYTES: u64 = 16 << 20;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "wall clock of a typed call",
        key: "resources.cpu.timeout_ms",
        guest: "spin_in_function",
        unit: "ms from call to kill",
        measure: || Box::pin(spinning()),
    },
    Attack {
        limit: "values of a typed call's result",
        key: "MAX_TYPED_VALUE_BYTES",
        guest: "huge_result",
        unit: "bytes resident in the host, at the peak",
        measure: || Box::pin(flooding()),
    },
];

async fn start(guest: &str, limits: ResourceLimits) -> Result<ComponentInstance> {
    let mut instance = bare::start(guest, limits, InstancePorts::isolated()).await??;
    let answer = instance.invoke("answer", &EncodedValues::wave(""), ValueFormat::Wave).await?.value?;
    ensure!(answer.text() == Some("42"), "{guest} answers {:?}", answer.text());
    Ok(instance)
}

/// The cause that ends the instance when this function is called.
async fn struck(instance: &mut ComponentInstance, function: &str) -> Result<EndCause> {
    match instance.invoke(function, &EncodedValues::wave(""), ValueFormat::Wave).await {
        Ok(_) => bail!("{function} returned"),
        Err(failure) => {
            ensure!(!instance.is_live(), "the instance could be entered again");
            Ok(failure.cause)
        }
    }
}

async fn spinning() -> Result<Observation> {
    let limits = ResourceLimits::builder().memory_bytes(MEMORY_BYTES).execution_timeout_ms(TIMEOUT_MS);
    let limits = limits.max_fuel(10 * FUEL).build()?;
    let mut observation = Observation::of(TIMEOUT_MS).never_less().tolerating(LATE_MS);
    for _ in 0..ROUNDS {
        let mut instance = start("spin_in_function", limits).await?;
        let began = Instant::now();
        let cause = struck(&mut instance, "spin").await?;
        let elapsed = began.elapsed();
        ensure!(matches!(cause, EndCause::Timeout { timeout_ms: TIMEOUT_MS, fuel_consumed: 1.. }), "{cause}");
        observation.add(Figure(milliseconds(elapsed)));
    }
    Ok(observation.noting(format!("verdict allows {LATE_MS} ms over")))
}

/// The result stands for 12 MB of bytes, each of which would take forty times as much.
async fn flooding() -> Result<Observation> {
    let mut observation = Observation::of(MAX_TYPED_VALUE_BYTES as u64).tolerating(BESIDES_BYTES);
    for _ in 0..ROUNDS {
        let mut instance = start("huge_result", bare::limits(MEMORY_BYTES, FUEL)?).await?;
        let resident = Resident::begin()?;
        let cause = struck(&mut instance, "flood").await?;
        ensure!(matches!(cause, EndCause::HostLimit { .. }), "ended by {cause}");
        observation.add(resident.grown()?);
    }
    Ok(observation.noting("told as a host limit; the engine stops reading the result"))
}
