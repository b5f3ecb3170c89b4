//! Whether the report has everything that was accepted, and what is waited for before it is asked for.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{System, check_exit, json as json_of, run_with, text};

/// `output` answers whatever it is asked with the same.
const ANSWERING: (&str, &str, &str) = ("output", "echo.wasm", "");

const MAY_SEND: &str = "\n[capabilities.messaging]\nsend_to = [\"test/output\"]\n";

fn io(input: &str) -> String {
    format!("\n[io]\ninput = [{input}]\noutput = \"test/output\"\n")
}

/// What is said where the input goes to a guest that does not master it.
#[track_caller]
fn check_losses(guest: &str, input: &[u8], expected: &str) {
    let system = System::of_many(&io("\"test/first\""), &[("first", guest, ""), ANSWERING]);
    let output = run_with(&["run", system.argument(), "--format", "json"], input);
    check_exit(&output, 3);
    let summary = json_of(&output);
    assert_eq!((&summary["report"], &summary["complete"]), (&json!(""), &json!(false)));
    let expected = format!("error: the report may miss lines: test/first ({expected})");
    assert_eq!(text(&output.stderr).lines().last(), Some(expected.as_str()));
}

#[test]
fn a_report_that_misses_lines_is_a_failure() {
    // No line names a target.
    check_losses("forwarder.wasm", b"a\nb\n", "dead letters: 0, kills: 0, handler errors: 2, denied: 0");
    check_losses("unreachable.wasm", b"a\n", "dead letters: 1, kills: 1, handler errors: 0, denied: 0");
    // It may send to nobody.
    let denied = "dead letters: 0, kills: 0, handler errors: 0, denied: 1";
    check_losses("forwarder.wasm", b"test/other\0x\n", denied);
}

#[test]
fn a_report_without_losses_is_complete() {
    let system = System::of_many(&io("\"test/output\""), &[ANSWERING]);
    let output = run_with(&["run", system.argument(), "--format", "json"], b"a\nb\n");
    check_exit(&output, 0);
    assert_eq!(json_of(&output)["complete"], true);
    assert_eq!(text(&output.stderr), "");
}

/// A further target that answers with errors, with these rights.
#[track_caller]
fn check_further_target(rights: &str, code: i32) {
    let further = ("first", "forwarder.wasm", rights);
    let system = System::of_many(&io("\"test/output\", \"test/first\""), &[further, ANSWERING]);
    let output = run_with(&["run", system.argument(), "--format", "json"], b"a\nb\n");
    check_exit(&output, code);
    assert_eq!(json_of(&output)["complete"], code == 0);
}

#[test]
fn only_those_that_may_send_to_nobody_get_mere_copies() {
    check_further_target("", 0);
    check_further_target(MAY_SEND, 3);
}

#[test]
fn a_further_target_that_may_send_is_waited_for() {
    let late = format!("{MAY_SEND}\n[lifecycle]\nstop_grace_ms = 1\n\n[resources.cpu]\ntimeout_ms = 2000\n");
    let further = ("first", "park_in_host_call.wasm", late.as_str());
    let system = System::of_many(&io("\"test/output\", \"test/first\""), &[further, ANSWERING]);
    let output = run_with(&["run", system.argument(), "--format", "json"], b"a\n");
    check_exit(&output, 3);
    let components = json_of(&output)["components"].clone();
    assert_eq!(components[0]["kills"]["timeout"], 1, "its own time ended it, not the end of the run");
}

#[test]
fn copies_hold_up_the_end_only_so_long() {
    let slow = "\n[lifecycle]\nstop_grace_ms = 60000\n\n[resources.cpu]\ntimeout_ms = 60000\n";
    let further = ("slow", "park_in_host_call.wasm", slow);
    let system = System::of_many(&io("\"test/output\", \"test/slow\""), &[further, ANSWERING]);
    let began = Instant::now();
    let output = run_with(&["run", system.argument(), "--format", "json"], b"a\n");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    check_exit(&output, 0);
    let summary = json_of(&output);
    let components = summary["components"].as_array().unwrap();
    let ids: Vec<_> = components.iter().map(|component| component["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["test/output/0", "test/slow/0"], "those that were ended are told of too");
    assert_eq!(summary["complete"], true);
}

#[test]
fn lines_that_were_cut_are_told() {
    let short = ("output", "echo.wasm", "\n[capabilities.messaging]\nmax_message_bytes = 1024\n");
    let system = System::of_many(&io("\"test/output\""), &[short]);
    let fitting = "x".repeat(1024);
    let input = format!("{fitting}\n{fitting}y\na\n{fitting}yy");
    let output = run_with(&["run", system.argument(), "--format", "json"], input.as_bytes());
    check_exit(&output, 0);
    assert_eq!(json_of(&output)["cut"], 2);
    assert_eq!(text(&output.stderr), "2 lines longer than the first target takes were cut\n");
    let output = run_with(&["run", system.argument()], format!("{fitting}y\n").as_bytes());
    assert_eq!(text(&output.stderr), "1 line longer than the first target takes was cut\n");
}
