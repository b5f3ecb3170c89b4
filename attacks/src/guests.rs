//! The committed guests, as components to start.

use std::path::PathBuf;

use anyhow::Result;
use semver::Version;

use airssys_wasm_core::{Backoff, ComponentManifest, SupervisionConfig};
use airssys_wasm_system::Component;

/// The memory limit of every attacked component, in bytes.
pub(crate) const MEMORY_BYTES: u64 = 2 << 20;

/// More restarts than any attack needs.
const MAX_RESTARTS: u32 = 1_000;

/// Where the built guest of this name is.
pub(crate) fn file(guest: &str) -> PathBuf {
    PathBuf::from(format!("{}/../guests/built/{guest}.wasm", env!("CARGO_MANIFEST_DIR")))
}

/// The bytes of a guest.
pub(crate) fn bytes(guest: &str) -> Result<Vec<u8>> {
    let path = file(guest);
    std::fs::read(&path).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))
}

/// The manifest of a guest as `attack/<guest>`: it is restarted at once, however often it fails.
pub(crate) fn manifest(guest: &str) -> Result<ComponentManifest> {
    manifest_of(&guest.replace('_', "-"))
}

/// The manifest of a guest as `attack/<name>`.
fn manifest_of(name: &str) -> Result<ComponentManifest> {
    let address = format!("attack/{name}").parse()?;
    let mut manifest = ComponentManifest::new(address, Version::new(0, 0, 0), MEMORY_BYTES);
    manifest.supervision = SupervisionConfig {
        max_restarts: MAX_RESTARTS,
        backoff: Backoff { initial_ms: 0, max_ms: 0, ..Backoff::default() },
        ..SupervisionConfig::default()
    };
    Ok(manifest)
}

/// A guest as `attack/<name>`, one of many of its kind.
pub(crate) fn component_as(guest: &str, name: &str) -> Result<Component> {
    Ok(Component::from_manifest(manifest_of(name)?, file(guest)))
}

/// A guest as `attack/<guest>`, with the limits of a manifest that declares none but memory.
pub(crate) fn component(guest: &str) -> Result<Component> {
    Ok(Component::from_manifest(manifest(guest)?, file(guest)))
}
