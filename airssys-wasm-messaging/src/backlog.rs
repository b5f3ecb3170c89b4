//! What is due and not seen to yet, by whom it belongs to: everybody in turn.
//!
//! Invariant: whoever has much that is due waits behind its own, and not before others.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::desk::{Desk, WeakDesk};

/// What is due, each desk's in its order.
#[derive(Debug)]
pub(crate) struct Backlog<T> {
    /// By the place of the desk in memory, which is not used again while a weak reference is held.
    queues: HashMap<usize, Queue<T>>,
    turns: VecDeque<usize>,
    /// A queue that is longer holds some that are over, and is looked through before it grows.
    max_each: usize,
}

#[derive(Debug)]
struct Queue<T> {
    desk: WeakDesk,
    waiting: VecDeque<T>,
}

impl<T> Backlog<T> {
    /// Nothing yet; no desk can have more than `max_each` that are not over.
    pub(crate) fn new(max_each: usize) -> Self {
        Self { queues: HashMap::new(), turns: VecDeque::new(), max_each }
    }

    /// Adds something behind all that is due at the same desk.
    pub(crate) fn push(&mut self, desk: WeakDesk, due: T, is_over: impl Fn(&Desk, &T) -> bool) {
        let place = desk.as_ptr().addr();
        let queue = self.queues.entry(place).or_insert_with(|| {
            self.turns.push_back(place);
            Queue { desk, waiting: VecDeque::new() }
        });
        if queue.waiting.len() >= 2 * self.max_each
            && let Some(desk) = queue.desk.upgrade()
        {
            queue.waiting.retain(|due| !is_over(&desk, due));
        }
        queue.waiting.push_back(due);
    }

    /// The next, of the desk whose turn it is. What belongs to desks that are gone is dropped.
    pub(crate) fn pop(&mut self) -> Option<(Arc<Desk>, T)> {
        while let Some(place) = self.turns.pop_front() {
            let next = self.queues.get_mut(&place).and_then(|queue| {
                let desk = queue.desk.upgrade()?;
                queue.waiting.pop_front().map(|due| (desk, due))
            });
            if next.is_some() && self.queues.get(&place).is_some_and(|queue| !queue.waiting.is_empty()) {
                self.turns.push_back(place);
            } else {
                self.queues.remove(&place);
            }
            if next.is_some() {
                return next;
            }
        }
        // Nothing is left; neither is the memory of a storm.
        self.queues.shrink_to(self.max_each);
        self.turns.shrink_to(self.max_each);
        None
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use airssys_wasm_core::MailboxConfig;

    use super::*;
    use crate::mailbox::Mailbox;
    use crate::router::RegisterOptions;
    use crate::timers::Timers;

    fn desks(count: u64) -> Vec<Arc<Desk>> {
        let timers = Arc::new(Timers::new());
        let desk = |number| {
            let (sender, _) = Mailbox::new(&MailboxConfig::default());
            let id = format!("t/a/{number}").parse().unwrap();
            Arc::new(Desk::new(id, number, sender, RegisterOptions::default(), &timers, None))
        };
        (0..count).map(desk).collect()
    }

    #[test]
    fn everybody_has_their_turn_and_keeps_their_order() {
        let desks = desks(3);
        let mut backlog = Backlog::new(4);
        for (desk, due) in [(0, 1), (0, 2), (0, 3), (1, 4), (2, 5), (1, 6)] {
            backlog.push(Arc::downgrade(&desks[desk]), due, |_, _| false);
        }
        let order: Vec<_> =
            std::iter::from_fn(|| backlog.pop()).map(|(desk, due)| (desk.number(), due)).collect();
        assert_eq!(order, [(0, 1), (1, 4), (2, 5), (0, 2), (1, 6), (0, 3)]);
        assert!(backlog.is_empty());
    }

    #[test]
    fn what_is_over_does_not_pile_up_and_the_gone_are_forgotten() {
        let mut desks = desks(2);
        let mut backlog = Backlog::new(4);
        for due in 0..1_000 {
            // Only the last few have not been stopped.
            backlog.push(Arc::downgrade(&desks[0]), due, |_, due| *due < 990);
        }
        let left = backlog.queues.values().map(|queue| queue.waiting.len()).sum::<usize>();
        assert!(left <= 2 * 4 + 10, "{left}");
        backlog.push(Arc::downgrade(&desks[1]), 7, |_, _| false);
        desks.remove(0);
        assert_eq!(backlog.pop().map(|(desk, due)| (desk.number(), due)), Some((1, 7)));
        assert!(backlog.pop().is_none() && backlog.queues.is_empty());
    }
}
