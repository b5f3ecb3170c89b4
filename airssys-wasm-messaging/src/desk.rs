//! What one instance has under way with others: requests that wait for their answers, timers, subscriptions.
//!
//! Invariant: all of it belongs to the instance and ends with it. A desk is looked up by who its owner is,
//! never by a number that a guest gives, so that numbers need no secret: whoever guesses one finds nothing at
//! its own desk.

#![expect(clippy::disallowed_types, reason = "a few map operations of one instance, never across an await")]

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use airssys_wasm_core::{
    Address, ComponentId, CorrelationId, MessagePayload, RequestError, SendError, TimerId, TopicPattern,
};

use crate::bounds::{MAX_PENDING_REQUESTS, MAX_SUBSCRIPTIONS, MAX_TIMER_BYTES, MAX_TIMERS};
use crate::envelope::Envelope;
use crate::mailbox::MailboxSender;
use crate::pending::{PendingRequests, RequestEnd};
use crate::quota::{Quota, QuotaWarning, Warned};
use crate::receipts::Receipts;
use crate::reply::{Reply, Taking, within};
use crate::router::{MailboxObserver, RegisterOptions};
use crate::timers::{Due, Timers};
use crate::wheel::TimerKey;

/// Timers that an idle desk keeps room for; more is given back to the allocator.
const KEPT: usize = 8;

/// One instance's desk.
#[derive(Debug)]
pub(crate) struct Desk {
    id: ComponentId,
    /// Tells this registration from every other, also from one of the same id.
    number: u64,
    mailbox: MailboxSender,
    options: RegisterOptions,
    timers: Arc<Timers>,
    observer: Option<Arc<dyn MailboxObserver>>,
    state: Mutex<State>,
    receipts: Mutex<Receipts>,
}

#[derive(Debug)]
struct State {
    is_closed: bool,
    requests: PendingRequests<Request>,
    timers: HashMap<TimerId, Delayed>,
    timer_bytes: usize,
    next_timer: u64,
    subscriptions: HashSet<TopicPattern>,
    warned: Warned,
}

/// A request that waits for its answer.
#[derive(Debug)]
struct Request {
    target: Address,
    timeout: Duration,
    deadline: TimerKey,
}

/// A message that waits for its time.
#[derive(Debug)]
pub(crate) struct Delayed {
    pub(crate) target: Address,
    pub(crate) payload: MessagePayload,
    key: TimerKey,
}

impl Delayed {
    fn bytes(target: &Address, payload: &MessagePayload) -> usize {
        payload.weight().saturating_add(target.as_str().len())
    }
}

impl Desk {
    pub(crate) fn new(
        id: ComponentId,
        number: u64,
        mailbox: MailboxSender,
        options: RegisterOptions,
        timers: &Arc<Timers>,
        observer: Option<Arc<dyn MailboxObserver>>,
    ) -> Self {
        let state = State {
            is_closed: false,
            requests: PendingRequests::new(MAX_PENDING_REQUESTS),
            timers: HashMap::new(),
            timer_bytes: 0,
            next_timer: 1,
            subscriptions: HashSet::new(),
            warned: Warned::default(),
        };
        let timers = Arc::clone(timers);
        Self {
            id,
            number,
            mailbox,
            options,
            timers,
            observer,
            state: Mutex::new(state),
            receipts: Mutex::default(),
        }
    }

    pub(crate) fn id(&self) -> &ComponentId {
        &self.id
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Whom its owner may publish to.
    pub(crate) fn receipts(&self) -> MutexGuard<'_, Receipts> {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The largest reply that its owner takes, in bytes.
    pub(crate) fn max_answer_bytes(&self) -> usize {
        self.options.max_answer_bytes
    }

    /// Registers a request before it is sent, so that its answer cannot come too early.
    pub(crate) fn register_request(
        self: &Arc<Self>,
        correlation: CorrelationId,
        target: &Address,
        timeout: Duration,
    ) -> Result<(), SendError> {
        if !self.options.has_handler {
            // Nobody could take the answer.
            return Err(SendError::NoHandler);
        }
        let mut state = self.open()?;
        if self.mailbox.is_closed() {
            // Who is about to end begins nothing that would outlast it.
            return Err(SendError::Closed);
        }
        let unread = self.mailbox.unread_answers();
        if !state.requests.has_room(unread) {
            return Err(SendError::QuotaExceeded);
        }
        let deadline = self.timers.set(timeout, Due::Request(Arc::downgrade(self), correlation));
        state.requests.register(correlation, Request { target: target.clone(), timeout, deadline });
        let used = state.requests.len().saturating_add(unread);
        let warning = state.warned.pass(Quota::Requests, used, MAX_PENDING_REQUESTS);
        drop(state);
        self.show(warning);
        Ok(())
    }

    /// The request was refused, and its requester is told so. False where it has ended otherwise meanwhile.
    pub(crate) fn withdraw_request(&self, correlation: CorrelationId) -> bool {
        self.end_request(correlation, RequestEnd::Refused)
    }

    /// Gives a request up. False where no such request of this instance is under way.
    pub(crate) fn cancel_request(&self, correlation: CorrelationId) -> bool {
        self.end_request(correlation, RequestEnd::Cancelled)
    }

    fn end_request(&self, correlation: CorrelationId, how: RequestEnd) -> bool {
        let request = self.lock().requests.end(correlation, how);
        request.is_some_and(|request| {
            self.timers.stop(request.deadline);
            true
        })
    }

    pub(crate) fn is_pending(&self, correlation: CorrelationId) -> bool {
        self.lock().requests.is_pending(correlation)
    }

    /// Hands an answer to the owner's mailbox. It is refused where it is larger than the owner takes, and where
    /// the answers that wait hold too much already: the owner hears of that in its place.
    pub(crate) fn answer(&self, correlation: CorrelationId, reply: Reply) -> Taking {
        let mut state = self.lock();
        let Some(request) = state.requests.end(correlation, RequestEnd::Answered) else {
            return Taking::Discarded;
        };
        self.timers.stop(request.deadline);
        let (reply, taking) = within(reply, self.options.max_answer_bytes);
        match self.deliver(&mut state, request.target, correlation, reply) {
            Taking::Taken => taking,
            other => other,
        }
    }

    /// The deadline of a request has come.
    pub(crate) fn expire(&self, correlation: CorrelationId) {
        let mut state = self.lock();
        if let Some(Request { target, timeout, .. }) = state.requests.end(correlation, RequestEnd::Expired) {
            let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
            self.deliver(&mut state, target, correlation, Err(RequestError::TimedOut { timeout_ms }));
        }
    }

    /// The instance is about to end: it is told of what it still waits for that there will be no answer.
    pub(crate) fn end_requests(&self) {
        let mut state = self.lock();
        for (correlation, Request { target, deadline, .. }) in state.requests.end_all() {
            self.timers.stop(deadline);
            self.deliver(&mut state, target, correlation, Err(RequestError::Refused(SendError::Closed)));
        }
    }

    /// With the state held: an answer that is on its way while its requester ends would reach the next one.
    fn deliver(&self, state: &mut State, from: Address, correlation: CorrelationId, reply: Reply) -> Taking {
        let answer = Envelope::answer(from.clone(), correlation, reply);
        match self.mailbox.push_answer(answer) {
            Ok(()) => Taking::Taken,
            Err((SendError::Full, _)) => {
                let refusal = Err(RequestError::Refused(SendError::Full));
                // It holds nothing, so that there is room for it: only an owner who is gone meanwhile hears of nothing.
                let told = self.mailbox.push_answer(Envelope::answer(from, correlation, refusal));
                if let Err((error, _)) = told {
                    debug_assert_eq!(error, SendError::Closed, "a request would have no end");
                    state.requests.discard(1);
                }
                Taking::Refused(SendError::Full)
            }
            Err(_) => {
                state.requests.discard(1);
                Taking::Discarded
            }
        }
    }

    /// Keeps a message until its time.
    pub(crate) fn send_after(
        self: &Arc<Self>,
        target: &Address,
        payload: MessagePayload,
        delay: Duration,
    ) -> Result<TimerId, SendError> {
        let mut state = self.open()?;
        let bytes = state.timer_bytes.saturating_add(Delayed::bytes(target, &payload));
        if state.timers.len() >= MAX_TIMERS || bytes > MAX_TIMER_BYTES {
            return Err(SendError::QuotaExceeded);
        }
        let id = TimerId::new(state.next_timer);
        state.next_timer += 1;
        state.timer_bytes = bytes;
        let key = self.timers.set(delay, Due::Message(Arc::downgrade(self), id));
        state.timers.insert(id, Delayed { target: target.clone(), payload, key });
        let count = state.timers.len();
        let warnings = [
            state.warned.pass(Quota::Timers, count, MAX_TIMERS),
            state.warned.pass(Quota::TimerBytes, bytes, MAX_TIMER_BYTES),
        ];
        drop(state);
        warnings.into_iter().for_each(|warning| self.show(warning));
        Ok(id)
    }

    /// Stops a timer. False where this instance has none of this id that has not fired.
    pub(crate) fn cancel_timer(&self, id: TimerId) -> bool {
        self.take_timer(id).is_some_and(|delayed| {
            self.timers.stop(delayed.key);
            true
        })
    }

    pub(crate) fn has_timer(&self, id: TimerId) -> bool {
        self.lock().timers.contains_key(&id)
    }

    /// Takes out the message of a timer that is over.
    pub(crate) fn take_timer(&self, id: TimerId) -> Option<Delayed> {
        let mut state = self.lock();
        let delayed = state.timers.remove(&id)?;
        state.timer_bytes -= Delayed::bytes(&delayed.target, &delayed.payload);
        if state.timers.is_empty() {
            state.timers.shrink_to(KEPT);
        }
        Some(delayed)
    }

    /// Notes a subscription, with whatever has to happen together with it; nothing where it is there already.
    pub(crate) fn add_subscription(
        &self,
        pattern: &TopicPattern,
        then: impl FnOnce(),
    ) -> Result<(), SendError> {
        let mut state = self.open()?;
        if state.subscriptions.contains(pattern) {
            return Ok(());
        }
        if state.subscriptions.len() >= MAX_SUBSCRIPTIONS {
            return Err(SendError::QuotaExceeded);
        }
        state.subscriptions.insert(pattern.clone());
        then();
        let count = state.subscriptions.len();
        let warning = state.warned.pass(Quota::Subscriptions, count, MAX_SUBSCRIPTIONS);
        drop(state);
        self.show(warning);
        Ok(())
    }

    /// Forgets a subscription, with whatever has to happen together with it. False where there is none.
    pub(crate) fn remove_subscription(&self, pattern: &TopicPattern, then: impl FnOnce()) -> bool {
        let mut state = self.lock();
        let was_there = state.subscriptions.remove(pattern);
        if was_there {
            then();
        }
        was_there
    }

    /// The instance has ended: its requests and timers end with it. Subscriptions stay for the next one, as
    /// its mailbox does. Gives what was to be sent later, and is not.
    pub(crate) fn clear(&self) -> Vec<Delayed> {
        let mut state = self.lock();
        let requests = state.requests.end_all();
        let timers = std::mem::take(&mut state.timers);
        state.timer_bytes = 0;
        state.warned = Warned::default();
        drop(state);
        let deadlines = requests.into_iter().map(|(_, request)| request.deadline);
        for key in deadlines.chain(timers.values().map(|delayed| delayed.key)) {
            self.timers.stop(key);
        }
        // In the order in which they were set.
        let mut timers: Vec<_> = timers.into_iter().collect();
        timers.sort_unstable_by_key(|(id, _)| *id);
        timers.into_iter().map(|(_, delayed)| delayed).collect()
    }

    /// The registration has ended: nothing begins here any more. Gives the subscriptions that are left, and what was to
    /// be sent later.
    pub(crate) fn close(&self) -> (HashSet<TopicPattern>, Vec<Delayed>) {
        let mut state = self.lock();
        state.is_closed = true;
        let subscriptions = std::mem::take(&mut state.subscriptions);
        drop(state);
        (subscriptions, self.clear())
    }

    /// Counts answers that were let go unread because their requester is gone.
    pub(crate) fn discard(&self, answers: usize) {
        self.lock().requests.discard(u64::try_from(answers).unwrap_or(u64::MAX));
    }

    /// What is under way.
    pub(crate) fn snapshot(&self) -> DeskSnapshot {
        let state = self.lock();
        DeskSnapshot {
            pending_requests: state.requests.len(),
            timers: state.timers.len(),
            timer_bytes: state.timer_bytes,
            subscriptions: state.subscriptions.len(),
            unread_answers: self.mailbox.unread_answers(),
            unread_answer_bytes: self.mailbox.unread_answer_bytes(),
            discarded_answers: state.requests.discarded(),
        }
    }

    /// With nothing locked.
    fn show(&self, warning: Option<QuotaWarning>) {
        if let (Some(warning), Some(observer)) = (warning, &self.observer) {
            observer.near_quota(&self.id, &warning);
        }
    }

    fn open(&self) -> Result<MutexGuard<'_, State>, SendError> {
        let state = self.lock();
        if state.is_closed { Err(SendError::Closed) } else { Ok(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A desk that may be gone by the time that somebody comes back to it.
pub(crate) type WeakDesk = Weak<Desk>;

/// Shows what one instance has under way with others, as long as it is registered and at its end.
#[derive(Debug, Clone)]
pub struct DeskView(Arc<Desk>);

impl DeskView {
    pub(crate) fn new(desk: &Arc<Desk>) -> Self {
        Self(Arc::clone(desk))
    }

    pub(crate) fn desk(&self) -> &Desk {
        &self.0
    }

    /// What is under way at this moment.
    #[must_use]
    pub fn snapshot(&self) -> DeskSnapshot {
        self.0.snapshot()
    }
}

/// What one instance has under way with others, at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeskSnapshot {
    /// Requests that wait for their answers.
    pub pending_requests: usize,
    /// Answers to its requests that it has not read yet.
    pub unread_answers: usize,
    /// What they hold, in bytes.
    pub unread_answer_bytes: usize,
    /// Timers that have not fired.
    pub timers: usize,
    /// What they hold, in bytes.
    pub timer_bytes: usize,
    /// Patterns that it is subscribed to.
    pub subscriptions: usize,
    /// Answers to it that were discarded: late, twice, or for a requester that is gone.
    pub discarded_answers: u64,
}
