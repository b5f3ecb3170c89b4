//! Counts the records that `parser` sends, and replies with the report at the end of input.

use std::cell::RefCell;

use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use exports::airssys::core::lifecycle::{ComponentMetadata, Guest as Lifecycle};
use host_buffers as _;
use log_line::Record;
use log_report::Counts;

wit_bindgen::generate!({ path: "../../../wit", world: "managed-handler" });

/// What the host's message at the end of input is.
const END_OF_INPUT: &str = "application/vnd.airssys.end-of-input";
/// Senders that no component can be.
const HOST: &str = "host/";

thread_local! {
    static COUNTS: RefCell<Counts> = RefCell::new(Counts::default());
}

struct Component;

impl Lifecycle for Component {
    fn initialize(_: String) -> Result<(), String> {
        COUNTS.set(Counts::default());
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
        let payload = message.payload;
        if payload.content_type.as_deref() == Some(END_OF_INPUT) && message.sender.starts_with(HOST) {
            let data = COUNTS.with_borrow(|counts| counts.report().to_json());
            return Ok(Some(Payload { data, content_type: Some("application/json".into()) }));
        }
        let Some(record) = Record::read(&payload.data) else {
            return Err(HandlerError::InvalidMessage("this is no record of a log line".into()));
        };
        COUNTS.with_borrow_mut(|counts| counts.add(&record));
        Ok(None)
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

export!(Component);
