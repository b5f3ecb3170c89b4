//! The engine's pool: who comes too late is refused alone, and who is there keeps its place.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail, ensure};

use airssys_wasm_core::{ComponentState, RequestError};
use airssys_wasm_runtime::{EngineConfig, PoolShare, WasmtimeEngine};
use airssys_wasm_system::{ComponentRef, Host, SystemError};

use crate::attack::Attack;
use crate::guests::{self, MEMORY_BYTES};
use crate::observation::Observation;
use crate::siege::{EVERY_ATTACKER, Field, GIVE_UP, ROUNDS, sibling};

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "instances of the pool",
        key: "pool instances (max_instances)",
        guest: "loop_forever",
        unit: "instances alive",
        measure: || Box::pin(full("loop_forever", 16, |share| share.instances)),
    },
    Attack {
        limit: "memories of the pool",
        key: "pool memories (max_instances)",
        guest: "hoard_pool_memories",
        unit: "memories alive",
        measure: || Box::pin(full("hoard_pool_memories", 100, |share| share.memories)),
    },
    Attack {
        limit: "tables of the pool",
        key: "pool tables (max_instances)",
        guest: "hoard_pool_tables",
        unit: "tables alive",
        measure: || Box::pin(full("hoard_pool_tables", 200, |share| share.tables)),
    },
    #[cfg(target_os = "linux")]
    Attack {
        limit: "memory mappings of 1,000 instances",
        key: "mappings (default of the system)",
        guest: "grow_tolerant",
        unit: "mappings of the process",
        measure: || Box::pin(mappings()),
    },
];

/// Fills a pool made for so many instances, and tells how many of the places of one kind are taken. Newcomers are
/// tried all the time, while those that are there fail and are made anew.
async fn full(guest: &'static str, max_instances: u32, kind: fn(PoolShare) -> u32) -> Result<Observation> {
    let capacity = EngineConfig { max_instances, ..EngineConfig::default() }.capacity();
    let mut observation = Observation::of(u64::from(kind(capacity)));
    for _ in 0..ROUNDS {
        let host = Host::builder().max_instances(max_instances).build()?;
        let field = Field::on(host, sibling(EVERY_ATTACKER)?).await?;
        let each = share(guest)?;
        let mut taken = share("echo")?;
        let mut attackers = Vec::new();
        while let Some(attacker) = newcomer(&field, guest, &format!("attacker-{}", attackers.len())).await? {
            taken = taken.plus(each);
            attackers.push(attacker);
        }
        ensure!(kind(taken.plus(each)) > kind(capacity), "refused although there was room: {taken:?}");
        let (ended, restarts) = while_others_try(&field, guest, fail_all(&field, &attackers)).await?;
        ended?;
        ensure!(restarts > 0, "nobody tried to come in between");
        ensure!(field.host().statuses().iter().all(|status| status.state == ComponentState::Running));
        observation.add(u64::from(kind(taken)));
        free_at_once(&field, guest, &attackers).await?;
        field.sibling_lives().await?;
        field.clear().await;
    }
    Ok(observation.noting("every attacker failed and was restarted while newcomers were refused"))
}

/// What one instance of a guest takes.
fn share(guest: &str) -> Result<PoolShare> {
    let engine = WasmtimeEngine::new(EngineConfig { max_instances: 1, ..EngineConfig::default() })?;
    Ok(engine.verify(&guests::bytes(guest)?)?.pool_share())
}

/// One more of this name, or none where the pool is full.
async fn newcomer(field: &Field, guest: &str, name: &str) -> Result<Option<ComponentRef>> {
    match field.host().start(guests::component_as(guest, name)?).await {
        Ok(started) => Ok(Some(started)),
        Err(SystemError::PoolFull { .. }) => Ok(None),
        Err(other) => Err(anyhow::Error::new(other).context("refused for another reason")),
    }
}

/// Every attacker fails, and its next instance answers.
async fn fail_all(field: &Field, attackers: &[ComponentRef]) -> Result<()> {
    for attacker in attackers {
        match attacker.request_within("attack", GIVE_UP).await {
            Err(RequestError::ReceiverEnded { .. }) => {}
            other => bail!("the attack was not ended: {other:?}"),
        }
        ensure!(field.ask(attacker, "ping").await.context("it was not made anew")? == "pong");
        ensure!(field.status(attacker.address())?.restarts == 1, "it was made anew more than once");
    }
    Ok(())
}

/// Tries to start one more again and again until `work` is done. None may come in.
async fn while_others_try<T>(field: &Field, guest: &str, work: impl Future<Output = T>) -> Result<(T, u64)> {
    let is_done = Arc::new(AtomicBool::new(false));
    let done = async {
        let value = work.await;
        is_done.store(true, Ordering::Release);
        value
    };
    let tries = async {
        let mut tries = 0;
        while !is_done.load(Ordering::Acquire) {
            ensure!(newcomer(field, guest, "late").await?.is_none(), "a newcomer took a place");
            tries += 1;
        }
        Ok(tries)
    };
    let (value, tries) = tokio::join!(done, tries);
    Ok((value, tries?))
}

/// Whoever is killed leaves its place to the next one.
async fn free_at_once(field: &Field, guest: &str, attackers: &[ComponentRef]) -> Result<()> {
    for attacker in attackers.iter().take(ROUNDS) {
        field.host().kill(attacker.address()).await?;
        let next = newcomer(field, guest, "next").await?.context("the place was not free")?;
        ensure!(field.ask(&next, "ping").await? == "pong");
        ensure!(newcomer(field, guest, "late").await?.is_none(), "there was more than one place");
        field.host().kill(next.address()).await?;
        newcomer(field, guest, attacker.address().name()).await?.context("the place was not free again")?;
    }
    Ok(())
}

/// What Linux allows a process where nobody has changed it.
#[cfg(target_os = "linux")]
const MAX_MAPPINGS: u64 = 65_530;

/// Each instance grows as far as it may, so that its memory is mapped in as many pieces as it can be.
#[cfg(target_os = "linux")]
async fn mappings() -> Result<Observation> {
    const INSTANCES: u32 = 1_000;
    let field =
        Field::on(Host::builder().max_instances(INSTANCES).build()?, sibling(EVERY_ATTACKER)?).await?;
    let component = guests::component("grow_tolerant")?.max_fuel(100_000_000).instances(INSTANCES - 1);
    let hostile = field.host().start(component).await?;
    let mut observation = Observation::of(MAX_MAPPINGS);
    for _ in 0..INSTANCES - 1 {
        hostile.request_within("attack", GIVE_UP).await.context("the attack was not answered")?;
    }
    let grown = field
        .host()
        .statuses()
        .iter()
        .filter_map(|status| status.memory)
        .map(|memory| memory.peak_bytes)
        .sum::<u64>();
    ensure!(grown > u64::from(INSTANCES - 2) * MEMORY_BYTES, "only {grown} bytes were taken");
    observation.add(std::fs::read_to_string("/proc/self/maps")?.lines().count() as u64);
    field.sibling_lives().await?;
    field.clear().await;
    Ok(observation.noting(format!("{INSTANCES} instances alive, each as large as it may be")))
}
