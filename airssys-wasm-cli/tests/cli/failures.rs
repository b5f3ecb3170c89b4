//! Failures in JSON, and what is said about the environment.

use std::fs::File;

use serde_json::json;

use crate::support::{System, check_exit, command, json as json_of, run, text};

const MANIFEST: &str = "[component]\nname = \"guest\"\nversion = \"0.1.0\"\n";

#[test]
fn a_manifest_that_is_not_valid_has_its_diagnostics() {
    let system = System::with_manifest(MANIFEST);
    let output = run(&["run", system.argument(), "--format", "json"]);
    check_exit(&output, 1);
    let failure = json_of(&output);
    assert_eq!(system.relative(failure["error"].as_str().unwrap()), "SYSTEM/Component.toml is not valid");
    assert_eq!(failure["causes"], json!([]));
    let verdict = json_of(&run(&["validate", system.argument(), "--format", "json"]));
    assert_eq!(failure["diagnostics"], verdict["diagnostics"]);
    assert_eq!(failure["diagnostics"][0]["line"], 1);
    assert!(text(&output.stderr).starts_with("error: missing section [resources.memory]"));
}

#[test]
fn a_file_that_is_not_there_has_its_causes() {
    let output = run(&["inspect", "no/such.wasm", "--format", "json"]);
    check_exit(&output, 1);
    let file = json!({
        "file": "no/such.wasm",
        "line": null,
        "column": null,
        "reason": "no/such.wasm cannot be read: No such file or directory (os error 2)",
        "help": null,
    });
    let expected = json!({
        "error": "no/such.wasm cannot be read",
        "causes": ["No such file or directory (os error 2)"],
        "diagnostics": [file],
    });
    assert_eq!(json_of(&output), expected);
    assert!(text(&output.stderr).starts_with("error: no/such.wasm cannot be read\n"));
}

#[test]
fn a_system_that_cannot_be_launched_is_an_object_too() {
    let system = System::of("core_module.wasm", "", "");
    let output = run(&["run", system.argument(), "--format", "json"]);
    check_exit(&output, 1);
    let failure = json_of(&output);
    assert_eq!(failure["error"], "test/guest cannot be started");
    assert_eq!(failure["causes"].as_array().unwrap().len(), 1);
    assert_eq!(failure["diagnostics"], json!([]));
}

#[test]
fn people_get_no_object() {
    let output = run(&["inspect", "no/such.wasm"]);
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn a_log_filter_that_is_not_valid_is_told_once() {
    let output =
        command(&["validate", "examples/log-pipeline"]).env("AIRSSYS_LOG", "a=loud").output().unwrap();
    check_exit(&output, 0);
    let stderr = text(&output.stderr);
    assert!(stderr.starts_with("AIRSSYS_LOG is not valid, so that it is `warn`: "), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    let output =
        command(&["validate", "examples/log-pipeline"]).env("AIRSSYS_LOG", "a=debug").output().unwrap();
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn a_file_beyond_the_ceiling_is_too_large_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let wasm = folder.path().join("large.wasm");
    File::create(&wasm).unwrap().set_len(33_554_433).unwrap();
    let output = run(&["inspect", wasm.to_str().unwrap()]);
    check_exit(&output, 1);
    let expected = "error: component of 33554433 bytes; at most 33554432 are allowed \
                    ([host.ceilings] max_component_bytes)\n";
    assert_eq!(text(&output.stderr), expected);
}
