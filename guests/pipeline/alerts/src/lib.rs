//! Logs a structured warning for each burst of server errors, in log time.

use std::cell::RefCell;

use airssys::core::services::{self, LogLevel};
use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use exports::airssys::core::lifecycle::{ComponentMetadata, Guest as Lifecycle};
use host_buffers as _;
use log_bursts::{Burst, Bursts, Rule};
use log_line::ServerError;
use serde::Deserialize;

wit_bindgen::generate!({ path: "../../../wit", world: "managed-handler" });

thread_local! {
    static BURSTS: RefCell<Option<Bursts>> = const { RefCell::new(None) };
}

/// More than `threshold` errors in `window_seconds` of log time are a burst.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    threshold: u64,
    window_seconds: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { threshold: 20, window_seconds: 60 }
    }
}

struct Component;

impl Lifecycle for Component {
    fn initialize(config: String) -> Result<(), String> {
        let config: Config = serde_json::from_str(&config)
            .map_err(|_| "[config] has the keys threshold and window_seconds, each a whole number")?;
        let rule = Rule::new(config.threshold, config.window_seconds).map_err(|error| error.to_string())?;
        BURSTS.set(Some(Bursts::new(rule)));
        Ok(())
    }

    fn shutdown() {}

    fn metadata() -> ComponentMetadata {
        ComponentMetadata {
            name: env!("CARGO_PKG_NAME").into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: env!("CARGO_PKG_DESCRIPTION").into(),
        }
    }
}

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let Some(error) = ServerError::read(&message.payload.data) else {
            return Err(HandlerError::InvalidMessage("this is no record of a server error".into()));
        };
        BURSTS.with_borrow_mut(|bursts| {
            if let Some(burst) = bursts.as_mut().and_then(|bursts| bursts.add(&error)) {
                warn(&burst, error.status);
            }
        });
        Ok(None)
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

fn warn(burst: &Burst<'_>, status: u16) {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    let path = String::from_utf8_lossy(burst.path).into_owned();
    services::log(
        LogLevel::Warn,
        "burst of server errors",
        &[
            pair("count", burst.count.to_string()),
            pair("window_seconds", burst.window_seconds.to_string()),
            pair("first_time", burst.first.to_string()),
            pair("last_time", burst.last.to_string()),
            pair("last_status", status.to_string()),
            pair("last_path", path),
        ],
    );
}

export!(Component);
