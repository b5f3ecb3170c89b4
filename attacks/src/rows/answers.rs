//! What one instance can make others answer it without reading the answers.

use std::time::Instant;

use anyhow::{Result, ensure};

use airssys_wasm_core::Address;
use airssys_wasm_system::{MAX_PENDING_REQUESTS, MAX_UNREAD_ANSWER_BYTES};

use crate::attack::Attack;
use crate::observation::Observation;
use crate::siege::{Field, GIVE_UP, ROUNDS, SIBLING, sibling};

use super::talk::{attacker, numbers};

/// Requests that are tried in one call, far more than may be unread.
const FLOOD: usize = 2_000;

/// After so many requests the hoarder waits until all of them are answered.
const EVERY: usize = 50;

/// The size of a reply in the flood by bytes.
const REPLY_BYTES: usize = 60_000;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "answers that nobody reads",
        key: "MAX_PENDING_REQUESTS",
        guest: "request_flood",
        unit: "answers that wait",
        measure: || Box::pin(count()),
    },
    Attack {
        limit: "bytes of answers that nobody reads",
        key: "MAX_UNREAD_ANSWER_BYTES",
        guest: "request_flood",
        unit: "bytes of replies that wait",
        measure: || Box::pin(bytes()),
    },
];

/// What one call of the hoarder came to: the requests that were accepted, all of them answered before it ended, and
/// what it was handed afterwards.
struct Hoard {
    accepted: u64,
    answers: u64,
    full: u64,
    bytes: u64,
}

async fn hoard(field: &Field, target: &Address, text: &str) -> Result<Hoard> {
    let flooder = attacker("request_flood")?.send_to(target.as_str().parse()?);
    let address = flooder.address();
    let flooder = field.host().start(flooder).await?;
    let order = format!("{FLOOD} {target} {EVERY} {text}");
    let [accepted, refused] = numbers(field.ask(&flooder, &order).await?.as_bytes())?[..] else {
        anyhow::bail!("the reply is not two numbers");
    };
    ensure!(accepted + refused == FLOOD as u64, "{accepted} accepted, {refused} refused");
    let status = field.status(&address)?;
    ensure!(status.quota_exceeded == refused, "the host counts {} refused", status.quota_exceeded);
    let began = Instant::now();
    let (mut answers, mut full, mut bytes) = (0, 0, 0);
    while answers < accepted {
        ensure!(began.elapsed() < GIVE_UP, "{accepted} requests have {answers} answers");
        // Each asks for what was read since the last one.
        let [read, refused, size] = numbers(field.ask(&flooder, "answers").await?.as_bytes())?[..] else {
            anyhow::bail!("the reply is not three numbers");
        };
        (answers, full, bytes) = (answers + read, full + refused, bytes + size);
    }
    ensure!(answers == accepted, "{accepted} requests have {answers} answers");
    let status = field.status(&address)?;
    ensure!(status.unread_answers == 0 && status.unread_answer_bytes == 0, "something stays unread");
    field.sibling_lives().await?;
    field.host().kill(&address).await?;
    Ok(Hoard { accepted, answers, full, bytes })
}

async fn count() -> Result<Observation> {
    let field = Field::beside(sibling("attack/*")?.rate(1_000_000, 1_000_000)).await?;
    let target = SIBLING.parse()?;
    let mut observation = Observation::of(MAX_PENDING_REQUESTS as u64).never_less();
    for _ in 0..ROUNDS {
        observation.add(hoard(&field, &target, "x").await?.accepted);
    }
    field.clear().await;
    Ok(observation.noting("all were answered at once; every further request is refused as quota-exceeded"))
}

async fn bytes() -> Result<Observation> {
    let field = Field::new().await?;
    let bomb = attacker("answer_bomb")?.receive_from("attack/*".parse()?).rate(1_000_000, 1_000_000);
    let target = bomb.address();
    field.host().start(bomb).await?;
    let mut observation = Observation::of(MAX_UNREAD_ANSWER_BYTES as u64);
    for _ in 0..ROUNDS {
        let Hoard { answers, full, bytes, .. } = hoard(&field, &target, &REPLY_BYTES.to_string()).await?;
        ensure!(bytes == (answers - full) * REPLY_BYTES as u64, "{bytes} bytes in {answers} answers");
        let missed = (MAX_UNREAD_ANSWER_BYTES as u64).saturating_sub(bytes);
        ensure!(missed < REPLY_BYTES as u64, "only {bytes} bytes were to be had");
        observation.add(bytes);
    }
    field.clear().await;
    Ok(observation.noting(format!("in replies of {REPLY_BYTES} bytes; every further one comes as full")))
}
