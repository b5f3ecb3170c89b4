//! How late the host's own timers are beside the crowd.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::attack::Attack;
use crate::siege::GIVE_UP;

use super::control::{Control, NAP};
use super::deadline::TIMEOUT_MS;
use super::distribution::{Distribution, Rank};
use super::rounds::{Round, best_of};
use super::runaways::{Endless, KillStream, host};

const LATE_MS: f64 = 50.0;
/// How long the timers are watched, beside each kind of crowd.
const WINDOW: Duration = Duration::from_secs(1);

pub(super) const MEASUREMENTS: &[Attack] = &[Attack {
    limit: "the host's timers beside runaways",
    key: "EngineConfig::tick",
    guest: "loop_forever",
    unit: "ms late at the worst",
    measure: || Box::pin(best_of(round)),
}];

async fn round() -> Result<Round> {
    let host = host()?;
    let control = Control::start()?;
    let stream = KillStream::start(&host, TIMEOUT_MS).await?;
    let among_kills = naps().await?;
    stream.end().await?;
    let endless = Endless::start(&host).await?;
    let among_endless = naps().await?;
    endless.end().await?;
    let machine = control.lateness().await?;
    host.shutdown().await;
    Ok(Round {
        declared: LATE_MS,
        machine: machine.milliseconds_at(Rank::Worst)?,
        observed: among_kills.milliseconds_at(Rank::Worst)?.max(among_endless.milliseconds_at(Rank::Worst)?),
        told: format!(
            "beside kills {}; beside endless computations {}; machine {}",
            among_kills.summary()?,
            among_endless.summary()?,
            machine.summary()?
        ),
    })
}

/// A task that only sleeps, as long as the control at a time; how late each awakening was.
async fn naps() -> Result<Distribution> {
    let napping = tokio::spawn(async {
        let began = Instant::now();
        let mut late = Vec::new();
        while began.elapsed() < WINDOW {
            let asleep = Instant::now();
            tokio::time::sleep(NAP).await;
            late.push(asleep.elapsed().saturating_sub(NAP));
        }
        late
    });
    Distribution::of(tokio::time::timeout(GIVE_UP, napping).await.context("a timer never fires")??)
}
