//! What limits cost: the message workload with limits on and with limits off, in turns.
//!
//! Off means an engine without fuel, ticks and limiter, calls without a clock, and a guard without sizes and
//! rates. Code is compiled without the checks, too, and everything else is the same. Each side has a runtime of its
//! own; while one plays, the workers of the other are held between two calls.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use airssys_wasm_system::{Host, HostBuilder};
use anyhow::{Context, Result};
use tokio::runtime::Runtime;

use crate::measure::{Samples, processor_time};
use crate::report::Figure;
use crate::rows::messages::{BALLS, INSTANCES, PAIRS, begin, ensure_none_refused, handled};
use crate::rows::{WORKERS, two_workers};

/// An even number, so that each side goes first as often as the other.
const ROUNDS: usize = 20;
const WARM_UP: Duration = Duration::from_millis(50);
const WINDOW: Duration = Duration::from_millis(400);

pub(crate) fn measure() -> Result<Vec<Figure>> {
    let host = || Host::builder().max_instances(INSTANCES);
    let mut sides = [Side::new(host())?, Side::new(host().without_limits())?];
    for _ in 0..ROUNDS {
        for side in &mut sides {
            side.play()?;
        }
        sides.reverse();
    }
    let [on, off] = &sides;
    Ok(vec![
        Figure::new("limits on, wall clock of one message", on.wall.median(), "ns", "≤ 1.05")
            .beside(off.wall.median(), "limits off"),
        Figure::new("limits on, processor time of one message", on.processor.median(), "ns", "≤ 1.05")
            .beside(off.processor.median(), "limits off"),
    ])
}

/// A host whose components play, and the time of one message over all rounds.
struct Side {
    /// None while it plays. Before the runtime, which waits for its workers at its end.
    held: Option<Hold>,
    runtime: Runtime,
    host: Host,
    wall: Samples,
    processor: Samples,
}

impl Side {
    fn new(host: HostBuilder) -> Result<Self> {
        let (runtime, host) = (two_workers()?, host.build()?);
        runtime.block_on(begin(&host, PAIRS, BALLS))?;
        let held = Some(Hold::all(&runtime)?);
        Ok(Self { held, runtime, host, wall: Samples::default(), processor: Samples::default() })
    }

    /// Plays for one window.
    fn play(&mut self) -> Result<()> {
        self.held = None;
        wait(WARM_UP);
        let (began, used, before) = (Instant::now(), processor_time(), handled(&self.host));
        wait(WINDOW);
        let (elapsed, using, after) = (began.elapsed(), processor_time(), handled(&self.host));
        self.held = Some(Hold::all(&self.runtime)?);
        ensure_none_refused(&self.host)?;
        let each = |time: Duration| time.as_secs_f64() * 1e9 / (after - before).max(1) as f64;
        self.wall.push(each(elapsed));
        if let Some((now, then)) = using.zip(used) {
            self.processor.push(each(now.saturating_sub(then)));
        }
        Ok(())
    }
}

/// Holds the workers of a runtime between two tasks until it is dropped.
struct Hold {
    _release: Vec<SyncSender<()>>,
}

impl Hold {
    fn all(runtime: &Runtime) -> Result<Self> {
        let (arrive, arrived) = sync_channel(WORKERS);
        let mut release = Vec::new();
        for _ in 0..WORKERS {
            let arrive = arrive.clone();
            let (sender, released): (SyncSender<()>, Receiver<()>) = sync_channel(1);
            runtime.spawn(async move {
                // Whoever waits for either is gone only when the run is over.
                arrive.send(()).ok();
                released.recv().ok();
            });
            release.push(sender);
        }
        for _ in 0..WORKERS {
            arrived.recv().context("a worker is gone")?;
        }
        Ok(Self { _release: release })
    }
}

/// Waits, although nothing is to come.
fn wait(time: Duration) {
    let until = Instant::now() + time;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(left);
    }
}
