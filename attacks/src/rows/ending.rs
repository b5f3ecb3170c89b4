//! Restarts and stops: an end comes.

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use airssys_wasm_core::{ComponentState, RequestError};
use airssys_wasm_system::{Component, Event};

use crate::attack::Attack;
use crate::guests;
use crate::observation::{Figure, Observation};
use crate::siege::{Field, GIVE_UP, LATE_MS, ROUNDS};

use super::processor::milliseconds;

const MAX_RESTARTS: u32 = 3;
const STOP_GRACE_MS: u64 = 50;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "restarts of a component that fails",
        key: "supervision.max_restarts",
        guest: "unreachable",
        unit: "restarts",
        measure: || Box::pin(restarts()),
    },
    Attack {
        limit: "grace of a stop",
        key: "lifecycle.stop_grace_ms",
        guest: "park_in_host_call",
        unit: "ms from stop to end",
        measure: || Box::pin(grace()),
    },
];

async fn restarts() -> Result<Observation> {
    let field = Field::new().await?;
    let mut manifest = guests::manifest("unreachable")?;
    manifest.supervision.max_restarts = MAX_RESTARTS;
    let component = Component::from_manifest(manifest, guests::file("unreachable"));
    let address = component.address();
    let mut observation = Observation::of(u64::from(MAX_RESTARTS)).never_less();
    for _ in 0..ROUNDS {
        let mut events = field.host().events();
        let hostile = field.host().start(component.clone()).await?;
        // Far more often than it may be restarted.
        for _ in 0..4 * MAX_RESTARTS {
            match hostile.request_within("attack", GIVE_UP).await {
                Err(RequestError::ReceiverEnded { .. } | RequestError::Refused(_)) => {}
                other => bail!("the attack was not tried: {other:?}"),
            }
        }
        let given_up = async {
            while let Some(event) = events.next().await {
                if matches!(event, Event::GaveUp { .. }) {
                    return Ok(());
                }
            }
            bail!("the host is gone")
        };
        tokio::time::timeout(GIVE_UP, given_up).await.context("it is never given up")??;
        let status = field.host().stop(&address).await?.pop().context("it left nothing to look at")?;
        ensure!(status.state == ComponentState::Failed, "it is {} and not failed", status.state);
        ensure!(status.kills.trap == status.restarts + 1, "{} kills are counted", status.kills.trap);
        observation.add(status.restarts);
        field.sibling_lives().await?;
    }
    field.clear().await;
    Ok(observation.noting(format!("of {} attacks a round", 4 * MAX_RESTARTS)))
}

async fn grace() -> Result<Observation> {
    let field = Field::new().await?;
    let mut manifest = guests::manifest("park_in_host_call")?;
    manifest.lifecycle.stop_grace_ms = STOP_GRACE_MS;
    manifest.resources.cpu.timeout_ms = 60_000;
    let component = Component::from_manifest(manifest, guests::file("park_in_host_call"));
    let address = component.address();
    let mut observation = Observation::of(STOP_GRACE_MS).never_less().tolerating(LATE_MS);
    for _ in 0..ROUNDS {
        field.host().start(component.clone()).await?.send("park")?;
        let began = Instant::now();
        let stop = tokio::time::timeout(GIVE_UP, field.host().stop(&address));
        stop.await.context("the stop did not end")??;
        observation.add(Figure(milliseconds(began.elapsed())));
        ensure!(field.host().status_of(&address).is_empty(), "something of it stays");
        field.sibling_lives().await?;
    }
    field.clear().await;
    Ok(observation.noting(format!("verdict allows {LATE_MS} ms over; its call had a minute")))
}
