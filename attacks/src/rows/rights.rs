//! Rights: nobody sends where either side has not allowed it.

use anyhow::{Result, ensure};

use airssys_wasm_system::Component;

use crate::attack::Attack;
use crate::guests;
use crate::observation::Observation;
use crate::siege::{ROUNDS, SIBLING, Siege};

/// Messages that `forbidden_send` tries to send for each request.
const ATTEMPTS: u64 = 2_000;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "sending without the right to send",
        key: "capabilities.messaging.send_to",
        guest: "forbidden_send",
        unit: "messages that got through",
        measure: || Box::pin(no_right_to_send()),
    },
    Attack {
        limit: "sending to one who does not receive it",
        key: "capabilities.messaging.receive_from",
        guest: "forbidden_send",
        unit: "messages that got through",
        measure: || Box::pin(not_received()),
    },
];

fn component() -> Result<Component> {
    Ok(guests::component("forbidden_send")?.max_fuel(1_000_000_000).timeout_ms(20_000))
}

/// The sibling would take it: only the sender's own right is missing.
async fn no_right_to_send() -> Result<Observation> {
    denied(Siege::lay(component()?).await?).await
}

/// The sender may send: only the sibling does not take it.
async fn not_received() -> Result<Observation> {
    denied(Siege::lay_beside("other/*", component()?.send_to(SIBLING.parse()?)).await?).await
}

async fn denied(siege: Siege) -> Result<Observation> {
    let mut observation = Observation::of(0);
    for round in 1..=ROUNDS as u64 {
        let before = siege.sibling()?.handled;
        let reply = siege.probe(SIBLING).await?;
        // One message to the sibling is the attack's own, which asks whether it lives.
        let handled = siege.sibling()?.handled - before - 1;
        let status = siege.status()?;
        ensure!(reply == ATTEMPTS.to_string().as_bytes(), "the guest was told otherwise: {reply:?}");
        ensure!(status.denied == round * ATTEMPTS, "{} denials counted", status.denied);
        observation.add(handled.max(status.sent));
    }
    siege.lift().await;
    Ok(observation.noting(format!("of {ATTEMPTS} attempts a round, by name and by peer")))
}
