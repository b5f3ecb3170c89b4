//! Publishing and subscribing.
//!
//! The publisher's right comes first, then each subscriber's own guard and mailbox: what one of them refuses
//! touches no other. Publishing never waits, whatever a subscriber's overflow rule: one that is full must not
//! hold up the others.

#![expect(clippy::disallowed_types, reason = "read for one look-up; changed when somebody subscribes")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use airssys_wasm_core::{Address, ComponentId, MessagePayload, SendError, Topic, TopicPattern};

use crate::dead_letters::DeadLetterCause;
use crate::directory::Receiver;
use crate::envelope::Envelope;
use crate::feed::Feed;
use crate::router::Inner;
use crate::topics::TopicIndex;

/// Who gets what is published.
#[derive(Debug)]
pub(crate) enum Subscriber {
    /// An instance.
    Instance(Subscription),
    /// A stream of the host's.
    Host(Feed),
}

/// An instance's subscription.
#[derive(Debug)]
pub(crate) struct Subscription {
    receiver: Arc<Receiver>,
    pattern: TopicPattern,
    /// The guard's generation at which the right to it was last seen.
    granted_at: AtomicU64,
}

/// The subscriptions of all instances and of the host.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    index: RwLock<TopicIndex<Arc<Subscriber>>>,
}

impl Topics {
    pub(crate) fn insert(&self, pattern: &TopicPattern, number: u64, subscriber: Subscriber) {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        index.insert(pattern, number, Arc::new(subscriber));
    }

    pub(crate) fn remove(&self, pattern: &TopicPattern, number: u64) {
        self.index.write().unwrap_or_else(PoisonError::into_inner).remove(pattern, number);
    }

    fn matching(&self, topic: &Topic) -> Vec<Arc<Subscriber>> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).matching(topic)
    }
}

impl Inner {
    pub(crate) fn publish(
        &self,
        publisher: &Address,
        topic: &Topic,
        payload: &MessagePayload,
    ) -> Result<u32, SendError> {
        let (traffic, _) = self.sender(publisher);
        if let Err(error) = self.guard.authorise_publication(publisher, topic) {
            traffic.count(&error);
            self.show_topic_denial(publisher, topic.as_str(), &error);
            return Err(error);
        }
        let mut accepted = 0;
        for subscriber in self.topics.matching(topic) {
            let taken = match &*subscriber {
                Subscriber::Instance(subscription) => self.hand_to(subscription, publisher, topic, payload),
                Subscriber::Host(feed) => feed.take(publisher, topic, payload),
            };
            match taken {
                Ok(()) => {
                    traffic.count_sent();
                    accepted += 1;
                }
                Err(error) => traffic.count(&error),
            }
        }
        Ok(accepted)
    }

    fn hand_to(
        &self,
        subscription: &Subscription,
        publisher: &Address,
        topic: &Topic,
        payload: &MessagePayload,
    ) -> Result<(), SendError> {
        let Subscription { receiver, pattern, granted_at } = subscription;
        let own = receiver.id.address();
        let generation = self.generation();
        if granted_at.load(Ordering::Acquire) != generation {
            if let Err(error) = self.guard.authorise_subscription(own, pattern) {
                self.show_topic_denial(own, pattern.as_str(), &error);
                self.unsubscribe(&receiver.id, pattern);
                return Err(SendError::NotFound);
            }
            granted_at.store(generation, Ordering::Release);
        }
        let admission = self.guard.authorise_receipt(publisher, own);
        admission
            .and_then(|admission| admission.admit(payload.weight()))
            .inspect_err(|error| self.show_denial(publisher, own, error, None))?;
        let envelope = Envelope::publication(publisher.clone(), payload.clone(), topic.clone());
        let pushed = receiver.mailbox.try_push(envelope).map_err(|(error, _)| error);
        let pushed = pushed.inspect_err(|error| self.show_denial(publisher, own, error, None))?;
        if let Some(warning) = &pushed.warning {
            self.show_warning(&receiver.id, warning);
        }
        for envelope in pushed.dropped {
            self.dead_letters.bury(own, envelope, &DeadLetterCause::Overflow);
        }
        Ok(())
    }

    pub(crate) fn subscribe(&self, id: &ComponentId, pattern: &TopicPattern) -> Result<(), SendError> {
        let receiver = self.directory.find_instance(id.address()).ok_or(SendError::Closed)?;
        let generation = self.generation();
        if let Err(error) = self.guard.authorise_subscription(id.address(), pattern) {
            receiver.traffic.count(&error);
            self.show_topic_denial(id.address(), pattern.as_str(), &error);
            return Err(error);
        }
        if !receiver.has_handler {
            return Err(SendError::NoHandler);
        }
        let desk = Arc::clone(&receiver.desk);
        let granted_at = AtomicU64::new(generation);
        let subscription = Subscription { receiver, pattern: pattern.clone(), granted_at };
        let insert = || self.topics.insert(pattern, desk.number(), Subscriber::Instance(subscription));
        desk.add_subscription(pattern, insert)
    }

    pub(crate) fn unsubscribe(&self, id: &ComponentId, pattern: &TopicPattern) -> bool {
        let receiver = self.directory.find_instance(id.address());
        receiver.is_some_and(|receiver| {
            let desk = &receiver.desk;
            desk.remove_subscription(pattern, || self.topics.remove(pattern, desk.number()))
        })
    }
}
