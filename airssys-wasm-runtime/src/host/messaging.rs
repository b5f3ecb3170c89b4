//! `airssys:core/messaging`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};
use wasmtime::component::{Resource, ResourceTableError};

use airssys_wasm_core::{
    IdError, MAX_CONTENT_TYPE_BYTES, MessageLink, MessagePayload, SendError, Undelivered,
};

use crate::bindings::airssys::core::messaging::{
    CorrelationId, Host, HostError, HostPeer, Payload, RequestError, TimerId,
};
use crate::bindings::airssys::core::types;
use crate::peer::Peer;
use crate::state::{HostState, LinkError};

type Refusable<T> = wasmtime::Result<Result<T, HostError>>;

impl types::Host for HostState {}

impl Host for HostState {
    async fn send(&mut self, target: String, payload: Payload) -> Refusable<()> {
        let link = match self.link(&target) {
            Ok(link) => link,
            Err(error) => return Ok(Err(link_refusal(error))),
        };
        Ok(deliver(self, link, payload).await)
    }

    fn request(&mut self, _: String, _: Payload, _: u32) -> Refusable<CorrelationId> {
        unsupported("messaging.request")
    }

    fn call(&mut self, _: String, _: Payload, _: u32) -> wasmtime::Result<Result<Payload, RequestError>> {
        Ok(Err(RequestError::Refused(HostError::Unsupported("messaging.call".to_owned()))))
    }

    fn cancel_request(&mut self, _: CorrelationId) -> Refusable<()> {
        unsupported("messaging.cancel-request")
    }

    fn broadcast(
        &mut self,
        targets: Vec<String>,
        _: Payload,
    ) -> wasmtime::Result<Vec<Result<(), HostError>>> {
        let refusal = || Err(HostError::Unsupported("messaging.broadcast".to_owned()));
        Ok(targets.iter().map(|_| refusal()).collect())
    }

    fn publish(&mut self, _: String, _: Payload) -> Refusable<u32> {
        unsupported("messaging.publish")
    }

    fn subscribe(&mut self, _: String) -> Refusable<()> {
        unsupported("messaging.subscribe")
    }

    fn unsubscribe(&mut self, _: String) -> Refusable<()> {
        unsupported("messaging.unsubscribe")
    }

    fn send_after(&mut self, _: String, _: Payload, _: u64) -> Refusable<TimerId> {
        unsupported("messaging.send-after")
    }

    fn cancel_timer(&mut self, _: TimerId) -> Refusable<()> {
        unsupported("messaging.cancel-timer")
    }

    fn self_id(&mut self) -> wasmtime::Result<String> {
        Ok(self.component_id().to_string())
    }
}

impl HostPeer for HostState {
    fn resolve(&mut self, target: String) -> Refusable<Resource<Peer>> {
        let address = match target.parse() {
            Ok(address) => address,
            Err(error) => {
                let error: IdError = error;
                return Ok(Err(HostError::InvalidArgument(error.to_string())));
            }
        };
        match self.open_link(&address) {
            Ok(link) => match self.resource_table().push(Peer::new(link)) {
                Ok(peer) => Ok(Ok(peer)),
                Err(ResourceTableError::Full) => Ok(Err(HostError::QuotaExceeded)),
                Err(error) => Err(error.into()),
            },
            Err(error) => Ok(Err(refusal(&error))),
        }
    }

    fn id(&mut self, peer: Resource<Peer>) -> wasmtime::Result<String> {
        Ok(self.resource_table().get(&peer)?.link().target().to_string())
    }

    async fn send(&mut self, peer: Resource<Peer>, payload: Payload) -> Refusable<()> {
        let link = Arc::clone(self.resource_table().get(&peer)?.link());
        Ok(deliver(self, link, payload).await)
    }

    fn request(&mut self, _: Resource<Peer>, _: Payload, _: u32) -> Refusable<CorrelationId> {
        unsupported("peer.request")
    }

    fn call(
        &mut self,
        _: Resource<Peer>,
        _: Payload,
        _: u32,
    ) -> wasmtime::Result<Result<Payload, RequestError>> {
        Ok(Err(RequestError::Refused(HostError::Unsupported("peer.call".to_owned()))))
    }

    fn drop(&mut self, peer: Resource<Peer>) -> wasmtime::Result<()> {
        self.resource_table().delete(peer)?;
        Ok(())
    }
}

fn unsupported<T>(name: &str) -> Refusable<T> {
    Ok(Err(HostError::Unsupported(name.to_owned())))
}

/// Offers a message, and waits for room where the receiver's rule says so, but never so long that the
/// guest's own time is up before it hears of it.
async fn deliver(
    state: &mut HostState,
    link: Arc<dyn MessageLink>,
    payload: Payload,
) -> Result<(), HostError> {
    let payload = incoming(payload)?;
    match link.send(payload) {
        Ok(()) => Ok(()),
        Err(Undelivered { error: SendError::Full, payload }) if link.waits_for_room() => {
            wait_for_room(&*link, payload, state.clock_mut().patience()).await
        }
        Err(Undelivered { error, .. }) => Err(refusal(&error)),
    }
}

async fn wait_for_room(
    link: &dyn MessageLink,
    mut payload: MessagePayload,
    patience: Duration,
) -> Result<(), HostError> {
    if patience.is_zero() {
        link.gave_up();
        return Err(HostError::Full);
    }
    // A wait beyond every clock's range is a wait without end; the call's own time still ends it.
    let until = Instant::now().checked_add(patience);
    loop {
        let room = link.room();
        let in_time = match until {
            Some(until) => timeout_at(until, room).await.is_ok(),
            None => {
                room.await;
                true
            }
        };
        match link.resend(payload) {
            Ok(()) => return Ok(()),
            Err(Undelivered { error: SendError::Full, payload: back }) if in_time => payload = back,
            Err(Undelivered { error: SendError::Full, .. }) => {
                link.gave_up();
                return Err(HostError::Full);
            }
            Err(Undelivered { error, .. }) => return Err(refusal(&error)),
        }
    }
}

fn incoming(payload: Payload) -> Result<MessagePayload, HostError> {
    let Payload { data, content_type } = payload;
    let payload = MessagePayload::new(Bytes::from(data));
    match content_type {
        None => Ok(payload),
        Some(text) if text.len() <= MAX_CONTENT_TYPE_BYTES => Ok(payload.with_content_type(text)),
        Some(text) => Err(HostError::InvalidArgument(format!(
            "content type of {} bytes; at most {MAX_CONTENT_TYPE_BYTES} are allowed",
            text.len()
        ))),
    }
}

fn link_refusal(error: LinkError) -> HostError {
    match error {
        LinkError::Malformed(text) => HostError::InvalidArgument(text),
        LinkError::Refused(error) => refusal(&error),
    }
}

fn refusal(error: &SendError) -> HostError {
    match error {
        SendError::Denied(rule) => HostError::Denied(rule.manifest_key().to_owned()),
        SendError::Full => HostError::Full,
        SendError::Closed => HostError::Closed,
        SendError::NotFound => HostError::NotFound,
        SendError::TooLarge(limit) => HostError::TooLarge(*limit),
        SendError::NoHandler => HostError::NoHandler,
        SendError::RateLimited => HostError::RateLimited,
        other => HostError::Denied(other.to_string()),
    }
}
