//! Many instances at once: whatever they send, ask, call, wait for, cancel and publish, whatever is refused and however
//! they end, nothing is lost, nothing comes twice, nobody waits for ever, and the counts add up.

#![expect(
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the test and its observer share a plain list, and a model that goes wrong has failed"
)]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use proptest::prelude::*;

use crate::support::{HANG, config, ready};
use airssys_wasm_core::{
    Address, Admission, ComponentId, CorrelationId, DenialRule, Guard, MessagePayload, MessageRouter,
    Overflow, RequestError, SendError, Topic, TopicPattern,
};
use airssys_wasm_messaging::{
    DeadLetter, DeadLetterCause, DeadLetterObserver, DeskSnapshot, Envelope, EnvelopeKind, Mailbox,
    MailboxReceiver, RegisterOptions, ReplySlot, Router, RouterOptions, TrafficSnapshot,
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
    /// Asks, and does nothing else until there is an answer.
    Call {
        from: usize,
        to: usize,
        any: bool,
        hasty: bool,
    },
    /// Sends, and waits for room where the receiver wants that.
    Insist {
        from: usize,
        to: usize,
        any: bool,
        hasty: bool,
    },
    /// Begins or ceases to be one that runs.
    Attend {
        who: usize,
        is_attended: bool,
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
        4 => (who.clone(), who.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(from, to, any, hasty)| Step::Call { from, to, any, hasty }),
        4 => (who.clone(), who.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(from, to, any, hasty)| Step::Insist { from, to, any, hasty }),
        1 => (who.clone(), any::<bool>()).prop_map(|(who, is_attended)| Step::Attend { who, is_attended }),
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

/// Refuses some: the last component may not send to the first, and some messages are too large or too many.
#[derive(Debug)]
struct Strict;

impl Admission for Strict {
    fn admit(&self, _weight: usize) -> Result<(), SendError> {
        Ok(())
    }

    fn admit_message(&self, payload: &MessagePayload) -> Result<(), SendError> {
        match number(payload.bytes()) {
            Some(number) if number % 11 == 0 => Err(SendError::TooLarge(3)),
            Some(number) if number % 13 == 0 => Err(SendError::RateLimited),
            Some(number) if number % 17 == 0 => Err(SendError::Denied(DenialRule::Codecs)),
            _ => Ok(()),
        }
    }
}

impl Guard for Strict {
    fn authorise(&self, sender: &Address, receiver: &Address) -> Result<Arc<dyn Admission>, SendError> {
        if (sender.name(), receiver.name()) == ("c2", "c0") {
            return Err(SendError::Denied(DenialRule::SendTo));
        }
        Ok(Arc::new(Self))
    }

    fn authorise_reminder(&self, _: &Address) -> Result<Arc<dyn Admission>, SendError> {
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

/// What became of messages, by the router's count or by what senders were told: those sent first, then the refusals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally([u64; 8]);

/// The place of a refusal for want of room.
const FULL: usize = 2;

impl Tally {
    const SENT: Self = Self([1, 0, 0, 0, 0, 0, 0, 0]);

    fn of(error: &SendError) -> Self {
        let place = match error {
            SendError::Denied(_) => 1,
            SendError::Full => FULL,
            SendError::RateLimited => 3,
            SendError::TooLarge(_) => 4,
            SendError::QuotaExceeded => 5,
            SendError::WouldDeadlock => 6,
            _ => 7,
        };
        let mut tally = Self::default();
        tally.0[place] = 1;
        tally
    }

    fn told<T>(outcome: &Result<T, SendError>) -> Self {
        outcome.as_ref().map_or_else(Self::of, |_| Self::SENT)
    }

    fn add(&mut self, more: Self) {
        self.0.iter_mut().zip(more.0).for_each(|(one, more)| *one += more);
    }

    fn since(self, before: Self) -> Self {
        let mut since = self;
        since.0.iter_mut().zip(before.0).for_each(|(one, before)| *one -= before);
        since
    }

    fn refused(self) -> [u64; 7] {
        *self.0.last_chunk().unwrap()
    }
}

impl From<TrafficSnapshot> for Tally {
    fn from(traffic: TrafficSnapshot) -> Self {
        let TrafficSnapshot {
            sent,
            denied,
            rejected_full,
            rate_limited,
            too_large,
            quota_exceeded,
            would_deadlock,
            undeliverable,
        } = traffic;
        Self([
            sent,
            denied,
            rejected_full,
            rate_limited,
            too_large,
            quota_exceeded,
            would_deadlock,
            undeliverable,
        ])
    }
}

/// The numbers of the messages that died, and whether a mailbox had accepted them; and what those were refused as that
/// had to wait for their time.
#[derive(Debug, Default)]
struct Letters(Mutex<(Vec<(u32, bool)>, Tally)>);

impl DeadLetterObserver for Letters {
    fn dead_letter(&self, letter: &DeadLetter<'_>) {
        if let Some(number) = number(letter.payload.bytes()) {
            let was_accepted =
                !matches!(letter.cause, DeadLetterCause::Refused(_) | DeadLetterCause::SenderEnded);
            let mut letters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            letters.0.push((number, was_accepted));
            if let DeadLetterCause::Refused(error) = letter.cause {
                letters.1.add(Tally::of(error));
            }
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
    is_subscribed: bool,
    /// What it waits for in the middle of its call. It does nothing else meanwhile.
    waits: Option<Wait>,
}

struct Wait {
    number: u32,
    was_sent: bool,
    end: Pin<Box<dyn Future<Output = Result<(), RequestError>>>>,
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
    /// Messages that were to be sent later.
    delayed: HashSet<u32>,
    /// Who got each message.
    delivered: HashMap<u32, Vec<String>>,
    /// The last number that came from a sender to a life of a receiver.
    order: HashMap<(String, String), u32>,
    /// What became of what players sent in earlier lives, by the router's count.
    earlier: Tally,
    /// What players were told of what they sent themselves.
    told: Tally,
}

impl Cluster {
    fn new() -> Self {
        let letters = Arc::new(Letters::default());
        let observer: Arc<dyn DeadLetterObserver> = Arc::<Letters>::clone(&letters);
        let options = RouterOptions { dead_letters: Some(observer), ..RouterOptions::default() };
        let router = Router::with_options(Arc::new(Strict), options);
        // Two components of two instances, and one that stands alone; all three overflow rules.
        let players = (0..PLAYERS).map(|number| {
            let id: ComponentId = format!("t/c{}/{}", number / 2, number % 2).parse().unwrap();
            let mailbox = register(&router, &id, number);
            Player { mailbox, id, life: 0, held: Vec::new(), is_subscribed: false, waits: None }
        });
        let players = players.collect();
        Self {
            router,
            letters,
            players,
            next: 0,
            requests: BTreeMap::new(),
            accepted: HashMap::new(),
            delayed: HashSet::new(),
            delivered: HashMap::new(),
            order: HashMap::new(),
            earlier: Tally::default(),
            told: Tally::default(),
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

    fn traffic(&self, who: usize) -> Tally {
        self.router.traffic(self.players[who].id.address()).map(Tally::from).unwrap_or_default()
    }

    /// Does something as one of them, which must be counted for it as it was told.
    fn counted<T>(
        &mut self,
        who: usize,
        act: impl FnOnce(&mut Self) -> Result<T, SendError>,
    ) -> Result<T, SendError> {
        let before = self.traffic(who);
        let outcome = act(self);
        let told = Tally::told(&outcome);
        assert_eq!(self.traffic(who).since(before), told, "{:?}", outcome.err());
        self.told.add(told);
        self.accepted.insert(self.next, usize::from(outcome.is_ok()));
        outcome
    }

    /// Who waits does nothing but wait.
    fn actor(step: &Step) -> Option<usize> {
        match *step {
            Step::Send { from, .. }
            | Step::Ask { from, .. }
            | Step::Call { from, .. }
            | Step::Insist { from, .. }
            | Step::Publish { from }
            | Step::Later { from, .. } => Some(from),
            Step::Handle { who, .. } | Step::Cancel { who, .. } | Step::Subscribe { who } => Some(who),
            _ => None,
        }
    }

    /// Waits on; whether that has an end now.
    fn wait_on(&mut self, who: usize, is_first: bool) -> bool {
        let Some(mut wait) = self.players[who].waits.take() else { return false };
        let before = self.traffic(who);
        let polled = wait.end.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let mut counted = self.traffic(who).since(before);
        self.told.add(counted);
        if counted.0[0] == 1 {
            assert!(!wait.was_sent, "{} was sent twice", wait.number);
            wait.was_sent = true;
            self.accepted.insert(wait.number, 1);
            counted.0[0] = 0;
        }
        if is_first && counted.0[FULL] == 1 {
            // It waits for room, or was told that there is none.
            counted.0[FULL] = 0;
        }
        if let Poll::Ready(Err(RequestError::Refused(error))) = &polled
            && counted == Tally::of(error)
        {
            counted = Tally::default();
        }
        assert_eq!(counted, Tally::default(), "{polled:?}");
        if polled.is_pending() {
            self.players[who].waits = Some(wait);
        }
        polled.is_ready()
    }

    fn begin_wait(&mut self, who: usize, end: impl Future<Output = Result<(), RequestError>> + 'static) {
        self.accepted.insert(self.next, 0);
        self.players[who].waits = Some(Wait { number: self.next, was_sent: false, end: Box::pin(end) });
        self.wait_on(who, true);
    }

    fn take(&mut self, step: &Step) {
        if let Some(who) = Self::actor(step)
            && self.players[who].waits.is_some()
        {
            self.wait_on(who, false);
            return;
        }
        match *step {
            Step::Send { from, to, any } => {
                let (target, payload) = (self.address(to, any), self.numbered());
                drop(self.counted(from, |cluster| {
                    let link = cluster.router.open(cluster.players[from].id.address(), &target)?;
                    link.send(payload).map_err(|back| back.error)
                }));
            }
            Step::Ask { from, to, any, hasty } => {
                let (target, payload) = (self.address(to, any), self.numbered());
                let timeout = if hasty { Duration::from_millis(1) } else { LONG };
                let asked = self.counted(from, |cluster| {
                    let link = cluster.router.open(cluster.players[from].id.address(), &target)?;
                    link.request(payload, timeout).map_err(|back| back.error)
                });
                if let Ok(id) = asked {
                    assert!(
                        self.requests.insert(id.get(), (from, Fate::Waiting)).is_none(),
                        "ids are used once"
                    );
                }
            }
            Step::Call { from, to, any, hasty } => {
                let (target, payload) = (self.address(to, any), self.numbered());
                let before = self.traffic(from);
                let timeout = if hasty { Duration::from_millis(1) } else { LONG };
                match self.router.open(self.players[from].id.address(), &target) {
                    Ok(link) => {
                        self.begin_wait(from, async move { link.call(payload, timeout).await.map(drop) })
                    }
                    Err(error) => {
                        assert_eq!(self.traffic(from).since(before), Tally::of(&error));
                        self.told.add(Tally::of(&error));
                    }
                }
            }
            Step::Insist { from, to, any, hasty } => {
                let (target, payload) = (self.address(to, any), self.numbered());
                let patience = if hasty { Duration::from_millis(1) } else { LONG };
                let mut link = None;
                let sent = self.counted(from, |cluster| {
                    let opened = cluster.router.open(cluster.players[from].id.address(), &target)?;
                    let sent = opened.send(payload.clone()).map_err(|back| back.error);
                    link = Some(opened);
                    sent
                });
                if sent == Err(SendError::Full)
                    && let Some(link) = link
                    && link.waits_for_room()
                {
                    self.begin_wait(from, async move {
                        let sent = link.send_when_room(payload, patience).await;
                        sent.map_err(|back| RequestError::Refused(back.error))
                    });
                }
            }
            Step::Attend { who, is_attended } => self.players[who].mailbox.set_attended(is_attended),
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
                self.players[who].is_subscribed = true;
            }
            Step::Publish { from } => {
                let payload = self.numbered();
                let subscribed: Vec<_> = self.players.iter().filter(|player| player.is_subscribed).collect();
                let components: HashSet<_> = subscribed.iter().map(|player| player.id.component()).collect();
                let (subscribers, components) = (subscribed.len() as u64, components.len() as u64);
                let before = self.traffic(from);
                let id = &self.players[from].id;
                let accepted =
                    ready(self.router.publish(id, &"a.b".parse().unwrap(), &payload)).unwrap().unwrap();
                let counted = self.traffic(from).since(before);
                // Admitted and refused once for each component, and for want of room at each of its instances.
                let mut told = Tally([u64::from(accepted), 0, 0, 0, 0, 0, 0, 0]);
                match Strict.admit_message(&payload) {
                    Ok(()) => told.0[FULL] = subscribers - u64::from(accepted),
                    Err(error) => (0..components).for_each(|_| told.add(Tally::of(&error))),
                }
                assert_eq!(counted, told, "to {subscribers} of {components}");
                self.told.add(told);
                self.accepted.insert(self.next, accepted.try_into().unwrap());
            }
            Step::Later { from, to } => {
                let (target, payload) = (self.address(to, false), self.numbered());
                let id = &self.players[from].id;
                self.router.send_after(id, &target, payload, Duration::ZERO).unwrap();
                self.delayed.insert(self.next);
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
            if !self.delayed.contains(&number) {
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
        let Self { router, players, requests, .. } = self;
        let player = &mut players[who];
        player.waits = None;
        let desk = router.desk(&player.id).unwrap();
        router.end_life(&desk, &mut player.mailbox);
        player.held.clear();
        for (owner, fate) in requests.values_mut() {
            if *owner == who && *fate == Fate::Waiting {
                *fate = Fate::Void;
            }
        }
    }

    /// The instance ends for good, and another one takes its name.
    fn kill(&mut self, who: usize) {
        self.earlier.add(self.traffic(who));
        self.players[who].is_subscribed = false;
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
        // What it has in hand ends with its call.
        self.players[who].waits = None;
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
            self.told.add(Tally::of(&SendError::Closed));
        }
        for (id, (owner, fate)) in &self.requests {
            assert!(*owner != who || *fate != Fate::Waiting, "{id} of {who} has no end");
        }
        self.kill(who);
    }

    /// Everything that is left is handled, and then held against the books.
    fn close_the_books(mut self) {
        loop {
            let (mut is_quiet, mut has_moved) = (true, false);
            for who in 0..PLAYERS {
                // What is let go here is answered to one that was looked at before.
                has_moved |= !self.players[who].held.is_empty();
                self.players[who].held.clear();
                has_moved |= self.wait_on(who, false);
                if self.players[who].waits.is_some() {
                    is_quiet = false;
                    continue;
                }
                while let Some(envelope) = self.players[who].mailbox.try_next() {
                    has_moved = true;
                    self.handle(who, envelope, Answers::AtOnce);
                }
            }
            if is_quiet && !has_moved {
                break;
            }
            assert!(has_moved, "some wait for one another for ever");
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
        let (letters, refused_later) = &*letters;
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
        for number in &self.delayed {
            let ended = ends.get(number).copied().unwrap_or(0);
            assert_eq!(ended, 1, "{number}, which was to be sent later, ended {ended} times");
        }
        let unsent = letters.iter().filter(|(_, was_accepted)| !was_accepted).count();
        let mut counted = self.earlier;
        (0..PLAYERS).for_each(|who| counted.add(self.traffic(who)));
        let ended = (ends.values().sum::<usize>() - unsent) as u64;
        assert_eq!(counted.0[0], ended, "what was sent has ended");
        let mut told = self.told;
        told.add(*refused_later);
        assert_eq!(counted.refused(), told.refused(), "what was refused was told");
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
