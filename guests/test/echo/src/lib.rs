//! Replies with what it was sent, and does on demand what tests of the host need to see.
//!
//! - `[config] fail_initialize = "text"` makes `initialize` fail with that text.
//! - The content type `error` makes the handler fail with the payload's text.
//! - A payload `health:healthy`, `health:degraded:WHY` or `health:unhealthy:WHY` sets what
//!   `health` answers from then on.

use std::cell::RefCell;

use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use exports::airssys::core::health::{Guest as Health, HealthStatus};
use exports::airssys::core::lifecycle::{ComponentMetadata, Guest as Lifecycle};
use host_buffers as _;
use serde::Deserialize;

wit_bindgen::generate!({
    path: "../../../wit",
    inline: "
        package test:echo;

        world echo {
            include airssys:core/imports@0.1.0;
            export airssys:core/lifecycle@0.1.0;
            export airssys:core/handler@0.1.0;
            export airssys:core/health@0.1.0;
        }
    ",
    world: "test:echo/echo",
    generate_all,
});

thread_local! {
    static HEALTH: RefCell<HealthStatus> = const { RefCell::new(HealthStatus::Healthy) };
}

#[derive(Deserialize)]
struct Config {
    fail_initialize: Option<String>,
}

struct Echo;

impl Lifecycle for Echo {
    fn initialize(config: String) -> Result<(), String> {
        let config: Config =
            serde_json::from_str(&config).map_err(|_| "the config is malformed".to_owned())?;
        match config.fail_initialize {
            Some(text) => Err(text),
            None => Ok(()),
        }
    }

    fn shutdown() {}

    fn metadata() -> ComponentMetadata {
        ComponentMetadata {
            name: "echo".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: env!("CARGO_PKG_DESCRIPTION").into(),
        }
    }
}

impl Handler for Echo {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let payload = message.payload;
        if payload.content_type.as_deref() == Some("error") {
            return Err(HandlerError::Failed(String::from_utf8_lossy(&payload.data).into_owned()));
        }
        if let Some(health) = payload.data.strip_prefix(b"health:") {
            let health = String::from_utf8_lossy(health);
            let status = match health.split_once(':').unwrap_or((&health, "")) {
                ("healthy", _) => HealthStatus::Healthy,
                ("degraded", why) => HealthStatus::Degraded(why.into()),
                ("unhealthy", why) => HealthStatus::Unhealthy(why.into()),
                _ => return Err(HandlerError::InvalidMessage(format!("no such health: {health}"))),
            };
            HEALTH.set(status);
        }
        Ok(Some(payload))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

impl Health for Echo {
    fn health() -> HealthStatus {
        HEALTH.with_borrow(Clone::clone)
    }
}

export!(Echo);
