//! What components may ask for, and the files that say so.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use airssys_wasm_core::{Ceilings, MAX_MANIFEST_BYTES, SystemManifest};
use airssys_wasm_system::SystemError;

/// What components may ask for, where no system manifest says it for each.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    /// For components that have none of their own.
    pub(crate) host: Ceilings,
    /// Manifests with ceilings of their own, by their real paths.
    own: Vec<(PathBuf, Ceilings)>,
    /// Folders of the host that it speaks of, which no component may have: of its data and of its audit log.
    pub(crate) folders: Vec<PathBuf>,
}

impl Policy {
    /// What this system manifest, or that of this folder, allows; a host's defaults without one.
    pub(crate) fn of(path: Option<&Path>) -> Result<Self, SystemError> {
        path.map_or_else(|| Ok(Self::default()), Self::read)
    }

    fn read(path: &Path) -> Result<Self, SystemError> {
        let path = manifest_in(path);
        let text = read_text(&path)?;
        let system = SystemManifest::parse(&path.display().to_string(), &text)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let own = system.components.iter().filter_map(|entry| {
            let real = fs::canonicalize(folder.join(&entry.manifest)).ok()?;
            Some((real, entry.ceilings(&system.ceilings)))
        });
        let data = system.data_dir.as_ref().map(|data| folder.join(data));
        let log = system.audit.as_ref().map(|audit| folder.join(&audit.path));
        let logs = log.as_deref().and_then(Path::parent).map(Path::to_owned);
        let folders = data.into_iter().chain(logs).collect();
        Ok(Self { own: own.collect(), host: system.ceilings, folders })
    }

    /// What holds for the component of this manifest.
    pub(crate) fn ceilings(&self, manifest: &Path) -> Ceilings {
        let real = fs::canonicalize(manifest).ok();
        let own = self.own.iter().find(|(path, _)| Some(path) == real.as_ref());
        own.map_or(self.host, |(_, ceilings)| *ceilings)
    }
}

/// The manifest of a folder, or the path itself.
pub(crate) fn manifest_in(path: &Path) -> PathBuf {
    if !path.is_dir() {
        return path.to_owned();
    }
    let system = path.join("airssys.toml");
    let component = path.join("Component.toml");
    if !system.exists() && component.exists() { component } else { system }
}

/// The text of a manifest.
pub(crate) fn read_text(path: &Path) -> Result<String, SystemError> {
    let failed = |source| SystemError::File { path: path.to_owned(), source };
    let mut text = String::new();
    // One byte more than allowed, so that the parser itself says that it is too large.
    let limit = MAX_MANIFEST_BYTES as u64 + 1;
    File::open(path).map_err(failed)?.take(limit).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}
