//! Tools that a task needs besides Rust itself.
//!
//! A tool is used where its pinned version is on the `PATH`, else where an earlier run has installed
//! it into the target folder, else it is installed there. Only the last needs the network.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::workspace;

/// A tool at one version.
#[derive(Debug)]
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
}

/// A part of the Rust toolchain that is installed apart.
#[derive(Debug)]
pub(crate) struct Part {
    /// As a command of Cargo.
    command: &'static str,
    /// As a component of the toolchain.
    component: &'static str,
}

/// Formats sources.
pub(crate) const RUSTFMT: Part = Part { command: "fmt", component: "rustfmt" };

/// Finds what the compiler does not.
pub(crate) const CLIPPY: Part = Part { command: "clippy", component: "clippy" };

impl Part {
    /// That the part is here; else the error says how it is installed.
    pub(crate) fn ready(&self) -> Result<()> {
        let answer = workspace::cargo().args([self.command, "--version"]).output();
        if !answer.is_ok_and(|output| output.status.success()) {
            let Self { command, component } = self;
            bail!("`cargo {command}` is not here: `rustup component add {component}` installs it");
        }
        Ok(())
    }
}

/// Checks bans, licences, sources and advisories of the dependencies.
pub(crate) const CARGO_DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2" };

impl Tool {
    /// Where the tool is, after installing it if need be.
    pub(crate) fn ready(&self) -> Result<PathBuf> {
        let on_path = PathBuf::from(self.name);
        if self.is_right_at(&on_path) {
            return Ok(on_path);
        }
        let folder = workspace::target_directory()?.join("tools");
        let installed = folder.join("bin").join(self.name);
        if !self.is_right_at(&installed) {
            println!(
                "{} {} is not here: installing it into {} (once, a few minutes, needs the network)",
                self.name,
                self.version,
                folder.display()
            );
            let mut install = workspace::cargo();
            install.args(["install", "--locked", self.name, "--version", self.version, "--force", "--root"]);
            workspace::streamed(install.arg(&folder))?;
        }
        Ok(installed)
    }

    fn is_right_at(&self, program: &PathBuf) -> bool {
        Command::new(program)
            .arg("--version")
            .output()
            .is_ok_and(|output| self.is_right(&String::from_utf8_lossy(&output.stdout)))
    }

    /// Whether the answer to `--version` is that of the pinned version.
    fn is_right(&self, answer: &str) -> bool {
        answer.split_whitespace().eq([self.name, self.version])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_is_not_here_says_how_it_is_installed() {
        let missing = Part { command: "no-such-command-anywhere", component: "the-part" };
        let error = missing.ready().err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("rustup component add the-part"), "{error}");
        let formatter = Command::new("cargo-fmt").arg("--version").output();
        let is_here = formatter.is_ok_and(|output| output.status.success());
        assert_eq!(RUSTFMT.ready().is_ok(), is_here);
    }

    #[test]
    fn only_the_pinned_version_will_do() {
        let tool = Tool { name: "cargo-deny", version: "1.2.3" };
        assert!(tool.is_right("cargo-deny 1.2.3\n"));
        for wrong in ["cargo-deny 1.2.30\n", "cargo-deny 1.2.3-rc1", "other 1.2.3", ""] {
            assert!(!tool.is_right(wrong), "{wrong}");
        }
        assert!(!tool.is_right_at(&PathBuf::from("no-such-tool-anywhere")));
    }
}
