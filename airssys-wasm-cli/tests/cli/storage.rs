//! What components keep, as operators meet it: a folder that is in use, quotas that are too large, and calls.

use std::fs;

use airssys_wasm_system::{Host, SystemFiles};

use crate::support::{System, check_exit, run, run_with, text};

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

/// Each line of the input is an order to the keeper.
#[test]
fn what_a_run_keeps_is_there_in_the_next_run() {
    let io = "[io]\ninput = [\"test/keeper\"]\noutput = \"test/echo\"\n[host]\ndata_dir = \"data\"\n";
    let cpu = "[resources.cpu]\nmax_fuel = 1000000000\ntimeout_ms = 20000\n";
    let keeper = format!("{cpu}{QUOTA}");
    let system = System::of_many(io, &[("keeper", "keeper.wasm", &keeper), ("echo", "echo.wasm", "")]);
    // The second run finds what the first one kept, so that it swaps.
    for (input, expected) in [("set key one\n", "one"), ("swap key one two\nswap-new key three\n", "two")] {
        check_exit(&run_with(&["run", system.argument()], input.as_bytes()), 0);
        assert_eq!(kept(&system, "get key"), format!("some {expected}"));
    }
}

/// What the keeper of a system answers when nothing else runs in its folder.
fn kept(system: &System, order: &str) -> String {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let files = SystemFiles::read(system.path()).unwrap();
        let host = files.host_builder().build().unwrap();
        files.launch(&host, |_| {}).await.unwrap();
        let keeper = host.component(&"test/keeper".parse().unwrap()).unwrap();
        let reply = keeper.request(order.to_owned()).await.unwrap();
        host.shutdown().await;
        String::from_utf8(reply.bytes().to_vec()).unwrap()
    })
}

#[test]
fn a_call_of_a_component_with_a_quota_is_made() {
    let system = System::of("typed.wasm", "", &format!("[resources.cpu]\ntimeout_ms = 20000\n{QUOTA}"));
    let output = run(&["invoke", system.argument(), "add(1, 2)"]);
    check_exit(&output, 0);
    assert_eq!(text(&output.stdout), "3\n");
}

#[test]
fn inspecting_tells_what_the_import_needs() {
    let output = run(&["inspect", "guests/built/keeper.wasm"]);
    check_exit(&output, 0);
    let told = text(&output.stdout);
    let reason = "airssys:core/storage@0.1.0: nothing, unless [capabilities.storage] grants a quota\n";
    assert!(told.contains(reason) && told.ends_with("\n# quota_bytes = 1048576\n"), "{told}");
}
