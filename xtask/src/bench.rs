//! `cargo xtask bench`: the rows of the table of numbers, each beside the bare engine.
//!
//! The benches are a crate of their own, because they need the engine and this package must build
//! fast. Their output and their exit code are passed through as they are.

use std::path::{self, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::format::Format;
use crate::workspace;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Rows to measure; none means all.
    rows: Vec<String>,
    /// How to print the results.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Also keep the results in this file, as JSON.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Builds and runs the benches; no rows means all of them.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut command = workspace::cargo();
    command.args(["run", "--release", "--quiet", "--package", "airssys-wasm-benches", "--"]);
    command.args(&arguments.rows).args(["--format", arguments.format.name()]);
    if let Some(file) = &arguments.output {
        // The benches run at the root, and the path is meant from where the task was called.
        command.arg("--output").arg(path::absolute(file)?);
    }
    workspace::pass_through(&mut command)
}
