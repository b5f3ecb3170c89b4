//! Calls whoever calls it, so that two of a kind would wait for each other until their time is up. A message
//! that is an address makes it call that one with the message `around`; the reply is what came of it. A message
//! `around` makes it call its sender in turn, and the reply is what came of that: the text of the reply, or
//! `would-deadlock`, or `other`. A message `ping` is answered with `pong`.

use airssys::core::messaging;
use airssys::core::types::HostError;
use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let order = message.payload.data;
        let data = match std::str::from_utf8(&order) {
            Ok("ping") => b"pong".to_vec(),
            Ok("around") => call(&message.sender),
            Ok(target) => call(target),
            Err(_) => return Err(HandlerError::InvalidMessage("not understood".to_owned())),
        };
        Ok(Some(Payload { data, content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

fn call(target: &str) -> Vec<u8> {
    let payload = Payload { data: b"around".to_vec(), content_type: None };
    match messaging::call(target, &payload, 60_000) {
        Ok(reply) => reply.data,
        Err(RequestError::Refused(HostError::WouldDeadlock)) => b"would-deadlock".to_vec(),
        Err(_) => b"other".to_vec(),
    }
}

export!(Component);
