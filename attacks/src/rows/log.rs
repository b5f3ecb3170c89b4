//! What a guest can make the host write.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use airssys_wasm_core::EndCause;
use airssys_wasm_runtime::{
    InstancePorts, MAX_LOG_CONTEXT_BYTES, MAX_LOG_CONTEXT_PAIRS, MAX_LOG_MESSAGE_BYTES,
    MAX_OUTPUT_CHUNK_BYTES,
};

use crate::attack::Attack;
use crate::bare;
use crate::guests;
use crate::log_meter::{self, RecordMeter};
use crate::observation::Observation;
use crate::siege::{ROUNDS, Siege};

/// What the system declares for each instance, repeated here so that a change of it is seen.
const LOG_BYTES_PER_SECOND: u64 = 64 * 1024;
const LOG_BURST_BYTES: u64 = 256 * 1024;

/// Enough for the guest's largest record and for many of its others.
const RECORD_FUEL: u64 = 10_000_000;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "volume of the log",
        key: "LOG_BURST_BYTES, LOG_BYTES_PER_SECOND",
        guest: "log_bomb",
        unit: "bytes written since the start",
        measure: || Box::pin(volume("log_bomb", "attack")),
    },
    Attack {
        limit: "volume of a standard output",
        key: "LOG_BURST_BYTES, LOG_BYTES_PER_SECOND",
        guest: "output_bomb",
        unit: "bytes written since the start",
        measure: || Box::pin(volume("output_bomb", "flood")),
    },
    Attack {
        limit: "lines of one write to a standard output",
        key: "MAX_OUTPUT_CHUNK_BYTES",
        guest: "output_bomb",
        unit: "records of the log",
        measure: || Box::pin(lines()),
    },
    Attack {
        limit: "message of a log record",
        key: "MAX_LOG_MESSAGE_BYTES",
        guest: "log_bomb",
        unit: "bytes of the longest",
        measure: || Box::pin(record(MAX_LOG_MESSAGE_BYTES, RecordMeter::longest_message)),
    },
    Attack {
        limit: "context pairs of a log record",
        key: "MAX_LOG_CONTEXT_PAIRS",
        guest: "log_bomb",
        unit: "pairs of the largest record",
        measure: || Box::pin(record(MAX_LOG_CONTEXT_PAIRS, RecordMeter::most_pairs)),
    },
    Attack {
        limit: "context texts of a log record",
        key: "MAX_LOG_CONTEXT_BYTES",
        guest: "log_bomb",
        unit: "bytes of the longest",
        measure: || Box::pin(record(MAX_LOG_CONTEXT_BYTES, RecordMeter::longest_text)),
    },
];

async fn volume(guest: &'static str, order: &str) -> Result<Observation> {
    let read = || log_meter::bytes_written().context("another subscriber takes the log");
    let before = read()?;
    let began = Instant::now();
    let component = guests::component(guest)?.max_fuel(10_000_000_000).timeout_ms(100);
    let siege = Siege::lay(component).await?;
    let mut written = Vec::new();
    for _ in 0..ROUNDS {
        let strike = siege.strike(order).await?;
        ensure!(matches!(strike.cause, EndCause::Timeout { .. }), "ended by {}", strike.cause);
        written.push(read()? - before);
    }
    let seconds = began.elapsed().as_secs() + 1;
    let dropped = siege.status()?.log_dropped;
    ensure!(dropped > 0, "nothing was dropped");
    siege.lift().await;
    let declared = LOG_BURST_BYTES + seconds * LOG_BYTES_PER_SECOND;
    let mut observation = Observation::of(declared).declared_as_measured();
    for bytes in written {
        ensure!(bytes > 0, "nothing was written");
        observation.add(bytes);
    }
    Ok(observation.noting(format!("burst and {seconds} s of volume; {dropped} records dropped")))
}

/// A write of more than it may have ends the guest; the one before it came through whole.
async fn lines() -> Result<Observation> {
    let mut observation = Observation::of(MAX_OUTPUT_CHUNK_BYTES as u64).never_less();
    for _ in 0..ROUNDS {
        let meter = Arc::new(RecordMeter::default());
        let ports = InstancePorts { log: meter.clone(), ..InstancePorts::isolated() };
        let strike = bare::strike_with("output_bomb", RECORD_FUEL, ports).await?;
        ensure!(matches!(strike.cause, EndCause::Trap { .. }), "ended by {}", strike.cause);
        observation.add(meter.records());
    }
    Ok(observation.noting("measured at the sink of an instance without actor"))
}

/// The guest's first record passes every bound of a record.
async fn record(declared: usize, read: fn(&RecordMeter) -> u64) -> Result<Observation> {
    let mut observation = Observation::of(declared as u64).never_less();
    for _ in 0..ROUNDS {
        let meter = Arc::new(RecordMeter::default());
        let ports = InstancePorts { log: meter.clone(), ..InstancePorts::isolated() };
        let strike = bare::strike_with("log_bomb", RECORD_FUEL, ports).await?;
        ensure!(matches!(strike.cause, EndCause::OutOfFuel(_)), "ended by {}", strike.cause);
        ensure!(meter.records() > 1, "{} records were written", meter.records());
        ensure!(meter.marked() == 1, "{} records are marked as cut", meter.marked());
        observation.add(read(&meter));
    }
    Ok(observation.noting("measured at the sink of an instance without actor"))
}
