//! `cargo xtask ci`: exactly what CI runs.
//!
//! Steps run from cheap to dear. A check that fails is remembered and the rest still runs, so that one
//! run tells everything; a build that fails ends the run, because what follows would fail with it.
//! Nothing that runs here may change a lock file.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::{arch, example, fuzz_lock, guests, limits, rights, tools, workspace};

/// How long the advisory database may take to come: on a machine without the network the attempt
/// can hang instead of failing.
const ADVISORIES_TIMEOUT: Duration = Duration::from_secs(60);

/// The guests are a workspace of their own.
const GUESTS: &str = "guests/Cargo.toml";

/// So are the fuzz targets, which want a nightly compiler: only their format and their lock file are looked at. What
/// they run is a member of this workspace, and its tests run it.
const FUZZ: &str = "fuzz/Cargo.toml";

/// What is built before the tests run is what they run, so that nothing is compiled twice.
const TESTS: [&str; 7] = ["test", "--locked", "--workspace", "--lib", "--bins", "--tests", "--examples"];

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
    Rights,
    Limits,
    Example,
}

/// How a step that did not fail went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passed {
    /// All of it was checked.
    Whole,
    /// All but what this says.
    Except(&'static str),
}

#[derive(Debug)]
enum Outcome {
    Passed(Passed, Duration),
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
        println!("  {}", line(&step.name(), outcome));
    }
    let outcomes: Vec<_> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
    let (passed, word) = verdict(&outcomes);
    println!("  {:<12} {:>7.1} s  {word}", "all", begin.elapsed().as_secs_f64());
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One line of the summary.
fn line(name: &str, outcome: &Outcome) -> String {
    let timed = |time: &Duration, word: &str| format!("{name:<12} {:>7.1} s  {word}", time.as_secs_f64());
    match outcome {
        Outcome::Passed(Passed::Whole, time) => timed(time, "ok"),
        Outcome::Passed(Passed::Except(what), time) => timed(time, &format!("passed, {what}")),
        Outcome::Failed(time) => timed(time, "FAILED"),
        Outcome::Skipped => format!("{name:<12}          -  not run, the build failed"),
    }
}

/// Whether the run passed, and how that is said.
fn verdict(outcomes: &[Outcome]) -> (bool, String) {
    if !outcomes.iter().all(|outcome| matches!(outcome, Outcome::Passed(..))) {
        return (false, "FAILED".to_owned());
    }
    let exceptions = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Passed(Passed::Except(what), _) => Some(*what),
        _ => None,
    });
    let exceptions: Vec<_> = exceptions.collect();
    let word =
        if exceptions.is_empty() { "ok".to_owned() } else { format!("passed, {}", exceptions.join(", ")) };
    (true, word)
}

fn drive(chosen: &[Step], mut perform: impl FnMut(Step) -> Result<Passed>) -> Vec<(Step, Outcome)> {
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
            Ok(passed) => {
                let outcome = Outcome::Passed(passed, time);
                println!("== {}", line(&step.name(), &outcome));
                outcomes.push((step, outcome));
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

fn perform(step: Step) -> Result<Passed> {
    match step {
        Step::Deny => return deny(),
        Step::Format => format(),
        Step::Arch => arch::run().and(fuzz_lock::run()),
        Step::Guests => guests::run(true),
        Step::Clippy => clippy(),
        Step::Build => cargo(&[&TESTS[..], &["--no-run"]].concat()),
        Step::GuestTests => cargo(&["test", "--locked", "--manifest-path", GUESTS]),
        Step::Tests => cargo(&[&TESTS[..], &["--no-fail-fast"]].concat()),
        Step::Doc => {
            let mut command = workspace::cargo();
            command.env("RUSTDOCFLAGS", "-D warnings");
            workspace::streamed(command.args(["doc", "--locked", "--workspace", "--no-deps"]))
        }
        Step::DocTests => cargo(&["test", "--locked", "--workspace", "--doc"]),
        Step::Rights => {
            if rights::run(&rights::Arguments::default())? != ExitCode::SUCCESS {
                bail!("the rights matrix is not the committed one");
            }
            Ok(())
        }
        Step::Limits => {
            if limits::run(&limits::Arguments::default())? != ExitCode::SUCCESS {
                bail!("a limit is not enforced, or its row is not in the committed table");
            }
            Ok(())
        }
        Step::Example => example::run(&example::Arguments::default()),
    }?;
    Ok(Passed::Whole)
}

fn cargo(arguments: &[&str]) -> Result<()> {
    workspace::streamed(workspace::cargo().args(arguments))
}

fn format() -> Result<()> {
    tools::RUSTFMT.ready()?;
    let here = cargo(&["fmt", "--all", "--check"]);
    let guests = cargo(&["fmt", "--all", "--check", "--manifest-path", GUESTS]);
    // Without `--all`, which would mean the member of this workspace that they use.
    let fuzz = cargo(&["fmt", "--check", "--manifest-path", FUZZ]);
    here.and(guests).and(fuzz)
}

/// Of the guests, what they compute: plain Rust, and their workspace's default members. The glue around it
/// compiles for WebAssembly only, and this runs where no toolchain for that is installed.
fn clippy() -> Result<()> {
    tools::CLIPPY.ready()?;
    let here = cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    println!("of the guests their native crates only: the glue needs the WebAssembly target");
    let guests =
        cargo(&["clippy", "--locked", "--manifest-path", GUESTS, "--all-targets", "--", "-D", "warnings"]);
    here.and(guests)
}

fn deny() -> Result<Passed> {
    let tool = tools::CARGO_DENY.ready()?;
    let deny = |manifest: &str| {
        let mut command = Command::new(&tool);
        command.current_dir(workspace::root());
        command.args(["--manifest-path", manifest, "--config", "deny.toml"]);
        command.args(["--locked", "--workspace", "--all-features"]);
        command
    };
    // The guests use less than the list allows, which is no fault.
    let quiet = ["--allow", "unused-wrapper", "--allow", "license-not-encountered"];
    let rules = ["bans", "licenses", "sources"];
    let here = workspace::streamed(deny("Cargo.toml").arg("check").args(rules));
    let guests = workspace::streamed(deny(GUESTS).arg("check").args(quiet).args(rules));
    here.and(guests)?;
    let mut fetch = deny("Cargo.toml").args(["fetch", "db"]).stdin(Stdio::null()).spawn()?;
    let status = workspace::wait_until(&mut fetch, ADVISORIES_TIMEOUT)?;
    let fetched = status.is_some_and(|status| status.success());
    let passed = advisories(fetched, &has_advisories);
    if passed != Passed::Except(NOT_CHECKED) {
        for manifest in ["Cargo.toml", GUESTS] {
            workspace::streamed(deny(manifest).args(["--offline", "check", "advisories"]))?;
        }
    }
    Ok(passed)
}

const NOT_CHECKED: &str = "advisories not checked";
const OLD: &str = "advisories of an earlier fetch";

/// What the check of the advisories will be worth. A database that is here is used, however old; where none can
/// be had it is said that nothing was checked.
fn advisories(fetched: bool, is_here: &dyn Fn() -> bool) -> Passed {
    if fetched {
        return Passed::Whole;
    }
    let excuse = if is_here() { OLD } else { NOT_CHECKED };
    println!("the advisory database cannot be fetched: {excuse}");
    Passed::Except(excuse)
}

/// Whether an earlier fetch has left a whole database where `cargo deny` keeps it.
fn has_advisories() -> bool {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    home.is_some_and(|home| holds_advisories(&home.join("advisory-dbs")))
}

/// A fetch that was cut short leaves a folder in which nothing is checked out.
fn holds_advisories(folder: &Path) -> bool {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|database| database.join("crates").is_dir())
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
            Ok(Passed::Whole)
        });
        (ran, outcomes.iter().map(|(_, outcome)| matches!(outcome, Outcome::Passed(..))).collect())
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

    #[test]
    fn documentation_and_tests_do_not_wait_for_each_other() {
        for chosen in [[Step::Doc, Step::Tests], [Step::Tests, Step::Doc]] {
            assert_eq!(ran(&chosen, &[chosen[0]]), (chosen.to_vec(), vec![false, true]));
        }
    }

    #[test]
    fn what_could_not_be_checked_is_told_apart() {
        assert_eq!(advisories(true, &|| false), Passed::Whole);
        assert_eq!(advisories(false, &|| true), Passed::Except(OLD));
        assert_eq!(advisories(false, &|| false), Passed::Except(NOT_CHECKED));
    }

    #[test]
    fn a_database_is_there_once_it_is_checked_out() -> Result<()> {
        let folder = tempfile::tempdir()?;
        assert!(!holds_advisories(&folder.path().join("none")));
        std::fs::write(folder.path().join("db.lock"), "")?;
        std::fs::create_dir_all(folder.path().join("advisory-db-1/.git"))?;
        assert!(!holds_advisories(folder.path()));
        std::fs::create_dir(folder.path().join("advisory-db-1/crates"))?;
        assert!(holds_advisories(folder.path()));
        Ok(())
    }

    #[test]
    fn what_was_not_checked_is_not_called_ok() {
        let time = Duration::from_secs(1);
        let (whole, partly) = (Passed::Whole, Passed::Except(NOT_CHECKED));
        for (outcomes, expected) in [
            (vec![Outcome::Passed(whole, time)], (true, "ok")),
            (
                vec![Outcome::Passed(partly, time), Outcome::Passed(whole, time)],
                (true, "passed, advisories not checked"),
            ),
            (vec![Outcome::Passed(partly, time), Outcome::Failed(time)], (false, "FAILED")),
            (vec![Outcome::Passed(whole, time), Outcome::Skipped], (false, "FAILED")),
        ] {
            assert_eq!(verdict(&outcomes), (expected.0, expected.1.to_owned()), "{outcomes:?}");
        }
        assert!(line("deny", &Outcome::Passed(partly, time)).ends_with("passed, advisories not checked"));
        assert!(line("deny", &Outcome::Passed(whole, time)).ends_with("ok"));
    }
}
