//! `cargo xtask rights`: what a component without rights gets of each import of the host.
//!
//! As with the limits, what is tried is a crate of its own, because it needs the engine. It prints the matrix once all
//! of it was proved; what is added here is the committed text, which must be the same.

use std::fs;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::programs::Programs;
use crate::workspace;

/// The program that tries the matrix.
const ATTACKS: &str = "airssys-wasm-attacks";

/// Where the matrix lies in the workspace.
const PATH: &str = "docs/rights.md";

#[derive(Debug, Default, Args)]
pub(crate) struct Arguments {
    /// Write the matrix to docs/rights.md.
    #[arg(long)]
    write: bool,
}

/// Proves the matrix, and compares or writes the committed text.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let programs = Programs::build()?;
    let mut command = Command::new(programs.path(ATTACKS)?);
    let tried = command.current_dir(workspace::root()).arg("--rights").output()?;
    let errors = String::from_utf8_lossy(&tried.stderr);
    ensure!(tried.status.success(), "the matrix does not hold:\n{}", errors.trim_end());
    let proved = String::from_utf8(tried.stdout).context("the matrix is no text")?;
    let path = workspace::root().join(PATH);
    if arguments.write {
        fs::write(&path, &proved).with_context(|| format!("cannot write {PATH}"))?;
        println!("{PATH} is written");
        return Ok(ExitCode::SUCCESS);
    }
    let committed = fs::read_to_string(&path)
        .with_context(|| format!("cannot read {PATH}; `cargo xtask rights --write` makes it"))?;
    let differences = differences(&committed, &proved);
    if differences.is_empty() {
        println!("{PATH} is what was proved");
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("{PATH} is not what was proved:");
    for difference in differences {
        eprintln!("  {difference}");
    }
    eprintln!("`cargo xtask rights --write` renews it");
    Ok(ExitCode::FAILURE)
}

/// The lines of each text that the other has not, and where there are none but the texts differ, that they do.
fn differences(committed: &str, proved: &str) -> Vec<String> {
    let only = |one: &str, other: &str, mark: char| -> Vec<String> {
        let lines = one.lines().filter(|line| !other.lines().any(|other| other == *line));
        lines.map(|line| format!("{mark} {line}")).collect()
    };
    let mut found = only(committed, proved, '-');
    found.extend(only(proved, committed, '+'));
    if found.is_empty() && committed != proved {
        found.push("the same lines in another order or number".to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_told() {
        assert!(differences("a\nb\n", "a\nb\n").is_empty());
        assert_eq!(differences("a\nb\n", "a\nc\n"), ["- b", "+ c"]);
        assert_eq!(differences("a\nb\n", "b\na\n").len(), 1);
        assert_eq!(differences("a\n", "a\na\n").len(), 1);
    }
}
