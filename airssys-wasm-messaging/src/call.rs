//! Waiting in the middle of a call: for a reply, and for room.
//!
//! Invariant: who waits is in the graph of waits for as long as it can be held up, and no longer: it leaves
//! when its answer is given, not when it next runs, so that nobody is refused for a wait that is over.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use airssys_wasm_core::{BoxFuture, MessagePayload, RequestError, SendError, Undelivered};

use crate::link::{Refused, RouterLink, Tried, Wanted};
use crate::reply::{Caller, ReplySlot};
use crate::turn::let_others_run;
use crate::waits::{WaitGuard, Waiting, WaitsFor};

impl RouterLink {
    /// As [`MessageLink::send_when_room`](airssys_wasm_core::MessageLink::send_when_room).
    pub(crate) fn wait_with(
        &self,
        payload: MessagePayload,
        patience: Duration,
    ) -> BoxFuture<'_, Result<(), Undelivered>> {
        Box::pin(async move {
            let guard = self.wait_guard(self.router.correlations.next_id().get());
            let waiting = guard.as_ref().map(WaitGuard::waiting);
            // It came back from here, and a sender sends one at a time.
            let refused = Refused::new(payload, None, Some(Tried::admitted_by(self.admission())));
            let outcome =
                self.push_when_room(refused, waiting.map(|waiting| &**waiting), deadline(patience)).await;
            outcome.map_err(Refused::give_up)
        })
    }

    /// As [`MessageLink::call`](airssys_wasm_core::MessageLink::call).
    pub(crate) fn call_within(
        &self,
        payload: MessagePayload,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<MessagePayload, RequestError>> {
        Box::pin(async move {
            let until = deadline(timeout);
            let correlation = self.router.correlations.next_id();
            let guard = self.wait_guard(correlation.get());
            let waiting = guard.as_ref().map(WaitGuard::waiting);
            let (slot, reply) = match (waiting, &self.desk) {
                (Some(waiting), Some(desk)) => {
                    let (reply, answered) = oneshot::channel();
                    let max_bytes = desk.max_answer_bytes();
                    let caller = Caller { reply, waiting: Arc::clone(waiting), max_bytes };
                    (ReplySlot::to_caller(correlation, caller), answered)
                }
                // Only instances call; a part of the host has a future of its own to wait with.
                _ => return Err(RequestError::Refused(SendError::Closed)),
            };
            let mut sent = self.offer(payload, Some(slot), None);
            if let Err(refused) = sent {
                sent = if refused.error == SendError::Full && self.waits() {
                    self.push_when_room(refused, waiting.map(|waiting| &**waiting), until).await
                } else {
                    Err(refused)
                };
            }
            if let Err(Refused { error, reply, .. }) = sent {
                if let Some(slot) = reply {
                    slot.defuse();
                }
                return Err(RequestError::Refused(error));
            }
            let answer = match until {
                Some(until) => timeout_at(until, reply).await.map_err(|_elapsed| RequestError::TimedOut {
                    timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
                })?,
                None => reply.await,
            };
            // The slot answers whatever becomes of it, so that the channel is never just dropped.
            answer.unwrap_or(Err(RequestError::Refused(SendError::Closed)))
        })
    }

    /// Offers a message again and again, whenever there is room, until the time is over.
    async fn push_when_room(
        &self,
        mut refused: Refused,
        waiting: Option<&Waiting>,
        until: Option<Instant>,
    ) -> Result<(), Refused> {
        loop {
            let wanted = self.wanted(&refused);
            if let Some(waiting) = waiting
                && !wanted.is_empty()
            {
                let rooms = wanted.iter().map(|Wanted { receiver, .. }| WaitsFor {
                    whom: receiver.desk.number(),
                    room: Some(receiver.mailbox.clone()),
                });
                if !waiting.wait_for(rooms.collect()) {
                    refused.error = SendError::WouldDeadlock;
                    self.refuse_wait(&refused.error, refused.reply.as_ref());
                    return Err(refused);
                }
            }
            let room = self.first_room(wanted);
            let in_time = match until {
                // What is ready at once is not asked whether it is in time.
                Some(until) => timeout_at(until, room).await.is_ok() && Instant::now() < until,
                // A wait beyond every clock's range is a wait without end; the call's own time still ends it.
                None => {
                    room.await;
                    true
                }
            };
            let Refused { payload, reply, tried, .. } = refused;
            match self.offer(payload, reply, tried) {
                Err(back) if back.error == SendError::Full && in_time => {
                    refused = back;
                    // Others may take every room that there is; they must come to give it back.
                    let_others_run().await;
                }
                Err(back) => {
                    if back.error == SendError::Full && self.waits() {
                        self.refuse_wait(&back.error, back.reply.as_ref());
                    }
                    return Err(back);
                }
                Ok(()) => return Ok(()),
            }
        }
    }

    fn wait_guard(&self, serial: u64) -> Option<WaitGuard> {
        let desk = self.desk.as_ref()?;
        Some(WaitGuard::new(&self.router.waits, desk.number(), serial))
    }
}

fn deadline(patience: Duration) -> Option<Instant> {
    Instant::now().checked_add(patience)
}
