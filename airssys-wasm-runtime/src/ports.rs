//! The ways of one instance to the outside, as the layer above gives them.

use std::sync::Arc;

use airssys_wasm_core::{
    Address, ComponentDirectory, ComponentId, ComponentState, ComponentSummary, DenialRule, LogLevel,
    LogRecord, LogSink, MessageLink, MessageRouter, SendError,
};

/// The ways of one instance to the outside.
#[derive(Debug, Clone)]
pub struct InstancePorts {
    /// To other components.
    pub router: Arc<dyn MessageRouter>,
    /// To what it may know of them.
    pub directory: Arc<dyn ComponentDirectory>,
    /// To the host's log.
    pub log: Arc<dyn LogSink>,
}

impl InstancePorts {
    /// For an instance on its own: every send is denied, it sees no neighbours, and its log goes to
    /// `tracing` under the target `airssys_wasm::guest`.
    #[must_use]
    pub fn isolated() -> Self {
        Self { router: Arc::new(Isolated), directory: Arc::new(Isolated), log: Arc::new(TracingLog) }
    }
}

#[derive(Debug)]
struct Isolated;

impl MessageRouter for Isolated {
    fn open(&self, _sender: &Address, _target: &Address) -> Result<Arc<dyn MessageLink>, SendError> {
        Err(SendError::Denied(DenialRule::SendTo))
    }
}

impl ComponentDirectory for Isolated {
    fn visible_to(&self, _viewer: &ComponentId) -> Vec<ComponentSummary> {
        Vec::new()
    }

    fn state(&self, _id: &ComponentId) -> Option<ComponentState> {
        None
    }
}

/// Writes guests' log records to `tracing`, under the target `airssys_wasm::guest`.
#[derive(Debug, Clone, Copy, Default)]
pub struct TracingLog;

impl LogSink for TracingLog {
    fn log(&self, component: &ComponentId, record: LogRecord) {
        let LogRecord { level, message, context, truncated } = record;
        macro_rules! write {
            ($level:ident) => {
                tracing::$level!(
                    target: "airssys_wasm::guest",
                    component = %component, truncated, context = ?context, "{message}"
                )
            };
        }
        match level {
            LogLevel::Trace => write!(trace),
            LogLevel::Debug => write!(debug),
            LogLevel::Info => write!(info),
            LogLevel::Warn => write!(warn),
            LogLevel::Error => write!(error),
        }
    }
}
