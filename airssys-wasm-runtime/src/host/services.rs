//! `airssys:core/services`.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use airssys_wasm_core::{
    ComponentId, ComponentState as State, ComponentSummary as Summary, LogLevel, LogRecord,
};

use crate::bindings::airssys::core::services::{
    ComponentState, ComponentSummary, Host, HostError, LogLevel as GuestLevel, WallTime,
};
use crate::bounds::{
    LISTED_COMPONENT_BYTES, MAX_COMPONENT_LIST_BYTES, MAX_LOG_CONTEXT_BYTES, MAX_LOG_CONTEXT_PAIRS,
    MAX_LOG_MESSAGE_BYTES,
};
use crate::state::HostState;
use crate::text::cut;

/// The arbitrary point from which the monotonic clock counts.
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Host for HostState {
    async fn log(
        &mut self,
        level: GuestLevel,
        mut message: String,
        mut context: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        self.take_turn().await?;
        let mut truncated = cut(&mut message, MAX_LOG_MESSAGE_BYTES) || context.len() > MAX_LOG_CONTEXT_PAIRS;
        // Room for pairs that are dropped would be held as long as the record.
        context.truncate(MAX_LOG_CONTEXT_PAIRS);
        context.shrink_to_fit();
        for (key, value) in &mut context {
            truncated |= cut(key, MAX_LOG_CONTEXT_BYTES);
            truncated |= cut(value, MAX_LOG_CONTEXT_BYTES);
        }
        let level = match level {
            GuestLevel::Trace => LogLevel::Trace,
            GuestLevel::Debug => LogLevel::Debug,
            GuestLevel::Info => LogLevel::Info,
            GuestLevel::Warn => LogLevel::Warn,
            GuestLevel::Error => LogLevel::Error,
        };
        self.log_sink().log(self.component_id(), LogRecord { level, message, context, truncated });
        Ok(())
    }

    fn now(&mut self) -> wasmtime::Result<WallTime> {
        self.check_time()?;
        // A clock before 1970 is shown as 1970.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(WallTime { seconds: since.as_secs(), nanoseconds: since.subsec_nanos() })
    }

    fn monotonic_now(&mut self) -> wasmtime::Result<u64> {
        self.check_time()?;
        Ok(u64::try_from(ORIGIN.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    async fn sleep(&mut self, duration_ms: u64) -> wasmtime::Result<()> {
        self.take_turn().await?;
        self.clock_mut().waits();
        tokio::time::sleep(Duration::from_millis(duration_ms)).await;
        Ok(())
    }

    async fn list_components(&mut self) -> wasmtime::Result<Vec<ComponentSummary>> {
        let (mut listed, mut bytes) = (Vec::new(), 0usize);
        let mut looked_at = None;
        loop {
            // A part takes no time, and all of them together may take some.
            self.take_turn().await?;
            let part = self.directory().next_visible_to(self.component_id(), looked_at.as_ref());
            for summary in part.summaries.into_iter().map(outgoing) {
                let text = summary.id.len() + summary.version.len();
                bytes = bytes.saturating_add(text).saturating_add(LISTED_COMPONENT_BYTES);
                if bytes > MAX_COMPONENT_LIST_BYTES {
                    return Ok(listed);
                }
                listed.push(summary);
            }
            if part.looked_at.is_none() {
                return Ok(listed);
            }
            looked_at = part.looked_at;
        }
    }

    async fn component_info(&mut self, id: String) -> wasmtime::Result<Result<ComponentSummary, HostError>> {
        self.take_turn().await?;
        let id: ComponentId = match id.parse() {
            Ok(id) => id,
            Err(error) => {
                let error: airssys_wasm_core::IdError = error;
                return Ok(Err(HostError::InvalidArgument(error.to_string())));
            }
        };
        let found = self.directory().find(self.component_id(), &id);
        Ok(found.map(outgoing).ok_or(HostError::NotFound))
    }
}

fn outgoing(summary: Summary) -> ComponentSummary {
    ComponentSummary {
        id: summary.id.to_string(),
        state: match summary.state {
            State::Installed => ComponentState::Installed,
            State::Starting => ComponentState::Starting,
            State::Running => ComponentState::Running,
            State::Draining => ComponentState::Draining,
            State::Stopped => ComponentState::Stopped,
            State::Failed => ComponentState::Failed,
        },
        version: summary.version.to_string(),
        handled: summary.handled,
        restarts: summary.restarts,
    }
}
