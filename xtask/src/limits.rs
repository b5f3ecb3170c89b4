//! `cargo xtask limits`: every attack, and the enforcement table.
//!
//! The attacks are a crate of their own, because they need the engine and this package must build
//! fast. Its output and its exit code are passed through as they are. What is added here is the committed
//! form of the table, which must have the rows that ran, and the proof that a row turns red where its
//! enforcement is missing.

use std::fs;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::format::Format;
use crate::programs::Programs;
use crate::workspace;

mod copy;
mod document;
mod mutate;
mod mutations;
mod row;
mod trial;
mod watch;

use row::Row;

/// The program that attacks, and the package that it is in.
const ATTACKS: &str = "airssys-wasm-attacks";

#[derive(Debug, Default, Args)]
pub(crate) struct Arguments {
    /// How to print the table.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Also write the table to docs/enforcement.md, where every limit holds.
    #[arg(long)]
    write: bool,
    /// Take out each enforcement in turn, in a copy of the sources, and check that its rows turn red and no
    /// other; with names, only those of attacks/mutations.toml.
    #[arg(long, value_name = "NAME", num_args = 0.., conflicts_with_all = ["format", "write"])]
    mutate: Option<Vec<String>>,
}

/// Builds and runs the attacks.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(names) = &arguments.mutate {
        return mutate::run(names);
    }
    let programs = Programs::build()?;
    // A file of this run alone, so that two of them beside each other do not read each other's rows.
    let file = workspace::target_directory()?.join(format!("limits-{}.json", std::process::id()));
    let mut command = Command::new(programs.path(ATTACKS)?);
    command.current_dir(workspace::root()).args(["--format", arguments.format.name(), "--output"]).arg(&file);
    let code = workspace::pass_through(&mut command)?;
    if code != ExitCode::SUCCESS {
        // The table says itself what does not hold; where there is none, the attacks did.
        drop(fs::remove_file(&file));
        return Ok(code);
    }
    let rows = Row::read(&file)?;
    fs::remove_file(&file)?;
    if arguments.write { write(&rows).map(|()| code) } else { compare(&rows) }
}

fn write(rows: &[Row]) -> Result<()> {
    if !rows.iter().all(Row::is_enforced) {
        bail!("a limit does not hold: {} is left as it is", document::PATH);
    }
    let path = workspace::root().join(document::PATH);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&path, document::render(rows)).with_context(|| format!("cannot write {}", document::PATH))?;
    eprintln!("{} rows written to {}", rows.len(), document::PATH);
    Ok(())
}

/// Whether the committed table has the rows that ran. What differs goes where errors go: the output is the
/// table alone.
fn compare(rows: &[Row]) -> Result<ExitCode> {
    let path = workspace::root().join(document::PATH);
    let committed = fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}; `cargo xtask limits --write` makes it", document::PATH))?;
    let differences = document::differences(&committed, rows);
    if differences.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("{} does not have the rows that ran:", document::PATH);
    for difference in differences {
        eprintln!("  {difference}");
    }
    eprintln!("`cargo xtask limits --write` renews it");
    Ok(ExitCode::FAILURE)
}
