//! Calls every import of the host that it can reach, and tells what became of each: a line
//! `INTERFACE#FUNCTION ANSWER` for each, in the order of the calls. What it cannot reach, for want of a handle, has
//! no line.
//!
//! A message is a part of the imports:
//!
//! - `own TARGET`: the host's own interfaces; TARGET is a component that it asks for
//! - `command`, `http`: those of WASI
//! - `exit`, `exit-with-code`: these end the instance
//! - `none`: no import

use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;

mod command;
mod http;
mod messaging;
mod report;
mod services;
mod sockets;
mod streams;

use report::Report;

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let order = String::from_utf8_lossy(&message.payload.data).into_owned();
        let mut report = Report::default();
        match order.split_once(' ').unwrap_or((&order, "")) {
            ("own", target) => {
                messaging::probe(&mut report, target);
                services::probe(&mut report, target);
            }
            ("command", "") => {
                command::probe(&mut report);
                streams::probe(&mut report);
                sockets::probe(&mut report);
            }
            ("http", "") => http::probe(&mut report),
            ("none", "") => {}
            ("exit", "") => wasip2::cli::exit::exit(Ok(())),
            ("exit-with-code", "") => wasip2::cli::exit::exit_with_code(7),
            _ => return Err(HandlerError::InvalidMessage(format!("not understood: {order}"))),
        }
        Ok(Some(Payload { data: report.text().into_bytes(), content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

export!(Component);
