//! What the tests of this crate share: the committed guests, and a host to run them.

use std::path::Path;

use airssys_wasm_core::{Backoff, SupervisionConfig};
use airssys_wasm_system::{Component, Host};

/// A host that is large enough for every test.
pub(crate) fn host() -> Host {
    Host::builder().max_instances(64).build().unwrap()
}

/// The built guest of this name as `test/<name>`, with 2 MiB of memory.
pub(crate) fn guest(name: &str) -> Component {
    let address = format!("test/{}", name.replace('_', "-")).parse().unwrap();
    Component::from_file(address, file(name), 2 << 20)
}

/// The file of the built guest of this name.
pub(crate) fn file(name: &str) -> String {
    format!("{}/../guests/built/{name}.wasm", env!("CARGO_MANIFEST_DIR"))
}

/// Restarts at once, so that tests need not wait.
pub(crate) fn at_once(max_restarts: u32) -> SupervisionConfig {
    let backoff = Backoff { initial_ms: 0, max_ms: 0, ..Backoff::default() };
    SupervisionConfig { max_restarts, backoff, ..SupervisionConfig::default() }
}

/// Makes a pipe with a name, by no program: as long as one starts, it holds the files that other tests have locked.
#[cfg(target_os = "linux")]
pub(crate) fn make_pipe(path: impl AsRef<Path>) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    mknodat(CWD, path.as_ref(), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn make_pipe(path: impl AsRef<Path>) {
    assert!(std::process::Command::new("mkfifo").arg(path.as_ref()).status().unwrap().success());
}
