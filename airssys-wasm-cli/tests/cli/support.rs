//! Starts the command line and looks at what it leaves behind.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The command line, with nothing of the tester's own environment that it heeds.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_airssys-wasm"));
    command.args(arguments).current_dir(root()).stdin(Stdio::null());
    command.env_remove("AIRSSYS_LOG").env_remove("NO_COLOR");
    command
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// The outcome of a run that reads this from standard input.
pub(crate) fn run_with(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The one JSON object on standard output.
#[track_caller]
pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

#[track_caller]
pub(crate) fn check_exit(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A folder with a system of one built guest.
pub(crate) struct System {
    folder: TempDir,
}

impl System {
    /// `io` and `component` are added to the manifests as they are.
    pub(crate) fn of(guest: &str, io: &str, component: &str) -> Self {
        let manifest = format!(
            "[component]\nname = \"guest\"\nnamespace = \"test\"\nversion = \"0.1.0\"\n\n\
             [resources.memory]\nmax_bytes = 1048576\n{component}"
        );
        let system = Self::with_manifest(&manifest);
        let wasm = root().join("guests/built").join(guest);
        fs::copy(wasm, system.path().join("guest.wasm")).unwrap();
        fs::write(
            system.path().join("airssys.toml"),
            format!("[[component]]\nmanifest = \"Component.toml\"\n{io}"),
        )
        .unwrap();
        system
    }

    /// Several built guests by name, in the namespace `test`; to each manifest its text is added.
    pub(crate) fn of_many(io: &str, guests: &[(&str, &str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut entries = String::new();
        for (name, guest, more) in guests {
            let component = folder.path().join(name);
            fs::create_dir(&component).unwrap();
            fs::copy(root().join("guests/built").join(guest), component.join(format!("{name}.wasm")))
                .unwrap();
            let manifest = format!(
                "[component]\nname = \"{name}\"\nnamespace = \"test\"\nversion = \"0.1.0\"\n\n\
                 [resources.memory]\nmax_bytes = 1048576\n{more}"
            );
            fs::write(component.join("Component.toml"), manifest).unwrap();
            entries.push_str(&format!("[[component]]\nmanifest = \"{name}/Component.toml\"\n"));
        }
        fs::write(folder.path().join("airssys.toml"), format!("{entries}{io}")).unwrap();
        Self { folder }
    }

    /// A component's manifest and a system that names it, without the component itself.
    pub(crate) fn with_manifest(manifest: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Component.toml"), manifest).unwrap();
        fs::write(folder.path().join("airssys.toml"), "[[component]]\nmanifest = \"Component.toml\"\n")
            .unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn argument(&self) -> &str {
        self.path().to_str().unwrap()
    }

    /// A text without the folder, whose name differs in each run.
    pub(crate) fn relative(&self, text: &str) -> String {
        text.replace(self.argument(), "SYSTEM")
    }
}

/// Joins the input and the output of a system to its one guest.
pub(crate) const IO: &str = "\n[io]\ninput = [\"test/guest\"]\noutput = \"test/guest\"\n";
