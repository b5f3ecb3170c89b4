//! A row of the enforcement table, as the attacks write it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The verdict of a limit that held.
const ENFORCED: &str = "enforced";

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Row {
    pub(super) limit: String,
    pub(super) key: String,
    pub(super) attack: String,
    pub(super) declared: Option<f64>,
    /// Whether another run declares something else.
    pub(super) declared_is_measured: bool,
    /// The least and the most that the verdict lets pass.
    pub(super) allowed: Option<[f64; 2]>,
    pub(super) observed: Option<f64>,
    pub(super) unit: String,
    pub(super) verdict: String,
}

impl Row {
    /// The rows that a run has left in `file`.
    pub(super) fn read(file: &Path) -> Result<Vec<Self>> {
        let text = fs::read(file).with_context(|| format!("there is no table in {}", file.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is no table", file.display()))
    }

    pub(super) fn is_enforced(&self) -> bool {
        self.verdict == ENFORCED
    }

    /// Whole numbers without a fraction, others with one digit of it.
    pub(super) fn figure(figure: f64) -> String {
        if figure.fract() == 0.0 { format!("{figure:.0}") } else { format!("{figure:.1}") }
    }
}

#[cfg(test)]
impl Row {
    /// A row that held, for the tests of this task.
    pub(super) fn named(limit: &str) -> Self {
        Self {
            limit: limit.to_owned(),
            key: "mailbox.capacity".to_owned(),
            attack: "message_flood".to_owned(),
            declared: Some(50.0),
            declared_is_measured: false,
            allowed: Some([0.0, 55.5]),
            observed: Some(49.25),
            unit: "messages".to_owned(),
            verdict: ENFORCED.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_from_what_the_attacks_write() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("table.json");
        let text = r#"[{"limit": "l", "key": "mailbox.capacity", "attack": "message_flood", "declared": 50,
            "declared_is_measured": false, "allowed": [0, 55.5], "observed": 49.25, "unit": "messages", "verdict": "enforced",
            "samples": [1, 49.25], "note": ""}]"#;
        fs::write(&file, text)?;
        assert_eq!(Row::read(&file)?, [Row::named("l")]);
        fs::write(&file, "[")?;
        assert!(Row::read(&file).is_err());
        Ok(())
    }
}
