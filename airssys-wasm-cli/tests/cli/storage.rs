//! What components keep, as operators meet it: a folder that is in use, quotas that are too large, and calls.

use std::fs;

use airssys_wasm_system::Host;

use crate::support::{System, check_exit, run, text};

const QUOTA: &str = "[capabilities.storage]\nquota_bytes = 1000\n";

#[test]
fn a_data_folder_that_another_host_has_is_named() {
    let system = System::of("keeper.wasm", "", QUOTA);
    let manifest = "[host]\ndata_dir = \"data\"\n[[component]]\nmanifest = \"Component.toml\"\n";
    fs::write(system.path().join("airssys.toml"), manifest).unwrap();
    let _other = Host::builder().max_instances(1).data_dir(system.path().join("data")).build().unwrap();
    check_exit(&run(&["validate", system.argument()]), 0);
    let output = run(&["run", system.argument()]);
    check_exit(&output, 3);
    let expected = "error: the storage of components cannot be opened\n  caused by: SYSTEM/data is in use by another host\n";
    assert_eq!(system.relative(text(&output.stderr)), expected);
}

#[test]
fn quotas_are_held_against_those_of_the_host() {
    let system = System::of("keeper.wasm", "", QUOTA);
    for (ceiling, expected) in [
        (
            "total_storage_bytes = 999",
            "\
error: with this component 1000 bytes of storage are declared in all; at most 999 are allowed
 --> SYSTEM/airssys.toml:4:12
  |
4 | manifest = \"Component.toml\"
  |            ^^^^^^^^^^^^^^^^
  = help: lower their quota_bytes, or raise [host.ceilings] total_storage_bytes",
        ),
        (
            "max_storage_bytes = 999",
            "\
error: `quota_bytes` is 1000, outside 1 to 999 bytes
 --> SYSTEM/Component.toml:9:15
  |
9 | quota_bytes = 1000
  |               ^^^^
  = help: ask for less, or have the operator raise `max_storage_bytes` under [host.ceilings] in airssys.toml",
        ),
    ] {
        let listed = "[[component]]\nmanifest = \"Component.toml\"\n";
        fs::write(system.path().join("airssys.toml"), format!("[host.ceilings]\n{ceiling}\n{listed}"))
            .unwrap();
        for command in ["run", "validate"] {
            let output = run(&[command, system.argument()]);
            check_exit(&output, 1);
            assert_eq!(system.relative(text(&output.stderr)).trim_end(), expected, "{command}");
        }
    }
}

#[test]
fn a_call_keeps_things_in_memory_within_the_quota() {
    let bytes = |text: &str| text.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
    let call = |order: &str| {
        let message = format!("{{sender: \"host/cli\", payload: {{data: [{}]}}}}", bytes(order));
        format!("airssys:core/handler@0.1.0#handle-message({message})")
    };
    for (more, reply) in [(QUOTA, "0 1000 0"), ("", "denied: capabilities.storage")] {
        let system = System::of("keeper.wasm", "", more);
        let output = run(&["invoke", system.argument(), &call("usage")]);
        check_exit(&output, 0);
        let told = text(&output.stdout);
        assert!(told.contains(&format!("[{}]", bytes(reply))), "{told}");
    }
}

#[test]
fn inspecting_tells_what_the_import_needs() {
    let output = run(&["inspect", "guests/built/keeper.wasm"]);
    check_exit(&output, 0);
    let told = text(&output.stdout);
    let reason = "airssys:core/storage@0.1.0: nothing, unless [capabilities.storage] grants a quota\n";
    assert!(told.contains(reason) && told.ends_with("\n# quota_bytes = 1048576\n"), "{told}");
}
