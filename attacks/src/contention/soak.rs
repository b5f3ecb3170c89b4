//! Whether anything stays of instances that were started and killed, ten thousand times.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use tokio::sync::OnceCell;

use airssys_wasm_core::{Ceilings, EndCause};
use airssys_wasm_system::{Component, Host};

use crate::attack::Attack;
use crate::guests::{self, MEMORY_BYTES};
use crate::observation::Observation;
use crate::siege::{GIVE_UP, sibling};

use super::footprint::Footprint;
use super::runaways::all_taken;

/// Lives that are not counted: what is held once and for all is held after them.
const WARM_UP: u32 = 1_200;
const CYCLES: u32 = 10_080;
/// Instances that are started and killed together; their component is compiled once for all of them.
const TOGETHER: u32 = 40;
/// Cycles from one look to the next: the last lives before each were of the same kind, because the pool keeps
/// what it can use again.
const LOOK_EVERY: u32 = 1_680;
/// How long what is over may take to be gone.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the allocator may keep back, in bytes: less than half a kibibyte of each cycle.
const RESIDENT_BYTES: u64 = 4 << 20;
/// What the pool may have cut into more pieces: a place that an instance was in keeps the image of its component's
/// data, which cuts the place in up to three, until an instance of another component takes it. Which of the two
/// components was last in a place is chance. A leak of one mapping for each batch of instances is beyond this.
const MAPPINGS: u64 = 2 * (TOGETHER as u64 + 1);

pub(super) const MEASUREMENTS: &[Attack] = &[
    Attack {
        limit: "resident memory over 10,000 starts and kills",
        key: "isolation",
        guest: "loop_forever",
        unit: "bytes more",
        measure: || Box::pin(growth(RESIDENT_BYTES, |footprint| footprint.resident_bytes)),
    },
    Attack {
        limit: "mappings over 10,000 starts and kills",
        key: "isolation",
        guest: "loop_forever",
        unit: "mappings more",
        measure: || Box::pin(growth(MAPPINGS, |footprint| footprint.mappings)),
    },
    Attack {
        limit: "descriptors over 10,000 starts and kills",
        key: "isolation",
        guest: "loop_forever",
        unit: "descriptors more",
        measure: || Box::pin(growth(0, |footprint| footprint.descriptors)),
    },
    Attack {
        limit: "tasks over 10,000 starts and kills",
        key: "isolation",
        guest: "loop_forever",
        unit: "tasks more",
        measure: || Box::pin(growth(0, |footprint| footprint.tasks)),
    },
];

/// What an instance does when it is killed.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Spins,
    IsParked,
    Idles,
}

const DEEDS: [Deed; 3] = [Deed::Spins, Deed::IsParked, Deed::Idles];

/// One soak serves all rows: its looks, the first of them after the warm-up.
static LOOKS: OnceCell<Result<Vec<Footprint>, String>> = OnceCell::const_new();

async fn growth(allowed: u64, figure: fn(&Footprint) -> u64) -> Result<Observation> {
    let looks = LOOKS.get_or_init(|| async { soak().await.map_err(|error| format!("{error:#}")) }).await;
    let figures: Vec<u64> =
        looks.as_ref().map_err(|error| anyhow!(error.clone()))?.iter().map(figure).collect();
    judge(allowed, &figures)
}

/// What there is at the end beyond what there was at the first look.
fn judge(allowed: u64, figures: &[u64]) -> Result<Observation> {
    let [first, .., last] = figures else { return Err(anyhow!("it was looked at once at the most")) };
    let mut observation = Observation::of(allowed);
    observation.add(last.saturating_sub(*first));
    Ok(observation.noting(format!("after {WARM_UP} cycles, and every {LOOK_EVERY} from there: {figures:?}")))
}

async fn soak() -> Result<Vec<Footprint>> {
    let ceilings =
        Ceilings { total_memory_bytes: u64::from(TOGETHER + 1) * MEMORY_BYTES, ..Ceilings::default() };
    let host = Host::builder().max_instances(TOGETHER + 1).ceilings(ceilings).build()?;
    let sibling = host.start(sibling("attack/*")?).await?;
    let mut deeds = DEEDS.into_iter().cycle();
    let mut live_and_die = async |cycles: u32| -> Result<()> {
        for deed in deeds.by_ref().take((cycles / TOGETHER) as usize) {
            kill(&host, deed).await.with_context(|| format!("{deed:?}"))?;
        }
        Ok(())
    };
    live_and_die(WARM_UP).await?;
    let mut looks = vec![Footprint::now()?];
    for _ in 0..CYCLES / LOOK_EVERY {
        live_and_die(LOOK_EVERY).await?;
        looks.push(settled(looks.first().copied()).await?);
    }
    sibling.request_within("still here", GIVE_UP).await.context("the sibling is gone")?;
    let status = host.status_of(sibling.address()).pop().context("the sibling is not there")?;
    ensure!(status.restarts == 0 && status.last_end.is_none(), "the sibling was ended: {status:?}");
    host.shutdown().await;
    Ok(looks)
}

/// Starts instances, lets them begin their deed, and kills them.
async fn kill(host: &Host, deed: Deed) -> Result<()> {
    let (guest, message) = match deed {
        Deed::Spins => ("loop_forever", Some("attack")),
        Deed::IsParked => ("park_in_host_call", Some("park")),
        Deed::Idles => ("loop_forever", None),
    };
    let mut manifest = guests::manifest(guest)?;
    manifest.resources.cpu.max_fuel = 10_000_000_000;
    manifest.resources.cpu.timeout_ms = 60_000;
    let component = Component::from_manifest(manifest, guests::file(guest)).instances(TOGETHER);
    let address = component.address();
    host.start(component).await?;
    if let Some(message) = message {
        for status in host.status_of(&address) {
            host.component(status.id.address())?.send(message)?;
        }
        all_taken(host, &address).await?;
    }
    for status in host.kill(&address).await? {
        ensure!(status.last_end == Some(EndCause::Killed), "{} ended by {:?}", status.id, status.last_end);
    }
    ensure!(host.status_of(&address).is_empty(), "something of it stays");
    Ok(())
}

/// Waits until the tasks are gone that are over, and looks.
async fn settled(first: Option<Footprint>) -> Result<Footprint> {
    let began = Instant::now();
    loop {
        let now = Footprint::now()?;
        if first.is_none_or(|first| now.tasks <= first.tasks) || began.elapsed() > PATIENCE {
            return Ok(now);
        }
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(figures: &[u64], expected: Option<bool>) {
        let judged = judge(5, figures).ok().map(|observation| observation.verdict().is_enforced());
        assert_eq!(judged, expected, "{figures:?}");
    }

    #[test]
    fn what_counts_is_what_there_is_more_at_the_end() {
        check(&[], None);
        check(&[10], None);
        check(&[10, 99, 15], Some(true));
        check(&[10, 10, 16], Some(false));
        check(&[10, 3], Some(true));
    }

    #[test]
    fn cycles_are_whole_numbers_of_batches_of_every_deed() {
        assert_eq!(CYCLES % LOOK_EVERY, 0);
        let of_every_deed = TOGETHER * DEEDS.len() as u32;
        assert_eq!((LOOK_EVERY % of_every_deed, WARM_UP % of_every_deed), (0, 0));
        const { assert!(CYCLES >= 10_000) };
    }
}
