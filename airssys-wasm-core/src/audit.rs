//! What the audit log is told: who did or tried what, and what became of it.
//!
//! Invariant: an event is cheap to make where guests are served, and bounded: texts are cut when the event is
//! made, and rendered only by whoever writes it.

use std::fmt::{self, Write};
use std::str::FromStr;

use crate::access::AccessDenial;
use crate::id::{Address, ComponentId};
use crate::lifecycle::EndCause;
use crate::message::CorrelationId;
use crate::send::{DenialRule, SendError};

/// Longest reason of an event, in bytes; the rest is cut off and replaced by `…`.
pub const MAX_AUDIT_REASON_BYTES: usize = 1_024;

/// Longest reason that a guest has a say in, in bytes; the rest is cut off and replaced by `…`.
pub const MAX_AUDIT_GUEST_REASON_BYTES: usize = 256;

/// Longest target of an event that is no address, in bytes; the rest is cut off and replaced by `…`.
pub const MAX_AUDIT_TARGET_BYTES: usize = 256;

/// What a record of the audit log is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuditKind {
    /// A file of the log begins; always its first record.
    Begun,
    /// The log goes on after a host ended.
    Resumed,
    /// The host was shut down in order.
    Closed,
    /// Records could not be written; the reason says how many.
    Lost,
    /// A message was refused by a right or a limit.
    Denied,
    /// A component was given its rights.
    Granted,
    /// A component's rights were taken away.
    Revoked,
    /// A component was read, compiled and checked.
    Loaded,
    /// A component was not loaded.
    LoadRefused,
    /// An instance handles messages from now on.
    Started,
    /// An instance ended because somebody wanted it to.
    Stopped,
    /// An instance was ended by force: on demand, or by a limit.
    Killed,
    /// An instance ended by a failure of its own.
    Failed,
    /// An instance is gone and is not started again.
    Removed,
}

impl AuditKind {
    const ALL: [Self; 14] = [
        Self::Begun,
        Self::Resumed,
        Self::Closed,
        Self::Lost,
        Self::Denied,
        Self::Granted,
        Self::Revoked,
        Self::Loaded,
        Self::LoadRefused,
        Self::Started,
        Self::Stopped,
        Self::Killed,
        Self::Failed,
        Self::Removed,
    ];

    /// Its name in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Resumed => "resumed",
            Self::Closed => "closed",
            Self::Lost => "lost",
            Self::Denied => "denied",
            Self::Granted => "granted",
            Self::Revoked => "revoked",
            Self::Loaded => "loaded",
            Self::LoadRefused => "load-refused",
            Self::Started => "started",
            Self::Stopped => "stopped",
            Self::Killed => "killed",
            Self::Failed => "failed",
            Self::Removed => "removed",
        }
    }

    /// How an ending is recorded.
    #[must_use]
    pub const fn of_end(cause: &EndCause) -> Self {
        match cause {
            EndCause::Stopped | EndCause::Replaced => Self::Stopped,
            EndCause::Killed
            | EndCause::OutOfFuel(_)
            | EndCause::Timeout { .. }
            | EndCause::OutOfMemory { .. }
            | EndCause::HostLimit { .. } => Self::Killed,
            _ => Self::Failed,
        }
    }
}

impl fmt::Display for AuditKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for AuditKind {
    type Err = UnknownAuditKind;

    fn from_str(text: &str) -> Result<Self, UnknownAuditKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownAuditKind)
    }
}

/// A text that names no kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no kind of audit record")]
pub struct UnknownAuditKind;

/// Why something happened or was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditReason {
    /// What the sender of a message was told.
    Refused(SendError),
    /// Anything else, as text of at most [`MAX_AUDIT_REASON_BYTES`] bytes.
    Text(Box<str>),
}

impl AuditReason {
    /// A reason as text. Control characters, and those that change the direction of text, are written as
    /// escapes, because guests have a say in some reasons; what is too long is cut.
    #[must_use]
    pub fn text(reason: impl fmt::Display) -> Self {
        Self::Text(bounded(reason, MAX_AUDIT_REASON_BYTES))
    }

    /// Why an instance ended, as [`text`](Self::text) writes it, within [`MAX_AUDIT_GUEST_REASON_BYTES`]: guests write
    /// part of it, as often as they are started again.
    #[must_use]
    pub fn of_end(cause: &EndCause) -> Self {
        Self::Text(bounded(cause, MAX_AUDIT_GUEST_REASON_BYTES))
    }

    /// Bytes that it holds on the heap.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::Refused(_) => 0,
            Self::Text(text) => text.len(),
        }
    }
}

impl fmt::Display for AuditReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::Text(text) => f.pad(text),
        }
    }
}

/// Whom or what an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditTarget {
    /// A component or an instance.
    Address(Address),
    /// Anything else: a topic, a path, `host:port` or an import, as text of at most [`MAX_AUDIT_TARGET_BYTES`] bytes.
    Text(Box<str>),
}

impl AuditTarget {
    /// A target as text, escaped and cut as [`AuditReason::text`] does it: guests choose paths and names.
    #[must_use]
    pub fn text(target: impl fmt::Display) -> Self {
        Self::Text(bounded(target, MAX_AUDIT_TARGET_BYTES))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Address(address) => address.as_str(),
            Self::Text(text) => text,
        }
    }
}

impl From<Address> for AuditTarget {
    fn from(address: Address) -> Self {
        Self::Address(address)
    }
}

/// A text of at most this many bytes that steers nothing.
fn bounded(shown: impl fmt::Display, max_bytes: usize) -> Box<str> {
    let mut bounded = Bounded { text: String::new(), max_bytes, is_full: false };
    // It fails only to say that it is full, so that a long text is not rendered to its end.
    let _ = write!(bounded, "{shown}");
    bounded.text.into_boxed_str()
}

/// A text that takes no more than its bound.
struct Bounded {
    text: String,
    max_bytes: usize,
    is_full: bool,
}

impl Write for Bounded {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        const MARK: char = '…';
        if self.is_full {
            return Err(fmt::Error);
        }
        for character in more.chars() {
            let steers = character.is_control()
                || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
                || matches!(character, '\u{2066}'..='\u{2069}');
            let before = self.text.len();
            if steers {
                self.text.extend(character.escape_unicode());
            } else {
                self.text.push(character);
            }
            if self.text.len() > self.max_bytes - MARK.len_utf8() {
                self.text.truncate(before);
                self.text.push(MARK);
                self.is_full = true;
                return Err(fmt::Error);
            }
        }
        Ok(())
    }
}

/// Something that the audit log records. Whoever takes it adds the time, a number and the chain.
///
/// ```
/// use airssys_wasm_core::{AuditEvent, AuditKind, DenialRule, SendError};
///
/// let error = SendError::Denied(DenialRule::SendTo);
/// let event = AuditEvent::denied("a/b/0".parse()?, "c/d".parse()?, DenialRule::SendTo, error, None);
/// assert_eq!(event.kind, AuditKind::Denied);
/// assert_eq!(event.rule, Some("capabilities.messaging.send_to"));
/// # Ok::<(), airssys_wasm_core::IdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// What it is about.
    pub kind: AuditKind,
    /// Who tried or did it; none where the host itself did.
    pub sender: Option<Address>,
    /// Whom it was to reach, or what was acted on.
    pub target: Option<AuditTarget>,
    /// The rule that decided, as the manifest key that states it.
    pub rule: Option<&'static str>,
    /// Why, or what about it.
    pub reason: Option<AuditReason>,
    /// The request that it belongs to.
    pub correlation: Option<CorrelationId>,
    /// Whether a guest brought it about, which may do so without end: whoever keeps the log holds it to a rate of its
    /// component's own.
    pub is_by_guest: bool,
}

impl AuditEvent {
    /// A message that was refused.
    #[must_use]
    pub fn denied(
        sender: Address,
        target: Address,
        rule: DenialRule,
        error: SendError,
        correlation: Option<CorrelationId>,
    ) -> Self {
        Self {
            kind: AuditKind::Denied,
            sender: Some(sender),
            target: Some(target.into()),
            rule: Some(rule.manifest_key()),
            reason: Some(AuditReason::Refused(error)),
            correlation,
            is_by_guest: true,
        }
    }

    /// A publication to a topic, or a subscription to a pattern on topics, that was refused.
    #[must_use]
    pub fn topic_denied(sender: Address, topic: &str, rule: DenialRule, error: SendError) -> Self {
        Self {
            kind: AuditKind::Denied,
            sender: Some(sender),
            target: Some(AuditTarget::text(topic)),
            rule: Some(rule.manifest_key()),
            reason: Some(AuditReason::Refused(error)),
            correlation: None,
            is_by_guest: true,
        }
    }

    /// Something that a component wanted of the host and was refused.
    #[must_use]
    pub fn access_denied(component: &ComponentId, denial: &AccessDenial<'_>) -> Self {
        Self {
            sender: Some(component.address().clone()),
            target: Some(AuditTarget::text(denial.target)),
            rule: Some(denial.right.manifest_key()),
            is_by_guest: true,
            ..Self::of_log(AuditKind::Denied, Some(AuditReason::text(denial.reason)))
        }
    }

    /// Something that the host did to a component or an instance.
    #[must_use]
    pub fn about(kind: AuditKind, target: Address, reason: Option<AuditReason>) -> Self {
        Self { target: Some(target.into()), ..Self::of_log(kind, reason) }
    }

    /// Something about the log itself.
    #[must_use]
    pub fn of_log(kind: AuditKind, reason: Option<AuditReason>) -> Self {
        Self { kind, sender: None, target: None, rule: None, reason, correlation: None, is_by_guest: false }
    }

    /// Who brought it about, where a guest did: who tried it, or the instance that started or ended.
    #[must_use]
    pub fn guest(&self) -> Option<&Address> {
        let acted_on = match &self.target {
            Some(AuditTarget::Address(address)) => Some(address),
            _ => None,
        };
        self.sender.as_ref().or(acted_on).filter(|_| self.is_by_guest)
    }

    /// Bytes of its texts.
    #[must_use]
    pub fn weight(&self) -> usize {
        let sender = self.sender.as_ref().map_or(0, |sender| sender.as_str().len());
        let target = self.target.as_ref().map_or(0, |target| target.as_str().len());
        sender + target + self.reason.as_ref().map_or(0, AuditReason::weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        for kind in AuditKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert_eq!("Denied".parse::<AuditKind>(), Err(UnknownAuditKind));
    }

    #[track_caller]
    fn check(reason: &str, expected: &str) {
        assert_eq!(AuditReason::text(reason).to_string(), expected);
    }

    #[test]
    fn a_reason_is_bounded_and_steers_nothing() {
        check("plain \"ü\"", "plain \"ü\"");
        check("\u{1b}[2J\n\u{202e}", "\\u{1b}[2J\\u{a}\\u{202e}");
        let most = MAX_AUDIT_REASON_BYTES - 3;
        check(&"a".repeat(most), &"a".repeat(most));
        check(&"a".repeat(most + 1), &format!("{}…", "a".repeat(most)));
        check(&"ü".repeat(4_000), &format!("{}…", "ü".repeat(most / 2)));
        check(&format!("{}\u{7}", "a".repeat(most - 1)), &format!("{}…", "a".repeat(most - 1)));
        assert_eq!(AuditReason::text("\u{7f}".repeat(4_000)).weight(), most / 6 * 6 + 3);
        let cause = EndCause::InitialiseFailed { detail: "\u{1b}".repeat(4_000) };
        let cut = AuditReason::of_end(&cause).to_string();
        assert!(cut.starts_with("initialise failed (\\u{1b}") && cut.ends_with('…'), "{cut}");
        assert!((MAX_AUDIT_GUEST_REASON_BYTES - 6..=MAX_AUDIT_GUEST_REASON_BYTES).contains(&cut.len()));
        let target = AuditTarget::text("a".repeat(4_000));
        assert_eq!(target.as_str(), format!("{}…", "a".repeat(MAX_AUDIT_TARGET_BYTES - 3)));
    }
}
