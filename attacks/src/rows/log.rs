//! What a guest can make the host write.

use std::time::Instant;

use anyhow::{Context, Result, ensure};

use airssys_wasm_core::EndCause;
use airssys_wasm_runtime::{MAX_LOG_CONTEXT_BYTES, MAX_LOG_CONTEXT_PAIRS, MAX_LOG_MESSAGE_BYTES};

use crate::attack::Attack;
use crate::guests;
use crate::log_meter::{self, LogVolume};
use crate::observation::Observation;
use crate::siege::{ROUNDS, Siege};

/// What the system declares for each instance, repeated here so that a change of it is seen.
const LOG_BYTES_PER_SECOND: u64 = 64 * 1024;
const LOG_BURST_BYTES: u64 = 256 * 1024;

/// Quotation marks, brackets and commas of one context pair as the host writes it, keys of a digit or two
/// aside: what the measurement adds to the texts themselves.
const PAIR_MARKS: u64 = 16;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "volume of the log",
        key: "LOG_BURST_BYTES, LOG_BYTES_PER_SECOND",
        guest: "log_bomb",
        unit: "bytes written since the start",
        measure: || Box::pin(volume()),
    },
    Attack {
        limit: "message of a log record",
        key: "MAX_LOG_MESSAGE_BYTES",
        guest: "log_bomb",
        unit: "bytes",
        measure: || Box::pin(record()),
    },
];

async fn volume() -> Result<Observation> {
    let began = Instant::now();
    let (siege, before) = lay().await?;
    let mut written = Vec::new();
    for _ in 0..ROUNDS {
        written.push(strike(&siege).await?.bytes - before.bytes);
    }
    let seconds = began.elapsed().as_secs() + 1;
    let dropped = siege.status()?.log_dropped;
    ensure!(dropped > 0, "nothing was dropped");
    siege.lift().await;
    let marks = MAX_LOG_CONTEXT_PAIRS as u64 * PAIR_MARKS * ROUNDS as u64;
    let mut observation = Observation::of(LOG_BURST_BYTES + seconds * LOG_BYTES_PER_SECOND).tolerating(marks);
    written.into_iter().for_each(|bytes| observation.add(bytes));
    Ok(observation.noting(format!("burst and {seconds} s of volume; {dropped} records dropped")))
}

async fn record() -> Result<Observation> {
    let (siege, before) = lay().await?;
    let after = strike(&siege).await?;
    siege.lift().await;
    ensure!(after.records > before.records, "nothing was written");
    let bound = (MAX_LOG_MESSAGE_BYTES + MAX_LOG_CONTEXT_PAIRS * 2 * MAX_LOG_CONTEXT_BYTES) as u64;
    let mean = (after.bytes - before.bytes) / (after.records - before.records);
    ensure!(mean <= bound, "records of {mean} bytes on average");
    let mut observation = Observation::of(MAX_LOG_MESSAGE_BYTES as u64);
    observation.add(after.longest);
    Ok(observation.noting("longest message; the guest's first has 64 KiB"))
}

async fn lay() -> Result<(Siege, LogVolume)> {
    let component = guests::component("log_bomb")?.max_fuel(10_000_000_000).timeout_ms(100);
    let before = log_meter::read().context("another subscriber takes the log")?;
    Ok((Siege::lay(component).await?, before))
}

async fn strike(siege: &Siege) -> Result<LogVolume> {
    let strike = siege.strike("attack").await?;
    ensure!(matches!(strike.cause, EndCause::Timeout { .. }), "ended by {}", strike.cause);
    log_meter::read().context("another subscriber takes the log")
}
