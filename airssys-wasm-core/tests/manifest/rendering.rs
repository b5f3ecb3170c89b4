//! Diagnostics as people read them.

use airssys_wasm_core::{Ceilings, ComponentManifest};
use miette::{Diagnostic, NarratableReportHandler};

use crate::{HEAD, complaints, component, system};

#[track_caller]
fn check(text: &str, expected: &str) {
    let error = component(text).err().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(error, expected.trim_matches('\n'));
}

#[test]
fn memory_that_is_not_declared() {
    check(
        "[component]\nname = \"parser\"\nversion = \"0.3.1\"\n",
        "
error: missing section [resources.memory]: no memory limit is declared
 --> Component.toml:1:1
  |
1 | [component]
  | ^^^^^^^^^^^
  = help: there is no default on purpose, because only the author knows what the component needs: declare 524288 to 4194304 bytes, for example

          [resources.memory]
          max_bytes = 1048576
",
    );
}

#[test]
fn memory_beyond_the_ceiling() {
    check(
        &HEAD.replace("1048576", "4194305   # too much"),
        "
error: `max_bytes` is 4194305, outside 524288 to 4194304 bytes
 --> Component.toml:5:13
  |
5 | max_bytes = 4194305   # too much
  |             ^^^^^^^
  = help: ask for less, or have the operator raise the ceiling in airssys.toml: `max_memory_bytes` under [host.ceilings] for every component, or in the [[component]] entry for this one
",
    );
}

#[test]
fn memory_below_the_floor() {
    check(
        &HEAD.replace("1048576", "1"),
        "
error: `max_bytes` is 1, outside 524288 to 4194304 bytes
 --> Component.toml:5:13
  |
5 | max_bytes = 1
  |             ^
  = help: 524288 bytes is the least that any host allows; 1048576 suits many components
",
    );
}

#[test]
fn fuel_and_time_beyond_the_ceiling_name_the_setting() {
    check(
        &format!("{HEAD}\n\n\n[resources.cpu]\nmax_fuel = 10000000001\ntimeout_ms = 60001\n"),
        "
error: `max_fuel` is 10000000001, outside 1 to 10000000000 units
  --> Component.toml:10:12
   |
10 | max_fuel = 10000000001
   |            ^^^^^^^^^^^
   = help: ask for less, or have the operator raise `max_fuel` under [host.ceilings] in airssys.toml

error: `timeout_ms` is 60001, outside 1 to 60000 ms
  --> Component.toml:11:14
   |
11 | timeout_ms = 60001
   |              ^^^^^
   = help: ask for less, or have the operator raise `max_timeout_ms` under [host.ceilings] in airssys.toml
",
    );
}

#[test]
fn an_unknown_key() {
    check(
        &format!("{HEAD}max_byte = 5\n"),
        "
error: unknown key `max_byte` in [resources.memory]
 --> Component.toml:6:1
  |
6 | max_byte = 5
  | ^^^^^^^^
  = help: did you mean `max_bytes`? known keys here: `max_bytes`
",
    );
}

#[test]
fn errors_of_toml_itself() {
    check(
        "[component]\nname = parser\nversion = \"0.3.1\nwasm = \"a\"\n",
        "
error: string values must be quoted, expected literal string
 --> Component.toml:2:8
  |
2 | name = parser
  |        ^^^^^^
  = help: the file must be valid TOML (https://toml.io)

error: invalid basic string, expected `\"`
 --> Component.toml:3:17
  |
3 | version = \"0.3.1
  |                 ^
  = help: the file must be valid TOML (https://toml.io)
",
    );
}

#[test]
fn tabs_and_letters_beyond_ascii_keep_the_carets_in_place() {
    check(
        &HEAD.replace("name = \"parser\"", "\tname = \"pärser\" # ä"),
        "
error: `name` is \"pärser\", which is not a valid name
 --> Component.toml:2:9
  |
2 | \tname = \"pärser\" # ä
  | \t       ^^^^^^^^
  = help: 1 to 64 of a-z, 0-9 and '-', starting with a letter, without \"--\" and without a '-' at the end
",
    );
}

#[test]
fn line_ends_of_windows_and_a_byte_order_mark_change_nothing() {
    let text = format!("\u{feff}{}", HEAD.replace("1048576", "1").replace('\n', "\r\n"));
    let unix = component(&HEAD.replace("1048576", "1")).err().map(|error| error.to_string());
    assert_eq!(component(&text).err().map(|error| error.to_string()), unix);
    let found = complaints(component(&format!("\u{feff}x = 1\n{HEAD}")));
    assert_eq!(found.split(' ').next(), Some("1:1"), "{found}");
}

#[test]
fn a_byte_order_mark_counts_among_the_bytes_of_the_file() {
    for text in [format!("x = 1\n{HEAD}"), HEAD.replace("parser", "Parser"), "[component".to_owned()] {
        let marked = format!("\u{feff}{text}");
        let (error, with_mark) = (component(&text).unwrap_err(), component(&marked).unwrap_err());
        for (plain, wrong) in error.diagnostics().iter().zip(with_mark.diagnostics()) {
            assert_eq!(wrong.span().start, plain.span().start + '\u{feff}'.len_utf8());
            assert_eq!(marked.get(wrong.span()), text.get(plain.span()));
            assert_eq!(with_mark.source_text().get(wrong.span()), text.get(plain.span()));
        }
        assert_eq!(with_mark.source_text(), format!("???{text}"));
        assert_eq!(with_mark.diagnostics().len(), error.diagnostics().len());
    }
}

#[test]
fn a_long_line_is_cut_around_the_place() {
    let text = format!(
        "{HEAD}[config]\nx = \"{}\"\ny = [{}nan, {}]\n",
        "a".repeat(500),
        "1, ".repeat(100),
        "2, ".repeat(100)
    );
    let shown = component(&text).err().map(|error| error.to_string()).unwrap_or_default();
    let lines: Vec<&str> = shown.lines().collect();
    let [_, place, _, line, carets, ..] = lines.as_slice() else { unreachable!("{shown}") };
    assert_eq!(*place, " --> Component.toml:8:306");
    assert!(line.starts_with("8 | …1, 1,") || line.starts_with("8 | …"), "{line}");
    assert!(line.ends_with('…') && line.chars().count() < 180, "{line}");
    let at = carets.chars().position(|c| c == '^').unwrap_or_default();
    assert_eq!(line.chars().skip(at).take(3).collect::<String>(), "nan");
    assert!(carets.ends_with(" ^^^"), "{carets}");
}

#[test]
fn what_cannot_be_seen_is_not_shown() {
    let text = format!("{HEAD}\u{1b}[31m = 1 # \u{202e}\u{7}\u{9b}\n\"\\u001b[2J\\u202e\" = 1\n");
    let error = ComponentManifest::parse("Comp\u{1b}[2J\n.toml", &text, &Ceilings::default());
    let error = error.expect_err("control characters are no TOML");
    let shown = format!("{error}{}{}", error.source_name(), error.source_text());
    assert!(!shown.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{shown:?}");
    assert_eq!(error.source_text().len(), text.len());
    assert_eq!(error.source_name(), "Comp?[2J?.toml");

    let text = format!("{HEAD}\"\\u001b[2J\\u202e\" = 1\n");
    let reason =
        component(&text).err().and_then(|error| Some(error.diagnostics().first()?.reason().to_owned()));
    assert_eq!(reason.as_deref(), Some("unknown key `\\u{1b}[2J\\u{202e}` in [resources.memory]"));
}

#[test]
fn many_errors_are_counted() {
    let keys: String = (0..150).map(|number| format!("unknown{number} = 1\n")).collect();
    let error = component(&format!("{HEAD}{keys}")).expect_err("unknown keys are refused");
    assert_eq!(error.diagnostics().len(), 150);
    let shown = error.to_string();
    assert_eq!(shown.matches("error: unknown key").count(), 100);
    assert!(shown.ends_with("\n\nerror: 50 more errors are not shown"), "{shown}");
}

#[test]
fn a_command_line_can_show_them_in_its_own_way() {
    let error = system("[host]\nname = 5\n").expect_err("a name is a string");
    let related: Vec<_> = error.related().into_iter().flatten().map(ToString::to_string).collect();
    assert_eq!(related, ["`name` must be a string, not an integer"]);
    let mut shown = String::new();
    for wrong in error.diagnostics() {
        assert!(NarratableReportHandler::new().render_report(&mut shown, wrong).is_ok());
    }
    for part in [
        "`name` must be a string, not an integer",
        "airssys.toml",
        "line 2",
        "column 8",
        "write a string here",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}
