//! How equally guests share the processors that ask for the same.

use anyhow::{Context, Result, bail};
use tokio::task::JoinSet;

use airssys_wasm_core::{EndCause, RequestError};

use crate::attack::Attack;
use crate::siege::GIVE_UP;

use super::rounds::{Round, best_of};
use super::runaways::{host, start};

/// Long enough for many turns of each.
const TIMEOUT_MS: u64 = 1_500;
/// How many times the share of the last the first may have.
const FACTOR: f64 = 2.0;

pub(super) const MEASUREMENTS: &[Attack] = &[Attack {
    limit: "shares of the processors among equal runaways",
    key: "EngineConfig::tick",
    guest: "loop_forever",
    unit: "largest share by the smallest",
    measure: || Box::pin(best_of(round)),
}];

/// All are ended by the same time; what fuel each took until then is its share.
async fn round() -> Result<Round> {
    let host = host()?;
    let runaways = start(&host, TIMEOUT_MS).await?;
    let mut asking = JoinSet::new();
    for runaway in &runaways {
        let runaway = runaway.clone();
        asking.spawn(async move { runaway.request_within("attack", GIVE_UP).await });
    }
    while let Some(answer) = asking.join_next().await {
        match answer? {
            Err(RequestError::ReceiverEnded { .. }) => {}
            other => bail!("a runaway was not ended: {other:?}"),
        }
    }
    let mut shares = Vec::new();
    for runaway in &runaways {
        // The next instance answers, so that the end of this one is on record.
        runaway.request_within("ping", GIVE_UP).await?;
        let status = host.status_of(runaway.address()).pop().context("a runaway is not there")?;
        match status.last_end {
            Some(EndCause::Timeout { fuel_consumed, .. }) => shares.push(fuel_consumed),
            other => bail!("ended by {other:?}"),
        }
    }
    host.shutdown().await;
    let (least, most) = (shares.iter().min(), shares.iter().max());
    let (least, most) = (least.context("nothing was measured")?, most.context("nothing was measured")?);
    Ok(Round {
        declared: FACTOR,
        machine: 0.0,
        observed: *most as f64 / *least as f64,
        told: format!("fuel units of each {shares:?}"),
    })
}
