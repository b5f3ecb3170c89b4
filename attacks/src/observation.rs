//! What was declared, what was observed, and the verdict that follows.

use std::fmt;

use serde::{Serialize, Serializer};

/// A number of the table; whole numbers are written without a fraction.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Figure(pub f64);

/// The largest whole number below which a float holds every whole number.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl From<u64> for Figure {
    fn from(number: u64) -> Self {
        Self(number as f64)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.0.fract() == 0.0 { format!("{:.0}", self.0) } else { format!("{:.1}", self.0) };
        f.pad(&text)
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() == 0.0 && (0.0..EXACT).contains(&self.0) {
            serializer.serialize_u64(self.0 as u64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

/// Whether a limit held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It held in every round.
    Enforced,
    /// It did not, or nothing could be observed; with the reason.
    Broken(String),
}

impl Verdict {
    /// Whether it held.
    #[must_use]
    pub fn is_enforced(&self) -> bool {
        matches!(self, Self::Enforced)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enforced => f.write_str("enforced"),
            Self::Broken(reason) => write!(f, "BROKEN: {reason}"),
        }
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The measurements of one attack.
#[derive(Debug)]
pub(crate) struct Observation {
    declared: Figure,
    declared_is_measured: bool,
    /// The verdict's bounds: what is observed lies between them, both included.
    least: f64,
    most: f64,
    samples: Vec<Figure>,
    note: String,
}

impl Observation {
    /// Nothing was observed yet. What is observed must not be more than `declared`.
    pub(crate) fn of(declared: u64) -> Self {
        Self::at_most(Figure::from(declared), Figure(0.0))
    }

    /// What is declared follows from a measurement of this run, such as how long it took.
    pub(crate) fn declared_as_measured(mut self) -> Self {
        self.declared_is_measured = true;
        self
    }

    /// As [`of`](Self::of) and [`tolerating`](Self::tolerating) together, of what is no whole number.
    pub(crate) fn at_most(declared: Figure, tolerated: Figure) -> Self {
        Self {
            declared,
            declared_is_measured: false,
            least: 0.0,
            most: declared.0 + tolerated.0,
            samples: Vec::new(),
            note: String::new(),
        }
    }

    /// The verdict lets this much more pass: what the machine does to a measurement, not the host.
    pub(crate) fn tolerating(mut self, more: u64) -> Self {
        self.most += more as f64;
        self
    }

    /// Less than what is declared is wrong as well: a call that was ended before its time.
    pub(crate) fn never_less(mut self) -> Self {
        self.least = self.declared.0;
        self
    }

    pub(crate) fn noting(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    pub(crate) fn add(&mut self, sample: impl Into<Figure>) {
        self.samples.push(sample.into());
    }

    pub(crate) fn declared(&self) -> Figure {
        self.declared
    }

    /// The least and the most that the verdict lets pass.
    pub(crate) fn allowed(&self) -> [Figure; 2] {
        [Figure(self.least), Figure(self.most)]
    }

    pub(crate) fn declared_is_measured(&self) -> bool {
        self.declared_is_measured
    }

    pub(crate) fn samples(&self) -> &[Figure] {
        &self.samples
    }

    pub(crate) fn worst(&self) -> Option<Figure> {
        self.samples.iter().copied().max_by(|one, other| one.0.total_cmp(&other.0))
    }

    pub(crate) fn verdict(&self) -> Verdict {
        if self.samples.is_empty() {
            return Verdict::Broken("nothing was observed".to_owned());
        }
        match self.samples.iter().find(|sample| !(self.least..=self.most).contains(&sample.0)) {
            None => Verdict::Enforced,
            Some(sample) => Verdict::Broken(format!(
                "observed {sample}; allowed is {} to {}",
                Figure(self.least),
                Figure(self.most)
            )),
        }
    }

    pub(crate) fn note(self) -> String {
        self.note
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(observation: Observation, samples: &[f64], enforced: bool) {
        let mut observation = observation;
        samples.iter().for_each(|sample| observation.add(Figure(*sample)));
        assert_eq!(observation.verdict().is_enforced(), enforced, "{observation:?}");
    }

    #[test]
    fn the_worst_round_decides() {
        check(Observation::of(100), &[], false);
        check(Observation::of(100), &[1.0, 100.0], true);
        check(Observation::of(100), &[100.1, 1.0], false);
        check(Observation::of(100).tolerating(5), &[105.0], true);
        check(Observation::of(100).tolerating(5), &[105.1], false);
        check(Observation::of(100).never_less(), &[100.0, 99.9], false);
        check(Observation::at_most(Figure(1.5), Figure(0.25)), &[1.75], true);
        check(Observation::at_most(Figure(1.5), Figure(0.25)), &[1.76], false);
        check(Observation::of(0), &[0.0], true);
        check(Observation::of(0), &[f64::NAN], false);
    }

    #[test]
    fn whole_numbers_are_written_whole() {
        for (figure, text) in
            [(Figure(50.0), "50"), (Figure(50.25), "50.2"), (Figure::from(1 << 40), "1099511627776")]
        {
            assert_eq!(figure.to_string(), text);
        }
        assert_eq!(serde_json::to_string(&[Figure(2.0), Figure(2.5)]).unwrap(), "[2,2.5]");
    }

    #[test]
    fn a_verdict_is_one_text() {
        assert_eq!(serde_json::to_string(&Verdict::Enforced).unwrap(), r#""enforced""#);
        assert_eq!(Verdict::Broken("late".into()).to_string(), "BROKEN: late");
    }
}
