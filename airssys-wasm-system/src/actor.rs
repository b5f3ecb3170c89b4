//! The component actor: the one task that owns an instance, and makes the next one when it fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use airssys_wasm_core::{ComponentState, EndCause, FuelMetrics, RestartDecision, RestartTracker};
use airssys_wasm_messaging::{DeadLetterCause, Envelope, MailboxReceiver, Router};
use airssys_wasm_runtime::{
    ComponentInstance, InstanceSetup, RuntimeError, VerifiedComponent, WasmtimeEngine,
};

use crate::actor_state::ActorState;
use crate::control::Wish;
use crate::events::{Event, EventBus, WarnedLimit};
use crate::record::{InstanceRecord, Memory};

/// Messages that an actor handles before it lets other tasks of its thread run.
const MESSAGES_PER_TURN: u32 = 64;

/// The share of a limit at which a warning is raised, in percent.
const WARNING_PERCENT: u64 = 90;

/// Everything that one actor works with.
#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) record: Arc<InstanceRecord>,
    pub(crate) component: VerifiedComponent,
    pub(crate) setup: InstanceSetup,
    pub(crate) engine: Arc<WasmtimeEngine>,
    pub(crate) mailbox: MailboxReceiver,
    pub(crate) tracker: RestartTracker,
    pub(crate) router: Router,
    pub(crate) events: Arc<EventBus>,
    pub(crate) began: Instant,
}

/// How the first start went.
pub(crate) type FirstStart = oneshot::Sender<Result<(), RuntimeError>>;

impl Actor {
    /// Runs until the actor is over. A first start that fails is told and not tried again.
    pub(crate) async fn run(mut self, first: FirstStart) {
        let mut first = Some(first);
        let _over = OverAtLast(Arc::clone(&self.record));
        loop {
            let cause = match self.start().await {
                Ok(instance) => {
                    self.announce_start(&instance);
                    if let Some(first) = first.take() {
                        // Whoever asked may have given up; the instance runs all the same.
                        drop(first.send(Ok(())));
                    }
                    self.serve(instance).await
                }
                Err(error) => {
                    let cause = start_cause(&error);
                    if let Some(first) = first.take() {
                        drop(first.send(Err(error)));
                        self.record.count_end(&cause);
                        return self.end(cause, &RestartDecision::Stop);
                    }
                    cause
                }
            };
            self.record.count_end(&cause);
            if self.record.control.wish() != Wish::Run {
                return self.end(cause, &RestartDecision::Stop);
            }
            let now = self.began.elapsed();
            let decision = self.tracker.on_end(&cause, now, rand::random());
            let RestartDecision::Restart { delay, attempt } = decision else {
                return self.end(cause, &decision);
            };
            if !self.pause(cause, delay, attempt).await {
                return self.end(EndCause::Stopped, &RestartDecision::Stop);
            }
        }
    }

    async fn start(&self) -> Result<ComponentInstance, RuntimeError> {
        let started = self.engine.start(&self.component, self.setup.clone()).await?;
        Ok(started.value)
    }

    fn announce_start(&self, instance: &ComponentInstance) {
        self.record.change(|standing| {
            if let Some(running) = standing.state.started() {
                standing.state = running;
            }
            standing.memory = Memory::Live(instance.memory_gauge());
        });
        self.events.raise(|| Event::Started { id: self.record.id.clone() });
    }

    /// Waits before the next start; false when it was asked to end meanwhile.
    async fn pause(&self, cause: EndCause, delay: Duration, attempt: u32) -> bool {
        self.events.raise(|| Event::Ended { id: self.record.id.clone(), cause: cause.clone() });
        self.events.raise(|| Event::Restarting { id: self.record.id.clone(), delay, attempt });
        let decision = RestartDecision::Restart { delay, attempt };
        self.record.change(|standing| {
            if let Some(waiting) = standing.state.ended(cause.clone(), &decision) {
                standing.state = waiting;
            }
            standing.last_end = Some(cause);
            standing.memory.end();
        });
        if self.record.control.wish() != Wish::Run {
            return false;
        }
        if !delay.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                _ = self.record.control.wished() => return false,
            }
        }
        self.record.counts.restarts.add_one();
        self.record.change(|standing| {
            if let Some(starting) = standing.state.restarting() {
                standing.state = starting;
            }
        });
        true
    }

    /// Handles messages until the instance ends.
    async fn serve(&mut self, mut instance: ComponentInstance) -> EndCause {
        let record = Arc::clone(&self.record);
        let mut warned = Warned::default();
        let mut turn = 0;
        loop {
            match record.control.wish() {
                Wish::Run => {}
                Wish::Stop => return self.drain(instance, warned).await,
                Wish::Kill => return EndCause::Killed,
            }
            let envelope = match self.mailbox.try_next() {
                Some(envelope) => envelope,
                None => {
                    turn = 0;
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
            turn += 1;
            if turn >= MESSAGES_PER_TURN {
                turn = 0;
                tokio::task::yield_now().await;
            }
        }
    }

    /// Handles what the mailbox still holds and shuts the instance down. The grace is watched by who
    /// asked for the stop, and ends in a kill.
    async fn drain(&mut self, mut instance: ComponentInstance, mut warned: Warned) -> EndCause {
        self.mailbox.close();
        self.record.change(|standing| {
            if let Some(draining) = standing.state.draining() {
                standing.state = draining;
            }
        });
        while let Some(envelope) = self.mailbox.try_next() {
            if self.record.control.wish() == Wish::Kill {
                self.bury(envelope, &EndCause::Killed);
                return EndCause::Killed;
            }
            if let Some(cause) = self.handle(&mut instance, envelope, &mut warned).await {
                return cause;
            }
        }
        match instance.shutdown().await {
            Ok(_) => EndCause::Stopped,
            Err(failure) => failure.cause,
        }
    }

    /// Handles one message; the cause where it ended the instance.
    async fn handle(
        &self,
        instance: &mut ComponentInstance,
        envelope: Envelope,
        warned: &mut Warned,
    ) -> Option<EndCause> {
        let correlation = envelope.reply.as_ref().map(|slot| slot.correlation());
        let done = instance.handle_message(envelope.sender.as_str(), correlation, &envelope.payload).await;
        let counts = &self.record.counts;
        match done {
            Ok(done) => {
                counts.handled.add_one();
                warned.look(self, instance, done.fuel);
                if done.value.is_err() {
                    counts.handler_errors.add_one();
                }
                if let Some(slot) = envelope.reply {
                    // A requester that no longer waits wants no answer.
                    slot.answer(match done.value {
                        Ok(reply) => Ok(reply.unwrap_or_default()),
                        Err(error) => Err(airssys_wasm_core::RequestError::Handler(error)),
                    });
                }
                counts.finished.add_one();
                None
            }
            Err(failure) => {
                self.bury(envelope, &failure.cause);
                Some(failure.cause)
            }
        }
    }

    fn bury(&self, envelope: Envelope, cause: &EndCause) {
        let cause = DeadLetterCause::ReceiverEnded(cause.name().to_owned());
        self.router.dead_letters().bury(self.record.id.address(), envelope, &cause);
        self.record.counts.finished.add_one();
    }

    /// The actor is over: nothing can reach it any more, and what waits becomes dead letters.
    fn end(mut self, cause: EndCause, decision: &RestartDecision) {
        self.mailbox.close();
        for envelope in self.mailbox.drain_remaining() {
            self.bury(envelope, &cause);
        }
        self.events.raise(|| Event::Ended { id: self.record.id.clone(), cause: cause.clone() });
        if let RestartDecision::GiveUp { restarts_in_window } = *decision {
            self.events.raise(|| Event::GaveUp { id: self.record.id.clone(), restarts_in_window });
        }
        self.record.change(|standing| {
            if let Some(over) = standing.state.ended(cause.clone(), decision) {
                standing.state = over;
            }
            standing.last_end = Some(cause);
            standing.memory.end();
        });
        debug_assert!(matches!(self.record.state(), ComponentState::Stopped | ComponentState::Failed));
    }
}

/// Marks the actor as over even where its task ends by a panic or is dropped with its runtime, so that
/// nobody waits for it for ever.
struct OverAtLast(Arc<InstanceRecord>);

impl Drop for OverAtLast {
    fn drop(&mut self) {
        if !self.0.is_over() {
            self.0.change(|standing| {
                standing.state = ActorState::Over { cause: EndCause::Killed, failed: true };
                standing.last_end = Some(EndCause::Killed);
            });
        }
    }
}

/// Which warnings this instance has raised already.
#[derive(Debug, Default)]
struct Warned {
    fuel: bool,
    memory: bool,
}

impl Warned {
    fn look(&mut self, actor: &Actor, instance: &ComponentInstance, fuel: FuelMetrics) {
        if !self.fuel && is_near(fuel.consumed(), fuel.max_fuel()) {
            self.fuel = true;
            actor.events.raise(|| Event::NearLimit {
                id: actor.record.id.clone(),
                limit: WarnedLimit::Fuel,
                used: fuel.consumed(),
                max: fuel.max_fuel(),
            });
        }
        let (used, max) = (instance.memory_bytes(), instance.max_memory_bytes());
        if !self.memory && is_near(used, max) {
            self.memory = true;
            actor.events.raise(|| Event::NearLimit {
                id: actor.record.id.clone(),
                limit: WarnedLimit::Memory,
                used,
                max,
            });
        }
    }
}

/// Whether `used` is at least the warning share of `max`, without overflow at the largest values.
fn is_near(used: u64, max: u64) -> bool {
    used >= max - max / 100 * (100 - WARNING_PERCENT)
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
        for (used, max, near) in
            [(89, 100, false), (90, 100, true), (100, 100, true), (0, 1, false), (u64::MAX, u64::MAX, true)]
        {
            assert_eq!(is_near(used, max), near, "{used} of {max}");
        }
    }
}
