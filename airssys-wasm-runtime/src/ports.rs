//! The ways of one instance to the outside, as the layer above gives them.

use std::sync::Arc;

use airssys_wasm_core::{
    AccessDenial, AccessObserver, Address, ComponentDirectory, ComponentId, ComponentState, ComponentSummary,
    DenialRule, KeyValueStore, LogLevel, LogRecord, LogSink, MessageLink, MessageRouter, NameResolver,
    SendError,
};

use crate::resolver::SystemResolver;

/// The ways of one instance to the outside.
#[derive(Debug, Clone)]
pub struct InstancePorts {
    /// To other components.
    pub router: Arc<dyn MessageRouter>,
    /// To what it may know of them.
    pub directory: Arc<dyn ComponentDirectory>,
    /// To the host's log.
    pub log: Arc<dyn LogSink>,
    /// To whoever keeps account of what it was refused.
    pub access: Arc<dyn AccessObserver>,
    /// To the addresses of the names that it was granted.
    pub resolver: Arc<dyn NameResolver>,
    /// To what its component keeps. It is the right itself: where there is none, every function of
    /// `airssys:core/storage` is denied, and the quota is for the store to hold.
    pub storage: Option<Arc<dyn KeyValueStore>>,
}

impl InstancePorts {
    /// For an instance on its own: whatever it sends is denied, it sees no neighbours, and its log goes to
    /// `tracing` under the target `airssys_wasm::guest`, and what it was refused under `airssys_wasm::access`. Names
    /// are looked up by the operating system. It keeps nothing.
    #[must_use]
    pub fn isolated() -> Self {
        Self {
            router: Arc::new(Isolated),
            directory: Arc::new(Isolated),
            log: Arc::new(TracingLog),
            access: Arc::new(Isolated),
            resolver: SystemResolver::shared(),
            storage: None,
        }
    }
}

#[derive(Debug)]
struct Isolated;

impl MessageRouter for Isolated {
    fn open(&self, _sender: &Address, _target: &Address) -> Result<Arc<dyn MessageLink>, SendError> {
        Err(SendError::Denied(DenialRule::SendTo))
    }
}

impl AccessObserver for Isolated {
    fn denied(&self, component: &ComponentId, denial: &AccessDenial<'_>) {
        tracing::debug!(target: "airssys_wasm::access", %component, %denial);
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

/// Writes guests' log records to `tracing`, under the target `airssys_wasm::guest`, one line each.
#[derive(Debug, Clone, Copy, Default)]
pub struct TracingLog;

impl TracingLog {
    /// The line of a record: its message, its context as `key="value"`, and whether it was cut. Whatever
    /// could end the line or steer a terminal is escaped.
    #[must_use]
    pub fn line(record: &LogRecord) -> String {
        let mut line = String::with_capacity(record.message.len());
        escape(&mut line, &record.message, false);
        for (key, value) in &record.context {
            line.push(' ');
            escape(&mut line, key, false);
            line.push_str("=\"");
            escape(&mut line, value, true);
            line.push('"');
        }
        if record.truncated {
            line.push_str(" (cut)");
        }
        line
    }

    /// Writes a line that [`line`](Self::line) made.
    pub fn write(component: &ComponentId, level: LogLevel, line: &str) {
        macro_rules! write {
            ($level:ident) => {
                tracing::$level!(target: "airssys_wasm::guest", %component, "{line}")
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

impl LogSink for TracingLog {
    fn log(&self, component: &ComponentId, record: LogRecord) {
        Self::write(component, record.level, &Self::line(&record));
    }
}

/// Appends a guest's text, escaped.
fn escape(line: &mut String, text: &str, quoted: bool) {
    for character in text.chars() {
        if is_steering(character) || (quoted && matches!(character, '"' | '\\')) {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
}

/// Control characters, line and paragraph separators, and those that change the direction of text.
fn is_steering(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, context: &[(&str, &str)], line: &str) {
        let context = context.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let record =
            LogRecord { level: LogLevel::Info, message: message.to_owned(), context, truncated: false };
        assert_eq!(TracingLog::line(&record), line);
    }

    #[test]
    fn a_record_is_one_line_that_steers_nothing() {
        check("plain ä", &[], "plain ä");
        check("two\nlines\r\n", &[], "two\\nlines\\r\\n");
        check("\u{1b}[31mred\u{7}", &[], "\\u{1b}[31mred\\u{7}");
        check("\u{202e}left\u{2028}", &[], "\\u{202e}left\\u{2028}");
        check("m", &[("a", "b \"c\" \\"), ("k\n", "")], "m a=\"b \\\"c\\\" \\\\\" k\\n=\"\"");
    }
}
