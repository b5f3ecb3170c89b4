//! Who waits for whom: a wait that could never end is refused instead of hanging until its deadline.
//!
//! An instance waits for one thing at a time: for the reply of one other, or for room at any of several. It is
//! stuck where everyone who could end its wait, directly or through others, waits as well (the OR model of
//! Knapp, "Deadlock Detection in Distributed Databases", ACM Computing Surveys 19(4), 1987). Waits begin one at
//! a time under one lock, so that of several that close a cycle together the last one is refused.

#![expect(clippy::disallowed_types, reason = "one walk along those who wait, never across an await")]

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::mailbox::MailboxSender;

/// What an instance waits for: another one, named by the number of its registration.
#[derive(Debug, Clone)]
pub(crate) struct WaitsFor {
    pub(crate) whom: u64,
    /// The mailbox that it wants room in; none where it waits for a reply.
    pub(crate) room: Option<MailboxSender>,
}

impl WaitsFor {
    /// Whether there is room already: the waiter was told and goes on, although it has not run since.
    fn is_over(&self) -> bool {
        self.room.as_ref().is_some_and(|mailbox| mailbox.is_closed() || mailbox.has_ample_room())
    }
}

#[derive(Debug)]
struct Wait {
    /// Tells a wait from an earlier one of the same instance.
    serial: u64,
    on: Vec<WaitsFor>,
}

/// The waits of all instances.
#[derive(Debug, Default)]
pub(crate) struct WaitGraph {
    waits: Mutex<HashMap<u64, Wait>>,
}

impl WaitGraph {
    /// Begins a wait, in place of the waiter's last one; false where it could never end, and then it has not
    /// begun.
    fn begin(&self, waiter: u64, serial: u64, on: Vec<WaitsFor>) -> bool {
        let mut waits = self.lock();
        if is_stuck(&waits, waiter, &on) {
            return false;
        }
        waits.insert(waiter, Wait { serial, on });
        true
    }

    fn end(&self, waiter: u64, serial: u64) {
        let mut waits = self.lock();
        if waits.get(&waiter).is_some_and(|wait| wait.serial == serial) {
            waits.remove(&waiter);
        }
    }

    /// Instances that wait at present.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Wait>> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether nobody who can go on is reachable from `on`, where `waiter` itself waits.
fn is_stuck(waits: &HashMap<u64, Wait>, waiter: u64, on: &[WaitsFor]) -> bool {
    let mut seen = HashSet::from([waiter]);
    let mut next: Vec<u64> = on.iter().map(|other| other.whom).collect();
    while let Some(whom) = next.pop() {
        if !seen.insert(whom) {
            continue;
        }
        match waits.get(&whom) {
            Some(wait) if !wait.on.iter().any(WaitsFor::is_over) => {
                next.extend(wait.on.iter().map(|other| other.whom));
            }
            _ => return false,
        }
    }
    true
}

/// One instance's wait. A serial is used once.
#[derive(Debug)]
pub(crate) struct Waiting {
    graph: Arc<WaitGraph>,
    waiter: u64,
    serial: u64,
}

impl Waiting {
    /// Waits for one of these from now on; false where that could never end.
    pub(crate) fn wait_for(&self, on: Vec<WaitsFor>) -> bool {
        self.graph.begin(self.waiter, self.serial, on)
    }

    /// Waits no more.
    pub(crate) fn end(&self) {
        self.graph.end(self.waiter, self.serial);
    }
}

/// The waiter's own side of its wait, which is over when this is dropped, whoever else knows of it.
#[derive(Debug)]
pub(crate) struct WaitGuard(Arc<Waiting>);

impl WaitGuard {
    /// Prepares a wait.
    pub(crate) fn new(graph: &Arc<WaitGraph>, waiter: u64, serial: u64) -> Self {
        Self(Arc::new(Waiting { graph: Arc::clone(graph), waiter, serial }))
    }

    pub(crate) fn waiting(&self) -> &Arc<Waiting> {
        &self.0
    }
}

impl Drop for WaitGuard {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn on(whom: &[u64]) -> Vec<WaitsFor> {
        whom.iter().map(|whom| WaitsFor { whom: *whom, room: None }).collect()
    }

    #[test]
    fn a_wait_that_closes_a_cycle_is_refused() {
        let graph = Arc::new(WaitGraph::default());
        assert!(!graph.begin(1, 0, on(&[1])), "for itself");
        assert!(graph.begin(1, 1, on(&[2])));
        assert!(graph.begin(2, 2, on(&[3])));
        assert!(!graph.begin(3, 3, on(&[1])), "three in a ring");
        assert!(graph.begin(4, 4, on(&[1])), "one that only waits for the chain");
        assert!(graph.begin(3, 5, on(&[1, 5])), "another can still give it room");
        assert!(!graph.begin(5, 6, on(&[4])), "and then it is the last who could");
        graph.end(2, 1);
        assert!(!graph.begin(5, 7, on(&[4])), "an earlier wait of the same instance ends nothing");
        graph.end(2, 2);
        assert!(graph.begin(5, 8, on(&[4])));
    }

    #[test]
    fn a_wait_is_over_when_it_is_dropped() {
        let graph = Arc::new(WaitGraph::default());
        let guard = WaitGuard::new(&graph, 1, 1);
        let known_to_another = Arc::clone(guard.waiting());
        assert!(known_to_another.wait_for(on(&[2])));
        assert_eq!(graph.len(), 1);
        drop(guard);
        assert_eq!(graph.len(), 0);
    }

    proptest! {
        /// Whoever waits can always still be freed: from each, somebody who goes on is reachable.
        #[test]
        fn nobody_is_ever_stuck(steps in prop::collection::vec((0_u64..6, prop::collection::vec(0_u64..6, 0..3)), 0..60)) {
            let graph = WaitGraph::default();
            for (waiter, whom) in steps {
                if whom.is_empty() {
                    graph.end(waiter, 0);
                } else if !graph.lock().contains_key(&waiter) {
                    graph.begin(waiter, 0, on(&whom));
                }
                let waits = graph.lock();
                for start in waits.keys() {
                    let (mut seen, mut next) = (HashSet::new(), vec![*start]);
                    while let Some(one) = next.pop() {
                        if seen.insert(one) {
                            next.extend(waits.get(&one).iter().flat_map(|wait| wait.on.iter().map(|other| other.whom)));
                        }
                    }
                    prop_assert!(seen.iter().any(|one| !waits.contains_key(one)), "{start} is stuck in {waits:?}");
                }
            }
        }
    }
}
