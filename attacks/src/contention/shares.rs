//! How equally guests share the processors that ask for the same.

use anyhow::{Context, Result, bail};
use tokio::task::JoinSet;

use airssys_wasm_core::{EndCause, RequestError};
use airssys_wasm_system::{ComponentRef, Host};

use crate::attack::Attack;
use crate::guests;
use crate::siege::GIVE_UP;

use super::rounds::{Round, best_of};
use super::runaways::{GUEST, crowd, host, start, start_some};

/// Long enough for many turns of each.
const TIMEOUT_MS: u64 = 1_500;
/// Long enough to tell what a guest takes alone.
const ALONE_MS: u64 = 200;
/// Guests that compute for ever, by quick instructions and by slow ones.
const KINDS: [&str; 2] = [GUEST, "slow_arithmetic"];
/// How many times the share of the last the first may have.
const FACTOR: f64 = 2.0;

pub(super) const MEASUREMENTS: &[Attack] = &[
    Attack {
        limit: "shares of the processors among equal runaways",
        key: "EngineConfig::tick",
        guest: "loop_forever",
        unit: "largest share by the smallest",
        measure: || Box::pin(best_of(round)),
    },
    Attack {
        limit: "shares of the processors among unequal runaways",
        key: "EngineConfig::tick",
        guest: "slow_arithmetic",
        unit: "largest share by the smallest",
        measure: || Box::pin(best_of(unequal_round)),
    },
];

/// All are ended by the same time; what fuel each took until then is its share.
async fn round() -> Result<Round> {
    let host = host()?;
    let runaways = start(&host, TIMEOUT_MS).await?;
    let fuel = race(&host, &runaways).await?;
    host.shutdown().await;
    let shares: Vec<f64> = fuel.iter().map(|fuel| *fuel as f64).collect();
    judge(&shares, format!("fuel units of each {fuel:?}"))
}

/// Half of them take far longer for the same fuel. So the share of each is what it took beside the others, by what it
/// takes alone in the same time.
async fn unequal_round() -> Result<Round> {
    let half = crowd()? / 2;
    let (mut alone, mut together) = (Vec::new(), Vec::new());
    let host = host()?;
    for guest in KINDS {
        let one = start_some(&host, guest, ALONE_MS, 1).await?;
        alone.push(race(&host, &one).await?.pop().context("nobody took part")?);
        host.stop(&guests::manifest(guest)?.address()).await?;
    }
    for guest in KINDS {
        together.extend(start_some(&host, guest, TIMEOUT_MS, half).await?);
    }
    let fuel = race(&host, &together).await?;
    host.shutdown().await;
    let share = |(number, fuel): (usize, &u64)| {
        let alone = alone.get(number / half as usize).copied().unwrap_or(1);
        *fuel as f64 / TIMEOUT_MS as f64 / (alone as f64 / ALONE_MS as f64)
    };
    let shares: Vec<f64> = fuel.iter().enumerate().map(share).collect();
    let rounded: Vec<_> = shares.iter().map(|share| format!("{share:.2}")).collect();
    judge(
        &shares,
        format!("of a processor, {half} of {KINDS:?} each: {rounded:?}; fuel of one alone {alone:?}"),
    )
}

/// Sets all off at the same time, and tells what fuel each took until its time was over.
async fn race(host: &Host, runaways: &[ComponentRef]) -> Result<Vec<u64>> {
    let mut asking = JoinSet::new();
    for runaway in runaways {
        let runaway = runaway.clone();
        asking.spawn(async move { runaway.request_within("attack", GIVE_UP).await });
    }
    while let Some(answer) = asking.join_next().await {
        match answer? {
            Err(RequestError::ReceiverEnded { .. }) => {}
            other => bail!("a runaway was not ended: {other:?}"),
        }
    }
    let mut fuel = Vec::new();
    for runaway in runaways {
        // The next instance answers, so that the end of this one is on record.
        runaway.request_within("ping", GIVE_UP).await?;
        let status = host.status_of(runaway.address()).pop().context("a runaway is not there")?;
        match status.last_end {
            Some(EndCause::Timeout { fuel_consumed, .. }) => fuel.push(fuel_consumed),
            other => bail!("ended by {other:?}"),
        }
    }
    Ok(fuel)
}

fn judge(shares: &[f64], told: String) -> Result<Round> {
    let least = shares.iter().copied().min_by(f64::total_cmp).context("nothing was measured")?;
    let most = shares.iter().copied().max_by(f64::total_cmp).context("nothing was measured")?;
    Ok(Round { declared: FACTOR, machine: 0.0, observed: most / least, told })
}
