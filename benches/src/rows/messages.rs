//! Component to component: pairs that play ping-pong, with limits, guard and counters on.

use std::time::{Duration, Instant};

use airssys_wasm_core::{Address, MessagePayload};
use airssys_wasm_system::{Component, Host};
use anyhow::Result;

use crate::files::guest;
use crate::report::Figure;
use crate::rows::two_workers;

pub(super) const PAIRS: usize = 100;
/// Balls that each pair keeps in the air: one for the round trip, more for throughput.
pub(super) const BALLS: usize = 8;
/// Places in the pool for all pairs, and some over.
pub(super) const INSTANCES: u32 = 2 * 100 + 16;
const WINDOW: Duration = Duration::from_secs(2);
const WARM_UP: Duration = Duration::from_millis(300);
const PAYLOAD: [u8; 64] = [b'x'; 64];

pub(crate) fn measure() -> Result<Vec<Figure>> {
    let throughput = two_workers()?.block_on(play(PAIRS, BALLS))?;
    let single = two_workers()?.block_on(play(1, 1))?;
    // Two messages make a round trip.
    let round_trip = 2e9 / single;
    Ok(vec![
        Figure::new("component to component messages, 100 pairs", throughput, "per s", "≥ 2,500,000"),
        Figure::new("component to component round trip, one pair", round_trip, "ns", "≤ 1,900"),
    ])
}

/// Messages handled per second.
async fn play(pairs: usize, balls: usize) -> Result<f64> {
    let host = Host::builder().max_instances(INSTANCES).build()?;
    begin(&host, pairs, balls).await?;
    tokio::time::sleep(WARM_UP).await;
    let (began, before) = (Instant::now(), handled(&host));
    tokio::time::sleep(WINDOW).await;
    let (elapsed, after) = (began.elapsed(), handled(&host));
    ensure_none_refused(&host)?;
    host.kill_all().await;
    Ok((after - before) as f64 / elapsed.as_secs_f64())
}

/// Starts the players, and brings the balls into play.
pub(super) async fn begin(host: &Host, pairs: usize, balls: usize) -> Result<()> {
    let mut players = Vec::new();
    for number in 0..pairs {
        let (left, right) = (name(number, "left")?, name(number, "right")?);
        players.push(start(host, &left, &right).await?);
        players.push(start(host, &right, &left).await?);
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
    Ok(())
}

/// A ball that is refused is lost, and what is measured then is another workload.
pub(super) fn ensure_none_refused(host: &Host) -> Result<()> {
    let refused: u64 = host.statuses().iter().map(|status| status.denied + status.rejected_full).sum();
    anyhow::ensure!(refused == 0, "{refused} messages were refused");
    Ok(())
}

/// Messages that all players have handled until now.
pub(super) fn handled(host: &Host) -> u64 {
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
