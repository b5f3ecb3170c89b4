//! An open way from one sender to one receiver: the guard's decision and the mailbox, remembered.
//!
//! Invariant: what is remembered is used only while the guard's generation and the registration that
//! it was made at still stand; else it is decided again before the message goes out.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption, Guard};

use crate::counters::TrafficCounters;
use crate::desk::Desk;
use crate::directory::{Group, Receiver, Route};
use crate::envelope::{Envelope, EnvelopeKind};
use crate::reply::ReplySlot;
use crate::router::{Denial, Inner};
use crate::waits::WaitsFor;
use airssys_wasm_core::{
    Address, Admission, BoxFuture, CorrelationId, DenialRule, MessageLink, MessagePayload, Overflow,
    RequestError, SendError, Undelivered,
};

/// Instances that one message is offered to before it comes back as refused, so that a component
/// with thousands of full mailboxes costs its senders a fixed time.
const MAX_OFFERS: usize = 8;

/// Instances that are passed over because they wait for the caller, beside those that a call is offered to: one that
/// can answer may stand behind them.
const MAX_PASSED_OVER: usize = 256;

/// Instances whose room one sender waits for at a time, for the same reason.
const MAX_WAITS: usize = 64;

/// A way from one sender to one receiver, opened by [`Router::open_link`](crate::Router::open_link).
///
/// Using a link is cheaper than naming the target each time. It stays of use for ever: where the
/// rights or the receiver have changed, the next message decides anew.
#[derive(Debug)]
pub struct RouterLink {
    pub(crate) router: Arc<Inner>,
    sender: Address,
    target: Address,
    traffic: Arc<TrafficCounters>,
    /// What the sender has under way; none where it is no instance.
    pub(crate) desk: Option<Arc<Desk>>,
    resolved: ArcSwap<Resolved>,
    /// The instance that had room when a message last waited for it: it is offered the message first.
    has_room: ArcSwapOption<Receiver>,
}

/// What was decided and found, and when.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) generation: u64,
    pub(crate) admission: Arc<dyn Admission>,
    pub(crate) route: Route,
}

/// An instance whose room is waited for.
pub(crate) struct Wanted {
    pub(crate) receiver: Arc<Receiver>,
    /// It is wanted because it runs, and not when it no longer does.
    is_running: bool,
}

/// A message that was not accepted, with the way back to its requester.
pub(crate) struct Refused {
    pub(crate) error: SendError,
    pub(crate) payload: MessagePayload,
    pub(crate) reply: Option<ReplySlot>,
    /// What came of it before, where it was offered already.
    pub(crate) tried: Option<Box<Tried>>,
}

/// What came of a message that was offered.
#[derive(Default)]
pub(crate) struct Tried {
    /// What the guard admitted it by, where it did. It need not be asked again for as long as that still stands; under
    /// other rights it is.
    admitted: Option<Arc<dyn Admission>>,
    /// Those that it was not offered to because they wait for its sender, by the numbers of their desks: their room is
    /// not what it lacks.
    passed_over: Vec<u64>,
}

impl Tried {
    /// It was admitted by this.
    pub(crate) fn admitted_by(admission: Arc<dyn Admission>) -> Box<Self> {
        Box::new(Self { admitted: Some(admission), passed_over: Vec::new() })
    }
}

impl Refused {
    pub(crate) fn new(payload: MessagePayload, reply: Option<ReplySlot>, tried: Option<Box<Tried>>) -> Self {
        Self { error: SendError::Full, payload, reply, tried }
    }

    /// Whether it is this very decision that it was admitted by.
    fn is_admitted_by(&self, admission: &Arc<dyn Admission>) -> bool {
        let admitted = self.tried.as_ref().and_then(|tried| tried.admitted.as_ref());
        admitted.is_some_and(|admitted| Arc::ptr_eq(admitted, admission))
    }

    fn passed_over(&self) -> &[u64] {
        self.tried.as_ref().map_or(&[], |tried| &tried.passed_over)
    }

    /// Asks the guard for it. The arguments of a typed call are no message, and in the form that the call says.
    fn ask(&self, admission: &dyn Admission) -> Result<(), SendError> {
        if self.reply.as_ref().is_some_and(|reply| reply.invocation().is_some()) {
            return admission.admit(self.payload.weight());
        }
        admission.admit_message(&self.payload)
    }

    /// Gives the message back, and tells the requester.
    pub(crate) fn give_up(self) -> Undelivered {
        let Self { error, payload, reply, .. } = self;
        if let Some(slot) = reply {
            slot.answer(Err(RequestError::Refused(error.clone())));
        }
        Undelivered { error, payload }
    }
}

impl RouterLink {
    pub(crate) fn new(
        router: Arc<Inner>,
        sender: Address,
        target: Address,
        (traffic, desk): (Arc<TrafficCounters>, Option<Arc<Desk>>),
        resolved: Resolved,
    ) -> Self {
        let (resolved, has_room) = (ArcSwap::from_pointee(resolved), ArcSwapOption::empty());
        Self { router, sender, target, traffic, desk, resolved, has_room }
    }

    /// Who sends through this link.
    #[must_use]
    pub fn sender(&self) -> &Address {
        &self.sender
    }

    /// As [`MessageLink::send`], with a way back for the reply. A requester hears of a refusal too,
    /// as [`RequestError::Refused`].
    ///
    /// # Errors
    ///
    /// The message comes back with the reason.
    pub fn send_with_reply(
        &self,
        payload: MessagePayload,
        reply: Option<ReplySlot>,
    ) -> Result<(), Undelivered> {
        self.offer(payload, reply, None).map_err(Refused::give_up)
    }

    /// As [`send_with_reply`](Self::send_with_reply), but waits for room without end where the
    /// mailbox is full, whatever its overflow rule. Only the host may wait like that; other senders
    /// get [`SendError::Full`] at once. The guard is asked once, and again where rights have changed meanwhile.
    ///
    /// Where the future is dropped, so is the message, and its requester is told.
    ///
    /// # Errors
    ///
    /// The message comes back with the reason.
    pub async fn send_waiting(
        &self,
        payload: MessagePayload,
        reply: Option<ReplySlot>,
    ) -> Result<(), Undelivered> {
        let mut outcome = self.offer(payload, reply, None);
        loop {
            match outcome {
                Err(refused) if refused.error == SendError::Full && self.sender.is_host() => {
                    self.first_room(self.wanted(&refused)).await;
                    let Refused { payload, reply, tried, .. } = refused;
                    outcome = self.offer(payload, reply, tried);
                }
                outcome => return outcome.map_err(Refused::give_up),
            }
        }
    }

    /// What the last message was admitted by.
    pub(crate) fn admission(&self) -> Arc<dyn Admission> {
        Arc::clone(&self.resolved.load().admission)
    }

    /// Offers a message, for the first time or again: then with what came of it before.
    pub(crate) fn offer(
        &self,
        payload: MessagePayload,
        reply: Option<ReplySlot>,
        tried: Option<Box<Tried>>,
    ) -> Result<(), Refused> {
        let is_first = tried.is_none();
        let mut refused = Refused::new(payload, reply, tried);
        // A second time only where the receiver was replaced between the look at it and the push.
        for _ in 0..2 {
            let resolved = match self.current(refused.reply.as_ref().map(ReplySlot::correlation)) {
                Ok(resolved) => resolved,
                Err(error) => {
                    self.count(&error);
                    return Err(Refused { error, ..refused });
                }
            };
            let admission = &resolved.admission;
            if !refused.is_admitted_by(admission)
                && let Err(error) = refused.ask(&**admission)
            {
                self.refuse(&error, refused.reply.as_ref());
                return Err(Refused { error, ..refused });
            }
            match self.push(&resolved.route, refused) {
                Ok(()) => {
                    self.traffic.count_sent();
                    return Ok(());
                }
                Err(back) => refused = back,
            }
            refused.tried.get_or_insert_default().admitted = Some(Arc::clone(admission));
            if refused.error != SendError::Closed || self.is_fresh(&resolved) {
                break;
            }
        }
        if refused.error != SendError::Full {
            self.refuse(&refused.error, refused.reply.as_ref());
        } else if is_first {
            self.count(&refused.error);
            // The host's own parts slow down instead of being refused, and so do those that wait for room:
            // they are refused only where they give up.
            if !self.sender.is_host() && !self.waits() {
                self.show(&refused.error, refused.reply.as_ref());
            }
        }
        Err(refused)
    }

    fn push(&self, route: &Route, message: Refused) -> Result<(), Refused> {
        match route {
            Route::One(receiver) => self.push_to(receiver, message),
            Route::Any(group) => self.push_in_turn(group, message),
        }
    }

    /// Offers the message to the instance that had room for it, then to the one whose turn it is and to
    /// those after it.
    fn push_in_turn(&self, group: &Group, mut message: Refused) -> Result<(), Refused> {
        let members = group.members();
        let has_room = self.has_room.load().as_ref().filter(|receiver| receiver.is_running()).cloned();
        let turn = group.next_turn(&members);
        let any_runs = members.any_runs(turn);
        let in_turn = members.open_from(turn, any_runs);
        // Where those that ran a moment ago have ended meanwhile, their mailboxes are open all the same.
        let not_running = members.open_from(turn, false).filter(|_| any_runs);
        let candidates = in_turn.map(|it| (it, true)).chain(not_running.map(|it| (it, false)));
        message.error = SendError::Closed;
        if let Some(tried) = &mut message.tried {
            tried.passed_over.clear();
        }
        let (mut is_full, mut offers, mut stuck) = (false, 0, 0);
        for (receiver, is_wanted) in has_room.iter().map(|it| (it, true)).chain(candidates) {
            let has_answer = is_full || stuck > 0;
            if offers == MAX_OFFERS || stuck == MAX_PASSED_OVER || (has_answer && !is_wanted) {
                break;
            }
            offers += 1;
            match self.push_to(receiver, message) {
                Ok(()) => {
                    if has_room.is_some() {
                        self.has_room.store(None);
                    }
                    return Ok(());
                }
                Err(back) => message = back,
            }
            match message.error {
                SendError::Full => is_full = true,
                // Another instance may be free to answer.
                SendError::WouldDeadlock => {
                    offers -= 1;
                    stuck += 1;
                    message.tried.get_or_insert_default().passed_over.push(receiver.desk.number());
                }
                SendError::Closed => {}
                // Too large and without a handler are true of all instances alike.
                _ => return Err(message),
            }
        }
        if is_full {
            message.error = SendError::Full;
        } else if stuck > 0 {
            message.error = SendError::WouldDeadlock;
        }
        Err(message)
    }

    fn push_to(&self, receiver: &Receiver, message: Refused) -> Result<(), Refused> {
        let is_for_handler = message.reply.as_ref().is_none_or(|reply| reply.invocation().is_none());
        if is_for_handler && !receiver.has_handler {
            return Err(Refused { error: SendError::NoHandler, ..message });
        }
        // Before the message is there: the receiver must not begin to wait for this sender unseen.
        if let Some(waiting) = message.reply.as_ref().and_then(ReplySlot::waiting)
            && !waiting.wait_for(vec![WaitsFor { whom: receiver.desk.number(), room: None }])
        {
            return Err(Refused { error: SendError::WouldDeadlock, ..message });
        }
        let Refused { payload, reply, tried, .. } = message;
        let kind = reply.map_or(EnvelopeKind::Message, EnvelopeKind::Request);
        let envelope = Envelope { sender: self.sender.clone(), payload, kind };
        match receiver.mailbox.try_push(envelope) {
            Ok(pushed) => {
                self.router.account_for(receiver, pushed);
                Ok(())
            }
            Err((error, Envelope { payload, kind, .. })) => {
                let reply = if let EnvelopeKind::Request(slot) = kind { Some(slot) } else { None };
                Err(Refused { error, payload, reply, tried })
            }
        }
    }

    /// What was decided, decided anew where it no longer stands.
    fn current(&self, correlation: Option<CorrelationId>) -> Result<Guard<Arc<Resolved>>, SendError> {
        let resolved = self.resolved.load();
        if self.is_fresh(&resolved) {
            return Ok(resolved);
        }
        let renewed = Arc::new(self.router.resolve(&self.sender, &self.target, correlation)?);
        self.resolved.store(Arc::clone(&renewed));
        Ok(Guard::from_inner(renewed))
    }

    fn is_fresh(&self, resolved: &Resolved) -> bool {
        resolved.generation == self.router.generation()
            && match &resolved.route {
                Route::One(receiver) => !receiver.is_gone(),
                Route::Any(group) => !group.is_gone(),
            }
    }

    /// Counts a refusal, and shows it where it is a denial. What `resolve` refused is shown there.
    fn refuse(&self, error: &SendError, reply: Option<&ReplySlot>) {
        let correlation = reply.map(ReplySlot::correlation);
        self.router.refuse(&self.traffic, &self.sender, &self.target, error, correlation);
    }

    /// Who waited for room has waited in vain, for want of time or because waiting would never have ended.
    pub(crate) fn refuse_wait(&self, error: &SendError, reply: Option<&ReplySlot>) {
        if *error == SendError::WouldDeadlock {
            // That there was no room was counted when the wait began.
            self.count(error);
        }
        let (sender, target) = (&self.sender, &self.target);
        let correlation = reply.map(ReplySlot::correlation);
        self.router.show(&Denial { sender, target, rule: DenialRule::Room, error, correlation });
    }

    fn show(&self, error: &SendError, reply: Option<&ReplySlot>) {
        let correlation = reply.map(ReplySlot::correlation);
        self.router.show_denial(&self.sender, &self.target, error, correlation);
    }

    fn count(&self, error: &SendError) {
        self.traffic.count(error);
    }

    /// The instances that a message refused as full waits for. Not those that it was not offered to although they may have
    /// room.
    pub(crate) fn wanted(&self, refused: &Refused) -> Vec<Wanted> {
        match &self.resolved.load().route {
            Route::One(receiver) => vec![Wanted { receiver: Arc::clone(receiver), is_running: false }],
            Route::Any(group) => {
                let members = group.members();
                // Many who wait at the same time wait for the same ones, so that they are looked at together.
                let turn = group.next_turn(&members);
                let turn = turn - turn % MAX_WAITS;
                let is_running = members.any_runs(turn);
                let in_turn = members.open_from(turn, is_running);
                let lacking =
                    in_turn.filter(|receiver| !refused.passed_over().contains(&receiver.desk.number()));
                lacking
                    .take(MAX_WAITS)
                    .map(|receiver| Wanted { receiver: Arc::clone(receiver), is_running })
                    .collect()
            }
        }
    }

    /// Resolves when the first of them has room: one that is stuck keeps nobody from the others. At once
    /// where there is none.
    pub(crate) async fn first_room(&self, wanted: Vec<Wanted>) {
        let mut rooms: Vec<_> = wanted
            .into_iter()
            .map(|Wanted { receiver, is_running }| {
                Box::pin(async move {
                    receiver.room(is_running).await;
                    receiver
                })
            })
            .collect();
        if rooms.is_empty() {
            return;
        }
        let first = poll_fn(|cx| {
            let mut ready = rooms.iter_mut().map(|room| room.as_mut().poll(cx));
            ready.find(Poll::is_ready).unwrap_or(Poll::Pending)
        });
        self.has_room.store(Some(first.await));
    }

    /// Whether the receiver's overflow rule is to wait.
    pub(crate) fn waits(&self) -> bool {
        let waits = |receiver: &Arc<Receiver>| receiver.mailbox.overflow() == Overflow::Wait;
        match &self.resolved.load().route {
            Route::One(receiver) => waits(receiver),
            Route::Any(group) => group.members().all().first().is_some_and(waits),
        }
    }
}

impl MessageLink for RouterLink {
    fn target(&self) -> &Address {
        &self.target
    }

    fn is_open(&self) -> bool {
        let resolved = self.resolved.load();
        self.is_fresh(&resolved)
            && match &resolved.route {
                Route::One(receiver) => receiver.is_open(),
                Route::Any(group) => group.members().all().iter().any(|receiver| receiver.is_open()),
            }
    }

    fn send(&self, payload: MessagePayload) -> Result<(), Undelivered> {
        self.send_with_reply(payload, None)
    }

    fn gave_up(&self) {
        self.refuse_wait(&SendError::Full, None);
    }

    fn waits_for_room(&self) -> bool {
        self.waits()
    }

    fn send_when_room(
        &self,
        payload: MessagePayload,
        patience: Duration,
    ) -> BoxFuture<'_, Result<(), Undelivered>> {
        self.wait_with(payload, patience)
    }

    fn request(&self, payload: MessagePayload, timeout: Duration) -> Result<CorrelationId, Undelivered> {
        let Some(desk) = &self.desk else {
            return Err(Undelivered { error: SendError::Closed, payload });
        };
        let correlation = self.router.correlations.next_id();
        // Rights come first: who may not send hears of that, whatever else it has under way.
        let registered = self
            .current(Some(correlation))
            .and_then(|_| desk.register_request(correlation, &self.target, timeout));
        if let Err(error) = registered {
            self.count(&error);
            return Err(Undelivered { error, payload });
        }
        let slot = ReplySlot::to_desk(correlation, Arc::clone(desk));
        let Err(Refused { error, payload, reply, .. }) = self.offer(payload, Some(slot), None) else {
            return Ok(correlation);
        };
        if error == SendError::Full && self.waits() {
            self.refuse_wait(&error, reply.as_ref());
        }
        if let Some(slot) = reply {
            slot.defuse();
        }
        // Told here and now, so that no answer follows; unless its deadline has come meanwhile, whose answer is on
        // its way, and is the one.
        if desk.withdraw_request(correlation) { Err(Undelivered { error, payload }) } else { Ok(correlation) }
    }

    fn call(
        &self,
        payload: MessagePayload,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<MessagePayload, RequestError>> {
        self.call_within(payload, timeout)
    }
}
