//! Texts that nobody would write: reading them ends, and says something.

use airssys_wasm_core::{Ceilings, MAX_MANIFEST_BYTES, ManifestError};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::{HEAD, WHOLE_COMPONENT, WHOLE_SYSTEM, complaints, component, system};

/// What holds for every error: it says something, and points into the text.
fn check_error(error: &ManifestError) {
    assert!(!error.diagnostics().is_empty());
    let text = error.source_text();
    let mut last = 0;
    for wrong in error.diagnostics() {
        assert!(!wrong.reason().is_empty() && wrong.help().is_some_and(|help| !help.is_empty()));
        assert!(text.get(wrong.span()).is_some(), "{:?} is no part of the text", wrong.span());
        assert!(wrong.span().start >= last, "out of order");
        last = wrong.span().start;
    }
    let shown = error.to_string();
    assert!(shown.starts_with("error: ") && shown.contains(" = help: ") && !shown.ends_with('\n'), "{shown}");
}

fn check_both(text: &str) {
    match component(text) {
        Ok(manifest) => {
            assert_eq!(manifest.limits().validate(&Ceilings::default()), Ok(()));
            assert_eq!(manifest.address().as_str().parse().as_ref(), Ok(&manifest.address()));
            assert!(manifest.mailbox.max_bytes >= manifest.messaging.max_message_bytes);
            let config = serde_json::from_str::<serde_json::Value>(&manifest.config_json());
            assert!(config.is_ok_and(|config| config == serde_json::Value::Object(manifest.config)));
        }
        Err(error) => check_error(&error),
    }
    if let Err(error) = system(text) {
        check_error(&error);
    }
}

/// Changes a text in one place.
#[derive(Debug, Clone)]
enum Change {
    Delete(Index, usize),
    Insert(Index, String),
    RepeatLine(Index),
    SwapLines(Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), 1..20_usize).prop_map(|(at, length)| Change::Delete(at, length)),
        (any::<Index>(), "[\\[\\]{}=.,\"'#\n a-z0-9_-]{1,6}|\\PC{1,3}|nan|-1|\\[\\[x\\]\\]\n")
            .prop_map(|(at, text)| Change::Insert(at, text)),
        any::<Index>().prop_map(Change::RepeatLine),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Change::SwapLines(a, b)),
    ]
}

fn apply(text: &str, change: &Change) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut lines: Vec<&str> = text.lines().collect();
    if characters.is_empty() || lines.is_empty() {
        return text.to_owned();
    }
    match change {
        Change::Delete(at, length) => {
            let at = at.index(characters.len());
            characters.iter().take(at).chain(characters.iter().skip(at + length)).collect()
        }
        Change::Insert(at, inserted) => {
            let at = at.index(characters.len());
            let before = characters.iter().take(at).copied();
            before.chain(inserted.chars()).chain(characters.iter().skip(at).copied()).collect()
        }
        Change::RepeatLine(at) => {
            let line = lines.get(at.index(lines.len())).copied().unwrap_or_default();
            format!("{text}{line}\n")
        }
        Change::SwapLines(a, b) => {
            let (a, b) = (a.index(lines.len()), b.index(lines.len()));
            lines.swap(a, b);
            lines.join("\n")
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_read(text in "(?s).{0,200}") {
        check_both(&text);
    }

    #[test]
    fn any_text_of_tomls_own_letters_is_read(text in "[\\[\\]{}=.,\"'#\n\\\\ a-c0-1_+-]{0,120}") {
        check_both(&text);
        check_both(&format!("{HEAD}{text}"));
    }

    #[test]
    fn changed_manifests_are_read(
        which in any::<bool>(),
        changes in proptest::collection::vec(change(), 1..6),
    ) {
        let mut text = if which { WHOLE_COMPONENT } else { WHOLE_SYSTEM }.to_owned();
        for change in &changes {
            text = apply(&text, change);
        }
        check_both(&text);
    }

    #[test]
    fn changed_small_manifests_are_read(changes in proptest::collection::vec(change(), 1..3)) {
        let text = format!("{HEAD}[config]\na = 1\nb = \"x\"\n");
        check_both(&changes.iter().fold(text, |text, change| apply(&text, change)));
    }
}

/// Tables in one another, by keys of `parts` parts in `inline` inline tables.
fn deep(inline: usize, parts: usize) -> String {
    let key = vec!["a"; parts].join(".");
    format!("{}1{}", format!("{{{key} = ").repeat(inline), "}".repeat(inline))
}

#[test]
fn depth_does_not_overflow_the_stack() {
    // Threads of tests have no more stack than those of a runtime.
    let value = deep(78, 79);
    let too_deep = complaints(component(&format!("{HEAD}[config]\nx = {value}\n")));
    assert!(too_deep.ends_with("`config` nests deeper than 64 levels"), "{too_deep}");
    let twice = complaints(component(&format!("{HEAD}[config]\nx = 1\nx = {value}\n")));
    assert!(twice.ends_with("duplicate key"), "{twice}");
    let unknown = complaints(component(&format!("{HEAD}[mailbox]\nx = {value}\n")));
    assert!(unknown.ends_with("unknown key `x` in [mailbox]"), "{unknown}");
    // At the edge of what is read without a thread of its own.
    check_both(&format!("{HEAD}[config]\nx = {}\n", deep(4, 79)));
    check_both(&format!("{HEAD}[config]\nx = {}\n", deep(5, 79)));
    check_both(&format!("{HEAD}[config]\nx = {}\n", "[".repeat(100_000)));
    check_both(&format!("[{}]\n", vec!["a"; 5_000].join(".")));
}

#[test]
fn many_inline_tables_that_do_not_nest_are_accepted() {
    let rows = "{ x = 1.5, y = 2.5 }, ".repeat(1_000);
    assert_eq!(complaints(component(&format!("{HEAD}[config]\nrows = [{rows}]\n"))), "");
}

#[test]
fn length_is_bounded() {
    let fitting = format!("{HEAD}#{}", "x".repeat(MAX_MANIFEST_BYTES - HEAD.len() - 1));
    assert_eq!(fitting.len(), MAX_MANIFEST_BYTES);
    assert_eq!(complaints(component(&fitting)), "");
    let found = complaints(component(&format!("{fitting}x")));
    assert_eq!(found, "1:1 the file has 1048577 bytes: at most 1048576 are read");
    // A reader that stops one byte beyond the limit leaves these.
    let marked = format!("\u{feff}{fitting}");
    let found = complaints(component(&marked[..=MAX_MANIFEST_BYTES]));
    assert_eq!(found, "1:1 the file has 1048577 bytes: at most 1048576 are read");
    assert_eq!(complaints(component(&marked[..MAX_MANIFEST_BYTES])), "");
}

#[test]
fn one_long_key_is_compared_in_part() {
    let key = "x".repeat(MAX_MANIFEST_BYTES / 2);
    let error = component(&format!("{HEAD}{key} = 1\n")).expect_err("it is unknown");
    check_error(&error);
    assert!(error.to_string().len() < 2_000);
}

#[test]
fn many_errors_in_one_line_are_shown_in_part() {
    let keys: String = (0..20_000).map(|number| format!("k{number} = 1, ")).collect();
    let error =
        component(&format!("{HEAD}[supervision]\nbackoff = {{ {keys} }}\n")).expect_err("all are unknown");
    assert_eq!(error.diagnostics().len(), 20_000);
    check_error(&error);
    assert!(error.to_string().len() < 100_000);
}
