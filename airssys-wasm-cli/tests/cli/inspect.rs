//! What `inspect` tells of the built guests.

use std::fs;

use serde_json::json;

use crate::support::{check_exit, json as json_of, root, run, text};

#[test]
fn missing_imports_are_all_listed() {
    let output = run(&["inspect", "guests/built/unknown_imports.wasm"]);
    check_exit(&output, 1);
    let expected = "\
guests/built/unknown_imports.wasm: a component of 122 bytes

imports
  acme:weather/forecast@1.2.0: tomorrow
  acme:weather/history@1.2.0: yesterday

exports
  none

missing imports (this host offers no implementation, so that it cannot be loaded)
  acme:weather/forecast@1.2.0
  acme:weather/history@1.2.0

needs at its start
  memories              0
  largest memory, bytes unknown
  largest table         unknown

Component.toml

[component]
name = \"unknown-imports\"
version = \"0.1.0\"
wasm = \"unknown_imports.wasm\"

[resources.memory]
max_bytes = 1048576
";
    assert_eq!(text(&output.stdout), expected);
}

#[test]
fn the_skeleton_names_the_rights_that_a_sender_needs() {
    let output = run(&["inspect", "guests/built/parser.wasm", "--format", "json"]);
    check_exit(&output, 0);
    let found = json_of(&output);
    assert_eq!(found["missing_imports"], json!([]));
    assert_eq!(found["raises_ceiling"], false);
    let names: Vec<_> =
        found["imports"].as_array().unwrap().iter().map(|import| import["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"airssys:core/messaging@0.1.0"), "{names:?}");
    let manifest = found["manifest"].as_str().unwrap();
    assert!(manifest.contains("\n[capabilities.messaging]\nsend_to = []"), "{manifest}");
}

#[test]
fn more_memory_than_the_ceiling_is_told() {
    let output = run(&["inspect", "guests/built/initial_memory_too_big.wasm", "--format", "json"]);
    check_exit(&output, 0);
    let found = json_of(&output);
    let needed = found["initial_memory_bytes"].as_u64().unwrap();
    assert!(found["max_memory_bytes"].as_u64().unwrap() >= needed);
    assert_eq!(found["raises_ceiling"], needed > 4_194_304 - 524_288);
}

#[test]
fn what_is_no_component_is_refused() {
    let output = run(&["inspect", "guests/built/core_module.wasm"]);
    check_exit(&output, 1);
    let expected = "error: this is a core WebAssembly module, not a component; turn it into one, for example \
                    with `wasm-tools component new`\n";
    assert_eq!(text(&output.stderr), expected);
    check_exit(&run(&["inspect", "README.md"]), 1);
    check_exit(&run(&["inspect", "guests/built/no_such_file.wasm"]), 1);
}

#[test]
fn ceilings_are_those_of_the_named_system() {
    let folder = tempfile::tempdir().unwrap();
    let system = folder.path().join("airssys.toml");
    let component = "guests/built/parser.wasm";
    let bytes = fs::metadata(root().join(component)).unwrap().len();
    let inspect = |ceiling: u64| {
        let ceilings =
            format!("[host.ceilings]\nmax_memory_bytes = 1048576\nmax_component_bytes = {ceiling}\n");
        let listed = "[[component]]\nmanifest = \"Component.toml\"\n";
        fs::write(&system, format!("{ceilings}{listed}")).unwrap();
        run(&["inspect", component, "--ceilings", system.to_str().unwrap(), "--format", "json"])
    };
    let output = inspect(bytes);
    check_exit(&output, 0);
    let found = json_of(&output);
    assert_eq!(found["raises_ceiling"], found["max_memory_bytes"].as_u64().unwrap() > 1_048_576);
    let output = inspect(bytes - 1);
    check_exit(&output, 1);
    let stderr = text(&output.stderr);
    assert!(stderr.contains(&format!("component of {bytes} bytes; at most {}", bytes - 1)), "{stderr}");
}
