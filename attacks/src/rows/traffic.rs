//! Size and rate of messages, before the mailbox.

use std::time::Instant;

use anyhow::{Result, ensure};

use airssys_wasm_core::MailboxConfig;
use airssys_wasm_system::{Component, ComponentRef};

use crate::attack::Attack;
use crate::flood::{Flood, flooder, flooder_as};
use crate::observation::{Figure, Observation};
use crate::siege::{Field, ROUNDS, SIBLING, sibling};

const MAX_MESSAGE_BYTES: u64 = 1_000;
/// Sizes that are tried, in bytes.
const SIZES: [u64; 6] = [1, 999, 1_000, 1_001, 65_536, 524_288];

const BURST: u32 = 50;
const RATE_PER_SECOND: u32 = 200;
/// More than any rate or mailbox here lets pass.
const MESSAGES: u64 = 20_000;
const PLENTY: u32 = 1_000_000;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "size of a message",
        key: "capabilities.messaging.max_message_bytes",
        guest: "message_flood",
        unit: "bytes of the largest accepted",
        measure: || Box::pin(size()),
    },
    Attack {
        limit: "messages at once",
        key: "capabilities.messaging.burst",
        guest: "message_flood",
        unit: "messages accepted at once",
        measure: || Box::pin(burst()),
    },
    Attack {
        limit: "rate of messages",
        key: "capabilities.messaging.rate_per_second",
        guest: "message_flood",
        unit: "messages accepted per second",
        measure: || Box::pin(rate()),
    },
];

/// A sibling whose mailbox takes everything that its guard lets through.
fn roomy(max_message_bytes: usize, per_second: u32, burst: u32) -> Result<Component> {
    let mailbox = MailboxConfig { capacity: 1_000_000, ..MailboxConfig::default() };
    Ok(sibling("attack/*")?.mailbox(mailbox).max_message_bytes(max_message_bytes).rate(per_second, burst))
}

async fn size() -> Result<Observation> {
    let field = Field::beside(roomy(MAX_MESSAGE_BYTES as usize, PLENTY, PLENTY)?).await?;
    let flooder = field.host().start(flooder()?.send_to(SIBLING.parse()?)).await?;
    let mut observation = Observation::of(MAX_MESSAGE_BYTES).never_less();
    for _ in 0..ROUNDS {
        let mut largest = 0;
        for bytes in SIZES {
            let flood = Flood::send(&field, &flooder, 1, bytes, &SIBLING.parse()?).await?;
            ensure!(flood.accepted + flood.too_large == 1, "{bytes} bytes: {flood:?}");
            if flood.accepted > 0 {
                largest = largest.max(bytes);
            }
        }
        observation.add(largest);
    }
    field.clear().await;
    Ok(observation.noting(format!("sizes tried: {SIZES:?}")))
}

/// Each round has a sender of its own, with a full allowance.
async fn burst() -> Result<Observation> {
    let field = Field::beside(roomy(65_536, 1, BURST)?).await?;
    let mut observation = Observation::of(u64::from(BURST));
    let mut slowest = 0.0_f64;
    for round in 0..ROUNDS {
        let flooder = start_as(&field, round).await?;
        let (flood, seconds) = timed(&field, &flooder).await?;
        ensure!(flood.accepted >= u64::from(BURST), "only {} were accepted", flood.accepted);
        slowest = slowest.max(seconds);
        observation.add(flood.accepted);
        field.sibling_lives().await?;
    }
    field.clear().await;
    let earned = slowest.ceil() as u64;
    Ok(observation
        .tolerating(earned)
        .noting(format!("of {MESSAGES} a round; verdict allows {earned} more, earned in {slowest:.2} s")))
}

/// The first message of a round may have been earned before it.
async fn rate() -> Result<Observation> {
    let field = Field::beside(roomy(65_536, RATE_PER_SECOND, 1)?).await?;
    let mut observation = Observation::of(u64::from(RATE_PER_SECOND));
    for round in 0..ROUNDS {
        let flooder = start_as(&field, round).await?;
        let (flood, seconds) = timed(&field, &flooder).await?;
        ensure!(flood.accepted > 1, "nothing was earned in {seconds} s");
        observation.add(Figure((flood.accepted - 1) as f64 / seconds));
        field.sibling_lives().await?;
    }
    field.clear().await;
    Ok(observation.noting(format!("of {MESSAGES} a round, without the one that may be sent at once")))
}

/// The flooder under a name of its own: rates belong to the sending component.
async fn start_as(field: &Field, round: usize) -> Result<ComponentRef> {
    let flooder = flooder_as(format!("attack/flood-{round}").parse()?)?;
    Ok(field.host().start(flooder.send_to(SIBLING.parse()?)).await?)
}

/// Floods, and tells how long it took at the most.
async fn timed(field: &Field, flooder: &ComponentRef) -> Result<(Flood, f64)> {
    let began = Instant::now();
    let flood = Flood::send(field, flooder, MESSAGES, 8, &SIBLING.parse()?).await?;
    let seconds = began.elapsed().as_secs_f64();
    ensure!(flood.rate_limited == MESSAGES - flood.accepted, "{flood:?}");
    Ok((flood, seconds))
}
