//! Measures the host, each figure beside the bare engine or native code in the same run.
//!
//! Only the ratios mean anything on a shared machine. `cargo xtask bench` builds and runs this.

#![forbid(unsafe_code)]

mod bare;
mod files;
mod measure;
mod report;
mod rows;

use anyhow::Result;
use clap::{Parser, ValueEnum};

use crate::report::Report;
use crate::rows::Row;

/// Measures airssys-wasm side by side with the bare engine and with native code.
#[derive(Debug, Parser)]
struct Arguments {
    /// Rows to measure; all of them when none is named.
    rows: Vec<Row>,
    /// How to print the results.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Also keep the results in this file, as JSON.
    #[arg(long)]
    output: Option<std::path::PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table of aligned columns.
    Text,
    /// One object that holds the figures.
    Json,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let rows = if arguments.rows.is_empty() { Row::value_variants().to_vec() } else { arguments.rows };
    let mut report = Report::default();
    for row in rows {
        report.add(row.measure()?);
    }
    if let Some(path) = arguments.output {
        std::fs::write(path, report.to_json()?)?;
    }
    match arguments.format {
        Format::Text => report.print_table(),
        Format::Json => report.print_json(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(format: &[&str]) -> Option<Format> {
        let words = ["benches"].iter().chain(format).copied();
        Arguments::try_parse_from(words).ok().map(|arguments| arguments.format)
    }

    #[test]
    fn the_formats_are_those_of_the_task() {
        assert_eq!(parsed(&[]), Some(Format::Text));
        assert_eq!(parsed(&["--format", "text"]), Some(Format::Text));
        assert_eq!(parsed(&["--format", "json"]), Some(Format::Json));
        assert_eq!(parsed(&["--format", "human"]), None);
    }
}
