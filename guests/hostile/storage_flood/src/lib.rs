//! Writes to its storage without end. Each order is words with a space between; the replies are decimal numbers.
//!
//! - `keys FIRST COUNT KEY-BYTES VALUE-BYTES`: writes COUNT keys, numbered from FIRST, of that length and with values of
//!   that length: those that were accepted, and those that were refused as beyond the quota
//! - `large KEY-BYTES VALUE-BYTES`: writes one, and replies with the bound that it was refused for, with `invalid` for
//!   an invalid key, and with `ok` where it was accepted
//! - `list`: lists all its keys: how many there are, or the bound that they are beyond, after a minus
//! - `ever VALUE-BYTES`: writes values of that length, each over the last one, as long as it is let
//! - `stash NAME VALUE-BYTES`: writes new keys that begin with NAME, as long as it is let
//! - `usage`: used bytes, quota and number of keys
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
        let words: Vec<&str> = order.split(' ').collect();
        let reply =
            follow(&words).ok_or_else(|| HandlerError::InvalidMessage("not understood".to_owned()))?;
        Ok(Some(Payload { data: reply.into_bytes(), content_type: None }))
    }

    fn handle_callback(_: CorrelationId, _: Result<Payload, RequestError>) {}
}

fn follow(words: &[&str]) -> Option<String> {
    Some(match *words {
        ["keys", first, count, key_bytes, value_bytes] => {
            let first: u32 = first.parse().ok()?;
            let last = first.checked_add(count.parse().ok()?)?;
            write_keys(first..last, key_bytes.parse().ok()?, value_bytes.parse().ok()?)
        }
        ["large", key_bytes, value_bytes] => {
            let key = "k".repeat(key_bytes.parse().ok()?);
            match storage::set(&key, &value(value_bytes)?) {
                Ok(()) => "ok".to_owned(),
                Err(HostError::TooLarge(bound)) => bound.to_string(),
                Err(HostError::InvalidArgument(_)) => "invalid".to_owned(),
                Err(_) => "another error".to_owned(),
            }
        }
        ["list"] => match storage::list_keys("") {
            Ok(keys) => keys.len().to_string(),
            Err(HostError::TooLarge(bound)) => format!("-{bound}"),
            Err(_) => "another error".to_owned(),
        },
        ["ever", value_bytes] => {
            let value = value(value_bytes)?;
            loop {
                // Whatever comes of it, it tries again.
                let _ = storage::set("ever", &value);
            }
        }
        ["stash", name, value_bytes] => {
            let value = value(value_bytes)?;
            for number in 0_u64.. {
                // The quota may be full; it tries all the same.
                let _ = storage::set(&format!("{name}{number}"), &value);
            }
            return None;
        }
        ["usage"] => match storage::usage() {
            Ok(usage) => format!("{} {} {}", usage.used_bytes, usage.quota_bytes, usage.keys),
            Err(_) => "another error".to_owned(),
        },
        ["ping"] => "pong".to_owned(),
        _ => return None,
    })
}

fn write_keys(numbers: std::ops::Range<u32>, key_bytes: usize, value_bytes: usize) -> String {
    let value = vec![b'v'; value_bytes];
    let (mut accepted, mut refused) = (0_u32, 0_u32);
    for number in numbers {
        match storage::set(&format!("{number:0key_bytes$}"), &value) {
            Ok(()) => accepted += 1,
            Err(HostError::QuotaExceeded) => refused += 1,
            Err(_) => {}
        }
    }
    format!("{accepted} {refused}")
}

fn value(bytes: &str) -> Option<Vec<u8>> {
    Some(vec![b'v'; bytes.parse().ok()?])
}

export!(Component);
