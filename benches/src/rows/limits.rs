//! What limits cost: the message workload with limits on and with limits off, in turns.
//!
//! Off means an engine without fuel, ticks and limiter, calls without a clock, and a guard without sizes and
//! rates. Code is compiled without the checks, too, and everything else is the same.

use std::time::Duration;

use airssys_wasm_system::Host;
use anyhow::Result;

use crate::measure::Samples;
use crate::report::Figure;
use crate::rows::messages::{BALLS, INSTANCES, PAIRS, Played, play};
use crate::rows::two_workers;

const ROUNDS: usize = 6;
const WINDOW: Duration = Duration::from_secs(1);

pub(crate) fn measure() -> Result<Vec<Figure>> {
    let (mut on, mut off) = (Side::default(), Side::default());
    for round in 0..ROUNDS {
        // Each goes first as often as the other.
        for is_limited in [round % 2 == 0, round % 2 != 0] {
            let host = Host::builder().max_instances(INSTANCES);
            let host = if is_limited { host } else { host.without_limits() }.build()?;
            let played = two_workers()?.block_on(play(host, PAIRS, BALLS, WINDOW))?;
            if is_limited { on.add(played) } else { off.add(played) }
        }
    }
    Ok(vec![
        Figure::new("limits on, wall clock of one message", on.wall.median(), "ns", "≤ 1.05")
            .beside(off.wall.median(), "limits off"),
        Figure::new("limits on, processor time of one message", on.processor.median(), "ns", "≤ 1.05")
            .beside(off.processor.median(), "limits off"),
    ])
}

/// The time of one message over all rounds of one side.
#[derive(Debug, Default)]
struct Side {
    wall: Samples,
    processor: Samples,
}

impl Side {
    fn add(&mut self, played: Played) {
        let each = |time: Duration| time.as_secs_f64() * 1e9 / played.messages.max(1) as f64;
        self.wall.push(each(played.elapsed));
        if let Some(processor) = played.processor {
            self.processor.push(each(processor));
        }
    }
}
