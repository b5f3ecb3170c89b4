//! How late a call is ended that runs past its time.

use anyhow::{Result, ensure};

use crate::attack::Attack;

use super::control::Control;
use super::distribution::{Distribution, Rank};
use super::rounds::{Round, best_of};
use super::runaways::{KillStream, host};

pub(super) const TIMEOUT_MS: u64 = 10;
const KILLS: u64 = 1_000;
const LATE_MS: f64 = 20.0;

pub(super) const MEASUREMENTS: &[Attack] = &[Attack {
    limit: "kills among twice as many runaways as processors",
    key: "resources.cpu.timeout_ms",
    guest: "loop_forever",
    unit: "ms from deadline to kill, p99.9",
    measure: || Box::pin(best_of(round)),
}];

async fn round() -> Result<Round> {
    let host = host()?;
    let stream = KillStream::start(&host, TIMEOUT_MS).await?;
    let control = Control::start()?;
    stream.until(KILLS).await?;
    let machine = control.lateness().await?;
    let kills = stream.end().await?;
    host.shutdown().await;
    ensure!(kills.len() as u64 >= KILLS, "only {} were killed", kills.len());
    let kills = Distribution::of(kills)?;
    Ok(Round {
        declared: LATE_MS,
        machine: machine.milliseconds_at(Rank::P999)?,
        observed: kills.milliseconds_at(Rank::P999)?,
        told: format!("{}; machine {}", kills.summary()?, machine.summary()?),
    })
}
