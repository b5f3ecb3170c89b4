//! What one instance has told of itself, life after life.

use std::collections::HashMap;

use airssys_wasm_core::TopicPattern;

use super::NAMES;
use super::ledger::{Fate, Ledger, Said};

#[derive(Debug)]
pub(super) struct History {
    id: String,
    pub(super) lives: u64,
    /// Messages and answers that it was done with.
    pub(super) done: u64,
    /// The last number of each sender.
    last: HashMap<String, u64>,
    /// What it has ever subscribed to.
    patterns: Vec<TopicPattern>,
    /// Requests of the present life that wait for their answers, and what they said.
    requests: HashMap<u64, u64>,
    is_shut_down: bool,
}

impl History {
    pub(super) fn of(id: &str) -> Self {
        let (last, patterns, requests) = (HashMap::new(), Vec::new(), HashMap::new());
        Self { id: id.to_owned(), lives: 0, done: 0, last, patterns, requests, is_shut_down: true }
    }

    /// The next line; see the guest `talker`.
    pub(super) fn read(&mut self, line: &str, ledger: &mut Ledger) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        assert!(!self.is_shut_down || word == "began", "{} is shut down: {line}", self.id);
        match word {
            "began" => self.begin(),
            "heard" => self.hear(rest, ledger),
            "did" => self.do_so(rest, ledger),
            "followed" => self.done += 1,
            "told" => self.be_told(rest, ledger),
            "shut" => {
                // Who ends in good order has heard of all that it asked.
                assert!(self.requests.is_empty(), "{} was never told of {:?}", self.id, self.requests);
                self.is_shut_down = true;
            }
            _ => panic!("{line}"),
        }
    }

    fn begin(&mut self) {
        self.requests.clear();
        self.is_shut_down = false;
        self.lives += 1;
    }

    fn hear(&mut self, rest: &str, ledger: &mut Ledger) {
        self.done += 1;
        let (sender, text) = rest.split_once(' ').unwrap();
        let number = text.parse().unwrap();
        let (sender, topic) = sender.split_once('@').map_or((sender, None), |(it, topic)| (it, Some(topic)));
        ledger.hear(number, &self.id, sender);
        match (ledger.said(number), topic) {
            (Said::On(expected), Some(topic)) => {
                assert_eq!(topic, expected, "{number}");
                let topic = topic.parse().unwrap();
                assert!(
                    self.patterns.iter().any(|pattern| pattern.matches(&topic)),
                    "{} and {topic}",
                    self.id
                );
            }
            (Said::To(_) | Said::ToAll | Said::Later(_), None) => {}
            (said, topic) => panic!("{number} was said {said:?}, and heard on {topic:?}"),
        }
        if !matches!(ledger.said(number), Said::Later(_)) {
            let last = self.last.insert(sender.to_owned(), number);
            assert!(last < Some(number), "{} heard {number} of {sender} after {last:?}", self.id);
        }
    }

    fn do_so(&mut self, rest: &str, ledger: &mut Ledger) {
        let (order, came) = rest.split_once(" -> ").unwrap();
        let (verb, words) = order.split_once(' ').unwrap();
        let text = words.rsplit_once(' ').map_or(words, |(_, text)| text);
        let number = || text.parse().unwrap();
        match verb {
            "send" => ledger.settle(number(), &self.id, (came != "ok").then_some(Fate::Refused)),
            "send-after" => {
                let refused = came.parse::<u64>().is_err();
                ledger.settle(number(), &self.id, refused.then_some(Fate::Refused));
            }
            "call" => ledger.settle(number(), &self.id, fate(number(), came)),
            "request" => match came.parse() {
                Ok(id) => assert_eq!(self.requests.insert(id, number()), None, "two requests {id}"),
                Err(_) => ledger.settle(number(), &self.id, Some(Fate::Refused)),
            },
            "broadcast" => {
                ledger.settle(number(), &self.id, None);
                for ((name, _), _) in NAMES.into_iter().zip(came.split(',')).filter(|(_, came)| *came != "ok")
                {
                    ledger.leave_out(number(), name);
                }
            }
            "publish" => ledger.reach(number(), &self.id, came.parse().unwrap()),
            "subscribe" => {
                assert_eq!(came, "ok", "{order}");
                self.patterns.push(words.parse().unwrap());
            }
            "cancel" if came == "ok" => {
                let id = number();
                let number = self.requests.remove(&id);
                let number =
                    number.unwrap_or_else(|| panic!("{} gave {id} up, which is not its own", self.id));
                ledger.settle(number, &self.id, None);
            }
            "cancel" | "unsubscribe" => assert!(["ok", "not-found"].contains(&came), "{order}: {came}"),
            _ => panic!("{order}"),
        }
    }

    /// The one answer to a request of this life.
    fn be_told(&mut self, rest: &str, ledger: &mut Ledger) {
        self.done += 1;
        let (id, outcome) = rest.split_once(' ').unwrap();
        let number = self.requests.remove(&id.parse().unwrap());
        let number = number.unwrap_or_else(|| panic!("{} waits for no answer to {id}: {outcome}", self.id));
        ledger.settle(number, &self.id, fate(number, outcome));
    }
}

/// What an answer tells of what was asked; nothing where it is not known what became of it.
fn fate(number: u64, outcome: &str) -> Option<Fate> {
    match outcome {
        "timed-out" | "closed" => None,
        "full" | "would-deadlock" | "not-found" => Some(Fate::Refused),
        _ if outcome.starts_with("receiver-ended") => Some(Fate::Died),
        reply => {
            assert_eq!(reply, format!("heard {number}"));
            Some(Fate::Answered)
        }
    }
}
