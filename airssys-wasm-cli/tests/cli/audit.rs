//! The audit log of a run, and `audit verify` against everything that can be done to a log.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{IO, System, check_exit, command, json as json_of, run, run_with, text};

/// When something that must happen counts as never happening.
const GIVE_UP: Duration = Duration::from_secs(60);

/// Messages that the guest tries to send for each line, all of them denied.
const ATTEMPTS: u64 = 2_000;

/// A system whose guest is denied whatever it sends.
fn system(audit: &str) -> System {
    let limits = "\n[resources.cpu]\nmax_fuel = 10000000000\ntimeout_ms = 60000\n";
    System::of("forbidden_send.wasm", &format!("{IO}\n[audit]\npath = \"audit.jsonl\"\n{audit}"), limits)
}

/// A log of several files in their order.
fn log() -> (System, Vec<PathBuf>) {
    let system = system("max_file_bytes = 100000\nkeep_files = 10000\n");
    // A report beside denials counts as incomplete.
    check_exit(&run_with(&["run", system.argument()], b"test/other\n"), 3);
    let files = files(system.path());
    assert!(files.len() > 2, "{files:?}");
    (system, files)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("audit.jsonl."))
        .collect();
    files.sort();
    files.push(folder.join("audit.jsonl"));
    files
}

fn verify(files: &[PathBuf], more: &[&str]) -> Output {
    let names = files.iter().map(|path| path.to_str().unwrap());
    let arguments: Vec<_> =
        ["audit", "verify"].into_iter().chain(names).chain(more.iter().copied()).collect();
    run(&arguments)
}

fn records(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_log_is_whole_and_its_last_hash_is_printed() {
    let (system, files) = log();
    let output = verify(&files, &[]);
    check_exit(&output, 0);
    let last = records(files.last().unwrap()).pop().unwrap();
    let (sequence, hash) = (&last["sequence"], last["hash"].as_str().unwrap());
    let shown = text(&output.stdout);
    let end = format!("ends with record {sequence}: the host was shut down in order\nlast hash {hash}\n");
    assert!(shown.ends_with(&end), "{shown}");
    assert_eq!(shown.lines().filter(|line| line.contains(": ok (")).count(), files.len());
    assert_eq!(text(&output.stderr), "");

    let output = verify(&files, &["--format", "json"]);
    check_exit(&output, 0);
    let verdict = json_of(&output);
    assert_eq!(verdict["valid"], true);
    let count = sequence.as_u64().unwrap() + 1;
    assert_eq!((&verdict["records"], &verdict["first_sequence"]), (&json!(count), &json!(0)));
    assert_eq!((&verdict["last_sequence"], &verdict["last_hash"]), (sequence, &json!(hash)));
    assert_eq!((&verdict["closed"], &verdict["fault"]), (&json!(true), &Value::Null));
    assert_eq!(verdict["files"].as_array().unwrap().len(), files.len());

    check_exit(&verify(&files, &["--expect-last", hash]), 0);
    for file in &files {
        check_exit(&verify(std::slice::from_ref(file), &[]), 0);
    }
    let alone = verify(&files[1..], &[]);
    check_exit(&alone, 0);
    let first = records(&files[1])[0]["sequence"].as_u64().unwrap();
    let told = format!("begins with record {first}; what came before was not verified");
    assert!(text(&alone.stdout).contains(&told));
    drop(system);
}

/// What is said of the log whose first file was changed like this.
#[track_caller]
fn check_altered(change: impl FnOnce(&mut Vec<String>), line: usize, reason: &str) {
    let (system, files) = log();
    let whole = fs::read_to_string(&files[0]).unwrap();
    let mut lines: Vec<String> = whole.split_inclusive('\n').map(str::to_owned).collect();
    change(&mut lines);
    let altered = lines.concat();
    assert_ne!(altered, whole, "nothing was changed");
    fs::write(&files[0], altered).unwrap();
    let name = files[0].display().to_string();
    let output = verify(&files, &[]);
    check_exit(&output, 1);
    assert_eq!(text(&output.stdout), "");
    let stderr = text(&output.stderr);
    assert!(stderr.starts_with(&format!("error: {name}:{line}: {reason}")), "{line} {reason}: {stderr}");
    let output = verify(&files, &["--format", "json"]);
    check_exit(&output, 1);
    let verdict = json_of(&output);
    assert_eq!((&verdict["valid"], &verdict["fault"]["line"]), (&json!(false), &json!(line)));
    assert_eq!(verdict["fault"]["file"], name);
    assert!(verdict["fault"]["reason"].as_str().unwrap().starts_with(reason));
    assert_eq!(verdict["records"], line - 1);
    drop(system);
}

#[test]
fn every_alteration_is_found_at_its_line() {
    let altered = "the record was altered: its hash is not that of its content";
    check_altered(
        |lines| lines[4] = lines[4].replace("\"kind\":\"denied\"", "\"kind\":\"loaded\""),
        5,
        altered,
    );
    check_altered(|lines| lines[9] = lines[9].replace("test/other", "test/another"), 10, altered);
    check_altered(|lines| lines[0] = lines[0].replace("2", "3"), 1, altered);
    check_altered(|lines| drop(lines.remove(0)), 1, "the file does not begin with a record `begun`");
    check_altered(|lines| drop(lines.remove(5)), 6, "record 5 was expected here, and this is record 6");
    check_altered(|lines| drop(lines.drain(3..20)), 4, "record 3 was expected here, and this is record 20");
    check_altered(|lines| lines.swap(7, 8), 8, "record 7 was expected here, and this is record 8");
    check_altered(
        |lines| lines.insert(9, lines[3].clone()),
        10,
        "record 9 was expected here, and this is record 3",
    );
    check_altered(|lines| lines.insert(9, "{}\n".to_owned()), 10, "this is no audit record");
    check_altered(|lines| lines.insert(9, "\n".to_owned()), 10, "this is no audit record");
    check_altered(|lines| lines[2] = lines[2].replacen(",\"", ", \"", 1), 3, "the record was altered");
    check_altered(|lines| lines[2] = "x".repeat(5_000), 3, "this line is longer than the 3328 bytes");
    let cut = |lines: &mut Vec<String>| {
        lines.truncate(11);
        lines[10].truncate(50);
    };
    check_altered(cut, 11, "the file ends within this record");
    check_altered(Vec::clear, 1, "the file is empty");
}

#[test]
fn a_record_that_was_made_anew_does_not_fit_the_next_one() {
    // Whoever knows the format makes a record whose own hash is right; the next one tells.
    let forge = |lines: &mut Vec<String>| {
        let (body, _) = lines[5].split_once(",\"hash\"").unwrap();
        let body = body.replace("test/other", "test/friend");
        let hash = airssys_wasm_system::AuditHash::of(body.as_bytes());
        lines[5] = format!("{body},\"hash\":\"{hash}\"}}\n");
    };
    check_altered(forge, 7, "the record does not follow the one before");
}

#[test]
fn files_that_are_missing_or_moved_are_found() {
    let (system, files) = log();
    let second = files[1].display().to_string();
    let third = files[2].display().to_string();
    let without = [files[0].clone(), files[2].clone()];
    let output = verify(&without, &[]);
    check_exit(&output, 1);
    assert!(text(&output.stderr).starts_with(&format!("error: {third}:1: record ")));
    let swapped = [files[0].clone(), files[2].clone(), files[1].clone()];
    check_exit(&verify(&swapped, &[]), 1);
    let twice = [files[0].clone(), files[1].clone(), files[1].clone()];
    let output = verify(&twice, &[]);
    check_exit(&output, 1);
    assert!(text(&output.stderr).starts_with(&format!("error: {second}:1: record ")));
    // The end of an earlier file is missed by the next one.
    let bytes = fs::read_to_string(&files[0]).unwrap();
    let mut lines: Vec<_> = bytes.split_inclusive('\n').collect();
    lines.pop();
    fs::write(&files[0], lines.concat()).unwrap();
    let output = verify(&files, &[]);
    check_exit(&output, 1);
    assert!(text(&output.stderr).starts_with(&format!("error: {second}:1: record ")));
    drop(system);
}

#[test]
fn an_end_that_was_cut_off_is_found_by_the_last_hash() {
    let (system, files) = log();
    let last = files.last().unwrap();
    let hash = records(last).pop().unwrap()["hash"].as_str().unwrap().to_owned();
    let bytes = fs::read_to_string(last).unwrap();
    let mut lines: Vec<_> = bytes.split_inclusive('\n').collect();
    lines.pop();
    fs::write(last, lines.concat()).unwrap();
    let output = verify(&files, &[]);
    check_exit(&output, 0);
    assert!(text(&output.stdout).contains("the host runs, or ended without a word"));
    let output = verify(&files, &["--expect-last", &hash]);
    check_exit(&output, 1);
    let stderr = text(&output.stderr);
    assert!(stderr.contains("is the last one") && stderr.contains(&hash), "{stderr}");
    let output = verify(&files, &["--expect-last", &hash, "--format", "json"]);
    check_exit(&output, 1);
    assert_eq!(json_of(&output)["fault"]["line"], Value::Null);
    for bad in ["", "xyz", &hash.to_uppercase(), &hash[1..]] {
        check_exit(&verify(&files, &["--expect-last", bad]), 2);
    }
    drop(system);
}

#[test]
fn a_file_that_cannot_be_read_is_no_bad_record() {
    for path in ["no/such.jsonl", "examples"] {
        let output = run(&["audit", "verify", path]);
        check_exit(&output, 3);
        assert!(text(&output.stderr).starts_with(&format!("error: {path} cannot be read")));
    }
    check_exit(&run(&["audit", "verify"]), 2);
    check_exit(&run(&["audit"]), 2);
}

#[test]
fn a_run_tells_how_its_log_stands() {
    let system = system("");
    let output = run_with(&["run", system.argument(), "--format", "json"], b"test/other\ntest/other\n");
    check_exit(&output, 3);
    let audit = &json_of(&output)["audit"];
    let path = system.path().join("audit.jsonl");
    let records = records(&path);
    let last = records.last().unwrap();
    assert_eq!(audit["last_hash"], last["hash"]);
    assert_eq!(audit["records"].as_u64(), Some(records.len() as u64));
    assert_eq!((&audit["written"], &audit["failing"]), (&audit["records"], &Value::Null));
    let denied = records.iter().filter(|record| record["kind"] == "denied").count() as u64;
    assert_eq!(audit["lost"].as_u64(), Some(2 * ATTEMPTS - denied));
    let output = run_with(&["run", system.argument()], b"");
    check_exit(&output, 0);
    let shown = text(&output.stdout);
    assert!(shown.contains("\naudit log: ") && shown.contains(" records written, 0 events not; last hash "));
}

#[test]
fn a_log_that_cannot_be_begun_is_told_before_anything_runs() {
    let system = system("");
    fs::write(system.path().join("audit.jsonl"), "no log\n").unwrap();
    let output = run_with(&["run", system.argument()], b"");
    assert_ne!(output.status.code(), Some(0));
    let stderr = system.relative(text(&output.stderr));
    let expected = "error: the audit log cannot be written\n  caused by: SYSTEM/audit.jsonl ends with what is no \
                    whole record: verify it, and move it away to begin a new log\n  caused by: this is no audit \
                    record\n";
    assert_eq!(stderr, expected);
}

#[cfg(unix)]
#[test]
fn a_host_that_was_killed_while_it_wrote_is_gone_on_from() {
    let system = system("max_file_bytes = 60000\nkeep_files = 10000\n");
    let length =
        || files(system.path()).iter().filter_map(|path| fs::metadata(path).ok()).map(|it| it.len()).sum();
    for round in 0..6_u64 {
        let before: u64 = length();
        let lines = system.path().join("lines");
        fs::write(&lines, "test/other\n".repeat(100_000)).unwrap();
        let mut child = command(&["run", system.argument(), "--input", lines.to_str().unwrap()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        // Somewhere in its burst of denials.
        while length() < before + 2_000 + round * 40_000 {
            assert!(began.elapsed() < GIVE_UP, "round {round}");
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    check_exit(&run_with(&["run", system.argument()], b""), 0);
    let files = files(system.path());
    check_exit(&verify(&files, &[]), 0);
    let resumed =
        files.iter().flat_map(|path| records(path)).filter(|record| record["kind"] == "resumed").count();
    // Where a host was killed between two files the next one begins a file instead.
    assert!(resumed >= 3, "{resumed}");
}

#[cfg(unix)]
#[test]
fn a_full_disk_stops_no_component_and_is_told() {
    let system = system("");
    // The operating system ends each file at 64 KiB, as a full disk would: within a line.
    let binary = env!("CARGO_BIN_EXE_airssys-wasm");
    let script =
        format!("trap '' XFSZ; ulimit -f 128; exec '{binary}' run '{}' --format json", system.argument());
    let lines = system.path().join("lines");
    fs::write(&lines, "test/other\n".repeat(3)).unwrap();
    let input = OpenOptions::new().read(true).open(&lines).unwrap();
    let output = Command::new("sh").args(["-c", &script]).stdin(input).output().unwrap();
    check_exit(&output, 3);
    let summary = json_of(&output);
    assert_eq!(
        (&summary["components"][0]["handled"], &summary["components"][0]["denied"]),
        (&json!(4), &json!(6_000))
    );
    let audit = &summary["audit"];
    assert!(audit["failing"].as_str().unwrap().contains("File too large"), "{audit}");
    let stderr = text(&output.stderr);
    assert!(stderr.contains("the audit log cannot be written; components go on"), "{stderr}");
    let path = system.path().join("audit.jsonl");
    let length = fs::metadata(&path).unwrap().len();
    assert!((1..=65_536).contains(&length), "{length}");
    check_exit(&verify(std::slice::from_ref(&path), &[]), 0);
    let denied = records(&path).iter().filter(|record| record["kind"] == "denied").count() as u64;
    assert!(audit["lost"].as_u64().unwrap() >= 3 * ATTEMPTS - denied, "{audit}");

    // With room again the next host goes on.
    check_exit(&run_with(&["run", system.argument()], b"test/other\n"), 3);
    check_exit(&verify(&[path], &[]), 0);
}
