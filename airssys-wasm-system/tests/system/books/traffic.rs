//! What the host and the components do, at random.

use proptest::prelude::*;

use super::{NAMES, PATTERNS, TOPICS};

#[derive(Debug, Clone)]
pub(super) enum Step {
    /// The host asks so many times, and goes on.
    Ask {
        whom: usize,
        count: usize,
    },
    /// The host has a component do these one after the other.
    Order {
        whom: usize,
        deeds: Vec<Deed>,
    },
    Publish {
        topic: usize,
    },
    Trap {
        whom: usize,
    },
    Kill {
        whom: usize,
    },
    Stop {
        whom: usize,
    },
    /// All that is under way comes to its end.
    Settle,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Deed {
    Send { to: usize },
    Later { to: usize },
    Request { to: usize, timeout_ms: u32 },
    Call { to: usize },
    Cancel { id: u64 },
    Broadcast,
    Publish { topic: usize },
    Subscribe { pattern: usize },
    Unsubscribe { pattern: usize },
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let whom = 0..NAMES.len();
    let deed = prop_oneof![
        6 => whom.clone().prop_map(|to| Deed::Send { to }),
        1 => whom.clone().prop_map(|to| Deed::Later { to }),
        4 => whom.clone().prop_map(|to| Deed::Request { to, timeout_ms: 10_000 }),
        1 => whom.clone().prop_map(|to| Deed::Request { to, timeout_ms: 1 }),
        2 => whom.clone().prop_map(|to| Deed::Call { to }),
        1 => (1_u64..300).prop_map(|id| Deed::Cancel { id }),
        2 => Just(Deed::Broadcast),
        3 => (0..TOPICS.len()).prop_map(|topic| Deed::Publish { topic }),
        2 => (0..PATTERNS.len()).prop_map(|pattern| Deed::Subscribe { pattern }),
        1 => (0..PATTERNS.len()).prop_map(|pattern| Deed::Unsubscribe { pattern }),
    ];
    let deeds = prop::collection::vec(deed, 1..8);
    let step = prop_oneof![
        5 => (whom.clone(), 1_usize..40).prop_map(|(whom, count)| Step::Ask { whom, count }),
        20 => (whom.clone(), deeds).prop_map(|(whom, deeds)| Step::Order { whom, deeds }),
        2 => (0..TOPICS.len()).prop_map(|topic| Step::Publish { topic }),
        2 => whom.clone().prop_map(|whom| Step::Trap { whom }),
        1 => whom.clone().prop_map(|whom| Step::Kill { whom }),
        1 => whom.prop_map(|whom| Step::Stop { whom }),
        1 => Just(Step::Settle),
    ];
    prop::collection::vec(step, 20..120)
}
