//! How a figure is judged that a busy machine makes worse.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::observation::{Figure, Observation};

/// Rounds at the most; the first that is good is the last.
const MOST_ROUNDS: usize = 4;

/// After this time no round is begun any more, however bad the last: a busy machine makes them long, too.
pub(super) const NO_MORE_AFTER: Duration = Duration::from_secs(15);

/// What one round came to, in the unit of the row.
#[derive(Debug, Clone)]
pub(super) struct Round {
    pub(super) declared: f64,
    /// What the machine itself did to the figure, which is none of the host's.
    pub(super) machine: f64,
    pub(super) observed: f64,
    /// All that was measured, so that a reader can judge again.
    pub(super) told: String,
}

impl Round {
    /// The observed part of what is allowed.
    fn share(&self) -> f64 {
        self.observed / (self.declared + self.machine)
    }

    fn is_good(&self) -> bool {
        self.observed <= self.declared + self.machine
    }
}

/// Measures until a round is good, and judges the best.
pub(super) async fn best_of<F>(mut measure: impl FnMut() -> F) -> Result<Observation>
where
    F: Future<Output = Result<Round>>,
{
    let began = Instant::now();
    let mut rounds = Vec::new();
    loop {
        let round = measure().await?;
        let is_last = round.is_good() || rounds.len() + 1 == MOST_ROUNDS || began.elapsed() > NO_MORE_AFTER;
        rounds.push(round);
        if is_last {
            return judge(&rounds);
        }
    }
}

fn judge(rounds: &[Round]) -> Result<Observation> {
    let best = rounds.iter().min_by(|one, other| one.share().total_cmp(&other.share()));
    let best = best.context("nothing was measured")?;
    let mut observation = Observation::at_most(Figure(best.declared), Figure(best.machine));
    observation.add(Figure(best.observed));
    let mut note = String::new();
    if best.machine > 0.0 {
        note = format!("verdict allows {:.3} more, by which the machine itself was late; ", best.machine);
    }
    let told: Vec<_> = rounds.iter().map(|round| format!("[{}]", round.told)).collect();
    note.push_str(&format!("rounds, the best of which counts: {}", told.join(" ")));
    Ok(observation.noting(note))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    fn round(declared: f64, machine: f64, observed: f64) -> Round {
        Round { declared, machine, observed, told: format!("{observed}") }
    }

    /// Measures these in turn; tells how many were left, whether the limit held, and what was shown.
    async fn run(rounds: &[Round]) -> (usize, bool, f64) {
        let mut left = VecDeque::from(rounds.to_vec());
        let observation = best_of(|| {
            let next = left.pop_front();
            async move { next.context("one round too many") }
        })
        .await
        .unwrap();
        (left.len(), observation.verdict().is_enforced(), observation.worst().unwrap().0)
    }

    #[tokio::test]
    async fn the_first_good_round_is_the_last() {
        let (good, bad) = (round(20.0, 0.0, 20.0), round(20.0, 0.0, 20.1));
        assert_eq!(run(&[good.clone(), bad.clone()]).await, (1, true, 20.0));
        assert_eq!(run(&[bad.clone(), good, bad]).await, (1, true, 20.0));
    }

    #[tokio::test]
    async fn bad_rounds_come_to_an_end_and_the_best_of_them_is_shown() {
        let rounds = [50.0, 30.0, 40.0, 60.0, 1.0].map(|observed| round(20.0, 0.0, observed));
        assert_eq!(run(&rounds).await, (1, false, 30.0));
    }

    #[tokio::test]
    async fn what_the_machine_did_is_allowed_in_its_own_round_only() {
        let rounds = [(9.0, 30.0), (0.0, 29.0), (10.5, 30.6), (0.0, 29.0)];
        let rounds = rounds.map(|(machine, observed)| round(20.0, machine, observed));
        assert_eq!(run(&rounds).await, (0, false, 30.6));
        assert_eq!(run(&[round(20.0, 10.0, 30.0)]).await, (0, true, 30.0));
    }

    #[tokio::test]
    async fn no_number_is_no_good_round() {
        let rounds =
            [f64::NAN, f64::INFINITY, f64::NAN, f64::INFINITY].map(|observed| round(2.0, 0.0, observed));
        assert!(!run(&rounds).await.1);
    }

    #[test]
    fn nothing_measured_is_no_verdict() {
        assert!(judge(&[]).is_err());
    }

    #[test]
    fn the_note_has_every_round() {
        let note = |machine| judge(&[round(2.0, 0.5, 9.0), round(2.0, machine, 1.0)]).unwrap().note();
        assert_eq!(note(0.0), "rounds, the best of which counts: [9] [1]");
        assert_eq!(
            note(0.25),
            "verdict allows 0.250 more, by which the machine itself was late; rounds, the best of which counts: [9] [1]"
        );
    }
}
