//! Many instances at once: whatever they send, ask, cancel, publish, and however they end, nothing is lost, nothing
//! comes twice, and the counts add up.

#![expect(
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the test and its observer share a plain list, and a model that goes wrong has failed"
)]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use proptest::prelude::*;

use crate::support::{HANG, config, ready};
use airssys_wasm_core::{
    Address, Admission, ComponentId, CorrelationId, Guard, MessagePayload, MessageRouter, Overflow,
    SendError, Topic, TopicPattern,
};
use airssys_wasm_messaging::{
    DeadLetter, DeadLetterCause, DeadLetterObserver, DeskSnapshot, Envelope, EnvelopeKind, Mailbox,
    MailboxReceiver, RegisterOptions, ReplySlot, Router, RouterOptions,
};

const PLAYERS: usize = 5;
const LONG: Duration = Duration::from_secs(3_600);

#[derive(Debug, Clone)]
enum Step {
    Send {
        from: usize,
        to: usize,
        any: bool,
    },
    Ask {
        from: usize,
        to: usize,
        any: bool,
        hasty: bool,
    },
    /// Takes the next message, and answers it at once, later or never.
    Handle {
        who: usize,
        answer: Answers,
    },
    AnswerHeld {
        who: usize,
        which: prop::sample::Index,
    },
    /// Cancels a request, its own or another's.
    Cancel {
        who: usize,
        which: prop::sample::Index,
    },
    Subscribe {
        who: usize,
    },
    Publish {
        from: usize,
    },
    Later {
        from: usize,
        to: usize,
    },
    Restart {
        who: usize,
    },
    Kill {
        who: usize,
    },
    /// Stops one as a host does: it handles what waits, hears of what it still waits for, and ends.
    Stop {
        who: usize,
    },
    Pass,
}

#[derive(Debug, Clone, Copy)]
enum Answers {
    AtOnce,
    Later,
    Never,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = 0..PLAYERS;
    let which = any::<prop::sample::Index>;
    let answers = prop_oneof![Just(Answers::AtOnce), Just(Answers::Later), Just(Answers::Never)];
    let step = prop_oneof![
        6 => (who.clone(), who.clone(), any::<bool>()).prop_map(|(from, to, any)| Step::Send { from, to, any }),
        8 => (who.clone(), who.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(from, to, any, hasty)| Step::Ask { from, to, any, hasty }),
        12 => (who.clone(), answers).prop_map(|(who, answer)| Step::Handle { who, answer }),
        4 => (who.clone(), which()).prop_map(|(who, which)| Step::AnswerHeld { who, which }),
        3 => (who.clone(), which()).prop_map(|(who, which)| Step::Cancel { who, which }),
        1 => who.clone().prop_map(|who| Step::Subscribe { who }),
        2 => who.clone().prop_map(|from| Step::Publish { from }),
        2 => (who.clone(), who.clone()).prop_map(|(from, to)| Step::Later { from, to }),
        1 => who.clone().prop_map(|who| Step::Restart { who }),
        1 => who.clone().prop_map(|who| Step::Kill { who }),
        1 => who.prop_map(|who| Step::Stop { who }),
        2 => Just(Step::Pass),
    ];
    prop::collection::vec(step, 0..150)
}

#[derive(Debug)]
struct Open;

impl Admission for Open {
    fn admit(&self, _weight: usize) -> Result<(), SendError> {
        Ok(())
    }
}

impl Guard for Open {
    fn authorise(&self, _: &Address, _: &Address) -> Result<Arc<dyn Admission>, SendError> {
        Ok(Arc::new(Self))
    }

    fn authorise_publication(&self, _: &Address, _: &Topic) -> Result<(), SendError> {
        Ok(())
    }

    fn authorise_subscription(&self, _: &Address, _: &TopicPattern) -> Result<(), SendError> {
        Ok(())
    }

    fn authorise_receipt(&self, _: &Address, _: &Address) -> Result<Arc<dyn Admission>, SendError> {
        Ok(Arc::new(Self))
    }
}

/// The numbers of the messages that died, and whether a mailbox had accepted them.
#[derive(Debug, Default)]
struct Letters(Mutex<Vec<(u32, bool)>>);

impl DeadLetterObserver for Letters {
    fn dead_letter(&self, letter: &DeadLetter<'_>) {
        if let Some(number) = number(letter.payload.bytes()) {
            let was_accepted = !matches!(letter.cause, DeadLetterCause::Refused(_));
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push((number, was_accepted));
        }
    }
}

fn number(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

struct Player {
    id: ComponentId,
    /// Rises with every life.
    life: u32,
    mailbox: MailboxReceiver,
    held: Vec<ReplySlot>,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Waiting,
    Answered,
    Cancelled,
    /// Its requester ended.
    Void,
}

struct Cluster {
    router: Router,
    letters: Arc<Letters>,
    players: Vec<Player>,
    next: u32,
    requests: BTreeMap<u64, (usize, Fate)>,
    /// How many mailboxes accepted each message, as its sender was told.
    accepted: HashMap<u32, usize>,
    /// Messages that were to be sent later: by whom, and whether that one has ended since.
    delayed: HashMap<u32, (usize, bool)>,
    /// Who got each message.
    delivered: HashMap<u32, Vec<String>>,
    /// The last number that came from a sender to a life of a receiver.
    order: HashMap<(String, String), u32>,
    /// What players sent in earlier lives, by the router's count.
    sent: u64,
}

impl Cluster {
    fn new() -> Self {
        let letters = Arc::new(Letters::default());
        let observer: Arc<dyn DeadLetterObserver> = Arc::<Letters>::clone(&letters);
        let options = RouterOptions { dead_letters: Some(observer), ..RouterOptions::default() };
        let router = Router::with_options(Arc::new(Open), options);
        // Two components of two instances, and one that stands alone; all three overflow rules.
        let players = (0..PLAYERS).map(|number| {
            let id: ComponentId = format!("t/c{}/{}", number / 2, number % 2).parse().unwrap();
            Player { mailbox: register(&router, &id, number), id, life: 0, held: Vec::new() }
        });
        let players = players.collect();
        Self {
            router,
            letters,
            players,
            next: 0,
            requests: BTreeMap::new(),
            accepted: HashMap::new(),
            delayed: HashMap::new(),
            delivered: HashMap::new(),
            order: HashMap::new(),
            sent: 0,
        }
    }

    fn address(&self, of: usize, any: bool) -> Address {
        let id = &self.players[of].id;
        if any { id.component() } else { id.address().clone() }
    }

    fn numbered(&mut self) -> MessagePayload {
        self.next += 1;
        self.next.to_be_bytes().to_vec().into()
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Send { from, to, any } => {
                let (target, payload) = (self.address(to, any), self.numbered());
                let link = self.router.open(self.players[from].id.address(), &target).unwrap();
                self.accepted.insert(self.next, usize::from(link.send(payload).is_ok()));
            }
            Step::Ask { from, to, any, hasty } => {
                let (target, payload) = (self.address(to, any), self.numbered());
                let link = self.router.open(self.players[from].id.address(), &target).unwrap();
                let timeout = if hasty { Duration::from_millis(1) } else { LONG };
                let asked = link.request(payload, timeout);
                self.accepted.insert(self.next, usize::from(asked.is_ok()));
                if let Ok(id) = asked {
                    assert!(
                        self.requests.insert(id.get(), (from, Fate::Waiting)).is_none(),
                        "ids are used once"
                    );
                }
            }
            Step::Handle { who, answer } => {
                if let Some(envelope) = self.players[who].mailbox.try_next() {
                    self.handle(who, envelope, answer);
                }
            }
            Step::AnswerHeld { who, ref which } => {
                let held = &mut self.players[who].held;
                if !held.is_empty() {
                    held.swap_remove(which.index(held.len())).answer(Ok("reply".into()));
                }
            }
            Step::Cancel { who, ref which } => {
                if self.requests.is_empty() {
                    return;
                }
                let nth = which.index(self.requests.len());
                let (id, (owner, fate)) = self.requests.iter_mut().nth(nth).unwrap();
                let was_pending = self.router.cancel_request(&self.players[who].id, CorrelationId::new(*id));
                if was_pending {
                    assert!(
                        *owner == who && *fate == Fate::Waiting,
                        "{who} cancelled {id} of {owner}, {fate:?}"
                    );
                    *fate = Fate::Cancelled;
                }
            }
            Step::Subscribe { who } => {
                self.router.subscribe(&self.players[who].id, &"a.#".parse().unwrap()).unwrap();
            }
            Step::Publish { from } => {
                let payload = self.numbered();
                let id = &self.players[from].id;
                let accepted =
                    ready(self.router.publish(id, &"a.b".parse().unwrap(), &payload)).unwrap().unwrap();
                self.accepted.insert(self.next, accepted.try_into().unwrap());
            }
            Step::Later { from, to } => {
                let (target, payload) = (self.address(to, false), self.numbered());
                let id = &self.players[from].id;
                self.router.send_after(id, &target, payload, Duration::ZERO).unwrap();
                self.delayed.insert(self.next, (from, false));
            }
            Step::Restart { who } => self.restart(who),
            Step::Kill { who } => self.kill(who),
            Step::Stop { who } => self.stop(who),
            // The caller lets time pass.
            Step::Pass => {}
        }
    }

    fn handle(&mut self, who: usize, envelope: Envelope, answer: Answers) {
        let player = &mut self.players[who];
        let receiver = format!("{} {}", player.id, player.life);
        if let Some(number) = number(envelope.payload.bytes()) {
            if !self.delayed.contains_key(&number) {
                let before = self.order.insert((envelope.sender.to_string(), receiver.clone()), number);
                assert!(before < Some(number), "{number} came to {receiver} after {before:?}");
            }
            self.delivered.entry(number).or_default().push(receiver);
        }
        match envelope.kind {
            EnvelopeKind::Answer(answer) => {
                let (owner, fate) = self.requests.get_mut(&answer.correlation().get()).expect("asked for");
                assert!(*owner == who && *fate == Fate::Waiting, "answered a second time: {fate:?}");
                *fate = Fate::Answered;
            }
            EnvelopeKind::Request(slot) => match answer {
                Answers::AtOnce => drop(slot.answer(Ok("reply".into()))),
                Answers::Later => player.held.push(slot),
                Answers::Never => drop(slot),
            },
            _ => {}
        }
    }

    /// The instance ends; its mailbox stays.
    fn restart(&mut self, who: usize) {
        let Self { router, players, requests, delayed, .. } = self;
        let player = &mut players[who];
        let desk = router.desk(&player.id).unwrap();
        router.end_life(&desk, &mut player.mailbox);
        player.held.clear();
        for (owner, fate) in requests.values_mut() {
            if *owner == who && *fate == Fate::Waiting {
                *fate = Fate::Void;
            }
        }
        delayed.values_mut().filter(|(owner, _)| *owner == who).for_each(|(_, has_ended)| *has_ended = true);
    }

    /// The instance ends for good, and another one takes its name.
    fn kill(&mut self, who: usize) {
        self.sent += self.sent_by(who);
        self.players[who].mailbox.close();
        self.restart(who);
        let Self { router, players, .. } = self;
        let player = &mut players[who];
        for envelope in player.mailbox.drain_remaining() {
            let cause = DeadLetterCause::ReceiverEnded("killed".to_owned());
            router.dead_letters().bury(player.id.address(), envelope, &cause);
        }
        assert!(router.deregister(&player.id));
        player.mailbox = register(router, &player.id, who);
        player.life += 1;
    }

    /// The instance ends when it has nothing left to do, and another one takes its name.
    fn stop(&mut self, who: usize) {
        self.players[who].mailbox.close();
        let own = self.players[who].id.clone();
        for is_told in [false, true] {
            if is_told {
                self.router.end_requests(&self.router.desk(&own).unwrap());
            }
            while let Some(envelope) = self.players[who].mailbox.try_next() {
                self.handle(who, envelope, Answers::AtOnce);
            }
            // Nothing begins any more, to whomever.
            let link = self.router.open(own.address(), own.address()).unwrap();
            assert_eq!(link.request("ask".into(), LONG).unwrap_err().error, SendError::Closed);
        }
        for (id, (owner, fate)) in &self.requests {
            assert!(*owner != who || *fate != Fate::Waiting, "{id} of {who} has no end");
        }
        self.kill(who);
    }

    fn sent_by(&self, who: usize) -> u64 {
        self.router.traffic(self.players[who].id.address()).map_or(0, |traffic| traffic.sent)
    }

    /// Everything that is left is handled, and then held against the books.
    fn close_the_books(mut self) {
        loop {
            let mut is_quiet = true;
            for who in 0..PLAYERS {
                // What is let go here is answered to one that was looked at before.
                is_quiet &= self.players[who].held.is_empty();
                self.players[who].held.clear();
                while let Some(envelope) = self.players[who].mailbox.try_next() {
                    is_quiet = false;
                    self.handle(who, envelope, Answers::AtOnce);
                }
            }
            if is_quiet {
                break;
            }
        }
        for (id, (owner, fate)) in &self.requests {
            assert_ne!(*fate, Fate::Waiting, "request {id} of {owner} has no end");
        }
        for player in &self.players {
            let desk = self.router.desk(&player.id).map(|desk| desk.snapshot()).unwrap_or_default();
            let left = DeskSnapshot { discarded_answers: 0, subscriptions: 0, ..desk };
            assert_eq!(left, DeskSnapshot::default(), "something of {} is left", player.id);
        }
        let letters = self.letters.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ends: HashMap<u32, usize> = HashMap::new();
        for (number, receivers) in &self.delivered {
            let different: HashSet<_> = receivers.iter().collect();
            assert_eq!(different.len(), receivers.len(), "{number} came twice to one of {receivers:?}");
            ends.insert(*number, receivers.len());
        }
        letters.iter().for_each(|(number, _)| *ends.entry(*number).or_default() += 1);
        for (number, accepted) in &self.accepted {
            let ended = ends.get(number).copied().unwrap_or(0);
            assert_eq!(ended, *accepted, "{number} ended {ended} times; {accepted} accepted it");
        }
        for (number, (_, owner_ended)) in &self.delayed {
            let ended = ends.get(number).copied().unwrap_or(0);
            assert!(ended == 1 || (ended == 0 && *owner_ended), "{number} ended {ended} times");
        }
        let refused = letters.iter().filter(|(_, was_accepted)| !was_accepted).count();
        let by_players: u64 = (0..PLAYERS).map(|who| self.sent_by(who)).sum();
        let by_timer =
            self.router.traffic(&Address::host("timer").unwrap()).map_or(0, |traffic| traffic.sent);
        let counted = self.sent + by_players + by_timer;
        assert_eq!(counted, (ends.values().sum::<usize>() - refused) as u64, "what was sent has ended");
        assert_eq!(self.router.dead_letters().total(), letters.len() as u64);
    }
}

fn register(router: &Router, id: &ComponentId, number: usize) -> MailboxReceiver {
    let overflow = [Overflow::Reject, Overflow::DropOldest, Overflow::Wait][number % 3];
    let (sender, mailbox) = Mailbox::new(&config(4, 1_000, overflow));
    router.register(id.clone(), sender, RegisterOptions::default());
    mailbox
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_message_and_every_request_ends_once(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        runtime.block_on(async {
            let mut cluster = Cluster::new();
            let driver = tokio::spawn(cluster.router.timer_driver().unwrap().run());
            for step in &steps {
                cluster.take(step);
                if matches!(step, Step::Pass) {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            // Nothing hasty is left after that.
            let quiet = |cluster: &Cluster| cluster.players.iter().all(|player| {
                cluster.router.desk(&player.id).is_none_or(|desk| desk.snapshot().timers == 0)
            });
            let all_fired = async {
                while !quiet(&cluster) {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(HANG, all_fired).await.expect("timers fire");
            cluster.close_the_books();
            driver.abort();
        });
    }
}
