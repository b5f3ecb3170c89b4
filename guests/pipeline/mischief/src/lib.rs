//! An untrusted plugin at its worst. It gets a copy of every line and counts them; in each of its
//! lives it first tries to message a component that it has no right to, and then ends its life by
//! one of four deeds, in turn.

mod deed;

use std::cell::Cell;

use airssys::core::messaging;
use airssys::core::services;
use airssys::core::types::HostError;
use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use exports::airssys::core::lifecycle::{ComponentMetadata, Guest as Lifecycle};
use host_buffers as _;

use crate::deed::Deed;

wit_bindgen::generate!({ path: "../../../wit", world: "managed-handler" });

/// Lines into a life at which it tries the forbidden target.
const TRESPASS_AFTER: u32 = 50;
/// Lines into a life at which it does its deed: all deeds are done within 400 lines.
const DEED_AFTER: u32 = 100;
const FORBIDDEN: &str = "logs/stats";

thread_local! {
    static LINES: Cell<u32> = const { Cell::new(0) };
    static DEED: Cell<Deed> = const { Cell::new(Deed::LoopForEver) };
}

struct Component;

impl Lifecycle for Component {
    fn initialize(_: String) -> Result<(), String> {
        LINES.set(0);
        let me = services::component_info(&messaging::self_id()).map_err(|error| error.to_string())?;
        DEED.set(Deed::of_life(me.restarts));
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
        let lines = LINES.get() + 1;
        LINES.set(lines);
        match lines {
            TRESPASS_AFTER => match messaging::send(FORBIDDEN, &message.payload) {
                Err(HostError::Denied(_)) => {}
                _ => return Err(HandlerError::Failed("the host did not deny what it must deny".into())),
            },
            DEED_AFTER => DEED.get().perform(),
            _ => {}
        }
        Ok(None)
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

export!(Component);
