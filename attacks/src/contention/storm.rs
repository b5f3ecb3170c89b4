//! How late the timers of a sibling are beside others who have as many due as they may, all the time.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use airssys_wasm_core::{Address, MessagePayload};
use airssys_wasm_system::{Component, ComponentRef, Host};

use crate::attack::Attack;
use crate::guests::{self, MEMORY_BYTES};
use crate::siege::GIVE_UP;

use super::control::{Control, NAP};
use super::distribution::{Distribution, Rank};
use super::rounds::{Round, best_of};
use super::runaways::host;

const LATE_MS: f64 = 50.0;
/// Who raises the storm.
const STORMY: u32 = 8;
/// After what time the sibling wants to be reminded, and its request to be given up.
const DELAY: Duration = Duration::from_millis(20);
/// How often.
const PROBES: usize = 30;

pub(super) const MEASUREMENTS: &[Attack] = &[Attack {
    limit: "timers of a sibling beside a storm of timers",
    key: "MAX_TIMERS",
    guest: "timer_flood",
    unit: "ms late at the worst",
    measure: || Box::pin(best_of(round)),
}];

async fn round() -> Result<Round> {
    let host = host()?;
    let control = Control::start()?;
    let stormy = guests::component("timer_flood")?
        .instances(STORMY)
        .max_fuel(1_000_000_000_000)
        .timeout_ms(60_000)
        .rate(1_000_000, 1_000_000);
    let address = stormy.address();
    host.start(stormy).await?;
    for status in host.status_of(&address) {
        host.component(status.id.address())?.send(format!("storm {}", u32::MAX).as_str())?;
    }
    let late = probes(&host).await?;
    let machine = control.lateness().await?;
    host.kill_all().await;
    Ok(Round {
        declared: LATE_MS,
        machine: machine.milliseconds_at(Rank::Worst)?,
        observed: late.milliseconds_at(Rank::Worst)?,
        told: format!("{}; machine {}", late.summary()?, machine.summary()?),
    })
}

/// How late both a message to be sent later and the end of a request were.
async fn probes(host: &Host) -> Result<Distribution> {
    let own: Address = "attack/talker/0".parse()?;
    // One that never answers.
    let parked = guests::component("park_in_host_call")?.timeout_ms(60_000).receive_from("attack/*".parse()?);
    let silent = parked.address();
    host.start(parked).await?.send("park")?;
    let talker = Component::from_bytes(own.component(), guests::bytes("talker")?, MEMORY_BYTES)
        .max_fuel(1_000_000_000)
        .timeout_ms(20_000)
        .send_to("attack/*".parse()?);
    let talker = host.start(talker).await?;
    let delay = DELAY.as_millis();
    let mut late = Vec::new();
    for _ in 0..PROBES {
        let began = Instant::now();
        order(&talker, &format!("all send-after {own} {delay} x; request {silent} {delay} x")).await?;
        let both = async {
            loop {
                let status = host.status_of(&own).pop().context("the talker is gone")?;
                if status.timers == 0 && status.pending_requests == 0 {
                    return anyhow::Ok(began.elapsed());
                }
                tokio::time::sleep(NAP).await;
            }
        };
        let took = tokio::time::timeout(GIVE_UP, both).await.context("a timer never fires")??;
        late.push(took.saturating_sub(DELAY));
    }
    Distribution::of(late)
}

async fn order(talker: &ComponentRef, order: &str) -> Result<()> {
    let payload = MessagePayload::from(order).with_content_type("order");
    talker.request_within(payload, GIVE_UP).await.context("the talker is gone")?;
    Ok(())
}
