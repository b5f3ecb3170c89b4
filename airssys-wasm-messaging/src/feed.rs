//! The host's own subscriptions, as bounded streams.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use airssys_wasm_core::{Address, MailboxConfig, MessagePayload, Overflow, SendError, Topic, TopicPattern};

use crate::bounds::{FEED_CAPACITY, FEED_MAX_BYTES};
use crate::envelope::{Envelope, EnvelopeKind};
use crate::mailbox::{Mailbox, MailboxReceiver, MailboxSender};
use crate::publication::Subscriber;
use crate::router::{Inner, Router};

/// The publishers' side of a stream.
#[derive(Debug)]
pub(crate) struct Feed {
    mailbox: MailboxSender,
    /// What was too large to be held at all.
    refused: Arc<AtomicU64>,
}

impl Feed {
    pub(crate) fn take(
        &self,
        publisher: &Address,
        topic: &Topic,
        payload: &MessagePayload,
    ) -> Result<(), SendError> {
        let envelope = Envelope::publication(publisher.clone(), payload.clone(), topic.clone());
        match self.mailbox.try_push(envelope) {
            // The stream itself is told what it missed.
            Ok(_dropped) => Ok(()),
            Err((error, _)) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Err(error)
            }
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        // With the router: the stream ends, too.
        self.mailbox.close();
    }
}

/// Something that was published, as the host sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Published {
    /// A publication.
    Message {
        /// Who published it.
        publisher: Address,
        /// To which topic.
        topic: Topic,
        /// What it says.
        payload: MessagePayload,
    },
    /// The stream was read too slowly, and missed this many publications here.
    Missed {
        /// How many.
        count: u64,
    },
}

/// What is published to the topics of one pattern from the subscription on, each publisher's in its order. At
/// most [`FEED_CAPACITY`] publications of [`FEED_MAX_BYTES`] in all wait for whoever reads it; dropping it ends
/// the subscription.
pub struct TopicStream {
    mailbox: MailboxReceiver,
    sender: MailboxSender,
    refused: Arc<AtomicU64>,
    told: u64,
    /// What was taken out behind publications that were missed, and is told after them.
    held: Option<Envelope>,
    pattern: TopicPattern,
    number: u64,
    router: Weak<Inner>,
}

impl TopicStream {
    /// The next publication, or how many were missed before it; none when the host is gone. What was too large to be
    /// held at all is told with the next publication, or at the end.
    pub async fn next(&mut self) -> Option<Published> {
        if self.held.is_none() {
            self.held = self.mailbox.next().await;
        }
        let missed = if self.held.is_some() { self.mailbox.pushed_out() } else { self.sender.overflowed() };
        let missed = missed.saturating_add(self.refused.load(Ordering::Relaxed));
        let count = missed.saturating_sub(self.told);
        if count > 0 {
            self.told = missed;
            return Some(Published::Missed { count });
        }
        let Envelope { sender, payload, kind } = self.held.take()?;
        match kind {
            EnvelopeKind::Publication(topic) => {
                Some(Published::Message { publisher: sender, topic, payload })
            }
            // Nothing else is ever put into it.
            _ => None,
        }
    }
}

impl Drop for TopicStream {
    fn drop(&mut self) {
        if let Some(router) = self.router.upgrade() {
            router.topics.remove(&self.pattern, self.number);
        }
    }
}

impl fmt::Debug for TopicStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopicStream").field("pattern", &self.pattern).finish_non_exhaustive()
    }
}

impl Router {
    /// Subscribes a part of the host. It needs no right.
    #[must_use = "the subscription ends when the stream is dropped"]
    pub fn subscribe_from_host(&self, pattern: &TopicPattern) -> TopicStream {
        let config = MailboxConfig {
            capacity: FEED_CAPACITY,
            max_bytes: FEED_MAX_BYTES,
            overflow: Overflow::DropOldest,
        };
        let (sender, mailbox) = Mailbox::new(&config);
        let refused = Arc::new(AtomicU64::new(0));
        let inner = self.inner();
        let number = inner.registrations.fetch_add(1, Ordering::Relaxed);
        let feed = Feed { mailbox: sender.clone(), refused: Arc::clone(&refused) };
        inner.topics.insert(pattern, number, Subscriber::Host(feed));
        let router = Arc::downgrade(inner);
        TopicStream {
            mailbox,
            sender,
            refused,
            told: 0,
            held: None,
            pattern: pattern.clone(),
            number,
            router,
        }
    }

    /// Publishes from a part of the host, which needs no right; each subscriber's largest message binds it.
    /// Tells how many subscribers accepted it. Where the future is dropped the rest of them is left out.
    pub async fn publish_from_host(
        &self,
        sender: &Address,
        topic: &Topic,
        payload: &MessagePayload,
    ) -> Result<u32, SendError> {
        self.inner().publish(sender, topic, payload).await
    }
}
