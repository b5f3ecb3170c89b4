//! What `invoke` calls, prints, and says of what it cannot call.

use std::path::{Path, PathBuf};

use crate::support::{System, check_exit, command, run, text};

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

/// A system of two, and a folder beside it; of the first component what is to be added to its manifest.
fn two_with(right: &str) -> System {
    let limits = "[resources.cpu]\nmax_fuel = 1000000000\ntimeout_ms = 20000\n";
    let first = format!("{limits}{right}");
    let io = "\n[io]\ninput = [\"test/second\"]\noutput = \"test/second\"\n";
    System::of_many(io, &[("first", "typed.wasm", &first), ("second", "echo.wasm", "")])
}

/// Whether a command that is given this system and a grant to write in `granted` of it refuses that.
fn refuses(granted: &str, arguments: impl Fn(&Path) -> Vec<String>) -> bool {
    let system = two_with("");
    let root = std::fs::canonicalize(system.path()).unwrap();
    // The second component lies in another folder than its manifest.
    let second = root.join("second");
    std::fs::create_dir_all(second.join("built")).unwrap();
    std::fs::create_dir_all(root.join("free")).unwrap();
    std::fs::rename(second.join("second.wasm"), second.join("built/second.wasm")).unwrap();
    let manifest = std::fs::read_to_string(second.join("Component.toml")).unwrap();
    let manifest = manifest.replace("version = ", "wasm = \"built/second.wasm\"\nversion = ");
    std::fs::write(second.join("Component.toml"), manifest).unwrap();
    let manifest = std::fs::read_to_string(root.join("first/Component.toml")).unwrap();
    let folder = root.join(granted);
    let right = format!("{manifest}\n[capabilities.filesystem]\nwrite = [\"{}\"]\n", folder.display());
    std::fs::write(root.join("first/Component.toml"), right).unwrap();
    let arguments = arguments(&root);
    let output = run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let is_refused = output.status.code() == Some(1);
    assert_eq!(text(&output.stderr).contains("capabilities.filesystem.write"), is_refused, "{output:?}");
    assert!(is_refused || output.status.success(), "{output:?}");
    is_refused
}

#[test]
fn what_run_refuses_to_be_written_invoke_refuses_as_well() {
    let given = |path: PathBuf| path.into_os_string().into_string().unwrap();
    for (granted, is_held) in [("free", false), ("first", true), ("second", true), ("second/built", true)] {
        let invoked = |root: &Path| {
            let first = given(root.join("first"));
            let system = given(root.join("airssys.toml"));
            ["invoke", &first, "add(1, 2)", "--ceilings", &system].map(str::to_owned).to_vec()
        };
        let ran = |root: &Path| vec!["run".to_owned(), given(root.to_owned())];
        assert_eq!((refuses(granted, invoked), refuses(granted, ran)), (is_held, is_held), "{granted}");
    }
}

#[test]
fn a_system_whose_manifests_cannot_be_read_is_no_policy_for_a_call() {
    let system = two_with("");
    std::fs::write(system.path().join("second/Component.toml"), "[component]\nname = 7\n").unwrap();
    let first = system.path().join("first");
    let arguments = ["invoke", first.to_str().unwrap(), "add(1, 2)", "--ceilings", system.argument()];
    let output = run(&arguments);
    check_exit(&output, 1);
    assert!(text(&output.stderr).contains("second/Component.toml"), "{}", text(&output.stderr));
}

#[test]
fn a_system_that_is_named_without_its_folder_is_in_this_one() {
    let system = typed();
    let root = std::fs::canonicalize(system.path()).unwrap();
    let (policy, free) = (root.join("policy"), root.join("free"));
    std::fs::create_dir_all(&policy).unwrap();
    std::fs::create_dir_all(&free).unwrap();
    std::fs::write(policy.join("airssys.toml"), "[audit]\npath = \"audit.jsonl\"\n").unwrap();
    let manifest = std::fs::read_to_string(root.join("Component.toml")).unwrap();
    for (granted, is_held) in [(&free, false), (&policy, true)] {
        let right = format!("{manifest}\n[capabilities.filesystem]\nread = [\"{}\"]\n", granted.display());
        std::fs::write(root.join("Component.toml"), right).unwrap();
        let mut command = command(&["invoke", "..", "add(1, 2)", "--ceilings", "airssys.toml"]);
        let output = command.current_dir(&policy).output().unwrap();
        check_exit(&output, i32::from(is_held));
        assert_eq!(text(&output.stderr).contains("capabilities.filesystem.read"), is_held, "{output:?}");
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
