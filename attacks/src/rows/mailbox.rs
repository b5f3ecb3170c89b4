//! Mailboxes: what waits for a component that is stuck.

use anyhow::{Result, ensure};

use airssys_wasm_core::{MailboxConfig, Overflow};

use crate::attack::Attack;
use crate::flood::{Flood, flooder};
use crate::guests;
use crate::observation::Observation;
use crate::siege::{Field, GIVE_UP, ROUNDS};

const CAPACITY: usize = 50;
const MAX_BYTES: usize = 65_536;
/// Messages that are sent, each of so many bytes.
const MESSAGES: u64 = 1_000;
const MESSAGE_BYTES: u64 = 1_000;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "messages in a mailbox",
        key: "mailbox.capacity",
        guest: "message_flood",
        unit: "messages that wait",
        measure: || Box::pin(capacity()),
    },
    Attack {
        limit: "bytes in a mailbox",
        key: "mailbox.max_bytes",
        guest: "message_flood",
        unit: "bytes that wait",
        measure: || Box::pin(bytes()),
    },
];

async fn capacity() -> Result<Observation> {
    let mut observation = Observation::of(CAPACITY as u64).never_less();
    for waiting in stuck(CAPACITY, MESSAGES as usize * MESSAGE_BYTES as usize).await? {
        observation.add(waiting);
    }
    Ok(observation.noting(format!("of {MESSAGES} messages a round; the one in hand does not wait")))
}

async fn bytes() -> Result<Observation> {
    let mut observation = Observation::of(MAX_BYTES as u64);
    for waiting in stuck(MESSAGES as usize, MAX_BYTES).await? {
        ensure!((waiting + 1) * MESSAGE_BYTES > MAX_BYTES as u64, "only {waiting} messages wait");
        observation.add(waiting * MESSAGE_BYTES);
    }
    Ok(observation.noting(format!("of {MESSAGES} messages of {MESSAGE_BYTES} bytes a round")))
}

/// How many messages wait in each round for a component that is parked, by the host's count and the guest's.
async fn stuck(capacity: usize, max_bytes: usize) -> Result<Vec<u64>> {
    let field = Field::new().await?;
    let mailbox = MailboxConfig { capacity, max_bytes, overflow: Overflow::Reject };
    let victim = guests::component("park_in_host_call")?
        .timeout_ms(60_000)
        .mailbox(mailbox)
        .receive_from("attack/*".parse()?)
        .rate(1_000_000, 1_000_000);
    let victim_at = victim.address();
    let flooder = field.host().start(flooder()?.send_to(victim_at.as_str().parse()?)).await?;
    let mut all = Vec::new();
    for _ in 0..ROUNDS {
        field.host().start(victim.clone()).await?.send("park")?;
        let in_hand = async {
            while field.status(&victim_at)?.waiting > 0 {
                tokio::task::yield_now().await;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(GIVE_UP, in_hand).await??;
        let flood = Flood::send(&field, &flooder, MESSAGES, MESSAGE_BYTES, &victim_at).await?;
        let waiting = field.status(&victim_at)?.waiting as u64;
        ensure!(waiting == flood.accepted, "{} were accepted and {waiting} wait", flood.accepted);
        ensure!(flood.full == MESSAGES - waiting, "{} were refused as full", flood.full);
        all.push(waiting);
        field.host().kill(&victim_at).await?;
    }
    field.sibling_lives().await?;
    field.clear().await;
    Ok(all)
}
