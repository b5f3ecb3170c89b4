//! The guard: who may send to whom, decided from what both sides declared.
//!
//! Rights and rates belong to components, mailboxes to instances: so the table is keyed by
//! component, and one rate limiter serves all instances and all links of a pair.
//!
//! Invariant: opening a link again never gives a sender a fresh burst. A limiter leaves the table
//! only with one of its two components, or when nobody holds it and its burst is at hand in full,
//! which makes it as good as a new one.

#![expect(
    clippy::disallowed_types,
    reason = "held for a look-up or one change of the table, and only when a link is opened or rights change"
)]

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::capability::CapabilitySet;
use crate::clock::Clock;
use crate::rate::MessageRateLimiter;
use airssys_wasm_core::{
    Address, Admission, CodecSet, DenialRule, Guard, MessagePayload, SendError, Topic, TopicPattern,
};

/// Pairs of components that a guard keeps a rate for at the same time, unless told otherwise.
///
/// A pair costs about 200 bytes, so that this bounds the table at some 50 MiB. Where all of them
/// are in use a further pair is refused as rate-limited rather than left without a limit.
pub const MAX_RATED_PAIRS: usize = 262_144;

/// Time between two searches for limiters to drop, so that a sender who runs into the bound cannot
/// make the guard search for every message.
const SWEEP_INTERVAL_NANOS: u64 = 100_000_000;

/// Decides by the capability sets of the components that were granted any.
///
/// The rules, in this order: the sender's `send_to`, that the receiver exists, the receiver's
/// `receive_from`; then for each message its size, its codec where the receiver demands one, and the sender's rate. A
/// sender that may not send
/// to an address therefore cannot learn whether anybody is there. The host needs no listing and has
/// no rate, but the receiver's largest message and its codecs bind it too.
///
/// A publication is asked for the publisher's `publish` in place of its `send_to`, and then for the same
/// rest at each subscriber: `publish` says that one may speak, `receive_from` whom one listens to.
///
/// Rights should be granted when a component is installed and revoked when it is removed, not
/// around a restart: revoking forgets the rates that were used up.
#[derive(Debug)]
pub struct CapabilityGuard {
    table: RwLock<Table>,
    generation: Arc<AtomicU64>,
    clock: Arc<dyn Clock>,
    max_pairs: usize,
}

impl CapabilityGuard {
    /// A guard that knows nobody, and so denies every component.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_max_pairs(clock, MAX_RATED_PAIRS)
    }

    /// A guard that keeps a rate for at most this many pairs at the same time.
    #[must_use]
    pub fn with_max_pairs(clock: Arc<dyn Clock>, max_pairs: usize) -> Self {
        Self {
            table: RwLock::new(Table::default()),
            generation: Arc::new(AtomicU64::new(0)),
            clock,
            max_pairs,
        }
    }

    /// Gives a component its rights, or replaces those that it has. An instance in the address is
    /// ignored: rights belong to the component.
    ///
    /// Granting the same rate again keeps what senders have used of it.
    pub fn grant(&self, address: &Address, set: Arc<CapabilitySet>) {
        let mut table = self.write();
        let key = component_of(address);
        let host = Arc::new(PairAdmission {
            max_bytes: set.max_message_size(),
            codecs: set.codecs(),
            limiter: None,
            clock: Arc::clone(&self.clock),
        });
        match table.components.get_mut(key) {
            None => {
                table.components.insert(
                    key.into(),
                    Component { set, host, limiters: HashMap::new(), receivers: HashSet::new() },
                );
            }
            Some(component) => {
                let same_rate = component.set.rate_per_second() == set.rate_per_second()
                    && component.set.burst() == set.burst();
                for pair in component.limiters.values_mut() {
                    *pair = Arc::new(self.pair(&set, same_rate.then(|| pair.limiter.clone()).flatten()));
                }
                component.set = set;
                component.host = host;
            }
        }
        self.advance();
    }

    /// Takes a component's rights away, and forgets every rate that it is a side of. Unknown
    /// components are ignored.
    pub fn revoke(&self, address: &Address) {
        let mut table = self.write();
        table.remove(component_of(address));
        self.advance();
    }

    /// The rights of a component, where it has any.
    #[must_use]
    pub fn capabilities(&self, address: &Address) -> Option<Arc<CapabilitySet>> {
        let table = self.read();
        table.components.get(component_of(address)).map(|component| Arc::clone(&component.set))
    }

    /// Rises with every grant and revocation: a decision made at another generation is out of date.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The counter behind [`generation`](Self::generation), for those who keep decisions and must
    /// notice a change without knowing this type. They must only read it.
    #[must_use]
    pub fn generation_source(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.generation)
    }

    /// Pairs of components that a rate is kept for at present.
    #[must_use]
    pub fn rated_pairs(&self) -> usize {
        self.read().pairs
    }

    /// Called with the table locked for writing, so that who sees the new number sees the new table.
    fn advance(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    fn pair(&self, set: &CapabilitySet, limiter: Option<Arc<MessageRateLimiter>>) -> PairAdmission {
        let limiter =
            limiter.unwrap_or_else(|| Arc::new(MessageRateLimiter::new(set.rate_per_second(), set.burst())));
        PairAdmission {
            max_bytes: set.max_message_size(),
            codecs: set.codecs(),
            limiter: Some(limiter),
            clock: Arc::clone(&self.clock),
        }
    }

    /// The first link of a pair. Rights are checked again, because the lock was released.
    fn open_pair(
        &self,
        sender: &Address,
        receiver: &Address,
        way: Way,
    ) -> Result<Arc<dyn Admission>, SendError> {
        let (from, to) = (component_of(sender), component_of(receiver));
        let mut table = self.write();
        if let Some(known) = table.decide(sender, receiver, way)?.limiters.get(from) {
            return Ok(Arc::clone(known) as Arc<dyn Admission>);
        }
        if table.pairs >= self.max_pairs {
            table.sweep(self.clock.nanos());
            if table.pairs >= self.max_pairs {
                return Err(SendError::RateLimited);
            }
        }
        let pair = Arc::new(self.pair(&table.decide(sender, receiver, way)?.set, None));
        table.insert(from, to, Arc::clone(&pair));
        Ok(pair)
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guard for CapabilityGuard {
    fn authorise(&self, sender: &Address, receiver: &Address) -> Result<Arc<dyn Admission>, SendError> {
        self.admission(sender, receiver, Way::Message)
    }

    fn authorise_reminder(&self, owner: &Address) -> Result<Arc<dyn Admission>, SendError> {
        self.admission(owner, owner, Way::Reminder)
    }

    fn authorise_publication(&self, publisher: &Address, topic: &Topic) -> Result<(), SendError> {
        let may = |set: &CapabilitySet| set.allows_publishing_to(topic);
        self.require(publisher, DenialRule::Publish, may)
    }

    fn authorise_subscription(&self, subscriber: &Address, pattern: &TopicPattern) -> Result<(), SendError> {
        let may = |set: &CapabilitySet| set.allows_subscribing_to(pattern);
        self.require(subscriber, DenialRule::Subscribe, may)
    }

    fn authorise_receipt(
        &self,
        publisher: &Address,
        receiver: &Address,
    ) -> Result<Arc<dyn Admission>, SendError> {
        self.admission(publisher, receiver, Way::Publication)
    }
}

/// By what a message comes, and so which right of the sender's it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// `send_to`.
    Message,
    /// `publish`, which was asked for the topic already.
    Publication,
    /// None: an instance's own timers send it back to itself.
    Reminder,
}

impl CapabilityGuard {
    /// The host may publish and subscribe to everything.
    fn require(
        &self,
        who: &Address,
        rule: DenialRule,
        may: impl FnOnce(&CapabilitySet) -> bool,
    ) -> Result<(), SendError> {
        let allowed = who.is_host()
            || self.read().components.get(component_of(who)).is_some_and(|component| may(&component.set));
        if allowed { Ok(()) } else { Err(SendError::Denied(rule)) }
    }

    fn admission(
        &self,
        sender: &Address,
        receiver: &Address,
        way: Way,
    ) -> Result<Arc<dyn Admission>, SendError> {
        let table = self.read();
        if sender.is_host() {
            let component = table.components.get(component_of(receiver)).ok_or(SendError::NotFound)?;
            return Ok(Arc::clone(&component.host) as Arc<dyn Admission>);
        }
        if let Some(known) = table.decide(sender, receiver, way)?.limiters.get(component_of(sender)) {
            return Ok(Arc::clone(known) as Arc<dyn Admission>);
        }
        drop(table);
        self.open_pair(sender, receiver, way)
    }
}

/// An address's text without its instance.
pub(crate) fn component_of(address: &Address) -> &str {
    let length = address.namespace().len() + 1 + address.name().len();
    address.as_str().get(..length).unwrap_or(address.as_str())
}

#[derive(Debug, Default)]
struct Table {
    components: HashMap<Arc<str>, Component>,
    /// Limiters of all components together.
    pairs: usize,
    /// No search for limiters to drop before this time.
    next_sweep: u64,
}

#[derive(Debug)]
struct Component {
    set: Arc<CapabilitySet>,
    /// What the host is admitted by: size and codec.
    host: Arc<PairAdmission>,
    /// By the component that sends to this one.
    limiters: HashMap<Arc<str>, Arc<PairAdmission>>,
    /// The components whose `limiters` name this one.
    receivers: HashSet<Arc<str>>,
}

impl Table {
    /// The receiver, where both sides allow the message. Not for host senders.
    fn decide(&self, sender: &Address, receiver: &Address, way: Way) -> Result<&Component, SendError> {
        let allowed = self
            .components
            .get(component_of(sender))
            .is_some_and(|component| way != Way::Message || component.set.allows_sending_to(receiver));
        if !allowed {
            return Err(SendError::Denied(DenialRule::SendTo));
        }
        let component = self.components.get(component_of(receiver)).ok_or(SendError::NotFound)?;
        if way == Way::Reminder || component.set.allows_receiving_from(sender) {
            Ok(component)
        } else {
            Err(SendError::Denied(DenialRule::ReceiveFrom))
        }
    }

    fn insert(&mut self, from: &str, to: &str, pair: Arc<PairAdmission>) {
        let keys = (self.components.get_key_value(from), self.components.get_key_value(to));
        let (Some((from, _)), Some((to, _))) = keys else {
            return;
        };
        let (from, to) = (Arc::clone(from), Arc::clone(to));
        if let Some(sender) = self.components.get_mut(&from) {
            sender.receivers.insert(Arc::clone(&to));
        }
        if let Some(receiver) = self.components.get_mut(&to)
            && receiver.limiters.insert(from, pair).is_none()
        {
            self.pairs += 1;
        }
    }

    fn remove(&mut self, key: &str) {
        let Some(removed) = self.components.remove(key) else {
            return;
        };
        self.pairs -= removed.limiters.len();
        for from in removed.limiters.keys() {
            if let Some(sender) = self.components.get_mut(from) {
                sender.receivers.remove(key);
            }
        }
        for to in &removed.receivers {
            if let Some(receiver) = self.components.get_mut(to)
                && receiver.limiters.remove(key).is_some()
            {
                self.pairs -= 1;
            }
        }
    }

    /// Drops the limiters that a new one could stand for.
    fn sweep(&mut self, now: u64) {
        if now < self.next_sweep {
            return;
        }
        self.next_sweep = now.saturating_add(SWEEP_INTERVAL_NANOS);
        let mut dropped = Vec::new();
        for (to, component) in &mut self.components {
            component.limiters.retain(|from, pair| {
                let keep = !is_idle(pair, now);
                if !keep {
                    dropped.push((Arc::clone(from), Arc::clone(to)));
                }
                keep
            });
        }
        self.pairs -= dropped.len();
        for (from, to) in dropped {
            if let Some(sender) = self.components.get_mut(&from) {
                sender.receivers.remove(&to);
            }
        }
    }
}

/// Whether nobody but the table holds the pair and its burst is at hand in full. A link that still
/// holds it would go on using this limiter beside a new one.
fn is_idle(pair: &mut Arc<PairAdmission>, now: u64) -> bool {
    Arc::get_mut(pair)
        .and_then(|pair| pair.limiter.as_mut())
        .and_then(Arc::get_mut)
        .is_some_and(|limiter| limiter.is_full(now))
}

/// A decided pair: what each message is still asked.
#[derive(Debug)]
struct PairAdmission {
    max_bytes: usize,
    /// What the receiver's handler wants to be spoken to in.
    codecs: Option<CodecSet>,
    /// None for the host, which has no rate.
    limiter: Option<Arc<MessageRateLimiter>>,
    clock: Arc<dyn Clock>,
}

impl PairAdmission {
    fn check_size(&self, weight: usize) -> Result<(), SendError> {
        if weight > self.max_bytes {
            return Err(SendError::TooLarge(u64::try_from(self.max_bytes).unwrap_or(u64::MAX)));
        }
        Ok(())
    }

    fn check_rate(&self) -> Result<(), SendError> {
        match &self.limiter {
            Some(limiter) if !limiter.try_acquire(self.clock.nanos()) => Err(SendError::RateLimited),
            _ => Ok(()),
        }
    }
}

impl Admission for PairAdmission {
    fn admit(&self, weight: usize) -> Result<(), SendError> {
        self.check_size(weight)?;
        self.check_rate()
    }

    fn admit_message(&self, payload: &MessagePayload) -> Result<(), SendError> {
        self.check_size(payload.weight())?;
        if self.codecs.is_some_and(|codecs| !codecs.admits(payload.bytes())) {
            return Err(SendError::Denied(DenialRule::Codecs));
        }
        self.check_rate()
    }
}
