//! A crowd of guests that compute without end, twice as many as there are processors.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use airssys_wasm_core::{
    Address, Backoff, Ceilings, CpuConfig, EndCause, MessagePayload, RequestError, SupervisionConfig,
};
use airssys_wasm_system::{Component, ComponentRef, Host};

use crate::guests::{self, MEMORY_BYTES};
use crate::siege::GIVE_UP;

pub(super) const GUEST: &str = "loop_forever";
/// More fuel than any guest takes in the time of a round.
const FUEL_BEYOND_REACH: u64 = 1_000_000_000_000_000;
/// More time than any round takes.
const TIME_BEYOND_REACH_MS: u64 = 60_000;
/// Room beside the runaways.
const OTHERS: u32 = 16;

/// Twice as many as there are processors.
pub(super) fn crowd() -> Result<u32> {
    Ok(u32::try_from(available_parallelism()?.get())?.saturating_mul(2))
}

/// A host with room for the crowd, which lets it ask for fuel and time beyond reach.
pub(super) fn host() -> Result<Host> {
    host_for(crowd()?)
}

/// A host with room for so many runaways.
pub(super) fn host_for(runaways: u32) -> Result<Host> {
    let instances = runaways + OTHERS;
    let ceilings = Ceilings {
        max_fuel: FUEL_BEYOND_REACH,
        max_timeout_ms: TIME_BEYOND_REACH_MS,
        total_memory_bytes: u64::from(instances) * MEMORY_BYTES,
        ..Ceilings::default()
    };
    Ok(Host::builder().max_instances(instances).ceilings(ceilings).build()?)
}

/// As many references as there are runaways, each to one of them. Fuel never ends them, and no failure is one too
/// many.
pub(super) async fn start(host: &Host, timeout_ms: u64) -> Result<Vec<ComponentRef>> {
    start_some(host, GUEST, timeout_ms, crowd()?).await
}

/// So many of this guest.
pub(super) async fn start_some(
    host: &Host,
    guest: &str,
    timeout_ms: u64,
    instances: u32,
) -> Result<Vec<ComponentRef>> {
    let mut manifest = guests::manifest(guest)?;
    manifest.resources.cpu = CpuConfig { max_fuel: FUEL_BEYOND_REACH, timeout_ms };
    manifest.supervision = SupervisionConfig {
        max_restarts: u32::MAX,
        window_seconds: 1,
        backoff: Backoff { initial_ms: 0, max_ms: 0, ..Backoff::default() },
        ..SupervisionConfig::default()
    };
    let component = Component::from_manifest(manifest, guests::file(guest)).instances(instances);
    let address = component.address();
    host.start(component).await?;
    let runaways = host.status_of(&address);
    runaways.iter().map(|status| Ok(host.component(status.id.address())?)).collect()
}

fn address(guest: &str) -> Result<Address> {
    Ok(guests::manifest(guest)?.address())
}

/// Runaways whose time is short, each asked again as soon as it was killed.
pub(super) struct KillStream {
    host: Host,
    guest: &'static str,
    asking: JoinSet<Result<Vec<Duration>>>,
    progress: Arc<Progress>,
}

#[derive(Default)]
struct Progress {
    kills: AtomicU64,
    is_over: AtomicBool,
    told: Notify,
}

impl KillStream {
    /// Starts the stream, and comes back when it has killed each runaway once.
    pub(super) async fn start(host: &Host, timeout_ms: u64) -> Result<Self> {
        Self::of(host, GUEST, timeout_ms).await
    }

    /// A stream of kills of this guest, which never ends by itself.
    pub(super) async fn of(host: &Host, guest: &'static str, timeout_ms: u64) -> Result<Self> {
        let progress = Arc::new(Progress::default());
        let mut asking = JoinSet::new();
        for runaway in start_some(host, guest, timeout_ms, crowd()?).await? {
            let progress = Arc::clone(&progress);
            asking.spawn(async move {
                let lateness = ask_again_and_again(&runaway, timeout_ms, &progress).await;
                // One that fails ends the others, so that nobody waits for a kill that does not come.
                progress.is_over.store(true, Ordering::Release);
                progress.told.notify_waiters();
                lateness
            });
        }
        let stream = Self { host: host.clone(), guest, asking, progress };
        stream.until(u64::from(crowd()?)).await?;
        Ok(stream)
    }

    /// Waits until so many were killed.
    pub(super) async fn until(&self, kills: u64) -> Result<()> {
        let enough = async {
            loop {
                let told = self.progress.told.notified();
                if self.kills() >= kills || self.progress.is_over.load(Ordering::Acquire) {
                    return;
                }
                told.await;
            }
        };
        let in_time = GIVE_UP + Duration::from_millis(kills);
        tokio::time::timeout(in_time, enough).await.context("the stream of kills ran dry")
    }

    pub(super) fn kills(&self) -> u64 {
        self.progress.kills.load(Ordering::Acquire)
    }

    /// Ends the stream; tells how late each kill was, counted from the end of its time.
    pub(super) async fn end(mut self) -> Result<Vec<Duration>> {
        self.progress.is_over.store(true, Ordering::Release);
        let mut all = Vec::new();
        while let Some(lateness) = self.asking.join_next().await {
            all.extend(lateness??);
        }
        let statuses = self.host.kill(&address(self.guest)?).await?;
        let timeouts: u64 = statuses.iter().map(|status| status.kills.timeout).sum();
        ensure!(timeouts == all.len() as u64, "{} kills, but {timeouts} are counted", all.len());
        Ok(all)
    }
}

async fn ask_again_and_again(
    runaway: &ComponentRef,
    timeout_ms: u64,
    progress: &Progress,
) -> Result<Vec<Duration>> {
    let timeout = Duration::from_millis(timeout_ms);
    let expected = EndCause::Timeout { timeout_ms, fuel_consumed: 0 }.name();
    let mut lateness = Vec::new();
    while !progress.is_over.load(Ordering::Acquire) {
        let began = Instant::now();
        match runaway.request_within("attack", GIVE_UP).await {
            Err(RequestError::ReceiverEnded { cause }) if cause == expected => {}
            other => bail!("a runaway was not ended by its time: {other:?}"),
        }
        let elapsed = began.elapsed();
        let late =
            elapsed.checked_sub(timeout).with_context(|| format!("killed early, after {elapsed:?}"))?;
        lateness.push(late);
        progress.kills.fetch_add(1, Ordering::AcqRel);
        progress.told.notify_waiters();
    }
    Ok(lateness)
}

/// Runaways whose time lasts longer than anybody measures.
pub(super) struct Endless {
    host: Host,
}

impl Endless {
    /// Comes back when all compute.
    pub(super) async fn start(host: &Host) -> Result<Self> {
        for runaway in start(host, TIME_BEYOND_REACH_MS).await? {
            runaway.send("attack")?;
        }
        all_taken(host, &address(GUEST)?).await?;
        Ok(Self { host: host.clone() })
    }

    /// Kills them; none may have ended before.
    pub(super) async fn end(self) -> Result<()> {
        for status in self.host.kill(&address(GUEST)?).await? {
            ensure!(status.restarts == 0, "{} did not compute all the time", status.id);
            ensure!(status.last_end == Some(EndCause::Killed), "ended by {:?}", status.last_end);
        }
        Ok(())
    }
}

/// Guests whose calls all end shortly before they count as long, one right after the other.
pub(super) struct NearlyLong {
    host: Host,
    address: Address,
}

/// A call of a guest that counts down, alone on the machine: between one tick, at which it does not count as long, and
/// two, of a millisecond each.
pub(super) const NEARLY_LONG: Duration = Duration::from_micros(1_500);
/// One that most ticks miss, and that others notice all the same.
pub(super) const FAR_FROM_LONG: Duration = Duration::from_micros(100);
/// What tells how fast a guest counts.
const TRIAL_COUNT: u64 = 2_000_000;
/// What the calls of each take together before anybody measures: by then the host knows what they are.
const KNOWN_AFTER: Duration = Duration::from_millis(150);

impl NearlyLong {
    /// Comes back when each has had many calls.
    pub(super) async fn start(host: &Host, each_call: Duration) -> Result<Self> {
        let guest = "nearly_long";
        let mut manifest = guests::manifest(guest)?;
        manifest.resources.cpu = CpuConfig { max_fuel: FUEL_BEYOND_REACH, timeout_ms: TIME_BEYOND_REACH_MS };
        let address = manifest.address();
        let component = Component::from_manifest(manifest, guests::file(guest)).instances(crowd()?);
        let own = address.as_str().parse()?;
        let own_too = address.as_str().parse()?;
        host.start(component.send_to(own).receive_from(own_too).rate(1_000_000, 1_000_000)).await?;
        let count = count_for(each_call, &host.component(&address)?).await?;
        let mut order = count.to_le_bytes().to_vec();
        order.push(1);
        for status in host.status_of(&address) {
            host.component(status.id.address())?.send(MessagePayload::from(&order[..]))?;
        }
        let calls_before = KNOWN_AFTER.div_duration_f64(each_call) as u64;
        let each_has_run = async {
            while host.status_of(&address).iter().any(|status| status.handled < calls_before) {
                tokio::time::sleep(NEARLY_LONG).await;
            }
        };
        if tokio::time::timeout(GIVE_UP, each_has_run).await.is_err() {
            bail!("they do not go on calling themselves: {:?}", host.status_of(&address));
        }
        Ok(Self { host: host.clone(), address })
    }

    /// Kills them; none may have ended before, and each must have gone on until now.
    pub(super) async fn end(self) -> Result<()> {
        for status in self.host.kill(&self.address).await? {
            ensure!(status.restarts == 0, "{} was restarted", status.id);
            ensure!(status.denied == 0, "{} was refused {} messages", status.id, status.denied);
            ensure!(status.last_end == Some(EndCause::Killed), "ended by {:?}", status.last_end);
        }
        Ok(())
    }
}

/// From what number a guest counts down in this time.
pub(super) async fn count_for(time: Duration, guest: &ComponentRef) -> Result<u64> {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        guest.request_within(MessagePayload::from(&TRIAL_COUNT.to_le_bytes()), GIVE_UP).await?;
        best = best.min(began.elapsed());
    }
    let count = TRIAL_COUNT as f64 * time.as_secs_f64() / best.as_secs_f64();
    Ok(count as u64)
}

/// Waits until every instance of this name has taken what waited for it.
pub(super) async fn all_taken(host: &Host, address: &Address) -> Result<()> {
    let taken = async {
        while host.status_of(address).iter().any(|status| status.waiting > 0) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(GIVE_UP, taken).await.context("an instance does not take its message")
}
