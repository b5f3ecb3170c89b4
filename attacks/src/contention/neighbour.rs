//! What a well-behaved sibling notices of the crowd.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use airssys_wasm_system::{ComponentRef, Host};

use crate::attack::Attack;
use crate::observation::{Figure, Observation};
use crate::siege::sibling;

use super::callers::Caller;
use super::control::Control;
use super::deadline::TIMEOUT_MS;
use super::distribution::{Distribution, Rank};
use super::rounds::NO_MORE_AFTER;
use super::runaways::{Endless, FAR_FROM_LONG, KillStream, NEARLY_LONG, NearlyLong, host};

/// Turns, each idle first and then beside the crowd, so that what disturbs the machine disturbs both; short and
/// many, so that even on a busy machine some are quiet.
const LEAST_TURNS: usize = 5;
const MOST_TURNS: usize = 12;
const IDLE: Duration = Duration::from_millis(150);
const BESIDE: Duration = Duration::from_millis(250);
const WARM_UP: Duration = Duration::from_millis(50);

/// Time of each call that does nothing but call the host.
const HOST_CALLS_MS: u64 = 100;

/// By what factor the sibling's p99 may be longer beside the crowd.
const FACTOR: f64 = 2.0;

pub(super) const MEASUREMENTS: &[Attack] = &[
    Attack {
        limit: "a busy sibling beside a stream of kills",
        key: "EngineConfig::tick",
        guest: "loop_forever",
        unit: "µs of a round trip, p99",
        measure: || Box::pin(measure(Caller::Busy, Crowd::Killed)),
    },
    Attack {
        limit: "a busy sibling beside endless computations",
        key: "EngineConfig::tick",
        guest: "loop_forever",
        unit: "µs of a round trip, p99",
        measure: || Box::pin(measure(Caller::Busy, Crowd::Endless)),
    },
    Attack {
        limit: "a waiting sibling beside a stream of kills",
        key: "EngineConfig::tick",
        guest: "loop_forever",
        unit: "µs of a round trip, p99",
        measure: || Box::pin(measure(Caller::Outside, Crowd::Killed)),
    },
    Attack {
        limit: "a waiting sibling beside endless computations",
        key: "EngineConfig::tick",
        guest: "loop_forever",
        unit: "µs of a round trip, p99",
        measure: || Box::pin(measure(Caller::Outside, Crowd::Endless)),
    },
    Attack {
        limit: "a busy sibling beside calls that are nearly long",
        key: "EngineConfig::tick",
        guest: "nearly_long",
        unit: "µs of a round trip, p99",
        measure: || Box::pin(measure(Caller::Busy, Crowd::NearlyLong(NEARLY_LONG))),
    },
    Attack {
        limit: "a waiting sibling beside calls that are nearly long",
        key: "EngineConfig::tick",
        guest: "nearly_long",
        unit: "µs of a round trip, p99",
        measure: || Box::pin(measure(Caller::Outside, Crowd::NearlyLong(NEARLY_LONG))),
    },
    Attack {
        limit: "a busy sibling beside calls of a tenth of a tick",
        key: "EngineConfig::tick",
        guest: "nearly_long",
        unit: "µs of a round trip, p99",
        measure: || Box::pin(measure(Caller::Busy, Crowd::NearlyLong(FAR_FROM_LONG))),
    },
    Attack {
        limit: "a waiting sibling beside calls of a tenth of a tick",
        key: "EngineConfig::tick",
        guest: "nearly_long",
        unit: "µs of a round trip, p99",
        measure: || Box::pin(measure(Caller::Outside, Crowd::NearlyLong(FAR_FROM_LONG))),
    },
    Attack {
        limit: "a busy sibling beside host calls in a row",
        key: "EngineConfig::tick",
        guest: "log_in_a_row",
        unit: "µs of a round trip, p99",
        measure: || Box::pin(measure(Caller::Busy, Crowd::HostCalls)),
    },
    Attack {
        limit: "a waiting sibling beside host calls in a row",
        key: "EngineConfig::tick",
        guest: "log_in_a_row",
        unit: "µs of a round trip, p99",
        measure: || Box::pin(measure(Caller::Outside, Crowd::HostCalls)),
    },
];

/// What computes meanwhile.
#[derive(Debug, Clone, Copy)]
enum Crowd {
    Killed,
    Endless,
    NearlyLong(Duration),
    HostCalls,
}

/// The round trips of one turn.
#[derive(Debug)]
struct Turn {
    idle: Distribution,
    beside: Distribution,
}

async fn measure(caller: Caller, crowd: Crowd) -> Result<Observation> {
    let host = host()?;
    let sibling = host.start(sibling("attack/*")?).await?;
    caller.round_trips(&sibling, WARM_UP).await?;
    let (began, control) = (Instant::now(), Control::start()?);
    let mut turns = Vec::new();
    let observation = loop {
        let idle = caller.round_trips(&sibling, IDLE).await?;
        let beside = beside(crowd, &host, caller, &sibling).await?;
        turns.push(Turn { idle, beside });
        let observation = judge(&turns)?;
        let is_enough = turns.len() >= LEAST_TURNS && observation.verdict().is_enforced();
        if is_enough || turns.len() == MOST_TURNS || began.elapsed() > NO_MORE_AFTER {
            break observation;
        }
    };
    let machine = control.lateness().await?;
    let status = host.status_of(sibling.address()).pop().context("the sibling is not there")?;
    ensure!(status.restarts == 0, "the sibling was restarted {} times", status.restarts);
    host.shutdown().await;
    Ok(observation.noting(format!("{}; machine {}", told(&turns)?, machine.summary()?)))
}

async fn beside(crowd: Crowd, host: &Host, caller: Caller, sibling: &ComponentRef) -> Result<Distribution> {
    match crowd {
        Crowd::Killed => {
            let stream = KillStream::start(host, TIMEOUT_MS).await?;
            let times = caller.round_trips(sibling, BESIDE).await?;
            stream.end().await?;
            Ok(times)
        }
        Crowd::Endless => {
            let endless = Endless::start(host).await?;
            let times = caller.round_trips(sibling, BESIDE).await?;
            endless.end().await?;
            Ok(times)
        }
        Crowd::HostCalls => {
            let stream = KillStream::of(host, "log_in_a_row", HOST_CALLS_MS).await?;
            let times = caller.round_trips(sibling, BESIDE).await?;
            stream.end().await?;
            Ok(times)
        }
        Crowd::NearlyLong(each_call) => {
            let nearly_long = NearlyLong::start(host, each_call).await?;
            let times = caller.round_trips(sibling, BESIDE).await?;
            nearly_long.end().await?;
            Ok(times)
        }
    }
}

/// The lower quartile of the turns beside the crowd against that of the idle ones: a turn that was idle while the
/// machine was busy with other things excuses nothing, and one that met nothing at all condemns nothing, because
/// both are as rare on the other side.
fn judge(turns: &[Turn]) -> Result<Observation> {
    let quartile = |times: fn(&Turn) -> &Distribution| -> Result<f64> {
        let mut each: Vec<f64> =
            turns.iter().map(|turn| times(turn).milliseconds_at(Rank::P99)).collect::<Result<_>>()?;
        each.sort_by(f64::total_cmp);
        let quartile = each.get(each.len() / 4).context("nothing was measured")?;
        Ok(quartile * 1_000.0)
    };
    let declared = FACTOR * quartile(|turn| &turn.idle)?;
    let mut observation = Observation::at_most(Figure(declared), Figure(0.0)).declared_as_measured();
    observation.add(Figure(quartile(|turn| &turn.beside)?));
    Ok(observation)
}

fn told(turns: &[Turn]) -> Result<String> {
    let mut told =
        vec![format!("{FACTOR} times the lower quartile of the idle turns against that of the others:")];
    for Turn { idle, beside } in turns {
        told.push(format!("[idle {}; beside {}]", idle.summary()?, beside.summary()?));
    }
    Ok(told.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turns of one round trip each: idle, and beside the crowd.
    #[track_caller]
    fn check(turns: &[(u64, u64)], declared: f64, observed: f64, enforced: bool) {
        let one = |micros| Distribution::of(vec![Duration::from_micros(micros)]).unwrap();
        let turns: Vec<_> =
            turns.iter().map(|(idle, beside)| Turn { idle: one(*idle), beside: one(*beside) }).collect();
        let judged = judge(&turns).unwrap();
        assert_eq!((judged.declared().0, judged.worst().unwrap().0), (declared, observed));
        assert_eq!(judged.verdict().is_enforced(), enforced);
        assert_eq!(told(&turns).unwrap().matches("[idle").count(), turns.len());
    }

    #[test]
    fn a_quarter_of_the_turns_decides() {
        check(&[(16, 32)], 32.0, 32.0, true);
        check(&[(16, 33)], 32.0, 33.0, false);
        check(&[(16, 500), (800, 31)], 32.0, 31.0, true);
        check(&[(17, 500), (800, 34), (16, 33), (900, 600)], 34.0, 34.0, true);
        check(&[(17, 500), (800, 40), (16, 33), (900, 600)], 34.0, 40.0, false);
    }

    #[test]
    fn idle_turns_on_a_busy_machine_excuse_nothing() {
        let busy = (5_000, 4_000);
        check(&[(16, 40), busy, (17, 41), busy, busy], 34.0, 41.0, false);
    }

    #[test]
    fn one_turn_that_met_nothing_condemns_nothing() {
        check(&[(20, 40), (9, 41), (21, 39), (20, 42), (22, 44)], 40.0, 40.0, true);
    }

    #[test]
    fn no_turn_is_no_verdict() {
        assert!(judge(&[]).is_err());
    }
}
