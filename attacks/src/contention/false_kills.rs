//! Whether a kill ever hits somebody else.

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;

use airssys_wasm_core::{Address, MessagePayload, RequestError};
use airssys_wasm_system::{Component, ComponentRef, Host};

use crate::attack::Attack;
use crate::guests::{self, MEMORY_BYTES};
use crate::observation::Observation;

use super::callers::PAYLOAD;
use super::deadline::TIMEOUT_MS;
use super::runaways::{KillStream, host};

const CALLS: u64 = 1_000_000;
const SIBLINGS: u64 = 4;
const CALLS_EACH: u64 = CALLS / SIBLINGS;
/// Requests of each sibling that are under way at a time.
const IN_FLIGHT: u64 = 200;
/// Far more than a call takes, so that whatever ends one is not its own time.
const SIBLING_TIMEOUT_MS: u64 = 10_000;

pub(super) const MEASUREMENTS: &[Attack] = &[Attack {
    limit: "kills of siblings that kept their limits",
    key: "isolation",
    guest: "loop_forever",
    unit: "of 1,000,000 calls not answered, or siblings ended",
    measure: || Box::pin(measure()),
}];

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
