//! `cargo xtask bench`: the rows of the table of numbers, each beside the bare engine.
//!
//! The benches are a crate of their own, because they need the engine and this package must build
//! fast. Their output and their exit code are passed through as they are.

use std::process::ExitCode;

use anyhow::Result;

use crate::workspace;

/// Builds and runs the benches; no `rows` means all of them.
pub(crate) fn run(rows: &[String], format: Option<&str>) -> Result<ExitCode> {
    let mut command = workspace::cargo();
    command.args(["run", "--release", "--quiet", "--package", "airssys-wasm-benches", "--"]);
    command.args(rows);
    if let Some(format) = format {
        command.args(["--format", format]);
    }
    workspace::pass_through(&mut command)
}
