//! The example: lines per second through the command line, against the same work in one native process.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use log_bursts::{Bursts, Rule};
use log_line::{Record, ServerError};
use log_report::Counts;
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::files::root;
use crate::report::Figure;

const LINES: u64 = 400_000;
const ROUNDS: usize = 5;

pub(crate) fn measure() -> Result<Vec<Figure>> {
    build()?;
    let generated = generate()?;
    let input = generated.path();
    let (mut native, mut quiet, mut mischief) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        native.push(native_lines_per_second(input)?);
        quiet.push(hosted_lines_per_second("quiet.toml", input)?);
        mischief.push(hosted_lines_per_second("airssys.toml", input)?);
    }
    let (native, quiet, mischief) = (median(native), median(quiet), median(mischief));
    Ok(vec![
        Figure::new("example pipeline, lines", quiet, "per s", "≥ 1/3 of native")
            .beside(native, "one native process"),
        Figure::new("example pipeline with mischief, lines", mischief, "per s", "≥ 0.8 of quiet")
            .beside(quiet, "without mischief"),
    ])
}

fn cargo(arguments: &[&str]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).args(arguments).current_dir(root()).status()?;
    ensure!(status.success(), "cargo {} failed", arguments.join(" "));
    Ok(())
}

fn build() -> Result<()> {
    cargo(&["build", "--release", "--quiet", "-p", "airssys-wasm-cli", "-p", "log-generator"])
}

/// The folder of this program, where cargo puts the others as well.
fn built(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.parent().context("a program lies in a folder")?.join(name))
}

/// The log lasts as long as what is returned.
fn generate() -> Result<NamedTempFile> {
    let log = NamedTempFile::new()?;
    let status = Command::new(built("log-generator")?)
        .args([LINES.to_string().as_str(), "7", "10"])
        .stdout(log.reopen()?)
        .status()?;
    ensure!(status.success(), "the generator failed");
    Ok(log)
}

fn hosted_lines_per_second(system: &str, input: &Path) -> Result<f64> {
    let output = Command::new(built("airssys-wasm")?)
        .arg("run")
        .arg(root().join("examples/log-pipeline").join(system))
        .args(["--format", "json", "--input"])
        .arg(input)
        .stderr(Stdio::null())
        .output()?;
    ensure!(output.status.success(), "the run failed");
    let summary: Value = serde_json::from_slice(&output.stdout)?;
    let lines = summary.pointer("/report/lines").and_then(Value::as_u64).context("lines are reported")?;
    let elapsed = summary.get("elapsed_ms").and_then(Value::as_f64).context("time is reported")?;
    Ok(lines as f64 / (elapsed / 1e3))
}

/// The guests' own code, without a host between.
fn native_lines_per_second(input: &Path) -> Result<f64> {
    let began = Instant::now();
    let mut reader = BufReader::with_capacity(256 * 1024, std::fs::File::open(input)?);
    let mut counts = Counts::default();
    let mut bursts = Bursts::new(Rule::new(20, 60).map_err(|error| anyhow::anyhow!("{error}"))?);
    let mut told = 0u64;
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        let entry = log_line::parse(&line);
        counts.add(&Record::of(entry.as_ref()));
        if let Some(error) = entry.as_ref().and_then(ServerError::of) {
            told += u64::from(bursts.add(&error).is_some());
        }
        line.clear();
    }
    let report: Value = serde_json::from_slice(&counts.report().to_json())?;
    let elapsed = began.elapsed();
    let lines = report.get("lines").and_then(Value::as_u64).context("lines are reported")?;
    ensure!(lines == LINES, "{lines} lines and {told} bursts in a file of {LINES}");
    Ok(lines as f64 / elapsed.as_secs_f64())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
