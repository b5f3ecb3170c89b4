//! What the host keeps for one instance, inside its store.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use airssys_wasm_core::{
    AccessDenial, Address, ComponentDirectory, ComponentId, HostCapabilities, KeyValueStore, LogLevel,
    LogSink, MessageLink, MessageRouter, ResourceLimits, SendError, VariableName,
};

use crate::bounds::{
    MAX_CACHED_LINKS, MAX_HTTP_FIELD_BYTES, MAX_RANDOM_BYTES, MAX_RESOURCES, MAX_VARIABLE_BYTES,
};
use crate::call_clock::CallClock;
use crate::deadline::KillSwitch;
use crate::error::RuntimeError;
use crate::files::FileAccess;
use crate::guest_output::GuestOutput;
use crate::host::{DeniedHttp, InstanceNetwork, NetworkRates};
use crate::limiter::ComponentResourceLimiter;
use crate::ports::InstancePorts;
use crate::scheduling::CallLane;
use crate::ticker::Ticker;

/// What the host keeps for one instance: who it is, its limits, and its ways to the outside.
pub struct HostState {
    id: ComponentId,
    ports: InstancePorts,
    capabilities: Arc<HostCapabilities>,
    /// None where no folder was granted.
    files: Option<Box<FileAccess>>,
    variables: Vec<(String, String)>,
    limits: ResourceLimits,
    limiter: ComponentResourceLimiter,
    clock: CallClock,
    switch: KillSwitch,
    table: ResourceTable,
    /// Where nothing is and nothing has room: what a guest is given whose call is over.
    closed: Option<Box<ResourceTable>>,
    links: HashMap<String, Arc<dyn MessageLink>>,
    /// Made at the first use: most components never touch WASI.
    wasi: Option<Box<WasiCtx>>,
    /// Made at the first use as well.
    network: Option<Arc<InstanceNetwork>>,
    network_rates: NetworkRates,
    http: WasiHttpCtx,
    http_denied: DeniedHttp,
}

impl HostState {
    /// The state of a new instance.
    #[must_use]
    pub fn new(id: ComponentId, limits: &ResourceLimits, ports: InstancePorts, switch: KillSwitch) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(MAX_HTTP_FIELD_BYTES);
        let http_denied = DeniedHttp::new(&id, &ports);
        Self {
            id,
            ports,
            capabilities: Arc::default(),
            files: None,
            variables: Vec::new(),
            limiter: ComponentResourceLimiter::new(limits.max_memory_bytes()),
            limits: *limits,
            clock: CallClock::new(switch.clone(), CallLane::new()),
            switch,
            table,
            closed: None,
            links: HashMap::new(),
            wasi: None,
            network: None,
            network_rates: NetworkRates::new(),
            http,
            http_denied,
        }
    }

    /// The same, with the clock that ends its calls.
    #[must_use]
    pub(crate) fn ticked_by(mut self, ticker: Option<Arc<Ticker>>) -> Self {
        self.clock.ticked_by(ticker);
        self
    }

    /// The same, with these rights in place of none, and what was opened for them.
    ///
    /// # Errors
    ///
    /// [`RuntimeError::LongVariables`].
    pub(crate) fn granting(
        mut self,
        capabilities: Arc<HostCapabilities>,
        files: Option<FileAccess>,
    ) -> Result<Self, RuntimeError> {
        // A variable that the host does not have, or whose value is no text, is not there.
        let names = capabilities.environment.variables.iter().map(VariableName::as_str);
        self.variables =
            names.filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?))).collect();
        let bytes = self.variables.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > MAX_VARIABLE_BYTES {
            return Err(RuntimeError::LongVariables { bytes, max: MAX_VARIABLE_BYTES });
        }
        self.files = files.map(Box::new);
        self.capabilities = capabilities;
        Ok(self)
    }

    /// The same, with what is left of these rates.
    #[must_use]
    pub(crate) fn within_rates(mut self, rates: NetworkRates) -> Self {
        self.network_rates = rates;
        self
    }

    /// The same, with its calls in this lane.
    #[must_use]
    pub(crate) fn in_lane(mut self, lane: CallLane) -> Self {
        self.switch.watches(&lane);
        self.clock = CallClock::new(self.switch.clone(), lane);
        self
    }

    /// Which instance it is.
    #[must_use]
    pub fn component_id(&self) -> &ComponentId {
        &self.id
    }

    /// The way to other components.
    #[must_use]
    pub fn message_router(&self) -> &dyn MessageRouter {
        &*self.ports.router
    }

    /// The files that it was granted.
    pub(crate) fn files(&self) -> Option<&FileAccess> {
        self.files.as_deref()
    }

    /// What it may do with the host through the standard interfaces.
    #[must_use]
    pub fn capabilities(&self) -> &HostCapabilities {
        &self.capabilities
    }

    /// Tells whoever keeps account of it that the instance was refused something.
    pub fn deny_access(&self, denial: &AccessDenial<'_>) {
        self.ports.access.denied(&self.id, denial);
    }

    /// What it keeps; none where it may keep nothing.
    pub(crate) fn storage(&self) -> Option<Arc<dyn KeyValueStore>> {
        self.ports.storage.clone()
    }

    /// What it may do with the network, and what it was told of it.
    pub(crate) fn network(&mut self) -> Arc<InstanceNetwork> {
        let Self { network, id, ports, capabilities, network_rates, .. } = self;
        network_of(network, id, ports, capabilities, network_rates)
    }

    /// The same, for what is under way while the state is not at hand.
    pub(crate) fn shared_router(&self) -> Arc<dyn MessageRouter> {
        Arc::clone(&self.ports.router)
    }

    /// The limits of its calls.
    #[must_use]
    pub fn limits(&self) -> &ResourceLimits {
        &self.limits
    }

    /// The limiter of its memories and tables.
    #[must_use]
    pub fn limiter(&self) -> &ComponentResourceLimiter {
        &self.limiter
    }

    /// The host's side of the handles that it holds. Of a guest whose call is over, by its time or because it was
    /// killed, it holds none and has no room: the host function that wanted it fails, and the call ends.
    pub fn resource_table(&mut self) -> &mut ResourceTable {
        open_table(&mut self.clock, &mut self.table, &mut self.closed)
    }

    pub(crate) fn limiter_mut(&mut self) -> &mut ComponentResourceLimiter {
        &mut self.limiter
    }

    pub(crate) fn clock_mut(&mut self) -> &mut CallClock {
        &mut self.clock
    }

    /// The first thing in a host function that can wait: ends a call that is over, and gives way where the guest's turn
    /// is over.
    pub(crate) async fn take_turn(&mut self) -> wasmtime::Result<()> {
        if self.clock.is_turn_over()? {
            // Boxed, so that the futures of host functions need no room for what they seldom do.
            Box::pin(self.clock.lane().give_way()).await;
            self.clock.goes_on();
        }
        Ok(())
    }

    /// The first thing in one that cannot wait: ends a call that is over.
    pub(crate) fn check_time(&mut self) -> wasmtime::Result<()> {
        Ok(self.clock.check()?)
    }

    pub(crate) fn clock(&self) -> &CallClock {
        &self.clock
    }

    pub(crate) fn switch(&self) -> &KillSwitch {
        &self.switch
    }

    pub(crate) fn set_limits(&mut self, limits: ResourceLimits) {
        self.limits = limits;
    }

    pub(crate) fn directory(&self) -> &dyn ComponentDirectory {
        &*self.ports.directory
    }

    pub(crate) fn log_sink(&self) -> &dyn LogSink {
        &*self.ports.log
    }

    pub(crate) fn open_link(&self, target: &Address) -> Result<Arc<dyn MessageLink>, SendError> {
        self.ports.router.open(self.id.address(), target)
    }

    /// The link to a target that the guest names, opened at its first use and kept.
    pub(crate) fn link(&mut self, target: &str) -> Result<Arc<dyn MessageLink>, LinkError> {
        if let Some(link) = self.links.get(target).filter(|link| link.is_open()) {
            return Ok(Arc::clone(link));
        }
        let address: Address = target
            .parse()
            .map_err(|error: airssys_wasm_core::IdError| LinkError::Malformed(error.to_string()))?;
        let link = self.open_link(&address).map_err(LinkError::Refused)?;
        if self.links.len() >= MAX_CACHED_LINKS {
            self.links.clear();
        }
        self.links.insert(target.to_owned(), Arc::clone(&link));
        Ok(link)
    }
}

/// Why there is no link to a target.
#[derive(Debug)]
pub(crate) enum LinkError {
    Malformed(String),
    Refused(SendError),
}

impl fmt::Debug for HostState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostState")
            .field("id", &self.id)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// The engine asks for this at the beginning of each of its functions, which is the only place to look at the time there.
impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let Self {
            wasi,
            network,
            network_rates,
            id,
            ports,
            capabilities,
            variables,
            clock,
            table,
            closed,
            ..
        } = self;
        let ctx = wasi.get_or_insert_with(|| {
            let network = network_of(network, id, ports, capabilities, network_rates);
            Box::new(context(id, ports, &std::mem::take(variables), network))
        });
        WasiCtxView { ctx, table: open_table(clock, table, closed) }
    }
}

/// The table of a call that goes on, and a closed one of any other: whoever asks for a table cannot be told by an error.
fn open_table<'state>(
    clock: &mut CallClock,
    table: &'state mut ResourceTable,
    closed: &'state mut Option<Box<ResourceTable>>,
) -> &'state mut ResourceTable {
    if clock.check().is_ok() {
        return table;
    }
    closed.get_or_insert_with(|| {
        let mut closed = ResourceTable::new();
        closed.set_max_capacity(0);
        Box::new(closed)
    })
}

/// Made at the first use.
fn network_of(
    network: &mut Option<Arc<InstanceNetwork>>,
    id: &ComponentId,
    ports: &InstancePorts,
    capabilities: &HostCapabilities,
    rates: &NetworkRates,
) -> Arc<InstanceNetwork> {
    let made = || Arc::new(InstanceNetwork::new(id, ports, &capabilities.network, rates.clone()));
    Arc::clone(network.get_or_insert_with(made))
}

/// The builder's defaults grant nothing: no folder, no address, no argument, and a standard input that is at its end.
/// Folders are served by `files`.
fn context(
    id: &ComponentId,
    ports: &InstancePorts,
    variables: &[(String, String)],
    network: Arc<InstanceNetwork>,
) -> WasiCtx {
    let output = |level| GuestOutput::new(id.clone(), Arc::clone(&ports.log), level);
    WasiCtxBuilder::new()
        .envs(variables)
        .stdout(output(LogLevel::Info))
        .stderr(output(LogLevel::Warn))
        .allow_tcp(network.may_connect())
        .socket_addr_check(network.address_check())
        .allow_udp(false)
        // The engine's own look-up is replaced, and must not work where it were not.
        .allow_ip_name_lookup(false)
        .max_random_size(MAX_RANDOM_BYTES)
        .build()
}

impl WasiHttpView for HostState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let table = open_table(&mut self.clock, &mut self.table, &mut self.closed);
        WasiHttpCtxView { ctx: &mut self.http, table, hooks: &mut self.http_denied }
    }
}
