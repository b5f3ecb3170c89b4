//! What a well-behaved sibling notices of the crowd.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use airssys_wasm_core::MessagePayload;
use airssys_wasm_system::{ComponentRef, Host};

use crate::attack::Attack;
use crate::siege::{GIVE_UP, sibling};

use super::control::Control;
use super::deadline::TIMEOUT_MS;
use super::distribution::{Distribution, Rank};
use super::rounds::{Round, best_of};
use super::runaways::{Endless, KillStream, host};

/// Turns of a round, each idle first and then beside the crowd, so that what disturbs the machine disturbs both.
const TURNS: u32 = 4;
const IDLE: Duration = Duration::from_millis(150);
const BESIDE: Duration = Duration::from_millis(350);
const WARM_UP: Duration = Duration::from_millis(50);

/// By what factor the sibling's p99 may be longer beside the crowd.
const FACTOR: f64 = 2.0;

pub(super) const PAYLOAD: [u8; 64] = [b'x'; 64];

pub(super) const MEASUREMENTS: &[Attack] = &[
    Attack {
        limit: "a sibling's round trip beside a stream of kills",
        key: "EngineConfig::tick",
        guest: "loop_forever",
        unit: "µs at p99",
        measure: || Box::pin(best_of(|| round(Crowd::Killed))),
    },
    Attack {
        limit: "a sibling's round trip beside endless computations",
        key: "EngineConfig::tick",
        guest: "loop_forever",
        unit: "µs at p99",
        measure: || Box::pin(best_of(|| round(Crowd::Endless))),
    },
];

#[derive(Debug, Clone, Copy)]
enum Crowd {
    Killed,
    Endless,
}

async fn round(crowd: Crowd) -> Result<Round> {
    let host = host()?;
    let sibling = host.start(sibling("attack/*")?).await?;
    round_trips(&sibling, WARM_UP).await?;
    let (mut idle, mut beside) = (Vec::new(), Vec::new());
    let control = Control::start()?;
    for _ in 0..TURNS {
        idle.extend(round_trips(&sibling, IDLE).await?);
        beside.extend(round_trips_beside(crowd, &host, &sibling).await?);
    }
    let machine = control.lateness().await?;
    let status = host.status_of(sibling.address()).pop().context("the sibling is not there")?;
    ensure!(status.restarts == 0, "the sibling was restarted {} times", status.restarts);
    host.shutdown().await;
    let (idle, beside) = (Distribution::of(idle)?, Distribution::of(beside)?);
    Ok(Round {
        declared: FACTOR * idle.milliseconds_at(Rank::P99)? * 1_000.0,
        machine: 0.0,
        observed: beside.milliseconds_at(Rank::P99)? * 1_000.0,
        told: format!(
            "idle {}; beside {}; machine {}",
            idle.summary()?,
            beside.summary()?,
            machine.summary()?
        ),
    })
}

async fn round_trips_beside(crowd: Crowd, host: &Host, sibling: &ComponentRef) -> Result<Vec<Duration>> {
    match crowd {
        Crowd::Killed => {
            let stream = KillStream::start(host, TIMEOUT_MS).await?;
            let times = round_trips(sibling, BESIDE).await?;
            stream.end().await?;
            Ok(times)
        }
        Crowd::Endless => {
            let endless = Endless::start(host).await?;
            let times = round_trips(sibling, BESIDE).await?;
            endless.end().await?;
            Ok(times)
        }
    }
}

/// One request after the other, from a task of the host's own.
async fn round_trips(sibling: &ComponentRef, window: Duration) -> Result<Vec<Duration>> {
    let sibling = sibling.clone();
    let asking = tokio::spawn(async move {
        let message = MessagePayload::from(&PAYLOAD);
        let mut times = Vec::new();
        let began = Instant::now();
        while began.elapsed() < window {
            let asked = Instant::now();
            let reply = sibling.request(message.clone()).await?;
            times.push(asked.elapsed());
            ensure!(reply.bytes().as_ref() == PAYLOAD.as_slice(), "answered {:?}", reply.bytes());
        }
        Ok(times)
    });
    tokio::time::timeout(GIVE_UP, asking).await.context("the sibling does not answer")??
}
