//! One message, one fresh instance: limits without actors.

use std::sync::Arc;

use airssys_wasm_core::{
    ComponentId, FuelMetrics, HandlerError, HostCapabilities, MessagePayload, ResourceLimits, WasmError,
    WasmResult,
};

use crate::component::VerifiedComponent;
use crate::engine::{InstanceSetup, WasmtimeEngine};
use crate::error::RuntimeError;
use crate::instance::Budget;

/// Runs components under limits for embedders that want no actors.
///
/// ```no_run
/// use std::sync::Arc;
/// use airssys_wasm_core::{ComponentId, MessagePayload, ResourceLimits};
/// use airssys_wasm_runtime::{ComponentExecutor, EngineConfig, ExecutionResult, WasmtimeEngine};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = Arc::new(WasmtimeEngine::new(EngineConfig::default())?);
/// let component = engine.verify(&std::fs::read("rule.wasm")?)?;
/// let limits = ResourceLimits::builder().memory_bytes(1 << 20).max_fuel(1_000_000).build()?;
/// let id = ComponentId::new("rules", "rule", "0")?;
///
/// let executor = ComponentExecutor::new(engine);
/// let result = executor.execute_with_limits(id, &component, &limits, &"input".into()).await?;
/// println!("{} units", result.fuel_metrics().consumed());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ComponentExecutor {
    engine: Arc<WasmtimeEngine>,
    capabilities: Arc<HostCapabilities>,
}

/// What an execution came to, where the component was not ended by it. Its fuel is that of the message alone; what the
/// start before it took, which is held to the same limits once more, is not in it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ExecutionResult {
    /// The handler answered.
    Success {
        /// Its reply, where it gave one.
        output: Option<MessagePayload>,
        /// What the call consumed, exactly.
        fuel_metrics: FuelMetrics,
    },
    /// The handler answered with a business error of its own.
    HandlerError {
        /// What it said.
        error: HandlerError,
        /// What the call consumed, exactly.
        fuel_metrics: FuelMetrics,
    },
}

impl ExecutionResult {
    /// What the call consumed, exactly, without the start before it.
    #[must_use]
    pub fn fuel_metrics(&self) -> FuelMetrics {
        match self {
            Self::Success { fuel_metrics, .. } | Self::HandlerError { fuel_metrics, .. } => *fuel_metrics,
        }
    }
}

impl ComponentExecutor {
    /// An executor on this engine.
    #[must_use]
    pub fn new(engine: Arc<WasmtimeEngine>) -> Self {
        Self { engine, capabilities: Arc::default() }
    }

    /// The same, whose components may do this with the host through the standard interfaces.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use airssys_wasm_core::HostCapabilities;
    /// use airssys_wasm_runtime::{ComponentExecutor, EngineConfig, WasmtimeEngine};
    ///
    /// let mut capabilities = HostCapabilities::default();
    /// capabilities.filesystem.read.push("/usr/share/zoneinfo".parse()?);
    /// capabilities.environment.variables.push("TZ".parse()?);
    /// let engine = Arc::new(WasmtimeEngine::new(EngineConfig::default())?);
    /// let executor = ComponentExecutor::new(engine).granting(capabilities);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn granting(mut self, capabilities: HostCapabilities) -> Self {
        self.capabilities = Arc::new(capabilities.each_once());
        self
    }

    /// Makes an instance, initialises it, gives it one message from `host/executor` and drops it. One that
    /// computes for longer than a tick or two goes on with the engine's threads for long calls.
    ///
    /// The start (instantiation and `initialize` together) is held to the fuel and the time of `limits`, and so is the
    /// message: each has all of them to itself. Without `max_fuel` neither is metered.
    ///
    /// Needs a tokio runtime with time enabled. Dropping the future ends the execution, within a slice where
    /// the guest computes.
    ///
    /// # Errors
    ///
    /// [`WasmError`] with the limit that was hit, the trap, or what hinders the start;
    /// [`WasmError::Unsupported`] for a component without `handler`.
    pub async fn execute_with_limits(
        &self,
        id: ComponentId,
        component: &VerifiedComponent,
        limits: &ResourceLimits,
        message: &MessagePayload,
    ) -> WasmResult<ExecutionResult> {
        if !component.has_handler() {
            return Err(RuntimeError::MissingExport("handler").into());
        }
        let mut setup = InstanceSetup::new(id, *limits);
        setup.start = Budget::of(limits);
        setup.capabilities = Arc::clone(&self.capabilities);
        let lane = setup.lane.clone();
        let (engine, component, message) = (Arc::clone(&self.engine), component.clone(), message.clone());
        let execution = async move {
            let mut instance = engine.start(&component, setup).await?.value;
            Ok::<_, WasmError>(instance.handle_message("host/executor", None, &message).await?)
        };
        let done = self.engine.in_lane(&lane, execution).await?;
        Ok(match done.value {
            Ok(output) => ExecutionResult::Success { output, fuel_metrics: done.fuel },
            Err(error) => ExecutionResult::HandlerError { error, fuel_metrics: done.fuel },
        })
    }
}
