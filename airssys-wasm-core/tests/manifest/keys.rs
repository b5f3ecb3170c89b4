//! Each key of both manifests by itself: its type, its neighbours, and the edges of its range.

use crate::{
    HEAD, WHOLE_COMPONENT, WHOLE_SYSTEM, complaints, component, keys_of, mistakes, system, with_line,
};

#[test]
fn every_key_is_known_and_only_what_is_not_enforced_is_refused() {
    assert_eq!(mistakes(component(WHOLE_COMPONENT)), "");
    assert_eq!(mistakes(system(WHOLE_SYSTEM)), "");
}

#[test]
fn every_key_refuses_a_value_of_the_wrong_type() {
    let free = |section: &str| section == "[config]";
    for (number, section, key, value) in keys_of(WHOLE_COMPONENT).filter(|(_, section, ..)| !free(section)) {
        check_wrong_type(
            mistakes(component(&with_line(WHOLE_COMPONENT, number, &wrong(key)))),
            number,
            key,
            value,
        );
        assert!(!section.is_empty());
    }
    for (number, _, key, value) in keys_of(WHOLE_SYSTEM) {
        check_wrong_type(mistakes(system(&with_line(WHOLE_SYSTEM, number, &wrong(key)))), number, key, value);
    }
}

fn wrong(key: &str) -> String {
    format!("{key} = true")
}

#[track_caller]
fn check_wrong_type(found: String, number: usize, key: &str, value: &str) {
    let expected = match value {
        _ if value.starts_with('[') => "an array of strings",
        _ if value.starts_with('"') => "a string",
        _ if value.contains('.') => "a number",
        _ => "an integer",
    };
    let column = key.len() + 4;
    assert_eq!(found, format!("{number}:{column} `{key}` must be {expected}, not a boolean"));
}

#[test]
fn every_list_refuses_an_element_of_the_wrong_type() {
    let lists = |value: &str| value.starts_with('[');
    for (number, _, key, _) in keys_of(WHOLE_COMPONENT).filter(|(.., value)| lists(value)) {
        let found = mistakes(component(&with_line(WHOLE_COMPONENT, number, &format!("{key} = [7]"))));
        let column = key.len() + 5;
        assert_eq!(
            found,
            format!("{number}:{column} an element of `{key}` must be a string, not an integer")
        );
    }
    for (number, _, key, _) in keys_of(WHOLE_SYSTEM).filter(|(.., value)| lists(value)) {
        let found = mistakes(system(&with_line(WHOLE_SYSTEM, number, &format!("{key} = [7]"))));
        let column = key.len() + 5;
        assert_eq!(
            found,
            format!("{number}:{column} an element of `{key}` must be a string, not an integer")
        );
    }
}

#[test]
fn a_misspelt_key_is_named_with_its_neighbour() {
    let check = |parsed: Result<(), airssys_wasm_core::ManifestError>, number: usize, key: &str| {
        let error = parsed.expect_err("a misspelt key is refused");
        let wrong = error.diagnostics().iter().find(|wrong| wrong.reason().starts_with("unknown key"));
        let wrong = wrong.expect("the misspelt key is reported");
        assert_eq!((wrong.line(), wrong.column()), (number, 1));
        let help = wrong.help().unwrap_or_default();
        assert!(help.starts_with(&format!("did you mean `{key}`? known keys here: ")), "{key}: {help}");
    };
    for (number, section, key, value) in
        keys_of(WHOLE_COMPONENT).filter(|(_, section, ..)| *section != "[config]")
    {
        let text = with_line(WHOLE_COMPONENT, number, &format!("{key}x = {value}"));
        check(component(&text).map(drop), number, key);
        assert!(complaints(component(&text)).contains(&format!("unknown key `{key}x` in {section}")));
    }
    for (number, section, key, value) in keys_of(WHOLE_SYSTEM) {
        let text = with_line(WHOLE_SYSTEM, number, &format!("{key}x = {value}"));
        check(system(&text).map(drop), number, key);
        assert!(complaints(system(&text)).contains(&format!("unknown key `{key}x` in {section}")));
    }
}

#[test]
fn a_misspelt_section_is_named_with_its_neighbour() {
    for (text, reason, help) in [
        ("[mailbx]", "6:2 unknown key `mailbx` at the top level", "did you mean `mailbox`?"),
        (
            "[capabilities.mesaging]",
            "6:15 unknown key `mesaging` in [capabilities]",
            "did you mean `messaging`?",
        ),
        ("[resources.disk]", "6:12 unknown key `disk` in [resources]", "the nearest known key is `cpu`;"),
        ("[supervision.back]", "6:14 unknown key `back` in [supervision]", "did you mean `backoff`?"),
    ] {
        let parsed = component(&format!("{HEAD}{text}\n"));
        assert!(parsed.as_ref().is_err_and(|error| error.to_string().contains(help)), "{parsed:?}");
        assert_eq!(complaints(parsed), reason);
    }
}

/// Checks the edges of an integer: both ends are taken, one beyond is not, nor what no integer of 64
/// bits holds. `beside` are further lines that the largest value needs.
#[track_caller]
fn check_range(check: impl Fn(&str) -> String, key: &str, min: u64, max: u64, unit: &str) {
    for value in [min, max] {
        assert_eq!(check(&format!("{key} = {value}\n")), "", "{key} = {value}");
    }
    let (below, above) = (i128::from(min) - 1, i128::from(max) + 1);
    for value in [below, above, i128::from(i64::MIN), i128::from(u64::MAX) + 1, i128::MAX] {
        let found = check(&format!("{key} = {value}\n"));
        let expected = format!("`{key}` is {value}, outside {min} to {max} {unit}");
        assert!(found.ends_with(&expected) && !found.contains('\n'), "{key} = {value}: {found}");
    }
    let found = check(&format!("{key} = 1{}\n", "0".repeat(500)));
    assert!(found.contains(&format!("outside {min} to {max} {unit}")) && found.len() < 300, "{found}");
}

#[track_caller]
fn check_component_range(section: &str, key: &str, min: u64, max: u64, unit: &str) {
    check_range(|line| mistakes(component(&format!("{HEAD}{section}\n{line}"))), key, min, max, unit);
}

#[test]
fn every_integer_of_a_component_has_a_range() {
    let memory = "[component]\nname = \"a\"\nversion = \"0.1.0\"\n[resources.memory]\n";
    let check = |line: &str| mistakes(component(&format!("{memory}{line}")));
    check_range(check, "max_bytes", 524_288, 4_194_304, "bytes");
    check_component_range("[resources.cpu]", "max_fuel", 1, 10_000_000_000, "units");
    check_component_range("[resources.cpu]", "timeout_ms", 1, 60_000, "ms");
    check_component_range("[lifecycle]", "start_timeout_ms", 1, 60_000, "ms");
    check_component_range("[lifecycle]", "start_fuel", 1, 10_000_000_000, "units");
    check_component_range("[lifecycle]", "stop_grace_ms", 0, 600_000, "ms");
    check_component_range("[mailbox]", "capacity", 1, 1_000_000, "messages");
    check_component_range("[mailbox]", "max_bytes", 1_024, 1_073_741_824, "bytes");
    let large = "[mailbox]\nmax_bytes = 16777216\n[capabilities.messaging]";
    check_component_range(large, "max_message_bytes", 1, 16_777_216, "bytes");
    check_component_range(
        "[capabilities.messaging]",
        "rate_per_second",
        1,
        100_000_000,
        "messages per second",
    );
    check_component_range("[capabilities.messaging]", "burst", 1, 100_000_000, "messages");
    check_component_range("[capabilities.storage]", "quota_bytes", 1, 268_435_456, "bytes");
    check_component_range("[supervision]", "max_restarts", 0, 1_000_000, "restarts");
    check_component_range("[supervision]", "window_seconds", 1, 86_400, "seconds");
    let backoff = "[supervision.backoff]\nmax_ms = 3600000";
    check_component_range(backoff, "initial_ms", 0, 3_600_000, "ms");
    check_component_range("[supervision.backoff]", "max_ms", 0, 3_600_000, "ms");
    check_component_range("[health]", "interval_ms", 1, 3_600_000, "ms");
    check_component_range("[health]", "timeout_ms", 1, 600_000, "ms");
    check_component_range("[health]", "unhealthy_after", 1, 1_000, "results");
}

#[test]
fn every_integer_of_a_host_has_a_range() {
    let ceilings = |line: &str| mistakes(system(&format!("[host.ceilings]\n{line}")));
    check_range(ceilings, "max_memory_bytes", 524_288, 4_294_967_296, "bytes");
    check_range(ceilings, "max_fuel", 1, u64::MAX, "units");
    check_range(ceilings, "max_timeout_ms", 1, 86_400_000, "ms");
    check_range(ceilings, "max_component_bytes", 1, 1_073_741_824, "bytes");
    check_range(ceilings, "total_memory_bytes", 524_288, 140_737_488_355_328, "bytes");
    check_range(ceilings, "max_storage_bytes", 1, 1_099_511_627_776, "bytes");
    check_range(ceilings, "total_storage_bytes", 1, 140_737_488_355_328, "bytes");
    let entry = |line: &str| mistakes(system(&format!("[[component]]\nmanifest = \"a.toml\"\n{line}")));
    check_range(entry, "instances", 1, 10_000, "instances");
    check_range(entry, "max_memory_bytes", 524_288, 4_294_967_296, "bytes");
    let group = |line: &str| mistakes(system(&format!("[[group]]\nname = \"a\"\n{line}")));
    check_range(group, "max_restarts", 0, 1_000_000, "restarts");
    check_range(group, "window_seconds", 1, 86_400, "seconds");
    let audit = |line: &str| mistakes(system(&format!("[audit]\npath = \"a\"\n{line}")));
    check_range(audit, "max_file_bytes", 4_096, 140_737_488_355_328, "bytes");
    check_range(audit, "keep_files", 1, 10_000, "files");
}

#[test]
fn integers_may_be_written_in_every_way_of_toml() {
    for value in ["1_048_576", "0x10_0000", "0o4000000", "0b100000000000000000000", "+1048576"] {
        let text = HEAD.replace("1048576", value);
        assert!(
            component(&text).is_ok_and(|manifest| manifest.limits().max_memory_bytes == 1_048_576),
            "{value}"
        );
    }
}

#[test]
fn numbers_have_ranges_and_may_be_whole() {
    let check = |line: &str, expected: &str| {
        assert_eq!(complaints(component(&format!("{HEAD}[supervision.backoff]\n{line}\n"))), expected);
    };
    for good in ["factor = 1", "factor = 1.0", "factor = 1e2", "jitter = 0", "jitter = 1.0", "jitter = 0.5"] {
        check(good, "");
    }
    check("factor = 0.99", "7:10 `factor` is 0.99, outside 1.0 to 100.0");
    check("factor = 100.1", "7:10 `factor` is 100.1, outside 1.0 to 100.0");
    check("factor = nan", "7:10 `factor` is nan, outside 1.0 to 100.0");
    check("factor = inf", "7:10 `factor` is inf, outside 1.0 to 100.0");
    check("factor = -2", "7:10 `factor` is -2, outside 1.0 to 100.0");
    check("jitter = -0.1", "7:10 `jitter` is -0.1, outside 0.0 to 1.0");
    check("jitter = 1.01", "7:10 `jitter` is 1.01, outside 0.0 to 1.0");
    check("jitter = 1e999", "7:10 `jitter` is 1e999, outside 0.0 to 1.0");
}
