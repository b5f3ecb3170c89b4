//! `cargo xtask limits`: every attack, and the enforcement table.
//!
//! The attacks are a crate of their own, because they need the engine and this package must build
//! fast. Its output and its exit code are passed through as they are.

use std::process::ExitCode;

use anyhow::Result;

use crate::workspace;

/// Builds and runs the attacks.
pub(crate) fn run(format: Option<&str>) -> Result<ExitCode> {
    let mut command = workspace::cargo();
    command.args(["run", "--release", "--quiet", "--package", "airssys-wasm-attacks", "--"]);
    if let Some(format) = format {
        command.args(["--format", format]);
    }
    workspace::pass_through(&mut command)
}
