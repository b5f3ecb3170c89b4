//! One record as a line: written in its one form, and read only in that form.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::hash::{AuditHash, DIGITS};
use super::verifier::AuditFault;
use airssys_wasm_core::AuditKind;

/// No line is longer than this, in bytes, its LF included.
pub const MAX_AUDIT_RECORD_BYTES: usize = 3_328;

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
