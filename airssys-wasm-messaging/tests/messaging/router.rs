//! Rights, turns, stale links, refusals and counts through the router.

#![expect(clippy::disallowed_types, reason = "the test and its observers share plain lists")]

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

use crate::support::{HANG, config, number_of, numbered, ready};
use airssys_wasm_core::{
    Address, Admission, ComponentId, CorrelationId, DenialRule, Guard, MailboxConfig, MessageLink,
    MessageRouter, Overflow, RequestError, SendError,
};
use airssys_wasm_messaging::{
    DeadLetter, DeadLetterCause, DeadLetterObserver, Denial, DenialObserver, Envelope, Mailbox,
    MailboxReceiver, RegisterOptions, ReplySlot, Router, RouterOptions, TopicDenial, TrafficSnapshot,
};

type Outcome = Result<(), Box<dyn Error>>;

/// A guard that the test steers: the pairs allowed, a largest message, and messages left to each
/// pair. The host is always allowed.
#[derive(Debug, Default)]
struct Steered {
    allowed: Mutex<HashSet<(Address, Address)>>,
    generation: Arc<AtomicU64>,
    left: Mutex<HashMap<Address, Arc<AtomicU64>>>,
    asked: AtomicU64,
}

const MAX_BYTES: usize = 100;

impl Steered {
    fn allow(&self, from: &Address, to: &Address, allowed: bool) {
        let mut pairs = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
        let pair = (from.component(), to.component());
        if allowed {
            pairs.insert(pair)
        } else {
            pairs.remove(&pair)
        };
        drop(pairs);
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    fn limit(&self, from: &Address, messages: u64) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.insert(from.component(), Arc::new(AtomicU64::new(messages)));
    }
}

#[derive(Debug)]
struct Left(Option<Arc<AtomicU64>>);

impl Admission for Left {
    fn admit(&self, weight: usize) -> Result<(), SendError> {
        if weight > MAX_BYTES {
            return Err(SendError::TooLarge(100));
        }
        match &self.0 {
            Some(left) => left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                .map_or(Err(SendError::RateLimited), |_| Ok(())),
            None => Ok(()),
        }
    }
}

impl Guard for Steered {
    fn authorise(&self, sender: &Address, receiver: &Address) -> Result<Arc<dyn Admission>, SendError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let pair = (sender.component(), receiver.component());
        let allowed = self.allowed.lock().unwrap_or_else(PoisonError::into_inner).contains(&pair);
        if !sender.is_host() && !allowed {
            return Err(SendError::Denied(DenialRule::SendTo));
        }
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner).get(&pair.0).cloned();
        Ok(Arc::new(Left(left)))
    }
}

/// Remembers what it was shown.
#[derive(Debug, Default)]
struct Notes(Mutex<Vec<String>>);

impl Notes {
    fn write(&self, note: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(note);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl DenialObserver for Notes {
    fn denied(&self, denial: &Denial<'_>) {
        let request = denial.correlation.map(|id| format!(" of request {id}")).unwrap_or_default();
        self.write(format!("{} to {}: {:?}{request}", denial.sender, denial.target, denial.rule));
    }

    fn topic_denied(&self, denial: &TopicDenial<'_>) {
        self.write(format!("{} on {}: {:?}", denial.sender, denial.topic, denial.rule));
    }
}

impl DeadLetterObserver for Notes {
    fn dead_letter(&self, letter: &DeadLetter<'_>) {
        self.write(format!("{} to {}: {}", letter.sender, letter.receiver, letter.cause));
    }
}

struct World {
    router: Router,
    guard: Arc<Steered>,
    notes: Arc<Notes>,
    from: Address,
    to: Address,
}

/// `t/from/0` may send to `t/to`.
fn world() -> Result<World, Box<dyn Error>> {
    let (guard, notes) = (Arc::new(Steered::default()), Arc::new(Notes::default()));
    let options = RouterOptions {
        guard_generation: Some(Arc::clone(&guard.generation)),
        denials: Some(Arc::<Notes>::clone(&notes)),
        dead_letters: Some(Arc::<Notes>::clone(&notes)),
        mailboxes: None,
    };
    let router = Router::with_options(Arc::<Steered>::clone(&guard), options);
    let (from, to): (Address, Address) = ("t/from/0".parse()?, "t/to".parse()?);
    guard.allow(&from, &to, true);
    // The sender is an instance too, so that its counters are kept.
    drop(add(&router, "t/from/0", &MailboxConfig::default())?);
    Ok(World { router, guard, notes, from, to })
}

fn add(router: &Router, id: &str, config: &MailboxConfig) -> Result<MailboxReceiver, Box<dyn Error>> {
    let (mailbox, receiver) = Mailbox::new(config);
    router.register(id.parse()?, mailbox, RegisterOptions::default());
    Ok(receiver)
}

fn send(link: &dyn MessageLink, from: &Address, number: u32) -> Result<(), SendError> {
    link.send(numbered(from, number, 4).payload).map_err(|undelivered| {
        assert_eq!(undelivered.payload.len(), 4, "the message comes back");
        undelivered.error
    })
}

fn taken(receiver: &mut MailboxReceiver) -> Vec<u32> {
    std::iter::from_fn(|| receiver.try_next().as_ref().and_then(number_of)).collect()
}

#[test]
fn a_message_goes_from_link_to_mailbox_with_its_true_sender() -> Outcome {
    let World { router, from, to, .. } = world()?;
    let mut receiver = add(&router, "t/to/0", &MailboxConfig::default())?;
    let link = router.open(&from, &to)?;
    assert!(link.is_open());
    assert_eq!(link.target(), &to);
    assert_eq!(send(&*link, &from, 7), Ok(()));
    let envelope = receiver.try_next().ok_or("a message")?;
    assert_eq!((&envelope.sender, number_of(&envelope)), (&from, Some(7)));
    assert!(envelope.into_reply_slot().is_none());
    Ok(())
}

#[test]
fn who_may_not_send_cannot_learn_who_exists() -> Outcome {
    let World { router, notes, from, .. } = world()?;
    let _other = add(&router, "t/other/0", &MailboxConfig::default())?;
    for target in ["t/other", "t/other/0", "t/other/9", "t/nobody"] {
        let error = router.open(&from, &target.parse()?).err();
        assert_eq!(error, Some(SendError::Denied(DenialRule::SendTo)), "{target}");
    }
    let noted = notes.take();
    assert_eq!(noted.len(), 4);
    assert_eq!(noted.first().map(String::as_str), Some("t/from/0 to t/other: SendTo"));
    assert_eq!(router.open(&from, &"t/to/9".parse()?).err(), Some(SendError::NotFound));
    assert!(notes.take().is_empty(), "not found is no denial");
    Ok(())
}

#[tokio::test]
async fn the_guard_is_asked_once_per_link_and_size_and_rate_before_the_mailbox() -> Outcome {
    let World { router, guard, notes, from, to } = world()?;
    let mut receiver = add(&router, "t/to/0", &config(1, 1_000, Overflow::Reject))?;
    guard.limit(&from, 2);
    let link = router.open(&from, &to)?;
    let asked = guard.asked.load(Ordering::SeqCst);
    assert_eq!(send(&*link, &from, 0), Ok(()));
    // The mailbox is full now: what the guard refuses is refused by the guard.
    let heavy = link.send(vec![0; 101].into()).err().map(|undelivered| undelivered.error);
    assert_eq!(heavy, Some(SendError::TooLarge(100)));
    assert_eq!(send(&*link, &from, 1), Err(SendError::Full));
    assert_eq!(send(&*link, &from, 2), Err(SendError::RateLimited));
    assert_eq!(guard.asked.load(Ordering::SeqCst), asked);
    let refused = ["MessageSize", "Room", "Rate"].map(|rule| format!("t/from/0 to t/to: {rule}"));
    assert_eq!(notes.take(), refused);

    // What was admitted and found no room is not asked for its rate again.
    assert_eq!(taken(&mut receiver), [0]);
    link.send_when_room(numbered(&from, 1, 4).payload, HANG).await?;
    assert_eq!(taken(&mut receiver), [1]);
    let expected = TrafficSnapshot {
        sent: 2,
        rejected_full: 1,
        rate_limited: 1,
        too_large: 1,
        ..TrafficSnapshot::default()
    };
    assert_eq!(router.traffic(&from), Some(expected));
    assert_eq!(router.traffic(&from.component()), Some(expected));
    assert_eq!(router.traffic_counters(&from).map(|counters| counters.snapshot()), Some(expected));
    Ok(())
}

#[tokio::test]
async fn a_right_that_is_taken_away_ends_the_link_and_one_given_back_mends_it() -> Outcome {
    let World { router, guard, notes, from, to } = world()?;
    let mut receiver = add(&router, "t/to/0", &MailboxConfig::default())?;
    let link = router.open(&from, &to)?;
    guard.allow(&from, &to, false);
    assert!(!link.is_open());
    let denied = Err(SendError::Denied(DenialRule::SendTo));
    assert_eq!(send(&*link, &from, 0), denied);
    let again = link.send_when_room("again".into(), HANG).await;
    assert_eq!(again.map_err(|undelivered| undelivered.error), denied);
    assert_eq!(notes.take().len(), 2);
    assert_eq!(router.traffic(&from).map(|traffic| traffic.denied), Some(2));
    guard.allow(&from, &to, true);
    assert_eq!(send(&*link, &from, 1), Ok(()));
    assert!(link.is_open());
    assert_eq!(taken(&mut receiver), [1]);
    Ok(())
}

#[test]
fn invalidating_makes_links_decide_anew() -> Outcome {
    let World { router, guard, from, to, .. } = world()?;
    let _receiver = add(&router, "t/to/0", &MailboxConfig::default())?;
    let link = router.open(&from, &to)?;
    let asked = guard.asked.load(Ordering::SeqCst);
    router.invalidate();
    assert!(!link.is_open());
    assert_eq!((send(&*link, &from, 0), send(&*link, &from, 1)), (Ok(()), Ok(())));
    assert_eq!(guard.asked.load(Ordering::SeqCst), asked + 1);
    Ok(())
}

#[test]
fn a_stale_link_finds_the_new_mailbox() -> Outcome {
    for target in ["t/to", "t/to/0"] {
        let World { router, from, .. } = world()?;
        let id: ComponentId = "t/to/0".parse()?;
        let mut old = add(&router, "t/to/0", &MailboxConfig::default())?;
        let link = router.open(&from, &target.parse()?)?;
        assert_eq!(send(&*link, &from, 0), Ok(()));

        let mut new = add(&router, "t/to/0", &MailboxConfig::default())?;
        assert_eq!(router.registered(), 2, "the sender and this one");
        assert_eq!(send(&*link, &from, 1), Ok(()), "{target}");
        assert_eq!((taken(&mut old), taken(&mut new)), (vec![0], vec![1]), "{target}");

        assert!(router.deregister(&id) && !router.deregister(&id));
        assert!(!link.is_open());
        assert_eq!(send(&*link, &from, 2), Err(SendError::NotFound), "{target}");
        let mut newest = add(&router, "t/to/0", &MailboxConfig::default())?;
        assert_eq!(send(&*link, &from, 3), Ok(()), "{target}");
        assert_eq!((taken(&mut new), taken(&mut newest)), (vec![], vec![3]), "{target}");
    }
    Ok(())
}

#[test]
fn a_closed_mailbox_is_closed_and_not_unknown() -> Outcome {
    for target in ["t/to", "t/to/0"] {
        let World { router, from, .. } = world()?;
        let receiver = add(&router, "t/to/0", &MailboxConfig::default())?;
        let link = router.open(&from, &target.parse()?)?;
        receiver.close();
        assert!(!link.is_open());
        assert_eq!(send(&*link, &from, 0), Err(SendError::Closed), "{target}");
        assert_eq!(router.traffic(&from).map(|traffic| traffic.undeliverable), Some(1));
    }
    Ok(())
}

#[test]
fn a_receiver_without_handler_says_so() -> Outcome {
    let World { router, from, to, .. } = world()?;
    let (mailbox, mut receiver) = Mailbox::new(&MailboxConfig::default());
    router.register(
        "t/to/0".parse()?,
        mailbox,
        RegisterOptions { has_handler: false, ..RegisterOptions::default() },
    );
    let link = router.open(&from, &to)?;
    assert_eq!(send(&*link, &from, 0), Err(SendError::NoHandler));
    assert!(receiver.try_next().is_none());
    Ok(())
}

#[test]
fn instances_take_turns() -> Outcome {
    let World { router, from, to, .. } = world()?;
    let mut receivers = ["t/to/0", "t/to/1", "t/to/2"]
        .map(|id| add(&router, id, &MailboxConfig::default()))
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    let link = router.open(&from, &to)?;
    for number in 0..9 {
        assert_eq!(send(&*link, &from, number), Ok(()));
    }
    let shares: Vec<_> = receivers.iter_mut().map(taken).collect();
    assert_eq!(shares, [[0, 3, 6], [1, 4, 7], [2, 5, 8]]);

    // One that is closed, and one that is gone, lose their turns to the others.
    receivers.first().ok_or("an instance")?.close();
    router.deregister(&"t/to/1".parse()?);
    for number in 0..4 {
        assert_eq!(send(&*link, &from, number), Ok(()));
    }
    assert_eq!(receivers.iter_mut().map(taken).collect::<Vec<_>>(), [vec![], vec![], vec![0, 1, 2, 3]]);

    // An instance that is named gets its own, whoever's turn it is.
    let named = router.open(&from, &"t/to/2".parse()?)?;
    assert_eq!(send(&*named, &from, 9), Ok(()));
    assert_eq!(receivers.last_mut().map(taken), Some(vec![9]));
    Ok(())
}

#[tokio::test]
async fn a_full_instance_passes_its_turn_on() -> Outcome {
    let World { router, from, to, .. } = world()?;
    let mut first = add(&router, "t/to/0", &config(1, 100, Overflow::Wait))?;
    let mut second = add(&router, "t/to/1", &config(3, 100, Overflow::Wait))?;
    let link = router.open(&from, &to)?;
    for number in 0..4 {
        assert_eq!(send(&*link, &from, number), Ok(()));
    }
    assert_eq!(send(&*link, &from, 4), Err(SendError::Full));
    assert!(link.waits_for_room());
    // Whichever has room first is offered the message first.
    let mut waiting = link.send_when_room(numbered(&from, 4, 4).payload, HANG);
    assert!(ready(waiting.as_mut()).is_none());
    assert_eq!((taken(&mut first).len(), taken(&mut second).len()), (1, 3));
    assert_eq!(ready(waiting), Some(Ok(())));
    assert_eq!(taken(&mut first).len() + taken(&mut second).len(), 1);
    Ok(())
}

#[tokio::test]
async fn want_of_room_is_a_denial_where_a_sender_is_told_of_it() -> Outcome {
    let room = "t/from/0 to t/to: Room";
    for (overflow, denials) in
        [(Overflow::Reject, &[room][..]), (Overflow::Wait, &[]), (Overflow::DropOldest, &[])]
    {
        let World { router, notes, from, to, .. } = world()?;
        let _receiver = add(&router, "t/to/0", &config(1, 100, overflow))?;
        let (link, host) = (router.open(&from, &to)?, router.open_link(&Address::host("input")?, &to)?);
        assert_eq!(send(&*link, &from, 0), Ok(()));
        let full = send(&*link, &from, 1);
        let of_room = |note: &String| note.ends_with("Room");
        let noted: Vec<_> = notes.take().into_iter().filter(of_room).collect();
        assert_eq!(noted, denials, "{overflow:?}");
        if full.is_err() {
            assert!(host.send("host".into()).is_err());
            assert!(notes.take().is_empty(), "{overflow:?}");
            // Its first refusal was told, or it waits and is told at the end: all of it is the same message.
            let waited = link.send_when_room(numbered(&from, 1, 4).payload, Duration::from_millis(1)).await;
            assert_eq!(waited.map_err(|undelivered| undelivered.error), Err(SendError::Full));
            assert_eq!(notes.take(), if overflow == Overflow::Wait { vec![room] } else { vec![] });
        }
        link.gave_up();
        assert_eq!(notes.take(), [room]);
    }
    Ok(())
}

#[test]
fn a_denial_names_the_request() -> Outcome {
    let World { router, guard, notes, from, to } = world()?;
    let _receiver = add(&router, "t/to/0", &config(1, 1_000, Overflow::Reject))?;
    let link = router.open_link(&from, &to)?;
    let ask = |number, payload: Vec<u8>| {
        let (slot, _wait) = ReplySlot::new(CorrelationId::new(number));
        link.send_with_reply(payload.into(), Some(slot)).is_ok()
    };
    assert!(!ask(7, vec![0; 101]) && ask(8, vec![0]) && !ask(9, vec![0]));
    guard.allow(&from, &to, false);
    assert!(!ask(10, vec![0]));
    let refused = ["MessageSize of request 7", "Room of request 9", "SendTo of request 10"];
    assert_eq!(notes.take(), refused.map(|what| format!("t/from/0 to t/to: {what}")));
    Ok(())
}

/// Two instances, and more of them than one message is offered to.
#[tokio::test]
async fn a_stuck_instance_keeps_nobody_from_the_others() -> Outcome {
    for instances in [2, 12] {
        for idle in 0..instances {
            let World { router, from, to, .. } = world()?;
            let mut receivers = Vec::new();
            for number in 0..instances {
                receivers.push(add(&router, &format!("t/to/{number}"), &config(1, 100, Overflow::Wait))?);
            }
            let (host, guest) = (router.open_link(&Address::host("input")?, &to)?, router.open(&from, &to)?);
            for number in 0..instances {
                let to = format!("t/to/{number}").parse()?;
                router.open_link(&Address::host("input")?, &to)?.send("fills it".into())?;
            }
            let mut waiting = Box::pin(host.send_waiting("waits".into(), None));
            assert!(ready(waiting.as_mut()).is_none());
            // All others stay as full as they are.
            assert!(receivers[idle].try_next().is_some());
            timeout(HANG, waiting).await??;
            assert!(guest.waits_for_room() && send(&*guest, &from, 0) == Err(SendError::Full));
            let mut waiting = guest.send_when_room(numbered(&from, 1, 4).payload, HANG);
            assert!(ready(waiting.as_mut()).is_none());
            assert!(receivers[idle].try_next().is_some(), "instance {idle} of {instances} got it");
            waiting.await?;
            assert_eq!(taken(&mut receivers[idle]), [1], "instance {idle} of {instances}");
        }
    }
    Ok(())
}

#[test]
fn dropping_the_oldest_is_a_dead_letter() -> Outcome {
    let World { router, notes, from, to, .. } = world()?;
    let mut receiver = add(&router, "t/to/0", &config(1, 100, Overflow::DropOldest))?;
    let link = router.open(&from, &to)?;
    assert!(!link.waits_for_room());
    assert_eq!((send(&*link, &from, 0), send(&*link, &from, 1)), (Ok(()), Ok(())));
    assert_eq!(taken(&mut receiver), [1]);
    assert_eq!(notes.take(), ["t/from/0 to t/to/0: pushed out of a full mailbox"]);
    assert_eq!((router.dead_letters().of(&to), router.dead_letters().total()), (1, 1));
    Ok(())
}

#[test]
fn what_a_stopped_receiver_leaves_is_buried_by_its_owner() -> Outcome {
    let World { router, notes, from, to, .. } = world()?;
    let mut receiver = add(&router, "t/to/0", &MailboxConfig::default())?;
    let link = router.open(&from, &to)?;
    assert_eq!((send(&*link, &from, 0), send(&*link, &from, 1)), (Ok(()), Ok(())));
    receiver.close();
    let cause = DeadLetterCause::ReceiverEnded("stopped".to_owned());
    for envelope in receiver.drain_remaining() {
        router.dead_letters().bury(&"t/to/0".parse()?, envelope, &cause);
    }
    assert_eq!(router.dead_letters().of(&to), 2);
    assert_eq!(notes.take(), ["t/from/0 to t/to/0: receiver ended: stopped"; 2]);
    Ok(())
}

#[tokio::test]
async fn a_requester_hears_of_every_refusal() -> Outcome {
    let World { router, from, to, .. } = world()?;
    let host = Address::host("cli")?;
    let cases: [(&Address, &str, SendError); 2] = [
        (&host, "t/nobody", SendError::NotFound),
        (&from, "t/nobody", SendError::Denied(DenialRule::SendTo)),
    ];
    for (sender, target, error) in cases {
        let (slot, wait) = ReplySlot::new(CorrelationId::new(1));
        let sent = router.send_from_host(sender, &target.parse()?, "ask".into(), Some(slot));
        assert_eq!(sent.map_err(|undelivered| undelivered.error), Err(error.clone()));
        assert_eq!(wait.await, Err(RequestError::Refused(error)));
    }

    let mut receiver = add(&router, "t/to/0", &config(1, 100, Overflow::Reject))?;
    let (slot, wait) = ReplySlot::new(CorrelationId::new(2));
    router.send_from_host(&host, &to, "ask".into(), Some(slot))?;
    let (second, refused) = ReplySlot::new(CorrelationId::new(3));
    assert!(router.send_from_host(&host, &to, "ask".into(), Some(second)).is_err());
    assert_eq!(refused.await, Err(RequestError::Refused(SendError::Full)));
    let slot = receiver.try_next().and_then(Envelope::into_reply_slot).ok_or("a request")?;
    assert!(slot.answer(Ok("yes".into())));
    assert_eq!(wait.await, Ok("yes".into()));
    assert_eq!(router.traffic(&host).map(|traffic| (traffic.sent, traffic.rejected_full)), Some((1, 1)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_host_waits_for_room_and_others_do_not() -> Outcome {
    const MESSAGES: u32 = 20_000;
    let World { router, from, to, .. } = world()?;
    let mut receiver = add(&router, "t/to/0", &config(4, 100, Overflow::Reject))?;
    let host = Address::host("input")?;
    let link = router.open_link(&host, &to)?;
    let feed = tokio::spawn(async move {
        for number in 0..MESSAGES {
            link.send_waiting(numbered(&host, number, 4).payload, None).await?;
        }
        Ok::<_, airssys_wasm_core::Undelivered>(())
    });
    let all = async {
        for number in 0..MESSAGES {
            assert_eq!(receiver.next().await.as_ref().and_then(number_of), Some(number));
        }
        feed.await
    };
    timeout(HANG, all).await???;

    let link = router.open_link(&from, &to)?;
    for _ in 0..4 {
        assert!(link.send("x".into()).is_ok());
    }
    let refused = link.send_waiting("x".into(), None).await;
    assert_eq!(refused.map_err(|undelivered| undelivered.error), Err(SendError::Full));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_room_hears_of_a_receiver_that_goes_or_is_replaced() -> Outcome {
    for replaced in [false, true] {
        for target in ["t/to", "t/to/0"] {
            let World { router, .. } = world()?;
            let _old = add(&router, "t/to/0", &config(1, 100, Overflow::Reject))?;
            let link = router.open_link(&Address::host("input")?, &target.parse()?)?;
            link.send("fills it".into())?;
            let mut waiting = Box::pin(link.send_waiting("waits".into(), None));
            assert!(ready(waiting.as_mut()).is_none());
            // The old mailbox is neither emptied nor closed.
            let new = if replaced {
                Some(add(&router, "t/to/0", &MailboxConfig::default())?)
            } else {
                router.deregister(&"t/to/0".parse()?);
                None
            };
            let sent = timeout(HANG, waiting).await?.map_err(|undelivered| undelivered.error);
            match new {
                Some(mut new) => {
                    assert_eq!(sent, Ok(()), "{target}");
                    assert!(new.try_next().is_some(), "{target}");
                }
                None => assert_eq!(sent, Err(SendError::NotFound), "{target}"),
            }
        }
    }
    Ok(())
}

#[test]
fn nothing_is_left_after_many_starts_and_stops() -> Outcome {
    let World { router, from, to, .. } = world()?;
    let link = router.open_link(&Address::host("cli")?, &to).err();
    assert_eq!(link, Some(SendError::NotFound));
    for number in 0..2_000 {
        let id: ComponentId = format!("t/to/{number}").parse()?;
        let mut receiver = add(&router, id.as_str(), &MailboxConfig::default())?;
        let link = router.open(&from, &to)?;
        assert_eq!(send(&*link, &from, number), Ok(()));
        assert_eq!(taken(&mut receiver), [number]);
        assert!(router.deregister(&id));
        assert_eq!(router.traffic(id.address()), None);
    }
    assert_eq!(router.registered(), 1, "the sender alone");
    assert_eq!(router.open(&from, &to).err(), Some(SendError::NotFound));
    Ok(())
}

#[test]
fn links_used_while_instances_come_and_go_never_lose_a_message() -> Outcome {
    const MESSAGES: u32 = 20_000;
    let World { router, from, to, .. } = world()?;
    let mut stays = add(&router, "t/to/stays", &config(1_000_000, 100_000_000, Overflow::Reject))?;
    let link = router.open(&from, &to)?;
    let (sent, moved) = std::thread::scope(|scope| {
        let changes = scope.spawn(|| {
            let mut moved = 0;
            for number in 0..200 {
                let id: ComponentId = format!("t/to/{number}").parse().ok()?;
                let (mailbox, mut receiver) = Mailbox::new(&MailboxConfig::default());
                router.register(id.clone(), mailbox, RegisterOptions::default());
                std::thread::yield_now();
                router.deregister(&id);
                receiver.close();
                moved += taken(&mut receiver).len();
            }
            Some(moved)
        });
        let mut sent = 0;
        for number in 0..MESSAGES {
            match send(&*link, &from, number) {
                Ok(()) => sent += 1,
                // Both instances there, and this one's mailbox full for want of a reader.
                Err(error) => assert_eq!(error, SendError::Full),
            }
        }
        (sent, changes.join().ok().flatten())
    });
    let moved = moved.ok_or("the instances came and went")?;
    assert_eq!(taken(&mut stays).len() + moved, sent);
    Ok(())
}
