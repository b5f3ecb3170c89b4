//! The project's own tasks: `cargo xtask ci`, `arch`, `guests`, `example`, `limits`, `rights`, `bench`.
//!
//! One file per task. A task that checks something is also a test of this package, so that
//! `cargo test` alone finds what it would find. This package knows the library crates from outside
//! only: it depends on none of them and runs what they build.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a task talks to the person who runs it")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod arch;
mod bench;
mod ci;
mod example;
mod format;
mod fuzz_lock;
mod guests;
mod limits;
mod programs;
mod rights;
mod tools;
mod workspace;

/// The project's own tasks.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Everything that CI runs, step by step.
    Ci(ci::Arguments),
    /// Checks the walls between the crates.
    Arch,
    /// Rebuilds the guest programs.
    Guests {
        /// Only check that the built components fit their sources; needs no WebAssembly toolchain.
        #[arg(long)]
        check: bool,
    },
    /// Checks the log pipeline against an independent count.
    Example(example::Arguments),
    /// Runs every attack and prints the enforcement table.
    Limits(limits::Arguments),
    /// Proves what a component without rights gets of each import of the host.
    Rights(rights::Arguments),
    /// Measures the rows of the table of numbers, or those that are named.
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    match dispatch(Arguments::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(task: Task) -> anyhow::Result<ExitCode> {
    match task {
        Task::Ci(arguments) => ci::run(&arguments),
        Task::Arch => arch::run().map(|()| ExitCode::SUCCESS),
        Task::Guests { check } => guests::run(check).map(|()| ExitCode::SUCCESS),
        Task::Example(arguments) => example::run(&arguments).map(|()| ExitCode::SUCCESS),
        Task::Limits(arguments) => limits::run(&arguments),
        Task::Rights(arguments) => rights::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_printed_as_text_or_as_json() {
        for task in ["limits", "bench"] {
            for (format, known) in [("text", true), ("json", true), ("human", false)] {
                let parsed = Arguments::try_parse_from(["cargo xtask", task, "--format", format]);
                assert_eq!(parsed.is_ok(), known, "{task} {format}");
            }
        }
        for (arguments, known) in [
            (&["--write", "--format", "json"][..], true),
            (&["--mutate"], true),
            (&["--mutate", "one", "two"], true),
            (&["--mutate", "--write"], false),
            (&["one"], false),
        ] {
            let parsed = Arguments::try_parse_from([&["cargo xtask", "limits"], arguments].concat());
            assert_eq!(parsed.is_ok(), known, "{arguments:?}");
        }
        let bench = ["cargo xtask", "bench", "messages", "--output", "figures.json"];
        assert!(Arguments::try_parse_from(bench).is_ok());
    }
}
