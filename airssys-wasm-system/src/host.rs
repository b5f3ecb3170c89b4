//! A host: starts components, leads to them, and ends them.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use airssys_wasm_core::{
    Address, AuditEvent, AuditKind, AuditReason, AuditSink, Ceilings, ComponentId, ComponentState,
    FilesystemCapabilities, Guard, HostCapabilities, IdError, KeyValueStore, MessagePayload, NameResolver,
    ResourceLimits, RestartTracker, SendError, Topic, TopicPattern,
};
use airssys_wasm_messaging::{
    CorrelationSource, Mailbox, RegisterOptions, Router, RouterOptions, TopicStream,
};
use airssys_wasm_runtime::{
    Budget, CallLane, FileWork, InstancePorts, InstanceSetup, NetworkRates, RuntimeError, VerifiedComponent,
    WasmtimeEngine,
};
use airssys_wasm_security::{AuditHash, CapabilityGuard, CapabilitySet, MonotonicClock};
use airssys_wasm_storage::StoreStatus;

use crate::access_account::AccessAccount;
use crate::actor::{Actor, FirstStart};
use crate::audit::{AuditLog, AuditStatus, AuditThread};
use crate::builder::HostBuilder;
use crate::component::{Component, Source};
use crate::component_file::ComponentFile;
use crate::directory::Directory;
use crate::error::SystemError;
use crate::events::{EventBus, EventStream};
use crate::guest_log::GuestLog;
use crate::host_storage::HostStorage;
use crate::observers::RouterObserver;
use crate::record::InstanceRecord;
use crate::reference::ComponentRef;
use crate::registry::{Refusal, Registry, Totals};
use crate::rights::granted;
use crate::status::ComponentStatus;
use crate::storage_gauge::GaugedStore;

/// The part of the host that references of its API send as: `host/api`.
const API_SENDER: &str = "api";

/// How long the end of a host waits for its store: a disk that hangs must not hold it for ever.
const STORE_CLOSES_WITHIN: Duration = Duration::from_secs(5);

/// How often a wait for quiet looks again.
const SETTLE_LOOK: Duration = Duration::from_millis(2);

/// Runs components as supervised actors. Cheap to clone; all clones are one host. When the last clone is
/// dropped everything that still runs is ended at once; [`shutdown`](Self::shutdown) is the orderly way.
///
/// ```
/// use airssys_wasm_system::Host;
///
/// let host = Host::builder().max_instances(10).build()?;
/// assert!(host.statuses().is_empty());
/// # Ok::<(), airssys_wasm_system::SystemError>(())
/// ```
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Arc<WasmtimeEngine>,
    ceilings: Ceilings,
    guard: Arc<CapabilityGuard>,
    router: Router,
    registry: Arc<Registry>,
    directory: Arc<Directory>,
    events: Arc<EventBus>,
    storage: Arc<HostStorage>,
    audit: Option<Arc<AuditLog>>,
    resolver: Arc<dyn NameResolver>,
    correlations: Arc<CorrelationSource>,
    began: Instant,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Nobody can stop them any more.
        for record in self.registry.all() {
            record.mailbox.close();
            record.control.kill();
        }
    }
}

/// An instance that is registered and reachable, and whose actor is not running yet.
struct Prepared {
    actor: Actor,
    first: FirstStart,
    started: oneshot::Receiver<Result<(), RuntimeError>>,
}

/// A component whose instances are registered: its messages wait in their mailboxes until it is started.
/// Dropped without a start, nothing of it stays.
pub(crate) struct Installed {
    host: Host,
    address: Address,
    instances: Vec<Prepared>,
}

impl Drop for Installed {
    fn drop(&mut self) {
        for Prepared { actor, .. } in self.instances.drain(..) {
            let record = Arc::clone(&actor.record);
            // First what waits for it becomes dead letters, and then nothing of it is left to count them by.
            drop(actor);
            self.host.remove(&record);
        }
    }
}

impl Host {
    /// Begins a new host.
    #[must_use]
    pub fn builder() -> HostBuilder {
        HostBuilder::new()
    }

    /// A host whose messages pass what `guarding` makes of the guard of rights and rates.
    pub(crate) fn new(
        engine: Arc<WasmtimeEngine>,
        ceilings: Ceilings,
        storage: HostStorage,
        audit: Option<(AuditLog, AuditThread)>,
        resolver: Arc<dyn NameResolver>,
        guarding: impl FnOnce(Arc<CapabilityGuard>) -> Arc<dyn Guard>,
    ) -> Result<Self, SystemError> {
        let guard = Arc::new(CapabilityGuard::new(Arc::new(MonotonicClock::new())));
        let (audit, thread) = audit.map(|(log, thread)| (Arc::new(log), thread)).unzip();
        let sink = || audit.clone().map(|log| log as Arc<dyn AuditSink>);
        let events = Arc::new(EventBus::new(sink()));
        if let Some(thread) = thread {
            thread.start(&events)?;
        }
        storage.tell(&events);
        let observer = Arc::new(RouterObserver { events: Arc::clone(&events), audit: sink() });
        let options = RouterOptions {
            guard_generation: Some(guard.generation_source()),
            denials: Some(observer.clone()),
            dead_letters: Some(observer.clone()),
            mailboxes: Some(observer),
        };
        let router = Router::with_options(guarding(Arc::clone(&guard)), options);
        let correlations = router.correlations();
        let registry = Arc::new(Registry::default());
        let directory = Arc::new(Directory::new(Arc::clone(&registry), Arc::clone(&guard)));
        let inner = Inner {
            engine,
            ceilings,
            guard,
            router,
            registry,
            directory,
            events,
            storage: Arc::new(storage),
            audit,
            resolver,
            correlations,
            began: Instant::now(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Loads and starts a component, all its instances, and comes back when they are initialised. The
    /// reference leads to the component: to its instances in turn.
    ///
    /// # Errors
    ///
    /// [`SystemError`] when it cannot be read, verified or started, or asks for more than the host allows.
    /// Then nothing of it stays.
    pub async fn start(&self, component: Component) -> Result<ComponentRef, SystemError> {
        let installed = self.install(component).await?;
        self.launch(installed).await
    }

    /// Verifies a component and makes its mailboxes reachable, without running any guest code.
    pub(crate) async fn install(&self, component: Component) -> Result<Installed, SystemError> {
        let address = component.address();
        let installed = self.prepare(component).await;
        if let Err(error) = &installed {
            self.record(AuditKind::LoadRefused, &address, || AuditReason::text(Chain(error)));
        }
        installed
    }

    async fn prepare(&self, component: Component) -> Result<Installed, SystemError> {
        let address = component.address();
        let ceilings = component.ceilings.unwrap_or(self.inner.ceilings);
        let limits = component.manifest.limits();
        let refused = |source| SystemError::Limits { component: address.clone(), source };
        limits.validate(&ceilings).map_err(refused)?;
        // A start is held to the same ceilings as a call.
        let lifecycle = component.manifest.lifecycle;
        let start = ResourceLimits {
            max_memory_bytes: limits.max_memory_bytes(),
            max_fuel: Some(lifecycle.start_fuel),
            max_execution_time_ms: lifecycle.start_timeout_ms,
        };
        start.validate(&ceilings).map_err(refused)?;
        let quota = component.manifest.host.storage.quota_bytes;
        quota.map_or(Ok(()), |asked| ceilings.check_storage(asked)).map_err(refused)?;
        component
            .manifest
            .check_breadth(ceilings.broad_rights)
            .map_err(|source| SystemError::TooBroad { component: address.clone(), source })?;
        let Component { mut manifest, source, instances, .. } = component;
        // What code names twice is granted once, as what a manifest does.
        manifest.host = manifest.host.each_once();
        if instances == 0 {
            return Err(SystemError::NoInstances(address));
        }
        // Before there is a mailbox and a task for each of them.
        let max_instances = self.inner.engine.capacity().instances;
        if instances > max_instances {
            return Err(SystemError::PoolFull { component: address, max_instances });
        }
        let capabilities = self.check_folders(&address, manifest.host.clone()).await?;
        let verified = self.verify(&address, source, ceilings.max_component_bytes).await?;
        let storage = match quota {
            Some(quota) => Some(self.storage_of(&address, quota).await?),
            None => None,
        };

        let mut prepared = Vec::new();
        let mut records = Vec::new();
        for number in 0..instances {
            let id = instance_id(&address, number)?;
            let (sender, mailbox) = Mailbox::new(&manifest.mailbox);
            // Until an instance runs.
            mailbox.set_attended(false);
            let record = Arc::new(InstanceRecord::new(
                id.clone(),
                manifest.version.clone(),
                limits.max_memory_bytes(),
                quota.unwrap_or(0),
                verified.pool_share(),
                sender,
                Duration::from_millis(manifest.lifecycle.stop_grace_ms),
            ));
            let ports = InstancePorts {
                router: Arc::new(self.inner.router.clone()),
                directory: self.inner.directory.clone(),
                log: Arc::new(GuestLog::new(&record)),
                access: Arc::new(AccessAccount::new(
                    &record,
                    Arc::clone(&self.inner.events),
                    self.inner.audit.clone(),
                )),
                resolver: Arc::clone(&self.inner.resolver),
                storage: storage.clone().map(|storage| storage as Arc<dyn KeyValueStore>),
            };
            let setup = InstanceSetup {
                id,
                limits,
                start: Budget::of(&start),
                capabilities: Arc::clone(&capabilities),
                config: manifest.config_json(),
                ports,
                switch: record.control.switch(),
                lane: CallLane::new(),
                file_work: FileWork::new(),
                network_rates: NetworkRates::new(),
            };
            let (first, started) = oneshot::channel();
            let actor = Actor {
                record: Arc::clone(&record),
                component: verified.clone(),
                storage: storage.clone(),
                setup,
                engine: Arc::clone(&self.inner.engine),
                mailbox,
                registry: Arc::clone(&self.inner.registry),
                tracker: RestartTracker::new(&manifest.supervision),
                router: self.inner.router.clone(),
                events: Arc::clone(&self.inner.events),
                began: self.inner.began,
                unfinished: 0,
                in_hand: Arc::default(),
                held: None,
                ending: None,
            };
            records.push(record);
            prepared.push(Prepared { actor, first, started });
        }
        self.register(&address, &records, &manifest.messaging, &manifest.host, verified.has_handler())?;
        Ok(Installed { host: self.clone(), address, instances: prepared })
    }

    /// Whether the folders that a component is to be granted are there and can be, before anything of it is loaded.
    async fn check_folders(
        &self,
        address: &Address,
        capabilities: HostCapabilities,
    ) -> Result<Arc<HostCapabilities>, SystemError> {
        let capabilities = Arc::new(capabilities);
        if capabilities.filesystem == FilesystemCapabilities::default() {
            return Ok(capabilities);
        }
        let (engine, checked, component) =
            (Arc::clone(&self.inner.engine), Arc::clone(&capabilities), address.clone());
        blocking(move || {
            let failed = |source| SystemError::Start { component, source };
            engine.check_folders(&checked).map_err(failed)
        })
        .await?;
        Ok(capabilities)
    }

    /// What the component keeps; the first one that may keep something makes the store, where there is no folder.
    async fn storage_of(&self, address: &Address, quota: u64) -> Result<Arc<GaugedStore>, SystemError> {
        let (storage, component) = (Arc::clone(&self.inner.storage), address.clone());
        let store = blocking(move || storage.of(&component, quota)).await?;
        Ok(Arc::new(GaugedStore::new(store, quota)))
    }

    fn register(
        &self,
        address: &Address,
        records: &[Arc<InstanceRecord>],
        rights: &airssys_wasm_core::MessagingCapabilities,
        host_rights: &HostCapabilities,
        has_handler: bool,
    ) -> Result<(), SystemError> {
        let Ceilings { total_memory_bytes, total_storage_bytes, .. } = self.inner.ceilings;
        let pool = self.inner.engine.capacity();
        let totals = Totals { memory_bytes: total_memory_bytes, storage_bytes: total_storage_bytes, pool };
        // All of it at once, so that neither a start nor a stop of the same name comes between.
        let inserted = self.inner.registry.change(|table| {
            table.insert(records, &totals)?;
            self.inner.guard.grant(address, Arc::new(CapabilitySet::new(rights)));
            if self.inner.audit.is_some() {
                for reason in granted(rights, host_rights) {
                    self.record(AuditKind::Granted, address, || reason);
                }
            }
            for record in records {
                let options = RegisterOptions { has_handler, max_answer_bytes: rights.max_message_bytes };
                self.inner.router.register(record.id.clone(), record.mailbox.clone(), options);
                if let Some(traffic) = self.inner.router.traffic_counters(record.id.address()) {
                    record.set_traffic(traffic);
                }
                if let Some(desk) = self.inner.router.desk(&record.id) {
                    record.set_desk(desk);
                }
            }
            Ok(())
        });
        inserted.map_err(|refusal| match refusal {
            Refusal::Closed => SystemError::ShutDown,
            Refusal::AlreadyThere(id) => SystemError::AlreadyThere(id),
            Refusal::Pool => {
                SystemError::PoolFull { component: address.clone(), max_instances: pool.instances }
            }
            Refusal::TotalMemory { asked_bytes, used_bytes } => {
                let (component, max_bytes) = (address.clone(), total_memory_bytes);
                SystemError::TotalMemory { component, asked_bytes, used_bytes, max_bytes }
            }
            Refusal::TotalStorage { asked_bytes, used_bytes } => {
                let (component, max_bytes) = (address.clone(), total_storage_bytes);
                SystemError::TotalStorage { component, asked_bytes, used_bytes, max_bytes }
            }
        })
    }

    async fn verify(
        &self,
        address: &Address,
        source: Source,
        max_bytes: u64,
    ) -> Result<VerifiedComponent, SystemError> {
        let failed = |source| SystemError::Start { component: address.clone(), source };
        let engine = &self.inner.engine;
        // A file is read when there is a place for it: those that wait for the compiler fill no memory.
        let (place, wasm) = match source {
            Source::Bytes(wasm) => (engine.compile_place(wasm.len() as u64).await.map_err(failed)?, wasm),
            Source::File(path) => {
                let file = ComponentFile { path, max_bytes, component: address.clone() };
                let looked = file.clone();
                let bytes = blocking(move || looked.size()).await?;
                let place = engine.compile_place(bytes).await.map_err(failed)?;
                (place, blocking(move || file.read()).await?)
            }
            Source::Loader(loader) => {
                let loaded = loader.load(&instance_id(address, 0)?).await;
                let failed_load = |source| SystemError::Load { component: address.clone(), source };
                let wasm: Arc<[u8]> = loaded.map_err(failed_load)?.into();
                (engine.compile_place(wasm.len() as u64).await.map_err(failed)?, wasm)
            }
        };
        let verified = engine.compile(place, Arc::clone(&wasm)).await.map_err(failed)?;
        if self.inner.audit.is_some() {
            let (component, host) = (address.clone(), self.clone());
            // The digest of a large component takes processor time, too.
            blocking(move || {
                let digest = || format!("sha256:{} of {} bytes", AuditHash::of(&wasm), wasm.len());
                host.record(AuditKind::Loaded, &component, || AuditReason::text(digest()));
                Ok(())
            })
            .await?;
        }
        Ok(verified)
    }

    /// Starts the actors of an installed component.
    pub(crate) async fn launch(&self, installed: Installed) -> Result<ComponentRef, SystemError> {
        let mut installed = installed;
        let address = installed.address.clone();
        // The first start brings the runtime that timers need; where that has ended meanwhile, the next does.
        if let Some(driver) = self.inner.router.timer_driver() {
            tokio::spawn(driver.run());
        }
        let mut waiting = Vec::new();
        let mut records = Vec::new();
        for Prepared { actor, first, started } in installed.instances.drain(..) {
            records.push(Arc::clone(&actor.record));
            let lane = actor.setup.lane.clone();
            let in_hand = Arc::clone(&actor.in_hand);
            let owner = actor.run(first);
            tokio::spawn(self.inner.engine.in_lane_telling(&lane, owner, move |call| in_hand.give_up(call)));
            waiting.push(started);
        }
        let mut failure = None;
        for started in waiting {
            match started.await {
                Ok(Ok(())) => {}
                Ok(Err(source)) => {
                    failure.get_or_insert(SystemError::Start { component: address.clone(), source });
                }
                Err(_gone) => {
                    failure.get_or_insert(SystemError::Interrupted);
                }
            }
        }
        if let Some(failure) = failure {
            self.stop_all(records).await;
            return Err(failure);
        }
        self.component(&address).map_err(|_| SystemError::NotFound(address))
    }

    /// A reference for the embedder, who sends as `host/api`.
    ///
    /// # Errors
    ///
    /// [`SendError::NotFound`] when there is no such component.
    pub fn component(&self, target: &Address) -> Result<ComponentRef, SendError> {
        self.reference(API_SENDER, target)
    }

    /// A reference for a part of the host, which sends as `host/<part>`.
    ///
    /// # Errors
    ///
    /// [`SendError::NotFound`] when there is no such component, or `part` is not a valid name.
    pub fn reference(&self, part: &str, target: &Address) -> Result<ComponentRef, SendError> {
        let sender = Address::host(part).map_err(|_| SendError::NotFound)?;
        ComponentRef::open(&self.inner.router, &sender, target, &self.inner.correlations)
    }

    /// Publishes as `host/api`, which needs no right; each subscriber's largest message and its mailbox's room
    /// bind it. Tells how many subscribers accepted it: instances, and streams of the host's. It waits for nobody,
    /// but gives way to other tasks where there are many; dropping the future leaves out the rest of them.
    pub async fn publish(&self, topic: &Topic, payload: impl Into<MessagePayload>) -> u32 {
        let payload = payload.into();
        let Ok(sender) = Address::host(API_SENDER) else { return 0 };
        self.inner.router.publish_from_host(&sender, topic, &payload).await.unwrap_or(0)
    }

    /// Everything that is published to the topics that the pattern means, from now on, as a bounded stream that
    /// is told what it missed where it is read too slowly. Dropping it ends the subscription.
    #[must_use = "the subscription ends when the stream is dropped"]
    pub fn subscribe(&self, pattern: &TopicPattern) -> TopicStream {
        self.inner.router.subscribe_from_host(pattern)
    }

    /// Everything that happens from now on.
    #[must_use]
    pub fn events(&self) -> EventStream {
        self.inner.events.subscribe()
    }

    /// How every instance stands, sorted by id.
    #[must_use]
    pub fn statuses(&self) -> Vec<ComponentStatus> {
        self.inner.registry.all().iter().map(|record| record.status()).collect()
    }

    /// How the instances stand that an address names.
    #[must_use]
    pub fn status_of(&self, target: &Address) -> Vec<ComponentStatus> {
        self.inner.registry.named(target).iter().map(|record| record.status()).collect()
    }

    /// Waits until no component has anything left to do, at most `patience`: true when it became quiet.
    ///
    /// Quiet means that every instance runs, and that every accepted message and answer is done with, those
    /// included that components have sent one another meanwhile. Instances that have ended for good are left
    /// out, and so are messages whose time has not come (`send-after`).
    pub async fn settle(&self, patience: Duration) -> bool {
        self.settle_some(|_| true, patience).await
    }

    /// As [`settle`](Self::settle), for the components and instances of these addresses alone.
    pub async fn settle_these(&self, targets: &[Address], patience: Duration) -> bool {
        self.settle_some(|record| targets.iter().any(|target| record.is_named(target)), patience).await
    }

    async fn settle_some(&self, counts: impl Fn(&InstanceRecord) -> bool, patience: Duration) -> bool {
        let began = Instant::now();
        let mut before = None;
        loop {
            let records: Vec<_> =
                self.inner.registry.all().into_iter().filter(|record| counts(record)).collect();
            let idle = records.iter().all(|record| record.is_quiet());
            let accepted: u64 = records.iter().map(|record| record.accepted()).sum();
            // One look at many instances takes time, in which a message may slip from one that was not
            // looked at yet to one that was. Nothing slipped where two looks saw the same.
            if idle && before == Some(accepted) {
                return true;
            }
            before = idle.then_some(accepted);
            if began.elapsed() >= patience {
                return false;
            }
            if idle {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(SETTLE_LOOK).await;
            }
        }
    }

    /// Stops the instances that an address names: each takes no more messages, handles what its mailbox
    /// holds, is shut down within its grace and removed. What its grace does not suffice for becomes dead
    /// letters.
    ///
    /// # Errors
    ///
    /// [`SystemError::NotFound`] when the address names none.
    pub async fn stop(&self, target: &Address) -> Result<Vec<ComponentStatus>, SystemError> {
        let records = self.inner.registry.named(target);
        if records.is_empty() {
            return Err(SystemError::NotFound(target.clone()));
        }
        Ok(self.stop_all(records).await)
    }

    /// Ends the instances that an address names at once, whatever their guests do, and removes them.
    ///
    /// # Errors
    ///
    /// [`SystemError::NotFound`] when the address names none.
    pub async fn kill(&self, target: &Address) -> Result<Vec<ComponentStatus>, SystemError> {
        let records = self.inner.registry.named(target);
        if records.is_empty() {
            return Err(SystemError::NotFound(target.clone()));
        }
        for record in &records {
            record.control.kill();
        }
        Ok(self.stop_all(records).await)
    }

    /// Stops everything, and tells how each instance stood at its end, sorted by id. Nothing can be started any
    /// more. What components keep is closed when the last of them has ended, and its folder is free for another host.
    /// The audit log is written to its end, which is waited for at most 5 s.
    pub async fn shutdown(&self) -> Vec<ComponentStatus> {
        self.inner.registry.change(|table| table.close());
        let statuses = self.stop_all(self.inner.registry.all()).await;
        self.close_files().await;
        statuses
    }

    /// Ends everything at once, whatever the guests do, and tells how each instance stood, sorted by id. Nothing
    /// can be started any more.
    pub async fn kill_all(&self) -> Vec<ComponentStatus> {
        self.inner.registry.change(|table| table.close());
        let records = self.inner.registry.all();
        for record in &records {
            record.control.kill();
        }
        let statuses = self.stop_all(records).await;
        self.close_files().await;
        statuses
    }

    async fn close_files(&self) {
        if tokio::time::timeout(STORE_CLOSES_WITHIN, self.inner.storage.close()).await.is_err() {
            tracing::error!("the store is not closed: its disk does not answer");
        }
        if let Some(audit) = &self.inner.audit {
            audit.close().await;
        }
    }

    /// How the store does in which components keep what they may keep; none as long as none may. As it was at its end
    /// where the host is shut down.
    #[must_use]
    pub fn storage_status(&self) -> Option<StoreStatus> {
        self.inner.storage.status()
    }

    /// How the audit log stands; none where this host has none.
    #[must_use]
    pub fn audit_status(&self) -> Option<AuditStatus> {
        self.inner.audit.as_ref().map(|audit| audit.status())
    }

    /// Records something about a component or an instance; the reason is not even made where there is no log.
    fn record(&self, kind: AuditKind, target: &Address, reason: impl FnOnce() -> AuditReason) {
        if let Some(audit) = &self.inner.audit {
            audit.record(AuditEvent::about(kind, target.clone(), Some(reason())));
        }
    }

    async fn stop_all(&self, records: Vec<Arc<InstanceRecord>>) -> Vec<ComponentStatus> {
        for record in &records {
            // First the wish: an actor that finds its mailbox closed and fails as it shuts down would not know that
            // it was asked to, and start again.
            record.control.stop();
            record.mailbox.close();
        }
        let began = Instant::now();
        for record in &records {
            let left = record.stop_grace().saturating_sub(began.elapsed());
            if tokio::time::timeout(left, record.over()).await.is_err() {
                record.control.kill();
                record.over().await;
            }
        }
        let statuses = records.iter().map(|record| record.status()).collect();
        for record in &records {
            self.remove(record);
        }
        statuses
    }

    /// Makes a record unreachable and forgets it, all of it at once. One that took its id since stays.
    fn remove(&self, record: &Arc<InstanceRecord>) {
        self.inner.registry.change(|table| {
            let Some(is_last) = table.remove(record) else { return };
            self.inner.router.deregister(&record.id);
            self.record(AuditKind::Removed, record.id.address(), || AuditReason::text(record.state()));
            if is_last {
                let component = record.id.component();
                self.inner.guard.revoke(&component);
                self.record(AuditKind::Revoked, &component, || {
                    AuditReason::text("its last instance is gone")
                });
                self.inner.router.dead_letters().forget(record.id.address());
            }
        });
    }

    /// The state of an instance, none when there is no such instance.
    #[must_use]
    pub fn state(&self, id: &ComponentId) -> Option<ComponentState> {
        self.inner.registry.get(id).map(|record| record.state())
    }

    /// What a component imports, exports and needs, whether or not this host can run it.
    ///
    /// # Errors
    ///
    /// [`RuntimeError`] when it is no valid component.
    pub fn inspect(&self, wasm: &[u8]) -> Result<airssys_wasm_runtime::ComponentReport, RuntimeError> {
        self.inner.engine.inspect(wasm)
    }
}

/// Does what may wait for a disk on a thread that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SystemError> + Send + 'static,
) -> Result<T, SystemError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| SystemError::Interrupted)?
}

/// An error with its sources, on one line.
struct Chain<'e>(&'e SystemError);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut error: &dyn std::error::Error = self.0;
        write!(f, "{error}")?;
        while let Some(source) = error.source() {
            write!(f, ": {source}")?;
            error = source;
        }
        Ok(())
    }
}

/// Instances are numbered from 0.
fn instance_id(component: &Address, number: u32) -> Result<ComponentId, IdError> {
    ComponentId::new(component.namespace(), component.name(), &number.to_string())
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("ceilings", &self.inner.ceilings).finish_non_exhaustive()
    }
}
