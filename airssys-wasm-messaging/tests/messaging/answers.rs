//! The one answer to a request: what bounds it, and that it comes once, whatever its requester is about.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::timeout;

use crate::player::{LONG, Lenient, MAX_ANSWER_BYTES, Outcome, Player, SHORT, drive, now, router};
use crate::support::{HANG, config};
use airssys_wasm_core::{
    Address, Admission, ComponentId, DenialRule, Guard, HandlerError, MailboxConfig, MessageRouter, Overflow,
    RequestError, SendError,
};
use airssys_wasm_messaging::{DeskSnapshot, MAX_PENDING_REQUESTS, MAX_UNREAD_ANSWER_BYTES, Router};

#[tokio::test]
async fn an_answer_holds_its_place_until_it_is_read() -> Outcome {
    let (router, _driver) = router()?;
    let (mut asker, mut other) = (Player::new(&router, "t/a/0")?, Player::new(&router, "t/b/0")?);
    let link = asker.link("t/b")?;
    let one_more = || link.request("one more".into(), LONG).err().map(|undelivered| undelivered.error);
    for _ in 0..MAX_PENDING_REQUESTS {
        link.request("ask".into(), LONG)?;
        assert!(other.reply("").await?);
    }
    assert_eq!(one_more(), Some(SendError::QuotaExceeded));
    assert!(asker.answer().await?.1.is_ok());
    assert_eq!(one_more(), None);
    assert_eq!(one_more(), Some(SendError::QuotaExceeded));
    Ok(())
}

#[tokio::test]
async fn requests_that_push_out_one_another_fill_no_memory_with_their_answers() -> Outcome {
    let (router, _driver) = router()?;
    let mut asker = Player::with(&router, "t/a/0", &config(1, 1_000, Overflow::DropOldest))?;
    let link = asker.link("t/a/0")?;
    let accepted = (0..3 * MAX_PENDING_REQUESTS).filter(|_| link.request("ask".into(), LONG).is_ok()).count();
    assert_eq!(accepted, MAX_PENDING_REQUESTS);
    let pushed_out = Err(RequestError::Refused(SendError::Full));
    for _ in 2..MAX_PENDING_REQUESTS {
        assert_eq!(asker.answer().await?.1, pushed_out);
    }
    assert!(asker.reply("the newest waits").await?);
    assert_eq!(asker.answer().await?.1, pushed_out, "of the one that it pushed out");
    assert_eq!(asker.answer().await?.1, Ok("the newest waits".into()));
    Ok(())
}

#[tokio::test]
async fn the_text_of_an_error_is_bounded_as_a_reply_is() -> Outcome {
    let (router, _driver) = router()?;
    let (mut asker, mut other) = (Player::new(&router, "t/a/0")?, Player::new(&router, "t/b/0")?);
    let link = asker.link("t/b")?;
    let refused = RequestError::Refused(SendError::TooLarge(u64::try_from(MAX_ANSWER_BYTES)?));
    for (bytes, is_taken) in [(MAX_ANSWER_BYTES, true), (MAX_ANSWER_BYTES + 1, false)] {
        for error in
            [HandlerError::InvalidMessage("x".repeat(bytes)), HandlerError::Failed("x".repeat(bytes))]
        {
            let error = RequestError::Handler(error);
            let expected = if is_taken { error.clone() } else { refused.clone() };
            link.request("ask".into(), LONG)?;
            let slot = other.next().await?.into_reply_slot().ok_or("a request")?;
            assert_eq!(slot.answer(Err(error.clone())), is_taken);
            assert_eq!(asker.answer().await?.1, Err(expected.clone()));
            let (called, taken) = tokio::join!(link.call("ask".into(), LONG), async {
                let slot = other.next().await.ok()?.into_reply_slot()?;
                Some(slot.answer(Err(error)))
            });
            assert_eq!((called, taken), (Err(expected), Some(is_taken)));
        }
    }
    Ok(())
}

#[tokio::test]
async fn who_takes_no_more_messages_still_takes_its_answers() -> Outcome {
    let (router, _driver) = router()?;
    let (mut asker, mut other) = (Player::new(&router, "t/a/0")?, Player::new(&router, "t/b/0")?);
    let request = asker.request("t/b", LONG)?;
    let hasty = asker.request("t/b", Duration::from_millis(1))?;
    asker.mailbox.close();
    let link = asker.link("t/b")?;
    let refused = link.request("a new one".into(), LONG).err().map(|undelivered| undelivered.error);
    assert_eq!(refused, Some(SendError::Closed));
    let expired = async {
        while asker.desk().unread_answers == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(HANG, expired).await?;
    assert_eq!(asker.answer().await?, (hasty, Err(RequestError::TimedOut { timeout_ms: 1 })));
    assert!(other.reply("in time").await?);
    assert_eq!(asker.answer().await?, (request, Ok("in time".into())));
    assert!(asker.mailbox.next().await.is_none(), "nothing more can come");
    // What nobody has answered by then is answered by the router.
    let (_, mut asker) = (asker, Player::new(&router, "t/a/0")?);
    let unanswered = [asker.request("t/b", LONG)?, asker.request("t/b", LONG)?];
    asker.mailbox.close();
    router.end_requests(&router.desk(&asker.id).ok_or("a desk")?);
    for request in unanswered {
        assert_eq!(asker.answer().await?, (request, Err(RequestError::Refused(SendError::Closed))));
    }
    assert!(!other.reply("to the hasty one").await? && !other.reply("too late").await?);
    assert_eq!(asker.desk(), DeskSnapshot { discarded_answers: 1, ..DeskSnapshot::default() });
    assert!(asker.mailbox.next().await.is_none());
    Ok(())
}

#[tokio::test]
async fn who_has_ended_for_good_is_told_nothing_and_harms_nobody_of_its_name() -> Outcome {
    let (router, _driver) = router()?;
    let mut first = Player::new(&router, "t/a/0")?;
    let other = Player::new(&router, "t/b/0")?;
    let topic = "a.b".parse()?;
    first.request("t/b", LONG)?;
    router.subscribe(&first.id, &"a.#".parse()?)?;
    let desk = router.desk(&first.id).ok_or("a desk")?;
    assert_eq!(now(router.publish(&other.id, &topic, &"x".into())), Ok(1));
    router.end_for_good(&desk, &mut first.mailbox);
    assert_eq!(desk.snapshot(), DeskSnapshot::default());
    assert_eq!(now(router.publish(&other.id, &topic, &"x".into())), Ok(0));
    assert_eq!(router.subscribe(&first.id, &"a.#".parse()?), Err(SendError::Closed));
    let second = Player::new(&router, "t/a/0")?;
    second.request("t/b", LONG)?;
    router.subscribe(&second.id, &"a.#".parse()?)?;
    router.end_for_good(&desk, &mut first.mailbox);
    let expected = DeskSnapshot { pending_requests: 1, subscriptions: 1, ..DeskSnapshot::default() };
    assert_eq!(second.desk(), expected);
    assert_eq!(now(router.publish(&other.id, &topic, &"x".into())), Ok(1));
    Ok(())
}

#[tokio::test]
async fn answers_that_wait_are_bounded_in_bytes_and_take_no_room_of_messages() -> Outcome {
    const SIZE: usize = 64 * 1024;
    const FIT: usize = MAX_UNREAD_ANSWER_BYTES / SIZE;
    let (router, _driver) = router()?;
    // Room for a single message, and full.
    let narrow = config(1, 100, Overflow::Reject);
    let mut asker = Player::taking(&router, "t/a/0", &narrow, 2 * MAX_UNREAD_ANSWER_BYTES)?;
    let mut other = Player::new(&router, "t/b/0")?;
    other.link("t/a")?.send("fills it".into())?;
    for number in 0..MAX_PENDING_REQUESTS {
        asker.request("t/b", LONG)?;
        assert_eq!(other.reply(&"x".repeat(SIZE)).await?, number < FIT, "{number}");
    }
    let desk = asker.desk();
    assert_eq!(
        (desk.unread_answers, desk.unread_answer_bytes),
        (MAX_PENDING_REQUESTS, MAX_UNREAD_ANSWER_BYTES)
    );
    assert_eq!(asker.mailbox.sender().depth(), 1, "answers are no messages");
    assert_eq!(asker.next().await?.payload, "fills it".into());
    for number in 0..MAX_PENDING_REQUESTS {
        let expected = if number < FIT { Ok(SIZE) } else { Err(RequestError::Refused(SendError::Full)) };
        assert_eq!(asker.answer().await?.1.map(|reply| reply.len()), expected, "{number}");
    }
    assert_eq!(asker.desk(), DeskSnapshot::default());
    Ok(())
}

#[tokio::test]
async fn one_answer_of_any_size_takes_no_room_of_the_others() -> Outcome {
    const LARGE: usize = 2 * MAX_UNREAD_ANSWER_BYTES;
    let (router, _driver) = router()?;
    let mut asker = Player::taking(&router, "t/a/0", &MailboxConfig::default(), LARGE)?;
    let mut other = Player::new(&router, "t/b/0")?;
    // Its size is its requester's own word, but a second one such has no room.
    let sizes = [(LARGE, true), (LARGE, false), (1, true), (MAX_UNREAD_ANSWER_BYTES, false)];
    let fit = [(MAX_UNREAD_ANSWER_BYTES - 1, true), (1, false), (0, true)];
    for (size, is_taken) in sizes.into_iter().chain(fit) {
        asker.request("t/b", LONG)?;
        assert_eq!(other.reply(&"x".repeat(size)).await?, is_taken, "{size}");
    }
    assert_eq!(asker.desk().unread_answer_bytes, LARGE + MAX_UNREAD_ANSWER_BYTES);
    // Nor do they keep out what ends a request without a reply.
    asker.request("t/b", LONG)?;
    drop(other.next().await?);
    asker.request("t/b", SHORT)?;
    let expired = async {
        while asker.desk().pending_requests > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(HANG, expired).await?;
    for (size, is_taken) in sizes.into_iter().chain(fit) {
        let expected = if is_taken { Ok(size) } else { Err(RequestError::Refused(SendError::Full)) };
        assert_eq!(asker.answer().await?.1.map(|reply| reply.len()), expected, "{size}");
    }
    assert!(matches!(asker.answer().await?.1, Err(RequestError::ReceiverEnded { .. })));
    assert!(matches!(asker.answer().await?.1, Err(RequestError::TimedOut { .. })));
    assert_eq!(asker.desk(), DeskSnapshot::default());
    // Once it is read there is room for another one.
    asker.request("t/b", LONG)?;
    assert!(matches!(other.next().await?.into_reply_slot(), Some(_late)));
    asker.request("t/b", LONG)?;
    assert!(other.reply(&"x".repeat(LARGE)).await?);
    Ok(())
}

/// Refuses every message, but not before its deadline has come.
#[derive(Debug, Default)]
struct Dawdling {
    router: OnceLock<(Router, ComponentId)>,
}

#[derive(Debug)]
struct TooLate((Router, ComponentId));

impl Guard for Dawdling {
    fn authorise(&self, _: &Address, _: &Address) -> Result<Arc<dyn Admission>, SendError> {
        Ok(Arc::new(TooLate(self.router.get().cloned().ok_or(SendError::NotFound)?)))
    }
}

impl Admission for TooLate {
    fn admit(&self, _weight: usize) -> Result<(), SendError> {
        let (router, id) = &self.0;
        while router.desk(id).is_some_and(|desk| desk.snapshot().pending_requests > 0) {
            std::thread::yield_now();
        }
        Err(SendError::RateLimited)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_refused_after_its_deadline_ends_once() -> Outcome {
    let guard = Arc::new(Dawdling::default());
    let router = Router::new(Arc::<Dawdling>::clone(&guard));
    let mut asker = Player::new(&router, "t/a/0")?;
    let _other = Player::new(&router, "t/b/0")?;
    guard.router.set((router.clone(), asker.id.clone())).map_err(|_| "set once")?;
    let _driver = drive(&router)?;
    // Its end is on its way already, so that it is no refusal any more.
    let request = asker.request("t/b", Duration::from_millis(1))?;
    assert_eq!(asker.answer().await?, (request, Err(RequestError::TimedOut { timeout_ms: 1 })));
    assert!(asker.mailbox.try_next().is_none());
    Ok(())
}

#[tokio::test]
async fn a_right_that_is_missing_is_told_before_a_quota() -> Outcome {
    let guard = Arc::new(Changing(AtomicBool::new(true)));
    let invalid = Arc::<Changing>::clone(&guard);
    let router = Router::new(guard);
    let (asker, _other) = (Player::new(&router, "t/a/0")?, Player::new(&router, "t/b/0")?);
    let link = asker.link("t/b")?;
    let refusal = || link.request("ask".into(), LONG).err().map(|undelivered| undelivered.error);
    while refusal().is_none() {}
    assert_eq!(refusal(), Some(SendError::QuotaExceeded));
    invalid.0.store(false, Ordering::Relaxed);
    router.invalidate();
    assert_eq!(refusal(), Some(SendError::Denied(DenialRule::SendTo)));
    Ok(())
}

/// Allows everything until it allows nothing.
#[derive(Debug)]
struct Changing(AtomicBool);

impl Guard for Changing {
    fn authorise(&self, _: &Address, _: &Address) -> Result<Arc<dyn Admission>, SendError> {
        if self.0.load(Ordering::Relaxed) {
            Ok(Arc::new(Lenient))
        } else {
            Err(SendError::Denied(DenialRule::SendTo))
        }
    }
}
