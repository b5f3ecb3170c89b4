//! Turns what the router sees into events.

use std::sync::Arc;

use airssys_wasm_core::ComponentId;
use airssys_wasm_messaging::{
    DeadLetter, DeadLetterObserver, Denial, DenialObserver, MailboxBound, MailboxObserver, MailboxWarning,
};

use crate::events::{Event, EventBus, WarnedLimit};

/// Raises an event for every refusal, every dead letter and every warning of a mailbox.
#[derive(Debug)]
pub(crate) struct RouterObserver(pub(crate) Arc<EventBus>);

impl DenialObserver for RouterObserver {
    fn denied(&self, denial: &Denial<'_>) {
        let rule = denial.rule.manifest_key();
        tracing::debug!(sender = %denial.sender, target = %denial.target, rule, "message refused");
        self.0.raise(|| Event::Refused {
            sender: denial.sender.clone(),
            target: denial.target.clone(),
            error: denial.error.clone(),
        });
    }
}

impl DeadLetterObserver for RouterObserver {
    fn dead_letter(&self, letter: &DeadLetter<'_>) {
        self.0.raise(|| Event::DeadLetter {
            receiver: letter.receiver.clone(),
            sender: letter.sender.clone(),
            cause: letter.cause.clone(),
        });
    }
}

impl MailboxObserver for RouterObserver {
    fn nearly_full(&self, receiver: &ComponentId, warning: &MailboxWarning) {
        let limit = match warning.bound {
            MailboxBound::Messages => WarnedLimit::MailboxMessages,
            MailboxBound::Bytes => WarnedLimit::MailboxBytes,
        };
        self.0.raise(|| Event::NearLimit {
            id: receiver.clone(),
            limit,
            used: warning.waiting,
            max: warning.max,
        });
    }
}
