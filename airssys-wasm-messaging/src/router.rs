//! The router: finds the receiver, asks the guard, and leads to the mailbox.
//!
//! Invariant: the sender's right comes first. Who may not send to an address learns nothing about
//! it, neither whether it exists nor whether it has a handler.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::correlation::CorrelationSource;
use crate::counters::{RouterCounters, TrafficCounters, TrafficSnapshot};
use crate::dead_letters::{DeadLetterCause, DeadLetterObserver, DeadLetters};
use crate::desk::{Delayed, Desk, DeskView};
use crate::directory::{Directory, Receiver, Route};
use crate::envelope::Envelope;
use crate::link::{Resolved, RouterLink};
use crate::mailbox::{MailboxReceiver, MailboxSender, MailboxWarning, Pushed};
use crate::publication::Topics;
use crate::quota::QuotaWarning;
use crate::reply::{Reply, ReplySlot, Taking};
use crate::timers::{TimerDriver, Timers};
use crate::waits::WaitGraph;
use airssys_wasm_core::{
    Address, BoxFuture, ComponentId, CorrelationId, DenialRule, Guard, MessageLink, MessagePayload,
    MessageRouter, RequestError, SendError, TimerId, Topic, TopicPattern, Undelivered,
};

/// The part of the host that an instance's timers for itself come from: `host/timer`.
const TIMER_SENDER: &str = "timer";

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

/// A publication or subscription that the guard refused.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct TopicDenial<'a> {
    /// Who wanted to publish or to subscribe.
    pub sender: &'a Address,
    /// The topic, or the pattern on topics.
    pub topic: &'a str,
    /// The rule that refused it.
    pub rule: DenialRule,
    /// What the sender was told.
    pub error: &'a SendError,
}

/// Sees denials as they occur. The system layer implements it to write the audit log and to raise
/// events.
pub trait DenialObserver: Send + Sync + fmt::Debug {
    /// Sees one. It is called on the sender's path, for every message of a flood, so that it must
    /// neither block nor send.
    fn denied(&self, denial: &Denial<'_>);

    /// Sees one that concerns a topic, under the same conditions.
    fn topic_denied(&self, denial: &TopicDenial<'_>);
}

/// Sees bounds that are nearly reached: of mailboxes, and of what one instance can have under way. The system layer
/// implements it to raise events.
pub trait MailboxObserver: Send + Sync + fmt::Debug {
    /// Sees the first message that brought the mailbox of `receiver` near a bound. It is called on the sender's
    /// path, so that it must neither block nor send.
    fn nearly_full(&self, receiver: &ComponentId, warning: &MailboxWarning);

    /// Sees what brought an instance near a quota, under the same conditions.
    fn near_quota(&self, owner: &ComponentId, warning: &QuotaWarning);
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
    /// Sees bounds that are nearly reached.
    pub mailboxes: Option<Arc<dyn MailboxObserver>>,
}

/// What a router must know of a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegisterOptions {
    /// Whether the component exports `handler`; without it messages are refused as
    /// [`SendError::NoHandler`].
    pub has_handler: bool,
    /// The largest reply that it takes, in bytes of content and content type, and the longest text of a handler's
    /// error. A larger one is refused in its place, so that no replier can exhaust the memory of its requester.
    pub max_answer_bytes: usize,
}

impl Default for RegisterOptions {
    fn default() -> Self {
        Self { has_handler: true, max_answer_bytes: usize::MAX }
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
            correlations: Arc::new(CorrelationSource::new()),
            registrations: AtomicU64::new(0),
            waits: Arc::new(WaitGraph::default()),
            timers: Arc::new(Timers::new()),
            topics: Topics::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Makes an instance reachable, in place of one with the same id. Registering anew keeps its
    /// counters, and links to it lead to the new mailbox with the next message.
    pub fn register(&self, id: ComponentId, mailbox: MailboxSender, options: RegisterOptions) {
        let inner = &self.inner;
        let number = inner.registrations.fetch_add(1, Ordering::Relaxed);
        let observer = inner.mailboxes.clone();
        let desk = Desk::new(id.clone(), number, mailbox.clone(), options, &inner.timers, observer);
        let desk = Arc::new(desk);
        let lost = inner.dead_letters.count_of(id.address());
        if let Some(replaced) = inner.directory.insert(id, mailbox, options.has_handler, desk, lost) {
            inner.close(&replaced.desk);
        }
    }

    /// Makes an instance unreachable and forgets its counters. Its mailbox is left as it is. False
    /// where it was not registered.
    pub fn deregister(&self, id: &ComponentId) -> bool {
        let removed = self.inner.directory.remove(id);
        if let Some(removed) = &removed {
            self.inner.close(&removed.desk);
        }
        removed.is_some()
    }

    /// An instance has handled what its closed mailbox held, and is about to end: what it still waits for is
    /// answered as refused with [`SendError::Closed`], into that mailbox. It can register no requests any more.
    pub fn end_requests(&self, desk: &DeskView) {
        desk.desk().end_requests();
    }

    /// An instance has ended, and another may follow in its place: its requests and timers end with it, and
    /// the answers that wait for it are discarded. How many those were. What it wanted to be sent later is not sent, and
    /// a dead letter. Its messages wait on, and its subscriptions stay.
    pub fn end_life(&self, desk: &DeskView, mailbox: &mut MailboxReceiver) -> usize {
        self.inner.bury_delayed(desk.desk(), desk.desk().clear());
        let discarded = mailbox.discard_answers();
        desk.desk().discard(discarded);
        discarded
    }

    /// The last instance of a registration has ended: as [`end_life`](Self::end_life), and its subscriptions end,
    /// too. Nothing can begin at this desk any more, while one of the same id that was registered since is left
    /// alone.
    pub fn end_for_good(&self, desk: &DeskView, mailbox: &mut MailboxReceiver) -> usize {
        self.inner.close(desk.desk());
        self.end_life(desk, mailbox)
    }

    /// What an instance has under way with others; none where it is not registered.
    #[must_use]
    pub fn desk(&self, id: &ComponentId) -> Option<DeskView> {
        self.inner.directory.find_instance(id.address()).map(|receiver| DeskView::new(&receiver.desk))
    }

    /// Instances that wait for another one in the middle of a call, at this moment.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.inner.waits.len()
    }

    /// What fires timers and the deadlines of requests; none where it was taken already and still runs.
    /// Somebody has to run it.
    pub fn timer_driver(&self) -> Option<TimerDriver> {
        TimerDriver::take(&self.inner.timers, &self.inner)
    }

    /// Where the ids of all requests of this router come from.
    #[must_use]
    pub fn correlations(&self) -> Arc<CorrelationSource> {
        Arc::clone(&self.inner.correlations)
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
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
        self.inner.open_link(sender, target)
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

    /// Answers a request that `replier` has handled. False where its requester does not get the answer as it is:
    /// nobody waits for it any more, or it was refused, which is counted and shown as the denial of a message is.
    pub fn answer(&self, replier: &ComponentId, requester: &Address, slot: ReplySlot, reply: Reply) -> bool {
        let correlation = slot.correlation();
        match slot.answer_or_why(reply) {
            Taking::Taken => true,
            Taking::Refused(error) => {
                let (traffic, _) = self.inner.sender(replier.address());
                traffic.count(&error);
                self.inner.show_denial(replier.address(), requester, &error, Some(correlation));
                false
            }
            Taking::Discarded => false,
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

    fn cancel_request(&self, requester: &ComponentId, correlation: CorrelationId) -> bool {
        self.inner.instance(requester).is_ok_and(|requester| requester.desk.cancel_request(correlation))
    }

    fn publish<'a>(
        &'a self,
        publisher: &'a ComponentId,
        topic: &'a Topic,
        payload: &'a MessagePayload,
    ) -> BoxFuture<'a, Result<u32, SendError>> {
        Box::pin(self.inner.publish(publisher.address(), topic, payload))
    }

    fn subscribe(&self, subscriber: &ComponentId, pattern: &TopicPattern) -> Result<(), SendError> {
        self.inner.subscribe(subscriber, pattern)
    }

    fn unsubscribe(&self, subscriber: &ComponentId, pattern: &TopicPattern) -> bool {
        self.inner.unsubscribe(subscriber, pattern)
    }

    fn send_after(
        &self,
        sender: &ComponentId,
        target: &Address,
        payload: MessagePayload,
        delay: Duration,
    ) -> Result<TimerId, SendError> {
        let sender = self.inner.instance(sender)?;
        let set = sender.desk.send_after(target, payload, delay);
        set.inspect_err(|error| sender.traffic.count(error))
    }

    fn cancel_timer(&self, sender: &ComponentId, timer: TimerId) -> bool {
        self.inner.instance(sender).is_ok_and(|sender| sender.desk.cancel_timer(timer))
    }

    fn count_refusals(&self, sender: &ComponentId, error: &SendError, times: u64) {
        if let Ok(sender) = self.inner.instance(sender) {
            sender.traffic.count_times(error, times);
        }
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
    pub(crate) guard: Arc<dyn Guard>,
    guard_generation: Arc<AtomicU64>,
    invalidated: AtomicU64,
    pub(crate) directory: Directory,
    counters: RouterCounters,
    denials: Option<Arc<dyn DenialObserver>>,
    pub(crate) dead_letters: DeadLetters,
    mailboxes: Option<Arc<dyn MailboxObserver>>,
    pub(crate) correlations: Arc<CorrelationSource>,
    /// Numbers registrations.
    pub(crate) registrations: AtomicU64,
    pub(crate) waits: Arc<WaitGraph>,
    timers: Arc<Timers>,
    pub(crate) topics: Topics,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.timers.recall();
    }
}

impl Inner {
    fn open_link(self: &Arc<Self>, sender: &Address, target: &Address) -> Result<RouterLink, SendError> {
        let (traffic, desk) = self.sender(sender);
        match self.resolve(sender, target, None) {
            Ok(resolved) => {
                let own = (traffic, desk);
                Ok(RouterLink::new(Arc::clone(self), sender.clone(), target.clone(), own, resolved))
            }
            Err(error) => {
                traffic.count(&error);
                Err(error)
            }
        }
    }

    /// A registered instance, as a sender.
    fn instance(&self, id: &ComponentId) -> Result<Arc<Receiver>, SendError> {
        self.directory.find_instance(id.address()).ok_or(SendError::Closed)
    }

    /// Ends a registration's part in everything.
    fn close(&self, desk: &Desk) {
        let (subscriptions, delayed) = desk.close();
        for pattern in subscriptions {
            self.topics.remove(&pattern, desk.number());
        }
        self.bury_delayed(desk, delayed);
    }

    /// What an instance wanted to be sent later, and that has ended before.
    fn bury_delayed(&self, desk: &Desk, delayed: Vec<Delayed>) {
        for Delayed { target, payload, .. } in delayed {
            let envelope = Envelope::new(desk.id().address().clone(), payload);
            self.dead_letters.bury(&target, envelope, &DeadLetterCause::SenderEnded);
        }
    }

    /// Sends what an instance wanted to be sent by now: to others as the instance itself, with the rights that it
    /// has now; to itself from `host/timer`, which needs no right, at the component's own rate.
    pub(crate) fn fire(self: &Arc<Self>, desk: &Desk, timer: TimerId) {
        let Some(delayed) = desk.take_timer(timer) else { return };
        let own = desk.id().address();
        let sent = if delayed.target == *own {
            self.remind(desk, delayed.payload)
        } else {
            match self.open_link(own, &delayed.target) {
                Ok(link) => link.send(delayed.payload).inspect_err(|undelivered| {
                    // Nobody is there to wait.
                    if undelivered.error == SendError::Full && link.waits() {
                        link.gave_up();
                    }
                }),
                Err(error) => Err(Undelivered { error, payload: delayed.payload }),
            }
        };
        if let Err(Undelivered { error, payload }) = sent {
            let envelope = Envelope::new(own.clone(), payload);
            self.dead_letters.bury(&delayed.target, envelope, &DeadLetterCause::Refused(error));
        }
    }

    /// Sends an instance what it has set a timer for. It is counted and refused as the instance's own.
    fn remind(&self, desk: &Desk, payload: MessagePayload) -> Result<(), Undelivered> {
        let own = desk.id().address();
        let owner = self.directory.find_instance(own).filter(|owner| owner.desk.number() == desk.number());
        let Some(owner) = owner else { return Err(Undelivered { error: SendError::Closed, payload }) };
        let admitted = if owner.has_handler {
            self.guard.authorise_reminder(own).and_then(|admission| admission.admit_message(&payload))
        } else {
            Err(SendError::NoHandler)
        };
        let pushed = match (admitted, Address::host(TIMER_SENDER)) {
            (Ok(()), Ok(timer)) => {
                let pushed = owner.mailbox.try_push(Envelope::new(timer, payload));
                pushed.map_err(|(error, envelope)| (error, envelope.payload))
            }
            (Err(error), _) => Err((error, payload)),
            (_, Err(_)) => Err((SendError::NotFound, payload)),
        };
        match pushed {
            Ok(pushed) => {
                owner.traffic.count_sent();
                self.account_for(&owner, pushed);
                Ok(())
            }
            Err((error, payload)) => {
                self.refuse(&owner.traffic, own, own, &error, None);
                Err(Undelivered { error, payload })
            }
        }
    }

    /// What an accepted message led to at its receiver's mailbox.
    pub(crate) fn account_for(&self, receiver: &Receiver, pushed: Pushed) {
        if let Some(warning) = &pushed.warning
            && let Some(observer) = &self.mailboxes
        {
            observer.nearly_full(&receiver.id, warning);
        }
        for envelope in pushed.dropped {
            self.dead_letters.push_out(receiver.id.address(), &receiver.lost, envelope);
        }
    }

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

    /// Counts a refusal for its sender, and shows it where it is a denial. Every refusal of a message ends here, or
    /// in [`Self::show_denial`] where somebody waited before it was one.
    pub(crate) fn refuse(
        &self,
        traffic: &TrafficCounters,
        sender: &Address,
        target: &Address,
        error: &SendError,
        correlation: Option<CorrelationId>,
    ) {
        traffic.count(error);
        self.show_denial(sender, target, error, correlation);
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
        self.show(&Denial { sender, target, rule, error, correlation });
    }

    pub(crate) fn show(&self, denial: &Denial<'_>) {
        if let Some(observer) = &self.denials {
            observer.denied(denial);
        }
    }

    pub(crate) fn show_topic_denial(&self, sender: &Address, topic: &str, error: &SendError) {
        if let (SendError::Denied(rule), Some(observer)) = (error, &self.denials) {
            observer.topic_denied(&TopicDenial { sender, topic, rule: *rule, error });
        }
    }

    /// What a sender's messages are counted by, and what it has under way where it is an instance.
    pub(crate) fn sender(&self, sender: &Address) -> (Arc<TrafficCounters>, Option<Arc<Desk>>) {
        match self.directory.find(sender) {
            Some(Route::One(receiver)) => (Arc::clone(&receiver.traffic), Some(Arc::clone(&receiver.desk))),
            _ => (self.counters.open(sender), None),
        }
    }
}
