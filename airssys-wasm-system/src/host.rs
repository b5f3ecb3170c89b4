//! A host: starts components, leads to them, and ends them.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use airssys_wasm_core::{Address, Ceilings, ComponentId, ComponentState, IdError, RestartTracker, SendError};
use airssys_wasm_messaging::{CorrelationSource, Mailbox, RegisterOptions, Router, RouterOptions};
use airssys_wasm_runtime::{
    Budget, InstancePorts, InstanceSetup, RuntimeError, VerifiedComponent, WasmtimeEngine,
};
use airssys_wasm_security::{CapabilityGuard, CapabilitySet, MonotonicClock};

use crate::actor::{Actor, FirstStart};
use crate::builder::HostBuilder;
use crate::component::{Component, Source};
use crate::directory::Directory;
use crate::error::SystemError;
use crate::events::{EventBus, EventStream};
use crate::guest_log::GuestLog;
use crate::observers::RouterObserver;
use crate::record::InstanceRecord;
use crate::reference::ComponentRef;
use crate::registry::{Refusal, Registry};
use crate::status::ComponentStatus;

/// The part of the host that references of its API send as: `host/api`.
const API_SENDER: &str = "api";

/// How often a wait for quiet looks again where no actor says that it has become idle.
const SETTLE_LOOK: Duration = Duration::from_millis(2);

/// Runs components as supervised actors. Cheap to clone; all clones are one host.
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
    correlations: Arc<CorrelationSource>,
    began: Instant,
}

/// An instance that is registered and reachable, and whose actor is not running yet.
struct Prepared {
    actor: Actor,
    first: FirstStart,
    started: oneshot::Receiver<Result<(), RuntimeError>>,
}

/// A component whose instances are registered: its messages wait in their mailboxes until it is started.
pub(crate) struct Installed {
    address: Address,
    instances: Vec<Prepared>,
}

impl Host {
    /// Begins a new host.
    #[must_use]
    pub fn builder() -> HostBuilder {
        HostBuilder::new()
    }

    pub(crate) fn new(engine: Arc<WasmtimeEngine>, ceilings: Ceilings) -> Self {
        let guard = Arc::new(CapabilityGuard::new(Arc::new(MonotonicClock::new())));
        let events = Arc::new(EventBus::new());
        let observer = Arc::new(RouterObserver(Arc::clone(&events)));
        let options = RouterOptions {
            guard_generation: Some(guard.generation_source()),
            denials: Some(observer.clone()),
            dead_letters: Some(observer),
        };
        let router = Router::with_options(guard.clone(), options);
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
            correlations: Arc::new(CorrelationSource::new()),
            began: Instant::now(),
        };
        Self { inner: Arc::new(inner) }
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
        let ceilings = component.ceilings.unwrap_or(self.inner.ceilings);
        let limits = component.manifest.limits();
        limits
            .validate(&ceilings)
            .map_err(|source| SystemError::Limits { component: address.clone(), source })?;
        let Component { manifest, source, instances, .. } = component;
        let verified = self.verify(&address, source).await?;

        let mut prepared = Vec::new();
        let mut records = Vec::new();
        for number in 0..instances {
            let id = instance_id(&address, number)?;
            let (sender, mailbox) = Mailbox::new(&manifest.mailbox);
            let record = Arc::new(InstanceRecord::new(
                id.clone(),
                manifest.version.clone(),
                limits.max_memory_bytes(),
                sender,
                Duration::from_millis(manifest.lifecycle.stop_grace_ms),
            ));
            let ports = InstancePorts {
                router: Arc::new(self.inner.router.clone()),
                directory: self.inner.directory.clone(),
                log: Arc::new(GuestLog::new(&record)),
            };
            let setup = InstanceSetup {
                id,
                limits,
                start: Budget {
                    fuel: Some(manifest.lifecycle.start_fuel),
                    timeout: Duration::from_millis(manifest.lifecycle.start_timeout_ms),
                },
                config: manifest.config_json(),
                ports,
                switch: record.control.switch(),
            };
            let (first, started) = oneshot::channel();
            let actor = Actor {
                record: Arc::clone(&record),
                component: verified.clone(),
                setup,
                engine: Arc::clone(&self.inner.engine),
                mailbox,
                tracker: RestartTracker::new(&manifest.supervision),
                router: self.inner.router.clone(),
                events: Arc::clone(&self.inner.events),
                began: self.inner.began,
            };
            records.push(record);
            prepared.push(Prepared { actor, first, started });
        }
        self.register(&address, &records, &manifest.messaging, verified.has_handler())?;
        Ok(Installed { address, instances: prepared })
    }

    fn register(
        &self,
        address: &Address,
        records: &[Arc<InstanceRecord>],
        rights: &airssys_wasm_core::MessagingCapabilities,
        has_handler: bool,
    ) -> Result<(), SystemError> {
        let max_bytes = self.inner.ceilings.total_memory_bytes;
        self.inner.registry.insert(records, max_bytes).map_err(|refusal| match refusal {
            Refusal::AlreadyThere(id) => SystemError::AlreadyThere(id),
            Refusal::TotalMemory { asked_bytes, used_bytes } => {
                SystemError::TotalMemory { component: address.clone(), asked_bytes, used_bytes, max_bytes }
            }
        })?;
        self.inner.guard.grant(address, Arc::new(CapabilitySet::new(rights)));
        for record in records {
            let options = RegisterOptions { has_handler };
            self.inner.router.register(record.id.clone(), record.mailbox.clone(), options);
            if let Some(traffic) = self.inner.router.traffic_counters(record.id.address()) {
                record.set_traffic(traffic);
            }
        }
        Ok(())
    }

    async fn verify(&self, address: &Address, source: Source) -> Result<VerifiedComponent, SystemError> {
        let wasm = self.bytes(address, source).await?;
        let engine = Arc::clone(&self.inner.engine);
        let component = address.clone();
        // Compiling takes processor time, so that it must not sit on a thread that serves messages.
        let work = move || engine.verify(&wasm).map_err(|source| SystemError::Start { component, source });
        tokio::task::spawn_blocking(work).await.map_err(|_| SystemError::Interrupted)?
    }

    async fn bytes(&self, address: &Address, source: Source) -> Result<Arc<[u8]>, SystemError> {
        match source {
            Source::Bytes(bytes) => Ok(bytes),
            Source::File(path) => {
                let max_bytes = self.inner.ceilings.max_component_bytes;
                let component = address.clone();
                let work = move || read(&path, max_bytes, component);
                tokio::task::spawn_blocking(work).await.map_err(|_| SystemError::Interrupted)?
            }
            Source::Loader(loader) => {
                let loaded = loader.load(&instance_id(address, 0)?).await;
                let failed = |source| SystemError::Load { component: address.clone(), source };
                Ok(loaded.map_err(failed)?.into())
            }
        }
    }

    /// Starts the actors of an installed component.
    pub(crate) async fn launch(&self, installed: Installed) -> Result<ComponentRef, SystemError> {
        let Installed { address, instances } = installed;
        let mut waiting = Vec::new();
        for Prepared { actor, first, started } in instances {
            tokio::spawn(actor.run(first));
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
            self.stop(&address).await.ok();
            return Err(failure);
        }
        self.component(&address).map_err(|_| SystemError::NotFound(address))
    }

    /// Removes an installed component that will not be started after all.
    pub(crate) fn uninstall(&self, installed: Installed) {
        for Prepared { actor, .. } in installed.instances {
            self.remove(&actor.record.id);
        }
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

    /// Everything that happens from now on.
    #[must_use]
    pub fn events(&self) -> EventStream {
        self.inner.events.subscribe()
    }

    /// How every instance stands, sorted by id.
    #[must_use]
    pub fn statuses(&self) -> Vec<ComponentStatus> {
        let dead_letters = self.inner.router.dead_letters();
        self.inner.registry.all().iter().map(|record| record.status(dead_letters)).collect()
    }

    /// How the instances stand that an address names.
    #[must_use]
    pub fn status_of(&self, target: &Address) -> Vec<ComponentStatus> {
        let dead_letters = self.inner.router.dead_letters();
        self.inner.registry.named(target).iter().map(|record| record.status(dead_letters)).collect()
    }

    /// Waits until no component has anything left to do, at most `patience`: true when it became quiet.
    ///
    /// Quiet means that every accepted message is done with, those included that components have sent one
    /// another meanwhile. Instances that have ended for good are left out.
    pub async fn settle(&self, patience: Duration) -> bool {
        self.settle_some(|_| true, patience).await
    }

    /// As [`settle`](Self::settle), for the components of these addresses alone.
    pub async fn settle_these(&self, targets: &[Address], patience: Duration) -> bool {
        self.settle_some(|id| targets.contains(&id.component()), patience).await
    }

    async fn settle_some(&self, counts: impl Fn(&ComponentId) -> bool, patience: Duration) -> bool {
        let began = Instant::now();
        let mut before = None;
        loop {
            let records: Vec<_> =
                self.inner.registry.all().into_iter().filter(|record| counts(&record.id)).collect();
            let idle = records.iter().all(|record| record.is_over() || record.is_idle());
            let accepted: u64 = records.iter().map(|record| record.mailbox.accepted()).sum();
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

    /// Stops everything, and tells how each instance stood at its end, sorted by id.
    pub async fn shutdown(&self) -> Vec<ComponentStatus> {
        self.stop_all(self.inner.registry.all()).await
    }

    /// Ends everything at once, whatever the guests do, and tells how each instance stood, sorted by id.
    pub async fn kill_all(&self) -> Vec<ComponentStatus> {
        let records = self.inner.registry.all();
        for record in &records {
            record.control.kill();
        }
        self.stop_all(records).await
    }

    async fn stop_all(&self, records: Vec<Arc<InstanceRecord>>) -> Vec<ComponentStatus> {
        for record in &records {
            record.mailbox.close();
            record.control.stop();
        }
        let began = Instant::now();
        for record in &records {
            let left = record.stop_grace().saturating_sub(began.elapsed());
            if tokio::time::timeout(left, record.over()).await.is_err() {
                record.control.kill();
                record.over().await;
            }
        }
        let dead_letters = self.inner.router.dead_letters();
        let statuses = records.iter().map(|record| record.status(dead_letters)).collect();
        for record in &records {
            self.remove(&record.id);
        }
        statuses
    }

    fn remove(&self, id: &ComponentId) {
        self.inner.router.deregister(id);
        if let Some((_, true)) = self.inner.registry.remove(id) {
            self.inner.guard.revoke(&id.component());
            self.inner.router.dead_letters().forget(id.address());
        }
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

/// The bytes of a component's file; one that is too large is not even read.
fn read(path: &Path, max_bytes: u64, component: Address) -> Result<Arc<[u8]>, SystemError> {
    let failed = |source| SystemError::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    if bytes > max_bytes {
        return Err(SystemError::Start { component, source: RuntimeError::TooLarge { bytes, max_bytes } });
    }
    let mut wasm = Vec::new();
    file.take(max_bytes.saturating_add(1)).read_to_end(&mut wasm).map_err(failed)?;
    Ok(wasm.into())
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
