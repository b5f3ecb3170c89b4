//! `cargo xtask example`: the log pipeline against an independent count.
//!
//! The same files go through the built command line, with mischief and without, and through a plain
//! count that shares no code with the guests. The reports must be equal, exactly, and on the shipped
//! sample mischief must have done, and suffered, each of its deeds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::Deserialize;

use crate::programs::Programs;
use crate::workspace;

mod adversary;
mod count;

use count::Report;

const PIPELINE: &str = "examples/log-pipeline";

/// With mischief, and the same without.
const SYSTEMS: [&str; 2] = ["airssys.toml", "quiet.toml"];

/// Far above what any of the files takes: a run that hangs must fail, not wait for CI to end it.
const RUN_TIMEOUT: Duration = Duration::from_secs(600);

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Lines of each generated file.
    #[arg(long, default_value_t = 20_000)]
    lines: u64,
    /// First seed of the generated files.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Default for Arguments {
    fn default() -> Self {
        Self { lines: 20_000, seed: 1 }
    }
}

/// The object that `run --format json` prints, as far as it is promised.
#[derive(Debug, Deserialize)]
struct Output {
    report: Report,
    components: Vec<Component>,
    elapsed_ms: f64,
}

#[derive(Debug, Deserialize)]
struct Component {
    id: String,
    #[expect(dead_code, reason = "that it is there and a text is all that is checked")]
    state: String,
    #[expect(dead_code, reason = "that it is there and a number is all that is checked")]
    handled: u64,
    restarts: u64,
    kills: BTreeMap<String, u64>,
    denied: u64,
}

/// Builds what it needs, then compares the reports.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let programs = Programs::build()?;
    let (host, generator) = (programs.path("airssys-wasm")?, programs.path("log-generator")?);
    // A folder of this run alone, so that two of them beside each other do not take each other's files. It stays
    // where a comparison fails, for whoever looks into it.
    let folder = workspace::target_directory()?.join(format!("example-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let sample = workspace::root().join(PIPELINE).join("sample.log");
    let mut inputs = vec![("the shipped sample".to_owned(), sample.clone())];
    for (name, bytes) in adversary::inputs(arguments.lines, arguments.seed) {
        let file = folder.join(format!("{name}.log"));
        fs::write(&file, bytes)?;
        inputs.push((name, file));
    }
    for (index, malformed) in [(0, 0), (1, 30), (2, 500)] {
        let seed = arguments.seed.wrapping_add(index);
        let file = folder.join(format!("generated-{malformed}.log"));
        fs::write(&file, generated(generator, arguments.lines, seed, malformed)?)?;
        inputs.push((format!("generated, {malformed} of 1,000 malformed, seed {seed}"), file));
    }
    for (name, file) in &inputs {
        let expected =
            count::count(&fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?);
        for system in SYSTEMS {
            let output =
                pipeline(host, &folder, system, file).with_context(|| format!("{name}, {system}"))?;
            compare(&expected, &output.report)
                .with_context(|| format!("{name}, {system}, input {}", file.display()))?;
            if *file == sample && system == "airssys.toml" {
                mischief_was_held(&output.components)?;
            }
            println!(
                "equal: {name}, {system}: {} lines, {} malformed, {:.0} ms",
                expected.lines, expected.malformed, output.elapsed_ms
            );
        }
    }
    fs::remove_dir_all(&folder)?;
    Ok(())
}

fn generated(generator: &Path, lines: u64, seed: u64, malformed: u64) -> Result<Vec<u8>> {
    let mut command = Command::new(generator);
    command.args([lines, seed, malformed].map(|number| number.to_string()));
    let output = command.output().context("the generator cannot be run")?;
    ensure!(output.status.success(), "`{}` ended with {}", workspace::shown(&command), output.status);
    Ok(output.stdout)
}

/// One run of the command line. Its standard output goes through a file, so that no pipe can fill up
/// while the run is waited for.
fn pipeline(host: &Path, folder: &Path, system: &str, input: &Path) -> Result<Output> {
    let out = folder.join("output.json");
    let mut command = Command::new(host);
    command
        .current_dir(workspace::root())
        .arg("run")
        .arg(Path::new(PIPELINE).join(system))
        .args(["--format", "json", "--input"])
        .arg(input)
        .stdin(Stdio::null())
        .stdout(fs::File::create(&out)?)
        .stderr(fs::File::create(out.with_extension("stderr"))?);
    let mut child = command.spawn().context("the command line cannot be run")?;
    let status = workspace::wait_until(&mut child, RUN_TIMEOUT)?;
    let shown = workspace::shown(&command);
    let stderr = || fs::read_to_string(out.with_extension("stderr")).unwrap_or_default();
    match status {
        None => bail!("`{shown}` did not end within {} s; it wrote:\n{}", RUN_TIMEOUT.as_secs(), stderr()),
        Some(status) if !status.success() => bail!("`{shown}` ended with {status}; it wrote:\n{}", stderr()),
        Some(_) => {}
    }
    let text = fs::read_to_string(&out).context("standard output is not UTF-8")?;
    serde_json::from_str(&text)
        .with_context(|| format!("`{shown}` printed something else than one JSON object"))
}

fn compare(expected: &Report, found: &Report) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    bail!("the report differs from the independent count\n  expected {expected:?}\n  found    {found:?}")
}

/// Each deed of mischief happened on the shipped sample, and each was answered.
fn mischief_was_held(components: &[Component]) -> Result<()> {
    let mischief: Vec<_> =
        components.iter().filter(|component| component.id.starts_with("logs/mischief")).collect();
    ensure!(!mischief.is_empty(), "the summary does not name logs/mischief");
    let total =
        |what: &dyn Fn(&Component) -> u64| mischief.iter().map(|component| what(component)).sum::<u64>();
    let mut figures = vec![
        ("restarts".to_owned(), total(&|component| component.restarts)),
        ("denied".to_owned(), total(&|component| component.denied)),
    ];
    for cause in ["out_of_fuel", "timeout", "out_of_memory", "trap"] {
        let kills = total(&|component| component.kills.get(cause).copied().unwrap_or_default());
        figures.push((format!("kills.{cause}"), kills));
    }
    let missing: Vec<_> = figures.iter().filter(|(_, n)| *n == 0).map(|(name, _)| name.as_str()).collect();
    ensure!(
        missing.is_empty(),
        "on the shipped sample mischief must show more than zero of: {}",
        missing.join(", ")
    );
    let shown: Vec<_> = figures.iter().map(|(name, n)| format!("{name} {n}")).collect();
    println!("mischief: {}", shown.join(", "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = r#"{"report": {"lines": 1, "malformed": 0,
        "bytes": 340282366920938463463374607431768211455, "by_status": {"200": 1}, "by_method": {"GET": 1},
        "top_paths": [["/x", 1]]}, "components": [{"id": "logs/mischief/0", "state": "running", "handled": 9,
        "restarts": 2, "kills": {"out_of_fuel": 1, "timeout": 1, "out_of_memory": 1, "trap": 1}, "denied": 3,
        "more": true}], "elapsed_ms": 12}"#;

    #[test]
    fn the_report_is_read_exactly() -> Result<()> {
        let output: Output = serde_json::from_str(OUTPUT)?;
        assert_eq!(output.report.bytes, u128::MAX);
        mischief_was_held(&output.components)?;
        for text in [
            OUTPUT.replace("\"lines\": 1,", ""),
            OUTPUT.replace("\"lines\"", "\"x\": 1, \"lines\""),
            format!("{OUTPUT} x"),
        ] {
            assert!(serde_json::from_str::<Output>(&text).is_err(), "{text}");
        }
        Ok(())
    }

    #[test]
    fn a_report_that_differs_in_anything_fails() -> Result<()> {
        let line = b"h - - [10/Oct/2000:13:55:36 -0700] \"GET /x HTTP/1.0\" 200 7\n";
        let expected = count::count(line);
        compare(&expected, &count::count(line))?;
        for other in
            [&b""[..], b"\n", &line.repeat(2), &line.map(|byte| if byte == b'7' { b'8' } else { byte })]
        {
            assert!(compare(&expected, &count::count(other)).is_err());
        }
        Ok(())
    }

    #[test]
    fn mischief_that_was_spared_one_fate_fails() -> Result<()> {
        for (from, to) in [
            ("\"timeout\": 1", "\"timeout\": 0"),
            ("\"trap\": 1", "\"other\": 1"),
            ("\"restarts\": 2", "\"restarts\": 0"),
            ("\"denied\": 3", "\"denied\": 0"),
            ("logs/mischief/0", "logs/stats/0"),
        ] {
            let output: Output = serde_json::from_str(&OUTPUT.replace(from, to))?;
            assert!(mischief_was_held(&output.components).is_err(), "{to}");
        }
        Ok(())
    }
}
