//! Components that are loaded by handle: each handle leads to the task that owns the store.

#![expect(
    clippy::disallowed_types,
    reason = "a map of handles, held for one look-up and never across an await"
)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use airssys_wasm_core::{
    BoxFuture, ComponentHandle, ComponentId, ComponentMessage, CorrelationId, MessageKind, MessagePayload,
    RequestError, ResourceLimits, RuntimeEngine, WasmError, WasmResult,
};

use crate::engine::{InstanceSetup, WasmtimeEngine};
use crate::error::RuntimeError;
use crate::instance::{Budget, ComponentInstance};

/// Calls that wait for one component. Callers beyond it wait for a place, so that nothing grows.
const WAITING_CALLS: usize = 64;

/// How long `health` may take: the default of `[health] timeout_ms`.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(1);

/// The components of one engine that are loaded by handle.
#[derive(Debug, Default)]
pub(crate) struct LoadedComponents {
    calls: Mutex<HashMap<u64, mpsc::Sender<Call>>>,
}

#[derive(Debug)]
enum Call {
    Message(ComponentMessage, oneshot::Sender<WasmResult<Option<MessagePayload>>>),
    Callback(CorrelationId, Result<MessagePayload, RequestError>, oneshot::Sender<WasmResult<()>>),
}

impl LoadedComponents {
    fn sender(&self, handle: &ComponentHandle) -> WasmResult<mpsc::Sender<Call>> {
        self.calls().get(&handle.handle_id()).cloned().ok_or_else(|| not_found(handle))
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<u64, mpsc::Sender<Call>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_found(handle: &ComponentHandle) -> WasmError {
    RuntimeError::ComponentNotFound(handle.clone()).into()
}

impl RuntimeEngine for WasmtimeEngine {
    fn load_component<'a>(
        &'a self,
        id: &'a ComponentId,
        wasm: &'a [u8],
        limits: &'a ResourceLimits,
    ) -> BoxFuture<'a, WasmResult<ComponentHandle>> {
        Box::pin(async move {
            let place = self.compile_place(wasm.len() as u64).await?;
            let component = self.compile(place, wasm.into()).await?;
            let mut setup = InstanceSetup::new(id.clone(), *limits);
            setup.start = Budget::of(limits);
            setup.ports = self.ports().clone();
            let lane = setup.lane.clone();
            let prepared = self.prepare(&component, setup).await?;
            let instance = self.in_lane(&lane, prepared.start()).await?.value;
            let has_handler = component.has_handler();
            let handle = ComponentHandle::new(id.clone());
            let (calls, waiting) = mpsc::channel(WAITING_CALLS);
            self.loaded().calls().insert(handle.handle_id(), calls);
            let loaded = Arc::downgrade(self.loaded());
            let owner = serve(instance, has_handler, waiting, loaded, handle.handle_id());
            tokio::spawn(self.in_lane(&lane, owner));
            Ok(handle)
        })
    }

    fn unload_component<'a>(&'a self, handle: &'a ComponentHandle) -> BoxFuture<'a, WasmResult<()>> {
        Box::pin(async move {
            // The task ends, and drops the store, when its last caller is gone.
            self.loaded().calls().remove(&handle.handle_id());
            Ok(())
        })
    }

    fn call_handle_message<'a>(
        &'a self,
        handle: &'a ComponentHandle,
        message: ComponentMessage,
    ) -> BoxFuture<'a, WasmResult<Option<MessagePayload>>> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            let calls = self.loaded().sender(handle)?;
            calls.send(Call::Message(message, answer)).await.map_err(|_| not_found(handle))?;
            answered.await.map_err(|_| not_found(handle))?
        })
    }

    fn call_handle_callback<'a>(
        &'a self,
        handle: &'a ComponentHandle,
        correlation: CorrelationId,
        reply: Result<MessagePayload, RequestError>,
    ) -> BoxFuture<'a, WasmResult<()>> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            let calls = self.loaded().sender(handle)?;
            calls.send(Call::Callback(correlation, reply, answer)).await.map_err(|_| not_found(handle))?;
            answered.await.map_err(|_| not_found(handle))?
        })
    }
}

/// Owns one instance until it is unloaded or a call ends it.
async fn serve(
    mut instance: ComponentInstance,
    has_handler: bool,
    mut waiting: mpsc::Receiver<Call>,
    loaded: Weak<LoadedComponents>,
    handle_id: u64,
) {
    while instance.is_live() {
        match waiting.recv().await {
            // A caller that no longer waits wants no answer.
            Some(Call::Message(message, answer)) => {
                drop(answer.send(handle(&mut instance, has_handler, &message).await));
            }
            Some(Call::Callback(correlation, reply, answer)) => {
                drop(answer.send(call_back(&mut instance, has_handler, correlation, reply).await));
            }
            None => {
                if let Err(failure) = instance.shutdown().await {
                    tracing::warn!(cause = %failure.cause, "shutdown failed");
                }
                return;
            }
        }
    }
    // Held weakly: the table holds the way to this task, which must not keep the table in turn.
    if let Some(loaded) = loaded.upgrade() {
        loaded.calls().remove(&handle_id);
    }
}

async fn handle(
    instance: &mut ComponentInstance,
    has_handler: bool,
    message: &ComponentMessage,
) -> WasmResult<Option<MessagePayload>> {
    if message.kind() == MessageKind::HealthCheck {
        let status = instance.health(HEALTH_TIMEOUT).await?.value;
        return Ok(Some(status.to_string().into()));
    }
    if !has_handler {
        // The host's refusal, which is never a business error of the guest.
        return Err(RuntimeError::MissingExport("handler").into());
    }
    let sender = message.sender().as_str();
    let done = instance.handle_message(sender, message.correlation(), message.payload()).await?;
    done.value.map_err(WasmError::Handler)
}

async fn call_back(
    instance: &mut ComponentInstance,
    has_handler: bool,
    correlation: CorrelationId,
    reply: Result<MessagePayload, RequestError>,
) -> WasmResult<()> {
    if !has_handler {
        return Err(RuntimeError::MissingExport("handler").into());
    }
    instance.handle_callback(correlation, reply.as_ref()).await?;
    Ok(())
}
