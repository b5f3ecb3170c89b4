//! The rules of every file: lints, module docs, unsafe code, one copy of the WIT package, no path of
//! one machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::edges::{Crate, RUNTIME};
use super::{RULES, Violation};
use crate::workspace;

/// Modules of runtime that may hold unsafe code, each with the reason.
const UNSAFE_MODULES: &[(&str, &str)] = &[];

/// What is read: sources, manifests, contracts, texts and scripts.
const EXTENSIONS: &[&str] = &["rs", "toml", "wit", "md", "wat", "json", "sh", "yml", "yaml"];

/// Folders below which every person has one, so that a path into them means nothing on another machine;
/// and whether the person's name has to follow for it to be such a path.
const MACHINE_FOLDERS: &[(&str, bool)] = &[("home", true), ("root", false), ("Users", false)];

/// The text files of the workspace by their path from the root, with `/` on every system.
#[derive(Debug, Default)]
pub(super) struct Files(BTreeMap<String, String>);

impl Files {
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut files = BTreeMap::new();
        for path in workspace::files(root)? {
            if EXTENSIONS.contains(&extension(&path)) || path == ".ci/run" {
                let bytes = fs::read(root.join(&path)).with_context(|| format!("{path} cannot be read"))?;
                // A file that is not UTF-8 is a file for the compiler or a test; the rules hold all the same.
                let text = String::from_utf8_lossy(&bytes).into_owned();
                files.insert(path, text);
            }
        }
        Ok(Self(files))
    }

    pub(super) fn get(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// Those whose name ends with one of `extensions`, or all.
    pub(super) fn with(&self, extensions: &'static [&'static str]) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter(move |(path, _)| extensions.is_empty() || extensions.contains(&extension(path)))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }
}

#[cfg(test)]
impl<'a> FromIterator<(&'a str, &'a str)> for Files {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(files: I) -> Self {
        Self(files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect())
    }
}

fn extension(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path).rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// Checks the rules.
pub(super) fn check(files: &Files, crates: &[Crate]) -> Vec<Violation> {
    let mut found = Vec::new();
    for krate in crates {
        lints(files, krate, &mut found);
        unsafe_code(files, krate, &mut found);
        blocking(files, krate, &mut found);
    }
    module_docs(files, &mut found);
    one_wit_package(files, &mut found);
    machine_paths(files, &mut found);
    found
}

fn violation(place: impl Into<String>, what: impl Into<String>, mend: impl Into<String>) -> Violation {
    Violation { wall: RULES, place: place.into(), what: what.into(), mend: mend.into() }
}

fn lints(files: &Files, krate: &Crate, found: &mut Vec<Violation>) {
    let place = format!("{}/Cargo.toml", krate.folder);
    let inherits = files
        .get(&place)
        .and_then(|text| text.parse::<toml::Table>().ok())
        .and_then(|table| table.get("lints")?.get("workspace")?.as_bool());
    if inherits != Some(true) {
        let what = format!("{} does not inherit the lints of the workspace", krate.name);
        found.push(violation(place, what, "add `[lints]` with `workspace = true`"));
    }
}

fn unsafe_code(files: &Files, krate: &Crate, found: &mut Vec<Violation>) {
    let wanted = if krate.name == RUNTIME { "deny" } else { "forbid" };
    for root in &krate.roots {
        let Some(text) = files.get(root) else { continue };
        let has = |level: &str| text.lines().any(|line| line.trim() == format!("#![{level}(unsafe_code)]"));
        if !has(wanted) && !has("forbid") {
            let line = format!("#![{wanted}(unsafe_code)]");
            found.push(violation(
                root.as_str(),
                format!("`{line}` is missing"),
                "put it below the module docs",
            ));
        }
    }
    let own = format!("{}/", krate.folder);
    for (path, text) in files.with(&["rs"]).filter(|(path, _)| path.starts_with(&own)) {
        if UNSAFE_MODULES.iter().any(|(module, _)| *module == path) {
            continue;
        }
        for line in
            text.parse().map(|tokens| lines_naming(tokens, &|name| name == "unsafe")).unwrap_or_default()
        {
            found.push(violation(
                format!("{path}:{line}"),
                "unsafe code",
                format!(
                    "do without; where it cannot be avoided it lives in {RUNTIME}, in a module that \
                         UNSAFE_MODULES in xtask/src/arch/files.rs lists with its reason"
                ),
            ));
        }
    }
}

/// A library never blocks a thread on a future. Clippy cannot tell this from what the attribute of an
/// asynchronous test expands to.
fn blocking(files: &Files, krate: &Crate, found: &mut Vec<Violation>) {
    if krate.library.is_none() {
        return;
    }
    let sources = format!("{}/src/", krate.folder);
    for (path, text) in files.with(&["rs"]).filter(|(path, _)| path.starts_with(&sources)) {
        let lines =
            text.parse().map(|tokens| lines_naming(without_tests(tokens), &|name| name == "block_on"));
        for line in lines.unwrap_or_default() {
            found.push(violation(
                format!("{path}:{line}"),
                "`block_on` in a library",
                "make the function asynchronous, or give the work to a task",
            ));
        }
    }
}

/// Leaves out the items under `#[cfg(test)]`.
fn without_tests(tokens: TokenStream) -> TokenStream {
    let mut skips = false;
    tokens
        .into_iter()
        .filter(|token| {
            let was_skipped = skips;
            match token {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
                    skips |= group.stream().to_string().replace(' ', "") == "cfg(test)";
                }
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => skips = false,
                TokenTree::Punct(end) if end.as_char() == ';' => skips = false,
                _ => {}
            }
            !was_skipped
        })
        .collect()
}

/// The lines on which an identifier stands that `matches`; text and comments are not identifiers.
pub(super) fn lines_naming(tokens: TokenStream, matches: &dyn Fn(&str) -> bool) -> Vec<usize> {
    tokens
        .into_iter()
        .flat_map(|token| match token {
            TokenTree::Ident(name) if matches(&name.to_string()) => vec![name.span().start().line],
            TokenTree::Group(group) if !is_doc(&group) => lines_naming(group.stream(), matches),
            _ => Vec::new(),
        })
        .collect()
}

/// `[doc = "…"]`, which is how a doc comment looks as tokens.
fn is_doc(group: &proc_macro2::Group) -> bool {
    matches!(group.stream().into_iter().next(), Some(TokenTree::Ident(name)) if name == "doc")
}

fn module_docs(files: &Files, found: &mut Vec<Violation>) {
    for (path, text) in files.with(&["rs"]) {
        match syn::parse_file(text) {
            Err(error) => {
                let line = error.span().start().line;
                found.push(violation(
                    format!("{path}:{line}"),
                    format!("not Rust: {error}"),
                    "mend the syntax",
                ));
            }
            Ok(file) if !file.attrs.iter().any(|attribute| attribute.path().is_ident("doc")) => {
                let mend = "say at the top (`//!`) why the module exists and what its invariant is";
                found.push(violation(path, "no module docs", mend));
            }
            Ok(_) => {}
        }
    }
}

/// The package of `wit/` may be declared nowhere else.
fn one_wit_package(files: &Files, found: &mut Vec<Violation>) {
    for (path, text) in files.with(&["wit"]).filter(|(path, _)| !path.starts_with("wit/")) {
        let declares = text.lines().any(|line| {
            line.trim_start()
                .strip_prefix("package ")
                .is_some_and(|name| name.trim_start().starts_with("airssys:core"))
        });
        if declares {
            let mend = "remove it and refer to wit/ by a relative path";
            found.push(violation(path, "a second copy of the package airssys:core", mend));
        }
    }
}

fn machine_paths(files: &Files, found: &mut Vec<Violation>) {
    for (path, text) in files.with(&[]) {
        for (index, line) in text.lines().enumerate() {
            if let Some(folder) = machine_path(line) {
                found.push(violation(
                    format!("{path}:{}", index + 1),
                    format!("an absolute path of one machine (/{folder}/…)"),
                    "name it relative to the workspace, or take it as an argument",
                ));
            }
        }
    }
}

fn machine_path(line: &str) -> Option<&'static str> {
    let is_name = |c: char| c.is_alphanumeric() || "._-".contains(c);
    let found = MACHINE_FOLDERS.iter().find(|(folder, needs_name)| {
        let folder = format!("/{folder}/");
        line.match_indices(&folder).any(|(at, _)| {
            // `a/home/b` is a relative path or a web address, not a path of this machine.
            let before = line.get(..at).and_then(|before| before.chars().next_back());
            let is_absolute = !before.is_some_and(|before| is_name(before) || "}*]".contains(before));
            let after = line.get(at + folder.len()..).unwrap_or_default();
            let has_name = after.starts_with(is_name) && after.trim_start_matches(is_name).starts_with('/');
            is_absolute && (has_name || !needs_name)
        })
    });
    found.map(|(folder, _)| *folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str) -> Crate {
        Crate {
            name: name.to_owned(),
            folder: "a".to_owned(),
            library: Some("a/src/lib.rs".to_owned()),
            roots: vec!["a/src/lib.rs".to_owned()],
            engine: false,
            renamed: BTreeMap::new(),
        }
    }

    fn places(name: &str, manifest: &str, source: &str, more: (&str, &str)) -> Vec<String> {
        let files = Files::from_iter([("a/Cargo.toml", manifest), ("a/src/lib.rs", source), more]);
        check(&files, &[member(name)]).into_iter().map(|violation| violation.place).collect()
    }

    const MANIFEST: &str = "[lints]\nworkspace = true\n";
    const SOURCE: &str = "//! Why.\n#![forbid(unsafe_code)]\n";
    const NOTHING: (&str, &str) = ("wit/a.wit", "package airssys:core@0.1.0;\n");

    #[test]
    fn a_file_that_keeps_the_rules_passes() {
        assert!(places("any", MANIFEST, SOURCE, NOTHING).is_empty());
        assert!(places(RUNTIME, MANIFEST, &SOURCE.replace("forbid", "deny"), NOTHING).is_empty());
        let other = ("guests/a/world.wit", "package some:one;\n// package airssys:core\n");
        assert!(places("any", MANIFEST, SOURCE, other).is_empty());
    }

    #[test]
    fn each_broken_rule_is_found() {
        for (manifest, source, more, place) in [
            ("", SOURCE, NOTHING, "a/Cargo.toml"),
            ("[lints]\nworkspace = false\n", SOURCE, NOTHING, "a/Cargo.toml"),
            (MANIFEST, "//! Why.\n", NOTHING, "a/src/lib.rs"),
            (MANIFEST, "//! Why.\n#![deny(unsafe_code)]\n", NOTHING, "a/src/lib.rs"),
            (MANIFEST, "#![forbid(unsafe_code)]\n", NOTHING, "a/src/lib.rs"),
            (MANIFEST, "/// Why.\n#![forbid(unsafe_code)]\n", NOTHING, "a/src/lib.rs:2"),
            (MANIFEST, SOURCE, ("a/tests/b.rs", "fn main() {}\n"), "a/tests/b.rs"),
            (MANIFEST, SOURCE, ("a/src/b.rs", "//! B.\nfn f() { unsafe {} }\n"), "a/src/b.rs:2"),
            (MANIFEST, SOURCE, ("a/src/b.rs", "//! B.\nfn f( {}\n"), "a/src/b.rs:2"),
            (
                MANIFEST,
                SOURCE,
                ("guests/x/deps/core.wit", "package airssys:core@0.1.0;\n"),
                "guests/x/deps/core.wit",
            ),
        ] {
            let found = places("any", manifest, source, more);
            assert!(found.iter().any(|found| found == place), "{place} is not among {found:?}");
        }
        assert_eq!(places(RUNTIME, MANIFEST, "//! Why.\n", NOTHING), ["a/src/lib.rs"]);
        let unsafe_runtime = "//! Why.\n#![deny(unsafe_code)]\nunsafe fn f() {}\n";
        assert_eq!(places(RUNTIME, MANIFEST, unsafe_runtime, NOTHING), ["a/src/lib.rs:3"]);
    }

    #[test]
    fn a_library_that_blocks_is_found_and_its_tests_may() {
        let blocks = "fn f() { runtime.block_on(g()); }\n";
        for (source, expected) in [
            (blocks.to_owned(), true),
            (format!("mod inner {{ {blocks} }}"), true),
            (format!("#[cfg(test)]\nmod tests {{ {blocks} }}\n{blocks}"), true),
            (format!("#[cfg(test)]\nuse a;\n{blocks}"), true),
            (format!("#[cfg(test)]\nmod tests {{ {blocks} }}"), false),
            (format!("/// {blocks}\nfn g() {{}}"), false),
        ] {
            let found = places("any", MANIFEST, &format!("{SOURCE}{source}"), NOTHING);
            assert_eq!(!found.is_empty(), expected, "{source}");
        }
    }

    #[test]
    fn the_word_unsafe_in_texts_and_lints_is_no_code() {
        let source =
            "//! Never unsafe.\n#![forbid(unsafe_code)]\n/// unsafe\nconst A: &str = \"unsafe\"; // unsafe\n";
        assert!(places("any", MANIFEST, source, NOTHING).is_empty());
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        let folder = |name: &str| format!("/{name}/");
        for (line, found) in [
            (format!("path = \"{}joe/x\"", folder("home")), true),
            (format!("{}j.doe-2/", folder("home")), true),
            (format!("file://{}x", folder("root")), true),
            (format!("{}joe", folder("Users")), true),
            (format!("https://example.org{}joe/x", folder("home")), false),
            (format!("GET {} HTTP/1.1", folder("home")), false),
            (format!("{}<name>/x", folder("home")), false),
            (format!("a{}x", folder("root")), false),
            (format!("{}x", folder("srv")), false),
            ("/var/log/nginx".to_owned(), false),
            ("/workshop/x".to_owned(), false),
        ] {
            assert_eq!(machine_path(&line).is_some(), found, "{line}");
        }
    }

    #[test]
    fn a_file_that_is_not_utf_8_is_read_all_the_same() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = ["/home", "/joe/"].concat();
        fs::write(folder.path().join("a.md"), [b"\xff\xfe\n", path.as_bytes()].concat())?;
        fs::write(folder.path().join("a.bin"), b"\xff")?;
        let files = Files::read(folder.path())?;
        assert_eq!(files.with(&[]).count(), 1);
        let places: Vec<_> = check(&files, &[]).into_iter().map(|violation| violation.place).collect();
        assert_eq!(places, ["a.md:2"]);
        Ok(())
    }
}
