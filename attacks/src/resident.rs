//! What a flood makes resident in the process of a host, measured in a process that does nothing else.
//!
//! Within one process after another flood a flood would find the memory of the former one free, and seem to take
//! none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use airssys_wasm_core::BoxFuture;

use crate::observation::Observation;
use crate::rows::FLOODS;

/// Processes for each row.
const ROUNDS: usize = 2;

/// Of what is declared, a flood may take so much more: one part in twenty.
const TOLERATED_PART: u64 = 20;

/// The argument by which the program is told to run one flood.
pub const FLOOD_ARGUMENT: &str = "--flood";

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// A flood that runs in a process of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flood {
    pub(crate) name: &'static str,
    pub(crate) run: fn() -> BoxFuture<'static, Result<Told>>,
}

/// What a flood came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    /// What the host may hold for the flooders, in bytes, by what is declared.
    pub(crate) declared: u64,
    /// What was resident at the peak beside what was before.
    pub(crate) grown: u64,
    /// How the bound is made up.
    pub(crate) note: String,
}

/// Says which program runs floods: the one of this package. Without it the present one does.
///
/// ```no_run
/// airssys_wasm_attacks::run_floods_with(std::path::Path::new("target/release/airssys-wasm-attacks"));
/// ```
pub fn run_floods_with(program: &Path) {
    // Whoever says it first is believed.
    PROGRAM.get_or_init(|| program.to_owned());
}

/// Runs the flood of this name in this process, and gives what it came to as JSON.
///
/// # Errors
///
/// There is none of this name, or the flood could not be made as it should.
pub async fn run_flood(name: &str) -> Result<String> {
    let flood = FLOODS.iter().find(|flood| flood.name == name);
    let told = (flood.with_context(|| format!("there is no flood `{name}`"))?.run)().await?;
    Ok(serde_json::to_string(&told)?)
}

/// The row of a flood.
pub(crate) async fn in_processes_of_its_own(name: &'static str) -> Result<Observation> {
    let mut row: Option<Observation> = None;
    let mut note = String::new();
    for _ in 0..ROUNDS {
        let told = tokio::task::spawn_blocking(move || in_a_process_of_its_own(name)).await??;
        let row = row
            .get_or_insert_with(|| Observation::of(told.declared).tolerating(told.declared / TOLERATED_PART));
        row.add(told.grown);
        note = told.note;
    }
    Ok(row.context("nothing was observed")?.noting(note))
}

fn in_a_process_of_its_own(name: &str) -> Result<Told> {
    let program = match PROGRAM.get() {
        Some(program) => program.clone(),
        None => std::env::current_exe()?,
    };
    let output = Command::new(&program).args([FLOOD_ARGUMENT, name]).output();
    let output = output.with_context(|| format!("{} cannot be run", program.display()))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name}: {}", errors.trim());
    serde_json::from_slice(&output.stdout).with_context(|| format!("{name} tells nothing"))
}

/// What is resident from here on, the peak above all.
pub(crate) struct Resident {
    before: u64,
}

impl Resident {
    /// The kernel counts the peak anew from here on.
    pub(crate) fn begin() -> Result<Self> {
        fs::write("/proc/self/clear_refs", "5").context("the peak cannot be counted anew")?;
        Ok(Self { before: now("VmRSS:")? })
    }

    /// Bytes at the peak since then, beyond what was resident before.
    pub(crate) fn grown(&self) -> Result<u64> {
        Ok(now("VmHWM:")?.saturating_sub(self.before))
    }
}

/// What the kernel says of this process, in bytes.
fn now(key: &str) -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(key)).context("the kernel does not say")?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1_024)
}
