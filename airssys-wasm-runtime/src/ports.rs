//! The ways of one instance to the outside, as the layer above gives them.

use std::fmt;
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
        let (message, context) = (Shown(&message), Pairs(&context));
        let cut = if truncated { " (cut)" } else { "" };
        macro_rules! write {
            ($level:ident) => {
                tracing::$level!(target: "airssys_wasm::guest", "{component}: {message}{context}{cut}")
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

/// A guest's text with its control characters escaped, so that it can neither end the line nor steer a
/// terminal.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.split_inclusive(char::is_control) {
            let text = part.trim_end_matches(char::is_control);
            f.write_str(text)?;
            for control in part.chars().skip(text.chars().count()) {
                write!(f, "{}", control.escape_default())?;
            }
        }
        Ok(())
    }
}

/// Context pairs as ` key="value"`.
struct Pairs<'a>(&'a [(String, String)]);

impl fmt::Display for Pairs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(key, value)| write!(f, " {}={value:?}", Shown(key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        for (text, shown) in [
            ("plain ä", "plain ä"),
            ("", ""),
            ("two\nlines", "two\\nlines"),
            ("\u{1b}[31mred\u{7}", "\\u{1b}[31mred\\u{7}"),
            ("\r\n\t", "\\r\\n\\t"),
        ] {
            assert_eq!(Shown(text).to_string(), shown);
        }
        let pairs = [("a".to_owned(), "b \"c\"".to_owned()), ("k\n".to_owned(), String::new())];
        assert_eq!(Pairs(&pairs).to_string(), " a=\"b \\\"c\\\"\" k\\n=\"\"");
    }
}
