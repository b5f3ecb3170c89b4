//! Which requests of one instance wait for their answers, as a state machine without I/O.
//!
//! Invariant: a request that was registered ends exactly once, by its answer, its deadline, its requester's
//! wish or its requester's end. Whatever comes after that, comes a second time or was never asked for is told
//! apart from an answer by the id alone, and discarded.

use std::collections::HashMap;

use airssys_wasm_core::CorrelationId;

/// Requests that an idle instance keeps room for; more is given back to the allocator. So whoever asks one at a time
/// allocates once.
const KEPT: usize = 8;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum RequestEnd {
    Answered,
    Expired,
    Cancelled,
    /// The request was refused before anybody had it, which its requester was told at once.
    Refused,
}

/// The requests of one instance, each with what its owner must clear up after it.
#[derive(Debug)]
pub(crate) struct PendingRequests<T> {
    pending: HashMap<CorrelationId, T>,
    max: usize,
    discarded: u64,
}

impl<T> PendingRequests<T> {
    /// None yet, and never more than `max` at a time.
    pub(crate) fn new(max: usize) -> Self {
        Self { pending: HashMap::new(), max, discarded: 0 }
    }

    /// Whether one more may be registered, where so many answers of earlier ones still hold their places.
    pub(crate) fn has_room(&self, unread: usize) -> bool {
        self.pending.len().saturating_add(unread) < self.max
    }

    /// Registers a request. Ids are given out once, so that one is never registered a second time.
    pub(crate) fn register(&mut self, id: CorrelationId, request: T) {
        self.pending.insert(id, request);
    }

    /// Ends a request; none where none of this id waits. An answer to such a one is counted as discarded.
    pub(crate) fn end(&mut self, id: CorrelationId, how: RequestEnd) -> Option<T> {
        let request = self.pending.remove(&id);
        if request.is_none() && how == RequestEnd::Answered {
            self.discarded += 1;
        }
        if self.pending.is_empty() {
            self.pending.shrink_to(KEPT);
        }
        request
    }

    /// The requester ends: nobody waits any more. In the order in which they were registered.
    pub(crate) fn end_all(&mut self) -> Vec<(CorrelationId, T)> {
        let mut ended: Vec<_> = std::mem::take(&mut self.pending).into_iter().collect();
        ended.sort_unstable_by_key(|(id, _)| *id);
        ended
    }

    pub(crate) fn is_pending(&self, id: CorrelationId) -> bool {
        self.pending.contains_key(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.pending.len()
    }

    /// Counts answers that were let go for another reason than their id.
    pub(crate) fn discard(&mut self, answers: u64) {
        self.discarded = self.discarded.saturating_add(answers);
    }

    /// Answers that were discarded: late, twice, to a requester that is gone, or never asked for.
    pub(crate) fn discarded(&self) -> u64 {
        self.discarded
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Register,
        End(u64, RequestEnd),
        EndAll,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let how = prop_oneof![
            Just(RequestEnd::Answered),
            Just(RequestEnd::Expired),
            Just(RequestEnd::Cancelled),
            Just(RequestEnd::Refused),
        ];
        let step = prop_oneof![
            5 => Just(Step::Register),
            8 => (0_u64..40, how).prop_map(|(id, how)| Step::End(id, how)),
            1 => Just(Step::EndAll),
        ];
        prop::collection::vec(step, 0..100)
    }

    proptest! {
        #[test]
        fn each_ends_once_and_everything_else_is_discarded(steps in steps()) {
            const MAX: usize = 4;
            let mut requests = PendingRequests::new(MAX);
            let (mut next, mut discarded) = (0_u64, 0_u64);
            let mut waiting: HashSet<u64> = HashSet::new();
            let mut ends: HashMap<u64, u32> = HashMap::new();
            for step in steps {
                match step {
                    Step::Register => {
                        prop_assert_eq!(requests.has_room(0), waiting.len() < MAX);
                        prop_assert!(!requests.has_room(MAX - waiting.len()));
                        if requests.has_room(0) {
                            requests.register(CorrelationId::new(next), next);
                            waiting.insert(next);
                            next += 1;
                        }
                    }
                    // Early, late, a second time, or of a request that never was.
                    Step::End(id, how) => {
                        let ended = requests.end(CorrelationId::new(id), how);
                        prop_assert_eq!(ended.is_some(), waiting.remove(&id));
                        match ended {
                            Some(ended) => *ends.entry(ended).or_default() += 1,
                            None if how == RequestEnd::Answered => discarded += 1,
                            None => {}
                        }
                    }
                    Step::EndAll => {
                        let ended: Vec<u64> = requests.end_all().into_iter().map(|(_, id)| id).collect();
                        let mut expected: Vec<u64> = waiting.drain().collect();
                        expected.sort_unstable();
                        prop_assert_eq!(&ended, &expected);
                        ended.into_iter().for_each(|id| *ends.entry(id).or_default() += 1);
                    }
                }
                prop_assert_eq!(requests.len(), waiting.len());
                prop_assert_eq!(requests.discarded(), discarded);
            }
            prop_assert!(ends.values().all(|count| *count == 1));
            prop_assert_eq!(ends.len() + waiting.len(), usize::try_from(next).unwrap());
        }
    }
}
