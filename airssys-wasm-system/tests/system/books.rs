//! Real instances under random traffic: whatever they send and ask, and however they end, every request ends, nothing
//! is both delivered and dead, the order of each sender holds, and the counts add up.

#![expect(clippy::indexing_slicing, clippy::panic, reason = "books that do not add up have failed")]

use std::collections::HashSet;
use std::time::Duration;

use airssys_wasm_core::{ComponentState, MessagePayload, RequestError};
use airssys_wasm_system::{Component, ComponentRef, ComponentStatus, Event, EventStream, Host, ReplyWait};
use proptest::prelude::*;

use crate::support::{at_once, file};

const PATIENCE: Duration = Duration::from_secs(60);

/// Components and their instances.
const NAMES: [(&str, u32); 3] = [("test/a", 1), ("test/b", 2), ("test/c", 1)];

#[derive(Debug, Clone)]
enum Step {
    /// The host asks so many times, and goes on.
    Ask {
        whom: usize,
        count: usize,
    },
    /// The host has a component do something with another.
    Order {
        whom: usize,
        to: usize,
        what: What,
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
enum What {
    Send,
    Later,
    Request,
    HastyRequest,
    Call,
    Cancel(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let whom = 0..NAMES.len();
    let what = prop_oneof![
        2 => Just(What::Send),
        1 => Just(What::Later),
        3 => Just(What::Request),
        1 => Just(What::HastyRequest),
        3 => Just(What::Call),
        1 => (1_u64..300).prop_map(What::Cancel),
    ];
    let step = prop_oneof![
        6 => (whom.clone(), 1_usize..40).prop_map(|(whom, count)| Step::Ask { whom, count }),
        14 => (whom.clone(), whom.clone(), what).prop_map(|(whom, to, what)| Step::Order { whom, to, what }),
        2 => whom.clone().prop_map(|whom| Step::Trap { whom }),
        1 => whom.clone().prop_map(|whom| Step::Kill { whom }),
        1 => whom.prop_map(|whom| Step::Stop { whom }),
        1 => Just(Step::Settle),
    ];
    prop::collection::vec(step, 20..120)
}

fn talker(name: &str, instances: u32) -> Component {
    Component::from_file(name.parse().unwrap(), file("talker"), 2 << 20)
        .instances(instances)
        .max_fuel(100_000_000)
        .timeout_ms(20_000)
        .send_to("test/*".parse().unwrap())
        .receive_from("test/*".parse().unwrap())
        .rate(1_000_000, 1_000_000)
        .supervision(at_once(1_000_000))
}

struct Books {
    host: Host,
    events: EventStream,
    components: Vec<ComponentRef>,
    /// How each instance stood that has ended for good.
    ended: Vec<ComponentStatus>,
    waits: Vec<(String, ReplyWait)>,
    accepted: u64,
    next: u64,
}

impl Books {
    async fn open() -> Self {
        let host = Host::builder().max_instances(8).build().unwrap();
        let events = host.events();
        let mut components = Vec::new();
        for (name, instances) in NAMES {
            components.push(host.start(talker(name, instances)).await.unwrap());
        }
        let (ended, waits) = (Vec::new(), Vec::new());
        Self { host, events, components, ended, waits, accepted: 0, next: 0 }
    }

    fn ask(&mut self, whom: usize, payload: MessagePayload, expected: &str) {
        if let Ok(wait) = self.components[whom].start_request(payload) {
            self.accepted += 1;
            self.waits.push((expected.to_owned(), wait));
        }
    }

    fn order(&mut self, whom: usize, order: &str) {
        self.ask(whom, MessagePayload::from(order).with_content_type("order"), "");
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    async fn take(&mut self, step: &Step) {
        match *step {
            Step::Ask { whom, count } => {
                for _ in 0..count {
                    let number = self.number();
                    self.ask(whom, number.to_string().as_str().into(), &format!("heard {number}"));
                }
            }
            Step::Order { whom, to, what } => {
                let ((to, _), number) = (NAMES[to], self.number());
                let order = match what {
                    What::Send => format!("send {to} {number}"),
                    What::Later => format!("send-after {to} 1 {number}"),
                    What::Request => format!("request {to} 10000 {number}"),
                    What::HastyRequest => format!("request {to} 1 {number}"),
                    What::Call => format!("call {to} 200 {number}"),
                    What::Cancel(id) => format!("cancel {id}"),
                };
                self.order(whom, &order);
            }
            Step::Trap { whom } => self.order(whom, "trap"),
            Step::Kill { whom } => {
                self.ended.extend(self.host.kill(self.components[whom].address()).await.unwrap());
                self.start(whom).await;
            }
            Step::Stop { whom } => {
                self.ended.extend(self.host.stop(self.components[whom].address()).await.unwrap());
                self.start(whom).await;
            }
            Step::Settle => assert!(self.host.settle(PATIENCE).await, "{:?}", self.host.statuses()),
        }
    }

    async fn start(&mut self, whom: usize) {
        let (name, instances) = NAMES[whom];
        self.components[whom] = self.host.start(talker(name, instances)).await.unwrap();
    }

    /// What an instance has heard from the host in its present life, in its order.
    async fn heard(&self, instance: &ComponentStatus) -> Vec<u64> {
        let address = instance.id.address();
        let reference = self.host.reference("reader", address).unwrap();
        let order = MessagePayload::from("heard").with_content_type("order");
        let reply = reference.request_within(order, PATIENCE).await.unwrap();
        let text = String::from_utf8(reply.bytes().to_vec()).unwrap();
        let from_host = text.lines().filter_map(|line| line.strip_prefix("host/api "));
        from_host.map(|number| number.parse().unwrap()).collect()
    }

    async fn close(mut self) {
        assert!(self.host.settle(PATIENCE).await, "{:?}", self.host.statuses());
        let mut died = 0_u64;
        for (expected, wait) in self.waits.drain(..) {
            match tokio::time::timeout(PATIENCE, wait).await.unwrap() {
                Ok(reply) if !expected.is_empty() => assert_eq!(reply, expected.as_str().into()),
                Ok(_) | Err(RequestError::Handler(_)) => {}
                Err(RequestError::ReceiverEnded { .. }) => died += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
        let (mut numbers, mut read) = (HashSet::new(), 0_u64);
        for status in self.host.statuses() {
            assert_eq!(
                (status.state, status.pending_requests, status.unread_answers),
                (ComponentState::Running, 0, 0)
            );
            let heard = self.heard(&status).await;
            assert!(heard.is_sorted(), "{} heard {heard:?}", status.id);
            for number in heard {
                assert!(numbers.insert(number), "{number} was heard twice");
            }
            read += 1;
        }
        self.ended.extend(self.host.shutdown().await);
        let sum = |of: fn(&ComponentStatus) -> u64| self.ended.iter().map(of).sum::<u64>();
        let sent = sum(|status| status.sent) + self.accepted + read;
        let ended = sum(|status| status.handled) + sum(|status| status.dead_letters);
        let Died { of_host, answers } = self.died().await;
        assert_eq!(sent + answers, ended, "{sent} sent, and {answers} answers died");
        assert_eq!(of_host, died, "whoever is told of an end has a dead letter, and nobody else");
    }

    /// What the host's events tell of dead letters.
    async fn died(self) -> Died {
        let Self { host, mut events, components, .. } = self;
        drop((host, components));
        let mut died = Died::default();
        while let Some(event) = tokio::time::timeout(PATIENCE, events.next()).await.unwrap() {
            match event {
                Event::DeadLetter { sender, .. } if sender.as_str() == "host/api" => died.of_host += 1,
                // An answer comes from whom the requester has named, who are components here; all else from instances.
                Event::DeadLetter { sender, .. } if !sender.is_host() && sender.instance().is_none() => {
                    died.answers += 1;
                }
                Event::Missed { count } => panic!("{count} events were missed"),
                _ => {}
            }
        }
        died
    }
}

#[derive(Debug, Default)]
struct Died {
    /// Requests of the host's.
    of_host: u64,
    /// Answers that were in hand.
    answers: u64,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn every_message_of_real_instances_ends_once(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(async {
            let mut books = Books::open().await;
            for step in &steps {
                books.take(step).await;
            }
            books.close().await;
        });
    }
}
