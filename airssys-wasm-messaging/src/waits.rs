//! Who waits for whom: a wait that could never end is refused instead of hanging until its deadline.
//!
//! An instance waits for one thing at a time: for the reply of one other, or for room at any of several. It is
//! stuck where everyone who could end its wait, directly or through others, waits as well (the OR model of
//! Knapp, "Deadlock Detection in Distributed Databases", ACM Computing Surveys 19(4), 1987). Waits begin one at
//! a time under one lock, so that of several that close a cycle together the last one is refused.

#![expect(clippy::disallowed_types, reason = "one walk along those who wait, never across an await")]

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::mailbox::MailboxSender;

/// Edges of the graph that one new wait is held against. Beyond them it begins unseen, and ends with its own time:
/// the time that everybody's lock is held is bounded, and nobody is refused needlessly.
const MAX_EDGES_SEEN: usize = 8_192;

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
    /// For one of these.
    on: Vec<WaitsFor>,
    /// The same for those that wait for the same instances, by a hash whose key nobody knows.
    whom_hash: u64,
}

impl Wait {
    /// Whether it is held up no more: the waiter goes on, although it has not run since.
    fn is_over(&self) -> bool {
        self.on.iter().any(WaitsFor::is_over)
    }
}

/// The waits of all instances.
#[derive(Debug, Default)]
pub(crate) struct WaitGraph {
    waits: Mutex<HashMap<u64, Wait>>,
    hasher: RandomState,
}

impl WaitGraph {
    /// Begins a wait, in place of the waiter's last one; false where it could never end, and then it has not
    /// begun.
    fn begin(&self, waiter: u64, serial: u64, mut on: Vec<WaitsFor>) -> bool {
        on.sort_unstable_by_key(|other| other.whom);
        let whom: Vec<u64> = on.iter().map(|other| other.whom).collect();
        let wait = Wait { serial, on, whom_hash: self.hasher.hash_one(whom) };
        let mut waits = self.lock();
        if is_stuck(&waits, waiter, &wait) {
            return false;
        }
        waits.insert(waiter, wait);
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

/// Whether nobody who can go on is reachable from `wait`, where `waiter` itself waits. Those who wait for room in the
/// same component wait for the same instances, which are looked at once.
fn is_stuck(waits: &HashMap<u64, Wait>, waiter: u64, wait: &Wait) -> bool {
    let (mut seen, mut lists) = (HashSet::from([waiter]), HashSet::new());
    let (mut left, mut edges) = (vec![wait], 0);
    while let Some(wait) = left.pop() {
        if !lists.insert((wait.whom_hash, wait.on.iter().all(|other| other.room.is_some()))) {
            continue;
        }
        // Most who are waited for wait for nobody.
        let goes_on = |other: &WaitsFor| other.whom != waiter && !waits.contains_key(&other.whom);
        if wait.is_over() || wait.on.iter().any(goes_on) {
            return false;
        }
        edges += wait.on.len();
        if edges > MAX_EDGES_SEEN {
            return false;
        }
        for other in &wait.on {
            if seen.insert(other.whom) {
                left.extend(waits.get(&other.whom));
            }
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
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use airssys_wasm_core::{MailboxConfig, Overflow};

    use super::*;
    use crate::envelope::Envelope;

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

    #[test]
    fn a_crowd_that_waits_for_its_own_kind_is_looked_at_once() {
        let graph = WaitGraph::default();
        let crowd: Vec<u64> = (0..1_000).collect();
        let full = crate::mailbox::Mailbox::new(&full_mailbox());
        let sender = fill(&full.0);
        let rooms = |whom: &[u64]| -> Vec<WaitsFor> {
            whom.iter().map(|whom| WaitsFor { whom: *whom, room: Some(sender.clone()) }).collect()
        };
        // Each waits for room at the same 64; so many edges one by one would be too many.
        for waiter in 1..1_000 {
            assert!(graph.begin(waiter, 0, rooms(&crowd[..64])), "{waiter}: the first of them goes on");
        }
        assert!(!graph.begin(0, 0, rooms(&crowd[..64])), "the last one");
        // Beyond the bound a wait begins, and its own time ends it.
        let graph = WaitGraph::default();
        for waiter in 1..1_000 {
            let from = usize::try_from(waiter).unwrap() % 900;
            assert!(graph.begin(waiter, 0, rooms(&crowd[from..from + 64])), "{waiter}");
        }
        assert!(graph.begin(0, 0, rooms(&crowd[1..65])));
    }

    fn full_mailbox() -> MailboxConfig {
        MailboxConfig { capacity: 1, max_bytes: 100, overflow: Overflow::Wait }
    }

    fn fill(mailbox: &MailboxSender) -> MailboxSender {
        drop(mailbox.try_push(Envelope::new("t/a/0".parse().unwrap(), "x".into())));
        mailbox.clone()
    }

    #[derive(Debug, Clone)]
    enum Step {
        Wait { waiter: u64, whom: Vec<u64>, is_for_room: bool },
        End(u64),
        Fill(u64),
        Empty(u64),
    }

    const MANY: u64 = 6;

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let one = || 0..MANY;
        let wait = (one(), prop::collection::vec(one(), 1..4), any::<bool>());
        let step = prop_oneof![
            6 => wait.prop_map(|(waiter, whom, is_for_room)| Step::Wait { waiter, whom, is_for_room }),
            2 => one().prop_map(Step::End),
            2 => one().prop_map(Step::Fill),
            1 => one().prop_map(Step::Empty),
        ];
        prop::collection::vec(step, 0..60)
    }

    /// Who can go on, now or when others do: all others are stuck.
    fn free(waits: &BTreeMap<u64, (Vec<u64>, bool)>, is_full: &[bool]) -> BTreeSet<u64> {
        let mut free: BTreeSet<u64> = (0..MANY).filter(|one| !waits.contains_key(one)).collect();
        loop {
            let before = free.len();
            for (waiter, (whom, is_for_room)) in waits {
                let has_room = |one: &u64| *is_for_room && !is_full[usize::try_from(*one).unwrap()];
                if whom.iter().any(|one| has_room(one) || free.contains(one)) {
                    free.insert(*waiter);
                }
            }
            if free.len() == before {
                return free;
            }
        }
    }

    proptest! {
        /// A wait is refused where it could never end, and only there.
        #[test]
        fn it_refuses_what_the_model_refuses(steps in steps()) {
            let graph = WaitGraph::default();
            let mut mailboxes: Vec<_> =
                (0..MANY).map(|_| crate::mailbox::Mailbox::new(&full_mailbox())).collect();
            let mut is_full = [false; MANY as usize];
            let mut model: BTreeMap<u64, (Vec<u64>, bool)> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Wait { waiter, whom, is_for_room } => {
                        let room = |whom: u64| {
                            let (sender, _) = &mailboxes[usize::try_from(whom).unwrap()];
                            is_for_room.then(|| sender.clone())
                        };
                        let on = whom.iter().map(|whom| WaitsFor { whom: *whom, room: room(*whom) });
                        let before = model.insert(waiter, (whom.clone(), is_for_room));
                        let is_free = free(&model, &is_full).contains(&waiter);
                        prop_assert_eq!(graph.begin(waiter, 0, on.collect()), is_free, "{} in {:?}", waiter, model);
                        if !is_free {
                            model.remove(&waiter);
                            model.extend(before.map(|before| (waiter, before)));
                        }
                    }
                    Step::End(waiter) => {
                        graph.end(waiter, 0);
                        model.remove(&waiter);
                    }
                    Step::Fill(one) => {
                        let one = usize::try_from(one).unwrap();
                        fill(&mailboxes[one].0);
                        is_full[one] = true;
                    }
                    Step::Empty(one) => {
                        let one = usize::try_from(one).unwrap();
                        while mailboxes[one].1.try_next().is_some() {}
                        is_full[one] = false;
                    }
                }
                prop_assert_eq!(graph.len(), model.len());
            }
        }
    }
}
