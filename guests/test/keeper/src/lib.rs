//! Calls every import that this version links and does not offer, and replies with what became of each: a
//! line `NAME ANSWER` for each, where ANSWER is the text of the refusal `unsupported`, and `other` for any
//! other answer.

use airssys::core::storage;
use airssys::core::types::HostError;
use exports::airssys::core::handler::{
    CorrelationId, Guest as Handler, HandlerError, Message, Payload, RequestError,
};
use host_buffers as _;

wit_bindgen::generate!({ path: "../../../wit", world: "message-handler" });

struct Component;

impl Handler for Component {
    fn handle_message(_: Message) -> Result<Option<Payload>, HandlerError> {
        let answers = [
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

export!(Component);
