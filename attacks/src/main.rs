//! Prints the enforcement table; the exit code tells whether every limit held.

#![forbid(unsafe_code)]

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Parser, ValueEnum};

use airssys_wasm_attacks::{
    Attack, LEFT_OUT, attacks, measurements, prove, run_flood, to_json, to_markdown, to_text, unattacked,
};

/// Attacks every limit with its hostile guest, measures what a crowd of them costs everybody else, and prints what
/// was declared and what was observed. The exit code is 1 where a limit did not hold or has no attack.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// How the table is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Which rows are run.
    #[arg(long, value_enum, default_value_t = Rows::All)]
    rows: Rows,
    /// Of these rows the one of this limit alone; may be given more than once.
    #[arg(long = "limit", value_name = "LIMIT")]
    limits: Vec<String>,
    /// Also keep the table in this file, as JSON.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Attack nothing: hold the rights matrix against the host, and print it as Markdown where it holds.
    #[arg(long, conflicts_with_all = ["format", "rows", "limits", "output"])]
    rights: bool,
    /// Run this flood alone, and print what it came to: what the rows of resident memory do in processes of their own.
    #[arg(long, value_name = "NAME", exclusive = true)]
    flood: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Aligned columns.
    Text,
    /// An array of objects, the raw figures among them.
    Json,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Rows {
    /// Each limit alone, against its hostile guest.
    Attacks,
    /// What a crowd of hostile guests costs everybody else.
    Measurements,
    /// The attacks, then the measurements.
    All,
}

impl Rows {
    fn chosen(self) -> Vec<Attack> {
        match self {
            Self::Attacks => attacks(),
            Self::Measurements => measurements(),
            Self::All => [attacks(), measurements()].concat(),
        }
    }

    /// Those of these limits; all of them where none is named.
    fn of_limits(self, limits: &[String]) -> anyhow::Result<Vec<Attack>> {
        let mut rows = self.chosen();
        if let Some(unknown) = limits.iter().find(|limit| rows.iter().all(|row| row.limit != **limit)) {
            bail!("there is no row of the limit `{unknown}`");
        }
        rows.retain(|row| limits.is_empty() || limits.iter().any(|limit| row.limit == limit));
        Ok(rows)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if arguments.rights {
        return rights().await;
    }
    if let Some(flood) = &arguments.flood {
        std::io::stdout().lock().write_all(run_flood(flood).await?.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = Vec::new();
    // One after the other: the figures are times, and a neighbour's attack is not what they measure.
    for attack in arguments.rows.of_limits(&arguments.limits)? {
        rows.push(attack.run().await);
    }
    let json = to_json(&rows)? + "\n";
    if let Some(file) = &arguments.output {
        std::fs::write(file, &json).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    let text = match arguments.format {
        Format::Text => to_text(&rows),
        Format::Json => json,
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    if let (Rows::Measurements | Rows::All, Some(reason)) = (arguments.rows, LEFT_OUT) {
        writeln!(std::io::stderr().lock(), "{reason}")?;
    }
    let is_whole = !matches!(arguments.rows, Rows::All) || is_whole(&attacks())?;
    let all = is_whole && rows.iter().all(|row| row.verdict.is_enforced());
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Whether every key and every fixed bound that must have an attack has one; says which have none.
fn is_whole(attacks: &[Attack]) -> anyhow::Result<bool> {
    let missing = unattacked(attacks);
    for key in &missing {
        writeln!(std::io::stderr().lock(), "no attack has the key {key}")?;
    }
    Ok(missing.is_empty())
}

/// Prints the rights matrix, or what is wrong with it.
async fn rights() -> anyhow::Result<ExitCode> {
    let findings = prove().await?;
    if findings.is_empty() {
        std::io::stdout().lock().write_all(to_markdown().as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut errors = std::io::stderr().lock();
    for finding in findings {
        writeln!(errors, "{finding}")?;
    }
    Ok(ExitCode::from(1))
}
