//! `cargo xtask ci`: exactly what CI runs.
//!
//! Steps run from cheap to dear. A check that fails is remembered and the rest still runs, so that one
//! run tells everything; a build that fails ends the run, because what follows would fail with it.

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::{arch, example, guests, limits, tools, workspace};

/// How long the advisory database may take to come: on a machine without the network the attempt
/// can hang instead of failing.
const ADVISORIES_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Run this step only; may be given more than once.
    #[arg(long = "step", value_name = "NAME")]
    steps: Vec<Step>,
}

/// In the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    Format,
    Arch,
    Guests,
    Deny,
    Clippy,
    Build,
    GuestTests,
    Tests,
    Doc,
    DocTests,
    Limits,
    Example,
}

#[derive(Debug)]
enum Outcome {
    Passed(Duration),
    Failed(Duration),
    Skipped,
}

/// Runs the steps and prints a summary.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let chosen: Vec<Step> = Step::value_variants()
        .iter()
        .copied()
        .filter(|step| arguments.steps.is_empty() || arguments.steps.contains(step))
        .collect();
    let begin = Instant::now();
    let outcomes = drive(&chosen, perform);
    println!("\nsummary");
    for (step, outcome) in &outcomes {
        match outcome {
            Outcome::Passed(time) => println!("  {:<12} ok      {:>7.1} s", step.name(), time.as_secs_f64()),
            Outcome::Failed(time) => println!("  {:<12} FAILED  {:>7.1} s", step.name(), time.as_secs_f64()),
            Outcome::Skipped => println!("  {:<12} not run, the build failed", step.name()),
        }
    }
    let passed = outcomes.iter().all(|(_, outcome)| matches!(outcome, Outcome::Passed(_)));
    println!(
        "  {:<12} {:<7} {:>7.1} s",
        "all",
        if passed { "ok" } else { "FAILED" },
        begin.elapsed().as_secs_f64()
    );
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn drive(chosen: &[Step], mut perform: impl FnMut(Step) -> Result<()>) -> Vec<(Step, Outcome)> {
    let mut outcomes = Vec::new();
    let mut stopped = false;
    for (index, &step) in chosen.iter().enumerate() {
        if stopped {
            outcomes.push((step, Outcome::Skipped));
            continue;
        }
        println!("\n== {}/{} {}", index + 1, chosen.len(), step.name());
        let begin = Instant::now();
        let result = perform(step);
        let time = begin.elapsed();
        match result {
            Ok(()) => {
                println!("== {}: ok, {:.1} s", step.name(), time.as_secs_f64());
                outcomes.push((step, Outcome::Passed(time)));
            }
            Err(error) => {
                println!("== {}: FAILED, {:.1} s: {error:#}", step.name(), time.as_secs_f64());
                outcomes.push((step, Outcome::Failed(time)));
                stopped = step == Step::Build;
            }
        }
    }
    outcomes
}

impl Step {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

fn perform(step: Step) -> Result<()> {
    match step {
        Step::Format => format(),
        Step::Arch => arch::run(),
        Step::Guests => guests::run(true),
        Step::Deny => deny(),
        Step::Clippy => cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        Step::Build => cargo(&["test", "--workspace", "--no-run"]),
        Step::GuestTests => guest_tests(),
        Step::Tests => {
            cargo(&["test", "--workspace", "--lib", "--bins", "--tests", "--examples", "--no-fail-fast"])
        }
        Step::Doc => {
            let mut command = workspace::cargo();
            command.env("RUSTDOCFLAGS", "-D warnings");
            workspace::streamed(command.args(["doc", "--workspace", "--no-deps"]))
        }
        Step::DocTests => cargo(&["test", "--workspace", "--doc"]),
        Step::Limits => {
            if limits::run(None)? != ExitCode::SUCCESS {
                bail!("a limit is not enforced");
            }
            Ok(())
        }
        Step::Example => example::run(&example::Arguments::default()),
    }
}

fn cargo(arguments: &[&str]) -> Result<()> {
    workspace::streamed(workspace::cargo().args(arguments))
}

/// The guests are a workspace of their own.
fn format() -> Result<()> {
    let here = cargo(&["fmt", "--all", "--check"]);
    let guests = cargo(&["fmt", "--all", "--check", "--manifest-path", "guests/Cargo.toml"]);
    here.and(guests)
}

/// What the guests compute is plain Rust, tested by the ordinary toolchain.
fn guest_tests() -> Result<()> {
    let mut command = workspace::cargo();
    command.current_dir(workspace::root().join("guests"));
    workspace::streamed(command.arg("test"))
}

fn deny() -> Result<()> {
    let tool = tools::CARGO_DENY.ready()?;
    let deny = || {
        let mut command = Command::new(&tool);
        command.current_dir(workspace::root()).args(["--workspace", "--all-features"]);
        command
    };
    workspace::streamed(deny().args(["check", "bans", "licenses", "sources"]))?;
    let mut fetch = deny().args(["fetch", "db"]).stdin(Stdio::null()).spawn()?;
    match workspace::wait_until(&mut fetch, ADVISORIES_TIMEOUT)? {
        Some(status) if status.success() => {
            workspace::streamed(deny().args(["check", "--disable-fetch", "advisories"]))
        }
        _ => {
            println!("advisories: NOT CHECKED, the database cannot be fetched from here");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(chosen: &[Step], failing: &[Step]) -> (Vec<Step>, Vec<bool>) {
        let mut ran = Vec::new();
        let outcomes = drive(chosen, |step| {
            ran.push(step);
            if failing.contains(&step) {
                bail!("thrown away")
            }
            Ok(())
        });
        (ran, outcomes.iter().map(|(_, outcome)| matches!(outcome, Outcome::Passed(_))).collect())
    }

    #[test]
    fn a_failed_check_is_remembered_and_the_rest_still_runs() {
        let chosen = [Step::Format, Step::Arch, Step::Tests];
        assert_eq!(ran(&chosen, &[Step::Arch]), (chosen.to_vec(), vec![true, false, true]));
    }

    #[test]
    fn a_failed_build_ends_the_run() {
        let chosen = [Step::Clippy, Step::Build, Step::Tests];
        assert_eq!(ran(&chosen, &[Step::Build]), (vec![Step::Clippy, Step::Build], vec![true, false, false]));
    }
}
