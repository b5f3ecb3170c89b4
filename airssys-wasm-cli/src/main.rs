//! The `airssys-wasm` command line: runs, inspects, calls and validates what others hand to it.
//!
//! Invariant: what a command is asked for goes to standard output and nothing else does; everything that is
//! said about it goes to standard error. It knows hosts and manifests, never the engine.

#![forbid(unsafe_code)]

mod audit;
mod cli;
mod completions;
mod diagnosis;
mod exit;
mod inspect;
mod invoke;
mod output;
mod policy;
mod run;
mod signals;
mod validate;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{AuditCommand, Cli, Command, Format};
use crate::diagnosis::FailureJson;
use crate::exit::Exit;
use crate::output::Terminal;

fn main() -> ExitCode {
    let Cli { format, command } = Cli::parse();
    let terminal = Terminal::new();
    terminal.show_logs();
    let outcome = match command {
        Command::Run(arguments) => run::run(&arguments, format, &terminal),
        Command::Inspect(arguments) => inspect::inspect(&arguments, format),
        Command::Invoke(arguments) => invoke::invoke(&arguments, format, &terminal),
        Command::Validate(arguments) => validate::validate(&arguments, format),
        Command::Audit(AuditCommand::Verify(arguments)) => audit::verify(&arguments, format, &terminal),
        Command::Completions { shell } => completions::print(shell),
    };
    let exit = outcome.unwrap_or_else(|failure| {
        if format == Format::Json && !failure.has_results() {
            // The exit code tells of the failure, whoever reads it where.
            let _ = output::json(&FailureJson::new(failure.error()));
        }
        terminal.error(failure.error());
        failure.exit()
    });
    exit.code()
}

impl Exit {
    fn code(self) -> ExitCode {
        ExitCode::from(self.number())
    }
}
