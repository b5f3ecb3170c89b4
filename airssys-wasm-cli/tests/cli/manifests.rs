//! Manifests that are not valid, in `run` and in `validate`.

use std::fs::{self, File};

use serde_json::json;

use crate::support::{System, check_exit, json as json_of, root, run, text};

const START: &str = "[component]\nname = \"guest\"\nversion = \"0.1.0\"\n";

/// What standard error says of a manifest, the same from both commands.
#[track_caller]
fn check(manifest: &str, expected: &str) {
    let system = System::with_manifest(manifest);
    for command in ["run", "validate"] {
        let output = run(&[command, system.argument()]);
        check_exit(&output, 1);
        assert_eq!(text(&output.stdout), "");
        assert_eq!(system.relative(text(&output.stderr)).trim_end(), expected, "{command}");
    }
}

#[test]
fn memory_must_be_declared() {
    check(
        START,
        "\
error: missing section [resources.memory]: no memory limit is declared
 --> SYSTEM/Component.toml:1:1
  |
1 | [component]
  | ^^^^^^^^^^^
  = help: there is no default on purpose, because only the author knows what the component needs: declare \
524288 to 4194304 bytes, for example

          [resources.memory]
          max_bytes = 1048576",
    );
}

#[test]
fn memory_must_be_within_the_ceiling() {
    check(
        &format!("{START}[resources.memory]\nmax_bytes = 1\n"),
        "\
error: `max_bytes` is 1, outside 524288 to 4194304 bytes
 --> SYSTEM/Component.toml:5:13
  |
5 | max_bytes = 1
  |             ^
  = help: 524288 bytes is the least that any host allows; 1048576 suits many components",
    );
    check(
        &format!("{START}[resources.memory]\nmax_bytes = 4194305\n"),
        "\
error: `max_bytes` is 4194305, outside 524288 to 4194304 bytes
 --> SYSTEM/Component.toml:5:13
  |
5 | max_bytes = 4194305
  |             ^^^^^^^
  = help: ask for less, or have the operator raise the ceiling in airssys.toml: `max_memory_bytes` under \
[host.ceilings] for every component, or in the [[component]] entry for this one",
    );
}

#[test]
fn everything_that_is_wrong_is_shown_at_once() {
    let manifest = "[component]\nname = \"guest\"\nversion = \"1\"\nwasm = \"../guest.wasm\"\n\n\
                    [resources.memory]\nmax_byte = 1048576\nmax_bytes = 1048576\n";
    check(
        manifest,
        "\
error: `version` is \"1\", which is not a semantic version: unexpected end of input while parsing major version \
number
 --> SYSTEM/Component.toml:3:11
  |
3 | version = \"1\"
  |           ^^^
  = help: three numbers joined by dots, for example `version = \"0.3.1\"` (https://semver.org)

error: `wasm` is \"../guest.wasm\", which leaves the folder of the manifest by \"..\"
 --> SYSTEM/Component.toml:4:8
  |
4 | wasm = \"../guest.wasm\"
  |        ^^^^^^^^^^^^^^^
  = help: the path is relative to the folder of this file and stays in it

error: unknown key `max_byte` in [resources.memory]
 --> SYSTEM/Component.toml:7:1
  |
7 | max_byte = 1048576
  | ^^^^^^^^
  = help: did you mean `max_bytes`? known keys here: `max_bytes`",
    );
}

#[test]
fn the_component_must_be_there() {
    let system = System::with_manifest(&format!("{START}[resources.memory]\nmax_bytes = 1048576\n"));
    let output = run(&["validate", system.argument()]);
    check_exit(&output, 1);
    let expected =
        "error: SYSTEM/guest.wasm cannot be read\n  caused by: No such file or directory (os error 2)\n";
    assert_eq!(system.relative(text(&output.stderr)), expected);
}

#[test]
fn all_files_are_checked() {
    let bad = System::with_manifest(START);
    let component = format!("{}/Component.toml", bad.argument());
    let output = run(&["validate", &component, "examples/log-pipeline", "examples/log-pipeline/parser"]);
    check_exit(&output, 1);
    let expected = "examples/log-pipeline/airssys.toml: ok (4 components)\n\
                    examples/log-pipeline/parser/Component.toml: ok\n";
    assert_eq!(text(&output.stdout), expected);
    assert_eq!(text(&output.stderr).matches("error: ").count(), 1);
}

#[test]
fn a_system_shows_the_errors_of_all_its_manifests() {
    let system = System::with_manifest(START);
    let both =
        "[[component]]\nmanifest = \"Component.toml\"\n[[component]]\nmanifest = \"gone/Component.toml\"\n";
    fs::write(system.path().join("airssys.toml"), both).unwrap();
    let output = run(&["validate", system.argument(), "--format", "json"]);
    check_exit(&output, 1);
    let verdict = json_of(&output);
    assert_eq!(text(&output.stderr), "");
    assert_eq!(verdict["valid"], false);
    let found: Vec<_> = verdict["diagnostics"].as_array().unwrap().iter().collect();
    assert_eq!(found.len(), 2);
    assert!(found[0]["file"].as_str().unwrap().ends_with("/Component.toml"));
    assert_eq!((&found[1]["line"], &found[1]["column"]), (&json!(4), &json!(12)));
    let reason = system.relative(found[1]["reason"].as_str().unwrap());
    assert_eq!(reason, "there is no file SYSTEM/gone/Component.toml");
}

#[test]
fn ceilings_are_those_of_the_named_system() {
    let stats = "examples/log-pipeline/stats/Component.toml";
    check_exit(&run(&["validate", stats]), 1);
    let output = run(&["validate", stats, "--ceilings", "examples/log-pipeline/airssys.toml"]);
    check_exit(&output, 0);
    assert_eq!(text(&output.stdout), format!("{stats}: ok\n"));
}

#[test]
fn a_valid_file_in_json() {
    let output = run(&["validate", "examples/log-pipeline", "--format", "json"]);
    check_exit(&output, 0);
    let file = json!({"file": "examples/log-pipeline/airssys.toml", "kind": "system", "valid": true});
    assert_eq!(json_of(&output), json!({"valid": true, "files": [file], "diagnostics": []}));
}

/// What both commands say of a system whose ceilings do not suffice for its one guest.
#[track_caller]
fn check_system(ceilings: &str, instances: u32, expected: &str) {
    let system = System::of("echo.wasm", "", "");
    let listed = format!("[[component]]\nmanifest = \"Component.toml\"\ninstances = {instances}\n");
    fs::write(system.path().join("airssys.toml"), format!("[host.ceilings]\n{ceilings}\n{listed}")).unwrap();
    for command in ["run", "validate"] {
        let output = run(&[command, system.argument()]);
        check_exit(&output, 1);
        assert_eq!(system.relative(text(&output.stderr)).trim_end(), expected, "{command}");
    }
}

#[test]
fn all_instances_must_fit_into_the_memory_of_the_host() {
    check_system(
        "total_memory_bytes = 3145727",
        3,
        "\
error: with this component 3145728 bytes of memory are declared in all; at most 3145727 are allowed
 --> SYSTEM/airssys.toml:4:12
  |
4 | manifest = \"Component.toml\"
  |            ^^^^^^^^^^^^^^^^
  = help: start fewer instances, lower their max_bytes, or raise [host.ceilings] total_memory_bytes",
    );
}

#[test]
fn the_file_of_a_component_must_not_be_too_large() {
    let bytes = fs::metadata(root().join("guests/built/echo.wasm")).unwrap().len();
    check_system(
        &format!("max_component_bytes = {}", bytes - 1),
        1,
        &format!(
            "\
error: SYSTEM/guest.wasm has {bytes} bytes; at most {} are allowed
 --> SYSTEM/airssys.toml:4:12
  |
4 | manifest = \"Component.toml\"
  |            ^^^^^^^^^^^^^^^^
  = help: make it smaller, or raise [host.ceilings] max_component_bytes",
            bytes - 1
        ),
    );
    let system = System::of("echo.wasm", "", "");
    File::create(system.path().join("guest.wasm")).unwrap().set_len(33_554_433).unwrap();
    let output = run(&["validate", system.path().join("Component.toml").to_str().unwrap()]);
    check_exit(&output, 1);
    assert!(text(&output.stderr).contains("component of 33554433 bytes; at most 33554432 are allowed"));
}
