//! Whether a kill ever hits somebody else.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;

use airssys_wasm_core::{Address, MessagePayload, RequestError};
use airssys_wasm_system::{Component, ComponentRef, Host};

use crate::attack::Attack;
use crate::guests::{self, MEMORY_BYTES};
use crate::observation::Observation;
use crate::siege::GIVE_UP;

use super::callers::PAYLOAD;
use super::deadline::TIMEOUT_MS;
use super::runaways::{KillStream, count_for, host, start_some};

const CALLS: u64 = 1_000_000;
const SIBLINGS: u64 = 4;
const CALLS_EACH: u64 = CALLS / SIBLINGS;
/// Requests of each sibling that are under way at a time.
const IN_FLIGHT: u64 = 200;
/// Far more than a call takes, so that whatever ends one is not its own time.
const SIBLING_TIMEOUT_MS: u64 = 10_000;

/// What a call computes, alone on the machine: it meets several ticks, so that its clock runs.
const COMPUTES: Duration = Duration::from_millis(3);
const COMPUTING_SIBLINGS: u32 = 2;
/// Calls of each of those that compute, one at a time.
const COMPUTING_CALLS: u32 = 300;
/// What such a call has of time. One that took less, from its request to its end, had not used it up.
const COMPUTING_TIMEOUT_MS: u64 = 100;

pub(super) const MEASUREMENTS: &[Attack] = &[
    Attack {
        limit: "kills of siblings that kept their limits",
        key: "isolation",
        guest: "loop_forever",
        unit: "of 1,000,000 calls not answered, or siblings ended",
        measure: || Box::pin(measure()),
    },
    Attack {
        limit: "kills of computing siblings that kept their time",
        key: "resources.cpu.timeout_ms",
        guest: "nearly_long",
        unit: "of 600 calls ended before their time",
        measure: || Box::pin(computing()),
    },
];

async fn measure() -> Result<Observation> {
    let host = host()?;
    let mut siblings = Vec::new();
    for number in 0..SIBLINGS {
        let address: Address = format!("attack/sibling-{number}").parse()?;
        let component = Component::from_bytes(address, guests::bytes("echo")?, MEMORY_BYTES);
        siblings.push(host.start(component.timeout_ms(SIBLING_TIMEOUT_MS)).await?);
    }
    let stream = KillStream::start(&host, TIMEOUT_MS).await?;
    let before = stream.kills();
    let mut asking = JoinSet::new();
    for sibling in &siblings {
        let sibling = sibling.clone();
        asking.spawn(async move { failed_calls(&sibling).await });
    }
    let mut wrong = 0;
    while let Some(failed) = asking.join_next().await {
        wrong += failed??;
    }
    let kills = stream.kills() - before;
    stream.end().await?;
    ensure!(kills > 0, "nobody was killed meanwhile");
    for sibling in &siblings {
        wrong += ends(&host, sibling)?;
    }
    host.shutdown().await;
    let mut observation = Observation::of(0);
    observation.add(wrong);
    Ok(observation.noting(format!("{CALLS} calls of {SIBLINGS} siblings beside {kills} kills")))
}

/// What became of the calls of one that computes.
#[derive(Debug, Default)]
struct Calls {
    answered: u32,
    /// Ended although less than their time had passed.
    wronged: u64,
    /// Ended when their time had passed, on a machine that had none for them.
    late: u32,
}

async fn computing() -> Result<Observation> {
    let host = host()?;
    let siblings = start_some(&host, "nearly_long", COMPUTING_TIMEOUT_MS, COMPUTING_SIBLINGS).await?;
    let count = count_for(COMPUTES, siblings.first().context("there is no sibling")?).await?;
    let stream = KillStream::start(&host, TIMEOUT_MS).await?;
    let before = stream.kills();
    let mut asking = JoinSet::new();
    for sibling in siblings {
        asking.spawn(async move { calls_of(&sibling, count).await });
    }
    let mut all = Calls::default();
    while let Some(calls) = asking.join_next().await {
        let Calls { answered, wronged, late } = calls??;
        all = Calls {
            answered: all.answered + answered,
            wronged: all.wronged + wronged,
            late: all.late + late,
        };
    }
    let kills = stream.kills() - before;
    stream.end().await?;
    host.shutdown().await;
    let Calls { answered, wronged, late } = all;
    ensure!(kills > 0, "nobody was killed meanwhile");
    ensure!(
        answered > COMPUTING_CALLS,
        "only {answered} calls were answered: the machine has no time for them"
    );
    let mut observation = Observation::of(0);
    observation.add(wronged);
    Ok(observation.noting(format!("{answered} answered and {late} late beside {kills} kills")))
}

async fn calls_of(instance: &ComponentRef, count: u64) -> Result<Calls> {
    let message = MessagePayload::from(&count.to_le_bytes());
    let mut calls = Calls::default();
    for _ in 0..COMPUTING_CALLS {
        let began = Instant::now();
        match instance.request_within(message.clone(), GIVE_UP).await {
            Ok(_) => calls.answered += 1,
            Err(RequestError::ReceiverEnded { .. })
                if began.elapsed() >= Duration::from_millis(COMPUTING_TIMEOUT_MS) =>
            {
                calls.late += 1;
            }
            Err(RequestError::ReceiverEnded { .. }) => calls.wronged += 1,
            Err(other) => return Err(anyhow::Error::new(other).context("a call was not made")),
        }
    }
    Ok(calls)
}

/// How many of a sibling's calls were not answered as they should.
async fn failed_calls(sibling: &ComponentRef) -> Result<u64> {
    let message = MessagePayload::from(&PAYLOAD);
    let mut failed = 0;
    for _ in 0..CALLS_EACH / IN_FLIGHT {
        let mut replies = Vec::new();
        for _ in 0..IN_FLIGHT {
            replies.push(sibling.start_request(message.clone())?);
        }
        for reply in replies {
            failed += match reply.await {
                Ok(reply) => u64::from(reply.bytes().as_ref() != PAYLOAD.as_slice()),
                Err(RequestError::ReceiverEnded { .. }) => 1,
                Err(other) => return Err(anyhow::Error::new(other).context("a call was not made")),
            };
        }
    }
    Ok(failed)
}

/// How often a sibling ended or was started again, by the host's own count.
fn ends(host: &Host, sibling: &ComponentRef) -> Result<u64> {
    let status = host.status_of(sibling.address()).pop().context("a sibling is not there")?;
    ensure!(status.last_end.is_some() || status.handled == CALLS_EACH, "only {} calls came", status.handled);
    Ok(status.restarts.max(u64::from(status.last_end.is_some())))
}
