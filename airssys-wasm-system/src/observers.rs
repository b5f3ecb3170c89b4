//! Turns what the router sees into events and audit records.

use std::sync::Arc;

use airssys_wasm_core::{AuditEvent, AuditSink, ComponentId, DenialRule};
use airssys_wasm_messaging::{
    DeadLetter, DeadLetterObserver, Denial, DenialObserver, MailboxBound, MailboxObserver, MailboxWarning,
    Quota, QuotaWarning, TopicDenial,
};

use crate::events::{Event, EventBus, WarnedLimit};

/// Raises an event for every refusal, every dead letter and every warning of a mailbox, and records every denial.
#[derive(Debug)]
pub(crate) struct RouterObserver {
    pub(crate) events: Arc<EventBus>,
    pub(crate) audit: Option<Arc<dyn AuditSink>>,
}

impl DenialObserver for RouterObserver {
    fn denied(&self, denial: &Denial<'_>) {
        let rule = denial.rule.manifest_key();
        tracing::debug!(sender = %denial.sender, target = %denial.target, rule, "message refused");
        if let Some(audit) = &self.audit {
            let (sender, target) = (denial.sender.clone(), denial.target.clone());
            let error = denial.error.clone();
            audit.record(AuditEvent::denied(sender, target, denial.rule, error, denial.correlation));
        }
        // Want of room comes and goes with every burst: it is counted, and no event.
        if denial.rule != DenialRule::Room {
            self.events.raise_unrecorded(|| Event::Refused {
                sender: denial.sender.clone(),
                target: denial.target.clone(),
                error: denial.error.clone(),
            });
        }
    }

    fn topic_denied(&self, denial: &TopicDenial<'_>) {
        let rule = denial.rule.manifest_key();
        tracing::debug!(sender = %denial.sender, topic = denial.topic, rule, "topic refused");
        if let Some(audit) = &self.audit {
            let (sender, error) = (denial.sender.clone(), denial.error.clone());
            audit.record(AuditEvent::topic_denied(sender, denial.topic, denial.rule, error));
        }
        self.events.raise_unrecorded(|| Event::TopicRefused {
            sender: denial.sender.clone(),
            topic: denial.topic.to_owned(),
            error: denial.error.clone(),
        });
    }
}

impl DeadLetterObserver for RouterObserver {
    fn dead_letter(&self, letter: &DeadLetter<'_>) {
        self.events.raise_unrecorded(|| Event::DeadLetter {
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
        self.events.raise(|| Event::NearLimit {
            id: receiver.clone(),
            limit,
            used: warning.waiting,
            max: warning.max,
        });
    }

    fn near_quota(&self, owner: &ComponentId, warning: &QuotaWarning) {
        let limit = match warning.quota {
            Quota::Timers => WarnedLimit::Timers,
            Quota::TimerBytes => WarnedLimit::TimerBytes,
            Quota::Subscriptions => WarnedLimit::Subscriptions,
            _ => WarnedLimit::PendingRequests,
        };
        let (used, max) = (warning.used as u64, warning.max as u64);
        self.events.raise(|| Event::NearLimit { id: owner.clone(), limit, used, max });
    }
}
