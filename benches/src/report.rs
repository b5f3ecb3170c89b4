//! The results, as a table and as JSON.

use std::io::Write;

use anyhow::Result;
use serde::Serialize;

/// One measured figure and what it is held against.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) what: &'static str,
    /// This project's figure.
    pub(crate) ours: f64,
    /// The figure beside it, where there is one.
    pub(crate) beside: Option<f64>,
    /// What that is.
    pub(crate) against: &'static str,
    /// The unit of both.
    pub(crate) unit: &'static str,
    /// Ours over the other.
    pub(crate) ratio: Option<f64>,
    /// What the specification asks for.
    pub(crate) goal: &'static str,
}

impl Figure {
    pub(crate) fn beside(mut self, figure: f64, against: &'static str) -> Self {
        self.beside = Some(figure);
        self.against = against;
        self.ratio = Some(self.ours / figure);
        self
    }

    pub(crate) fn new(what: &'static str, ours: f64, unit: &'static str, goal: &'static str) -> Self {
        Self { what, ours, beside: None, against: "", unit, ratio: None, goal }
    }
}

/// All figures of a run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    figures: Vec<Figure>,
}

impl Report {
    pub(crate) fn add(&mut self, figures: Vec<Figure>) {
        self.figures.extend(figures);
    }

    pub(crate) fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    pub(crate) fn print_json(&self) -> Result<()> {
        Ok(writeln!(std::io::stdout(), "{}", self.to_json()?)?)
    }

    pub(crate) fn print_table(&self) -> Result<()> {
        let mut out = std::io::stdout();
        writeln!(
            out,
            "{:<52} {:>14} {:>14} {:<10} {:>7}  {:<28} goal",
            "what", "ours", "beside", "unit", "ratio", "against"
        )?;
        for figure in &self.figures {
            let optional = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.2}"));
            writeln!(
                out,
                "{:<52} {:>14.1} {:>14} {:<10} {:>7}  {:<28} {}",
                figure.what,
                figure.ours,
                optional(figure.beside),
                figure.unit,
                optional(figure.ratio),
                figure.against,
                figure.goal
            )?;
        }
        Ok(())
    }
}
