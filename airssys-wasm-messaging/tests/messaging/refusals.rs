//! Every refusal is counted where it belongs, and shown where it is a denial.

#![expect(clippy::disallowed_types, reason = "the tests and their observers share plain lists")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

use crate::player::{LONG, Outcome, Player, drive};
use crate::support::{HANG, config, ready};
use airssys_wasm_core::{
    Address, Admission, ComponentId, Guard, MessageRouter, Overflow, RequestError, SendError, TopicPattern,
};
use airssys_wasm_messaging::{
    Denial, DenialObserver, MAX_PENDING_REQUESTS, MAX_SUBSCRIPTIONS, MAX_TIMER_BYTES, MAX_TIMERS,
    MailboxObserver, MailboxWarning, Quota, QuotaWarning, Router, RouterOptions, TopicDenial,
};

/// Lets everything pass, but no more than so many reminders.
#[derive(Debug)]
struct Reminders(AtomicU32);

impl Admission for Reminders {
    fn admit(&self, _weight: usize) -> Result<(), SendError> {
        let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map(|_| ()).map_err(|_| SendError::RateLimited)
    }
}

#[derive(Debug)]
struct Rated(Arc<Reminders>);

impl Guard for Rated {
    fn authorise(&self, _: &Address, _: &Address) -> Result<Arc<dyn Admission>, SendError> {
        Ok(Arc::new(Reminders(AtomicU32::new(u32::MAX))))
    }

    fn authorise_reminder(&self, _: &Address) -> Result<Arc<dyn Admission>, SendError> {
        Ok(Arc::<Reminders>::clone(&self.0))
    }

    fn authorise_subscription(&self, _: &Address, _: &TopicPattern) -> Result<(), SendError> {
        Ok(())
    }
}

/// What was shown, as text.
#[derive(Debug, Default)]
struct Shown {
    denials: Mutex<Vec<String>>,
    quotas: Mutex<Vec<(String, QuotaWarning)>>,
}

fn taken<T>(list: &Mutex<Vec<T>>) -> Vec<T> {
    std::mem::take(&mut *list.lock().unwrap_or_else(PoisonError::into_inner))
}

impl DenialObserver for Shown {
    fn denied(&self, denial: &Denial<'_>) {
        let Denial { sender, target, rule, error, correlation, .. } = denial;
        let correlation = correlation.map_or(String::new(), |_| " of a request".to_owned());
        let text = format!("{sender} to {target}{correlation}: {}: {error}", rule.manifest_key());
        self.denials.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    fn topic_denied(&self, _: &TopicDenial<'_>) {}
}

impl MailboxObserver for Shown {
    fn nearly_full(&self, _: &ComponentId, _: &MailboxWarning) {}

    fn near_quota(&self, owner: &ComponentId, warning: &QuotaWarning) {
        self.quotas.lock().unwrap_or_else(PoisonError::into_inner).push((owner.to_string(), *warning));
    }
}

fn router(reminders: u32) -> (Router, Arc<Shown>) {
    let shown = Arc::new(Shown::default());
    let (denials, mailboxes): (Arc<dyn DenialObserver>, Arc<dyn MailboxObserver>) =
        (Arc::<Shown>::clone(&shown), Arc::<Shown>::clone(&shown));
    let options =
        RouterOptions { denials: Some(denials), mailboxes: Some(mailboxes), ..RouterOptions::default() };
    (Router::with_options(Arc::new(Rated(Arc::new(Reminders(AtomicU32::new(reminders))))), options), shown)
}

#[tokio::test]
async fn reminders_are_the_components_own_messages_at_its_own_rate() -> Outcome {
    for overflow in [Overflow::Reject, Overflow::Wait] {
        let (router, shown) = router(3);
        let _driver = drive(&router)?;
        let mut own = Player::with(&router, "t/a/0", &config(2, 1_000, overflow))?;
        for text in ["1", "2", "no room", "too many", "too many"] {
            router.send_after(&own.id, own.id.address(), text.into(), Duration::ZERO)?;
        }
        let buried = async {
            while router.dead_letters().total() < 3 {
                tokio::task::yield_now().await;
            }
        };
        timeout(HANG, buried).await?;
        let traffic = router.traffic(own.id.address()).ok_or("traffic")?;
        assert_eq!((traffic.sent, traffic.rejected_full, traffic.rate_limited), (2, 1, 2));
        assert_eq!(router.traffic(&Address::host("timer")?), None, "nobody else pays for them");
        let shown = taken(&shown.denials);
        let rules: Vec<_> = shown.iter().map(|text| text.split(": ").nth(1).unwrap_or_default()).collect();
        let rate = "capabilities.messaging.rate_per_second";
        assert_eq!(rules, ["mailbox.overflow", rate, rate]);
        assert!(shown.iter().all(|text| text.starts_with("t/a/0 to t/a/0: ")), "{shown:?}");
        for text in ["1", "2"] {
            let reminder = own.next().await?;
            assert_eq!((reminder.sender.as_str(), reminder.payload), ("host/timer", text.into()));
        }
    }
    Ok(())
}

#[test]
fn what_is_beyond_a_quota_is_counted_and_nearness_is_told_once() -> Outcome {
    let (router, shown) = router(0);
    let (own, _other) = (Player::new(&router, "t/a/0")?, Player::new(&router, "t/b/0")?);
    let target: Address = "t/b".parse()?;
    let link = own.link("t/b")?;
    for _ in 0..MAX_PENDING_REQUESTS + 5 {
        drop(link.request("ask".into(), LONG));
    }
    for _ in 0..MAX_TIMERS + 5 {
        drop(router.send_after(&own.id, &target, "x".into(), LONG));
    }
    for number in 0..MAX_SUBSCRIPTIONS + 5 {
        drop(router.subscribe(&own.id, &format!("topic.{number}").parse()?));
    }
    router.count_refusals(&own.id, &SendError::QuotaExceeded, 3);
    let traffic = router.traffic(own.id.address()).ok_or("traffic")?;
    assert_eq!((traffic.quota_exceeded, traffic.undeliverable), (18, 0));
    let told = |quota, used, max| ("t/a/0".to_owned(), QuotaWarning { quota, used, max });
    let expected = [
        told(Quota::Requests, 231, MAX_PENDING_REQUESTS),
        told(Quota::Timers, 231, MAX_TIMERS),
        told(Quota::Subscriptions, 58, MAX_SUBSCRIPTIONS),
    ];
    assert_eq!(taken(&shown.quotas), expected);
    assert_eq!(taken(&shown.denials), Vec::<String>::new(), "no rule of the guard");
    // The next life is warned anew, and of bytes as well.
    let (mut own, desk) = (own, router.desk(&"t/a/0".parse()?).ok_or("a desk")?);
    router.end_life(&desk, &mut own.mailbox);
    router.send_after(&own.id, &target, vec![0; MAX_TIMER_BYTES / 10 * 9 + 100].into(), LONG)?;
    assert_eq!(taken(&shown.quotas).first().map(|(_, warning)| warning.quota), Some(Quota::TimerBytes));
    Ok(())
}

#[tokio::test]
async fn waits_that_end_in_vain_are_shown_with_what_waited() -> Outcome {
    let (router, shown) = router(0);
    let a = Player::new(&router, "t/a/0")?;
    let mut b = Player::with(&router, "t/b/0", &config(1, 1_000, Overflow::Wait))?;
    let (to_b, to_a) = (a.link("t/b")?, b.link("t/a")?);
    to_b.send("fills it".into())?;
    let short = Duration::from_millis(1);
    assert_eq!(to_b.call("ask".into(), short).await, Err(RequestError::Refused(SendError::Full)));
    assert_eq!(taken(&shown.denials), ["t/a/0 to t/b of a request: mailbox.overflow: mailbox is full"]);
    // Whoever fills a mailbox whose owner waits for it would wait for ever.
    let mut call = to_a.call("ask".into(), LONG);
    assert!(ready(call.as_mut()).is_none());
    let refused = ready(to_b.send_when_room("waits".into(), LONG)).ok_or("it waits")?;
    assert_eq!(refused.err().map(|undelivered| undelivered.error), Some(SendError::WouldDeadlock));
    assert_eq!(taken(&shown.denials), ["t/a/0 to t/b: mailbox.overflow: waiting would close a cycle"]);
    let traffic = router.traffic(a.id.address()).ok_or("traffic")?;
    assert_eq!((traffic.would_deadlock, traffic.undeliverable), (1, 0));
    drop(call);
    assert!(b.mailbox.try_next().is_some());
    // A call that closes a cycle is counted, and breaks no rule of the guard.
    let mut call = to_b.call("ask".into(), LONG);
    assert!(ready(call.as_mut()).is_none());
    assert!(ready(to_a.call("ask".into(), LONG)).is_some_and(|refused| refused.is_err()));
    assert_eq!(router.traffic(b.id.address()).map(|traffic| traffic.would_deadlock), Some(1));
    assert_eq!(taken(&shown.denials), Vec::<String>::new());
    Ok(())
}
