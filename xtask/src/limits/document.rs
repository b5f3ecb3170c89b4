//! The enforcement table as it is committed, and whether its rows are those that ran.
//!
//! Observed figures and verdicts are of the run that wrote them, so that only what the attacks fix is
//! compared: the limit, its key, the attack, the unit, and what is declared unless that is measured too.

use std::collections::BTreeMap;

use super::row::Row;

/// Where it lies in the workspace.
pub(super) const PATH: &str = "docs/enforcement.md";

/// Everything above the table's first row.
const HEAD: &str = "\
# The enforcement table

Each limit of the host, with the attack that tries to break it. A row is made by a hostile guest, or by a crowd of
them, that runs against a real host of the release build: the verdict comes from what was measured meanwhile, never
from what was configured. `key` is the manifest key or the constant that declares the limit, `attack` the program in
`guests` that tries it.

This text is generated: `cargo xtask limits --write` runs all attacks and writes it, and `cargo xtask limits`, which
CI runs, fails where its rows are not those that ran. That the rows which attack
one limit each turn red without its enforcement is for `cargo xtask limits --mutate` to show; the last rows, which measure
a crowd or a soak, are not among them.

One thing is bounded by memory and fuel, and not by the clock: a single instruction that fills or copies memory. It is
looked at before it begins, when its fuel, a unit for each byte, is taken, and then not until its end. So a call can
overshoot its time by one pass over its own memory: a millisecond or two at the default ceiling of 4 MiB, a second or
more where an operator has raised `host.ceilings.max_memory_bytes` to a gibibyte. Where that is too much, the component's
`max_fuel`, in units below the bytes of its memory, refuses the instruction beforehand.

The observed figures come from one run on one machine: they show what a verdict rests on and are no promise. A verdict
lets pass what is `allowed`: what is declared, and what a busy machine may do to a time or to a measured size. A declared figure
marked \"measured\" follows from a measurement of the same run, such as how long it took.

| limit | key | attack | declared | allowed | observed | unit | verdict |
|---|---|---|--:|--:|--:|---|---|
";

/// The cells of a row, in the order of the columns.
const COLUMNS: [&str; 8] = ["limit", "key", "attack", "declared", "allowed", "observed", "unit", "verdict"];

/// What a run may change. What is allowed has in it by what the machine itself was late.
const OF_THE_RUN: [&str; 3] = ["allowed", "observed", "verdict"];

/// The whole text.
pub(super) fn render(rows: &[Row]) -> String {
    let mut text = HEAD.to_owned();
    for row in rows {
        text += &format!("| {} |\n", cells(row).join(" | "));
    }
    text
}

/// In what the rows of the committed text differ from those that ran.
pub(super) fn differences(committed: &str, rows: &[Row]) -> Vec<String> {
    let committed: Vec<Vec<String>> = body(committed).map(split).collect();
    let mut known: BTreeMap<&str, &Vec<String>> = BTreeMap::new();
    let mut found = Vec::new();
    for line in &committed {
        let Some(limit) = line.first().filter(|_| line.len() == COLUMNS.len()) else {
            found.push(format!("no row of the table: {}", line.join(" | ")));
            continue;
        };
        if known.insert(limit, line).is_some() {
            found.push(format!("`{limit}` is there twice"));
        }
    }
    for row in rows {
        let ran = cells(row);
        let Some(line) = ran.first().and_then(|limit| known.remove(limit.as_str())) else {
            found.push(format!("`{}` is missing", row.limit));
            continue;
        };
        for ((column, ran), line) in COLUMNS.iter().zip(&ran).zip(line) {
            // An attack that came to nothing has declared nothing; its verdict says so.
            let is_free = *column == "declared" && (row.declared.is_none() || row.declared_is_measured);
            if !is_free && !OF_THE_RUN.contains(column) && ran != line {
                found.push(format!("`{}`: {column} is {ran}, not {line}", row.limit));
            }
        }
    }
    found.extend(known.into_keys().map(|limit| format!("`{limit}` did not run")));
    found
}

/// The lines of the table's rows.
fn body(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| line.starts_with('|')).skip(2)
}

/// The cells of a line, as they are written in it.
fn split(line: &str) -> Vec<String> {
    let mut cells = Vec::new();
    let mut cell = String::new();
    let mut is_escaped = false;
    for character in line.trim().chars().skip(1) {
        if character == '|' && !is_escaped {
            cells.push(std::mem::take(&mut cell).trim().to_owned());
        } else {
            cell.push(character);
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    if !cell.trim().is_empty() {
        cells.push(cell.trim().to_owned());
    }
    cells
}

fn cells(row: &Row) -> [String; 8] {
    let figure = |figure: Option<f64>| figure.map_or_else(|| "-".to_owned(), Row::figure);
    let mut declared = figure(row.declared);
    if row.declared_is_measured {
        declared += " (measured)";
    }
    let allowed = match row.allowed {
        Some([least, most]) => format!("{} to {}", Row::figure(least), Row::figure(most)),
        None => "-".to_owned(),
    };
    [
        plain(&row.limit),
        code(&row.key),
        code(&row.attack),
        declared,
        allowed,
        figure(row.observed),
        plain(&row.unit),
        plain(&row.verdict),
    ]
}

/// A text that Markdown shows as it is.
fn plain(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '\n' | '\r' => escaped.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '#' | '$' => {
                escaped.push('\\');
                escaped.push(character);
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

/// A name as code, where it can be: nothing escapes a backquote in there, nor a backslash before a bar.
fn code(text: &str) -> String {
    if text.contains(['`', '|', '\\', '\n', '\r']) { plain(text) } else { format!("`{text}`") }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::workspace;

    fn row(limit: &str, change: impl FnOnce(&mut Row)) -> Row {
        let mut row = Row::named(limit);
        change(&mut row);
        row
    }

    #[test]
    fn a_row_is_a_line() {
        let rows = [
            row("a | b", |_| {}),
            row("c", |row| {
                row.key = "A, B".to_owned();
                row.declared_is_measured = true;
                row.observed = None;
                row.unit = "bytes_of *it*".to_owned();
            }),
        ];
        let text = render(&rows);
        let expected = "\
| a \\| b | `mailbox.capacity` | `message_flood` | 50 | 0 to 55.5 | 49.2 | messages | enforced |
| c | `A, B` | `message_flood` | 50 (measured) | 0 to 55.5 | - | bytes\\_of \\*it\\* | enforced |
";
        assert_eq!(text.strip_prefix(HEAD), Some(expected));
        assert_eq!(differences(&text, &rows), [""; 0]);
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Row), expected: &[&str]) {
        let committed = render(&[row("a", |_| {}), row("b", |_| {})]);
        assert_eq!(differences(&committed, &[row("a", |_| {}), row("b", change)]), expected);
    }

    #[test]
    fn what_the_attacks_fix_is_compared() {
        check(|row| row.key = "x".to_owned(), &["`b`: key is `x`, not `mailbox.capacity`"]);
        check(|row| row.attack = "x".to_owned(), &["`b`: attack is `x`, not `message_flood`"]);
        check(|row| row.declared = Some(51.0), &["`b`: declared is 51, not 50"]);
        check(|row| row.unit = "bytes".to_owned(), &["`b`: unit is bytes, not messages"]);
        check(|row| row.limit = "c".to_owned(), &["`c` is missing", "`b` did not run"]);
    }

    #[test]
    fn what_a_run_measures_is_not() {
        check(|row| row.observed = Some(1.0), &[]);
        check(|row| row.verdict = "BROKEN: x".to_owned(), &[]);
        check(|row| row.declared = None, &[]);
        check(
            |row| {
                row.declared = Some(51.0);
                row.declared_is_measured = true;
            },
            &[],
        );
    }

    #[test]
    fn a_table_that_was_edited_is_found() {
        let rows = [row("a", |_| {})];
        let text = render(&rows);
        let line = text.lines().last().unwrap();
        assert_eq!(differences(&format!("{text}{line}\n"), &rows), ["`a` is there twice"]);
        assert_eq!(differences(&format!("{text}| a | b |\n"), &rows), ["no row of the table: a | b"]);
        assert_eq!(differences("", &rows), ["`a` is missing"]);
    }

    #[test]
    fn the_committed_text_is_one_that_is_generated() {
        let text = fs::read_to_string(workspace::root().join(PATH)).unwrap();
        assert!(text.starts_with(HEAD), "`cargo xtask limits --write` renews it");
        assert!(body(&text).all(|line| split(line).len() == COLUMNS.len()));
        assert!(body(&text).all(|line| split(line).last().is_some_and(|verdict| verdict == "enforced")));
    }
}
