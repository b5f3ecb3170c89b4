//! Takes the messages of an instance without an actor, and measures them and the links that are held for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use airssys_wasm_core::{
    Address, BoxFuture, CorrelationId, MessageLink, MessagePayload, MessageRouter, RequestError, SendError,
    Undelivered,
};

/// Accepts every message to everybody.
#[derive(Debug, Clone, Default)]
pub(crate) struct Post(Arc<Figures>);

#[derive(Debug, Default)]
struct Figures {
    letters: AtomicU64,
    longest_type: AtomicU64,
    longest_name: AtomicU64,
    links: AtomicU64,
    most_links: AtomicU64,
}

impl Post {
    /// Messages that were accepted.
    pub(crate) fn letters(&self) -> u64 {
        self.0.letters.load(Ordering::SeqCst)
    }

    /// Bytes of the longest content type.
    pub(crate) fn longest_type(&self) -> u64 {
        self.0.longest_type.load(Ordering::SeqCst)
    }

    /// Bytes of the longest name that anybody was looked up by, without its namespace.
    pub(crate) fn longest_name(&self) -> u64 {
        self.0.longest_name.load(Ordering::SeqCst)
    }

    /// Links that were held at the same time.
    pub(crate) fn most_links(&self) -> u64 {
        self.0.most_links.load(Ordering::SeqCst)
    }
}

impl MessageRouter for Post {
    fn open(&self, _: &Address, target: &Address) -> Result<Arc<dyn MessageLink>, SendError> {
        let figures = &self.0;
        figures.longest_name.fetch_max(target.name().len() as u64, Ordering::SeqCst);
        let links = figures.links.fetch_add(1, Ordering::SeqCst) + 1;
        figures.most_links.fetch_max(links, Ordering::SeqCst);
        Ok(Arc::new(Link { target: target.clone(), figures: Arc::clone(figures) }))
    }
}

#[derive(Debug)]
struct Link {
    target: Address,
    figures: Arc<Figures>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.figures.links.fetch_sub(1, Ordering::SeqCst);
    }
}

impl MessageLink for Link {
    fn target(&self) -> &Address {
        &self.target
    }

    fn is_open(&self) -> bool {
        true
    }

    fn send(&self, payload: MessagePayload) -> Result<(), Undelivered> {
        self.figures.letters.fetch_add(1, Ordering::SeqCst);
        let length = payload.content_type().map_or(0, str::len);
        self.figures.longest_type.fetch_max(length as u64, Ordering::SeqCst);
        Ok(())
    }

    fn waits_for_room(&self) -> bool {
        false
    }

    fn send_when_room(&self, payload: MessagePayload, _: Duration) -> BoxFuture<'_, Result<(), Undelivered>> {
        Box::pin(std::future::ready(self.send(payload)))
    }

    /// Nobody answers here.
    fn request(&self, payload: MessagePayload, _: Duration) -> Result<CorrelationId, Undelivered> {
        Err(Undelivered { error: SendError::Closed, payload })
    }

    /// Nobody answers here.
    fn call(&self, _: MessagePayload, _: Duration) -> BoxFuture<'_, Result<MessagePayload, RequestError>> {
        Box::pin(std::future::ready(Err(RequestError::Refused(SendError::Closed))))
    }
}
