//! The programs that the tasks run: all of them built at once, with optimisation.
//!
//! One selection of packages for every task: Cargo unites the features of what it is asked to build
//! together, so that another selection would compile the same crates again. Where a program lies is
//! what Cargo says, because a target or a folder set from outside moves it.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use cargo_metadata::Message;

use crate::workspace;

/// The command line, the attacks, and the generator of logs.
const PACKAGES: [&str; 3] = ["airssys-wasm-cli", "airssys-wasm-attacks", "log-generator"];

/// Where each built program lies, by its name.
#[derive(Debug)]
pub(crate) struct Programs(BTreeMap<String, PathBuf>);

impl Programs {
    /// Builds what is not built yet.
    pub(crate) fn build() -> Result<Self> {
        eprintln!("$ cargo build --release: {}", PACKAGES.join(", "));
        Self::of(workspace::cargo(), &PACKAGES)
    }

    /// Builds the programs of these packages with a `cargo` that says where.
    pub(crate) fn of(mut cargo: Command, packages: &[&str]) -> Result<Self> {
        let command = &mut cargo;
        command.args(["build", "--locked", "--release", "--message-format=json-render-diagnostics"]);
        for package in packages {
            command.args(["--package", package]);
        }
        let shown = workspace::shown(command);
        let mut child =
            command.stdout(Stdio::piped()).spawn().with_context(|| format!("{shown} cannot be run"))?;
        let messages = child.stdout.take().context("the output of cargo is piped")?;
        let programs = Self::read(BufReader::new(messages))?;
        let status = child.wait()?;
        if !status.success() {
            bail!("`{shown}` ended with {status}");
        }
        Ok(programs)
    }

    /// Takes the programs out of what Cargo reports.
    fn read(messages: impl std::io::BufRead) -> Result<Self> {
        let mut programs = BTreeMap::new();
        for message in Message::parse_stream(messages) {
            if let Message::CompilerArtifact(artifact) = message?
                && let Some(path) = artifact.executable
            {
                programs.insert(artifact.target.name, path.into_std_path_buf());
            }
        }
        Ok(Self(programs))
    }

    /// Where a program lies.
    pub(crate) fn path(&self, name: &str) -> Result<&Path> {
        let path = self.0.get(name).with_context(|| format!("cargo built no program `{name}`"))?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Cargo prints it, with the fields that do not matter here left empty.
    fn artifact(name: &str, executable: &str) -> String {
        format!(
            r#"{{"reason":"compiler-artifact","package_id":"path+file:///x#{name}@0.1.0","manifest_path":"/x/Cargo.toml","target":{{"kind":["bin"],"crate_types":["bin"],"name":"{name}","src_path":"/x/main.rs","edition":"2024","doc":true,"doctest":false,"test":true}},"profile":{{"opt_level":"3","debuginfo":0,"debug_assertions":false,"overflow_checks":false,"test":false}},"features":[],"filenames":[],"executable":{executable},"fresh":true}}"#
        )
    }

    #[test]
    fn a_program_lies_where_cargo_says() -> Result<()> {
        let path = "/elsewhere/some-target/release/tool";
        let messages =
            format!("{}\n{}\n", artifact("library", "null"), artifact("tool", &format!("\"{path}\"")));
        let programs = Programs::read(messages.as_bytes())?;
        assert_eq!(programs.path("tool")?, Path::new(path));
        assert!(programs.path("library").is_err() && programs.path("other").is_err());
        Ok(())
    }
}
