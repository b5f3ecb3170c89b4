//! `cargo xtask limits`: every attack, and the enforcement table.
//!
//! The attacks are a crate of their own, because they need the engine and this package must build
//! fast. Its output and its exit code are passed through as they are.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::format::Format;
use crate::programs::Programs;
use crate::workspace;

/// Builds and runs the attacks.
pub(crate) fn run(format: Format) -> Result<ExitCode> {
    let mut command = Command::new(Programs::build()?.path("airssys-wasm-attacks")?);
    command.current_dir(workspace::root()).args(["--format", format.name()]);
    workspace::pass_through(&mut command)
}
