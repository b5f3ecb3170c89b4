//! Sends requests without end: a message `COUNT TARGET` makes it send COUNT requests to TARGET that may take an
//! hour. The reply counts what became of them, as decimal numbers with a space between: accepted, and refused as
//! beyond the quota. Any other outcome is left out.
//!
//! `COUNT TARGET EVERY TEXT` sends TEXT, and after every so many requests waits until those before are answered,
//! without reading any answer. `answers` is answered with what was read since it was last asked: answers, those of
//! them that were refused as full, and the bytes of the replies. A message `ping` is answered with `pong`.

use std::cell::Cell;

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
        let data =
            if order == b"ping" { b"pong".to_vec() } else { attack(&order).ok_or_else(not_understood)? };
        Ok(Some(Payload { data, content_type: None }))
    }

    fn handle_callback(_: CorrelationId, reply: Result<Payload, RequestError>) {
        let (mut all, mut full, mut bytes) = ANSWERS.get();
        all += 1;
        match reply {
            Ok(reply) => bytes += reply.data.len() as u64,
            Err(RequestError::Refused(HostError::Full)) => full += 1,
            Err(_) => {}
        }
        ANSWERS.set((all, full, bytes));
    }
}

thread_local! {
    static ANSWERS: Cell<(u64, u64, u64)> = const { Cell::new((0, 0, 0)) };
}

fn not_understood() -> HandlerError {
    HandlerError::InvalidMessage("not understood".to_owned())
}

fn attack(order: &[u8]) -> Option<Vec<u8>> {
    let order = std::str::from_utf8(order).ok()?;
    if order == "answers" {
        let (all, full, bytes) = ANSWERS.take();
        return Some(format!("{all} {full} {bytes}").into_bytes());
    }
    let mut words = order.split(' ');
    let (count, target) = (words.next()?.parse::<u32>().ok()?, words.next()?);
    let every: u32 = words.next().map_or(Some(u32::MAX), |every| every.parse().ok())?;
    let payload = Payload { data: words.next().unwrap_or("request").into(), content_type: None };
    let (mut accepted, mut refused) = (0_u32, 0_u32);
    for number in 1..=count {
        match messaging::request(target, &payload, 3_600_000) {
            Ok(_) => accepted += 1,
            Err(HostError::QuotaExceeded) => refused += 1,
            Err(_) => {}
        }
        if number % every == 0 {
            // Its messages come in order: when this one is answered, so are those before it.
            let last = Payload { data: b"ping".to_vec(), content_type: None };
            messaging::call(target, &last, 10_000).ok()?;
        }
    }
    Some(format!("{accepted} {refused}").into_bytes())
}

export!(Component);
