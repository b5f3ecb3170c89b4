//! What became of all that was said: as its receivers have told, as those who waited were answered, and as the host has
//! counted. All that is said is a number, and every sender's numbers rise.

use std::collections::{BTreeMap, HashMap, HashSet};

use airssys_wasm_core::EndCause;
use airssys_wasm_messaging::DeadLetterCause;
use airssys_wasm_system::{ComponentStatus, Event};

use super::NAMES;
use super::history::History;

/// Whom a number was said to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Said {
    To(&'static str),
    /// By a timer, which keeps no order with what is said at once.
    Later(&'static str),
    ToAll,
    /// To a topic.
    On(&'static str),
}

/// What whoever has said it knows of a number that was said to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was heard, for it was answered.
    Answered,
    /// It was refused or pushed out, and never heard.
    Refused,
    /// Its receiver ended. Where that was by force, while it was in hand, it may have been heard.
    Died,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    said: BTreeMap<u64, Said>,
    /// Who has said it, as far as that is known.
    sayers: HashMap<u64, String>,
    fates: HashMap<u64, Fate>,
    /// Targets of a broadcast that did not get it.
    left_out: HashSet<(u64, &'static str)>,
    /// How many took a publication.
    reached: HashMap<u64, u64>,
    /// Where a number was heard, and from whom.
    heard: HashMap<u64, Vec<(String, String)>>,
    /// How every instance stood that has ended for good.
    pub(super) ended: Vec<ComponentStatus>,
    /// Messages of the host's that a mailbox took.
    pub(super) accepted: u64,
    /// Of the host's requests.
    died: usize,
    pushed_out: usize,
}

impl Ledger {
    pub(super) fn say(&mut self, number: u64, said: Said) {
        self.said.insert(number, said);
    }

    pub(super) fn said(&self, number: u64) -> Said {
        self.said[&number]
    }

    /// Who has said it, and what they know of it.
    pub(super) fn settle(&mut self, number: u64, sayer: &str, fate: Option<Fate>) {
        let before = self.sayers.insert(number, sayer.to_owned());
        assert!(before.is_none_or(|before| before == sayer), "{number} was said by two");
        if let Some(fate) = fate {
            let before = self.fates.insert(number, fate);
            assert_eq!(before, None, "{number} ended twice, and {fate:?} at last");
        }
    }

    /// How a request of the host's has ended that was accepted.
    pub(super) fn settle_asked(&mut self, number: u64, fate: Fate) {
        self.died += usize::from(fate == Fate::Died);
        self.pushed_out += usize::from(fate == Fate::Refused);
        self.settle(number, "host/asker", Some(fate));
    }

    pub(super) fn leave_out(&mut self, number: u64, target: &'static str) {
        self.left_out.insert((number, target));
    }

    pub(super) fn reach(&mut self, number: u64, sayer: &str, subscribers: u64) {
        self.settle(number, sayer, None);
        self.reached.insert(number, subscribers);
    }

    pub(super) fn hear(&mut self, number: u64, receiver: &str, sayer: &str) {
        self.heard.entry(number).or_default().push((receiver.to_owned(), sayer.to_owned()));
    }

    /// Everything has come to its end: these lines were told, by whom, and this has happened.
    pub(super) fn check(mut self, lines: &[(String, String)], events: &[Event]) {
        let mut histories = BTreeMap::new();
        for (id, line) in lines {
            let history = histories.entry(id.as_str()).or_insert_with(|| History::of(id));
            history.read(line, &mut self);
        }
        for (number, said) in &self.said {
            self.check_heard(*number, *said);
        }
        for (id, history) in &histories {
            self.check_counts(id, history);
            self.check_letters(id, events);
        }
        self.check_torn();
        self.check_sums(lines.len(), events);
    }

    /// Nobody has heard what was not said to them, nor anything twice.
    fn check_heard(&self, number: u64, said: Said) {
        let heard = self.heard.get(&number).map_or(&[][..], Vec::as_slice);
        let receivers: HashSet<&str> = heard.iter().map(|(receiver, _)| receiver.as_str()).collect();
        assert_eq!(receivers.len(), heard.len(), "{number} was heard twice: {heard:?}");
        if let Some(sayer) = self.sayers.get(&number) {
            assert!(heard.iter().all(|(_, told)| told == sayer), "{number} of {sayer}: {heard:?}");
        }
        let in_component = |name: &str| {
            let own = receivers.iter().filter(|id| id.rsplit_once('/').is_some_and(|(own, _)| own == name));
            own.count()
        };
        match said {
            Said::To(name) | Said::Later(name) => {
                let count = in_component(name);
                assert_eq!(count, heard.len(), "{number} was for {name}, and heard by {receivers:?}");
                match self.fates.get(&number) {
                    Some(Fate::Answered) => assert_eq!(count, 1, "{number} was answered"),
                    Some(Fate::Refused) => assert_eq!(count, 0, "{number} was refused"),
                    Some(Fate::Died) | None => assert!(count <= 1, "{number}: {heard:?}"),
                }
            }
            Said::ToAll => {
                for (name, _) in NAMES {
                    let most = usize::from(!self.left_out.contains(&(number, name)));
                    assert!(in_component(name) <= most, "{number} to {name}: {heard:?}");
                }
            }
            Said::On(topic) => {
                let most = self.reached.get(&number).copied().unwrap_or(u64::MAX);
                assert!(heard.len() as u64 <= most, "{number} on {topic} reached {most}: {heard:?}");
            }
        }
    }

    fn ended_as<'l>(&'l self, id: &str) -> impl Iterator<Item = &'l ComponentStatus> {
        self.ended.iter().filter(move |status| status.id.address().as_str() == id)
    }

    /// Ends by force from outside, each of which may have torn one call in the middle.
    fn kills(&self, id: &str) -> usize {
        self.ended_as(id).filter(|status| status.last_end == Some(EndCause::Killed)).count()
    }

    /// An instance has counted what it did.
    fn check_counts(&self, id: &str, history: &History) {
        let (mut done, mut lives) = (0, 0);
        for status in self.ended_as(id) {
            assert_eq!(status.handler_errors, 0, "{id}");
            done += status.handled + status.callbacks;
            lives += 1 + status.restarts;
        }
        let kills = self.kills(id) as u64;
        let History { done: told, lives: told_lives, .. } = *history;
        assert!(
            (done..=done + kills).contains(&told),
            "{id} has done {done}, and told of {told}; {kills} kills"
        );
        assert!(
            (told_lives..=told_lives + kills).contains(&lives),
            "{id} lived {lives} times, and told of {told_lives}; {kills} kills"
        );
    }

    /// Its dead letters are as many as it has counted.
    fn check_letters(&self, id: &str, events: &[Event]) {
        let letters = letters(events).filter(|letter| letter.receiver == id && letter.was_accepted());
        let (overflow, others): (Vec<_>, Vec<_>) = letters.partition(Letter::was_pushed_out);
        let sum = |of: fn(&ComponentStatus) -> u64| self.ended_as(id).map(of).sum::<u64>();
        let counted = (sum(|status| status.dropped), sum(|status| status.dead_letters));
        let shown = (overflow.len() as u64, (overflow.len() + others.len()) as u64);
        assert_eq!(shown, counted, "dead letters of {id}: pushed out, and in all");
    }

    /// What is a dead letter was not delivered, but for what was in hand when its receiver was killed.
    fn check_torn(&self) {
        let mut torn: HashMap<&str, usize> = HashMap::new();
        let died = self.fates.iter().filter(|(_, fate)| **fate == Fate::Died);
        for (receiver, _) in died.filter_map(|(number, _)| self.heard.get(number)).flatten() {
            *torn.entry(receiver).or_default() += 1;
        }
        for (id, count) in torn {
            let kills = self.kills(id);
            assert!(count <= kills, "{id} has heard {count} that are dead letters; {kills} kills");
        }
    }

    fn check_sums(&self, lines: usize, events: &[Event]) {
        let of_asker: Vec<_> = letters(events).filter(|letter| letter.sender == "host/asker").collect();
        let pushed_out = of_asker.iter().filter(|letter| letter.was_pushed_out()).count();
        assert_eq!(
            (pushed_out, of_asker.len() - pushed_out),
            (self.pushed_out, self.died),
            "whoever is told of an end has a dead letter, and nobody else"
        );
        // An answer comes from whom the requester has named, who are components here; all else from instances.
        let answers = letters(events).filter(|letter| letter.is_answer).count() as u64;
        let sum = |of: fn(&ComponentStatus) -> u64| self.ended.iter().map(of).sum::<u64>();
        let sent = sum(|status| status.sent) + self.accepted + answers;
        let ended = sum(|status| status.handled) + sum(|status| status.dead_letters) + lines as u64;
        assert_eq!(sent, ended, "what was accepted, and what was handled, died or was told");
    }
}

/// A dead letter, as an event shows it.
struct Letter<'e> {
    receiver: &'e str,
    sender: &'e str,
    is_answer: bool,
    cause: &'e DeadLetterCause,
}

impl Letter<'_> {
    fn was_pushed_out(&self) -> bool {
        *self.cause == DeadLetterCause::Overflow
    }

    /// Others were to be sent later, and never were.
    fn was_accepted(&self) -> bool {
        matches!(self.cause, DeadLetterCause::Overflow | DeadLetterCause::ReceiverEnded(_))
    }
}

fn letters(events: &[Event]) -> impl Iterator<Item = Letter<'_>> {
    events.iter().filter_map(|event| match event {
        Event::DeadLetter { receiver, sender, cause } => Some(Letter {
            receiver: receiver.as_str(),
            sender: sender.as_str(),
            is_answer: !sender.is_host() && sender.instance().is_none(),
            cause,
        }),
        _ => None,
    })
}
