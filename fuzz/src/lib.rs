//! What all fuzz targets share: a runtime, and a panic where a target finds something, as fuzzers want it.

use std::sync::LazyLock;

use airssys_wasm_fuzz_targets::Target;
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().expect("a runtime"));

/// Gives a target these bytes.
///
/// # Panics
///
/// Where something does not hold of the code under the target.
pub fn feed(target: Target, bytes: &[u8]) {
    if let Err(broken) = RUNTIME.block_on(target.run(bytes)) {
        panic!("{broken:#}");
    }
}
