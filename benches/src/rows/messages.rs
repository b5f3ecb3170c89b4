//! Component to component: pairs that play ping-pong, with limits, guard and counters on.

use std::time::{Duration, Instant};

use airssys_wasm_core::{Address, MessagePayload};
use airssys_wasm_system::{Component, Host};
use anyhow::{Context, Result};

use crate::files::guest;
use crate::measure::processor_time;
use crate::report::Figure;
use crate::rows::two_workers;

pub(super) const PAIRS: usize = 100;
/// Balls that each pair keeps in the air: one for the round trip, more for throughput.
pub(super) const BALLS: usize = 8;
const WINDOW: Duration = Duration::from_secs(2);
/// Places in the pool for all pairs, and some over.
pub(super) const INSTANCES: u32 = 2 * 100 + 16;
const WARM_UP: Duration = Duration::from_millis(300);
const PAYLOAD: [u8; 64] = [b'x'; 64];

pub(crate) fn measure() -> Result<Vec<Figure>> {
    let throughput = two_workers()?.block_on(play(host()?, PAIRS, BALLS, WINDOW))?.per_second();
    let single = two_workers()?.block_on(play(host()?, 1, 1, WINDOW))?.per_second();
    // Two messages make a round trip.
    let round_trip = 2e9 / single;
    Ok(vec![
        Figure::new("component to component messages, 100 pairs", throughput, "per s", "≥ 2,500,000"),
        Figure::new("component to component round trip, one pair", round_trip, "ns", "≤ 1,900"),
    ])
}

fn host() -> Result<Host> {
    Ok(Host::builder().max_instances(INSTANCES).build()?)
}

/// What was handled in a window of time, and what it took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Played {
    pub(super) messages: u64,
    pub(super) elapsed: Duration,
    /// Of all threads of the process, where the system tells.
    pub(super) processor: Option<Duration>,
}

impl Played {
    fn per_second(self) -> f64 {
        self.messages as f64 / self.elapsed.as_secs_f64()
    }
}

/// Lets pairs play on this host for a time, and takes the host down.
pub(super) async fn play(host: Host, pairs: usize, balls: usize, window: Duration) -> Result<Played> {
    let mut players = Vec::new();
    for number in 0..pairs {
        let (left, right) = (name(number, "left")?, name(number, "right")?);
        players.push(start(&host, &left, &right).await?);
        players.push(start(&host, &right, &left).await?);
    }
    for (number, player) in players.iter().enumerate() {
        let other = name(number / 2, if number % 2 == 0 { "right" } else { "left" })?;
        player.request(other.as_str()).await?;
    }
    for player in players.iter().step_by(2) {
        for _ in 0..balls {
            player.send(MessagePayload::from(&PAYLOAD))?;
        }
    }
    tokio::time::sleep(WARM_UP).await;
    let (began, used, before) = (Instant::now(), processor_time(), handled(&host));
    tokio::time::sleep(window).await;
    let (elapsed, after) = (began.elapsed(), handled(&host));
    let processor = processor_time().zip(used).map(|(now, then)| now.saturating_sub(then));
    let any = players.first().context("there is a pair")?.address().clone();
    let refused: u64 = host.statuses().iter().map(|status| status.denied + status.rejected_full).sum();
    anyhow::ensure!(refused == 0, "{refused} messages were refused, first pair {any}");
    host.kill_all().await;
    Ok(Played { messages: after - before, elapsed, processor })
}

fn handled(host: &Host) -> u64 {
    host.statuses().iter().map(|status| status.handled).sum()
}

fn name(pair: usize, side: &str) -> Result<Address> {
    Ok(format!("p{pair}/{side}").parse()?)
}

async fn start(host: &Host, own: &Address, other: &Address) -> Result<airssys_wasm_system::ComponentRef> {
    let component = Component::from_file(own.clone(), guest("pair"), 2 << 20)
        .send_to(other.as_str().parse()?)
        .receive_from(other.as_str().parse()?)
        .rate(100_000_000, 100_000_000);
    Ok(host.start(component).await?)
}
