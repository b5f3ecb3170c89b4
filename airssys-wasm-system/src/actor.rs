//! The component actor: the one task that owns an instance, and makes the next one when it fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use airssys_wasm_core::{
    AuditReason, CallError, ComponentState, EncodedValues, EndCause, FuelMetrics, MessagePayload,
    RequestError, RestartDecision, RestartTracker,
};
use airssys_wasm_messaging::{DeadLetterCause, Envelope, EnvelopeKind, MailboxReceiver, ReplySlot, Router};
use airssys_wasm_runtime::{
    CallFailure, Completed, ComponentInstance, InstanceSetup, RuntimeError, VerifiedComponent, WasmtimeEngine,
};

use crate::actor_state::ActorState;
use crate::control::Wish;
use crate::events::{Event, EventBus, WarnedLimit};
use crate::guest_log::log_restart;
use crate::in_hand::InHand;
use crate::record::{InstanceRecord, Memory};
use crate::registry::Registry;
use crate::storage_gauge::GaugedStore;

/// Messages that an actor handles before it lets other tasks of its thread run.
const MESSAGES_PER_TURN: u32 = 64;

/// Dead letters that an actor at its end makes before it lets other tasks of its thread run.
const LETTERS_PER_TURN: usize = 64;

/// The share of a limit at which a warning is raised, in percent.
const WARNING_PERCENT: u64 = 90;

/// Everything that one actor works with. Wherever it ends, by a panic or with its runtime as well, nobody
/// waits for it for ever: what it leaves behind becomes dead letters, and it is over.
#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) record: Arc<InstanceRecord>,
    pub(crate) component: VerifiedComponent,
    /// What its component keeps; none where it may keep nothing.
    pub(crate) storage: Option<Arc<GaugedStore>>,
    pub(crate) setup: InstanceSetup,
    pub(crate) engine: Arc<WasmtimeEngine>,
    pub(crate) mailbox: MailboxReceiver,
    /// Where what the instance declares is counted until it is over.
    pub(crate) registry: Arc<Registry>,
    pub(crate) tracker: RestartTracker,
    pub(crate) router: Router,
    pub(crate) events: Arc<EventBus>,
    pub(crate) began: Instant,
    /// Shared with whoever answers where this does not come to run.
    pub(crate) in_hand: Arc<InHand>,
    /// The message or answer in hand, without the right to answer it. Here and not in the future of its call, so that
    /// it is accounted for where that future is dropped before its time.
    pub(crate) held: Option<Envelope>,
    /// The end, once it has begun.
    pub(crate) ending: Option<Ending>,
    /// Messages done with that are not counted as finished yet: they are only when the state has changed that
    /// they led to, so that whoever sees nothing left to do sees what came of it, too.
    pub(crate) unfinished: u64,
}

/// An end under way.
#[derive(Debug)]
pub(crate) struct Ending {
    cause: EndCause,
    decision: RestartDecision,
    /// What the mailbox held that is not a dead letter yet.
    left: std::vec::IntoIter<Envelope>,
}

/// How the first start went.
pub(crate) type FirstStart = oneshot::Sender<Result<(), RuntimeError>>;

impl Actor {
    /// Runs until the actor is over. A first start that fails is told and not tried again.
    pub(crate) async fn run(mut self, first: FirstStart) {
        let mut first = Some(first);
        self.step(ActorState::launched);
        loop {
            let cause = match self.start().await {
                Ok(started) => {
                    self.announce_start(&started.value);
                    let mut warned = Warned::default();
                    warned.look_at_start(&self, &started);
                    if let Some(first) = first.take() {
                        // Whoever asked may have given up; the instance runs all the same.
                        drop(first.send(Ok(())));
                    }
                    self.serve(started.value, warned).await
                }
                Err(error) => {
                    let cause = start_cause(&error);
                    if let Some(first) = first.take() {
                        self.record.count_end(&cause);
                        self.end(cause, RestartDecision::Stop).await;
                        drop(first.send(Err(error)));
                        return;
                    }
                    cause
                }
            };
            self.end_life();
            self.record.count_end(&cause);
            let decision = self.decide(&cause);
            let RestartDecision::Restart { delay, attempt } = decision else {
                return self.end(cause, decision).await;
            };
            if !self.pause(cause, delay, attempt).await {
                let cause = if self.record.control.wish() == Wish::Kill {
                    EndCause::Killed
                } else {
                    EndCause::Stopped
                };
                return self.end(cause, RestartDecision::Stop).await;
            }
        }
    }

    /// What follows an ending. Who was asked to stop is started again only for what its mailbox still holds.
    fn decide(&mut self, cause: &EndCause) -> RestartDecision {
        match self.record.control.wish() {
            Wish::Kill => RestartDecision::Stop,
            Wish::Stop if self.record.mailbox.depth() == 0 => RestartDecision::Stop,
            Wish::Run | Wish::Stop => self.tracker.on_end(cause, self.began.elapsed(), rand::random()),
        }
    }

    async fn start(&self) -> Result<Completed<ComponentInstance>, RuntimeError> {
        if let Some(storage) = &self.storage {
            // Before it begins: what `initialize` writes is the new instance's own.
            storage.rearm();
        }
        self.engine.start(&self.component, self.setup.clone()).await
    }

    fn announce_start(&self, instance: &ComponentInstance) {
        self.record.change(|standing| {
            if let Some(running) = standing.state.started() {
                standing.state = running;
            }
            standing.memory = Memory::Live(instance.memory_gauge());
        });
        self.mailbox.rearm_warnings();
        self.mailbox.set_attended(true);
        let started = || Event::Started { id: self.record.id.clone() };
        // The first start is the host's doing, every other one follows from how the guest ended.
        match self.record.counts.restarts.get() {
            0 => self.events.raise(started),
            _ => self.events.raise_by_guest(started),
        }
    }

    /// Waits before the next start; false when there is none, because it was asked to end meanwhile.
    async fn pause(&mut self, cause: EndCause, delay: Duration, attempt: u32) -> bool {
        log_restart(&self.record, &cause, delay, attempt);
        self.events.raise_by_guest(|| Event::Ended { id: self.record.id.clone(), cause: cause.clone() });
        self.events.raise(|| Event::Restarting { id: self.record.id.clone(), delay, attempt });
        let decision = RestartDecision::Restart { delay, attempt };
        self.record.change(|standing| {
            if let Some(waiting) = standing.state.ended(cause.clone(), &decision) {
                standing.state = waiting;
            }
            standing.last_end = Some(cause);
            standing.memory.end();
        });
        self.count_finished();
        tokio::select! {
            // Even without a delay others get their turn.
            () = pause_for(delay) => {}
            _ = self.record.control.wished() => {}
        }
        match self.record.control.wish() {
            Wish::Kill => return false,
            Wish::Stop if self.record.mailbox.depth() == 0 => return false,
            Wish::Stop => self.step(ActorState::draining),
            Wish::Run => self.step(ActorState::restarting),
        }
        self.record.counts.restarts.add_one();
        true
    }

    fn step(&self, step: impl FnOnce(&ActorState) -> Option<ActorState>) {
        self.record.change(|standing| {
            if let Some(next) = step(&standing.state) {
                standing.state = next;
            }
        });
    }

    /// Handles messages until the instance ends.
    async fn serve(&mut self, mut instance: ComponentInstance, mut warned: Warned) -> EndCause {
        let record = Arc::clone(&self.record);
        let mut turn = Turn::default();
        loop {
            match record.control.wish() {
                Wish::Run => {}
                Wish::Stop => return self.drain(instance, warned).await,
                Wish::Kill => return EndCause::Killed,
            }
            let envelope = match self.mailbox.try_next() {
                Some(envelope) => envelope,
                None => {
                    turn = Turn::default();
                    tokio::select! {
                        next = self.mailbox.next() => match next {
                            Some(envelope) => envelope,
                            // Closed from outside: nothing will come any more.
                            None => return self.drain(instance, warned).await,
                        },
                        _ = record.control.wished() => continue,
                    }
                }
            };
            if let Some(cause) = self.handle(&mut instance, envelope, &mut warned).await {
                return cause;
            }
            turn.pass().await;
        }
    }

    /// Handles what the mailbox still holds, and the answers that come meanwhile; tells the instance that there
    /// will be no other; and shuts it down. The grace is watched by who asked for the stop, and ends in a kill.
    async fn drain(&mut self, mut instance: ComponentInstance, mut warned: Warned) -> EndCause {
        self.mailbox.close();
        self.step(ActorState::draining);
        if let Some(cause) = self.empty(&mut instance, &mut warned).await {
            return cause;
        }
        if let Some(desk) = self.record.desk() {
            self.router.end_requests(desk);
        }
        if let Some(cause) = self.empty(&mut instance, &mut warned).await {
            return cause;
        }
        match instance.shutdown().await {
            Ok(_) => EndCause::Stopped,
            Err(failure) => failure.cause,
        }
    }

    /// Handles what waits; the cause where that ended the instance.
    async fn empty(&mut self, instance: &mut ComponentInstance, warned: &mut Warned) -> Option<EndCause> {
        let mut turn = Turn::default();
        loop {
            // Asked first: what is left in the mailbox is accounted for there.
            if self.record.control.wish() == Wish::Kill {
                return Some(EndCause::Killed);
            }
            let envelope = self.mailbox.try_next()?;
            if let Some(cause) = self.handle(instance, envelope, warned).await {
                return Some(cause);
            }
            turn.pass().await;
        }
    }

    /// Handles one message or typed call; the cause where it ended the instance.
    async fn handle(
        &mut self,
        instance: &mut ComponentInstance,
        mut envelope: Envelope,
        warned: &mut Warned,
    ) -> Option<EndCause> {
        let mut slot = envelope.take_reply_slot();
        let correlation = slot.as_ref().map(ReplySlot::correlation);
        let invocation = slot.as_mut().and_then(ReplySlot::take_invocation);
        // Most messages are no requests, and cost nothing here.
        let is_request = slot.is_some();
        if let Some(slot) = slot {
            self.in_hand.put(slot);
        }
        let held = &*self.held.insert(envelope);
        if let EnvelopeKind::Answer(answer) = &held.kind {
            let reply = answer.error().map_or(Ok(&held.payload), Err);
            let done = instance.handle_callback(answer.correlation(), reply).await;
            return self.called_back(instance, done, warned);
        }
        if let Some(call) = invocation {
            let arguments = EncodedValues::new(call.arguments(), held.payload.bytes().clone());
            // Boxed, so that every actor's task is not as large as a typed call makes it.
            let done = Box::pin(instance.invoke(call.function(), &arguments, call.result())).await;
            return self.invoked(instance, done, warned);
        }
        let sender = held.sender.as_str();
        let done = match &held.kind {
            EnvelopeKind::Publication(topic) => {
                instance.handle_publication(sender, topic, &held.payload).await
            }
            _ => instance.handle_message(sender, correlation, &held.payload).await,
        };
        let slot = if is_request { self.in_hand.take() } else { None };
        // It was put there above.
        let mut envelope = self.held.take()?;
        match done {
            Ok(done) => {
                let counts = &self.record.counts;
                counts.handled.add_one();
                warned.look(self, instance, done.fuel, done.time);
                if done.value.is_err() {
                    counts.handler_errors.add_one();
                }
                let is_wanted = match slot {
                    Some(slot) => {
                        let reply = done.value.map(Option::unwrap_or_default).map_err(RequestError::Handler);
                        self.router.answer(&self.record.id, &envelope.sender, slot, reply)
                    }
                    None => !matches!(done.value, Ok(Some(_))),
                };
                if !is_wanted {
                    counts.unwanted_replies.add_one();
                }
                counts.finished.add_one();
                None
            }
            Err(failure) => {
                give_back(&mut envelope, slot);
                self.bury(envelope, &failure.cause);
                Some(failure.cause)
            }
        }
    }

    /// Answers a typed call; the cause where it ended the instance. What did not come to a call is an answer as
    /// a result is.
    fn invoked(
        &mut self,
        instance: &ComponentInstance,
        done: Result<Completed<Result<EncodedValues, CallError>>, CallFailure>,
        warned: &mut Warned,
    ) -> Option<EndCause> {
        let done = match done {
            Ok(done) => done,
            Err(failure) => {
                self.bury_held(&failure.cause);
                return Some(failure.cause);
            }
        };
        self.held = None;
        warned.look(self, instance, done.fuel, done.time);
        let reply = match done.value {
            Ok(result) => Ok(MessagePayload::new(result.into_bytes())),
            Err(error) => Err(RequestError::Call(Box::new(error))),
        };
        let counts = &self.record.counts;
        counts.handled.add_one();
        if !self.in_hand.take().is_some_and(|slot| slot.answer(reply)) {
            counts.unwanted_replies.add_one();
        }
        counts.finished.add_one();
        None
    }

    /// The answer to a request of the component's own was handed over; the cause where that ended the instance.
    fn called_back<T>(
        &mut self,
        instance: &ComponentInstance,
        done: Result<Completed<T>, CallFailure>,
        warned: &mut Warned,
    ) -> Option<EndCause> {
        match done {
            Ok(done) => {
                self.held = None;
                warned.look(self, instance, done.fuel, done.time);
                self.record.counts.callbacks.add_one();
                self.record.counts.finished.add_one();
                None
            }
            Err(failure) => {
                self.bury_held(&failure.cause);
                Some(failure.cause)
            }
        }
    }

    /// The instance has ended: what it waited for and wanted to send later ends with it.
    fn end_life(&mut self) {
        self.mailbox.set_attended(false);
        if let Some(desk) = self.record.desk() {
            self.unfinished += self.router.end_life(desk, &mut self.mailbox) as u64;
        }
    }

    fn bury(&mut self, envelope: Envelope, cause: &EndCause) {
        let cause = DeadLetterCause::ReceiverEnded(cause.name().to_owned());
        self.router.dead_letters().bury(self.record.id.address(), envelope, &cause);
        self.record.counts.buried.add_one();
        self.unfinished += 1;
    }

    /// Buries the message in hand, where there is one. Its requester is told, unless that was done before.
    fn bury_held(&mut self, cause: &EndCause) {
        let slot = self.in_hand.take();
        if let Some(mut envelope) = self.held.take() {
            give_back(&mut envelope, slot);
            self.bury(envelope, cause);
        }
    }

    fn count_finished(&mut self) {
        self.record.counts.finished.add(std::mem::take(&mut self.unfinished));
    }

    /// The last instance ended, and there will be no other. What waits becomes dead letters, and others get their turn
    /// meanwhile: a mailbox may hold very many.
    async fn end(&mut self, cause: EndCause, decision: RestartDecision) {
        self.begin_end(cause, decision);
        while self.bury_some(LETTERS_PER_TURN) {
            tokio::task::yield_now().await;
        }
        self.over();
    }

    /// Tells of the end. Nothing can reach the actor any more.
    fn begin_end(&mut self, cause: EndCause, decision: RestartDecision) {
        if cause.is_failure() {
            let cause = AuditReason::of_end(&cause);
            tracing::warn!(component = %self.record.id, %cause, "failed, and is not restarted");
        }
        self.events.raise(|| Event::Ended { id: self.record.id.clone(), cause: cause.clone() });
        if let RestartDecision::GiveUp { restarts_in_window } = decision {
            self.events.raise(|| Event::GaveUp { id: self.record.id.clone(), restarts_in_window });
        }
        self.record.change(|standing| standing.last_end = Some(cause.clone()));
        self.close(cause, decision);
    }

    fn close(&mut self, cause: EndCause, decision: RestartDecision) {
        self.mailbox.close();
        self.bury_held(&cause);
        if let Some(desk) = self.record.desk() {
            self.unfinished += self.router.end_for_good(desk, &mut self.mailbox) as u64;
        }
        let left = self.mailbox.drain_remaining().into_iter();
        self.ending = Some(Ending { cause, decision, left });
    }

    /// Buries so many of those that are left; whether there may be more.
    fn bury_some(&mut self, count: usize) -> bool {
        let Self { ending: Some(Ending { cause, left, .. }), router, record, unfinished, .. } = self else {
            return false;
        };
        let cause = DeadLetterCause::ReceiverEnded(cause.name().to_owned());
        let mut buried = 0;
        for envelope in left.take(count) {
            router.dead_letters().bury(record.id.address(), envelope, &cause);
            record.counts.buried.add_one();
            *unfinished += 1;
            buried += 1;
        }
        buried == count
    }

    /// The actor is over.
    fn over(&mut self) {
        let Some(Ending { cause, decision, .. }) = self.ending.take() else { return };
        // First, so that whoever sees that it is over finds its room free.
        self.registry.change(|table| table.release(&self.record));
        self.record.change(|standing| {
            if let Some(over) = standing.state.ended(cause, &decision) {
                standing.state = over;
            }
            standing.memory.end();
        });
        self.count_finished();
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        if self.ending.is_none() {
            match self.record.state() {
                ComponentState::Stopped | ComponentState::Failed => return,
                ComponentState::Installed => self.close(EndCause::Stopped, RestartDecision::Stop),
                _ => {
                    let detail = "its task ended before its time".to_owned();
                    self.begin_end(EndCause::HostFailure { detail }, RestartDecision::Stop);
                }
            }
        }
        while self.bury_some(LETTERS_PER_TURN) {}
        self.over();
    }
}

/// What waits for an answer hears how the call ended, unless it was told before.
fn give_back(envelope: &mut Envelope, slot: Option<ReplySlot>) {
    if let Some(slot) = slot {
        envelope.kind = EnvelopeKind::Request(slot);
    }
}

/// Messages that an actor may still handle before it lets other tasks of its thread run.
struct Turn(u32);

impl Default for Turn {
    fn default() -> Self {
        Self(MESSAGES_PER_TURN)
    }
}

impl Turn {
    async fn pass(&mut self) {
        self.0 = self.0.saturating_sub(1);
        if self.0 == 0 {
            *self = Self::default();
            tokio::task::yield_now().await;
        }
    }
}

async fn pause_for(delay: Duration) {
    if delay.is_zero() {
        tokio::task::yield_now().await;
    } else {
        tokio::time::sleep(delay).await;
    }
}

/// Which warnings this instance has raised already.
#[derive(Debug, Default)]
struct Warned {
    fuel: bool,
    memory: bool,
    wall_clock: bool,
    storage: bool,
}

impl Warned {
    /// The start has limits of its own; what it filled is held on.
    fn look_at_start(&mut self, actor: &Actor, started: &Completed<ComponentInstance>) {
        let Completed { value: instance, fuel, time } = started;
        if is_near(fuel.consumed(), fuel.max_fuel()) {
            warn(actor, WarnedLimit::StartFuel, fuel.consumed(), fuel.max_fuel());
        }
        let (used, max) = (time.map_or(0, milliseconds), milliseconds(actor.setup.start.timeout));
        if is_near(used, max) {
            warn(actor, WarnedLimit::StartWallClock, used, max);
        }
        self.look_at_held(actor, instance);
    }

    fn look(
        &mut self,
        actor: &Actor,
        instance: &ComponentInstance,
        fuel: FuelMetrics,
        time: Option<Duration>,
    ) {
        if !self.fuel && is_near(fuel.consumed(), fuel.max_fuel()) {
            self.fuel = true;
            warn(actor, WarnedLimit::Fuel, fuel.consumed(), fuel.max_fuel());
        }
        self.look_at_held(actor, instance);
        // Most calls are over before anybody looks at the time.
        if let Some(time) = time.filter(|_| !self.wall_clock) {
            let (used, max) = (milliseconds(time), actor.setup.limits.execution_timeout_ms());
            if is_near(used, max) {
                self.wall_clock = true;
                warn(actor, WarnedLimit::WallClock, used, max);
            }
        }
    }

    /// What the instance holds from one call to the next, and what its component keeps.
    fn look_at_held(&mut self, actor: &Actor, instance: &ComponentInstance) {
        let (used, max) = (instance.memory_bytes(), instance.max_memory_bytes());
        if !self.memory && is_near(used, max) {
            self.memory = true;
            warn(actor, WarnedLimit::Memory, used, max);
        }
        let storage = actor.storage.as_ref().filter(|_| !self.storage);
        if let Some((used, max)) = storage.and_then(|storage| storage.near_quota()) {
            self.storage = true;
            warn(actor, WarnedLimit::Storage, used, max);
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn warn(actor: &Actor, limit: WarnedLimit, used: u64, max: u64) {
    actor.events.raise(|| Event::NearLimit { id: actor.record.id.clone(), limit, used, max });
}

/// Whether `used` is at least the warning share of `max`, without overflow at the largest values.
pub(crate) fn is_near(used: u64, max: u64) -> bool {
    u128::from(used) * 100 >= u128::from(max) * u128::from(WARNING_PERCENT)
}

/// Why an instance could not be made, as an ending.
fn start_cause(error: &RuntimeError) -> EndCause {
    match error {
        RuntimeError::InstantiationFailed(failure) => failure.cause.clone(),
        other => EndCause::InitialiseFailed { detail: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_tenths_are_near() {
        for (used, max, near) in [
            (89, 100, false),
            (90, 100, true),
            (8, 10, false),
            (9, 10, true),
            (0, 1, false),
            (u64::MAX, u64::MAX, true),
        ] {
            assert_eq!(is_near(used, max), near, "{used} of {max}");
        }
    }
}
