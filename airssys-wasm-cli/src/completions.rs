//! `airssys-wasm completions`: what a shell needs to complete the command line.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::exit::{Exit, Failure};
use crate::output;

/// Prints the completions of one shell.
pub(crate) fn print(shell: Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "airssys-wasm", &mut script);
    output::data(&script).map_err(Failure::running)?;
    Ok(Exit::Done)
}
