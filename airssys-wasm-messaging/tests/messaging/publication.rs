//! Publications to many, and what their publisher pays for it.

#![expect(clippy::disallowed_types, reason = "the tests and their observers share plain lists")]

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::player::{Outcome, Player, now};
use crate::support::{config, ready};
use airssys_wasm_core::{
    Address, Admission, DenialRule, Guard, MessageRouter, Overflow, SendError, Topic, TopicPattern,
};
use airssys_wasm_messaging::{Denial, DenialObserver, Router, RouterOptions, TopicDenial};

/// Counts what it is asked. Whoever is called `deaf` listens to nobody, and nobody may have more than the burst.
#[derive(Debug, Default)]
struct Counting {
    asked: AtomicUsize,
    left: Arc<AtomicU32>,
}

#[derive(Debug)]
struct Burst(Arc<AtomicU32>);

impl Admission for Burst {
    fn admit(&self, _weight: usize) -> Result<(), SendError> {
        let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map(|_| ()).map_err(|_| SendError::RateLimited)
    }
}

impl Guard for Counting {
    fn authorise(&self, _: &Address, _: &Address) -> Result<Arc<dyn Admission>, SendError> {
        Ok(Arc::new(Burst(Arc::clone(&self.left))))
    }

    fn authorise_publication(&self, _: &Address, _: &Topic) -> Result<(), SendError> {
        Ok(())
    }

    fn authorise_subscription(&self, _: &Address, _: &TopicPattern) -> Result<(), SendError> {
        Ok(())
    }

    fn authorise_receipt(&self, _: &Address, receiver: &Address) -> Result<Arc<dyn Admission>, SendError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match receiver.name() {
            "deaf" => Err(SendError::Denied(DenialRule::ReceiveFrom)),
            _ => Ok(Arc::new(Burst(Arc::clone(&self.left)))),
        }
    }
}

/// What was shown, as text.
#[derive(Debug, Default)]
struct Shown(Mutex<Vec<String>>);

impl Shown {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl DenialObserver for Shown {
    fn denied(&self, denial: &Denial<'_>) {
        let text = format!("{} to {}: {}", denial.sender, denial.target, denial.error);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    fn topic_denied(&self, _: &TopicDenial<'_>) {}
}

fn router(burst: u32) -> (Router, Arc<Counting>, Arc<Shown>) {
    let guard = Arc::new(Counting::default());
    guard.left.store(burst, Ordering::Relaxed);
    let shown = Arc::new(Shown::default());
    let observer: Arc<dyn DenialObserver> = Arc::<Shown>::clone(&shown);
    let options = RouterOptions { denials: Some(observer), ..RouterOptions::default() };
    (Router::with_options(Arc::<Counting>::clone(&guard), options), guard, shown)
}

fn subscribed(
    router: &Router,
    name: &str,
    count: usize,
    capacity: usize,
) -> Result<Vec<Player>, Box<dyn std::error::Error>> {
    let pattern = "#".parse()?;
    (0..count)
        .map(|number| {
            let mailbox = config(capacity, 1_000, Overflow::Reject);
            let player = Player::with(router, &format!("t/{name}/{number}"), &mailbox)?;
            router.subscribe(&player.id, &pattern)?;
            Ok(player)
        })
        .collect()
}

#[test]
fn it_is_one_message_to_a_component_however_many_instances_listen() -> Outcome {
    let (router, guard, shown) = router(3);
    let publisher = Player::new(&router, "t/publisher/0")?;
    let _all = (subscribed(&router, "many", 50, 4)?, subscribed(&router, "deaf", 30, 4)?);
    let publish =
        || now(router.publish(&publisher.id, &"a.b".parse().map_err(|_| SendError::Closed)?, &"x".into()));
    assert_eq!((publish(), guard.left.load(Ordering::Relaxed)), (Ok(50), 2));
    let denied = || router.traffic(publisher.id.address()).map(|traffic| (traffic.sent, traffic.denied));
    assert_eq!(denied(), Some((50, 1)));
    let refusal = "t/publisher/0 to t/deaf: denied by capabilities.messaging.receive_from";
    assert_eq!(shown.take(), [refusal]);
    // The decisions are remembered until rights change.
    assert_eq!(publish(), Ok(50));
    assert_eq!((guard.asked.load(Ordering::Relaxed), shown.take().len()), (2, 1));
    router.invalidate();
    assert_eq!(publish(), Ok(50));
    assert_eq!((guard.asked.load(Ordering::Relaxed), shown.take().len()), (4, 1));
    // Beyond the rate all of them are left out, not always the same few.
    assert_eq!(publish(), Ok(0));
    let limited = "t/publisher/0 to t/many: more messages than the receiver's rate allows";
    let mut told = shown.take();
    told.sort_unstable();
    assert_eq!(told, [refusal, limited]);
    Ok(())
}

#[test]
fn full_mailboxes_of_a_component_are_counted_each_and_shown_once() -> Outcome {
    let (router, _, shown) = router(10);
    let publisher = Player::new(&router, "t/publisher/0")?;
    let _full = subscribed(&router, "full", 20, 1)?;
    for expected in [20, 0] {
        assert_eq!(now(router.publish(&publisher.id, &"a".parse()?, &"x".into())), Ok(expected));
    }
    assert_eq!(router.traffic(publisher.id.address()).map(|traffic| traffic.rejected_full), Some(20));
    assert_eq!(shown.take().len(), 1);
    Ok(())
}

#[tokio::test]
async fn it_gives_way_where_there_are_many_subscribers() -> Outcome {
    const MANY: usize = 1_000;
    const AT_ONCE: usize = 128;
    let (router, ..) = router(10);
    let publisher = Player::new(&router, "t/publisher/0")?;
    let all = subscribed(&router, "many", MANY, 4)?;
    let reached = || all.iter().filter(|player| player.mailbox.sender().depth() > 0).count();
    let (topic, payload) = ("a.b".parse()?, "x".into());
    {
        let mut publication = router.publish(&publisher.id, &topic, &payload);
        let mut before = 0;
        while ready(publication.as_mut()).is_none() {
            assert!((before + 1..=before + AT_ONCE).contains(&reached()), "{before}, {}", reached());
            before = reached();
            // Nothing is held meanwhile.
            let newcomer = Player::new(&router, &format!("t/newcomer/{before}"))?;
            router.subscribe(&newcomer.id, &"a.*".parse()?)?;
        }
        assert!(before > MANY / 2);
    }
    assert_eq!(reached(), MANY);
    drop(router.publish(&publisher.id, &topic, &payload));
    assert!(ready(router.publish(&publisher.id, &topic, &payload)).is_none(), "dropped halfway");
    let twice = all.iter().filter(|player| player.mailbox.sender().depth() > 1).count();
    assert!((1..=AT_ONCE).contains(&twice), "{twice}");
    Ok(())
}
