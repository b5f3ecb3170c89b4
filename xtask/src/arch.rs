//! `cargo xtask arch`: the walls between the crates.
//!
//! The first wall is Cargo's own graph with the bans of `deny.toml`. This task is the second (which
//! crate may use which, how deep, and the rules that every file keeps) and the third (what the public
//! surface may name). It reads manifests and sources and changes nothing. Each wall is tested in both
//! directions: a throwaway violation must fail.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use anyhow::{Result, bail};

use crate::workspace;

mod edges;
mod files;
mod modules;
mod surface;
mod words;

use files::Files;

/// One thing that breaks a wall: which, where, what, and how to mend it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    wall: &'static str,
    place: String,
    what: String,
    mend: String,
}

const EDGES: &str = "wall 2, permitted edges";
const DEPTH: &str = "wall 2, what a crate may reach";
const RULES: &str = "wall 2, rules of every file";
const SURFACE: &str = "wall 3, public surface";

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  broken: {}\n  mend:   {}", self.place, self.what, self.wall, self.mend)
    }
}

/// Checks the workspace; prints each violation.
pub(crate) fn run() -> Result<()> {
    let violations = check(&workspace::root(), &["--locked"])?;
    for violation in &violations {
        println!("{violation}\n");
    }
    if !violations.is_empty() {
        bail!("{} broken walls, see above", violations.len());
    }
    println!("the walls stand");
    Ok(())
}

/// All violations in the workspace at `root`; `cargo_options` go to `cargo metadata`.
fn check(root: &Path, cargo_options: &[&str]) -> Result<Vec<Violation>> {
    let metadata = workspace::metadata(root, cargo_options)?;
    let files = Files::read(root)?;
    let crates = edges::crates(&metadata, root);
    let mut violations = edges::check(&metadata, root);
    violations.extend(files::check(&files, &crates));
    violations.extend(words::check(&files));
    violations.extend(surface::check(&files, &crates));
    Ok(violations.into_iter().collect::<BTreeSet<_>>().into_iter().collect())
}

/// Whether a package or an extern crate is the engine's.
fn is_engine(name: &str) -> bool {
    name == "wasmtime" || name.starts_with("wasmtime-") || name.starts_with("wasmtime_")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_real_workspace_passes() -> Result<()> {
        let violations = check(&workspace::root(), &[])?;
        let shown: Vec<_> = violations.iter().map(ToString::to_string).collect();
        assert!(violations.is_empty(), "{}", shown.join("\n\n"));
        Ok(())
    }

    /// A copy of the workspace in which one thing is different.
    fn changed(change: impl FnOnce(&Path) -> Result<()>) -> Result<Vec<Violation>> {
        let root = workspace::root();
        // Everything that the lock file names must be here before the copy is read without the network.
        workspace::metadata(&root, &[])?;
        let copy = tempfile::tempdir()?;
        copy_known(&root, copy.path())?;
        change(copy.path())?;
        check(copy.path(), &["--offline".to_owned()].each_ref().map(String::as_str))
    }

    fn copy_known(from: &Path, to: &Path) -> Result<()> {
        for path in workspace::files(from)? {
            let copy = to.join(&path);
            if let Some(folder) = copy.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::copy(from.join(&path), copy)?;
        }
        Ok(())
    }

    fn add(path: &Path, text: &str) -> Result<()> {
        let old = fs::read_to_string(path)?;
        Ok(fs::write(path, format!("{old}\n{text}\n"))?)
    }

    fn depend(root: &Path, on: &str, member: &str) -> Result<()> {
        let path = root.join(member).join("Cargo.toml");
        let old = fs::read_to_string(&path)?;
        assert!(old.contains("\n[dependencies]\n"), "{member} has no [dependencies]");
        Ok(fs::write(path, old.replace("\n[dependencies]\n", &format!("\n[dependencies]\n{on}\n")))?)
    }

    fn assert_found(violations: &[Violation], wall: &str, what: &str) {
        let shown: Vec<_> = violations.iter().map(ToString::to_string).collect();
        assert!(
            violations.iter().any(|violation| violation.wall == wall && violation.to_string().contains(what)),
            "{what:?} at {wall:?} is not among:\n{}",
            shown.join("\n\n")
        );
    }

    #[test]
    fn the_engine_in_core_is_found() -> Result<()> {
        let found = changed(|root| {
            depend(root, "wasmtime.workspace = true", "airssys-wasm-core")?;
            add(&root.join("airssys-wasm-core/src/lib.rs"), "use wasmtime as _;")
        })?;
        assert_found(&found, EDGES, "airssys-wasm-core depends on wasmtime");
        assert_found(&found, DEPTH, "airssys-wasm-core -> wasmtime");
        assert_found(&found, DEPTH, "airssys-wasm-security -> airssys-wasm-core -> wasmtime");
        assert_found(&found, SURFACE, "airssys-wasm-core/src/lib.rs");
        Ok(())
    }

    #[test]
    fn tokio_in_security_is_found() -> Result<()> {
        let found = changed(|root| {
            depend(root, "tokio = { workspace = true, features = [\"sync\"] }", "airssys-wasm-security")
        })?;
        assert_found(&found, DEPTH, "airssys-wasm-security -> tokio");
        Ok(())
    }

    /// A crate from elsewhere that uses tokio.
    fn between() -> Result<tempfile::TempDir> {
        let between = tempfile::tempdir()?;
        fs::create_dir(between.path().join("src"))?;
        fs::write(between.path().join("src/lib.rs"), "")?;
        fs::write(
            between.path().join("Cargo.toml"),
            "[package]\nname = \"between\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\
             [dependencies]\ntokio = { version = \"1\", default-features = false }\n[workspace]\n",
        )?;
        Ok(between)
    }

    #[test]
    fn tokio_in_security_through_another_dependency_is_found() -> Result<()> {
        let between = between()?;
        let line = format!("between = {{ path = {:?} }}", between.path());
        let found = changed(|root| depend(root, &line, "airssys-wasm-security"))?;
        assert_found(&found, DEPTH, "airssys-wasm-security -> between -> tokio");
        assert_found(&found, EDGES, "between");
        Ok(())
    }

    #[test]
    fn tokio_behind_a_dependency_of_the_tests_of_core_is_found() -> Result<()> {
        let between = between()?;
        let line = format!("between = {{ path = {:?} }}", between.path());
        let found = changed(|root| {
            let manifest = root.join("airssys-wasm-core/Cargo.toml");
            let text = fs::read_to_string(&manifest)?;
            assert!(text.contains("\n[dev-dependencies]\n"), "core has no [dev-dependencies]");
            let with = format!("\n[dev-dependencies]\n{line}\n");
            Ok(fs::write(manifest, text.replace("\n[dev-dependencies]\n", &with))?)
        })?;
        assert_found(&found, DEPTH, "airssys-wasm-core -> between -> tokio");
        // What the tests of core use is no part of those that build on core.
        assert!(!found.iter().any(|violation| violation.what.starts_with("airssys-wasm-security ->")));
        Ok(())
    }

    #[test]
    fn messaging_in_runtime_is_found() -> Result<()> {
        let found =
            changed(|root| depend(root, "airssys-wasm-messaging.workspace = true", "airssys-wasm-runtime"))?;
        assert_found(&found, EDGES, "airssys-wasm-runtime depends on airssys-wasm-messaging");
        Ok(())
    }

    #[test]
    fn the_engine_in_a_signature_of_system_is_found() -> Result<()> {
        let found = changed(|root| {
            depend(root, "wasmtime.workspace = true", "airssys-wasm-system")?;
            add(
                &root.join("airssys-wasm-system/src/lib.rs"),
                "/// Thrown away.\npub fn engine() -> Option<wasmtime::Engine> { None }",
            )
        })?;
        assert_found(&found, EDGES, "airssys-wasm-system depends on wasmtime");
        assert_found(&found, SURFACE, "`engine`");
        Ok(())
    }

    #[test]
    fn a_crate_that_the_table_does_not_know_is_found() -> Result<()> {
        let found = changed(|root| {
            let manifest = root.join("Cargo.toml");
            let text = fs::read_to_string(&manifest)?.replacen("members = [", "members = [\"newcomer\",", 1);
            fs::write(manifest, text)?;
            fs::create_dir_all(root.join("newcomer/src"))?;
            fs::write(root.join("newcomer/src/lib.rs"), "")?;
            let package = "[package]\nname = \"newcomer\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
            Ok(fs::write(root.join("newcomer/Cargo.toml"), package)?)
        })?;
        assert_found(&found, EDGES, "newcomer");
        assert_found(&found, RULES, "newcomer/Cargo.toml");
        Ok(())
    }
}
