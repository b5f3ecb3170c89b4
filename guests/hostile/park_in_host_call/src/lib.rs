//! Sleeps in the host for as long as the interface can say, which neither fuel nor epochs see.
//! A message `ping` is answered with `pong`.

use airssys::core::services;
use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let data = if message.payload.data == b"ping" { b"pong".to_vec() } else { sleep() };
        Ok(Some(Payload { data, content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

fn sleep() -> Vec<u8> {
    services::sleep(u64::MAX);
    b"the host let it sleep".to_vec()
}

export!(Component);
