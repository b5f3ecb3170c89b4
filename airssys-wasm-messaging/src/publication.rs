//! Publishing and subscribing.
//!
//! The publisher's right comes first, then each receiving component's guard and each subscriber's mailbox: what one
//! of them refuses touches no other. Publishing never waits for room, whatever a subscriber's overflow rule: one that
//! is full must not hold up the others. Where there are many subscribers it gives way to others every so many steps.
//!
//! Invariant: one publication is one message to a component, however many of its instances are subscribed: it is
//! admitted once and refused once.

#![expect(clippy::disallowed_types, reason = "held for a bounded look-up, or when somebody subscribes")]

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use airssys_wasm_core::{Address, Admission, ComponentId, MessagePayload, SendError, Topic, TopicPattern};

use crate::counters::TrafficCounters;
use crate::desk::Desk;
use crate::directory::Receiver;
use crate::envelope::Envelope;
use crate::feed::Feed;
use crate::router::Inner;
use crate::topics::{Search, TopicIndex};
use crate::turn::let_others_run;

/// Subscribers that are handed a publication, and patterns that are looked at for it, before others get their turn.
const STEPS_PER_TURN: usize = 128;

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
    component: Address,
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

    fn search(&self, search: &mut Search) -> Vec<(u64, Arc<Subscriber>)> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).search(search, STEPS_PER_TURN)
    }
}

/// A publication on its way to its subscribers.
struct Publication<'p> {
    router: &'p Inner,
    publisher: &'p Address,
    traffic: Arc<TrafficCounters>,
    /// What the publisher has under way; none where it is a part of the host.
    desk: Option<Arc<Desk>>,
    topic: &'p Topic,
    payload: &'p MessagePayload,
    /// Who was handed it already, by another pattern.
    seen: HashSet<u64>,
    /// What became of it at the components that were met.
    met: HashMap<Address, Met>,
}

/// What became of a publication at one component.
#[derive(Debug, Clone, Copy, Default)]
struct Met {
    is_admitted: bool,
    /// A mailbox of an instance was full, and that was shown.
    was_full: bool,
}

impl Publication<'_> {
    /// Whether a subscriber accepted it.
    fn hand_to(&mut self, number: u64, subscriber: &Subscriber) -> bool {
        if !self.seen.insert(number) {
            return false;
        }
        let taken = match subscriber {
            Subscriber::Host(feed) => {
                let taken = feed.take(self.publisher, self.topic, self.payload);
                taken.inspect_err(|error| self.traffic.count(error)).is_ok()
            }
            Subscriber::Instance(subscription) => {
                self.router.keeps_right(subscription)
                    && self.is_admitted(subscription)
                    && self.push_to(subscription)
            }
        };
        if taken {
            self.traffic.count_sent();
        }
        taken
    }

    /// Whether the component may have it: asked with the first of its instances, for all of them.
    fn is_admitted(&mut self, subscription: &Subscription) -> bool {
        let component = &subscription.component;
        if let Some(met) = self.met.get(component) {
            return met.is_admitted;
        }
        let admission = self.receipt(component);
        let admitted = admission.and_then(|admission| admission.admit_message(self.payload));
        let admitted = admitted.inspect_err(|error| self.refuse(component, error));
        let met = Met { is_admitted: admitted.is_ok(), was_full: false };
        self.met.insert(component.clone(), met);
        met.is_admitted
    }

    fn receipt(&self, component: &Address) -> Result<Arc<dyn Admission>, SendError> {
        let decide = || self.router.guard.authorise_receipt(self.publisher, component);
        match &self.desk {
            Some(desk) => desk.receipts().of(component, self.router.generation(), decide),
            None => decide(),
        }
    }

    fn push_to(&mut self, subscription: &Subscription) -> bool {
        let receiver = &subscription.receiver;
        let envelope =
            Envelope::publication(self.publisher.clone(), self.payload.clone(), self.topic.clone());
        match receiver.mailbox.try_push(envelope) {
            Ok(pushed) => {
                self.router.account_for(receiver, pushed);
                true
            }
            Err((error, _)) => {
                // Counted for each, and shown once.
                let shown = self.met.get_mut(&subscription.component);
                if shown.is_some_and(|met| std::mem::replace(&mut met.was_full, true)) {
                    self.traffic.count(&error);
                } else {
                    self.refuse(receiver.id.address(), &error);
                }
                false
            }
        }
    }

    fn refuse(&self, target: &Address, error: &SendError) {
        self.router.refuse(&self.traffic, self.publisher, target, error, None);
    }
}

impl Inner {
    /// Hands a publication to every subscriber. Where the future is dropped the rest of them is left out.
    pub(crate) async fn publish(
        &self,
        publisher: &Address,
        topic: &Topic,
        payload: &MessagePayload,
    ) -> Result<u32, SendError> {
        let (traffic, desk) = self.sender(publisher);
        if let Err(error) = self.guard.authorise_publication(publisher, topic) {
            traffic.count(&error);
            self.show_topic_denial(publisher, topic.as_str(), &error);
            return Err(error);
        }
        let (seen, met) = (HashSet::new(), HashMap::new());
        let mut publication =
            Publication { router: self, publisher, traffic, desk, topic, payload, seen, met };
        let mut search = Search::new(topic);
        let mut accepted = 0;
        loop {
            for (number, subscriber) in self.topics.search(&mut search) {
                accepted += u32::from(publication.hand_to(number, &subscriber));
            }
            if search.is_over() {
                return Ok(accepted);
            }
            let_others_run().await;
        }
    }

    /// Whether a subscriber still has the right to its subscription, which ends where it has not: that is told to
    /// nobody but the host and the subscriber's own count.
    fn keeps_right(&self, subscription: &Subscription) -> bool {
        let Subscription { receiver, pattern, granted_at, .. } = subscription;
        let generation = self.generation();
        if granted_at.load(Ordering::Acquire) == generation {
            return true;
        }
        let own = receiver.id.address();
        if let Err(error) = self.guard.authorise_subscription(own, pattern) {
            receiver.traffic.count(&error);
            self.show_topic_denial(own, pattern.as_str(), &error);
            self.end_subscription(&receiver.desk, pattern);
            return false;
        }
        granted_at.store(generation, Ordering::Release);
        true
    }

    pub(crate) fn subscribe(&self, id: &ComponentId, pattern: &TopicPattern) -> Result<(), SendError> {
        let receiver = self.directory.find_instance(id.address()).ok_or(SendError::Closed)?;
        let generation = self.generation();
        if let Err(error) = self.guard.authorise_subscription(id.address(), pattern) {
            receiver.traffic.count(&error);
            self.show_topic_denial(id.address(), pattern.as_str(), &error);
            return Err(error);
        }
        let counted = |error: SendError| {
            receiver.traffic.count(&error);
            error
        };
        if !receiver.has_handler {
            return Err(counted(SendError::NoHandler));
        }
        let desk = Arc::clone(&receiver.desk);
        let subscription = Subscription {
            component: id.component(),
            pattern: pattern.clone(),
            granted_at: AtomicU64::new(generation),
            receiver: Arc::clone(&receiver),
        };
        let insert = || self.topics.insert(pattern, desk.number(), Subscriber::Instance(subscription));
        desk.add_subscription(pattern, insert).map_err(counted)
    }

    pub(crate) fn unsubscribe(&self, id: &ComponentId, pattern: &TopicPattern) -> bool {
        let receiver = self.directory.find_instance(id.address());
        receiver.is_some_and(|receiver| self.end_subscription(&receiver.desk, pattern))
    }

    fn end_subscription(&self, desk: &Desk, pattern: &TopicPattern) -> bool {
        desk.remove_subscription(pattern, || self.topics.remove(pattern, desk.number()))
    }
}
