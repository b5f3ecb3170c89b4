//! What is left for the next instance, and what a component does to its own mailbox.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use semver::Version;

use airssys_wasm_core::{ComponentManifest, EndCause, MailboxConfig, TrapKind};
use airssys_wasm_system::Component;

use crate::attack::Attack;
use crate::guests::{self, MEMORY_BYTES};
use crate::observation::{Figure, Observation};
use crate::siege::{Field, GIVE_UP, LATE_MS, ROUNDS, Siege};

use super::processor::milliseconds;

const CAPACITY: usize = 50;
const BURST: u32 = 20;
const PLENTY: u32 = 1_000_000;
/// Messages to itself after which it is looked at.
const HANDLED: u64 = 500;
const STOP_GRACE_MS: u64 = 1_000;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "what a former instance left in the pool",
        key: "isolation",
        guest: "stale_memory",
        unit: "words and table entries found",
        measure: || Box::pin(stale()),
    },
    Attack {
        limit: "messages of a component to itself",
        key: "mailbox.capacity",
        guest: "message_itself",
        unit: "messages that wait",
        measure: || Box::pin(doubling()),
    },
    Attack {
        limit: "messages of a component to itself at once",
        key: "capabilities.messaging.burst",
        guest: "message_itself",
        unit: "messages accepted",
        measure: || Box::pin(own_burst()),
    },
    Attack {
        limit: "grace of a stop while it messages itself",
        key: "lifecycle.stop_grace_ms",
        guest: "message_itself",
        unit: "ms from stop to end",
        measure: || Box::pin(stop()),
    },
];

/// Each instance fills all that it has and is ended; the next one has the same place of the pool, and looks.
async fn stale() -> Result<Observation> {
    let siege =
        Siege::lay(guests::component("stale_memory")?.max_fuel(1_000_000_000).timeout_ms(20_000)).await?;
    let mut observation = Observation::of(0);
    for _ in 0..ROUNDS {
        let strike = siege.strike("fill").await?;
        let is_expected = matches!(
            strike.cause,
            EndCause::OutOfMemory { .. } | EndCause::Trap { kind: TrapKind::Unreachable, .. }
        );
        ensure!(is_expected, "ended by {}", strike.cause);
        let reply = siege.probe("look").await?;
        let found = u64::from_le_bytes(reply.as_slice().try_into().context("the reply is not a number")?);
        let peak = siege.status()?.memory.context("the host does not see its memory")?.peak_bytes;
        ensure!(peak == MEMORY_BYTES, "it looked at {peak} bytes only");
        observation.add(found);
    }
    siege.lift().await;
    Ok(observation.noting(format!("in {MEMORY_BYTES} bytes, a global and 512 entries of a table")))
}

fn component(address: &str, rate: u32, burst: u32) -> Result<Component> {
    let mut manifest = ComponentManifest::new(address.parse()?, Version::new(0, 0, 0), MEMORY_BYTES);
    manifest.lifecycle.stop_grace_ms = STOP_GRACE_MS;
    manifest.mailbox = MailboxConfig { capacity: CAPACITY, ..MailboxConfig::default() };
    let component = Component::from_manifest(manifest, guests::file("message_itself"));
    Ok(component.rate(rate, burst).send_to(address.parse()?).receive_from(address.parse()?))
}

/// Starts it, and lets it message itself until it has handled so many.
async fn loosen(field: &Field, component: &Component) -> Result<u64> {
    let hostile = field.host().start(component.clone()).await?;
    hostile.send("go")?;
    let mut most = 0;
    let busy = async {
        loop {
            let status = field.status(hostile.address())?;
            most = most.max(status.waiting as u64);
            if status.handled >= HANDLED {
                return anyhow::Ok(());
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(GIVE_UP, busy).await.context("it does not message itself")??;
    field.sibling_lives().await?;
    Ok(most)
}

async fn doubling() -> Result<Observation> {
    let field = Field::new().await?;
    let component = component("attack/itself", PLENTY, PLENTY)?;
    let mut observation = Observation::of(CAPACITY as u64);
    for _ in 0..ROUNDS {
        let most = loosen(&field, &component).await?;
        let status = field.host().stop(&component.address()).await?.pop().context("nothing is left of it")?;
        ensure!(status.rejected_full > 0, "nothing was refused as full");
        ensure!(status.restarts == 0, "it was restarted");
        observation.add(most);
    }
    field.clear().await;
    Ok(observation.noting(format!("two for each that it gets; looked at until it has handled {HANDLED}")))
}

async fn own_burst() -> Result<Observation> {
    let field = Field::new().await?;
    let mut observation = Observation::of(u64::from(BURST)).never_less();
    let mut slowest = 0.0_f64;
    for round in 0..ROUNDS {
        // A rate belongs to the component, so that each round has one of its own.
        let component = component(&format!("attack/itself-{round}"), 1, BURST)?;
        let began = Instant::now();
        let hostile = field.host().start(component).await?;
        hostile.send("go")?;
        let spent = async {
            loop {
                let status = field.status(hostile.address())?;
                if status.handled > u64::from(BURST) && status.waiting == 0 {
                    // Read anew: a status is not all of one moment.
                    return anyhow::Ok(field.status(hostile.address())?.sent);
                }
                tokio::task::yield_now().await;
            }
        };
        let sent = tokio::time::timeout(GIVE_UP, spent).await.context("its burst is not at hand")??;
        slowest = slowest.max(began.elapsed().as_secs_f64());
        observation.add(sent);
        field.sibling_lives().await?;
        field.host().stop(hostile.address()).await?;
    }
    field.clear().await;
    let earned = slowest.ceil() as u64;
    Ok(observation
        .tolerating(earned)
        .noting(format!("verdict allows {earned} more, earned in {slowest:.2} s")))
}

async fn stop() -> Result<Observation> {
    let field = Field::new().await?;
    let component = component("attack/itself", PLENTY, PLENTY)?;
    let mut observation = Observation::of(STOP_GRACE_MS).tolerating(LATE_MS);
    for _ in 0..ROUNDS {
        loosen(&field, &component).await?;
        let began = Instant::now();
        let address = component.address();
        let stop = tokio::time::timeout(GIVE_UP, field.host().stop(&address));
        stop.await.context("the stop did not end")??;
        observation.add(Figure(milliseconds(began.elapsed())));
        ensure!(field.host().status_of(&address).is_empty(), "something of it stays");
        field.sibling_lives().await?;
    }
    field.clear().await;
    Ok(observation.noting(format!("verdict allows {LATE_MS} ms over")))
}
