//! Whether the fuzzer's lock file holds what the crates of this workspace now depend on.
//!
//! The fuzzer is a workspace of its own, which nothing here builds. So nothing else would notice that its lock file
//! has become stale, until whoever fuzzes next finds that it does not build as it is locked. Cargo itself could tell,
//! but wants all crates of the fuzzer on this machine for that.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, bail};
use cargo_metadata::semver::Version;
use cargo_metadata::{DependencyKind, Package};
use serde::Deserialize;

use crate::workspace;

/// Where the lock file lies in the workspace.
const LOCK: &str = "fuzz/Cargo.lock";

#[derive(Debug, Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

/// A package of the lock file; one without a source is one of this repository.
#[derive(Debug, Deserialize)]
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

/// Fails where the lock file would have to change.
pub(crate) fn run() -> Result<()> {
    let root = workspace::root();
    let text = fs::read_to_string(root.join(LOCK)).with_context(|| format!("{LOCK} cannot be read"))?;
    let mut packages = workspace::packages(&root)?;
    packages.extend(workspace::packages(&root.join("fuzz"))?);
    let stale = stale(&text, &packages)?;
    for difference in &stale {
        println!("{LOCK}: {difference}");
    }
    if !stale.is_empty() {
        bail!("{LOCK} is stale; `cargo update --workspace --manifest-path fuzz/Cargo.toml` renews it");
    }
    Ok(())
}

/// In what the lock file differs from what the packages of this repository say, of those that it holds.
fn stale(lock: &str, packages: &[Package]) -> Result<Vec<String>> {
    let lock: Lock = toml::from_str(lock).with_context(|| format!("{LOCK} is no lock file"))?;
    let mut found = Vec::new();
    for own in lock.package.iter().filter(|locked| locked.source.is_none()) {
        let Some(package) = packages.iter().find(|package| package.name.as_str() == own.name) else {
            found.push(format!("there is no {} any more", own.name));
            continue;
        };
        if package.version.to_string() != own.version {
            found.push(format!("{} is {}, not {}", own.name, package.version, own.version));
        }
        found.extend(differences(&lock, own, package)?);
    }
    Ok(found)
}

fn differences(lock: &Lock, own: &Locked, package: &Package) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut unknown: BTreeSet<&str> = own.dependencies.iter().map(|text| name_of(text)).collect();
    for wanted in package.dependencies.iter().filter(|wanted| wanted.kind != DependencyKind::Development) {
        let locked = own.dependencies.iter().filter(|text| name_of(text) == wanted.name);
        let mut versions = Vec::new();
        for text in locked {
            versions.push(lock.version_of(text)?);
        }
        unknown.remove(wanted.name.as_str());
        // What is optional may be off here.
        let is_off = wanted.optional && versions.is_empty();
        if !is_off && !versions.iter().any(|version| wanted.req.matches(version)) {
            found.push(format!("{} wants {} {}", own.name, wanted.name, wanted.req));
        }
    }
    found.extend(unknown.into_iter().map(|name| format!("{} does not want {name} any more", own.name)));
    Ok(found)
}

/// A dependency is named alone, or with its version where there is more than one.
fn name_of(dependency: &str) -> &str {
    dependency.split_once(' ').map_or(dependency, |(name, _)| name)
}

impl Lock {
    fn version_of(&self, dependency: &str) -> Result<Version> {
        let version = match dependency.split_once(' ') {
            Some((_, rest)) => name_of(rest),
            None => {
                let package = self.package.iter().find(|package| package.name == dependency);
                &package.with_context(|| format!("{LOCK} does not hold {dependency}"))?.version
            }
        };
        version.parse().with_context(|| format!("{LOCK}: {version} is no version"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_of_the_fuzzer_is_fresh() -> Result<()> {
        run()
    }

    /// What is told of the real lock file after this change.
    fn told(from: &str, to: &str) -> Result<Vec<String>> {
        let root = workspace::root();
        let text = fs::read_to_string(root.join(LOCK))?;
        assert!(text.contains(from), "{from}");
        stale(&text.replacen(from, to, 1), &workspace::packages(&root)?)
    }

    #[test]
    fn what_is_missing_too_old_or_too_much_is_told() -> Result<()> {
        const CORE: &str = "name = \"airssys-wasm-core\"\nversion = \"0.1.0\"";
        const MIETTE: &str = "name = \"miette\"\nversion = \"";
        const BYTES: &str = " \"bytes\",\n";
        let alone = told(CORE, CORE)?;
        assert_eq!(alone, ["there is no airssys-wasm-fuzz any more"], "its manifest was not read");
        for (from, to, expected) in [
            (BYTES, String::new(), "airssys-wasm-core wants bytes ^1"),
            (BYTES, format!("{BYTES} \"autocfg\",\n"), "airssys-wasm-core does not want autocfg any more"),
            (CORE, CORE.replace("0.1.0", "9.0.0"), "airssys-wasm-core is 0.1.0, not 9.0.0"),
            (MIETTE, format!("{MIETTE}9"), "airssys-wasm-core wants miette"),
        ] {
            let told = told(from, &to)?;
            assert!(told.iter().any(|line| line.starts_with(expected)), "{told:?}");
        }
        Ok(())
    }
}
