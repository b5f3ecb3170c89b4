//! Fuel and wall clock of a call.

use std::time::Duration;

use anyhow::{Result, bail, ensure};

use airssys_wasm_core::EndCause;

use crate::attack::Attack;
use crate::guests;
use crate::observation::{Figure, Observation};
use crate::siege::{LATE_MS, ROUNDS, Siege};

pub(super) const MAX_FUEL: u64 = 1_000_000;
/// As much as a host allows by default: it lasts far longer than the time.
pub(super) const FUEL_TO_SPARE: u64 = 10_000_000_000;
/// So long that fuel ends first, however loaded the machine is.
pub(super) const TIME_TO_SPARE_MS: u64 = 20_000;
pub(super) const TIMEOUT_MS: u64 = 50;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "fuel per call",
        key: "resources.cpu.max_fuel",
        guest: "loop_forever",
        unit: "fuel units",
        measure: || Box::pin(fuel("loop_forever")),
    },
    Attack {
        limit: "wall clock of a call that computes",
        key: "resources.cpu.timeout_ms",
        guest: "loop_forever",
        unit: "ms from request to kill",
        measure: || Box::pin(spinning("loop_forever")),
    },
    Attack {
        limit: "wall clock of a parked host call",
        key: "resources.cpu.timeout_ms",
        guest: "park_in_host_call",
        unit: "ms from request to kill",
        measure: || Box::pin(parked("park_in_host_call")),
    },
    Attack {
        limit: "wall clock of many short host calls that wait",
        key: "resources.cpu.timeout_ms",
        guest: "sleep_in_naps",
        unit: "ms from request to kill",
        measure: || Box::pin(parked("sleep_in_naps")),
    },
    Attack {
        limit: "fuel of a storm of host calls",
        key: "resources.cpu.max_fuel",
        guest: "host_call_storm",
        unit: "fuel units",
        measure: || Box::pin(fuel("host_call_storm")),
    },
    Attack {
        limit: "wall clock of a storm of host calls",
        key: "resources.cpu.timeout_ms",
        guest: "host_call_storm",
        unit: "ms from request to kill",
        measure: || Box::pin(spinning("host_call_storm")),
    },
    Attack {
        limit: "wall clock of copies of the whole memory",
        key: "resources.cpu.timeout_ms",
        guest: "bulk_copy",
        unit: "ms from request to kill",
        measure: || Box::pin(spinning("bulk_copy")),
    },
    Attack {
        limit: "wall clock of fills of the whole memory",
        key: "resources.cpu.timeout_ms",
        guest: "bulk_fill",
        unit: "ms from request to kill",
        measure: || Box::pin(spinning("bulk_fill")),
    },
];

async fn fuel(guest: &'static str) -> Result<Observation> {
    let component = guests::component(guest)?.max_fuel(MAX_FUEL).timeout_ms(TIME_TO_SPARE_MS);
    let siege = Siege::lay(component).await?;
    let mut observation = Observation::of(MAX_FUEL).never_less();
    let mut slowest = Duration::ZERO;
    for _ in 0..ROUNDS {
        let strike = siege.strike("attack").await?;
        let EndCause::OutOfFuel(fuel) = strike.cause else { bail!("ended by {}", strike.cause) };
        ensure!(fuel.max_fuel() == MAX_FUEL, "the report speaks of {} units", fuel.max_fuel());
        ensure!(fuel.is_exhausted(), "ended with {} units left", fuel.remaining());
        slowest = slowest.max(strike.elapsed);
        observation.add(fuel.consumed());
    }
    ensure!(siege.status()?.kills.out_of_fuel == ROUNDS as u64, "the kills are not counted");
    siege.lift().await;
    Ok(observation.noting(format!("slowest kill after {} ms", Figure(milliseconds(slowest)))))
}

async fn spinning(guest: &'static str) -> Result<Observation> {
    let component = guests::component(guest)?.max_fuel(FUEL_TO_SPARE).timeout_ms(TIMEOUT_MS);
    timed_out(Siege::lay(component).await?, 1).await
}

async fn parked(guest: &'static str) -> Result<Observation> {
    let component = guests::component(guest)?.timeout_ms(TIMEOUT_MS);
    timed_out(Siege::lay(component).await?, 0).await
}

/// Ends by time each round, having used `least_fuel` at least.
async fn timed_out(siege: Siege, least_fuel: u64) -> Result<Observation> {
    let mut observation = Observation::of(TIMEOUT_MS).never_less().tolerating(LATE_MS);
    let mut fuel = Vec::new();
    for _ in 0..ROUNDS {
        let strike = siege.strike("attack").await?;
        let EndCause::Timeout { timeout_ms, fuel_consumed } = strike.cause else {
            bail!("ended by {}", strike.cause)
        };
        ensure!(timeout_ms == TIMEOUT_MS, "the report speaks of {timeout_ms} ms");
        ensure!(fuel_consumed >= least_fuel, "the report claims {fuel_consumed} units of fuel");
        fuel.push(fuel_consumed);
        observation.add(Figure(milliseconds(strike.elapsed)));
    }
    ensure!(siege.status()?.kills.timeout == ROUNDS as u64, "the kills are not counted");
    siege.lift().await;
    Ok(observation.noting(format!("verdict allows {LATE_MS} ms over; fuel used at least {fuel:?}")))
}

pub(super) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
