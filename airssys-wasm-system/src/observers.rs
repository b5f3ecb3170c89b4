//! Turns what the router sees into events.

use std::sync::Arc;

use airssys_wasm_messaging::{DeadLetter, DeadLetterObserver, Denial, DenialObserver};

use crate::events::{Event, EventBus};

/// Raises an event for every refusal and every dead letter.
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
