//! Tools that a task needs besides Rust itself.
//!
//! A tool is used where its pinned version is on the `PATH`, else where an earlier run has installed
//! it into the target folder, else it is installed there. Only the last needs the network.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::workspace;

/// A tool at one version.
#[derive(Debug)]
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
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
    fn only_the_pinned_version_will_do() {
        let tool = Tool { name: "cargo-deny", version: "1.2.3" };
        assert!(tool.is_right("cargo-deny 1.2.3\n"));
        for wrong in ["cargo-deny 1.2.30\n", "cargo-deny 1.2.3-rc1", "other 1.2.3", ""] {
            assert!(!tool.is_right(wrong), "{wrong}");
        }
        assert!(!tool.is_right_at(&PathBuf::from("no-such-tool-anywhere")));
    }
}
