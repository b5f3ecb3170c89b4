//! How late a call is ended that runs past its time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::task::JoinSet;

use airssys_wasm_core::{ComponentId, RequestError};
use airssys_wasm_system::{Event, EventStream};

use crate::attack::Attack;
use crate::siege::GIVE_UP;

use super::control::Control;
use super::distribution::{Distribution, Rank};
use super::rounds::{Round, best_of};
use super::runaways::{GUEST, KillStream, host, host_for, start_some};

pub(super) const TIMEOUT_MS: u64 = 10;
const KILLS: u64 = 1_000;
const LATE_MS: f64 = 20.0;

/// So many that each has a slice but seldom.
const MANY: u32 = 256;
/// Each of the many has had a slice before the time of the first is over.
const MANY_TIMEOUT_MS: u64 = 500;

pub(super) const MEASUREMENTS: &[Attack] = &[
    Attack {
        limit: "kills among twice as many runaways as processors",
        key: "resources.cpu.timeout_ms",
        guest: "loop_forever",
        unit: "ms from deadline to kill, p99.9",
        measure: || Box::pin(best_of(round)),
    },
    Attack {
        limit: "ends of many runaways at once",
        key: "resources.cpu.timeout_ms",
        guest: "loop_forever",
        unit: "ms from answer to end, p99",
        measure: || Box::pin(best_of(many)),
    },
];

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

/// Whoever waits for a call that is over its time is told so at once; here it is how long the guest goes on after that.
async fn many() -> Result<Round> {
    let host = host_for(MANY)?;
    let control = Control::start()?;
    let runaways = start_some(&host, GUEST, MANY_TIMEOUT_MS, MANY).await?;
    let ends = tokio::spawn(ends(host.events()));
    let mut asking = JoinSet::new();
    for runaway in runaways {
        let id = host.status_of(runaway.address()).pop().context("a runaway is not there")?.id;
        asking.spawn(async move {
            match runaway.request_within("attack", GIVE_UP).await {
                Err(RequestError::ReceiverEnded { .. }) => Ok((id, Instant::now())),
                other => bail!("a runaway was not ended by its time: {other:?}"),
            }
        });
    }
    let mut answers = Vec::new();
    while let Some(answer) = asking.join_next().await {
        answers.push(answer??);
    }
    let ends = tokio::time::timeout(GIVE_UP, ends).await.context("not all runaways end")???;
    let machine = control.lateness().await?;
    host.kill_all().await;
    let late = answers.into_iter().map(|(id, answered)| {
        let ended = ends.get(&id).with_context(|| format!("{id} did not end"))?;
        Ok(ended.saturating_duration_since(answered))
    });
    let late = Distribution::of(late.collect::<Result<Vec<Duration>>>()?)?;
    Ok(Round {
        declared: LATE_MS,
        machine: machine.milliseconds_at(Rank::P99)?,
        observed: late.milliseconds_at(Rank::P99)?,
        told: format!("{MANY} runaways; {}; machine {}", late.summary()?, machine.summary()?),
    })
}

/// When each of the many first ended.
async fn ends(mut events: EventStream) -> Result<HashMap<ComponentId, Instant>> {
    let mut ends = HashMap::new();
    while ends.len() < MANY as usize {
        match events.next().await.context("the host tells nothing any more")? {
            Event::Ended { id, .. } => {
                ends.entry(id).or_insert_with(Instant::now);
            }
            Event::Missed { count } => bail!("{count} events were missed"),
            _ => {}
        }
    }
    Ok(ends)
}
