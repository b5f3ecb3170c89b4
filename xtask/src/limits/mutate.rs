//! `cargo xtask limits --mutate`: without an enforcement its rows turn red, and they alone.
//!
//! A table that is green proves something only where it would be red otherwise. So each enforcement is taken
//! out in turn, in a copy of the sources that is built and run like the workspace itself.

#![expect(clippy::disallowed_types, reason = "held to take one group of rows out, while no task runs")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::ATTACKS;
use super::copy;
use super::mutations::{Mutation, Mutations};
use super::row::Row;
use super::trial::{Judgement, Run};
use super::watch::{Allowance, Ending, watch};
use crate::programs::Programs;
use crate::workspace;

/// What the attacks may take without an enforcement: each of their rows gives up by itself after half a
/// minute, and what they take of memory is a small part of this.
const ALLOWANCE: Allowance = Allowance { time: Duration::from_secs(900), resident_bytes: 2 << 30 };

/// Rows that must be red are run apart from each other, so many at a time: most of them only wait until they give up.
const RED_TOGETHER: usize = 6;

/// Rows that must be green are run in so many processes at a time, because most of them wait more than they compute.
/// Where the others make one late, it is run again alone.
const GREEN_TOGETHER: usize = 3;

/// Lines of a failed build that are shown.
const SHOWN_LINES: usize = 20;

/// Tries the mutations with these names, or all of them.
pub(super) fn run(names: &[String]) -> Result<ExitCode> {
    let begin = Instant::now();
    let root = workspace::root();
    let mutations = Mutations::read(&root)?;
    let chosen = mutations.chosen(names)?;
    let site = Site::of(&root)?;
    println!("in {}; the first build there takes minutes", site.folder.display());
    let mut limits = BTreeSet::new();
    let is_green = report("(nothing)", "Nothing is taken out.", || {
        let (attempt, all) = site.baseline()?;
        limits = all;
        Ok(attempt)
    })?;
    if !is_green {
        bail!("the table is not green to begin with");
    }
    let mut wrong = Vec::new();
    for mutation in &chosen {
        if !report(&mutation.name, &mutation.why, || site.mutate(mutation, &limits))? {
            wrong.push(mutation.name.as_str());
        }
    }
    for exemption in &mutations.exemption {
        println!("not tried: {} ({})", exemption.limit, exemption.reason);
    }
    let minutes = begin.elapsed().as_secs_f64() / 60.0;
    println!(
        "{} mutations in {minutes:.1} min, {} as they must be",
        chosen.len(),
        chosen.len() - wrong.len()
    );
    if wrong.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("not as they must be: {}", wrong.join(", "));
    Ok(ExitCode::FAILURE)
}

/// Prints how an attempt went, and whether it went as it must.
fn report(name: &str, why: &str, attempt: impl FnOnce() -> Result<Attempt>) -> Result<bool> {
    print!("{name:<24} ");
    std::io::stdout().flush()?;
    let Attempt { judgement, build, attacks } = attempt()?;
    let is_right = judgement.faults.is_empty();
    println!(
        "{:<5} {:>2} red   build {:>5.1} s, attacks {:>5.1} s   {why}",
        if is_right { "ok" } else { "WRONG" },
        judgement.red,
        build.as_secs_f64(),
        attacks.as_secs_f64()
    );
    for fault in &judgement.faults {
        println!("    {fault}");
    }
    for limit in &judgement.passing {
        println!("    red, and green when it was run alone, which is taken for the machine's doing: {limit}");
    }
    Ok(is_right)
}

/// One enforcement taken out, and what became of the table.
#[derive(Debug)]
struct Attempt {
    judgement: Judgement,
    build: Duration,
    attacks: Duration,
}

/// Where the copy is built and run. A build folder of its own: Cargo takes two copies of a workspace for one, so
/// that a shared one would hand what was built without an enforcement to the workspace itself.
struct Site {
    folder: PathBuf,
}

impl Site {
    /// For the workspace at `root`, as it is now: what is changed there meanwhile is none of this run.
    fn of(root: &Path) -> Result<Self> {
        let site = Self { folder: workspace::target_directory()?.join("mutations") };
        copy::renew(root, &site.original())?;
        Ok(site)
    }

    fn original(&self) -> PathBuf {
        self.folder.join("original")
    }

    fn sources(&self) -> PathBuf {
        self.folder.join("sources")
    }

    /// Builds and runs the copy as it is, and returns the limits of its rows, all of which must be green.
    fn baseline(&self) -> Result<(Attempt, BTreeSet<String>)> {
        let mut limits = BTreeSet::new();
        let attempt = self.attempt(
            || Ok(()),
            |program| {
                let run = self.attack(program, "all", &[])?;
                if let Run::Table(rows) = &run {
                    limits.extend(rows.iter().map(|row| row.limit.clone()));
                }
                Judgement::of_green(run, |limits| self.attack(program, "again", limits))
            },
        )?;
        Ok((attempt, limits))
    }

    /// Takes out an enforcement, and judges what follows.
    fn mutate(&self, mutation: &Mutation, limits: &BTreeSet<String>) -> Result<Attempt> {
        if let Some(unknown) = mutation.red.difference(limits).next() {
            bail!("{}: there is no row of the limit `{unknown}`", mutation.name);
        }
        self.attempt(
            || mutation.apply(&self.sources()),
            |program| {
                let groups = dealt(limits.difference(&mutation.red).cloned(), GREEN_TOGETHER);
                let runs = self.attack_apart(program, "green", &groups, GREEN_TOGETHER)?;
                let again = |limits: &[String]| self.attack(program, "again", limits);
                let mut judgement = Judgement::of_green(Run::all(runs), again)?;
                let must_be_red: Vec<_> = mutation.red.iter().map(|limit| vec![limit.clone()]).collect();
                let runs = self.attack_apart(program, "red", &must_be_red, RED_TOGETHER)?;
                for (limit, run) in mutation.red.iter().zip(&runs) {
                    judgement.add_red(limit, run);
                }
                Ok(judgement)
            },
        )
    }

    /// Changes the copy, builds it, and judges it; what goes wrong on the way is a fault, too.
    fn attempt(
        &self,
        change: impl FnOnce() -> Result<()>,
        trial: impl FnOnce(&Path) -> Result<Judgement>,
    ) -> Result<Attempt> {
        copy::renew(&self.original(), &self.sources())?;
        change()?;
        let begin = Instant::now();
        let built = self.build();
        let build = begin.elapsed();
        let begin = Instant::now();
        let judgement = built
            .and_then(|program| trial(&program))
            .unwrap_or_else(|error| Judgement { faults: vec![format!("{error:#}")], ..Judgement::default() });
        Ok(Attempt { judgement, build, attacks: begin.elapsed() })
    }

    /// Builds the attacks of the copy: incrementally, because one crate after the other is changed a little, and
    /// anew where that fails, because what an earlier build has left may be all that is wrong.
    fn build(&self) -> Result<PathBuf> {
        self.build_with("1").or_else(|_| self.build_with("0"))
    }

    fn build_with(&self, incremental: &str) -> Result<PathBuf> {
        let log = self.folder.join("build.log");
        let target = self.folder.join("target");
        let mut command = workspace::cargo();
        command
            .current_dir(self.sources())
            .env("CARGO_TARGET_DIR", &target)
            .env("CARGO_BUILD_BUILD_DIR", &target)
            .env("CARGO_INCREMENTAL", incremental)
            .stderr(File::create(&log)?);
        match Programs::of(command, &[ATTACKS]) {
            Ok(programs) => Ok(programs.path(ATTACKS)?.to_owned()),
            Err(error) => {
                let log = fs::read(&log)?;
                let lines = last_lines(&String::from_utf8_lossy(&log));
                Err(error.context(format!("it does not build:\n{lines}")))
            }
        }
    }

    /// Runs each of these groups of rows in a process of its own, so many at the same time.
    fn attack_apart(
        &self,
        program: &Path,
        name: &str,
        groups: &[Vec<String>],
        together: usize,
    ) -> Result<Vec<Run>> {
        let waiting = Mutex::new(groups.iter().enumerate());
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || {
            let mut runs = Vec::new();
            while let Some((number, limits)) = next() {
                runs.push((number, self.attack(program, &format!("{name}-{number}"), limits)?));
            }
            Ok(runs)
        };
        let mut runs = thread::scope(|scope| {
            let workers: Vec<_> = (0..together).map(|_| scope.spawn(work)).collect();
            let ended = workers.into_iter().map(|it| it.join().unwrap_or_else(|_| bail!("a run panicked")));
            ended.collect::<Result<Vec<_>>>()
        })?
        .concat();
        runs.sort_by_key(|(number, _)| *number);
        Ok(runs.into_iter().map(|(_, run)| run).collect())
    }

    /// Runs the attacks on these limits, or on all, whatever they come to. What they say goes to files of this name.
    fn attack(&self, program: &Path, name: &str, limits: &[String]) -> Result<Run> {
        let table = self.folder.join(format!("{name}.json"));
        let log = self.folder.join(format!("{name}.log"));
        let mut command = Command::new(program);
        command
            .current_dir(self.sources())
            .args(["--rows", "attacks", "--format", "json"])
            .args(limits.iter().flat_map(|limit| ["--limit", limit.as_str()]))
            .stdin(Stdio::null())
            .stdout(File::create(&table)?)
            .stderr(File::create(&log)?);
        let child = command.spawn().with_context(|| format!("{} cannot be run", program.display()))?;
        Ok(match watch(child, ALLOWANCE)? {
            // A process that a signal ended has no code.
            Ending::Exited(status) if status.code().is_none() => Run::Ended(format!("ended by {status}")),
            Ending::Exited(status) => Run::Table(
                Row::read(&table)
                    .with_context(|| format!("the attacks ended with {status}; see {}", log.display()))?,
            ),
            Ending::OutOfTime => Run::Ended(format!("did not end in {} s", ALLOWANCE.time.as_secs())),
            Ending::OutOfMemory => Run::Ended(format!("took more than {} bytes", ALLOWANCE.resident_bytes)),
        })
    }
}

/// Deals these to so many groups in turn, so that neighbours, which are much alike, are in different ones.
fn dealt(limits: impl Iterator<Item = String>, count: usize) -> Vec<Vec<String>> {
    let mut groups = vec![Vec::new(); count];
    for (number, limit) in limits.enumerate() {
        if let Some(group) = groups.get_mut(number % count) {
            group.push(limit);
        }
    }
    // A run without limits would be one of all.
    groups.retain(|group| !group.is_empty());
    groups
}

fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines.get(lines.len().saturating_sub(SHOWN_LINES)..).unwrap_or_default().join("\n")
}
