//! Words that mark unfinished work. This file is the one place that may hold them.

use super::files::Files;
use super::{RULES, Violation};

/// The words, each in the case in which it is meant.
const BANNED: &[&str] =
    &["todo!", "unimplemented!", "dbg!", "TODO", "FIXME", "XXX", "FUTURE WORK", "#[ignore"];

/// Where this table is.
const THIS_FILE: &str = "xtask/src/arch/words.rs";

/// Checks sources, manifests, contracts and texts.
pub(super) fn check(files: &Files) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, text) in files.with(&["rs", "toml", "wit", "md"]).filter(|(path, _)| *path != THIS_FILE) {
        for (index, line) in text.lines().enumerate() {
            for word in BANNED.iter().filter(|word| holds(line, word)) {
                found.push(Violation {
                    wall: RULES,
                    place: format!("{path}:{}", index + 1),
                    what: format!("`{word}` marks unfinished work"),
                    mend: "finish it, or file an issue and remove the mark".to_owned(),
                });
            }
        }
    }
    found
}

/// Whether a line holds a word as a word, not as a part of a longer one.
fn holds(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|after| after.chars().next());
        let joins = |edge: Option<char>, neighbour: Option<char>| {
            edge.is_some_and(is_part) && neighbour.is_some_and(is_part)
        };
        !joins(word.chars().next(), before) && !joins(word.chars().next_back(), after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_where_it_stands_alone() {
        for (line, expected) in [
            ("// TODO: later", true),
            ("todo!()", true),
            ("core::todo!(\"x\")", true),
            ("dbg!(x)", true),
            ("#[ignore]", true),
            ("    #[ignore = \"slow\"]", true),
            ("/// XXX", true),
            ("FUTURE WORK", true),
            ("MY_TODO", false),
            ("todo = \"deny\"", false),
            ("dbg_macro = \"deny\"", false),
            ("XXXL", false),
            ("mytodo!()", false),
            ("#[ignored]", false),
            ("a mastodon", false),
        ] {
            let files = Files::from_iter([("a/src/lib.rs", line)]);
            assert_eq!(!check(&files).is_empty(), expected, "{line}");
        }
    }

    #[test]
    fn every_kind_of_text_is_read_and_only_this_file_is_spared() {
        for path in ["a.rs", "a/Cargo.toml", "wit/a.wit", "README.md", "xtask/src/arch.rs"] {
            assert_eq!(check(&Files::from_iter([(path, "\nFIXME\n")])).len(), 1, "{path}");
        }
        assert!(check(&Files::from_iter([(THIS_FILE, "FIXME")])).is_empty());
    }
}
