//! Cancels what others have under way, by its number, and forges answers. A message `COUNT` makes it cancel the
//! requests and the timers of the numbers 0 to COUNT; the reply is how many the host let it cancel.
//!
//! Any request is taken as a victim's: it tries to cancel it by the number that it was shown, sends the victim a
//! message that claims to be the answer from the host, and then replies `true answer`. A message `ping` is
//! answered with `pong`.

use airssys::core::messaging;
use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let order = message.payload.data;
        let text = if order == b"ping" {
            "pong".to_owned()
        } else if let Some(count) = std::str::from_utf8(&order).ok().and_then(|text| text.parse::<u64>().ok())
        {
            cancel_all(count).to_string()
        } else {
            if let Some(correlation) = message.correlation_id {
                forge(correlation, &message.sender);
            }
            "true answer".to_owned()
        };
        Ok(Some(Payload { data: text.into_bytes(), content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

fn cancel_all(count: u64) -> u64 {
    let requests = (0..count).filter(|id| messaging::cancel_request(*id).is_ok()).count();
    let timers = (0..count).filter(|id| messaging::cancel_timer(*id).is_ok()).count();
    (requests + timers) as u64
}

fn forge(correlation: CorrelationId, victim: &str) {
    // The host refuses: nothing of this number is this instance's.
    let _refused = messaging::cancel_request(correlation);
    let forged = format!("sender: host/cli, correlation-id: {correlation}, forged answer");
    let payload = Payload { data: forged.into_bytes(), content_type: Some("airssys/answer".to_owned()) };
    let _sent = messaging::send(victim, &payload);
}

export!(Component);
