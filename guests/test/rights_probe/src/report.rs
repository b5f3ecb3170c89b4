//! What became of the calls.

use std::fmt::Display;

use crate::airssys::core::types::{HostError, RequestError};

/// Lines `INTERFACE#FUNCTION ANSWER`.
#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<String>,
}

impl Report {
    pub(crate) fn note(&mut self, interface: &str, function: &str, answer: impl Display) {
        self.lines.push(format!("{interface}#{function} {answer}"));
    }

    /// Lets a handle go, and says so.
    pub(crate) fn release<T>(&mut self, interface: &str, resource: &str, handle: T) {
        drop(handle);
        self.note(interface, &format!("[resource-drop]{resource}"), "released");
    }

    pub(crate) fn text(self) -> String {
        self.lines.join("\n")
    }
}

/// What an optional thing comes to: its presence.
pub(crate) fn presence<T>(value: Option<T>) -> &'static str {
    if value.is_some() { "one" } else { "none" }
}

/// What a list comes to: its length.
pub(crate) fn count<T>(values: &[T]) -> String {
    if values.is_empty() { "none".to_owned() } else { values.len().to_string() }
}

/// What a value comes to, or the host's refusal.
pub(crate) fn told<T: Display>(result: Result<T, HostError>) -> String {
    match result {
        Ok(value) => value.to_string(),
        Err(error) => refusal(error),
    }
}

/// The same of a request that waits.
pub(crate) fn reply<T: Display>(result: Result<T, RequestError>) -> String {
    match result {
        Ok(value) => value.to_string(),
        Err(RequestError::Refused(error)) => refusal(error),
        Err(RequestError::Handler(_)) => "handler error".to_owned(),
        Err(RequestError::ReceiverEnded(cause)) => format!("receiver ended: {cause}"),
    }
}

fn refusal(error: HostError) -> String {
    match error {
        HostError::Denied(rule) => format!("denied: {rule}"),
        HostError::Full => "full".to_owned(),
        HostError::Closed => "closed".to_owned(),
        HostError::NotFound => "not-found".to_owned(),
        HostError::NoHandler => "no-handler".to_owned(),
        HostError::TooLarge(limit) => format!("too-large: {limit}"),
        HostError::RateLimited => "rate-limited".to_owned(),
        HostError::TimedOut => "timed-out".to_owned(),
        HostError::WouldDeadlock => "would-deadlock".to_owned(),
        HostError::QuotaExceeded => "quota-exceeded".to_owned(),
        HostError::InvalidArgument(what) => format!("invalid-argument: {what}"),
        HostError::Unsupported(what) => format!("unsupported: {what}"),
    }
}
