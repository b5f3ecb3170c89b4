//! Whether the rows that turned red are those of the enforcement that was taken out.

use std::collections::BTreeSet;

use super::row::Row;

/// What a trial came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Judgement {
    /// What is wrong; nothing where the rows are as they must be.
    pub(super) faults: Vec<String>,
    /// Rows that were red and then green, run alone: what the machine did, and no enforcement.
    pub(super) passing: Vec<String>,
}

/// How often a row that must be green is run alone before it counts as red.
const RUNS_ALONE: usize = 3;

/// Judges the rows of a run against those that must be red, and they alone. Where others are, `again` runs the rows of
/// these limits once more: those that measure time turn red on a machine that is busy with something else.
pub(super) fn judge<E>(
    must_be_red: &BTreeSet<String>,
    rows: &[Row],
    mut again: impl FnMut(&[String]) -> Result<Vec<Row>, E>,
) -> Result<Judgement, E> {
    let mut judgement = Judgement::default();
    for limit in must_be_red {
        match rows.iter().find(|row| row.limit == *limit) {
            Some(row) if !row.is_enforced() => {}
            Some(_) => judgement.faults.push(format!("green, and must be red: {limit}")),
            None => judgement.faults.push(format!("there is no such row: {limit}")),
        }
    }
    let mut unexpected: Vec<&Row> =
        rows.iter().filter(|row| !row.is_enforced() && !must_be_red.contains(&row.limit)).collect();
    for _ in 0..RUNS_ALONE {
        if unexpected.is_empty() {
            break;
        }
        let limits: Vec<_> = unexpected.iter().map(|row| row.limit.clone()).collect();
        let rerun = again(&limits)?;
        let is_green = |row: &&Row| rerun.iter().any(|other| other.limit == row.limit && other.is_enforced());
        let (green, red): (Vec<_>, Vec<_>) = unexpected.into_iter().partition(is_green);
        judgement.passing.extend(green.into_iter().map(|row| row.limit.clone()));
        unexpected = red;
    }
    let red = unexpected.iter().map(|row| format!("red, and must be green: {} ({})", row.limit, row.verdict));
    judgement.faults.extend(red);
    Ok(judgement)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn rows(red: &[&str]) -> Vec<Row> {
        let row = |limit: &&str| {
            let mut row = Row::named(limit);
            if red.contains(limit) {
                row.verdict = "BROKEN: x".to_owned();
            }
            row
        };
        ["a", "b", "c"].iter().map(row).collect()
    }

    #[track_caller]
    fn check(must: &[&str], first: &[&str], reruns: &[&[&str]], faults: &[&str], passing: &[&str]) {
        let must = must.iter().map(|limit| (*limit).to_owned()).collect();
        let mut left = reruns.iter();
        let again = |limits: &[String]| {
            let red = left.next().unwrap();
            let all = rows(red);
            Ok::<_, Infallible>(all.into_iter().filter(|row| limits.contains(&row.limit)).collect())
        };
        let Ok(judgement) = judge(&must, &rows(first), again);
        assert_eq!(judgement.faults, faults);
        assert_eq!(judgement.passing, passing);
        assert_eq!(left.next(), None, "run more often than it is judged");
    }

    #[test]
    fn the_rows_of_the_enforcement_are_red_and_no_other() {
        check(&[], &[], &[], &[], &[]);
        check(&["a", "b"], &["a", "b"], &[], &[], &[]);
        check(&["a", "b"], &["a"], &[], &["green, and must be red: b"], &[]);
        check(&["a", "d"], &["a"], &[], &["there is no such row: d"], &[]);
    }

    #[test]
    fn another_row_that_is_red_must_be_so_every_time() {
        let fault = "red, and must be green: b (BROKEN: x)";
        check(&["a"], &["a", "b"], &[&["b"], &["b"], &["b"]], &[fault], &[]);
        check(&["a"], &["a", "b"], &[&["b"], &["b"], &[]], &[], &["b"]);
        check(&["a"], &["a", "b", "c"], &[&["b"], &["b"], &["b"]], &[fault], &["c"]);
        check(&["a"], &["b"], &[&["c"]], &["green, and must be red: a"], &["b"]);
    }
}
