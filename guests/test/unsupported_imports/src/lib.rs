//! Calls every import that this version links and does not offer, and replies with what became of each: a
//! line `NAME ANSWER` for each, where ANSWER is the text of the refusal `unsupported`, and `other` for any
//! other answer. The payload is the target of those that need one.

use airssys::core::messaging::{self, Peer};
use airssys::core::storage;
use airssys::core::types::HostError;
use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

struct Component;

impl Handler for Component {
    fn handle_message(message: Message) -> Result<Option<Payload>, HandlerError> {
        let target = String::from_utf8_lossy(&message.payload.data).into_owned();
        let peer = Peer::resolve(&target).map_err(|error| HandlerError::Failed(error.to_string()))?;
        let payload = Payload { data: b"payload".to_vec(), content_type: None };
        let broadcast = messaging::broadcast(&[target.clone(), target.clone()], &payload);
        let two = broadcast.len() == 2;
        let broadcast = broadcast.into_iter().find(|_| two).unwrap_or(Ok(()));
        let answers = [
            ("messaging.request", refusal(messaging::request(&target, &payload, 1_000))),
            ("messaging.call", call_refusal(messaging::call(&target, &payload, 1_000))),
            ("messaging.cancel-request", refusal(messaging::cancel_request(1))),
            ("messaging.broadcast", refusal(broadcast)),
            ("messaging.publish", refusal(messaging::publish("topic", &payload))),
            ("messaging.subscribe", refusal(messaging::subscribe("topic.#"))),
            ("messaging.unsubscribe", refusal(messaging::unsubscribe("topic.#"))),
            ("messaging.send-after", refusal(messaging::send_after(&target, &payload, 1))),
            ("messaging.cancel-timer", refusal(messaging::cancel_timer(1))),
            ("peer.request", refusal(peer.request(&payload, 1_000))),
            ("peer.call", call_refusal(peer.call(&payload, 1_000))),
            ("storage.get", refusal(storage::get("key"))),
            ("storage.set", refusal(storage::set("key", b"value"))),
            ("storage.delete", refusal(storage::delete("key"))),
            ("storage.exists", refusal(storage::exists("key"))),
            ("storage.list-keys", refusal(storage::list_keys("k"))),
            ("storage.usage", refusal(storage::usage())),
            ("storage.compare-and-swap", refusal(storage::compare_and_swap("key", None, b"value"))),
        ];
        let lines: Vec<String> =
            answers.into_iter().map(|(name, answer)| format!("{name} {answer}")).collect();
        Ok(Some(Payload { data: lines.join("\n").into_bytes(), content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

fn refusal<T>(answer: Result<T, HostError>) -> String {
    match answer {
        Err(HostError::Unsupported(text)) => text,
        _ => "other".to_owned(),
    }
}

fn call_refusal(answer: Result<Payload, RequestError>) -> String {
    match answer {
        Err(RequestError::Refused(error)) => refusal::<()>(Err(error)),
        _ => "other".to_owned(),
    }
}

export!(Component);
