//! A system on disk: `airssys.toml`, the manifests that it names, and their components.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use airssys_wasm_core::{
    Address, Ceilings, ComponentManifest, IoConfig, MAX_MANIFEST_BYTES, ManifestError, SystemManifest,
};

use crate::audit::AuditLocation;
use crate::builder::HostBuilder;
use crate::component::{Component, Source};
use crate::error::SystemError;
use crate::host::Host;
use crate::regular_file::regular_file;

/// The file that names a host, where a folder is given.
const SYSTEM_MANIFEST: &str = "airssys.toml";

/// Instances that a host has room for beyond those that its manifest names, so that a restarted one can
/// begin while the last one is still being taken down.
const SPARE_INSTANCES: u32 = 16;

/// A system as its files describe it, checked and not yet running.
#[derive(Debug, Clone)]
pub struct SystemFiles {
    manifest: SystemManifest,
    file: PathBuf,
    folder: PathBuf,
    components: Vec<Component>,
}

/// What a launch is about to do, for those who show progress.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LaunchStep {
    /// This component is being compiled.
    Compiling(Address),
    /// This component is being started.
    Starting(Address),
}

impl SystemFiles {
    /// Reads a system manifest (or `airssys.toml` in a folder) and the manifests that it names.
    ///
    /// # Errors
    ///
    /// [`SystemError::File`] for what cannot be read, [`SystemError::Manifest`] with every error of the
    /// first manifest that has any, and [`SystemError::OutsideFolder`].
    pub fn read(path: &Path) -> Result<Self, SystemError> {
        let file = if path.is_dir() { path.join(SYSTEM_MANIFEST) } else { path.to_owned() };
        let text = read_manifest(&file)?;
        let manifest = SystemManifest::parse(&file.display().to_string(), &text)?;
        let folder = file.parent().map(Path::to_owned).unwrap_or_default();
        let mut components: Vec<Component> = Vec::new();
        let (mut declared_bytes, mut declared_storage) = (0u64, 0u64);
        for (index, entry) in manifest.components.iter().enumerate() {
            let path = folder.join(&entry.manifest);
            if !path.is_file() {
                let reason = format!("there is no file {}", path.display());
                let help = "the path is relative to the folder of this manifest";
                return Err(manifest.error_at_manifest(index, &reason, help).into());
            }
            let ceilings = entry.ceilings(&manifest.ceilings);
            let mut component = read_component(&path, &ceilings)?.instances(entry.instances);
            if components.iter().any(|other| other.address() == component.address()) {
                let reason = format!("{} is listed twice", component.address());
                let help = "list it once, and give `instances` for more than one";
                return Err(manifest.error_at_manifest(index, &reason, help).into());
            }
            component.ceilings = Some(ceilings);
            check_size(&manifest, index, &component)?;
            declared_bytes = declared_bytes.saturating_add(declared_memory(&component));
            check_total(&manifest, index, declared_bytes)?;
            let quota = component.manifest.host.storage.quota_bytes.unwrap_or(0);
            declared_storage = declared_storage.saturating_add(quota);
            check_total_storage(&manifest, index, declared_storage)?;
            components.push(component);
        }
        let files = Self { manifest, file, folder, components };
        files.check_io()?;
        files.check_data_dir()?;
        files.check_audit()?;
        Ok(files)
    }

    fn check_io(&self) -> Result<(), ManifestError> {
        let Some(io) = &self.manifest.io else { return Ok(()) };
        let listed = |address: &Address| self.components.iter().any(|other| other.address() == *address);
        let help = "name a component that a [[component]] of this manifest lists";
        for (index, address) in io.input.iter().enumerate() {
            if !listed(address) {
                let reason = format!("there is no component {address}");
                return Err(self.manifest.error_at_input(index, &reason, help));
            }
        }
        let several = |component: &&Component| component.address() == io.output && component.instances > 1;
        if let Some(component) = self.components.iter().find(several) {
            let reason =
                format!("{} has {} instances, and one alone must answer", io.output, component.instances);
            let help = "let the output component have one instance";
            return Err(self.manifest.error_at_output(&reason, help));
        }
        if !listed(&io.output) {
            let reason = format!("there is no component {}", io.output);
            return Err(self.manifest.error_at_output(&reason, help));
        }
        self.check_codecs_of(io)
    }

    /// Who demands codecs would be given none of the input, which comes as it is.
    fn check_codecs_of(&self, io: &IoConfig) -> Result<(), ManifestError> {
        let demands = |address: &Address| {
            let component = self.components.iter().find(|component| component.address() == *address);
            component.is_some_and(|component| component.manifest.messaging.codecs.is_some())
        };
        let reason = |address: &Address| {
            format!("{address} demands `codecs`, and neither lines nor the end of the input are in any")
        };
        let help = "leave `codecs` out of its [capabilities.messaging], or name another component";
        for (index, address) in io.input.iter().enumerate() {
            if demands(address) {
                return Err(self.manifest.error_at_input(index, &reason(address), help));
            }
        }
        if demands(&io.output) {
            return Err(self.manifest.error_at_output(&reason(&io.output), help));
        }
        Ok(())
    }

    /// The folder of the audit log must be there, and within that of the manifest, links followed; and none of what
    /// components keep.
    fn check_audit(&self) -> Result<(), ManifestError> {
        let Some(location) = self.audit() else { return Ok(()) };
        let folder = location.path.parent().unwrap_or(&self.folder);
        let Ok(found) = real_folder(folder) else {
            let reason = format!("there is no folder {}", folder.display());
            return Err(self.manifest.error_at_audit(&reason, "make it; the log makes files and no folders"));
        };
        if !real_folder(&self.folder).is_ok_and(|own| found.starts_with(own)) {
            let reason = format!("{} leads outside of the folder of this manifest", folder.display());
            return Err(self.manifest.error_at_audit(&reason, "name a file in the folder of this manifest"));
        }
        let data = self.data_dir().and_then(|data| real_folder(&data).ok());
        if data.is_some_and(|data| found.starts_with(data)) {
            let reason = format!("{} lies in the host's `data_dir`", folder.display());
            return Err(self.manifest.error_at_audit(&reason, "name a file in another folder"));
        }
        Ok(())
    }

    /// The folder of what components keep is one, or can be made, within that of the manifest, links followed.
    fn check_data_dir(&self) -> Result<(), ManifestError> {
        let Some(folder) = self.data_dir() else { return Ok(()) };
        let refused = |reason: String, help| Err(self.manifest.error_at_data_dir(&reason, help));
        let is_there = fs::symlink_metadata(&folder).is_ok();
        // The host makes the last folder of the path and no other.
        let nearest = if is_there { &*folder } else { folder.parent().unwrap_or(&self.folder) };
        let Ok(found) = real_folder(nearest) else {
            let reason = match fs::symlink_metadata(nearest) {
                Ok(_) => format!("{} is no folder", nearest.display()),
                Err(_) => format!("there is no folder {}", nearest.display()),
            };
            return refused(reason, "make it, or name another");
        };
        if real_folder(&self.folder).is_ok_and(|own| found.starts_with(own)) {
            return Ok(());
        }
        let reason = format!("{} leads outside of the folder of this manifest", nearest.display());
        refused(reason, "name a folder in the folder of this manifest")
    }

    /// The folder of what components keep, where it is not in memory only.
    #[must_use]
    pub fn data_dir(&self) -> Option<PathBuf> {
        self.manifest.data_dir.as_ref().map(|path| self.folder.join(path))
    }

    /// Where the audit log lies, where there is one.
    #[must_use]
    pub fn audit(&self) -> Option<AuditLocation> {
        self.manifest.audit.as_ref().map(|config| AuditLocation::of(config, &self.folder))
    }

    /// The host's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    /// The folder of the system manifest.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Who gets the input and who answers at its end.
    #[must_use]
    pub fn io(&self) -> Option<&IoConfig> {
        self.manifest.io.as_ref()
    }

    /// Its components, in the order of the manifest.
    #[must_use]
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// The manifests and the components: whoever writes where they are changes what the next start grants and runs.
    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let manifests = self.manifest.components.iter().map(|entry| self.folder.join(&entry.manifest));
        let sources = self.components.iter().filter_map(Component::file).map(Path::to_owned);
        std::iter::once(self.file.clone()).chain(manifests).chain(sources)
    }

    /// A builder of the host that these files describe. No component can be granted to write in their folders, nor in
    /// those of the links that lead to them.
    #[must_use]
    pub fn host_builder(&self) -> HostBuilder {
        let highest = self.components.iter().map(|component| component.manifest.resources.memory.max_bytes);
        let instances = self.components.iter().fold(0u32, |sum, one| sum.saturating_add(one.instances));
        let builder = Host::builder()
            .ceilings(self.manifest.ceilings)
            .max_memory_bytes(highest.max().unwrap_or(0))
            .max_instances(instances.saturating_add(SPARE_INSTANCES));
        let builder = self.files().fold(builder, HostBuilder::protect_file_from_writing);
        let builder = match self.data_dir() {
            Some(folder) => builder.data_dir(folder),
            None => builder,
        };
        match self.audit() {
            Some(location) => builder.audit(location),
            None => builder,
        }
    }

    /// Starts everything: first all components are compiled and made reachable, then they are started in the
    /// order of the manifest, so that a message of an early one to a late one waits instead of being lost.
    ///
    /// # Errors
    ///
    /// As [`Host::start`]. Then nothing stays running.
    pub async fn launch(&self, host: &Host, mut progress: impl FnMut(LaunchStep)) -> Result<(), SystemError> {
        let mut installed = Vec::new();
        for component in &self.components {
            progress(LaunchStep::Compiling(component.address()));
            // Where one fails the installed ones are dropped, and nothing of them stays.
            installed.push((component.address(), host.install(component.clone()).await?));
        }
        let mut launched: Vec<Address> = Vec::new();
        for (address, one) in installed {
            progress(LaunchStep::Starting(address.clone()));
            if let Err(failure) = host.launch(one).await {
                for address in &launched {
                    // What has ended by itself meanwhile is gone all the same.
                    host.stop(address).await.ok();
                }
                return Err(failure);
            }
            launched.push(address);
        }
        Ok(())
    }
}

/// What all instances of a component declare of memory.
fn declared_memory(component: &Component) -> u64 {
    component.manifest.resources.memory.max_bytes.saturating_mul(u64::from(component.instances))
}

/// The host would refuse to start beyond its total.
fn check_total(manifest: &SystemManifest, index: usize, declared_bytes: u64) -> Result<(), ManifestError> {
    let max_bytes = manifest.ceilings.total_memory_bytes;
    if declared_bytes <= max_bytes {
        return Ok(());
    }
    let reason = format!(
        "with this component {declared_bytes} bytes of memory are declared in all; at most {max_bytes} are allowed"
    );
    let help = "start fewer instances, lower their max_bytes, or raise [host.ceilings] total_memory_bytes";
    Err(manifest.error_at_manifest(index, &reason, help))
}

/// The same for what components may keep, each counted once.
fn check_total_storage(
    manifest: &SystemManifest,
    index: usize,
    declared_bytes: u64,
) -> Result<(), ManifestError> {
    let max_bytes = manifest.ceilings.total_storage_bytes;
    if declared_bytes <= max_bytes {
        return Ok(());
    }
    let reason = format!(
        "with this component {declared_bytes} bytes of storage are declared in all; at most {max_bytes} are allowed"
    );
    let help = "lower their quota_bytes, or raise [host.ceilings] total_storage_bytes";
    Err(manifest.error_at_manifest(index, &reason, help))
}

/// A folder with its links followed; the empty path is the present one.
fn real_folder(path: &Path) -> io::Result<PathBuf> {
    let found = fs::canonicalize(if path.as_os_str().is_empty() { Path::new(".") } else { path })?;
    if found.is_dir() { Ok(found) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

/// The host would refuse to load a larger file.
fn check_size(manifest: &SystemManifest, index: usize, component: &Component) -> Result<(), SystemError> {
    let Source::File(path) = &component.source else { return Ok(()) };
    let failed = |source| SystemError::File { path: path.clone(), source };
    let bytes = fs::metadata(path).map_err(failed)?.len();
    let max_bytes = manifest.ceilings.max_component_bytes;
    if bytes <= max_bytes {
        return Ok(());
    }
    let reason = format!("{} has {bytes} bytes; at most {max_bytes} are allowed", path.display());
    let help = "make it smaller, or raise [host.ceilings] max_component_bytes";
    Err(manifest.error_at_manifest(index, &reason, help).into())
}

/// Reads a `Component.toml`; its component must lie in its folder, links followed.
pub(crate) fn read_component(path: &Path, ceilings: &Ceilings) -> Result<Component, SystemError> {
    let text = read_manifest(path)?;
    let manifest = ComponentManifest::parse(&path.display().to_string(), &text, ceilings)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let wasm = folder.join(&manifest.wasm);
    let real = |path: &Path| {
        fs::canonicalize(path).map_err(|source| SystemError::File { path: path.to_owned(), source })
    };
    if !real(&wasm)?.starts_with(real(folder)?) {
        return Err(SystemError::OutsideFolder { path: wasm });
    }
    Ok(Component::from_manifest(manifest, wasm))
}

fn read_manifest(path: &Path) -> Result<String, SystemError> {
    let failed = |source| SystemError::File { path: path.to_owned(), source };
    let mut text = String::new();
    // One byte more than allowed, so that the parser itself says that it is too large.
    let limit = MAX_MANIFEST_BYTES as u64 + 1;
    let (file, _) = regular_file(path).map_err(failed)?;
    file.take(limit).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}
