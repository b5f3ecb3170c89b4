//! What happens in a host, as a typed stream.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use airssys_wasm_core::{
    Address, AuditEvent, AuditKind, AuditReason, AuditSink, ComponentId, EndCause, SendError,
};
use airssys_wasm_messaging::DeadLetterCause;

/// Events that a slow subscriber may be behind; it is told how many it missed beyond that.
const EVENT_BACKLOG: usize = 4_096;

/// A limit that a component is close to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WarnedLimit {
    /// Fuel of one call.
    Fuel,
    /// Memory of the instance.
    Memory,
    /// Wall clock of one call, in milliseconds.
    WallClock,
    /// Fuel of the start: instantiation and `initialize` together.
    StartFuel,
    /// Wall clock of the start, in milliseconds.
    StartWallClock,
    /// Messages that wait in the mailbox.
    MailboxMessages,
    /// Bytes that wait in the mailbox.
    MailboxBytes,
    /// Requests under way, or answered and unread.
    PendingRequests,
    /// Timers that have not fired.
    Timers,
    /// What they hold, in bytes.
    TimerBytes,
    /// Subscriptions.
    Subscriptions,
    /// Bytes that the component keeps, all its instances together.
    Storage,
}

/// Something that happened in a host.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// An instance handles messages from now on, for the first time or again.
    Started {
        /// Which instance.
        id: ComponentId,
    },
    /// An instance ended.
    Ended {
        /// Which instance.
        id: ComponentId,
        /// Why.
        cause: EndCause,
    },
    /// It will be restarted.
    Restarting {
        /// Which instance.
        id: ComponentId,
        /// After this pause.
        delay: Duration,
        /// The how-manieth restart in a row this is, counting from 1.
        attempt: u32,
    },
    /// It failed too often and is not restarted any more.
    GaveUp {
        /// Which instance.
        id: ComponentId,
        /// Restarts within its window.
        restarts_in_window: u32,
    },
    /// A message was refused.
    Refused {
        /// Who wanted to send.
        sender: Address,
        /// To whom.
        target: Address,
        /// Why not.
        error: SendError,
    },
    /// A publication or a subscription was refused.
    TopicRefused {
        /// Who wanted to publish or to subscribe.
        sender: Address,
        /// The topic, or the pattern on topics.
        topic: String,
        /// Why not.
        error: SendError,
    },
    /// An instance wanted something of the host and was refused: for want of a right, or beyond its storage quota.
    AccessDenied {
        /// Which instance.
        id: ComponentId,
        /// The section of the manifest that would grant it.
        rule: &'static str,
        /// What it wanted: a path, `host:port` or an import; escaped and cut as in the audit log.
        target: String,
    },
    /// A message was accepted and could not be delivered after all.
    DeadLetter {
        /// Whom it was for.
        receiver: Address,
        /// Who sent it.
        sender: Address,
        /// Why it was not delivered.
        cause: DeadLetterCause,
    },
    /// An instance came to 90 % of a limit, for the first time since it started.
    NearLimit {
        /// Which instance.
        id: ComponentId,
        /// Which limit.
        limit: WarnedLimit,
        /// What was used.
        used: u64,
        /// What is allowed.
        max: u64,
    },
    /// The audit log cannot be written. Components go on; what does not fit until then is counted.
    AuditFailing {
        /// What the operating system said.
        error: String,
    },
    /// The audit log is written again.
    AuditRestored {
        /// Events of this host that were not recorded until now, each of which the log counts.
        lost: u64,
    },
    /// What components want to keep cannot be written, or what they kept cannot be read. They are told, and go on.
    StorageFailing {
        /// What the operating system or the store said.
        error: String,
    },
    /// What components keep is written and read again.
    StorageRestored,
    /// The subscriber was too slow and missed this many events.
    Missed {
        /// How many.
        count: u64,
    },
}

/// The host's side of the stream. The audit log hears of every event of an instance's life through it.
#[derive(Debug)]
pub(crate) struct EventBus {
    listeners: broadcast::Sender<Event>,
    audit: Option<Arc<dyn AuditSink>>,
}

impl EventBus {
    pub(crate) fn new(audit: Option<Arc<dyn AuditSink>>) -> Self {
        Self { listeners: broadcast::Sender::new(EVENT_BACKLOG), audit }
    }

    /// Raises an event; it is not even made where nobody listens.
    pub(crate) fn raise(&self, event: impl FnOnce() -> Event) {
        self.raise_and_record(event, false);
    }

    /// The same for what a guest brought about, and may bring about without end: the audit log holds it to a rate.
    pub(crate) fn raise_by_guest(&self, event: impl FnOnce() -> Event) {
        self.raise_and_record(event, true);
    }

    fn raise_and_record(&self, event: impl FnOnce() -> Event, is_by_guest: bool) {
        let Some(audit) = &self.audit else { return self.raise_unrecorded(event) };
        let event = event();
        if let Some(record) = record_of(&event) {
            audit.record(AuditEvent { is_by_guest, ..record });
        }
        self.raise_unrecorded(|| event);
    }

    /// The same for events that the audit log hears of by another way, or not at all.
    pub(crate) fn raise_unrecorded(&self, event: impl FnOnce() -> Event) {
        if self.listeners.receiver_count() > 0 {
            // The last listener may leave at this moment; then nobody minds.
            drop(self.listeners.send(event()));
        }
    }

    pub(crate) fn subscribe(&self) -> EventStream {
        EventStream(self.listeners.subscribe())
    }
}

/// What the audit log says of an event, where it records it.
fn record_of(event: &Event) -> Option<AuditEvent> {
    match event {
        Event::Started { id } => Some(AuditEvent::about(AuditKind::Started, id.address().clone(), None)),
        Event::Ended { id, cause } => {
            let (kind, reason) = (AuditKind::of_end(cause), AuditReason::of_end(cause));
            Some(AuditEvent::about(kind, id.address().clone(), Some(reason)))
        }
        _ => None,
    }
}

/// Events from the moment of the subscription on.
#[derive(Debug)]
pub struct EventStream(broadcast::Receiver<Event>);

impl EventStream {
    /// The next event; none when the host is gone.
    pub async fn next(&mut self) -> Option<Event> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(count)) => Some(Event::Missed { count }),
            Err(RecvError::Closed) => None,
        }
    }
}
