//! Floods the log of the host: first a record that is far larger than a record may be, then records of
//! 8 KiB without end.
//! A message `ping` is answered with `pong`.

use airssys::core::services::{self, LogLevel};
use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

/// Eight times what a message of a record may hold.
const HUGE_BYTES: usize = 64 * 1024;
/// As large as a message of a record may be.
const LARGE_BYTES: usize = 8 * 1024;

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let data = if message.payload.data == b"ping" { b"pong".to_vec() } else { bomb() };
        Ok(Some(Payload { data, content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

fn bomb() -> Vec<u8> {
    let huge = "h".repeat(HUGE_BYTES);
    let context: Vec<_> = (0..64).map(|n: u32| (n.to_string(), "c".repeat(2048))).collect();
    services::log(LogLevel::Error, &huge, &context);
    let large = "l".repeat(LARGE_BYTES);
    loop {
        services::log(LogLevel::Error, &large, &[]);
    }
}

export!(Component);
