//! One record as a line: written in its one form, and read only in that form.

use std::borrow::Cow;
use std::fmt::{self, Write};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::hash::{AuditHash, DIGITS};
use super::verifier::AuditFault;
use airssys_wasm_core::{AuditEvent, AuditKind};

/// No line is longer than this, in bytes, its LF included.
pub const MAX_AUDIT_RECORD_BYTES: usize = 3_328;

/// Bytes of a line whose texts are all null, and whose kind and numbers are as long as they can be.
const FRAME_BYTES: u64 = 334;

/// What stands between the hashed bytes and the hash.
const HASH_KEY: &[u8] = b",\"hash\":\"";
/// What stands after the hash.
const END: &[u8] = b"\"}";

/// What a record says, in the order of the line; the hash is added when it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Body<'l> {
    pub(super) sequence: u64,
    #[serde(borrow)]
    pub(super) time: Cow<'l, str>,
    #[serde(borrow)]
    pub(super) kind: Cow<'l, str>,
    #[serde(borrow)]
    pub(super) sender: Option<Cow<'l, str>>,
    #[serde(borrow)]
    pub(super) target: Option<Cow<'l, str>>,
    #[serde(borrow)]
    pub(super) rule: Option<Cow<'l, str>>,
    #[serde(borrow)]
    pub(super) reason: Option<Cow<'l, str>>,
    pub(super) correlation: Option<u64>,
    #[serde(borrow)]
    pub(super) previous: Cow<'l, str>,
}

impl Body<'_> {
    /// Appends the line with its LF, and tells its hash.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> AuditHash {
        let start = out.len();
        // A struct of texts and numbers has no value that JSON cannot hold, and a vector takes all bytes.
        let _ = serde_json::to_writer(&mut *out, self);
        // Its closing brace comes after the hash.
        out.pop();
        let hash = AuditHash::of(out.get(start..).unwrap_or_default());
        out.extend_from_slice(HASH_KEY);
        out.extend_from_slice(hash.to_string().as_bytes());
        out.extend_from_slice(END);
        out.push(b'\n');
        hash
    }
}

/// What the line of an event takes at most, in bytes, its LF included. It is asked for whatever is refused, so that
/// no line is made for it.
pub(super) fn line_bytes(event: &AuditEvent) -> u64 {
    let mut bytes = Escaped(FRAME_BYTES);
    let mut add = |text: &dyn fmt::Display| {
        // It counts, and never fails.
        let _ = write!(bytes, "{text}");
    };
    event.sender.iter().for_each(|sender| add(sender));
    event.target.iter().for_each(|target| add(&target.as_str()));
    event.rule.iter().for_each(|rule| add(rule));
    event.reason.iter().for_each(|reason| add(reason));
    bytes.0
}

/// Counts the bytes of a text as JSON escapes it.
struct Escaped(u64);

impl fmt::Write for Escaped {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let length = |byte: u8| match byte {
            b'"' | b'\\' | b'\x08' | b'\t' | b'\n' | b'\x0c' | b'\r' => 2,
            0..0x20 => 6,
            _ => 1,
        };
        self.0 += text.bytes().map(length).sum::<u64>();
        Ok(())
    }
}

/// The one text of a time.
pub(super) fn time_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// A record that was read, whole by itself.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) sequence: u64,
    pub(super) kind: AuditKind,
    pub(super) previous: AuditHash,
    pub(super) hash: AuditHash,
}

/// Reads a line without its LF.
pub(super) fn read(line: &[u8]) -> Result<Read, AuditFault> {
    let (body, hash) = split(line).ok_or(AuditFault::NotARecord)?;
    if AuditHash::of(body) != hash {
        return Err(AuditFault::Altered);
    }
    let mut whole = Vec::with_capacity(line.len() + 1);
    whole.extend_from_slice(body);
    whole.push(b'}');
    let body: Body<'_> = serde_json::from_slice(&whole).map_err(|_| AuditFault::NotARecord)?;
    let time: DateTime<Utc> = body.time.parse().map_err(|_| AuditFault::NotARecord)?;
    let kind = body.kind.parse().map_err(|_| AuditFault::NotARecord)?;
    let previous = body.previous.parse().map_err(|_| AuditFault::NotARecord)?;
    let mut again = Vec::with_capacity(line.len() + 1);
    body.write(&mut again);
    let is_canonical = again.strip_suffix(b"\n") == Some(line) && time_text(time) == body.time;
    if !is_canonical {
        return Err(AuditFault::NotARecord);
    }
    Ok(Read { sequence: body.sequence, kind, previous, hash })
}

/// The hashed bytes of a line and its hash.
fn split(line: &[u8]) -> Option<(&[u8], AuditHash)> {
    let rest = line.strip_suffix(END)?;
    let (rest, digits) = rest.split_at_checked(rest.len().checked_sub(DIGITS)?)?;
    let body = rest.strip_suffix(HASH_KEY)?;
    let hash = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((body, hash))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use airssys_wasm_core::{Address, AuditReason, AuditTarget};

    use super::*;

    fn line(event: &AuditEvent, sequence: u64, correlation: Option<u64>) -> u64 {
        let hash: Cow<'_, str> = AuditHash::ZERO.to_string().into();
        let body = Body {
            sequence,
            time: time_text(DateTime::<Utc>::UNIX_EPOCH).into(),
            kind: event.kind.as_str().into(),
            sender: event.sender.as_ref().map(|sender| sender.as_str().into()),
            target: event.target.as_ref().map(|target| target.as_str().into()),
            rule: event.rule.map(Into::into),
            reason: event.reason.as_ref().map(|reason| reason.to_string().into()),
            correlation,
            previous: hash,
        };
        let mut line = Vec::new();
        body.write(&mut line);
        line.len() as u64
    }

    #[test]
    fn a_line_without_texts_is_as_long_as_its_frame() {
        let event = AuditEvent::of_log(AuditKind::LoadRefused, None);
        assert_eq!(line(&event, u64::MAX, Some(u64::MAX)), line_bytes(&event));
    }

    proptest! {
        #[test]
        fn no_line_is_longer_than_it_is_charged(
            sender in proptest::option::of("[a-z]{1,20}/[a-z]{1,20}"), target in any::<String>(), reason in any::<String>(),
            sequence in any::<u64>(), correlation in any::<Option<u64>>(),
        ) {
            let event = AuditEvent {
                sender: sender.map(|sender| sender.parse::<Address>().unwrap()),
                target: Some(AuditTarget::text(target)),
                rule: Some("capabilities.messaging.send_to"),
                ..AuditEvent::of_log(AuditKind::Denied, Some(AuditReason::text(reason)))
            };
            let (made, charged) = (line(&event, sequence, correlation), line_bytes(&event));
            // Apart from the numbers, the kind and the nulls, all is counted exactly.
            prop_assert!(made <= charged && charged <= made + 60, "{made} {charged}");
        }
    }
}
