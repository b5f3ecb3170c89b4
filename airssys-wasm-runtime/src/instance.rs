//! A running instance: the one owner of a store.
//!
//! Invariant: a store that a call has left in an unknown state is gone. The call takes the store out of
//! the instance and puts it back only when it succeeded, so that an instance whose call failed, or was
//! dropped halfway, holds nothing that could be entered again.

mod invoke;

use std::time::Duration;

use wasmtime::Store;
use wasmtime::component::Instance;

use airssys_wasm_core::{
    ComponentId, CorrelationId, EndCause, FuelMetrics, HandlerError, HealthStatus, MemoryMetrics,
    MessagePayload, RequestError, ResourceLimitError, ResourceLimits, SendError, Topic,
};

use crate::bindings::airssys::core::types;
use crate::bindings::exports::airssys::core::{handler, health, lifecycle};
use crate::bounds::MAX_GUEST_ERROR_BYTES;
use crate::component::{HANDLER, HEALTH, LIFECYCLE, VerifiedComponent};
use crate::deadline::{Interruption, KillSwitch};
use crate::enforcement::Enforcement;
use crate::error::RuntimeError;
use crate::failure::{CallFailure, Circumstances, is_of_the_host};
use crate::limiter::MemoryGauge;
use crate::state::HostState;
use crate::store::{has_no_handle_left, refill};
use crate::text::cut;

/// What a call returned, and what it cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Completed<T> {
    /// What the guest returned.
    pub value: T,
    /// The fuel that it took, exactly.
    pub fuel: FuelMetrics,
    /// The wall clock that it took at least, where it met a tick or waited in a host function; none of a call
    /// that was over before its time was ever looked at.
    pub time: Option<Duration>,
}

/// What a component says about itself, each text cut to its bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentMetadata {
    /// Its name, for people.
    pub name: String,
    /// Its version, for people.
    pub version: String,
    /// What it does.
    pub description: String,
}

/// The budget of one call.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Fuel units; none means that the call is not metered.
    pub fuel: Option<u64>,
    /// Wall clock, guest code and parked host calls together.
    pub timeout: Duration,
}

impl Budget {
    /// The budget that these limits give to each call.
    #[must_use]
    pub fn of(limits: &ResourceLimits) -> Self {
        Self {
            fuel: limits.max_fuel_per_execution(),
            timeout: Duration::from_millis(limits.execution_timeout_ms()),
        }
    }

    /// What the engine is given, one unit more than the budget: it ends a guest that has nothing left when
    /// it looks, and looks only where functions and loops begin. So a call that takes exactly its budget
    /// succeeds, and one that comes back with nothing left has passed it since the engine last looked.
    fn fuel_given(self) -> u64 {
        self.fuel.map_or(u64::MAX, |max| max.saturating_add(1))
    }

    /// A budget of nothing is a mistake, not a limit.
    pub(crate) fn check(self) -> Result<(), ResourceLimitError> {
        if self.fuel == Some(0) {
            Err(ResourceLimitError::ZeroFuel { max: u64::MAX })
        } else if self.timeout.is_zero() {
            Err(ResourceLimitError::ZeroTimeout { max: u64::MAX })
        } else {
            Ok(())
        }
    }

    /// A call whose time was over before any guest code ran.
    pub(crate) fn passed(self) -> CallFailure {
        let cause = EndCause::Timeout { timeout_ms: self.timeout_ms(), fuel_consumed: 0 };
        CallFailure { cause, fuel: FuelMetrics::new(self.fuel.unwrap_or(u64::MAX), 0) }
    }

    fn timeout_ms(self) -> u64 {
        u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A running instance of a component, owned by one task.
#[derive(Debug)]
pub struct ComponentInstance {
    id: ComponentId,
    component: VerifiedComponent,
    live: Option<Live>,
    budget: Budget,
    gauge: MemoryGauge,
    switch: KillSwitch,
    enforcement: Enforcement,
}

struct Live {
    store: Store<HostState>,
    instance: Instance,
    lifecycle: Option<lifecycle::Guest>,
    handler: Option<handler::Guest>,
    health: Option<health::Guest>,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}

impl ComponentInstance {
    /// Instantiates `component` in `store` and initialises it, both together within `budget`.
    pub(crate) async fn start(
        mut store: Store<HostState>,
        component: &VerifiedComponent,
        config: &str,
        budget: Budget,
        max_instances: u32,
        enforcement: Enforcement,
    ) -> Result<Completed<Self>, RuntimeError> {
        let switch = store.data().switch().clone();
        let gauge = store.data().limiter().gauge();
        begin(&mut store, budget, enforcement);
        let outcome =
            enforcement.within(instantiate(&mut store, component, config), budget.timeout, &switch).await;
        let facts = circumstances(&store, budget, enforcement);
        let ending = store.data().clock().end_start();
        let outcome = ending.settle(outcome, Unstarted::is_of_the_host);
        let failure = |cause| Err(RuntimeError::InstantiationFailed(CallFailure { cause, fuel: facts.fuel }));
        let (guest, lifecycle, handler, health) = match outcome {
            Ok(Ok(_)) if facts.is_fuel_passed => return failure(EndCause::OutOfFuel(facts.fuel)),
            Ok(Ok(exports)) => exports,
            Ok(Err(Unstarted::Engine(error))) if error.is::<wasmtime::PoolConcurrencyLimitError>() => {
                return Err(RuntimeError::PoolExhausted { max_instances });
            }
            Ok(Err(Unstarted::Instantiation(error))) => {
                if error.is::<wasmtime::PoolConcurrencyLimitError>() {
                    return Err(RuntimeError::PoolExhausted { max_instances });
                }
                // Denied before any guest code ran: the component needs more than it may have.
                if let (Some(needed_bytes), 0) = (facts.denied_growth, facts.fuel.consumed()) {
                    return Err(RuntimeError::NeedsMoreMemory {
                        needed_bytes,
                        max_bytes: facts.max_memory_bytes,
                    });
                }
                return failure(facts.trapped(&error, || has_no_handle_left(&mut store)));
            }
            Ok(Err(Unstarted::Engine(error))) => {
                return failure(facts.trapped(&error, || has_no_handle_left(&mut store)));
            }
            Ok(Err(Unstarted::Interface(interface, error))) => {
                return Err(RuntimeError::IncompatibleInterface {
                    interface: format!("the exported interface {interface}"),
                    source: error.into(),
                });
            }
            Ok(Err(Unstarted::Guest(detail))) => return failure(EndCause::InitialiseFailed { detail }),
            Err(interruption) => return failure(facts.interrupted(interruption)),
        };
        let state = store.data();
        let instance = Self {
            id: state.component_id().clone(),
            component: component.clone(),
            budget: Budget::of(state.limits()),
            gauge,
            switch,
            enforcement,
            live: Some(Live { store, instance: guest, lifecycle, handler, health }),
        };
        Ok(Completed { value: instance, fuel: facts.fuel, time: ending.time })
    }

    /// Which instance it is.
    #[must_use]
    pub fn id(&self) -> &ComponentId {
        &self.id
    }

    /// Whether it can still be called. After a failed call it cannot, and its store is gone.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// What it holds of memory, readable from any thread.
    #[must_use]
    pub fn memory_gauge(&self) -> MemoryGauge {
        self.gauge.clone()
    }

    /// What it holds of memory now.
    #[must_use]
    pub fn memory(&self) -> MemoryMetrics {
        self.gauge.read()
    }

    /// Bytes of all its memories now.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.gauge.current()
    }

    /// Its memory limit in bytes.
    #[must_use]
    pub fn max_memory_bytes(&self) -> u64 {
        self.gauge.max()
    }

    /// Ends it from any thread.
    #[must_use]
    pub fn kill_switch(&self) -> KillSwitch {
        self.switch.clone()
    }

    /// Calls `handler.handle-message`. A handler error is a result like any other.
    ///
    /// # Errors
    ///
    /// [`CallFailure`] when the call ended the instance; it cannot be called again.
    pub async fn handle_message(
        &mut self,
        sender: &str,
        correlation: Option<CorrelationId>,
        payload: &MessagePayload,
    ) -> Result<Completed<Result<Option<MessagePayload>, HandlerError>>, CallFailure> {
        let correlation_id = correlation.map(CorrelationId::get);
        self.hand_over(types::Message { sender, correlation_id, topic: None, payload: outgoing(payload) })
            .await
    }

    /// Calls `handler.handle-message` with what was published to this topic.
    ///
    /// # Errors
    ///
    /// [`CallFailure`] when the call ended the instance; it cannot be called again.
    pub async fn handle_publication(
        &mut self,
        sender: &str,
        topic: &Topic,
        payload: &MessagePayload,
    ) -> Result<Completed<Result<Option<MessagePayload>, HandlerError>>, CallFailure> {
        let topic = Some(topic.as_str());
        self.hand_over(types::Message { sender, correlation_id: None, topic, payload: outgoing(payload) })
            .await
    }

    async fn hand_over(
        &mut self,
        message: types::Message<'_>,
    ) -> Result<Completed<Result<Option<MessagePayload>, HandlerError>>, CallFailure> {
        let mut live = self.enter(self.budget)?;
        let outcome = match &live.handler {
            Some(handler) => {
                let call = handler.call_handle_message(&mut live.store, message);
                self.enforcement.within(call, self.budget.timeout, &self.switch).await
            }
            None => Ok(Ok(Err(types::HandlerErrorResult::Failed("the component has no handler".to_owned())))),
        };
        let done = self.conclude(live, outcome, self.budget).await?;
        let value = match done.value {
            Ok(reply) => Ok(reply.map(incoming)),
            Err(error) => Err(handler_error(error)),
        };
        Ok(Completed { value, fuel: done.fuel, time: done.time })
    }

    /// Calls `handler.handle-callback`.
    ///
    /// # Errors
    ///
    /// [`CallFailure`] when the call ended the instance; it cannot be called again.
    pub async fn handle_callback(
        &mut self,
        correlation: CorrelationId,
        reply: Result<&MessagePayload, &RequestError>,
    ) -> Result<Completed<()>, CallFailure> {
        let text;
        let reply = match reply {
            Ok(payload) => Ok(outgoing(payload)),
            Err(error) => {
                text = error_text(error);
                Err(request_error(error, &text))
            }
        };
        let mut live = self.enter(self.budget)?;
        let outcome = match &live.handler {
            Some(handler) => {
                let call = handler.call_handle_callback(&mut live.store, correlation.get(), reply);
                self.enforcement.within(call, self.budget.timeout, &self.switch).await
            }
            None => Ok(Ok(())),
        };
        self.conclude(live, outcome, self.budget).await
    }

    /// Calls `health.health`; a component without it is healthy as long as it lives.
    ///
    /// # Errors
    ///
    /// [`CallFailure`] when the call ended the instance; it cannot be called again. A timeout of zero is refused as one
    /// that is over before anything is called, and ends nothing: the instance can be called as before.
    pub async fn health(&mut self, timeout: Duration) -> Result<Completed<HealthStatus>, CallFailure> {
        let budget = Budget { timeout, ..self.budget };
        budget.check().map_err(|_| budget.passed())?;
        let mut live = self.enter(budget)?;
        let outcome = match &live.health {
            Some(health) => {
                self.enforcement.within(health.call_health(&mut live.store), timeout, &self.switch).await
            }
            None => Ok(Ok(health::HealthStatus::Healthy)),
        };
        let done = self.conclude(live, outcome, budget).await?;
        let value = match done.value {
            health::HealthStatus::Healthy => HealthStatus::Healthy,
            health::HealthStatus::Degraded(text) => HealthStatus::Degraded(bounded(text)),
            health::HealthStatus::Unhealthy(text) => HealthStatus::Unhealthy(bounded(text)),
        };
        Ok(Completed { value, fuel: done.fuel, time: done.time })
    }

    /// Calls `lifecycle.metadata`; none where the component does not export `lifecycle`.
    ///
    /// # Errors
    ///
    /// [`CallFailure`] when the call ended the instance; it cannot be called again.
    pub async fn metadata(&mut self) -> Result<Completed<Option<ComponentMetadata>>, CallFailure> {
        let mut live = self.enter(self.budget)?;
        let outcome = match &live.lifecycle {
            Some(lifecycle) => {
                let call = lifecycle.call_metadata(&mut live.store);
                self.enforcement
                    .within(call, self.budget.timeout, &self.switch)
                    .await
                    .map(|answer| answer.map(Some))
            }
            None => Ok(Ok(None)),
        };
        let done = self.conclude(live, outcome, self.budget).await?;
        let value = done.value.map(|metadata| ComponentMetadata {
            name: bounded(metadata.name),
            version: bounded(metadata.version),
            description: bounded(metadata.description),
        });
        Ok(Completed { value, fuel: done.fuel, time: done.time })
    }

    /// Calls `lifecycle.shutdown` where the component has it, and drops the store.
    ///
    /// # Errors
    ///
    /// [`CallFailure`] when the call failed; the store is dropped all the same.
    pub async fn shutdown(mut self) -> Result<Completed<()>, CallFailure> {
        let budget = self.budget;
        let mut live = self.enter(budget)?;
        let outcome = match &live.lifecycle {
            Some(lifecycle) => {
                self.enforcement
                    .within(lifecycle.call_shutdown(&mut live.store), budget.timeout, &self.switch)
                    .await
            }
            None => Ok(Ok(())),
        };
        let outcome = live.store.data().clock().end_start().settle(outcome, is_of_the_host);
        self.leave(live, outcome, budget)
    }

    /// Takes the store out for one call.
    fn enter(&mut self, budget: Budget) -> Result<Live, CallFailure> {
        let ended = || CallFailure {
            cause: EndCause::Killed,
            fuel: FuelMetrics::new(budget.fuel.unwrap_or(u64::MAX), 0),
        };
        if self.switch.is_killed() {
            self.live = None;
        }
        let mut live = self.live.take().ok_or_else(ended)?;
        begin(&mut live.store, budget, self.enforcement);
        Ok(live)
    }

    /// Ends a call, and goes where the next one belongs.
    async fn conclude<T>(
        &mut self,
        mut live: Live,
        outcome: Result<wasmtime::Result<T>, Interruption>,
        budget: Budget,
    ) -> Result<Completed<T>, CallFailure> {
        let ending = live.store.data_mut().clock_mut().end();
        let mut done = self.leave(live, ending.settle(outcome, is_of_the_host), budget)?;
        done.time = ending.time;
        if let Some(live) = &self.live {
            live.store.data().clock().lane().settle().await;
        }
        Ok(done)
    }

    /// Puts the store back after a call that succeeded; drops it after any other.
    fn leave<T>(
        &mut self,
        mut live: Live,
        outcome: Result<wasmtime::Result<T>, Interruption>,
        budget: Budget,
    ) -> Result<Completed<T>, CallFailure> {
        let facts = circumstances(&live.store, budget, self.enforcement);
        let cause = match outcome {
            Ok(Ok(_)) if facts.is_fuel_passed => EndCause::OutOfFuel(facts.fuel),
            Ok(Ok(value)) => {
                self.live = Some(live);
                return Ok(Completed { value, fuel: facts.fuel, time: None });
            }
            Ok(Err(error)) => facts.trapped(&error, || has_no_handle_left(&mut live.store)),
            Err(interruption) => facts.interrupted(interruption),
        };
        Err(CallFailure { cause, fuel: facts.fuel })
    }
}

type Exports = (Instance, Option<lifecycle::Guest>, Option<handler::Guest>, Option<health::Guest>);

enum Unstarted {
    Instantiation(wasmtime::Error),
    Engine(wasmtime::Error),
    /// An interface that is exported with other types; the engine compares them only now.
    Interface(&'static str, wasmtime::Error),
    Guest(String),
}

impl Unstarted {
    /// Whether no time would have helped it.
    fn is_of_the_host(&self) -> bool {
        match self {
            Self::Instantiation(error) | Self::Engine(error) => is_of_the_host(error),
            Self::Interface(..) => true,
            Self::Guest(_) => false,
        }
    }
}

async fn instantiate(
    store: &mut Store<HostState>,
    component: &VerifiedComponent,
    config: &str,
) -> Result<Exports, Unstarted> {
    let instance = component.pre().instantiate_async(&mut *store).await.map_err(Unstarted::Instantiation)?;
    let indices = component.exports();
    let lifecycle = indices
        .lifecycle
        .as_ref()
        .map(|indices| indices.load(&mut *store, &instance))
        .transpose()
        .map_err(|error| Unstarted::Interface(LIFECYCLE, error))?;
    let handler = indices
        .handler
        .as_ref()
        .map(|indices| indices.load(&mut *store, &instance))
        .transpose()
        .map_err(|error| Unstarted::Interface(HANDLER, error))?;
    let health = indices
        .health
        .as_ref()
        .map(|indices| indices.load(&mut *store, &instance))
        .transpose()
        .map_err(|error| Unstarted::Interface(HEALTH, error))?;
    if let Some(lifecycle) = &lifecycle {
        let answer = lifecycle.call_initialize(&mut *store, config).await.map_err(Unstarted::Engine)?;
        answer.map_err(|text| Unstarted::Guest(bounded(text)))?;
    }
    Ok((instance, lifecycle, handler, health))
}

fn begin(store: &mut Store<HostState>, budget: Budget, enforcement: Enforcement) {
    if enforcement.is_on()
        && let Err(error) = refill(store, budget.fuel_given(), budget.timeout)
    {
        // The engine's configuration always meters, so that this cannot be; a store without its fuel
        // traps at its first instruction, which is safe.
        tracing::error!(%error, "fuel could not be set");
    }
}

fn circumstances(store: &Store<HostState>, budget: Budget, enforcement: Enforcement) -> Circumstances {
    let max = budget.fuel.unwrap_or(u64::MAX);
    let left = if enforcement.is_on() { store.get_fuel().unwrap_or(0) } else { budget.fuel_given() };
    let limiter = store.data().limiter();
    Circumstances {
        fuel: FuelMetrics::new(max, budget.fuel_given().saturating_sub(left).min(max)),
        is_fuel_passed: left == 0,
        timeout_ms: budget.timeout_ms(),
        max_memory_bytes: store.data().limits().max_memory_bytes(),
        denied_growth: limiter.denied_in_call(),
    }
}

fn outgoing(payload: &MessagePayload) -> types::PayloadParam<'_> {
    types::PayloadParam { data: payload.bytes(), content_type: payload.content_type() }
}

fn incoming(payload: types::PayloadResult) -> MessagePayload {
    let types::PayloadResult { data, content_type } = payload;
    match content_type {
        Some(mut text) => {
            cut(&mut text, airssys_wasm_core::MAX_CONTENT_TYPE_BYTES);
            MessagePayload::from(data).with_content_type(text)
        }
        None => MessagePayload::from(data),
    }
}

fn bounded(mut text: String) -> String {
    cut(&mut text, MAX_GUEST_ERROR_BYTES);
    text
}

fn handler_error(error: types::HandlerErrorResult) -> HandlerError {
    match error {
        types::HandlerErrorResult::InvalidMessage(text) => HandlerError::InvalidMessage(bounded(text)),
        types::HandlerErrorResult::Failed(text) => HandlerError::Failed(bounded(text)),
    }
}

fn error_text(error: &RequestError) -> String {
    match error {
        RequestError::Handler(HandlerError::InvalidMessage(text) | HandlerError::Failed(text)) => {
            text.clone()
        }
        RequestError::Refused(SendError::Denied(rule)) => rule.manifest_key().to_owned(),
        RequestError::ReceiverEnded { cause } => cause.clone(),
        other => other.to_string(),
    }
}

fn request_error<'a>(error: &RequestError, text: &'a str) -> types::RequestErrorParam<'a> {
    use types::{HandlerErrorParam, HostErrorParam, RequestErrorParam};
    match error {
        RequestError::Handler(HandlerError::InvalidMessage(_)) => {
            RequestErrorParam::Handler(HandlerErrorParam::InvalidMessage(text))
        }
        RequestError::Handler(_) => RequestErrorParam::Handler(HandlerErrorParam::Failed(text)),
        RequestError::Refused(error) => RequestErrorParam::Refused(match error {
            SendError::Full => HostErrorParam::Full,
            SendError::Closed => HostErrorParam::Closed,
            SendError::NotFound => HostErrorParam::NotFound,
            SendError::TooLarge(limit) => HostErrorParam::TooLarge(*limit),
            SendError::NoHandler => HostErrorParam::NoHandler,
            SendError::RateLimited => HostErrorParam::RateLimited,
            SendError::QuotaExceeded => HostErrorParam::QuotaExceeded,
            SendError::WouldDeadlock => HostErrorParam::WouldDeadlock,
            _ => HostErrorParam::Denied(text),
        }),
        RequestError::TimedOut { .. } => RequestErrorParam::Refused(HostErrorParam::TimedOut),
        _ => RequestErrorParam::ReceiverEnded(text),
    }
}
