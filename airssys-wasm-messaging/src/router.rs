//! The router: finds the receiver, asks the guard, and leads to the mailbox.
//!
//! Invariant: the sender's right comes first. Who may not send to an address learns nothing about
//! it, neither whether it exists nor whether it has a handler.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::counters::{RouterCounters, TrafficCounters, TrafficSnapshot};
use crate::dead_letters::{DeadLetterObserver, DeadLetters};
use crate::directory::{Directory, Route};
use crate::envelope::ReplySlot;
use crate::link::{Resolved, RouterLink};
use crate::mailbox::{MailboxSender, MailboxWarning};
use airssys_wasm_core::{
    Address, ComponentId, CorrelationId, DenialRule, Guard, MessageLink, MessagePayload, MessageRouter,
    RequestError, SendError, Undelivered,
};

/// A message that the guard refused, or a mailbox without room.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Denial<'a> {
    /// Who sent it.
    pub sender: &'a Address,
    /// Whom it was for, as the sender named it.
    pub target: &'a Address,
    /// The rule that refused it.
    pub rule: DenialRule,
    /// What the sender was told.
    pub error: &'a SendError,
    /// The request that it was; none where the way was refused before there was one.
    pub correlation: Option<CorrelationId>,
}

/// Sees denials as they occur. The system layer implements it to write the audit log and to raise
/// events.
pub trait DenialObserver: Send + Sync + fmt::Debug {
    /// Sees one. It is called on the sender's path, for every message of a flood, so that it must
    /// neither block nor send.
    fn denied(&self, denial: &Denial<'_>);
}

/// Sees mailboxes that are nearly full. The system layer implements it to raise events.
pub trait MailboxObserver: Send + Sync + fmt::Debug {
    /// Sees the first message that brought the mailbox of `receiver` near a bound. It is called on the sender's
    /// path, so that it must neither block nor send.
    fn nearly_full(&self, receiver: &ComponentId, warning: &MailboxWarning);
}

/// What a router may be given besides its guard.
#[derive(Debug, Default)]
pub struct RouterOptions {
    /// A counter that rises whenever the guard would decide otherwise than before, so that links ask
    /// again. Without it what a link has been granted stands until its receiver is registered anew
    /// or [`Router::invalidate`] is called.
    pub guard_generation: Option<Arc<AtomicU64>>,
    /// Sees every denial.
    pub denials: Option<Arc<dyn DenialObserver>>,
    /// Sees every dead letter.
    pub dead_letters: Option<Arc<dyn DeadLetterObserver>>,
    /// Sees mailboxes that are nearly full.
    pub mailboxes: Option<Arc<dyn MailboxObserver>>,
}

/// What a router must know of a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegisterOptions {
    /// Whether the component exports `handler`; without it messages are refused as
    /// [`SendError::NoHandler`].
    pub has_handler: bool,
}

impl Default for RegisterOptions {
    fn default() -> Self {
        Self { has_handler: true }
    }
}

/// Leads messages to mailboxes. A clone is the same router.
#[derive(Debug, Clone)]
pub struct Router {
    inner: Arc<Inner>,
}

impl Router {
    /// A router that knows no receiver yet and asks this guard.
    #[must_use]
    pub fn new(guard: Arc<dyn Guard>) -> Self {
        Self::with_options(guard, RouterOptions::default())
    }

    /// As [`new`](Self::new), with observers and a guard whose decisions may change.
    #[must_use]
    pub fn with_options(guard: Arc<dyn Guard>, options: RouterOptions) -> Self {
        let RouterOptions { guard_generation, denials, dead_letters, mailboxes } = options;
        let inner = Inner {
            guard,
            guard_generation: guard_generation.unwrap_or_default(),
            invalidated: AtomicU64::new(0),
            directory: Directory::new(),
            counters: RouterCounters::default(),
            denials,
            dead_letters: DeadLetters::new(dead_letters),
            mailboxes,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Makes an instance reachable, in place of one with the same id. Registering anew keeps its
    /// counters, and links to it lead to the new mailbox with the next message.
    pub fn register(&self, id: ComponentId, mailbox: MailboxSender, options: RegisterOptions) {
        self.inner.directory.insert(id, mailbox, options.has_handler);
    }

    /// Makes an instance unreachable and forgets its counters. Its mailbox is left as it is. False
    /// where it was not registered.
    pub fn deregister(&self, id: &ComponentId) -> bool {
        self.inner.directory.remove(id)
    }

    /// Registered instances.
    #[must_use]
    pub fn registered(&self) -> usize {
        self.inner.directory.len()
    }

    /// Makes every link decide anew before its next message.
    pub fn invalidate(&self) {
        self.inner.invalidated.fetch_add(1, Ordering::AcqRel);
    }

    /// As [`MessageRouter::open`], as the concrete type that can carry requests and wait.
    ///
    /// # Errors
    ///
    /// [`SendError::Denied`] where a right is missing, [`SendError::NotFound`] where there is no
    /// such receiver and the sender may know it.
    pub fn open_link(&self, sender: &Address, target: &Address) -> Result<RouterLink, SendError> {
        let traffic = self.inner.traffic(sender);
        match self.inner.resolve(sender, target, None) {
            Ok(resolved) => {
                let router = Arc::clone(&self.inner);
                Ok(RouterLink::new(router, sender.clone(), target.clone(), traffic, resolved))
            }
            Err(error) => {
                traffic.count(&error);
                Err(error)
            }
        }
    }

    /// Sends one message from a part of the host, without waiting. The guard sees the host as the
    /// sender: no listing is needed and no rate applies, but the receiver's largest message does.
    ///
    /// Who sends often to one receiver is better served by [`open_link`](Self::open_link).
    ///
    /// # Errors
    ///
    /// The message comes back with the reason; a requester hears it as [`RequestError::Refused`].
    pub fn send_from_host(
        &self,
        sender: &Address,
        target: &Address,
        payload: MessagePayload,
        reply: Option<ReplySlot>,
    ) -> Result<(), Undelivered> {
        match self.open_link(sender, target) {
            Ok(link) => link.send_with_reply(payload, reply),
            Err(error) => Err(refused(error, payload, reply)),
        }
    }

    /// As [`send_from_host`](Self::send_from_host), but waits for room without end.
    ///
    /// # Errors
    ///
    /// The message comes back with the reason; a requester hears it as [`RequestError::Refused`].
    pub async fn send_waiting(
        &self,
        sender: &Address,
        target: &Address,
        payload: MessagePayload,
        reply: Option<ReplySlot>,
    ) -> Result<(), Undelivered> {
        match self.open_link(sender, target) {
            Ok(link) => link.send_waiting(payload, reply).await,
            Err(error) => Err(refused(error, payload, reply)),
        }
    }

    /// What became of the messages of a sender: of one instance while it is registered, of a
    /// component's registered instances together, or of a part of the host.
    #[must_use]
    pub fn traffic(&self, sender: &Address) -> Option<TrafficSnapshot> {
        match self.inner.directory.find(sender) {
            Some(Route::One(receiver)) => Some(receiver.traffic.snapshot()),
            Some(Route::Any(group)) => {
                let members = group.members();
                let each = members.all().iter().map(|receiver| receiver.traffic.snapshot());
                Some(each.fold(TrafficSnapshot::default(), |sum, one| sum + one))
            }
            None => self.counters().host(sender).map(|counters| counters.snapshot()),
        }
    }

    /// The counters of one sender, to be read again and again: of a registered instance or of a part
    /// of the host.
    #[must_use]
    pub fn traffic_counters(&self, sender: &Address) -> Option<Arc<TrafficCounters>> {
        match self.inner.directory.find(sender) {
            Some(Route::One(receiver)) => Some(Arc::clone(&receiver.traffic)),
            Some(Route::Any(_)) => None,
            None => self.counters().host(sender),
        }
    }

    /// The counters of the host's own parts.
    #[must_use]
    pub fn counters(&self) -> &RouterCounters {
        &self.inner.counters
    }

    /// Where accepted messages go that cannot be delivered. Owners of mailboxes bury there what a
    /// receiver had in hand when it died, and what it left behind when it stopped.
    #[must_use]
    pub fn dead_letters(&self) -> &DeadLetters {
        &self.inner.dead_letters
    }
}

impl MessageRouter for Router {
    fn open(&self, sender: &Address, target: &Address) -> Result<Arc<dyn MessageLink>, SendError> {
        let link = self.open_link(sender, target)?;
        Ok(Arc::new(link))
    }
}

fn refused(error: SendError, payload: MessagePayload, reply: Option<ReplySlot>) -> Undelivered {
    if let Some(slot) = reply {
        slot.answer(Err(RequestError::Refused(error.clone())));
    }
    Undelivered { error, payload }
}

/// What a router and its links share.
#[derive(Debug)]
pub(crate) struct Inner {
    guard: Arc<dyn Guard>,
    guard_generation: Arc<AtomicU64>,
    invalidated: AtomicU64,
    directory: Directory,
    counters: RouterCounters,
    denials: Option<Arc<dyn DenialObserver>>,
    pub(crate) dead_letters: DeadLetters,
    mailboxes: Option<Arc<dyn MailboxObserver>>,
}

impl Inner {
    /// The guard's decision, then the receiver. A denial is shown to the observer.
    pub(crate) fn resolve(
        &self,
        sender: &Address,
        target: &Address,
        correlation: Option<CorrelationId>,
    ) -> Result<Resolved, SendError> {
        // Read before the guard decides: a change meanwhile makes the decision out of date at once.
        let generation = self.generation();
        let admission = self
            .guard
            .authorise(sender, target)
            .inspect_err(|error| self.show_denial(sender, target, error, correlation))?;
        let route = self.directory.find(target).ok_or(SendError::NotFound)?;
        Ok(Resolved { generation, admission, route })
    }

    /// Both counters only rise, so that their sum is the same only where neither has changed.
    pub(crate) fn generation(&self) -> u64 {
        let guard = self.guard_generation.load(Ordering::Acquire);
        guard.wrapping_add(self.invalidated.load(Ordering::Acquire))
    }

    pub(crate) fn show_denial(
        &self,
        sender: &Address,
        target: &Address,
        error: &SendError,
        correlation: Option<CorrelationId>,
    ) {
        let rule = match error {
            SendError::Denied(rule) => *rule,
            SendError::TooLarge(_) => DenialRule::MessageSize,
            SendError::RateLimited => DenialRule::Rate,
            SendError::Full => DenialRule::Room,
            _ => return,
        };
        if let Some(observer) = &self.denials {
            observer.denied(&Denial { sender, target, rule, error, correlation });
        }
    }

    pub(crate) fn show_warning(&self, receiver: &ComponentId, warning: &MailboxWarning) {
        if let Some(observer) = &self.mailboxes {
            observer.nearly_full(receiver, warning);
        }
    }

    fn traffic(&self, sender: &Address) -> Arc<TrafficCounters> {
        match self.directory.find(sender) {
            Some(Route::One(receiver)) => Arc::clone(&receiver.traffic),
            _ => self.counters.open(sender),
        }
    }
}
