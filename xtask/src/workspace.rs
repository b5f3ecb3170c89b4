//! Where the workspace is, and how its commands are run.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use cargo_metadata::{CargoOpt, Metadata, MetadataCommand, Package};

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

/// The packages of the workspace at `root`, as their manifests say; nothing is resolved for that.
pub(crate) fn packages(root: &Path) -> Result<Vec<Package>> {
    let mut command = MetadataCommand::new();
    let metadata = command.manifest_path(root.join("Cargo.toml")).no_deps().exec();
    Ok(metadata.context("cargo metadata failed")?.packages)
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

/// The files of the workspace at `root`, by their path from there with `/` on every system: those that git
/// tracks and those that it would, or, where there is no git, those that no build has made.
pub(crate) fn files(root: &Path) -> Result<Vec<String>> {
    let mut files = match known_to_git(root) {
        Some(files) => files,
        None => {
            let mut files = Vec::new();
            walk(root, "", &mut files)?;
            files
        }
    };
    // What was removed is known until that is committed, and a link to a folder is no file.
    files.retain(|path| root.join(path).is_file());
    files.sort();
    Ok(files)
}

/// Git in a folder, which is asked of that folder even where a hook of another repository runs us.
fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(folder);
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(name);
    }
    command
}

fn known_to_git(root: &Path) -> Option<Vec<String>> {
    // A copy inside of another repository would ask that one, which may ignore all of it.
    if !root.join(".git").exists() {
        return None;
    }
    let output =
        git(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).output().ok()?;
    let names = output.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    output.status.success().then(|| names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

/// Folders that hold nothing of ours.
const SKIPPED: [&str; 3] = ["target", ".git", "node_modules"];

fn walk(folder: &Path, prefix: &str, files: &mut Vec<String>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if !entry.file_type()?.is_dir() {
            files.push(path);
        } else if !SKIPPED.contains(&name.as_str()) {
            walk(&entry.path(), &format!("{path}/"), files)?;
        }
    }
    Ok(())
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

    /// The files of a folder of which git ignores one and holds one that is gone.
    fn listed(with_git: bool) -> Result<Vec<String>> {
        let folder = tempfile::tempdir()?;
        for (path, text) in [
            (".gitignore", "/scratch\n"),
            ("a.rs", ""),
            ("gone.rs", ""),
            ("inner/b.rs", ""),
            ("scratch/c.rs", ""),
            ("target/d.rs", ""),
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
            fs::write(path, text)?;
        }
        if with_git {
            for arguments in [&["init", "--quiet"][..], &["add", "gone.rs", "inner"]] {
                let status = git(folder.path()).args(arguments).status()?;
                assert!(status.success(), "{arguments:?}");
            }
        }
        fs::remove_file(folder.path().join("gone.rs"))?;
        files(folder.path())
    }

    #[test]
    fn files_are_what_git_knows_and_would_know() -> Result<()> {
        if Command::new("git").arg("--version").output().is_ok() {
            assert_eq!(listed(true)?, [".gitignore", "a.rs", "inner/b.rs", "target/d.rs"]);
        }
        Ok(())
    }

    #[test]
    fn files_are_all_but_what_was_built_where_there_is_no_git() -> Result<()> {
        assert_eq!(listed(false)?, [".gitignore", "a.rs", "inner/b.rs", "scratch/c.rs"]);
        Ok(())
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
