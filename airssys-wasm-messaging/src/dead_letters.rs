//! What was accepted and could not be delivered after all: counted, observable, its requester told.

#![expect(
    clippy::disallowed_types,
    reason = "changed when a component comes or goes; who counts a letter reads it for one look-up, or has no need to"
)]

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::envelope::{Envelope, EnvelopeKind};
use airssys_wasm_core::{Address, MessagePayload, RequestError, SendError};

/// Components that dead letters are counted for one by one; letters of further ones only show in
/// the total. No host has as many components, so this is a bound, not a limit.
const MAX_COUNTED_COMPONENTS: usize = 65_536;

/// Why a message became a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeadLetterCause {
    /// Newer messages pushed it out of a full mailbox (`overflow = "drop-oldest"`).
    Overflow,
    /// The receiver ended with the message in hand or waiting; the cause as a short name.
    ReceiverEnded(String),
    /// It was to be sent later, and was refused when its time had come.
    Refused(SendError),
    /// It was to be sent later, and the instance that wanted that has ended before.
    SenderEnded,
}

impl fmt::Display for DeadLetterCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overflow => f.write_str("pushed out of a full mailbox"),
            Self::ReceiverEnded(cause) => write!(f, "receiver ended: {cause}"),
            Self::Refused(error) => write!(f, "refused when its time had come: {error}"),
            Self::SenderEnded => f.write_str("its sender ended before its time had come"),
        }
    }
}

/// A dead letter, as an observer sees it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct DeadLetter<'a> {
    /// Whom it was for.
    pub receiver: &'a Address,
    /// Who sent it.
    pub sender: &'a Address,
    /// What it says.
    pub payload: &'a MessagePayload,
    /// Why it was not delivered.
    pub cause: &'a DeadLetterCause,
}

/// Sees dead letters as they occur. The system layer implements it to raise events.
pub trait DeadLetterObserver: Send + Sync + fmt::Debug {
    /// Sees one. It is called on the sender's path, so that it must neither block nor send.
    fn dead_letter(&self, letter: &DeadLetter<'_>);
}

/// The dead letters of one component, counted without a look at those of others.
#[derive(Debug, Clone, Default)]
pub(crate) struct LetterCount(Arc<AtomicU64>);

impl LetterCount {
    fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts dead letters and tells those concerned.
///
/// ```
/// use airssys_wasm_messaging::{DeadLetterCause, DeadLetters, Envelope};
///
/// let letters = DeadLetters::new(None);
/// let envelope = Envelope::new("logs/tail/0".parse()?, "a line".into());
/// letters.expect(&"logs/parser".parse()?);
/// letters.bury(&"logs/parser/0".parse()?, envelope, &DeadLetterCause::ReceiverEnded("stopped".into()));
/// assert_eq!(letters.of(&"logs/parser".parse()?), 1);
/// assert_eq!(letters.total(), 1);
/// # Ok::<(), airssys_wasm_core::IdError>(())
/// ```
#[derive(Debug)]
pub struct DeadLetters {
    total: AtomicU64,
    by_component: RwLock<HashMap<Box<str>, LetterCount>>,
    observer: Option<Arc<dyn DeadLetterObserver>>,
}

impl DeadLetters {
    /// None so far.
    #[must_use]
    pub fn new(observer: Option<Arc<dyn DeadLetterObserver>>) -> Self {
        Self { total: AtomicU64::new(0), by_component: RwLock::default(), observer }
    }

    /// Counts the dead letters of this component from now on, until it is [forgotten](Self::forget); an instance in
    /// the address is ignored. [`Router::register`](crate::Router::register) does so for whom it registers.
    pub fn expect(&self, component: &Address) {
        drop(self.count_of(component));
    }

    /// As [`expect`](Self::expect), and gives the count to whoever will need it often. Beyond the bound it is one that
    /// nobody reads.
    pub(crate) fn count_of(&self, component: &Address) -> LetterCount {
        let component = text_of(component);
        let mut counts = self.by_component.write().unwrap_or_else(PoisonError::into_inner);
        match counts.get(component) {
            Some(known) => known.clone(),
            None if counts.len() < MAX_COUNTED_COMPONENTS => {
                counts.entry(component.into()).or_default().clone()
            }
            None => LetterCount::default(),
        }
    }

    /// Takes a message that cannot be delivered: counts it for its receiver's component where that is
    /// [expected](Self::expect), and in the total; shows it to the observer, and tells the requester, if there is one.
    /// What never came to a receiver counts for its sender's component.
    pub fn bury(&self, receiver: &Address, envelope: Envelope, cause: &DeadLetterCause) {
        // Who sent it alone can be relied upon to exist where it never came to its receiver.
        let concerned = match cause {
            DeadLetterCause::Refused(_) | DeadLetterCause::SenderEnded => &envelope.sender,
            DeadLetterCause::Overflow | DeadLetterCause::ReceiverEnded(_) => receiver,
        };
        // Whoever buries the last letters of a component may come after it was forgotten: nothing of it comes back.
        if let Some(count) = self.counted(concerned) {
            count.add_one();
        }
        self.tell(receiver, envelope, cause);
    }

    /// Takes a message that newer ones pushed out of its receiver's mailbox, as [`bury`](Self::bury) does. Floods do that
    /// to each of their messages, so that it takes no lock that others need.
    pub(crate) fn push_out(&self, receiver: &Address, count: &LetterCount, envelope: Envelope) {
        count.add_one();
        self.tell(receiver, envelope, &DeadLetterCause::Overflow);
    }

    fn tell(&self, receiver: &Address, envelope: Envelope, cause: &DeadLetterCause) {
        self.total.fetch_add(1, Ordering::Relaxed);
        let Envelope { sender, payload, kind } = envelope;
        if let Some(observer) = &self.observer {
            observer.dead_letter(&DeadLetter { receiver, sender: &sender, payload: &payload, cause });
        }
        if let EnvelopeKind::Request(slot) = kind {
            slot.answer(Err(match cause {
                DeadLetterCause::Overflow => RequestError::Refused(SendError::Full),
                DeadLetterCause::Refused(error) => RequestError::Refused(error.clone()),
                DeadLetterCause::ReceiverEnded(cause) => RequestError::ReceiverEnded { cause: cause.clone() },
                // What is sent later is never a request.
                DeadLetterCause::SenderEnded => RequestError::Refused(SendError::Closed),
            }));
        }
    }

    /// Dead letters of all receivers together, removed ones included.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Dead letters of one component that is expected; an instance in the address is ignored.
    #[must_use]
    pub fn of(&self, receiver: &Address) -> u64 {
        self.counted(receiver).map_or(0, |count| count.0.load(Ordering::Relaxed))
    }

    /// Drops the count of a component that was removed for good; the total keeps it.
    pub fn forget(&self, receiver: &Address) {
        self.by_component.write().unwrap_or_else(PoisonError::into_inner).remove(text_of(receiver));
    }

    fn counted(&self, component: &Address) -> Option<LetterCount> {
        self.by_component.read().unwrap_or_else(PoisonError::into_inner).get(text_of(component)).cloned()
    }
}

/// An address's text without its instance.
fn text_of(address: &Address) -> &str {
    let length = address.namespace().len() + 1 + address.name().len();
    address.as_str().get(..length).unwrap_or(address.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_out_is_counted_while_others_come_and_go() {
        let letters = DeadLetters::new(None);
        let (receiver, sender): (Address, Address) =
            ("logs/tail/0".parse().unwrap(), "logs/parser/0".parse().unwrap());
        let count = letters.count_of(&receiver);
        let held = letters.by_component.write().unwrap();
        letters.push_out(&receiver, &count, Envelope::new(sender.clone(), "one".into()));
        drop(held);
        letters.bury(&receiver, Envelope::new(sender, "two".into()), &DeadLetterCause::Overflow);
        assert_eq!((letters.of(&receiver), letters.total()), (2, 2));
        letters.forget(&receiver);
        count.add_one();
        letters.expect(&receiver);
        assert_eq!(letters.of(&receiver), 0, "another registration begins anew");
    }
}
