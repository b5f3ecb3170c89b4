//! The log pipeline on small inputs of every kind.

use std::fs;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{IO, System, check_exit, command, json as json_of, run, text};

const QUIET: &str = "examples/log-pipeline/quiet.toml";
const LINE: &str = "::1 - bob [10/Oct/2024:13:55:36 +0000] \"GET /a?b=c HTTP/1.1\" 200 12";

#[track_caller]
fn report_of(system: &str, input: &[u8]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("input.log");
    fs::write(&file, input).unwrap();
    let output = run(&["run", system, "--format", "json", "--input", file.to_str().unwrap()]);
    check_exit(&output, 0);
    json_of(&output)["report"].clone()
}

/// `lines`, `malformed` and `bytes` of a report.
#[track_caller]
fn check(input: &[u8], lines: u64, malformed: u64, bytes: u64) {
    let report = report_of(QUIET, input);
    let counts = ["lines", "malformed", "bytes"].map(|key| report[key].as_u64());
    assert_eq!(counts, [Some(lines), Some(malformed), Some(bytes)]);
}

#[test]
fn an_empty_file_has_no_line() {
    let expected = json!({
        "lines": 0, "malformed": 0, "bytes": 0, "by_status": {}, "by_method": {}, "top_paths": [],
    });
    assert_eq!(report_of(QUIET, b""), expected);
}

#[test]
fn the_last_line_counts_without_its_end() {
    check(LINE.as_bytes(), 1, 0, 12);
    check(format!("{LINE}\n{LINE}").as_bytes(), 2, 0, 24);
    check(format!("{LINE}\r\n{LINE}\r").as_bytes(), 2, 0, 24);
}

#[test]
fn an_empty_line_is_a_line() {
    check(b"\n", 1, 1, 0);
    check(format!("\n{LINE}\n\n").as_bytes(), 3, 2, 12);
}

#[test]
fn bytes_that_are_no_text_are_malformed() {
    check(&[LINE.as_bytes(), b"\n\xff\xfe\n\0\n", LINE.as_bytes(), b"\xff\n"].concat(), 4, 3, 12);
}

#[test]
fn a_very_long_line_is_one_malformed_line() {
    let long = vec![b'x'; 5_000_000];
    check(&[LINE.as_bytes(), b"\n", &long, b"\n", LINE.as_bytes()].concat(), 3, 1, 24);
    check(&long, 1, 1, 0);
    // Well formed but for its length, which only the byte beyond the limit tells.
    let path = |bytes: usize| LINE.replace("/a", &format!("/{}", "a".repeat(bytes - LINE.len() + 1)));
    check(path(65_536).as_bytes(), 1, 0, 12);
    check(format!("{}\r\n", path(65_536)).as_bytes(), 1, 0, 12);
    check(path(65_537).as_bytes(), 1, 1, 0);
    check(format!("{}\r", path(65_537)).as_bytes(), 1, 1, 0);
}

#[test]
fn mischief_changes_nothing_and_is_told_of() {
    let sample = "examples/log-pipeline/sample.log";
    let output = run(&["run", "examples/log-pipeline", "--format", "json", "--input", sample]);
    check_exit(&output, 0);
    let summary = json_of(&output);
    let quiet = run(&["run", QUIET, "--format", "json", "--input", sample]);
    assert_eq!(summary["report"], json_of(&quiet)["report"]);
    assert_eq!(summary["interrupted"], false);
    assert_eq!(summary["complete"], true, "mischief gets nothing but copies");
    assert!(summary["elapsed_ms"].is_u64());
    let components = summary["components"].as_array().unwrap();
    let ids: Vec<_> = components.iter().map(|component| component["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["logs/alerts/0", "logs/mischief/0", "logs/parser/0", "logs/stats/0"]);
    let mischief = &components[1];
    for cause in ["out_of_fuel", "timeout", "out_of_memory", "trap"] {
        assert!(mischief["kills"][cause].as_u64().unwrap() > 0, "{cause}");
    }
    assert!(mischief["restarts"].as_u64().unwrap() > 0);
    assert!(mischief["denied"].as_u64().unwrap() > 0);
    let lines = summary["report"]["lines"].as_u64().unwrap();
    assert_eq!(components[2]["handled"], lines);
    assert_eq!(components[3]["handled"], lines + 1, "the records and the request for the report");
}

#[test]
fn the_summary_has_exactly_its_keys() {
    let output = run(&["run", QUIET, "--format", "json"]);
    check_exit(&output, 0);
    let summary = json_of(&output);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&summary), ["complete", "components", "cut", "elapsed_ms", "interrupted", "report"]);
    let component = &summary["components"][0];
    let expected = [
        "access_denied",
        "dead_letters",
        "denied",
        "dropped",
        "handled",
        "handler_errors",
        "id",
        "kills",
        "last_end",
        "log_dropped",
        "memory",
        "rejected_full",
        "restarts",
        "state",
    ];
    assert_eq!(keys(component), expected);
    assert_eq!(keys(&component["memory"]), ["current_bytes", "denied_growths", "max_bytes", "peak_bytes"]);
    assert_eq!(component["memory"]["max_bytes"], 1_048_576);
    assert_eq!(keys(&component["kills"]), ["host_limit", "out_of_fuel", "out_of_memory", "timeout", "trap"]);
}

#[test]
fn without_any_input_the_sample_is_read() {
    let output = run(&["run", QUIET]);
    check_exit(&output, 0);
    let note = "no input was given: reading examples/log-pipeline/sample.log\n";
    assert!(text(&output.stderr).starts_with(note), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("\n5000 lines in "));
}

#[test]
fn empty_standard_input_is_empty_and_points_to_the_sample() {
    // A pipe whose other end is closed at once.
    let mut child = command(&["run", QUIET])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    check_exit(&output, 0);
    let expected = "standard input was empty; `--input examples/log-pipeline/sample.log` reads the sample\n";
    assert_eq!(text(&output.stderr), expected);
    assert!(text(&output.stdout).contains("\n0 lines in "));
}

#[test]
fn a_report_that_does_not_come_is_a_failure_with_a_summary() {
    let system = System::of("unreachable.wasm", IO, "");
    let output = run(&["run", system.argument(), "--format", "json"]);
    check_exit(&output, 3);
    let summary = json_of(&output);
    assert!(summary["report"].is_null());
    assert!(summary["components"][0]["kills"]["trap"].as_u64().unwrap() > 0);
    let stderr = text(&output.stderr);
    assert!(stderr.contains("error: test/guest gives no report\n  caused by: "), "{stderr}");
}

#[test]
fn a_report_that_is_no_json_is_a_text() {
    // It answers the empty question with the same.
    let system = System::of("echo.wasm", IO, "");
    let output = run(&["run", system.argument(), "--format", "json"]);
    check_exit(&output, 0);
    assert_eq!(json_of(&output)["report"], "");
}
