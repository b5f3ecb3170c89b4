//! Instances without actors that share an engine with a sibling, so that every export can be attacked and what
//! the host holds afterwards can be looked at.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use airssys_wasm_core::{ComponentId, CorrelationId, EndCause, FuelMetrics, MessagePayload, ResourceLimits};
use airssys_wasm_runtime::{
    CallFailure, ComponentInstance, EngineConfig, InstancePorts, InstanceSetup, RuntimeError,
    VerifiedComponent, WasmtimeEngine,
};

use crate::bare::{self, FUEL};
use crate::guests::{self, MEMORY_BYTES};

/// Time for `health`, where it is not what is attacked.
const HEALTH_TIME: Duration = Duration::from_secs(20);

/// An engine with a sibling on it. An instance can be shared by no two threads, so that all of this is by `&mut`.
pub(crate) struct Quarters {
    engine: Arc<WasmtimeEngine>,
    sibling: ComponentInstance,
}

impl Quarters {
    pub(crate) async fn new() -> Result<Self> {
        let config = EngineConfig { max_instances: 4, ..EngineConfig::default() };
        let engine = Arc::new(WasmtimeEngine::new(config)?);
        let component = verify(&engine, "echo").await?;
        let setup = InstanceSetup::new(ComponentId::new("attack", "echo", "0")?, plenty()?);
        let sibling = engine.start(&component, setup).await?.value;
        Ok(Self { engine, sibling })
    }

    /// Compiles the attacker.
    pub(crate) async fn admit(&mut self, guest: &str) -> Result<VerifiedComponent> {
        verify(&self.engine, guest).await
    }

    /// Starts the attacker with this configuration for `initialize`.
    pub(crate) async fn start(
        &mut self,
        component: &VerifiedComponent,
        limits: ResourceLimits,
        config: &str,
        ports: InstancePorts,
    ) -> Result<Result<ComponentInstance, RuntimeError>> {
        let mut setup = InstanceSetup::new(ComponentId::new("attack", "quartered", "0")?, limits);
        setup.ports = ports;
        setup.config = config.to_owned();
        Ok(self.engine.start(component, setup).await.map(|started| started.value))
    }

    /// Starts the attacker with limits that it does not meet by accident, and no ways to the outside.
    pub(crate) async fn isolate(&mut self, component: &VerifiedComponent) -> Result<ComponentInstance> {
        let started = self.start(component, plenty()?, "{}", InstancePorts::isolated()).await?;
        started.context("the attacker does not start")
    }

    /// The sibling answers.
    pub(crate) async fn sibling_lives(&mut self) -> Result<()> {
        let done = self.sibling.handle_message("host/attack", None, &"still here".into()).await?;
        let reply = done.value.context("the sibling answers with an error")?.context("it does not answer")?;
        ensure!(reply.bytes().as_ref() == b"still here", "the sibling answers {:?}", reply.bytes());
        Ok(())
    }
}

/// Limits that an attack on something else does not meet.
pub(crate) fn plenty() -> Result<ResourceLimits> {
    bare::limits(MEMORY_BYTES, FUEL)
}

async fn verify(engine: &Arc<WasmtimeEngine>, guest: &str) -> Result<VerifiedComponent> {
    let wasm = guests::bytes(guest)?;
    let verifier = Arc::clone(engine);
    // Compiling takes processor time, so that it must not sit on a thread that serves others.
    Ok(tokio::task::spawn_blocking(move || verifier.verify(&wasm)).await??)
}

/// The exports that an instance has while it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Export {
    HandleMessage,
    HandleCallback,
    Health,
    Metadata,
}

impl Export {
    pub(crate) const ALL: [Self; 4] =
        [Self::HandleMessage, Self::HandleCallback, Self::Health, Self::Metadata];

    /// Calls it.
    pub(crate) async fn call(self, instance: &mut ComponentInstance) -> Result<FuelMetrics, CallFailure> {
        let payload = MessagePayload::from("ping");
        Ok(match self {
            Self::HandleMessage => instance.handle_message("host/attack", None, &payload).await?.fuel,
            Self::HandleCallback => instance.handle_callback(CorrelationId::new(1), Ok(&payload)).await?.fuel,
            Self::Health => instance.health(HEALTH_TIME).await?.fuel,
            Self::Metadata => instance.metadata().await?.fuel,
        })
    }
}

/// The instance ended, and no export of it can be entered again.
pub(crate) async fn is_over(instance: &mut ComponentInstance) -> Result<()> {
    ensure!(!instance.is_live(), "the instance could be entered again");
    for export in Export::ALL {
        let Err(failure) = export.call(instance).await else { anyhow::bail!("{export:?} was entered again") };
        ensure!(failure.cause == EndCause::Killed, "{export:?} is said to have ended by {}", failure.cause);
        ensure!(failure.fuel.consumed() == 0, "{export:?} took {} units", failure.fuel.consumed());
    }
    Ok(())
}
