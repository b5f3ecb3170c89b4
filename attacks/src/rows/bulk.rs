//! Bulk instructions: one of them does the work of millions of others, and costs as much.

use std::sync::Arc;

use anyhow::{Result, ensure};

use airssys_wasm_core::EndCause;
use airssys_wasm_runtime::InstancePorts;

use crate::attack::Attack;
use crate::bare::{self, FUEL};
use crate::guests::MEMORY_BYTES;
use crate::log_meter::RecordMeter;
use crate::observation::Observation;
use crate::siege::ROUNDS;

/// Of its memory the guests leave so much alone.
const SPARED_BYTES: u64 = 1_024;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "fuel of copies of the whole memory",
        key: "resources.cpu.max_fuel",
        guest: "bulk_copy",
        unit: "bytes copied, a fuel unit each",
        measure: || Box::pin(bytes_for_fuel("bulk_copy")),
    },
    Attack {
        limit: "fuel of fills of the whole memory",
        key: "resources.cpu.max_fuel",
        guest: "bulk_fill",
        unit: "bytes filled, a fuel unit each",
        measure: || Box::pin(bytes_for_fuel("bulk_fill")),
    },
];

/// The guest writes a record to the log after each time that it went over its memory.
async fn bytes_for_fuel(guest: &'static str) -> Result<Observation> {
    let mut observation = Observation::of(FUEL);
    for _ in 0..ROUNDS {
        let meter = Arc::new(RecordMeter::default());
        let ports = InstancePorts { log: meter.clone(), ..InstancePorts::isolated() };
        let strike = bare::strike_with(guest, FUEL, ports).await?;
        ensure!(matches!(strike.cause, EndCause::OutOfFuel(_)), "ended by {}", strike.cause);
        ensure!(strike.fuel.consumed() == FUEL, "{} units are reported", strike.fuel.consumed());
        let bytes = meter.records() * (MEMORY_BYTES - SPARED_BYTES);
        ensure!(bytes > FUEL / 2, "only {bytes} bytes were to be had for {FUEL} units");
        observation.add(bytes);
    }
    Ok(observation.noting("by the guest's log records, one for each time that it went over its memory"))
}
