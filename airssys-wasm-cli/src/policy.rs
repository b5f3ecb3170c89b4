//! What components may ask for, and the files that say so.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use airssys_wasm_core::{Ceilings, ComponentManifest, MAX_MANIFEST_BYTES, SystemManifest};
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
    /// The system manifest itself, where there is one.
    file: Option<PathBuf>,
    /// The manifests that it lists, and what holds for each.
    listed: Vec<(PathBuf, Ceilings)>,
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
        let folder = folder_of(&path).to_owned();
        let listed = system.components.iter();
        let listed: Vec<_> =
            listed.map(|entry| (folder.join(&entry.manifest), entry.ceilings(&system.ceilings))).collect();
        let own = listed.iter().filter_map(|(manifest, own)| Some((fs::canonicalize(manifest).ok()?, *own)));
        let own = own.collect();
        let data = system.data_dir.as_ref().map(|data| folder.join(data));
        let log = system.audit.as_ref().map(|audit| folder.join(&audit.path));
        let logs = log.as_deref().map(|log| folder_of(log).to_owned());
        let folders = data.into_iter().chain(logs).collect();
        Ok(Self { own, host: system.ceilings, folders, file: Some(path), listed })
    }

    /// The files that say what the system that it is of grants and runs: its manifest, those that it lists, and their
    /// components. A manifest that is not there names none.
    ///
    /// # Errors
    ///
    /// Of a manifest that cannot be read: nobody knows then where its component lies.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>, SystemError> {
        let mut files: Vec<PathBuf> = self.file.iter().cloned().collect();
        for (path, ceilings) in &self.listed {
            files.push(path.clone());
            if path.exists() {
                let manifest =
                    ComponentManifest::parse(&path.display().to_string(), &read_text(path)?, ceilings)?;
                files.push(folder_of(path).join(&manifest.wasm));
            }
        }
        Ok(files)
    }

    /// What holds for the component of this manifest.
    pub(crate) fn ceilings(&self, manifest: &Path) -> Ceilings {
        let real = fs::canonicalize(manifest).ok();
        let own = self.own.iter().find(|(path, _)| Some(path) == real.as_ref());
        own.map_or(self.host, |(_, ceilings)| *ceilings)
    }
}

/// The folder that a file lies in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
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
