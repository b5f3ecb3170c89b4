//! What a host is made of.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use airssys_wasm_core::{BroadRight, Ceilings, NameResolver};
use airssys_wasm_runtime::{EngineConfig, RuntimeError, SystemResolver, WasmtimeEngine};

use crate::audit::{AuditLocation, AuditLog};
use crate::error::SystemError;
use crate::host::Host;
use crate::host_storage::HostStorage;
use crate::whereabouts::folders_of;

type Extension = Box<dyn FnOnce(&mut WasmtimeEngine) -> Result<(), RuntimeError> + Send>;

/// Makes a [`Host`]. Everything is optional.
#[derive(Default)]
pub struct HostBuilder {
    ceilings: Ceilings,
    engine: EngineConfig,
    audit: Option<AuditLocation>,
    data_dir: Option<PathBuf>,
    protected: Vec<PathBuf>,
    unwritable: Vec<PathBuf>,
    resolver: Option<Arc<dyn NameResolver>>,
    extensions: Vec<Extension>,
    #[cfg(feature = "unlimited-for-benchmarks")]
    is_unlimited: bool,
}

impl HostBuilder {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// What any component may ask for at most, the rights that may mean everything included: what
    /// [`allow_broad`](Self::allow_broad) has allowed before is replaced.
    #[must_use]
    pub fn ceilings(mut self, ceilings: Ceilings) -> Self {
        self.ceilings = ceilings;
        self
    }

    /// Lets this right mean everything: `[host.policy] allow_broad`. None may by default.
    #[must_use]
    pub fn allow_broad(mut self, right: BroadRight) -> Self {
        self.ceilings.broad_rights = self.ceilings.broad_rights.allowing(right);
        self
    }

    /// A folder that no component may be granted, whatever its rights say, nor anything that holds it or lies in it:
    /// one of the host's own. That of the audit log, the [data folder](Self::data_dir), `/proc`, `/sys` and `/dev` are
    /// never granted anyway.
    #[must_use]
    pub fn protect_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.protected.push(folder.into());
        self
    }

    /// A folder in which no component may be granted to write, nor in anything that holds it; what lies in it may be
    /// granted. The folders of a [`SystemFiles`](crate::SystemFiles) are such.
    #[must_use]
    pub fn protect_from_writing(mut self, folder: impl Into<PathBuf>) -> Self {
        self.unwritable.push(folder.into());
        self
    }

    /// As [`protect_from_writing`](Self::protect_from_writing), for the folder that a file lies in, and those of the
    /// links that lead to it now: whoever writes in one of them can put another file in its place.
    #[must_use]
    pub fn protect_file_from_writing(mut self, file: impl AsRef<Path>) -> Self {
        self.unwritable.extend(folders_of(file.as_ref()));
        self
    }

    /// The highest memory limit of any component in bytes, where single components may have more than the
    /// host's ceiling: address space is reserved for it.
    #[must_use]
    pub fn max_memory_bytes(mut self, bytes: u64) -> Self {
        self.engine.max_memory_bytes = bytes;
        self
    }

    /// How many instances live at a time; 1,000 by default.
    #[must_use]
    pub fn max_instances(mut self, count: u32) -> Self {
        self.engine.max_instances = count;
        self
    }

    /// How often a running guest is looked at; 1 ms by default, and at least 100 µs. A finer tick ends calls closer
    /// to their time and shares the processors more evenly, for some of their time.
    #[must_use]
    pub fn tick(mut self, period: Duration) -> Self {
        self.engine.tick = period;
        self
    }

    /// Records every denial, every grant, and every load, start and end of a component in a log, whose records
    /// are chained by their hashes. Without it denials are counted and nothing is recorded.
    ///
    /// Whoever is refused waits for no file: what the disk does not keep up with, and what one component causes
    /// beyond its rate, is counted and recorded as lost. Where the log cannot be written any more, components go
    /// on, and [`Event::AuditFailing`](crate::Event::AuditFailing) is raised; where it cannot be begun, there is
    /// no host. [`Host::shutdown`] writes it to its end. A host that is only dropped, or killed, may leave the
    /// records of its last 10 ms or so unwritten, and what was written may need a second to survive a loss of power.
    #[must_use]
    pub fn audit(mut self, location: AuditLocation) -> Self {
        self.audit = Some(location);
        self
    }

    /// The folder of what components keep ([`Component::storage_quota`](crate::Component::storage_quota)), which outlives
    /// the host; made where it is not there. One host at a time can have it, and no component is granted it, nor
    /// anything in it. Without it what components keep is in memory, and gone with the host.
    #[must_use]
    pub fn data_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(folder.into());
        self
    }

    /// By whom the names are looked up that components were granted; by the operating system where nothing is said.
    #[must_use]
    pub fn resolver(mut self, resolver: Arc<dyn NameResolver>) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// Adds host interfaces of the embedder's own, before any component is loaded.
    #[must_use]
    pub fn extend(
        mut self,
        extension: impl FnOnce(&mut WasmtimeEngine) -> Result<(), RuntimeError> + Send + 'static,
    ) -> Self {
        self.extensions.push(Box::new(extension));
        self
    }

    /// Makes a host that enforces no limit on its guests: no fuel, no wall clock, no limit of memory or tables,
    /// no message size and no rate. Rights and the bounds of mailboxes stay. It is there to measure what limits
    /// cost, and never for production.
    #[cfg(feature = "unlimited-for-benchmarks")]
    #[must_use]
    pub fn without_limits(mut self) -> Self {
        self.is_unlimited = true;
        self
    }

    /// Makes the host. Actors are spawned on the tokio runtime that starts them; it needs time enabled, and I/O
    /// where components are granted connections.
    ///
    /// # Errors
    ///
    /// [`SystemError::Engine`] when the engine cannot be made or an extension fails, [`SystemError::Audit`]
    /// when the audit log that was asked for cannot be written, and [`SystemError::Storage`] when the data folder cannot
    /// be opened, because another host has it for example.
    pub fn build(self) -> Result<Host, SystemError> {
        #[cfg(feature = "unlimited-for-benchmarks")]
        let is_unlimited = self.is_unlimited;
        let Self {
            ceilings,
            mut engine,
            audit,
            data_dir,
            mut protected,
            unwritable,
            resolver,
            extensions,
            ..
        } = self;
        let resolver = resolver.unwrap_or_else(|| SystemResolver::shared());
        engine.max_memory_bytes = engine.max_memory_bytes.max(ceilings.max_memory_bytes);
        engine.max_component_bytes = ceilings.max_component_bytes;
        protected.extend(audit.as_ref().map(AuditLocation::folder));
        protected.extend(data_dir.clone());
        // The data folder first: where another host has it, nothing is begun of the log.
        let open = || {
            let storage = HostStorage::open(data_dir)?;
            Ok::<_, SystemError>((storage, audit.map(AuditLog::open).transpose()?))
        };
        #[cfg(feature = "unlimited-for-benchmarks")]
        if is_unlimited {
            let engine = extended(WasmtimeEngine::without_limits(engine), protected, unwritable, extensions)?;
            let (storage, audit) = open()?;
            return Host::new(engine, ceilings, storage, audit, resolver, |guard| {
                Arc::new(crate::unlimited::Unlimited::new(guard))
            });
        }
        let engine = extended(WasmtimeEngine::new(engine), protected, unwritable, extensions)?;
        let (storage, audit) = open()?;
        Host::new(engine, ceilings, storage, audit, resolver, |guard| guard)
    }
}

/// The engine with everything that the embedder adds to it.
fn extended(
    engine: Result<WasmtimeEngine, RuntimeError>,
    protected: Vec<PathBuf>,
    unwritable: Vec<PathBuf>,
    extensions: Vec<Extension>,
) -> Result<Arc<WasmtimeEngine>, SystemError> {
    let mut engine = engine.map_err(SystemError::Engine)?;
    for folder in protected {
        engine.protect_folder(folder);
    }
    for folder in unwritable {
        engine.protect_from_writing(folder);
    }
    for extension in extensions {
        extension(&mut engine).map_err(SystemError::Engine)?;
    }
    Ok(Arc::new(engine))
}

impl std::fmt::Debug for HostBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostBuilder")
            .field("ceilings", &self.ceilings)
            .field("engine", &self.engine)
            .field("audit", &self.audit)
            .field("data_dir", &self.data_dir)
            .field("resolver", &self.resolver)
            .field("extensions", &self.extensions.len())
            .finish()
    }
}
