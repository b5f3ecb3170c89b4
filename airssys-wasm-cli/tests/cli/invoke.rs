//! What `invoke` calls, prints, and says of what it cannot call.

use crate::support::{System, check_exit, run, text};

/// A folder with the guest of all types.
fn typed() -> System {
    System::of("typed.wasm", "", "[resources.cpu]\nmax_fuel = 1000000000\ntimeout_ms = 20000\n")
}

#[track_caller]
fn check(call: &[&str], exit: i32, stdout: &str, stderr: &str) {
    let system = typed();
    let arguments = [&["invoke", system.argument()], call].concat();
    let output = run(&arguments);
    assert_eq!(system.relative(text(&output.stderr)), stderr);
    assert_eq!(text(&output.stdout), stdout);
    check_exit(&output, exit);
}

#[test]
fn a_result_is_printed_in_wave_or_as_json() {
    check(&["add(1, 2)"], 0, "3\n", "");
    check(&["add(1, 2)", "--format", "json"], 0, "3\n", "");
    check(&["echo-shape(circle(2.5))"], 0, "circle(2.5)\n", "");
    check(&["shapes#echo-shape(circle(2.5))", "--format", "json"], 0, "{\"circle\":2.5}\n", "");
    check(&["test:typed/alpha@1.2.0#same()"], 0, "\"alpha\"\n", "");
    check(&["echo-tuple((true, \"(x\", 7))"], 0, "(true, \"(x\", 7)\n", "");
}

#[test]
fn an_error_that_a_function_returns_is_a_result() {
    check(&["echo-outcome(err(\"no\"))"], 0, "err(\"no\")\n", "");
    check(&["echo-outcome(err(\"no\"))", "--format", "json"], 0, "{\"err\":\"no\"}\n", "");
}

#[test]
fn a_function_without_a_result_prints_none() {
    check(&["remember(7)"], 0, "", "");
    check(&["remember(7)", "--format", "json"], 0, "null\n", "");
}

#[test]
fn what_does_not_fit_the_component_is_code_1() {
    check(
        &["add(1, -2)"],
        1,
        "",
        "error: wrong argument right: -2 is out of range for u32 (0 to 4294967295)\n",
    );
    check(&["add(1)"], 1, "", "error: add takes 2 arguments (left, right), and 1 was given\n");
    check(
        &["add(1, 2"],
        2,
        "",
        "error: `add(1, 2` is no call; write `function(arguments)`, such as `add(1, 2)`\n",
    );
    let ambiguous = "error: same can mean each of test:typed/alpha@1.2.0#same, test:typed/beta@1.2.0#same; name one \
                     in full\n";
    check(&["same()"], 1, "", ambiguous);
    let output = run(&["invoke", typed().argument(), "ad(1, 2)"]);
    check_exit(&output, 1);
    let stderr = text(&output.stderr);
    assert!(
        stderr.starts_with("error: the component exports no function ad (did you mean add?); it exports "),
        "{stderr}"
    );
}

#[test]
fn json_tells_of_failures_as_json() {
    let expected =
        "{\"error\":\"wrong argument left: expected u32, found string\",\"causes\":[],\"diagnostics\":[]}\n";
    let told = "error: wrong argument left: expected u32, found string\n";
    check(&["add(\"1\", 2)", "--format", "json"], 1, expected, told);
}

#[test]
fn a_call_that_is_ended_is_code_3() {
    let system =
        System::of("spin_in_function.wasm", "", "[resources.cpu]\nmax_fuel = 1000000\ntimeout_ms = 20000\n");
    let output = run(&["invoke", system.argument(), "spin()"]);
    check_exit(&output, 3);
    assert_eq!(text(&output.stdout), "");
    let told = "error: spin was ended: out of fuel (1000000 of 1000000 units)\n";
    let stderr = text(&output.stderr);
    assert!(stderr.ends_with(told), "{stderr}");
    check_exit(&run(&["invoke", system.argument(), "answer()"]), 0);
}

#[test]
fn a_manifest_or_a_component_that_is_not_valid_is_code_1() {
    check_exit(&run(&["invoke", "no/such/folder", "add(1, 2)"]), 1);
    let system = System::of("core_module.wasm", "", "");
    check_exit(&run(&["invoke", system.argument(), "add(1, 2)"]), 1);
    let system = System::with_manifest("[component]\nname = \"x\"\n");
    check_exit(&run(&["invoke", system.argument(), "add(1, 2)"]), 1);
}

#[test]
fn the_component_cannot_write_what_says_what_it_may_do() {
    let system = typed();
    let root = std::fs::canonicalize(system.path()).unwrap();
    let manifest = std::fs::read_to_string(root.join("Component.toml")).unwrap();
    let folders =
        [("", true), ("policy", true), ("data", false), ("policy/kept", true), ("policy/log", true)];
    for (folder, is_held) in folders {
        let folder = root.join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let granted = folder.to_str().unwrap().trim_end_matches('/');
        let right = format!("{manifest}\n[capabilities.filesystem]\nwrite = [\"{granted}\"]\n");
        std::fs::write(root.join("Component.toml"), right).unwrap();
        let policy = root.join("policy/airssys.toml");
        std::fs::create_dir_all(root.join("policy")).unwrap();
        let host = "[host]\ndata_dir = \"kept\"\n\n[audit]\npath = \"log/audit.jsonl\"\n";
        std::fs::write(&policy, host).unwrap();
        let arguments = ["invoke", system.argument(), "add(1, 2)", "--ceilings", policy.to_str().unwrap()];
        let output = run(&arguments);
        check_exit(&output, i32::from(is_held));
        assert_eq!(text(&output.stderr).contains("capabilities.filesystem.write"), is_held, "{granted}");
    }
}

#[test]
fn ceilings_are_those_of_the_named_system() {
    let system = typed();
    let ceilings = system.path().join("ceilings.toml");
    std::fs::write(
        &ceilings,
        "[host.ceilings]\nmax_timeout_ms = 1000\n\n[[component]]\nmanifest = \"other.toml\"\n",
    )
    .unwrap();
    let output = run(&["invoke", system.argument(), "add(1, 2)", "--ceilings", ceilings.to_str().unwrap()]);
    check_exit(&output, 1);
    assert!(text(&output.stderr).contains("max_timeout_ms"), "{}", text(&output.stderr));
}
