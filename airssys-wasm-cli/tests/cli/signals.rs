//! Ctrl-C and SIGTERM, at rest and while guests spin.

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{IO, System, command, json, text};

/// More than all buffers between the writer and the components hold.
const MORE_THAN_BUFFERED: usize = 6 << 20;

const LINE: &[u8] = b"::1 - bob [10/Oct/2024:13:55:36 +0000] \"GET /a HTTP/1.1\" 200 12\n";

fn start(system: &str, log: &str) -> Child {
    command(&["run", system, "--format", "json"])
        .env("AIRSSYS_LOG", log)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Waits until the system runs; its log says so.
fn wait_until_running(child: &mut Child) {
    wait_for_log(child, "running");
}

/// Waits for a line of the log, and takes nothing of what follows it.
fn wait_for_log(child: &mut Child, part: &str) {
    let log = child.stderr.as_mut().unwrap();
    let mut line = Vec::new();
    let mut byte = [0];
    while log.read(&mut byte).unwrap() > 0 {
        line.push(byte[0]);
        if line.ends_with(b"\n") {
            if text(&line).contains(part) {
                return;
            }
            line.clear();
        }
    }
    panic!("it ended before its log said {part:?}");
}

/// Signals until the process is gone.
fn signal_until_gone(child: &mut Child, name: &str) -> ExitStatus {
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        signal(child, name);
    }
}

#[track_caller]
fn check_clean_end(child: Child) -> Value {
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let summary = json(&output);
    assert_eq!(summary["interrupted"], true);
    summary
}

#[test]
fn a_signal_in_the_middle_ends_with_the_report_of_what_was_read() {
    for (system, name) in [("examples/log-pipeline", "TERM"), ("examples/log-pipeline/quiet.toml", "INT")] {
        let mut child = start(system, "off");
        let mut input = child.stdin.take().unwrap();
        for _ in 0..MORE_THAN_BUFFERED / LINE.len() {
            input.write_all(LINE).unwrap();
        }
        signal(&child, name);
        // The input stays open: it is the signal that ends the run.
        let summary = check_clean_end(child);
        drop(input);
        let components = summary["components"].as_array().unwrap();
        let parser = components.iter().find(|component| component["id"] == "logs/parser/0").unwrap();
        assert!(summary["report"]["lines"].as_u64().unwrap() > 0);
        assert_eq!(summary["report"]["lines"], parser["handled"], "what was accepted is in the report");
        assert_eq!(parser["dead_letters"], 0);
    }
}

#[test]
fn a_signal_ends_the_wait_for_input() {
    let mut child = start("examples/log-pipeline/quiet.toml", "off,airssys_wasm=info");
    wait_until_running(&mut child);
    // The input stays open: it is the signal that ends the run.
    let input = child.stdin.take();
    signal(&child, "TERM");
    assert_eq!(check_clean_end(child)["report"]["lines"], 0);
    drop(input);
}

#[test]
fn a_system_without_input_runs_until_a_signal() {
    let system = System::of("echo.wasm", "", "");
    let mut child = start(system.argument(), "info");
    wait_until_running(&mut child);
    signal(&child, "INT");
    let summary = check_clean_end(child);
    assert!(summary["report"].is_null());
    assert_eq!(summary["components"][0]["state"], "stopped");
}

/// Ends a guest that sleeps for a minute by a signal, with this input and its end.
#[track_caller]
fn check_bounded_end(input: &[u8], is_over: bool) {
    let slow = "\n[resources.cpu]\ntimeout_ms = 60000\n\n[lifecycle]\nstop_grace_ms = 300\n";
    let system = System::of("park_in_host_call.wasm", IO, slow);
    let mut child = start(system.argument(), "info");
    let mut writer = child.stdin.take();
    wait_until_running(&mut child);
    writer.as_mut().unwrap().write_all(input).unwrap();
    if is_over {
        writer = None;
        wait_for_log(&mut child, "the input has ended");
    }
    let began = Instant::now();
    signal(&child, "TERM");
    let output = child.wait_with_output().unwrap();
    drop(writer);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let summary = json(&output);
    assert!(summary["report"].is_null());
    assert_eq!((&summary["complete"], &summary["interrupted"]), (&false.into(), &true.into()));
    let stderr = text(&output.stderr);
    assert!(stderr.contains("error: test/guest gives no report within 300 ms of the signal"), "{stderr}");
}

#[test]
fn a_signal_bounds_the_end_wherever_it_comes() {
    // While input is read, while it is waited for, and while the report is.
    check_bounded_end(b"sleep\n", false);
    check_bounded_end(b"sleep\nsleep\n", true);
    check_bounded_end(b"", true);
}

#[test]
fn a_second_signal_ends_at_once_while_a_guest_spins() {
    for (name, code) in [("TERM", 143), ("INT", 130)] {
        let cpu = "\n[resources.cpu]\nmax_fuel = 10000000000\ntimeout_ms = 60000\n";
        let system = System::of("loop_forever.wasm", IO, cpu);
        let mut child = start(system.argument(), "info");
        let mut input = child.stdin.take().unwrap();
        wait_until_running(&mut child);
        // Each message takes a minute, and the end of the input is behind all of them.
        for _ in 0..8 {
            input.write_all(b"spin\n").unwrap();
        }
        drop(input);
        let status = signal_until_gone(&mut child, name);
        assert_eq!(status.code(), Some(code));
        let output = child.wait_with_output().unwrap();
        assert_eq!(text(&output.stdout), "", "a process that is ended at once prints no summary");
    }
}
