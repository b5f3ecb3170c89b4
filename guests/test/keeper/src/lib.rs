//! Keeps keys and values as it is told, and replies with what came of it. An order is words with a space between each
//! two; a word may be empty, and `%XX` in it stands for a byte, so that a key can hold anything.
//!
//! - `get KEY`: `some VALUE`, or `none`
//! - `set KEY VALUE`, `fill KEY BYTES` with as many bytes: `ok`
//! - `delete KEY`, `exists KEY`: `true` or `false`
//! - `list PREFIX`: the number of keys, and each key after a space
//! - `usage`: used bytes, quota and number of keys
//! - `swap KEY EXPECTED VALUE`, `swap-new KEY VALUE` where there is none: `true` or `false`
//! - `count KEY TIMES`: adds one to the number under the key that often, each time until nobody came between; the reply
//!   is how often somebody did
//! - `size KEY`: the bytes of the value
//! - `trap`: it ends
//! - `ping`: `pong`

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
        let order = String::from_utf8_lossy(&message.payload.data).into_owned();
        let words: Option<Vec<String>> = order.split(' ').map(unescaped).collect();
        let words = words.unwrap_or_default();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let reply = follow(&words)
            .ok_or_else(|| HandlerError::InvalidMessage(format!("not understood: {order}")))?
            .unwrap_or_else(describe);
        Ok(Some(Payload { data: reply.into_bytes(), content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

/// The word with the bytes that `%XX` stands for.
fn unescaped(word: &str) -> Option<String> {
    let mut parts = word.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend(part.get(2..)?.bytes());
    }
    String::from_utf8(bytes).ok()
}

type Reply = Result<String, HostError>;

/// None where the order is not understood.
fn follow(words: &[&str]) -> Option<Reply> {
    Some(match *words {
        ["get", key] => storage::get(key).map(|value| match value {
            Some(value) => format!("some {}", String::from_utf8_lossy(&value)),
            None => "none".to_owned(),
        }),
        ["size", key] => storage::get(key).map(|value| value.map_or(0, |value| value.len()).to_string()),
        ["set", key, value] => storage::set(key, value.as_bytes()).map(|()| "ok".to_owned()),
        ["fill", key, bytes] => storage::set(key, &vec![b'v'; bytes.parse().ok()?]).map(|()| "ok".to_owned()),
        ["delete", key] => storage::delete(key).map(|was_there| was_there.to_string()),
        ["exists", key] => storage::exists(key).map(|is_there| is_there.to_string()),
        ["list", prefix] => storage::list_keys(prefix)
            .map(|keys| std::iter::once(keys.len().to_string()).chain(keys).collect::<Vec<_>>().join(" ")),
        ["usage"] => {
            storage::usage().map(|usage| format!("{} {} {}", usage.used_bytes, usage.quota_bytes, usage.keys))
        }
        ["swap", key, expected, value] => swap(key, Some(expected), value),
        ["swap-new", key, value] => swap(key, None, value),
        ["count", key, times] => count(key, times.parse().ok()?),
        ["trap"] => panic!("as ordered"),
        ["ping"] => Ok("pong".to_owned()),
        _ => return None,
    })
}

fn swap(key: &str, expected: Option<&str>, value: &str) -> Reply {
    let swapped = storage::compare_and_swap(key, expected.map(str::as_bytes), value.as_bytes());
    swapped.map(|swapped| swapped.to_string())
}

fn count(key: &str, times: u32) -> Reply {
    let mut raced = 0_u32;
    for _ in 0..times {
        loop {
            let before = storage::get(key)?;
            let number: u64 =
                before.as_deref().and_then(|text| std::str::from_utf8(text).ok()?.parse().ok()).unwrap_or(0);
            let after = (number + 1).to_string();
            if storage::compare_and_swap(key, before.as_deref(), after.as_bytes())? {
                break;
            }
            raced += 1;
        }
    }
    Ok(raced.to_string())
}

fn describe(error: HostError) -> String {
    match error {
        HostError::Denied(rule) => format!("denied: {rule}"),
        HostError::Full => "full".into(),
        HostError::Closed => "closed".into(),
        HostError::TooLarge(limit) => format!("too-large: {limit}"),
        HostError::QuotaExceeded => "quota-exceeded".into(),
        HostError::InvalidArgument(what) => format!("invalid-argument: {what}"),
        _ => "another error".into(),
    }
}

export!(Component);
