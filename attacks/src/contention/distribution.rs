//! Times that were measured, in order.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// A place in a distribution.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rank {
    P50,
    P99,
    P999,
    Worst,
}

impl Rank {
    const ALL: [Self; 4] = [Self::P50, Self::P99, Self::P999, Self::Worst];

    const fn per_mille(self) -> usize {
        match self {
            Self::P50 => 500,
            Self::P99 => 990,
            Self::P999 => 999,
            Self::Worst => 1_000,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
            Self::Worst => "max",
        }
    }
}

/// Times in order; there is at least one.
#[derive(Debug)]
pub(super) struct Distribution(Vec<Duration>);

impl Distribution {
    pub(super) fn of(mut times: Vec<Duration>) -> Result<Self> {
        ensure!(!times.is_empty(), "nothing was measured");
        times.sort_unstable();
        Ok(Self(times))
    }

    /// The least time that so many are not above: one that was measured, nothing between two.
    pub(super) fn at(&self, rank: Rank) -> Result<Duration> {
        let place = (self.0.len() * rank.per_mille()).div_ceil(1_000).max(1);
        self.0.get(place - 1).copied().context("nothing was measured")
    }

    pub(super) fn milliseconds_at(&self, rank: Rank) -> Result<f64> {
        Ok(milliseconds(self.at(rank)?))
    }

    /// As the note of a row tells it.
    pub(super) fn summary(&self) -> Result<String> {
        let mut places = Vec::new();
        for rank in Rank::ALL {
            places.push(format!("{} {:.3}", rank.name(), self.milliseconds_at(rank)?));
        }
        Ok(format!("{} ms of {}", places.join(", "), self.0.len()))
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(times: std::ops::RangeInclusive<u64>, expected: [u64; 4]) {
        let distribution = Distribution::of(times.rev().map(Duration::from_micros).collect()).unwrap();
        let found = Rank::ALL.map(|rank| distribution.at(rank).unwrap().as_micros() as u64);
        assert_eq!(found, expected);
    }

    #[test]
    fn a_rank_is_a_time_that_was_measured() {
        check(7..=7, [7, 7, 7, 7]);
        check(1..=2, [1, 2, 2, 2]);
        check(1..=100, [50, 99, 100, 100]);
        check(1..=101, [51, 100, 101, 101]);
        check(1..=1_000, [500, 990, 999, 1_000]);
        check(1..=1_001, [501, 991, 1_000, 1_001]);
    }

    #[test]
    fn nothing_has_no_rank() {
        assert!(Distribution::of(Vec::new()).is_err());
    }

    #[test]
    fn a_summary_has_every_rank() {
        let times = [3, 1, 2].map(Duration::from_millis).to_vec();
        let summary = Distribution::of(times).unwrap().summary().unwrap();
        assert_eq!(summary, "p50 2.000, p99 3.000, p99.9 3.000, max 3.000 ms of 3");
    }
}
