//! Fuel and wall clock of a call.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use airssys_wasm_core::{Address, EndCause};
use airssys_wasm_runtime::EngineConfig;

use crate::attack::Attack;
use crate::guests;
use crate::observation::{Figure, Observation};
use crate::siege::{Field, GIVE_UP, LATE_MS, ROUNDS, Siege};

pub(super) const MAX_FUEL: u64 = 1_000_000;
/// As much as a host allows by default: it lasts far longer than the time.
pub(super) const FUEL_TO_SPARE: u64 = 10_000_000_000;
/// So long that fuel ends first, however loaded the machine is.
pub(super) const TIME_TO_SPARE_MS: u64 = 20_000;
pub(super) const TIMEOUT_MS: u64 = 50;
/// Records that were dropped when a guest that does nothing but log is in the middle of it.
const RECORDS_BEFORE: u64 = 50;

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
    Attack {
        limit: "wall clock of host calls in a row",
        key: "resources.cpu.timeout_ms",
        guest: "log_in_a_row",
        unit: "ms from request to kill",
        measure: || Box::pin(spinning("log_in_a_row")),
    },
    Attack {
        limit: "a kill amid host calls in a row",
        key: "EngineConfig::tick",
        guest: "log_in_a_row",
        unit: "ms from kill to end",
        measure: || Box::pin(killed_amid_calls("log_in_a_row")),
    },
    Attack {
        limit: "fuel on the way back from a recursion",
        key: "resources.cpu.max_fuel",
        guest: "computes_on_the_way_back",
        unit: "ms from request to kill",
        measure: || Box::pin(out_of_fuel_in_time("computes_on_the_way_back")),
    },
    Attack {
        limit: "wall clock on the way back from a recursion",
        key: "resources.cpu.timeout_ms",
        guest: "computes_on_the_way_back",
        unit: "ms from request to kill",
        measure: || Box::pin(spinning("computes_on_the_way_back")),
    },
    Attack {
        limit: "a kill on the way back from a recursion",
        key: "EngineConfig::tick",
        guest: "computes_on_the_way_back",
        unit: "ms from kill to end",
        measure: || Box::pin(killed_while_it_computes("computes_on_the_way_back")),
    },
    Attack {
        limit: "fuel of resources asked about on the way back",
        key: "resources.cpu.max_fuel",
        guest: "resources_on_the_way_back",
        unit: "ms from request to kill",
        measure: || Box::pin(out_of_fuel_in_time("resources_on_the_way_back")),
    },
    Attack {
        limit: "wall clock of resources asked about on the way back",
        key: "resources.cpu.timeout_ms",
        guest: "resources_on_the_way_back",
        unit: "ms from request to kill",
        measure: || Box::pin(spinning("resources_on_the_way_back")),
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

/// The same where the report cannot show it: what is beyond the budget is not in it, and takes its time.
async fn out_of_fuel_in_time(guest: &'static str) -> Result<Observation> {
    let component = guests::component(guest)?.max_fuel(MAX_FUEL).timeout_ms(TIME_TO_SPARE_MS);
    let siege = Siege::lay(component).await?;
    let declared = Figure(TIMEOUT_MS as f64);
    let mut observation = Observation::at_most(declared, Figure(0.0)).tolerating(LATE_MS);
    for _ in 0..ROUNDS {
        let strike = siege.strike("attack").await?;
        ensure!(matches!(strike.cause, EndCause::OutOfFuel(_)), "ended by {}", strike.cause);
        observation.add(Figure(milliseconds(strike.elapsed)));
    }
    siege.lift().await;
    Ok(observation.noting(format!("verdict allows {LATE_MS} ms over")))
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

/// Killed while it logs: its own time and fuel would let it go on.
async fn killed_amid_calls(guest: &'static str) -> Result<Observation> {
    killed(guest, async |field, hostile| {
        while field.status(hostile)?.log_dropped < RECORDS_BEFORE {
            tokio::task::yield_now().await;
        }
        Ok(())
    })
    .await
}

/// Killed in the middle of what takes it seconds.
async fn killed_while_it_computes(guest: &'static str) -> Result<Observation> {
    killed(guest, async |_, _| {
        tokio::time::sleep(Duration::from_millis(TIMEOUT_MS)).await;
        Ok(())
    })
    .await
}

/// Killed once it is in the midst of it, which `begun` waits for.
async fn killed(
    guest: &'static str,
    begun: impl AsyncFn(&Field, &Address) -> Result<()>,
) -> Result<Observation> {
    let tick = EngineConfig::default().tick;
    let mut observation = Observation::at_most(Figure(milliseconds(tick)), Figure(0.0)).tolerating(LATE_MS);
    for _ in 0..ROUNDS {
        let field = Field::new().await?;
        let component = guests::component(guest)?.max_fuel(FUEL_TO_SPARE).timeout_ms(TIME_TO_SPARE_MS);
        let hostile = field.host().start(component).await?;
        hostile.send("attack")?;
        tokio::time::timeout(GIVE_UP, begun(&field, hostile.address()))
            .await
            .context("it does not begin")??;
        let began = Instant::now();
        let status = field.host().kill(hostile.address()).await?.pop().context("nothing is left of it")?;
        observation.add(Figure(milliseconds(began.elapsed())));
        ensure!(status.last_end == Some(EndCause::Killed), "ended by {:?}", status.last_end);
        field.sibling_lives().await?;
        field.clear().await;
    }
    Ok(observation.noting(format!("verdict allows {LATE_MS} ms over")))
}

pub(super) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
