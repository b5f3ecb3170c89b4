//! Where the workspace is, and how its commands are run.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use cargo_metadata::{CargoOpt, Metadata, MetadataCommand};

/// How often a command under a time limit is looked at.
const POLL: Duration = Duration::from_millis(20);

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    // `cargo run` and `cargo test` set it; the value of the build serves a binary that is run alone.
    let own = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    own.parent().map_or_else(|| own.clone(), Path::to_path_buf)
}

/// What Cargo says of the workspace at `root`, with the features of all members on, so that an optional
/// dependency counts as one.
pub(crate) fn metadata(root: &Path, more: &[&str]) -> Result<Metadata> {
    MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .features(CargoOpt::AllFeatures)
        .other_options(more.iter().map(ToString::to_string).collect::<Vec<_>>())
        .exec()
        .context("cargo metadata failed")
}

/// Where Cargo puts what it builds.
pub(crate) fn target_directory() -> Result<PathBuf> {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("cargo metadata failed")?;
    Ok(metadata.target_directory.into_std_path_buf())
}

/// Cargo, at the root of the workspace.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    std::iter::once(program)
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs a command with its output where ours goes; its failure is an error.
pub(crate) fn streamed(command: &mut Command) -> Result<()> {
    println!("$ {}", shown(command));
    let status = command.status().with_context(|| format!("{} cannot be run", shown(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", shown(command));
    }
    Ok(())
}

/// Runs a command with its output where ours goes and hands its exit code on.
pub(crate) fn pass_through(command: &mut Command) -> Result<ExitCode> {
    let status = command.status().with_context(|| format!("{} cannot be run", shown(command)))?;
    // A command that a signal ended has no code.
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}

/// Waits for a child until `limit`; past it the child is killed and there is no status.
pub(crate) fn wait_until(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begin.elapsed() >= limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::park_timeout(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(root().join("Cargo.toml").is_file());
        assert!(root().join("xtask").is_dir());
    }

    #[test]
    fn a_command_that_takes_too_long_is_killed() -> Result<()> {
        // `cargo` itself always takes longer than no time at all.
        let mut child = cargo().arg("--version").stdout(std::process::Stdio::null()).spawn()?;
        assert!(wait_until(&mut child, Duration::MAX)?.is_some_and(|status| status.success()));
        let mut child = Command::new("tail").args(["-f", "/dev/null"]).spawn()?;
        assert!(wait_until(&mut child, Duration::ZERO)?.is_none());
        Ok(())
    }
}
