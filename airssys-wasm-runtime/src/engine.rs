//! The engine: compiles, verifies and starts components.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::Engine;
use wasmtime::component::Linker;

use airssys_wasm_core::{ComponentId, HostCapabilities, ResourceLimits};

use crate::burden::Burden;
use crate::compiler::{CompilePlace, Compiler};
use crate::component::VerifiedComponent;
use crate::config::{EngineConfig, MIN_TICK};
use crate::deadline::KillSwitch;
use crate::enforcement::Enforcement;
use crate::error::RuntimeError;
use crate::files::{FileAccess, FileThreads, FileWork, Folders, ProtectedFolders};
use crate::host::{KnownInterfaces, NetworkRates, link_host};
use crate::inspection::ComponentReport;
use crate::instance::{Budget, Completed, ComponentInstance};
use crate::loaded::LoadedComponents;
use crate::pool::PoolShare;
use crate::ports::InstancePorts;
use crate::prepared::PreparedInstance;
use crate::scheduling::{CallLane, LongCallThreads, Movable, OverdueCall};
use crate::state::HostState;
use crate::store::StoreManager;
use crate::ticker::Ticker;
use crate::verifier::Verifier;

/// The engine of a host: one compiler, one pool of instances, one clock for all its components.
///
/// ```
/// use airssys_wasm_runtime::{EngineConfig, RuntimeError, WasmtimeEngine};
///
/// let engine = WasmtimeEngine::new(EngineConfig::default())?;
/// assert!(matches!(engine.verify(b"garbage"), Err(RuntimeError::NotWasm)));
/// # Ok::<(), RuntimeError>(())
/// ```
pub struct WasmtimeEngine {
    verifier: Arc<Verifier>,
    compiler: Compiler,
    ports: InstancePorts,
    loaded: Arc<LoadedComponents>,
    long_calls: Arc<LongCallThreads>,
    files: Arc<FileThreads>,
    protected: ProtectedFolders,
    /// Shared with every store, so that a call is ended in time also where the engine was dropped before. None
    /// where there is nothing to end: an engine that enforces nothing.
    ticker: Option<Arc<Ticker>>,
}

/// Everything that a new instance is given.
#[derive(Debug, Clone)]
pub struct InstanceSetup {
    /// Which instance it is.
    pub id: ComponentId,
    /// The limits of its memory and of each call.
    pub limits: ResourceLimits,
    /// The budget of its start: instantiation and `initialize` together.
    pub start: Budget,
    /// What it may do with the host through the standard interfaces.
    pub capabilities: Arc<HostCapabilities>,
    /// What `initialize` gets, as JSON.
    pub config: String,
    /// Its ways to the outside.
    pub ports: InstancePorts,
    /// Ends it from outside.
    pub switch: KillSwitch,
    /// Where its calls run; see [`WasmtimeEngine::in_lane`].
    pub lane: CallLane,
    /// What it has under way on files, its restarts included.
    pub file_work: FileWork,
    /// How fast it makes sockets and looks names up, its restarts included.
    pub network_rates: NetworkRates,
}

impl InstanceSetup {
    /// A setup with these limits, the default budget for its start, no configuration, no rights and no ways to the
    /// outside.
    #[must_use]
    pub fn new(id: ComponentId, limits: ResourceLimits) -> Self {
        let start = airssys_wasm_core::LifecycleConfig::default();
        Self {
            id,
            limits,
            start: Budget {
                fuel: Some(start.start_fuel),
                timeout: Duration::from_millis(start.start_timeout_ms),
            },
            capabilities: Arc::default(),
            config: "{}".to_owned(),
            ports: InstancePorts::isolated(),
            switch: KillSwitch::new(),
            lane: CallLane::new(),
            file_work: FileWork::new(),
            network_rates: NetworkRates::new(),
        }
    }
}

impl WasmtimeEngine {
    /// An engine with everything that the host offers linked, and its clock running.
    ///
    /// # Errors
    ///
    /// [`RuntimeError::AddressSpace`] and [`RuntimeError::Mappings`] when the configuration asks for more than a
    /// process can have, [`RuntimeError::EngineCreation`] when the system refuses what it asks for all the same.
    pub fn new(config: EngineConfig) -> Result<Self, RuntimeError> {
        Self::with_enforcement(config, Enforcement::On)
    }

    /// An engine that enforces no limit on its guests: no fuel, no wall clock, no kill switch, no limit of
    /// memory or tables. Its guests can hold the host's threads and memory for ever. It is there to measure
    /// what limits cost, and never for production.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    #[cfg(feature = "unlimited-for-benchmarks")]
    pub fn without_limits(config: EngineConfig) -> Result<Self, RuntimeError> {
        Self::with_enforcement(config, Enforcement::Off)
    }

    fn with_enforcement(config: EngineConfig, enforcement: Enforcement) -> Result<Self, RuntimeError> {
        config.check_reservation()?;
        let created = |error: wasmtime::Error| RuntimeError::EngineCreation(error.into());
        let engine = Engine::new(&config.to_wasmtime(enforcement)).map_err(created)?;
        let mut linker = Linker::new(&engine);
        link_host(&mut linker).map_err(created)?;
        let ticker = enforcement
            .is_on()
            .then(|| Ticker::start(&engine, config.tick.max(MIN_TICK)))
            .transpose()
            .map_err(|error| RuntimeError::EngineCreation(Box::new(error)))?;
        Ok(Self {
            verifier: Arc::new(Verifier {
                engine,
                linker,
                known: KnownInterfaces::default(),
                config,
                enforcement,
            }),
            compiler: Compiler::new(),
            ports: InstancePorts::isolated(),
            loaded: Arc::default(),
            long_calls: Arc::default(),
            files: Arc::default(),
            protected: ProtectedFolders::default(),
            ticker: ticker.map(Arc::new),
        })
    }

    /// The engine beneath.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.verifier.engine
    }

    pub(crate) fn enforcement(&self) -> Enforcement {
        self.verifier.enforcement
    }

    pub(crate) fn ticker(&self) -> Option<Arc<Ticker>> {
        self.ticker.clone()
    }

    /// Everything that is linked.
    #[must_use]
    pub fn linker(&self) -> &Linker<HostState> {
        &self.verifier.linker
    }

    /// For an embedder's own interfaces, before the first component is verified. Say their names to
    /// [`declare_interface`](Self::declare_interface) as well. Of the functions that are added here only those that ask
    /// for [`HostState::resource_table`] notice that the call is over: the time of any other is looked at when it has
    /// returned, at the guest's next function, loop or call of the host.
    pub fn linker_mut(&mut self) -> &mut Linker<HostState> {
        &mut Arc::make_mut(&mut self.verifier).linker
    }

    /// Says that the linker now holds `interface` (such as `acme:rules/engine@1.0.0`), so that it is not
    /// listed as missing beside others that are.
    pub fn declare_interface(&mut self, interface: &str) {
        Arc::make_mut(&mut self.verifier).known.add(interface);
    }

    /// What it was made for.
    #[must_use]
    pub fn config(&self) -> &EngineConfig {
        &self.verifier.config
    }

    /// What its pool holds in all. Who counts the shares of its instances never meets
    /// [`RuntimeError::PoolExhausted`].
    #[must_use]
    pub fn capacity(&self) -> PoolShare {
        self.config().capacity()
    }

    /// A folder that no component may be granted, whatever its rights say, nor anything that holds it or lies in
    /// it: one of the host's own. `/proc`, `/sys` and `/dev` are never granted anyway.
    pub fn protect_folder(&mut self, folder: impl Into<PathBuf>) {
        self.protected.add(folder.into());
    }

    /// A folder in which no component may be granted to write, nor in anything that holds it; what lies in it may be
    /// granted. Of a system on disk these are the folders of its manifests and components.
    pub fn protect_from_writing(&mut self, folder: impl Into<PathBuf>) {
        self.protected.add_from_writing(folder.into());
    }

    /// Whether this can be granted together, and every folder that these rights name could be opened now. It is looked at
    /// again whenever an instance starts. This blocks.
    ///
    /// # Errors
    ///
    /// [`RuntimeError::BadGrants`], [`RuntimeError::Folder`], [`RuntimeError::LinkedFolder`],
    /// [`RuntimeError::ProtectedFolder`] and [`RuntimeError::FolderOfManifests`].
    pub fn check_folders(&self, capabilities: &HostCapabilities) -> Result<(), RuntimeError> {
        capabilities.check().map_err(RuntimeError::BadGrants)?;
        Folders::new(&capabilities.filesystem, &self.protected).check()
    }

    /// The ways to the outside of components that are loaded by handle. Without it they are isolated.
    pub fn set_ports(&mut self, ports: InstancePorts) {
        self.ports = ports;
    }

    pub(crate) fn ports(&self) -> &InstancePorts {
        &self.ports
    }

    pub(crate) fn loaded(&self) -> &Arc<LoadedComponents> {
        &self.loaded
    }

    /// Waits for a place among the components that are compiled, for one of this size. There are as many places as
    /// components may be held in memory for it: ask for one before reading a component.
    ///
    /// # Errors
    ///
    /// [`RuntimeError::TooLarge`].
    pub async fn compile_place(&self, bytes: u64) -> Result<CompilePlace, RuntimeError> {
        self.verifier.check_size(bytes)?;
        self.compiler.place(bytes).await
    }

    /// Compiles a component and checks that this host can run it, on the threads of the compiler: nothing is
    /// blocked meanwhile. At most [`MAX_COMPILES`](crate::MAX_COMPILES) components are compiled at a time, one of
    /// them larger than [`LARGE_COMPONENT_BYTES`](crate::LARGE_COMPONENT_BYTES); this waits for its turn. On Linux
    /// the threads have a lower priority (10 nicer) than those of the host.
    ///
    /// A compilation cannot be interrupted: where this is dropped, it goes on to its end for nothing.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub async fn compile(
        &self,
        place: CompilePlace,
        wasm: Arc<[u8]>,
    ) -> Result<VerifiedComponent, RuntimeError> {
        self.verifier.check_size(wasm.len() as u64)?;
        let verifier = Arc::clone(&self.verifier);
        let max_work = Verifier::max_work(wasm.len() as u64);
        self.compiler.compile(place, wasm, max_work, move |wasm, burden| verifier.verify(wasm, burden)).await
    }

    /// As [`compile`](Self::compile), and blocks the thread meanwhile: call it where blocking is allowed.
    ///
    /// # Errors
    ///
    /// One variant for each thing that can be wrong: too large, too much work for the compiler, a core module, not WebAssembly,
    /// truncated, not valid, imports that are missing (all are listed), interfaces of another shape.
    pub fn verify(&self, wasm: &[u8]) -> Result<VerifiedComponent, RuntimeError> {
        self.on_compiler(wasm, Verifier::verify)
    }

    /// What a component imports, exports and needs, whether or not this host can run it. This blocks like
    /// [`verify`](Self::verify).
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify), without those about imports.
    pub fn inspect(&self, wasm: &[u8]) -> Result<ComponentReport, RuntimeError> {
        self.on_compiler(wasm, Verifier::inspect)
    }

    fn on_compiler<T: Send + 'static>(
        &self,
        wasm: &[u8],
        work: impl FnOnce(&Verifier, &[u8], Burden) -> Result<T, RuntimeError> + Send + 'static,
    ) -> Result<T, RuntimeError> {
        self.verifier.check_size(wasm.len() as u64)?;
        let verifier = Arc::clone(&self.verifier);
        let max_work = Verifier::max_work(wasm.len() as u64);
        self.compiler
            .compile_blocking(wasm.into(), max_work, move |wasm, burden| work(&verifier, wasm, burden))
    }

    /// Runs `owner`, the future that starts and calls the instance of this lane, and moves it to threads of
    /// less priority as long as the guest computes for longer than a tick or two: short calls of others never
    /// wait for it. Without this, long calls yield at each tick on the threads where they are.
    ///
    /// The threads are the engine's own, one for each processor; on Linux they stand back by a niceness of 5. Timers
    /// and tasks that `owner` makes belong to the tokio runtime in which this is polled first.
    pub fn in_lane<F>(&self, lane: &CallLane, owner: F) -> impl Future<Output = F::Output> + Send + use<F>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Movable::new(owner, lane.clone(), Arc::clone(&self.long_calls), None)
    }

    /// As [`in_lane`](Self::in_lane), and calls `overdue` for a call that has run past its time by two milliseconds and
    /// not ended: the thread that it computes on stands back, and on a saturated machine it may be long until that
    /// comes to end it. It is called where this is polled, and may tell whoever waits for the call; the store
    /// is dropped, and its memory counted, when the call ends.
    pub fn in_lane_telling<F, O>(
        &self,
        lane: &CallLane,
        owner: F,
        overdue: O,
    ) -> impl Future<Output = F::Output> + Send + use<F, O>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
        O: Fn(OverdueCall<'_>) + Send + Sync + 'static,
    {
        Movable::new(owner, lane.clone(), Arc::clone(&self.long_calls), Some(Arc::new(overdue)))
    }

    /// Makes an instance of a verified component and initialises it.
    ///
    /// # Errors
    ///
    /// [`RuntimeError::InvalidLimits`], [`RuntimeError::NeedsMoreMemory`], [`RuntimeError::NeedsLargerTable`] and
    /// [`RuntimeError::BeyondEngine`] before any guest code runs, [`RuntimeError::BadGrants`],
    /// [`RuntimeError::LongVariables`], [`RuntimeError::Folder`],
    /// [`RuntimeError::LinkedFolder`] and [`RuntimeError::ProtectedFolder`] for a folder that cannot be granted,
    /// [`RuntimeError::PoolExhausted`], and
    /// [`RuntimeError::InstantiationFailed`] with the cause for all that happens in the guest.
    pub async fn start(
        &self,
        component: &VerifiedComponent,
        setup: InstanceSetup,
    ) -> Result<Completed<ComponentInstance>, RuntimeError> {
        self.prepare(component, setup).await?.start().await
    }

    /// The part of a start in which no guest code runs.
    pub(crate) async fn prepare(
        &self,
        component: &VerifiedComponent,
        setup: InstanceSetup,
    ) -> Result<PreparedInstance, RuntimeError> {
        let asked_bytes = setup.limits.max_memory_bytes();
        let EngineConfig { max_memory_bytes, max_instances, .. } = *self.config();
        if asked_bytes > max_memory_bytes {
            return Err(RuntimeError::BeyondEngine { asked_bytes, max_bytes: max_memory_bytes });
        }
        component.fits(&setup.limits)?;
        setup.start.check()?;
        let InstanceSetup {
            id,
            limits,
            start,
            capabilities,
            config,
            ports,
            switch,
            lane,
            file_work,
            network_rates,
        } = setup;
        capabilities.check().map_err(RuntimeError::BadGrants)?;
        let files = self.open_folders(&capabilities, start, &file_work).await?;
        let state = HostState::new(id, &limits, ports, switch).granting(capabilities, files)?;
        let state = state.within_rates(network_rates).in_lane(lane);
        let store = StoreManager::new(self).create(state, &limits)?;
        Ok(PreparedInstance {
            store,
            component: component.clone(),
            config,
            budget: start,
            max_instances,
            enforcement: self.enforcement(),
        })
    }

    /// Opens what these rights name, within the time of a start.
    async fn open_folders(
        &self,
        capabilities: &HostCapabilities,
        start: Budget,
        work: &FileWork,
    ) -> Result<Option<FileAccess>, RuntimeError> {
        let folders = Folders::new(&capabilities.filesystem, &self.protected);
        if folders.are_none() {
            return Ok(None);
        }
        match tokio::time::timeout(start.timeout, folders.open(&self.files, work)).await {
            Ok(opened) => opened.map(Some),
            Err(_) => Err(RuntimeError::InstantiationFailed(start.passed())),
        }
    }
}

impl std::fmt::Debug for WasmtimeEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WasmtimeEngine").field("config", self.config()).finish_non_exhaustive()
    }
}
