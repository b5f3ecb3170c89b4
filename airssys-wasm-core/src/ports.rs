//! Ports: small traits that a lower layer calls and a layer above implements.
//!
//! Invariant: object-safe, and free of any engine, runtime or transport type, so that the layers
//! meet here and nowhere else.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::access::AccessDenial;
use crate::audit::AuditEvent;
use crate::error::{BoxError, WasmResult};
use crate::handle::ComponentHandle;
use crate::host_name::HostName;
use crate::id::{Address, ComponentId};
use crate::lifecycle::{ComponentState, ComponentSummary, VisiblePart};
use crate::limits::ResourceLimits;
use crate::message::{ComponentMessage, CorrelationId, MessagePayload, TimerId};
use crate::send::{DenialRule, RequestError, SendError, Undelivered};
use crate::topic::{Topic, TopicPattern};

/// A boxed future, so that ports stay object-safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Finds receivers, and keeps what an instance has under way with others. The runtime calls it for a guest;
/// messaging implements it.
///
/// Requests, timers and subscriptions belong to the instance that made them: no other can end them, whatever
/// numbers it guesses. Whatever an implementation does not offer is denied.
pub trait MessageRouter: Send + Sync + fmt::Debug {
    /// Opens the way from `sender` to `target`, with the rights of both decided once.
    ///
    /// # Errors
    ///
    /// [`SendError::Denied`] where a right is missing, [`SendError::NotFound`] where there is no
    /// such receiver and the sender may know it.
    fn open(&self, sender: &Address, target: &Address) -> Result<Arc<dyn MessageLink>, SendError>;

    /// Gives a request up; its reply, if it comes, is discarded. False where this instance has no such
    /// request under way.
    fn cancel_request(&self, _requester: &ComponentId, _correlation: CorrelationId) -> bool {
        false
    }

    /// Publishes to a topic, and tells how many subscribers accepted it. What one subscriber refuses touches
    /// no other. It waits for nobody, but gives way to others where there are many subscribers; dropping the
    /// future leaves out the rest of them.
    ///
    /// # Errors
    ///
    /// [`SendError::Denied`] where the publisher lacks the right.
    fn publish<'a>(
        &'a self,
        _publisher: &'a ComponentId,
        _topic: &'a Topic,
        _payload: &'a MessagePayload,
    ) -> BoxFuture<'a, Result<u32, SendError>> {
        Box::pin(async { Err(SendError::Denied(DenialRule::Publish)) })
    }

    /// Subscribes an instance. A second time with the same pattern changes nothing.
    ///
    /// # Errors
    ///
    /// [`SendError::Denied`] where its right does not cover the pattern, [`SendError::QuotaExceeded`].
    fn subscribe(&self, _subscriber: &ComponentId, _pattern: &TopicPattern) -> Result<(), SendError> {
        Err(SendError::Denied(DenialRule::Subscribe))
    }

    /// Ends a subscription made with the same pattern. False where there is none.
    fn unsubscribe(&self, _subscriber: &ComponentId, _pattern: &TopicPattern) -> bool {
        false
    }

    /// Sends after a delay. The guard is asked when the time has come.
    ///
    /// # Errors
    ///
    /// [`SendError::QuotaExceeded`] where the instance has too many timers, or too many bytes in them.
    fn send_after(
        &self,
        _sender: &ComponentId,
        _target: &Address,
        _payload: MessagePayload,
        _delay: Duration,
    ) -> Result<TimerId, SendError> {
        Err(SendError::Denied(DenialRule::SendTo))
    }

    /// Stops a timer that has not fired. False where this instance has no such timer.
    fn cancel_timer(&self, _sender: &ComponentId, _timer: TimerId) -> bool {
        false
    }

    /// Counts so many refusals that the caller itself told the sender, because a bound of its own was reached.
    fn count_refusals(&self, _sender: &ComponentId, _error: &SendError, _times: u64) {}
}

/// An open way from one sender to one receiver.
pub trait MessageLink: Send + Sync + fmt::Debug {
    /// The receiver, as it was named when the link was opened.
    fn target(&self) -> &Address;

    /// Whether the link still leads anywhere; a stale link is opened again by its holder.
    fn is_open(&self) -> bool;

    /// Offers a message: guard first, then the mailbox. Never blocks.
    ///
    /// # Errors
    ///
    /// The message comes back with the reason.
    fn send(&self, payload: MessagePayload) -> Result<(), Undelivered>;

    /// A sender that could have waited for room is told after all that there is none. Until then its message was
    /// not refused, and nobody was told that it was.
    fn gave_up(&self) {}

    /// Whether the receiver wants senders to wait for room (`overflow = "wait"`).
    fn waits_for_room(&self) -> bool;

    /// Waits for room for a message that came back as [`SendError::Full`], at most so long. The guard is not
    /// asked a second time, unless rights have changed meanwhile: it was admitted, only room was missing.
    ///
    /// # Errors
    ///
    /// The message comes back with the reason: [`SendError::Full`] when the time is over,
    /// [`SendError::WouldDeadlock`] at once where the receiver waits for this sender.
    fn send_when_room(
        &self,
        payload: MessagePayload,
        patience: Duration,
    ) -> BoxFuture<'_, Result<(), Undelivered>>;

    /// Sends a request. Its one answer, or why there is none after `timeout`, comes to the sender's own
    /// mailbox. Never blocks.
    ///
    /// # Errors
    ///
    /// The message comes back with the reason, and there will be no answer. [`SendError::QuotaExceeded`] where
    /// the sender has too many requests under way.
    fn request(&self, payload: MessagePayload, timeout: Duration) -> Result<CorrelationId, Undelivered>;

    /// Sends a request and waits for its reply, at most so long; for room, too, where the receiver wants that.
    /// Dropping the future gives the request up.
    ///
    /// # Errors
    ///
    /// [`RequestError::Refused`] with [`SendError::WouldDeadlock`] at once where the receiver waits for this
    /// sender, directly or through others; [`RequestError::TimedOut`]; and every other reason why there is no
    /// reply.
    fn call(
        &self,
        payload: MessagePayload,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<MessagePayload, RequestError>>;
}

/// Decides about messages. Messaging calls it; security implements it.
pub trait Guard: Send + Sync + fmt::Debug {
    /// Decides about the rights of a pair, once.
    ///
    /// # Errors
    ///
    /// [`SendError::Denied`] with the rule.
    fn authorise(&self, sender: &Address, receiver: &Address) -> Result<Arc<dyn Admission>, SendError>;

    /// Decides about what an instance's own timers send to itself: no right is needed, but its size and the
    /// component's own rate are asked for each message. As for any message to itself unless an implementation says
    /// otherwise.
    ///
    /// # Errors
    ///
    /// [`SendError::Denied`] with the rule.
    fn authorise_reminder(&self, owner: &Address) -> Result<Arc<dyn Admission>, SendError> {
        self.authorise(owner, owner)
    }

    /// Decides whether an address may publish to a topic. Denied unless an implementation says otherwise.
    ///
    /// # Errors
    ///
    /// [`SendError::Denied`] with [`DenialRule::Publish`].
    fn authorise_publication(&self, _publisher: &Address, _topic: &Topic) -> Result<(), SendError> {
        Err(SendError::Denied(DenialRule::Publish))
    }

    /// Decides whether an address may subscribe to a pattern. Denied unless an implementation says otherwise.
    ///
    /// # Errors
    ///
    /// [`SendError::Denied`] with [`DenialRule::Subscribe`].
    fn authorise_subscription(
        &self,
        _subscriber: &Address,
        _pattern: &TopicPattern,
    ) -> Result<(), SendError> {
        Err(SendError::Denied(DenialRule::Subscribe))
    }

    /// The receiving component's half of the decision, for what was published: its `receive_from`, and for each
    /// publication its size and the publisher's rate. Asked once for all instances of a component. Denied unless an implementation says otherwise.
    ///
    /// # Errors
    ///
    /// [`SendError::Denied`] with the rule.
    fn authorise_receipt(
        &self,
        _publisher: &Address,
        _receiver: &Address,
    ) -> Result<Arc<dyn Admission>, SendError> {
        Err(SendError::Denied(DenialRule::ReceiveFrom))
    }
}

/// The guard's decision for one pair, asked for every message: size, codec, then rate.
pub trait Admission: Send + Sync + fmt::Debug {
    /// Admits a message of this weight in bytes, whatever it says.
    ///
    /// # Errors
    ///
    /// [`SendError::TooLarge`] or [`SendError::RateLimited`].
    fn admit(&self, weight: usize) -> Result<(), SendError>;

    /// Admits a message for the receiver's handler, which may want to be spoken to in certain codecs only. By default
    /// it does not.
    ///
    /// # Errors
    ///
    /// As [`admit`](Self::admit), and [`SendError::Denied`] with [`DenialRule::Codecs`].
    fn admit_message(&self, payload: &MessagePayload) -> Result<(), SendError> {
        self.admit(payload.weight())
    }
}

/// How grave a guest's log record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// Finest detail.
    Trace,
    /// For debugging.
    Debug,
    /// Ordinary events.
    Info,
    /// Something that should not be.
    Warn,
    /// Something that failed.
    Error,
}

/// One record of a guest's log, already cut to the bounds of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// How grave it is.
    pub level: LogLevel,
    /// What the guest says.
    pub message: String,
    /// Keys and values beside it.
    pub context: Vec<(String, String)>,
    /// Whether something was cut off.
    pub truncated: bool,
}

/// Takes guests' log records. The runtime calls it; system implements it.
pub trait LogSink: Send + Sync + fmt::Debug {
    /// Takes one record. Never blocks; what exceeds the volume is dropped and counted there.
    fn log(&self, component: &ComponentId, record: LogRecord);
}

/// Hears what a component wanted of the host and was refused: through the standard interfaces, or of its storage. The
/// runtime calls it; system implements it.
pub trait AccessObserver: Send + Sync + fmt::Debug {
    /// Takes one denial. Never blocks, and renders it only where somebody wants it: a guest can cause as many as it
    /// has fuel for.
    fn denied(&self, component: &ComponentId, denial: &AccessDenial<'_>);
}

/// Why a name has no addresses.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// There is no such name, or it has no address.
    #[error("no address is known")]
    NotFound,
    /// It could not be found out, and nobody says whether trying again would help.
    #[error("look-up failed")]
    Failed(#[source] BoxError),
    /// It could not be asked for, and may be later.
    #[error("look-up is not possible at present")]
    Unavailable(#[source] BoxError),
}

/// Finds the addresses of names for components. The runtime calls it, for names that were granted and no others, and
/// judges what comes back; whoever runs the host implements it, or takes the runtime's own.
pub trait NameResolver: Send + Sync + fmt::Debug {
    /// The addresses of `name`, for this component. Dropping the future gives the look-up up; what goes on all the
    /// same has to be bounded by the implementation, for each component.
    ///
    /// # Errors
    ///
    /// [`ResolveError`].
    fn resolve<'a>(
        &'a self,
        component: &'a ComponentId,
        name: &'a HostName,
    ) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>>;
}

/// Takes what the audit log records. Whoever refuses or acts calls it; system implements it.
pub trait AuditSink: Send + Sync + fmt::Debug {
    /// Takes one event. Never blocks; what does not fit is counted there, and recorded as lost.
    fn record(&self, event: AuditEvent);
}

/// Shows a component its neighbours. The runtime calls it; system implements it.
pub trait ComponentDirectory: Send + Sync + fmt::Debug {
    /// This instance and every instance that it may send to, sorted by id.
    fn visible_to(&self, viewer: &ComponentId) -> Vec<ComponentSummary>;

    /// The same in parts, each of which is found in a short time: those of the next part, behind `after` in the order of
    /// ids. Whoever asks on behalf of a guest asks so, and looks at the guest's time between two parts.
    fn next_visible_to(&self, viewer: &ComponentId, after: Option<&ComponentId>) -> VisiblePart {
        let mut summaries = self.visible_to(viewer);
        summaries.retain(|summary| after.is_none_or(|after| summary.id > *after));
        VisiblePart { summaries, looked_at: None }
    }

    /// One of those, none where the viewer may not see it.
    fn find(&self, viewer: &ComponentId, id: &ComponentId) -> Option<ComponentSummary> {
        self.visible_to(viewer).into_iter().find(|summary| summary.id == *id)
    }

    /// The state of an instance, for the host's own use.
    fn state(&self, id: &ComponentId) -> Option<ComponentState>;
}

/// Loads components and calls them by handle, without actors. The runtime implements it.
pub trait RuntimeEngine: Send + Sync {
    /// Compiles, checks, instantiates and initialises a component under these limits. Instantiation and `initialize`
    /// together are held to them as each call is: to its fuel and its time.
    fn load_component<'a>(
        &'a self,
        id: &'a ComponentId,
        wasm: &'a [u8],
        limits: &'a ResourceLimits,
    ) -> BoxFuture<'a, WasmResult<ComponentHandle>>;

    /// Drops a component and everything it holds. Unloading an unknown handle succeeds.
    fn unload_component<'a>(&'a self, handle: &'a ComponentHandle) -> BoxFuture<'a, WasmResult<()>>;

    /// Calls `handler.handle-message`; the payload is the reply. A message of the kind
    /// [`HealthCheck`](crate::MessageKind::HealthCheck) asks `health` instead, and the reply is the text of
    /// its [`HealthStatus`](crate::HealthStatus).
    fn call_handle_message<'a>(
        &'a self,
        handle: &'a ComponentHandle,
        message: ComponentMessage,
    ) -> BoxFuture<'a, WasmResult<Option<MessagePayload>>>;

    /// Calls `handler.handle-callback`.
    fn call_handle_callback<'a>(
        &'a self,
        handle: &'a ComponentHandle,
        correlation: CorrelationId,
        reply: Result<MessagePayload, RequestError>,
    ) -> BoxFuture<'a, WasmResult<()>>;
}

/// Brings a component's bytes. A host implements it over files, a store or memory.
pub trait ComponentLoader: Send + Sync {
    /// The component's bytes.
    fn load<'a>(&'a self, id: &'a ComponentId) -> BoxFuture<'a, WasmResult<Vec<u8>>>;
}
