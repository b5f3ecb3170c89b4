//! Real instances under random traffic: whatever they send, ask and publish, whatever their mailboxes do where there is no
//! room, and however they end, every request ends once, nothing is both delivered and dead, the order of each sender holds,
//! and the counts add up.
//!
//! Whatever happens to a component it publishes at once, so that each of its lives is known whole; see `ledger`.

#![expect(clippy::indexing_slicing, clippy::panic, reason = "books that do not add up have failed")]

mod history;
mod ledger;
mod traffic;

use std::time::Duration;

use airssys_wasm_core::{ComponentState, MailboxConfig, MessagePayload, Overflow, RequestError, SendError};
use airssys_wasm_system::{
    Component, ComponentRef, Event, EventStream, Host, Published, ReplyWait, TopicStream,
};
use proptest::prelude::*;
use tokio::task::JoinHandle;

use self::ledger::{Fate, Ledger, Said};
use self::traffic::{Deed, Step, steps};
use crate::support::{at_once, file};

const PATIENCE: Duration = Duration::from_secs(60);

/// Components and their instances.
const NAMES: [(&str, u32); 3] = [("test/a", 1), ("test/b", 2), ("test/c", 1)];

/// What their mailboxes do without room, in an order of its own each time.
const RULES: [Overflow; 3] = [Overflow::Wait, Overflow::Reject, Overflow::DropOldest];

/// Messages that wait for one of them at most.
const CAPACITY: usize = 12;

const TOPICS: [&str; 3] = ["news", "news.a", "news.a.b"];

const PATTERNS: [&str; 4] = ["news.#", "news.*", "*.a", "*.a.#"];

/// Where they tell of themselves.
const WITNESS: &str = "witness";

fn name(whom: usize) -> &'static str {
    NAMES[whom].0
}

fn talker(name: &str, instances: u32, overflow: Overflow) -> Component {
    let config = serde_json::json!({ "orders": ["subscribe news.a"], "witness": WITNESS });
    Component::from_file(name.parse().unwrap(), file("talker"), 2 << 20)
        .instances(instances)
        .max_fuel(100_000_000)
        .timeout_ms(20_000)
        .send_to("test/*".parse().unwrap())
        .receive_from("test/*".parse().unwrap())
        .publish("news.#".parse().unwrap())
        .publish(WITNESS.parse().unwrap())
        .subscribe("news.#".parse().unwrap())
        .subscribe("*.a.#".parse().unwrap())
        .mailbox(MailboxConfig { capacity: CAPACITY, overflow, ..MailboxConfig::default() })
        .rate(1_000_000, 1_000_000)
        .supervision(at_once(1_000_000))
        .config(config.as_object().unwrap().clone())
}

struct Books {
    host: Host,
    rules: [Overflow; 3],
    events: JoinHandle<Vec<Event>>,
    witness: JoinHandle<Vec<(String, String)>>,
    ledger: Ledger,
    waits: Vec<(u64, ReplyWait)>,
    next: u64,
}

impl Books {
    async fn open(rules: [Overflow; 3]) -> Self {
        let host = Host::builder().max_instances(8).build().unwrap();
        let events = tokio::spawn(all_events(host.events()));
        let witness = tokio::spawn(all_lines(host.subscribe(&WITNESS.parse().unwrap())));
        let (ledger, waits) = (Ledger::default(), Vec::new());
        let mut books = Self { host, rules, events, witness, ledger, waits, next: 0 };
        for whom in 0..NAMES.len() {
            books.start(whom).await;
        }
        books
    }

    async fn start(&mut self, whom: usize) {
        let (name, instances) = NAMES[whom];
        self.host.start(talker(name, instances, self.rules[whom])).await.unwrap();
    }

    /// The way by which a part of the host sends to a component.
    fn way(&self, part: &str, whom: usize) -> ComponentRef {
        self.host.reference(part, &name(whom).parse().unwrap()).unwrap()
    }

    fn say(&mut self, said: Said) -> u64 {
        self.next += 1;
        self.ledger.say(self.next, said);
        self.next
    }

    fn ask(&mut self, whom: usize, count: usize) {
        let way = self.way("asker", whom);
        for _ in 0..count {
            let number = self.say(Said::To(name(whom)));
            match way.start_request(number.to_string().as_str()) {
                Ok(wait) => {
                    self.ledger.accepted += 1;
                    self.waits.push((number, wait));
                }
                Err(_) => self.ledger.settle(number, "host/asker", Some(Fate::Refused)),
            }
        }
    }

    /// Orders are never refused, so that others find the mailboxes as full as those of whoever asks.
    async fn order(&mut self, whom: usize, order: &str) {
        let order = MessagePayload::from(order).with_content_type("order");
        let way = self.way("foreman", whom);
        tokio::time::timeout(PATIENCE, way.send_waiting(order)).await.unwrap().unwrap();
        self.ledger.accepted += 1;
    }

    fn deed(&mut self, deed: Deed) -> String {
        match deed {
            Deed::Send { to } => format!("send {} {}", name(to), self.say(Said::To(name(to)))),
            Deed::Later { to } => format!("send-after {} 1 {}", name(to), self.say(Said::Later(name(to)))),
            Deed::Request { to, timeout_ms } => {
                format!("request {} {timeout_ms} {}", name(to), self.say(Said::To(name(to))))
            }
            Deed::Call { to } => format!("call {} 200 {}", name(to), self.say(Said::To(name(to)))),
            Deed::Cancel { id } => format!("cancel {id}"),
            Deed::Broadcast => {
                let targets = NAMES.map(|(name, _)| name).join(",");
                format!("broadcast {targets} {}", self.say(Said::ToAll))
            }
            Deed::Publish { topic } => {
                format!("publish {} {}", TOPICS[topic], self.say(Said::On(TOPICS[topic])))
            }
            Deed::Subscribe { pattern } => format!("subscribe {}", PATTERNS[pattern]),
            Deed::Unsubscribe { pattern } => format!("unsubscribe {}", PATTERNS[pattern]),
        }
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Ask { whom, count } => self.ask(*whom, *count),
            Step::Order { whom, deeds } => {
                let orders: Vec<String> = deeds.iter().map(|deed| self.deed(*deed)).collect();
                self.order(*whom, &format!("all {}", orders.join("; "))).await;
            }
            Step::Publish { topic } => {
                let number = self.say(Said::On(TOPICS[*topic]));
                let topic = TOPICS[*topic].parse().unwrap();
                let reached = self.host.publish(&topic, number.to_string()).await;
                self.ledger.accepted += u64::from(reached);
                self.ledger.reach(number, "host/api", reached.into());
            }
            Step::Trap { whom } => self.order(*whom, "trap").await,
            Step::Kill { whom } => {
                let ended = self.host.kill(&name(*whom).parse().unwrap()).await.unwrap();
                self.ledger.ended.extend(ended);
                self.start(*whom).await;
            }
            Step::Stop { whom } => {
                let ended = self.host.stop(&name(*whom).parse().unwrap()).await.unwrap();
                self.ledger.ended.extend(ended);
                self.start(*whom).await;
            }
            Step::Settle => self.settle().await,
        }
    }

    async fn settle(&self) {
        assert!(self.host.settle(PATIENCE).await, "{:?}", self.host.statuses());
    }

    async fn close(mut self) {
        // What fires meanwhile begins something anew, but sets no timer.
        let fired = async {
            self.settle().await;
            while self.host.statuses().iter().any(|status| status.timers > 0) {
                tokio::task::yield_now().await;
            }
            self.settle().await;
        };
        tokio::time::timeout(PATIENCE, fired).await.unwrap();
        for (number, wait) in std::mem::take(&mut self.waits) {
            let fate = match tokio::time::timeout(PATIENCE, wait).await.unwrap() {
                Ok(reply) if reply == format!("heard {number}").into() => Fate::Answered,
                Err(RequestError::ReceiverEnded { .. }) => Fate::Died,
                Err(RequestError::Refused(SendError::Full)) => Fate::Refused,
                other => panic!("{number} came to {other:?}"),
            };
            self.ledger.settle_asked(number, fate);
        }
        for status in self.host.statuses() {
            let left = (status.pending_requests, status.unread_answers, status.waiting);
            assert_eq!((status.state, left), (ComponentState::Running, (0, 0, 0)), "{}", status.id);
        }
        let Self { host, mut ledger, events, witness, .. } = self;
        ledger.ended.extend(host.shutdown().await);
        drop(host);
        let lines = tokio::time::timeout(PATIENCE, witness).await.unwrap().unwrap();
        let events = tokio::time::timeout(PATIENCE, events).await.unwrap().unwrap();
        ledger.check(&lines, &events);
    }
}

async fn all_events(mut stream: EventStream) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        assert!(!matches!(event, Event::Missed { .. }), "{event:?}");
        events.push(event);
    }
    events
}

/// What each instance told, in its order.
async fn all_lines(mut stream: TopicStream) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    while let Some(published) = stream.next().await {
        let Published::Message { publisher, payload, .. } = published else { panic!("{published:?}") };
        lines.push((publisher.to_string(), String::from_utf8(payload.bytes().to_vec()).unwrap()));
    }
    lines
}

proptest! {
    // What chance had a part in does not come again by its seed, and takes long to look for.
    #![proptest_config(ProptestConfig {
        cases: 8, max_shrink_iters: 30, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn every_message_of_real_instances_ends_once(rules in Just(RULES).prop_shuffle(), steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(async {
            let mut books = Books::open(rules).await;
            for step in &steps {
                books.take(step).await;
            }
            books.close().await;
        });
    }
}
