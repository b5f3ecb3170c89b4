//! The committed guests, an engine for them, and limits that suit them.

use std::sync::Arc;

use airssys_wasm_core::{ComponentId, ResourceLimits};
use airssys_wasm_runtime::{EngineConfig, InstanceSetup, WasmtimeEngine};

/// The bytes of a built guest.
pub(crate) fn guest(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../guests/built/{name}.wasm", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// An engine for a few instances.
pub(crate) fn engine() -> Arc<WasmtimeEngine> {
    Arc::new(WasmtimeEngine::new(EngineConfig { max_instances: 16, ..EngineConfig::default() }).unwrap())
}

/// 2 MiB, and fuel and time to spare on a loaded machine.
pub(crate) fn limits() -> ResourceLimits {
    ResourceLimits { max_memory_bytes: 2 << 20, max_execution_time_ms: 20_000, max_fuel: Some(1_000_000_000) }
}

/// A setup for `test/guest/0` under these limits.
pub(crate) fn setup(limits: ResourceLimits) -> InstanceSetup {
    InstanceSetup::new(ComponentId::new("test", "guest", "0").unwrap(), limits)
}
