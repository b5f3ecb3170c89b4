//! Sending and asking from Rust.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use airssys_wasm_core::{Address, MessagePayload, RequestError, SendError, Undelivered};
use airssys_wasm_messaging::{CorrelationSource, ReplySlot, ReplyWait, Router, RouterLink};

/// A way from a part of the host to a component, or to one of its instances. Cheap to clone.
///
/// A reference without instance means any running instance of the component, in turn.
#[derive(Clone)]
pub struct ComponentRef {
    link: Arc<RouterLink>,
    target: Address,
    correlations: Arc<CorrelationSource>,
}

impl ComponentRef {
    pub(crate) fn open(
        router: &Router,
        sender: &Address,
        target: &Address,
        correlations: &Arc<CorrelationSource>,
    ) -> Result<Self, SendError> {
        Ok(Self {
            link: Arc::new(router.open_link(sender, target)?),
            target: target.clone(),
            correlations: Arc::clone(correlations),
        })
    }

    /// Whom it leads to.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.target
    }

    /// Sends a message and returns at once. `Ok` means accepted: delivery is at most once, and what cannot
    /// be delivered after all becomes a dead letter.
    ///
    /// # Errors
    ///
    /// The message comes back with the reason, [`SendError::Full`] among them.
    pub fn send(&self, payload: impl Into<MessagePayload>) -> Result<(), Undelivered> {
        self.link.send_with_reply(payload.into(), None)
    }

    /// As [`send`](Self::send), but waits for room in the mailbox, however long it takes.
    ///
    /// # Errors
    ///
    /// The message comes back with the reason.
    pub async fn send_waiting(&self, payload: impl Into<MessagePayload>) -> Result<(), Undelivered> {
        self.link.send_waiting(payload.into(), None).await
    }

    /// Sends a request, waiting for room in the mailbox, and waits for its reply; a handler that returns
    /// nothing replies with an empty payload. What waits before it, and a restart, add to the wait: bound it by
    /// [`request_within`](Self::request_within) where that matters.
    ///
    /// # Errors
    ///
    /// [`RequestError`]: refused, answered with an error, or the receiver ended before it answered.
    pub async fn request(&self, payload: impl Into<MessagePayload>) -> Result<MessagePayload, RequestError> {
        let (slot, reply) = ReplySlot::new(self.correlations.next_id());
        // A refusal reaches the requester through the slot, like every other answer.
        drop(self.link.send_waiting(payload.into(), Some(slot)).await);
        reply.await
    }

    /// Sends a request without waiting for room, so that many can be under way at a time; the future is the
    /// reply. Dropping it gives the request up.
    ///
    /// # Errors
    ///
    /// The message comes back with the reason.
    pub fn start_request(&self, payload: impl Into<MessagePayload>) -> Result<ReplyWait, Undelivered> {
        let (slot, reply) = ReplySlot::new(self.correlations.next_id());
        self.link.send_with_reply(payload.into(), Some(slot))?;
        Ok(reply)
    }

    /// As [`request`](Self::request), within a time that covers everything.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request), and [`RequestError::TimedOut`].
    pub async fn request_within(
        &self,
        payload: impl Into<MessagePayload>,
        timeout: Duration,
    ) -> Result<MessagePayload, RequestError> {
        match tokio::time::timeout(timeout, self.request(payload)).await {
            Ok(reply) => reply,
            Err(_elapsed) => Err(RequestError::TimedOut {
                timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
            }),
        }
    }
}

impl fmt::Debug for ComponentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ComponentRef({})", self.target)
    }
}
