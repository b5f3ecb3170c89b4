//! Why running a component failed.
//!
//! Invariant: names no engine. What an engine, a file or a store said is kept as the source of the
//! error and never repeated in its text.

use std::error::Error as StdError;

use thiserror::Error;

use crate::handle::ComponentHandle;
use crate::lifecycle::TrapKind;
use crate::limits::ResourceLimitError;
use crate::manifest::ManifestError;
use crate::metrics::FuelMetrics;
use crate::send::HandlerError;

/// An error of whatever lies below, kept as a source.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// The result of running a component.
pub type WasmResult<T> = Result<T, WasmError>;

/// Why a component could not be loaded, or a call did not succeed.
///
/// When several limits apply the first of this order is reported: out of fuel, timeout, out of
/// memory, trap.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WasmError {
    /// The call used up its fuel.
    #[error(
        "out of fuel: {} of {} units consumed ({:.1} %)",
        .0.consumed(), .0.max_fuel(), .0.usage_percentage()
    )]
    OutOfFuel(FuelMetrics),
    /// The call ran past its wall-clock limit.
    #[error(
        "execution timeout: limit of {timeout_ms} ms passed, at least {fuel_consumed} units of fuel consumed"
    )]
    ExecutionTimeout {
        /// The limit in milliseconds.
        timeout_ms: u64,
        /// A lower bound of the fuel consumed until then, in units.
        fuel_consumed: u64,
    },
    /// The guest trapped after the host had denied it memory in the same call.
    #[error("out of memory: {requested_bytes} bytes asked for, {max_bytes} allowed")]
    OutOfMemory {
        /// The limit in bytes, over all memories.
        max_bytes: u64,
        /// What the last denied growth would have made of it, in bytes.
        requested_bytes: u64,
    },
    /// The guest trapped.
    #[error("trap: {}", kind.as_str())]
    Trap {
        /// What kind of trap.
        kind: TrapKind,
        /// The guest's call stack with symbols where the component has them; may be empty.
        backtrace: String,
        /// What the engine said.
        source: Option<BoxError>,
    },
    /// The engine's bound on host memory for the guest (copies, handles) ended the call.
    #[error("host limit: {reason}")]
    HostLimit {
        /// Which bound.
        reason: String,
        /// What the engine said.
        source: Option<BoxError>,
    },
    /// The handler answered with a business error; the component goes on.
    #[error("handler answered with an error")]
    Handler(#[source] HandlerError),
    /// `initialize` answered with an error.
    #[error("initialise failed: {reason}")]
    InitialiseFailed {
        /// What the guest said.
        reason: String,
    },
    /// Limits, a manifest or a setting of the host is not allowed.
    #[error("invalid configuration: {reason}")]
    InvalidConfiguration {
        /// What is not allowed.
        reason: String,
        /// The underlying error, where there is one.
        source: Option<BoxError>,
    },
    /// The engine could not be made.
    #[error("engine could not be created")]
    EngineCreation {
        /// What the engine said.
        source: BoxError,
    },
    /// No component is loaded under this handle.
    #[error("component {} is not loaded under handle {}", .0.id(), .0.handle_id())]
    ComponentNotFound(ComponentHandle),
    /// The bytes are not a component that this host can run.
    #[error("invalid component: {reason}")]
    InvalidComponent {
        /// What is wrong with it.
        reason: String,
        /// What the engine said, where it said something.
        source: Option<BoxError>,
    },
    /// Making an instance or calling it failed for a reason that no other variant names.
    #[error("execution failed: {reason}")]
    ExecutionFailed {
        /// What failed.
        reason: String,
        /// What the engine said, where it said something.
        source: Option<BoxError>,
    },
    /// The component lacks an export that the call needs, or this version lacks the feature.
    #[error("not supported: {reason}")]
    Unsupported {
        /// What is not supported.
        reason: String,
    },
    /// The store of components or of their data failed.
    #[error("storage failed: {reason}")]
    Storage {
        /// What failed.
        reason: String,
        /// What the store or the file system said, where it said something.
        source: Option<BoxError>,
    },
}

impl WasmError {
    /// The call used up its fuel.
    ///
    /// ```
    /// use airssys_wasm_core::{FuelMetrics, WasmError};
    ///
    /// let error = WasmError::out_of_fuel(FuelMetrics::new(1_000, 1_000));
    /// assert_eq!(error.to_string(), "out of fuel: 1000 of 1000 units consumed (100.0 %)");
    /// ```
    #[must_use]
    pub const fn out_of_fuel(metrics: FuelMetrics) -> Self {
        Self::OutOfFuel(metrics)
    }

    /// The call ran past its limit of `timeout_ms` milliseconds and had used at least
    /// `fuel_consumed` units by then.
    #[must_use]
    pub const fn execution_timeout(timeout_ms: u64, fuel_consumed: u64) -> Self {
        Self::ExecutionTimeout { timeout_ms, fuel_consumed }
    }
}

impl From<ResourceLimitError> for WasmError {
    fn from(error: ResourceLimitError) -> Self {
        Self::InvalidConfiguration {
            reason: "resource limits are not allowed".into(),
            source: Some(Box::new(error)),
        }
    }
}

impl From<ManifestError> for WasmError {
    fn from(error: ManifestError) -> Self {
        Self::InvalidConfiguration {
            reason: format!("{} is not valid", error.source_name()),
            source: Some(Box::new(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ComponentId;
    use crate::limits::{Ceilings, ResourceLimits};
    use crate::manifest::SystemManifest;

    #[track_caller]
    fn check(error: &WasmError, text: &str, source: Option<&str>) {
        assert_eq!(error.to_string(), text);
        assert_eq!(error.source().map(ToString::to_string).as_deref(), source);
        assert!(source.is_none_or(|source| !text.contains(source)), "the source is printed twice");
    }

    fn engine() -> BoxError {
        "what the engine said".into()
    }

    #[test]
    fn texts_carry_the_facts_and_sources_are_kept_apart() -> Result<(), crate::id::IdError> {
        let fuel = FuelMetrics::new(1_000, 250);
        check(&WasmError::out_of_fuel(fuel), "out of fuel: 250 of 1000 units consumed (25.0 %)", None);
        check(
            &WasmError::out_of_fuel(FuelMetrics::new(0, 0)),
            "out of fuel: 0 of 0 units consumed (100.0 %)",
            None,
        );
        check(
            &WasmError::execution_timeout(100, 42),
            "execution timeout: limit of 100 ms passed, at least 42 units of fuel consumed",
            None,
        );
        check(
            &WasmError::OutOfMemory { max_bytes: 5, requested_bytes: 9 },
            "out of memory: 9 bytes asked for, 5 allowed",
            None,
        );
        let (kind, source) = (TrapKind::Unreachable, Some(engine()));
        let trap = WasmError::Trap { kind, backtrace: "main".into(), source };
        check(&trap, "trap: unreachable", Some("what the engine said"));
        let created = WasmError::EngineCreation { source: engine() };
        check(&created, "engine could not be created", Some("what the engine said"));
        let handle = ComponentHandle::new(ComponentId::new("logs", "parser", "0")?);
        let text = format!("component logs/parser/0 is not loaded under handle {}", handle.handle_id());
        check(&WasmError::ComponentNotFound(handle), &text, None);
        let invalid = WasmError::InvalidComponent { reason: "a core module".into(), source: Some(engine()) };
        check(&invalid, "invalid component: a core module", Some("what the engine said"));
        let failed = WasmError::ExecutionFailed { reason: "no such export".into(), source: None };
        check(&failed, "execution failed: no such export", None);
        let handler = WasmError::Handler(HandlerError::Failed("no disk".into()));
        check(&handler, "handler answered with an error", Some("failed: no disk"));
        Ok(())
    }

    #[test]
    fn refused_limits_and_manifests_are_invalid_configuration() {
        let low = Ceilings { max_timeout_ms: 1, ..Ceilings::default() };
        let limits = ResourceLimits::default().validate(&low).map_err(WasmError::from);
        assert!(limits.is_err_and(|error| {
            matches!(&error, WasmError::InvalidConfiguration { source: Some(source), .. }
                if source.is::<ResourceLimitError>())
        }));
        let manifest = SystemManifest::parse("airssys.toml", "x = 1").map_err(WasmError::from);
        assert!(manifest.is_err_and(|error| {
            error.to_string() == "invalid configuration: airssys.toml is not valid"
                && error.source().is_some_and(|source| source.is::<ManifestError>())
        }));
    }
}
