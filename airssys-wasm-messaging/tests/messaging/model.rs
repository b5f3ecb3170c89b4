//! The mailbox against a plain list, over sequences of operations.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use proptest::prelude::*;

use crate::support::{Bell, config, number_of, numbered, sender};
use airssys_wasm_core::{Overflow, SendError};
use airssys_wasm_messaging::{Mailbox, MailboxSender};

#[derive(Debug, Clone)]
enum Step {
    Push(usize),
    Take,
    Drain,
    Close,
    WaitForRoom,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (4_usize..40).prop_map(Step::Push),
        10 => Just(Step::Take),
        4 => Just(Step::WaitForRoom),
        1 => Just(Step::Drain),
    ];
    // Closed at most once, late in the sequence.
    (prop::collection::vec(step.clone(), 1..120), prop::collection::vec(step, 0..20), any::<bool>()).prop_map(
        |(mut steps, rest, close)| {
            if close {
                steps.push(Step::Close);
            }
            steps.extend(rest);
            steps
        },
    )
}

struct Model {
    waiting: VecDeque<(u32, usize)>,
    capacity: usize,
    max_bytes: usize,
    overflow: Overflow,
    closed: bool,
}

impl Model {
    fn bytes(&self) -> usize {
        self.waiting.iter().map(|(_, weight)| weight).sum()
    }

    fn fits(&self, weight: usize) -> bool {
        self.waiting.len() < self.capacity && self.bytes() + weight <= self.max_bytes
    }

    fn push(&mut self, number: u32, weight: usize) -> Result<Vec<u32>, SendError> {
        if weight > self.max_bytes {
            return Err(SendError::TooLarge(self.max_bytes as u64));
        }
        if self.closed {
            return Err(SendError::Closed);
        }
        let mut dropped = Vec::new();
        while !self.fits(weight) {
            if self.overflow != Overflow::DropOldest {
                return Err(SendError::Full);
            }
            dropped.extend(self.waiting.pop_front().map(|(number, _)| number));
        }
        self.waiting.push_back((number, weight));
        Ok(dropped)
    }
}

/// One who waits for room, and its bell.
struct Waiter<'a> {
    room: Pin<Box<dyn Future<Output = ()> + 'a>>,
    bell: Arc<Bell>,
}

impl<'a> Waiter<'a> {
    /// None where there was room at once.
    fn start(mailbox: &'a MailboxSender) -> Option<Self> {
        let mut waiter = Self { room: Box::pin(mailbox.room()), bell: Arc::default() };
        (!waiter.poll()).then_some(waiter)
    }

    fn poll(&mut self) -> bool {
        let waker = Waker::from(Arc::clone(&self.bell));
        self.room.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
    }
}

proptest! {
    #[test]
    fn a_mailbox_is_a_bounded_list(
        capacity in 1_usize..8,
        max_bytes in 10_usize..100,
        overflow in prop_oneof![Just(Overflow::Reject), Just(Overflow::Wait), Just(Overflow::DropOldest)],
        steps in steps(),
    ) {
        let from = sender()?;
        let (mailbox, mut receiver) = Mailbox::new(&config(capacity, max_bytes, overflow));
        let mut model = Model { waiting: VecDeque::new(), capacity, max_bytes, overflow, closed: false };
        let mut waiters: Vec<Waiter<'_>> = Vec::new();
        let mut heaviest_refused = 0;

        for (number, step) in (0..).zip(steps) {
            match step {
                Step::Push(weight) => {
                    let expected = model.push(number, weight);
                    if expected == Err(SendError::Full) {
                        heaviest_refused = heaviest_refused.max(weight);
                    }
                    let got = mailbox
                        .try_push(numbered(&from, number, weight))
                        .map(|pushed| pushed.dropped.iter().filter_map(number_of).collect::<Vec<_>>())
                        .map_err(|(error, _)| error);
                    prop_assert_eq!(got, expected);
                }
                Step::Take => {
                    let got = receiver.try_next().as_ref().and_then(number_of);
                    prop_assert_eq!(got, model.waiting.pop_front().map(|(number, _)| number));
                }
                Step::Drain => {
                    let got: Vec<_> = receiver.drain_remaining().iter().filter_map(number_of).collect();
                    let expected: Vec<_> = model.waiting.drain(..).map(|(number, _)| number).collect();
                    prop_assert_eq!(got, expected);
                }
                Step::Close => {
                    mailbox.close();
                    model.closed = true;
                }
                Step::WaitForRoom => waiters.extend(Waiter::start(&mailbox)),
            }
            prop_assert_eq!((mailbox.depth(), mailbox.bytes()), (model.waiting.len(), model.bytes()));

            let half = model.waiting.len() <= capacity / 2 && model.bytes() <= max_bytes / 2;
            let ample = half && model.bytes() + heaviest_refused <= max_bytes;
            let woken = waiters.iter().filter(|waiter| waiter.bell.rung() > 0).count();
            if ample || model.closed || overflow == Overflow::DropOldest {
                prop_assert_eq!(woken, waiters.len(), "all are woken");
            }
            if !half && !model.closed {
                prop_assert_eq!(woken, 0, "nobody is woken for single places");
            }
            if woken > 0 {
                prop_assert_eq!(woken, waiters.len(), "none is left out");
                for mut waiter in waiters.drain(..) {
                    prop_assert!(waiter.poll());
                }
                heaviest_refused = 0;
            }
        }
    }
}
