//! Gets a line of an access log with each message, and sends what it says on: a record to
//! `stats`, and server errors to `alerts` too. A line that does not parse is a record as well.
//!
//! Invariant: every line is answered for: its record was accepted, or the handler failed.

mod route;

use std::cell::RefCell;

use airssys::core::types::HostError;
use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use exports::airssys::core::lifecycle::{ComponentMetadata, Guest as Lifecycle};
use host_buffers as _;
use log_line::{Record, ServerError};
use serde::Deserialize;

use crate::route::Route;

wit_bindgen::generate!({ path: "../../../wit", world: "managed-handler" });

thread_local! {
    static PARSER: RefCell<Parser> = RefCell::new(Parser::new(Config::default()));
}

/// Where the records go.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    stats: String,
    alerts: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { stats: "logs/stats".into(), alerts: "logs/alerts".into() }
    }
}

struct Parser {
    stats: Route,
    alerts: Route,
    /// Used for every record, so that none has to be allocated.
    record: Payload,
}

impl Parser {
    fn new(config: Config) -> Self {
        Self {
            stats: Route::to(config.stats),
            alerts: Route::to(config.alerts),
            record: Payload { data: Vec::with_capacity(1024), content_type: None },
        }
    }

    fn handle(&mut self, line: &[u8]) -> Result<(), HostError> {
        let entry = log_line::parse(line);
        Record::of(entry.as_ref()).write(&mut self.record.data);
        self.stats.deliver(&self.record)?;
        if let Some(error) = entry.as_ref().and_then(ServerError::of) {
            error.write(&mut self.record.data);
            // The count does not depend on who listens to alerts: the host counts what it refused.
            let _refused = self.alerts.deliver(&self.record);
        }
        Ok(())
    }
}

struct Component;

impl Lifecycle for Component {
    fn initialize(config: String) -> Result<(), String> {
        let config = serde_json::from_str(&config)
            .map_err(|_| "[config] has the keys stats and alerts, each the address of a component")?;
        PARSER.set(Parser::new(config));
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
        PARSER
            .with_borrow_mut(|parser| parser.handle(&message.payload.data))
            .map_err(|error| HandlerError::Failed(format!("the record was not accepted: {error}")))?;
        Ok(None)
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

export!(Component);
