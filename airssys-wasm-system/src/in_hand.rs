//! The request that an actor has in hand, so that it can be answered where the actor itself does not come to run.

#![expect(clippy::disallowed_types, reason = "held to put one slot in or take it out, never across an await")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use airssys_wasm_core::{EndCause, RequestError};
use airssys_wasm_messaging::ReplySlot;
use airssys_wasm_runtime::OverdueCall;

/// The right to answer the request in hand, where there is one.
///
/// Invariant: a slot is here from before its call begins until after it has ended, and a call is given up with the lock
/// held. So nobody answers one request for the call of another.
#[derive(Debug, Default)]
pub(crate) struct InHand(Mutex<Option<ReplySlot>>);

impl InHand {
    /// The call of a request begins.
    pub(crate) fn put(&self, slot: ReplySlot) {
        *self.slot() = Some(slot);
    }

    /// The call of a request has ended; none where it was given up.
    pub(crate) fn take(&self) -> Option<ReplySlot> {
        self.slot().take()
    }

    /// Answers the request, and gives its call up; where nobody waits for the call, it ends when it ends.
    pub(crate) fn give_up(&self, call: OverdueCall<'_>) {
        let mut held = self.slot();
        let slot = if held.is_some() && call.give_up() { held.take() } else { None };
        drop(held);
        if let Some(slot) = slot {
            let cause = EndCause::Timeout { timeout_ms: 0, fuel_consumed: 0 }.name().to_owned();
            slot.answer(Err(RequestError::ReceiverEnded { cause }));
        }
    }

    fn slot(&self) -> MutexGuard<'_, Option<ReplySlot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
