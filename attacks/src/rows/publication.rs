//! What publications are charged for.

use anyhow::{Result, ensure};

use airssys_wasm_core::{Address, MailboxConfig};
use airssys_wasm_system::{Component, ComponentStatus};

use crate::attack::Attack;
use crate::guests::{self, MEMORY_BYTES};
use crate::observation::Observation;
use crate::siege::{Field, GIVE_UP, ROUNDS};

use super::talk::attacker;

const BURST: u32 = 20;
const PER_SECOND: u32 = 1;
/// Instances of the component that listens.
const LISTENERS: u32 = 4;
/// Far more than the burst.
const FLOOD: usize = 200;
/// What the rate lets pass in the time that a flood takes on a busy machine.
const MEANWHILE: u64 = 10;

pub(super) const ATTACKS: &[Attack] = &[Attack {
    limit: "publications at once",
    key: "capabilities.messaging.burst",
    guest: "topic_squatter",
    unit: "publications that each instance got",
    measure: || Box::pin(burst()),
}];

/// Every instance of a component gets the same publications, and as many as the component takes messages.
async fn burst() -> Result<Observation> {
    let field = Field::new().await?;
    let listener: Address = "attack/listener".parse()?;
    let mut observation = Observation::of(BURST.into()).tolerating(MEANWHILE).never_less();
    for _ in 0..ROUNDS {
        let config = serde_json::json!({ "orders": ["subscribe logs.#"] });
        let component = Component::from_bytes(listener.clone(), guests::bytes("talker")?, MEMORY_BYTES)
            .instances(LISTENERS)
            .subscribe("logs.#".parse()?)
            .receive_from("attack/*".parse()?)
            .rate(PER_SECOND, BURST)
            .mailbox(MailboxConfig { capacity: 10 * FLOOD, ..MailboxConfig::default() })
            .config(config.as_object().cloned().unwrap_or_default())
            .max_fuel(1_000_000_000)
            .timeout_ms(20_000);
        field.host().start(component).await?;
        let publisher = attacker("topic_squatter")?.publish("logs.raw".parse()?);
        let address = publisher.address();
        let publisher = field.host().start(publisher).await?;
        let passed = field.ask(&publisher, &vec!["publish logs.raw"; FLOOD].join("\n")).await?;
        ensure!(passed == FLOOD.to_string(), "{passed} of {FLOOD} passed: refusals are the listener's");
        ensure!(
            field.host().settle_these(std::slice::from_ref(&listener), GIVE_UP).await,
            "the listener has no end"
        );
        let handled = |status: &ComponentStatus| status.handled;
        let got: Vec<u64> = field.host().status_of(&listener).iter().map(handled).collect();
        ensure!(got.len() == LISTENERS as usize, "{} listen", got.len());
        ensure!(got.iter().all(|one| Some(one) == got.first()), "they got {got:?}");
        got.into_iter().for_each(|one| observation.add(one));
        field.sibling_lives().await?;
        field.host().stop(&listener).await?;
        field.host().stop(&address).await?;
    }
    field.clear().await;
    Ok(observation.noting(format!("{LISTENERS} instances listen; a publication is one message to them all")))
}
