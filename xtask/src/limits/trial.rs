//! Whether the rows that turned red are those of the enforcement that was taken out.

use std::collections::BTreeSet;

use super::row::Row;

/// What a trial came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Judgement {
    /// What is wrong; nothing where the rows are as they must be.
    pub(super) faults: Vec<String>,
    /// Rows that were red once and not when they were run again: what the machine did, and no enforcement.
    pub(super) passing: Vec<String>,
}

/// Judges the rows of a run against those that must be red, and they alone. Where others are, `again` runs them once
/// more: rows that measure time turn red on a machine that is busy with something else.
pub(super) fn judge<E>(
    must_be_red: &BTreeSet<String>,
    rows: &[Row],
    again: impl FnOnce() -> Result<Vec<Row>, E>,
) -> Result<Judgement, E> {
    let mut judgement = Judgement::default();
    for limit in must_be_red {
        match rows.iter().find(|row| row.limit == *limit) {
            Some(row) if !row.is_enforced() => {}
            Some(_) => judgement.faults.push(format!("green, and must be red: {limit}")),
            None => judgement.faults.push(format!("there is no such row: {limit}")),
        }
    }
    let unexpected: Vec<_> =
        rows.iter().filter(|row| !row.is_enforced() && !must_be_red.contains(&row.limit)).collect();
    if unexpected.is_empty() {
        return Ok(judgement);
    }
    let second = again()?;
    for row in unexpected {
        if second.iter().any(|other| other.limit == row.limit && other.is_enforced()) {
            judgement.passing.push(row.limit.clone());
        } else {
            judgement.faults.push(format!("red, and must be green: {} ({})", row.limit, row.verdict));
        }
    }
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
    fn check(must: &[&str], first: &[&str], second: Option<&[&str]>, faults: &[&str], passing: &[&str]) {
        let must = must.iter().map(|limit| (*limit).to_owned()).collect();
        let mut ran_again = false;
        let again = || {
            ran_again = true;
            Ok::<_, Infallible>(rows(second.unwrap_or_default()))
        };
        let Ok(judgement) = judge(&must, &rows(first), again);
        assert_eq!(judgement.faults, faults);
        assert_eq!(judgement.passing, passing);
        assert_eq!(ran_again, second.is_some());
    }

    #[test]
    fn the_rows_of_the_enforcement_are_red_and_no_other() {
        check(&[], &[], None, &[], &[]);
        check(&["a", "b"], &["a", "b"], None, &[], &[]);
        check(&["a", "b"], &["a"], None, &["green, and must be red: b"], &[]);
        check(&["a", "d"], &["a"], None, &["there is no such row: d"], &[]);
    }

    #[test]
    fn another_row_that_is_red_must_be_so_twice() {
        let fault = "red, and must be green: b (BROKEN: x)";
        check(&["a"], &["a", "b"], Some(&["a", "b"]), &[fault], &[]);
        check(&["a"], &["a", "b"], Some(&["a"]), &[], &["b"]);
        check(&["a"], &["b"], Some(&["c"]), &["green, and must be red: a"], &["b"]);
    }
}
