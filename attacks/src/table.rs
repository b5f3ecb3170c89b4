//! The enforcement table, for people and for programs.

use crate::attack::Row;
use crate::observation::Figure;

const HEAD: [&str; 8] = ["limit", "key", "attack", "declared", "allowed", "observed", "unit", "verdict"];

/// The table as aligned text; the notes of its rows stay out.
#[must_use]
pub fn to_text(rows: &[Row]) -> String {
    let figure = |figure: Option<Figure>| figure.map_or_else(|| "-".to_owned(), |figure| figure.to_string());
    let lines: Vec<[String; 8]> = std::iter::once(HEAD.map(str::to_owned))
        .chain(rows.iter().map(|row| {
            [
                row.limit.to_owned(),
                row.key.to_owned(),
                row.attack.to_owned(),
                figure(row.declared),
                row.allowed.map_or_else(|| "-".to_owned(), |[least, most]| format!("{least} to {most}")),
                figure(row.observed),
                row.unit.to_owned(),
                row.verdict.to_string(),
            ]
        }))
        .collect();
    let mut widths = [0; 8];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for line in &lines {
        let mut written = String::new();
        for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
            // Numbers stand to the right.
            let is_figure = (3..=5).contains(&column);
            let padded = if is_figure { format!("{cell:>width$}  ") } else { format!("{cell:<width$}  ") };
            written.push_str(&padded);
        }
        text.push_str(written.trim_end());
        text.push('\n');
    }
    text
}

/// The table as a JSON array with an object for each row.
///
/// # Errors
///
/// None with the rows as they are; the writer of JSON has its own signature.
pub fn to_json(rows: &[Row]) -> serde_json::Result<String> {
    serde_json::to_string_pretty(rows)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::observation::Verdict;

    fn row(verdict: Verdict) -> Row {
        Row {
            limit: "fuel",
            key: "resources.cpu.max_fuel",
            attack: "loop_forever",
            declared: Some(Figure(10.0)),
            declared_is_measured: false,
            allowed: Some([Figure(0.0), Figure(10.5)]),
            observed: None,
            unit: "fuel units",
            verdict,
            samples: vec![Figure(9.5)],
            note: String::new(),
        }
    }

    #[test]
    fn columns_are_aligned() {
        let text = to_text(&[row(Verdict::Enforced), row(Verdict::Broken("late".into()))]);
        let expected = "\
limit  key                     attack        declared    allowed  observed  unit        verdict
fuel   resources.cpu.max_fuel  loop_forever        10  0 to 10.5         -  fuel units  enforced
fuel   resources.cpu.max_fuel  loop_forever        10  0 to 10.5         -  fuel units  BROKEN: late
";
        assert_eq!(text, expected);
    }

    #[test]
    fn an_object_has_the_keys_that_readers_rely_on() {
        let json: Value = serde_json::from_str(&to_json(&[row(Verdict::Enforced)]).unwrap()).unwrap();
        let mut keys: Vec<_> = json[0].as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected = [&HEAD[..], &["declared_is_measured", "samples", "note"]].concat();
        keys.sort_unstable();
        expected.sort_unstable();
        assert_eq!(keys, expected);
        assert_eq!(json[0]["declared"], 10);
        assert_eq!(json[0]["allowed"], serde_json::json!([0, 10.5]));
        assert_eq!(json[0]["verdict"], "enforced");
    }
}
