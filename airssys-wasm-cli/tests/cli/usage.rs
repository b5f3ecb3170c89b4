//! Wrong usage, help and completions.

use crate::support::{System, check_exit, run, text};

#[test]
fn wrong_usage_is_code_2() {
    for arguments in
        [&[][..], &["walk"], &["run", "--format", "xml"], &["validate"], &["inspect"], &["invoke", "."]]
    {
        let output = run(arguments);
        check_exit(&output, 2);
        assert_eq!(text(&output.stdout), "");
    }
}

#[test]
fn a_system_without_input_takes_none() {
    let system = System::of("echo.wasm", "", "");
    let output = run(&["run", system.argument(), "--input", "examples/log-pipeline/sample.log"]);
    check_exit(&output, 2);
    assert_eq!(text(&output.stderr), "error: airssys has no [io], so that it takes no --input\n");
}

#[test]
fn input_that_cannot_be_read_is_code_3() {
    for input in ["no/such.log", "examples"] {
        let output = run(&["run", "examples/log-pipeline/quiet.toml", "--input", input]);
        check_exit(&output, 3);
        let stderr = text(&output.stderr);
        assert!(stderr.starts_with(&format!("error: {input} cannot be read\n  caused by: ")), "{stderr}");
    }
}

#[test]
fn a_system_that_is_not_there_is_code_1() {
    check_exit(&run(&["run", "no/such/folder"]), 1);
}

#[test]
fn help_documents_the_exit_codes() {
    for arguments in [&["--help"][..], &["run", "--help"], &["invoke", "--help"]] {
        let output = run(arguments);
        check_exit(&output, 0);
        let help = text(&output.stdout);
        for code in ["0", "1", "2", "3", "130", "143"] {
            assert!(help.lines().any(|line| line.starts_with(&format!("  {code:<4} "))), "{code} in {help}");
        }
    }
}

#[test]
fn the_version_is_that_of_the_crate() {
    let output = run(&["--version"]);
    assert_eq!(text(&output.stdout), concat!("airssys-wasm ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn each_shell_has_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = run(&["completions", shell]);
        check_exit(&output, 0);
        assert!(text(&output.stdout).contains("airssys-wasm"), "{shell}");
    }
}
