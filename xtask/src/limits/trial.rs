//! Whether the rows that turned red are those of the enforcement that was taken out.

use super::row::Row;

/// How a run of some rows came to its end.
#[derive(Debug, Clone)]
pub(super) enum Run {
    /// With its rows.
    Table(Vec<Row>),
    /// Without, because it was ended or ended itself; with the reason.
    Ended(String),
}

impl Run {
    /// Several runs as one: it has their rows, or ended as the first of them that ended without.
    pub(super) fn all(runs: Vec<Self>) -> Self {
        let mut all = Vec::new();
        for run in runs {
            match run {
                Self::Table(rows) => all.extend(rows),
                ended @ Self::Ended(_) => return ended,
            }
        }
        Self::Table(all)
    }
}

/// What a trial came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Judgement {
    /// What is wrong; nothing where the rows are as they must be.
    pub(super) faults: Vec<String>,
    /// Rows that were red and then green, run alone: what the machine did, and no enforcement.
    pub(super) passing: Vec<String>,
    /// Rows that were red and had to be.
    pub(super) red: usize,
}

/// How often a row that must be green is run alone before it counts as red.
const RUNS_ALONE: usize = 3;

impl Judgement {
    /// Judges rows that must be green. Where some are not, `again` runs the rows of these limits once more: those
    /// that measure time turn red on a machine that is busy with something else.
    pub(super) fn of_green<E>(
        run: Run,
        mut again: impl FnMut(&[String]) -> Result<Run, E>,
    ) -> Result<Self, E> {
        let mut judgement = Self::default();
        let rows = match run {
            Run::Table(rows) => rows,
            Run::Ended(reason) => {
                judgement.faults.push(format!("the rows that must be green {reason}"));
                return Ok(judgement);
            }
        };
        let mut red: Vec<Row> = rows.into_iter().filter(|row| !row.is_enforced()).collect();
        for _ in 0..RUNS_ALONE {
            if red.is_empty() {
                break;
            }
            let limits: Vec<_> = red.iter().map(|row| row.limit.clone()).collect();
            let Run::Table(rerun) = again(&limits)? else { break };
            let is_green = |row: &Row| rerun.iter().any(|it| it.limit == row.limit && it.is_enforced());
            let (green, still_red) = red.into_iter().partition(is_green);
            judgement.passing.extend(Vec::into_iter(green).map(|row: Row| row.limit));
            red = still_red;
        }
        let faults = red.iter().map(|row| format!("red, and must be green: {} ({})", row.limit, row.verdict));
        judgement.faults.extend(faults);
        Ok(judgement)
    }

    /// Judges a row that must be red, from a run of its own: without its enforcement it may take the whole process
    /// with it.
    pub(super) fn add_red(&mut self, limit: &str, run: &Run) {
        let is_red = match run {
            Run::Table(rows) => rows.iter().any(|row| row.limit == limit && !row.is_enforced()),
            Run::Ended(_) => true,
        };
        if is_red {
            self.red += 1;
        } else {
            self.faults.push(format!("green, and must be red: {limit}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn rows(limits: &[&str], red: &[&str]) -> Run {
        let row = |limit: &&str| {
            let mut row = Row::named(limit);
            if red.contains(limit) {
                row.verdict = "BROKEN: x".to_owned();
            }
            row
        };
        Run::Table(limits.iter().map(row).collect())
    }

    #[track_caller]
    fn check(first: &[&str], reruns: &[&[&str]], faults: &[&str], passing: &[&str]) {
        let mut left = reruns.iter();
        let again = |limits: &[String]| {
            let limits: Vec<_> = limits.iter().map(String::as_str).collect();
            Ok::<_, Infallible>(rows(&limits, left.next().unwrap()))
        };
        let Ok(judgement) = Judgement::of_green(rows(&["a", "b", "c"], first), again);
        assert_eq!(judgement.faults, faults);
        assert_eq!(judgement.passing, passing);
        assert_eq!(left.next(), None, "run more often than it is judged");
    }

    #[test]
    fn a_row_that_must_be_green_is_red_only_if_it_is_so_every_time() {
        let fault = "red, and must be green: b (BROKEN: x)";
        check(&[], &[], &[], &[]);
        check(&["b"], &[&["b"], &["b"], &["b"]], &[fault], &[]);
        check(&["b"], &[&["b"], &["b"], &[]], &[], &["b"]);
        check(&["b", "c"], &[&["b"], &["b"], &["b"]], &[fault], &["c"]);
    }

    #[test]
    fn what_must_be_green_comes_to_its_end() {
        let Ok(judgement) =
            Judgement::of_green(Run::Ended("were ended".to_owned()), |_| Ok::<_, Infallible>(rows(&[], &[])));
        assert_eq!(judgement.faults, ["the rows that must be green were ended"]);
        let Ok(judgement) = Judgement::of_green(rows(&["b"], &["b"]), |_| {
            Ok::<_, Infallible>(Run::Ended("were ended".to_owned()))
        });
        assert_eq!(judgement.faults, ["red, and must be green: b (BROKEN: x)"]);
    }

    #[test]
    fn several_runs_have_all_rows_or_none() {
        let table = |run: Run| match run {
            Run::Table(rows) => Ok(rows.into_iter().map(|row| row.limit).collect::<Vec<_>>()),
            Run::Ended(reason) => Err(reason),
        };
        assert_eq!(
            table(Run::all(vec![rows(&["a"], &[]), rows(&["b", "c"], &[])])).unwrap(),
            ["a", "b", "c"]
        );
        let ended = Run::Ended("were ended".to_owned());
        assert_eq!(table(Run::all(vec![rows(&["a"], &[]), ended])).unwrap_err(), "were ended");
    }

    #[test]
    fn a_row_that_must_be_red_is_red_or_takes_the_process_with_it() {
        for (run, is_red) in [
            (rows(&["a"], &["a"]), true),
            (Run::Ended("was ended".to_owned()), true),
            (rows(&["a"], &[]), false),
            (rows(&["b"], &["b"]), false),
        ] {
            let mut judgement = Judgement::default();
            judgement.add_red("a", &run);
            assert_eq!(judgement.red == 1, is_red, "{run:?}");
            assert_eq!(judgement.faults.is_empty(), is_red, "{run:?}");
        }
    }
}
