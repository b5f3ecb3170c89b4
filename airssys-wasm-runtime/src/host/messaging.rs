//! `airssys:core/messaging`.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Resource, ResourceTableError};

use airssys_wasm_core::{Address, IdError, PatternError, SendError, TimerId as Timer, Topic, TopicPattern};

use crate::bindings::airssys::core::messaging::{
    CorrelationId, Host, HostError, HostPeer, Payload, RequestError, TimerId,
};
use crate::bindings::airssys::core::types;
use crate::bounds::MAX_BROADCAST_TARGETS;
use crate::host::delivery::{call, deliver, incoming, link_refusal, refusal, request};
use crate::peer::Peer;
use crate::state::HostState;

type Refusable<T> = wasmtime::Result<Result<T, HostError>>;

impl types::Host for HostState {}

impl Host for HostState {
    // Looks at the time when it is done, when there is least that would have to be kept meanwhile.
    async fn send(&mut self, target: String, payload: Payload) -> Refusable<()> {
        let sent = match self.link(&target) {
            Ok(link) => deliver(self, link, payload).await,
            Err(error) => Err(link_refusal(error)),
        };
        self.take_turn().await?;
        Ok(sent)
    }

    async fn request(
        &mut self,
        target: String,
        payload: Payload,
        timeout_ms: u32,
    ) -> Refusable<CorrelationId> {
        self.take_turn().await?;
        let link = self.link(&target).map_err(link_refusal);
        Ok(link.and_then(|link| request(&*link, payload, timeout_ms)))
    }

    async fn call(
        &mut self,
        target: String,
        payload: Payload,
        timeout_ms: u32,
    ) -> wasmtime::Result<Result<Payload, RequestError>> {
        self.take_turn().await?;
        let link = match self.link(&target) {
            Ok(link) => link,
            Err(error) => return Ok(Err(RequestError::Refused(link_refusal(error)))),
        };
        Ok(call(self, link, payload, timeout_ms).await)
    }

    fn cancel_request(&mut self, correlation: CorrelationId) -> Refusable<()> {
        self.check_time()?;
        let correlation = airssys_wasm_core::CorrelationId::new(correlation);
        Ok(found(self.message_router().cancel_request(self.component_id(), correlation)))
    }

    async fn broadcast(
        &mut self,
        targets: Vec<String>,
        payload: Payload,
    ) -> wasmtime::Result<Vec<Result<(), HostError>>> {
        self.take_turn().await?;
        let payload = incoming(payload);
        let results = targets.iter().take(MAX_BROADCAST_TARGETS).map(|target| {
            let payload = payload.clone()?;
            let link = self.link(target).map_err(link_refusal)?;
            link.send(payload).map_err(|undelivered| {
                if undelivered.error == SendError::Full && link.waits_for_room() {
                    link.gave_up();
                }
                refusal(&undelivered.error)
            })
        });
        let mut results: Vec<_> = results.collect();
        let refused = targets.len() - results.len();
        if refused > 0 {
            self.count_beyond_quota(refused as u64);
        }
        // However many there are, the guest's time is looked at.
        while results.len() < targets.len() {
            self.check_time()?;
            let more = (results.len() + MAX_BROADCAST_TARGETS).min(targets.len());
            results.resize(more, Err(HostError::QuotaExceeded));
        }
        Ok(results)
    }

    async fn publish(&mut self, topic: String, payload: Payload) -> Refusable<u32> {
        self.take_turn().await?;
        let topic: Result<Topic, HostError> = topic.parse().map_err(malformed);
        let (topic, payload) = match topic.and_then(|topic| Ok((topic, incoming(payload)?))) {
            Ok(checked) => checked,
            Err(error) => return Ok(Err(error)),
        };
        let (router, publisher) = (self.shared_router(), self.component_id().clone());
        let published = router.publish(&publisher, &topic, &payload).await;
        Ok(published.map_err(|error| refusal(&error)))
    }

    async fn subscribe(&mut self, pattern: String) -> Refusable<()> {
        self.take_turn().await?;
        let subscribe = |pattern: TopicPattern| {
            let subscribed = self.message_router().subscribe(self.component_id(), &pattern);
            subscribed.map_err(|error| refusal(&error))
        };
        Ok(pattern.parse().map_err(malformed).and_then(subscribe))
    }

    async fn unsubscribe(&mut self, pattern: String) -> Refusable<()> {
        self.take_turn().await?;
        let unsubscribe =
            |pattern: TopicPattern| found(self.message_router().unsubscribe(self.component_id(), &pattern));
        Ok(pattern.parse().map_err(malformed).and_then(unsubscribe))
    }

    async fn send_after(&mut self, target: String, payload: Payload, delay_ms: u64) -> Refusable<TimerId> {
        self.take_turn().await?;
        let send_after = |target: Address, payload| {
            let delay = Duration::from_millis(delay_ms);
            let set = self.message_router().send_after(self.component_id(), &target, payload, delay);
            set.map(Timer::get).map_err(|error| refusal(&error))
        };
        let target = target.parse().map_err(|error: IdError| HostError::InvalidArgument(error.to_string()));
        Ok(target.and_then(|target| send_after(target, incoming(payload)?)))
    }

    fn cancel_timer(&mut self, timer: TimerId) -> Refusable<()> {
        self.check_time()?;
        Ok(found(self.message_router().cancel_timer(self.component_id(), Timer::new(timer))))
    }

    fn self_id(&mut self) -> wasmtime::Result<String> {
        self.check_time()?;
        Ok(self.component_id().to_string())
    }
}

impl HostPeer for HostState {
    async fn resolve(&mut self, target: String) -> Refusable<Resource<Peer>> {
        self.take_turn().await?;
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
                Err(ResourceTableError::Full) => Ok(Err(self.quota_exceeded())),
                Err(error) => Err(error.into()),
            },
            Err(error) => Ok(Err(refusal(&error))),
        }
    }

    fn id(&mut self, peer: Resource<Peer>) -> wasmtime::Result<String> {
        self.check_time()?;
        Ok(self.resource_table().get(&peer)?.link().target().to_string())
    }

    async fn send(&mut self, peer: Resource<Peer>, payload: Payload) -> Refusable<()> {
        let link = Arc::clone(self.resource_table().get(&peer)?.link());
        let sent = deliver(self, link, payload).await;
        self.take_turn().await?;
        Ok(sent)
    }

    async fn request(
        &mut self,
        peer: Resource<Peer>,
        payload: Payload,
        timeout_ms: u32,
    ) -> Refusable<CorrelationId> {
        self.take_turn().await?;
        Ok(request(&**self.resource_table().get(&peer)?.link(), payload, timeout_ms))
    }

    async fn call(
        &mut self,
        peer: Resource<Peer>,
        payload: Payload,
        timeout_ms: u32,
    ) -> wasmtime::Result<Result<Payload, RequestError>> {
        self.take_turn().await?;
        let link = Arc::clone(self.resource_table().get(&peer)?.link());
        Ok(call(self, link, payload, timeout_ms).await)
    }

    fn drop(&mut self, peer: Resource<Peer>) -> wasmtime::Result<()> {
        self.check_time()?;
        self.resource_table().delete(peer)?;
        Ok(())
    }
}

impl HostState {
    /// A bound of this layer was reached; counted with those of the router.
    fn quota_exceeded(&self) -> HostError {
        self.count_beyond_quota(1);
        HostError::QuotaExceeded
    }

    fn count_beyond_quota(&self, refused: u64) {
        self.message_router().count_refusals(self.component_id(), &SendError::QuotaExceeded, refused);
    }
}

fn found(is_there: bool) -> Result<(), HostError> {
    if is_there { Ok(()) } else { Err(HostError::NotFound) }
}

fn malformed(error: PatternError) -> HostError {
    HostError::InvalidArgument(error.to_string())
}
