//! What an instance was refused of the host: counted, told and recorded.

use std::sync::Arc;

use airssys_wasm_core::{AccessDenial, AccessObserver, AuditEvent, AuditSink, AuditTarget, ComponentId};

use crate::audit::AuditLog;
use crate::events::{Event, EventBus};
use crate::record::InstanceRecord;

/// Keeps account of one instance.
#[derive(Debug)]
pub(crate) struct AccessAccount {
    record: Arc<InstanceRecord>,
    events: Arc<EventBus>,
    audit: Option<Arc<AuditLog>>,
}

impl AccessAccount {
    pub(crate) fn new(
        record: &Arc<InstanceRecord>,
        events: Arc<EventBus>,
        audit: Option<Arc<AuditLog>>,
    ) -> Self {
        Self { record: Arc::clone(record), events, audit }
    }
}

impl AccessObserver for AccessAccount {
    fn denied(&self, component: &ComponentId, denial: &AccessDenial<'_>) {
        self.record.counts.access_denied.add_one();
        let rule = denial.right.manifest_key();
        if let Some(audit) = &self.audit {
            audit.record(AuditEvent::access_denied(component, denial));
        }
        self.events.raise_unrecorded(|| Event::AccessDenied {
            id: component.clone(),
            rule,
            target: AuditTarget::text(denial.target).as_str().to_owned(),
        });
    }
}
