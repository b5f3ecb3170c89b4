//! What instances have under way with one another: requests, calls, timers and subscriptions.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::player::{LONG, Lenient, MAX_ANSWER_BYTES, Outcome, Player, SHORT, now, router};
use crate::support::{Bell, HANG, config, ready};
use airssys_wasm_core::{Address, CorrelationId, MessageRouter, Overflow, RequestError, SendError, TimerId};
use airssys_wasm_messaging::{
    DeskSnapshot, MAX_SUBSCRIPTIONS, MAX_TIMER_BYTES, MAX_TIMERS, Published, Router,
};

#[tokio::test]
async fn an_answer_comes_to_the_own_mailbox_once() -> Outcome {
    let (router, _driver) = router()?;
    let (mut asker, mut other) = (Player::new(&router, "t/a/0")?, Player::new(&router, "t/b/0")?);
    let first = asker.request("t/b", LONG)?;
    let second = asker.request("t/b/0", LONG)?;
    assert_ne!(first, second);
    assert_eq!(asker.desk().pending_requests, 2);
    assert!(other.reply("one").await? && other.reply("two").await?);
    assert_eq!(asker.answer().await?, (first, Ok("one".into())));
    assert_eq!(asker.answer().await?, (second, Ok("two".into())));
    assert!(asker.mailbox.try_next().is_none());
    assert_eq!(asker.desk(), DeskSnapshot::default());
    Ok(())
}

#[tokio::test]
async fn answers_keep_their_place_among_the_messages_of_who_answers() -> Outcome {
    let (router, _driver) = router()?;
    let (mut asker, mut other) = (Player::new(&router, "t/a/0")?, Player::new(&router, "t/b/0")?);
    asker.request("t/b", LONG)?;
    other.link("t/a")?.send("before".into())?;
    other.reply("reply").await?;
    other.link("t/a")?.send("after".into())?;
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(String::from_utf8(asker.next().await?.payload.bytes().to_vec())?);
    }
    assert_eq!(seen, ["before", "reply", "after"]);
    Ok(())
}

#[tokio::test]
async fn a_deadline_is_an_answer_and_what_comes_later_is_discarded() -> Outcome {
    let (router, _driver) = router()?;
    let (mut asker, mut other) = (Player::new(&router, "t/a/0")?, Player::new(&router, "t/b/0")?);
    let began = Instant::now();
    let request = asker.request("t/b", SHORT)?;
    assert_eq!(asker.answer().await?, (request, Err(RequestError::TimedOut { timeout_ms: 5 })));
    assert!(began.elapsed() >= SHORT, "never early");
    assert!(!other.reply("late").await?);
    assert!(asker.mailbox.try_next().is_none());
    assert_eq!(asker.desk(), DeskSnapshot { discarded_answers: 1, ..DeskSnapshot::default() });
    Ok(())
}

#[tokio::test]
async fn only_the_requester_can_cancel_and_only_once() -> Outcome {
    let (router, _driver) = router()?;
    let (mut asker, mut other) = (Player::new(&router, "t/a/0")?, Player::new(&router, "t/b/0")?);
    let request = asker.request("t/b", LONG)?;
    let slot = other.next().await?.into_reply_slot().ok_or("a request")?;
    assert_eq!(slot.correlation(), request, "the receiver knows the id");
    assert!(!router.cancel_request(&other.id, request), "and can do nothing with it");
    assert!(!router.cancel_request(&asker.id, CorrelationId::new(request.get() + 1)));
    assert!(router.cancel_request(&asker.id, request));
    assert!(!router.cancel_request(&asker.id, request));
    assert!(slot.is_abandoned() && !slot.answer(Ok("late".into())));
    assert!(asker.mailbox.try_next().is_none());
    assert_eq!(asker.desk().discarded_answers, 1);
    Ok(())
}

#[tokio::test]
async fn a_refusal_is_told_at_once_and_leaves_nothing() -> Outcome {
    let (router, _driver) = router()?;
    let asker = Player::new(&router, "t/a/0")?;
    let _full = Player::with(&router, "t/b/0", &config(1, 100, Overflow::Reject))?;
    asker.request("t/b", LONG)?;
    for (to, expected) in [("t/b", SendError::Full), ("t/nobody", SendError::NotFound)] {
        let link = asker.link(to);
        let error = match link {
            Ok(link) => link.request("ask".into(), LONG).err().map(|undelivered| undelivered.error),
            Err(error) => error.downcast::<SendError>().ok().map(|error| *error),
        };
        assert_eq!(error, Some(expected));
    }
    assert_eq!(asker.desk().pending_requests, 1);
    Ok(())
}

#[tokio::test]
async fn newer_messages_push_out_no_answer() -> Outcome {
    let (router, _driver) = router()?;
    let mut asker = Player::with(&router, "t/a/0", &config(2, 1_000, Overflow::DropOldest))?;
    let mut other = Player::new(&router, "t/b/0")?;
    let request = asker.request("t/b", LONG)?;
    other.reply("kept").await?;
    for text in ["1", "2", "3", "4"] {
        other.link("t/a")?.send(text.into())?;
    }
    assert_eq!(asker.answer().await?, (request, Ok("kept".into())));
    assert_eq!(asker.next().await?.payload, "3".into());
    assert_eq!(asker.next().await?.payload, "4".into());
    assert_eq!(asker.mailbox.sender().overflowed(), 2);
    Ok(())
}

#[tokio::test]
async fn who_ends_leaves_nothing_behind() -> Outcome {
    let (router, _driver) = router()?;
    let (mut asker, mut other) = (Player::new(&router, "t/a/0")?, Player::new(&router, "t/b/0")?);
    for _ in 0..3 {
        asker.request("t/b", LONG)?;
    }
    other.link("t/a")?.send("stays".into())?;
    other.reply("answered, and never seen").await?;
    router.send_after(&asker.id, &"t/b".parse()?, "later".into(), LONG)?;
    router.subscribe(&asker.id, &"a.#".parse()?)?;
    let desk = router.desk(&asker.id).ok_or("a desk")?;
    assert_eq!(router.end_life(&desk, &mut asker.mailbox), 1);
    assert!(!other.reply("too late").await?);
    let subscribed = DeskSnapshot { subscriptions: 1, discarded_answers: 2, ..DeskSnapshot::default() };
    assert_eq!(asker.desk(), subscribed);
    assert_eq!(asker.next().await?.payload, "stays".into());
    assert!(asker.mailbox.try_next().is_none());
    assert!(router.deregister(&asker.id));
    assert_eq!(now(router.publish(&other.id, &"a.b".parse()?, &"x".into())), Ok(0));
    assert_eq!(router.subscribe(&asker.id, &"a.#".parse()?), Err(SendError::Closed));
    Ok(())
}

#[tokio::test]
async fn the_end_of_the_receiver_is_an_answer() -> Outcome {
    let (router, _driver) = router()?;
    let (mut asker, other) = (Player::new(&router, "t/a/0")?, Player::new(&router, "t/b/0")?);
    let request = asker.request("t/b", LONG)?;
    drop(other);
    let (answered, reply) = asker.answer().await?;
    assert_eq!(answered, request);
    assert!(matches!(reply, Err(RequestError::ReceiverEnded { .. })));
    Ok(())
}

#[tokio::test]
async fn a_call_waits_for_its_reply_and_no_longer_than_told() -> Outcome {
    let (router, _driver) = router()?;
    let (asker, mut other) = (Player::new(&router, "t/a/0")?, Player::new(&router, "t/b/0")?);
    let link = asker.link("t/b")?;
    let mut call = link.call("ask".into(), HANG);
    assert!(ready(call.as_mut()).is_none());
    assert_eq!(router.waiting(), 1);
    assert!(other.reply("reply").await?);
    assert_eq!(router.waiting(), 0, "not even before the caller has run again");
    assert_eq!(call.await, Ok("reply".into()));

    assert_eq!(link.call("ask".into(), SHORT).await, Err(RequestError::TimedOut { timeout_ms: 5 }));
    assert_eq!(router.waiting(), 0);
    assert!(!other.reply("late").await?);
    let mut dropped = link.call("ask".into(), HANG);
    assert!(ready(dropped.as_mut()).is_none());
    drop(dropped);
    assert_eq!(router.waiting(), 0);
    let large = link.call("ask".into(), HANG);
    let (large, taken) = tokio::join!(large, async {
        // Skip the one whose caller is gone.
        drop(other.next().await);
        other.reply(&"x".repeat(MAX_ANSWER_BYTES + 1)).await
    });
    let limit = u64::try_from(MAX_ANSWER_BYTES)?;
    assert_eq!((large, taken?), (Err(RequestError::Refused(SendError::TooLarge(limit))), false));
    Ok(())
}

#[tokio::test]
async fn a_call_into_a_chain_that_waits_for_the_caller_is_refused_at_once() -> Outcome {
    let (router, _driver) = router()?;
    let mut players = Vec::new();
    for id in ["t/a/0", "t/b/0", "t/c/0"] {
        players.push(Player::new(&router, id)?);
    }
    let stuck = Err(RequestError::Refused(SendError::WouldDeadlock));
    let own = players[0].link("t/a")?;
    assert_eq!(ready(own.call("myself".into(), LONG)), Some(stuck.clone()));
    let (to_b, to_c, to_a) = (players[0].link("t/b")?, players[1].link("t/c")?, players[2].link("t/a")?);
    let (mut first, mut second) = (to_b.call("ask".into(), LONG), to_c.call("ask".into(), LONG));
    assert!(ready(first.as_mut()).is_none() && ready(second.as_mut()).is_none());
    assert_eq!(ready(to_a.call("ask".into(), LONG)), Some(stuck));
    // Requests and messages wait for nothing, and pass.
    assert!(to_a.request("ask".into(), LONG).is_ok() && to_a.send("tell".into()).is_ok());
    assert!(players[2].reply("free again").await?);
    assert_eq!(second.await, Ok("free again".into()));
    let mut back = to_a.call("ask".into(), LONG);
    assert!(ready(back.as_mut()).is_none(), "b goes on, so that a can end, so that c can wait for a");
    Ok(())
}

#[tokio::test]
async fn a_wait_for_room_takes_part() -> Outcome {
    let (router, _driver) = router()?;
    let a = Player::new(&router, "t/a/0")?;
    let mut b = Player::with(&router, "t/b/0", &config(1, 1_000, Overflow::Wait))?;
    let (to_b, to_a) = (a.link("t/b")?, b.link("t/a")?);
    to_b.send("fills it".into())?;
    let mut waiting = to_b.send_when_room("waits".into(), LONG);
    assert!(ready(waiting.as_mut()).is_none());
    assert_eq!(
        ready(to_a.call("ask".into(), LONG)),
        Some(Err(RequestError::Refused(SendError::WouldDeadlock)))
    );
    // With room for a, it waits no more, even before it runs.
    assert!(b.mailbox.try_next().is_some());
    let mut call = to_a.call("ask".into(), LONG);
    assert!(ready(call.as_mut()).is_none());
    assert_eq!(ready(waiting), Some(Ok(())));
    // And now it is b that waits: there will be no room.
    let refused = ready(to_b.send_when_room("again".into(), LONG)).ok_or("it waits")?;
    assert_eq!(refused.err().map(|undelivered| undelivered.error), Some(SendError::WouldDeadlock));
    Ok(())
}

#[tokio::test]
async fn of_several_instances_one_that_is_free_takes_the_call() -> Outcome {
    let (router, _driver) = router()?;
    let (first, mut second) = (Player::new(&router, "t/a/0")?, Player::new(&router, "t/a/1")?);
    let link = first.link("t/a")?;
    for _ in 0..3 {
        let (reply, taken) = tokio::join!(link.call("ask".into(), HANG), second.reply("from the other"));
        assert_eq!((reply, taken?), (Ok("from the other".into()), true));
    }
    Ok(())
}

#[tokio::test]
async fn who_cannot_answer_has_no_room_that_is_worth_waiting_for() -> Outcome {
    let (router, _driver) = router()?;
    let narrow = config(1, 1_000, Overflow::Wait);
    let caller = Player::with(&router, "t/a/0", &narrow)?;
    let mut other = Player::with(&router, "t/a/1", &narrow)?;
    caller.link("t/a/1")?.send("fills it".into())?;
    // Its own mailbox is empty, and of no use to it: it waits for the other's, and not by asking again and again.
    let link = caller.link("t/a")?;
    let full = Err(RequestError::Refused(SendError::Full));
    assert_eq!(link.call("ask".into(), SHORT).await, full);
    let mut waiting = link.call("ask".into(), LONG);
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(bell.rung(), 0);
    assert_eq!(other.next().await?.payload, "fills it".into());
    assert_eq!(bell.rung(), 1);
    let (reply, taken) = tokio::join!(waiting, other.reply("from the other"));
    assert_eq!((reply, taken?), (Ok("from the other".into()), true));
    Ok(())
}

#[tokio::test]
async fn of_many_instances_that_wait_for_the_caller_none_hides_one_that_is_free() -> Outcome {
    let (router, _driver) = router()?;
    let caller = Player::new(&router, "t/caller/0")?;
    let workers: Vec<_> = (0..20)
        .map(|number| Player::new(&router, &format!("t/worker/{number}")))
        .collect::<Result<_, _>>()?;
    let links: Vec<_> = workers.iter().map(|worker| worker.link("t/caller")).collect::<Result<_, _>>()?;
    let mut waiting: Vec<_> = links.iter().take(12).map(|link| link.call("ask".into(), LONG)).collect();
    assert!(waiting.iter_mut().all(|call| ready(call.as_mut()).is_none()));
    let link = caller.link("t/worker")?;
    for turn in 0..workers.len() {
        let mut call = link.call("ask".into(), LONG);
        assert!(ready(call.as_mut()).is_none(), "turn {turn}");
    }
    let busy: Vec<_> = workers.iter().map(|worker| worker.mailbox.sender().depth() > 0).collect();
    assert!(busy.iter().take(12).all(|is_busy| !is_busy) && busy.iter().skip(12).all(|is_busy| *is_busy));
    Ok(())
}

#[tokio::test]
async fn a_call_waits_for_room_where_the_receiver_wants_that() -> Outcome {
    let (router, _driver) = router()?;
    let a = Player::new(&router, "t/a/0")?;
    let mut b = Player::with(&router, "t/b/0", &config(1, 1_000, Overflow::Wait))?;
    let link = a.link("t/b")?;
    link.send("fills it".into())?;
    assert_eq!(link.call("ask".into(), SHORT).await, Err(RequestError::Refused(SendError::Full)));
    let (reply, taken) = tokio::join!(link.call("ask".into(), HANG), async {
        b.mailbox.next().await;
        b.reply("reply").await
    });
    assert_eq!((reply, taken?), (Ok("reply".into()), true));
    Ok(())
}

#[tokio::test]
async fn timers_fire_in_order_as_their_owner_and_for_itself_as_the_host() -> Outcome {
    let (router, _driver) = router()?;
    let (mut a, mut b) = (Player::new(&router, "t/a/0")?, Player::new(&router, "t/b/0")?);
    let began = Instant::now();
    for (to, text, delay) in
        [("t/b", "third", 30), ("t/b", "first", 10), ("t/b", "second", 10), ("t/a/0", "own", 10)]
    {
        router.send_after(&a.id, &to.parse()?, text.into(), Duration::from_millis(delay))?;
    }
    assert_eq!(a.desk().timers, 4);
    let own = a.next().await?;
    assert_eq!((own.sender.as_str(), own.payload), ("host/timer", "own".into()));
    for text in ["first", "second", "third"] {
        let message = b.next().await?;
        assert_eq!((message.sender.as_str(), message.payload), ("t/a/0", text.into()));
    }
    assert!(began.elapsed() >= Duration::from_millis(30), "never early");
    assert_eq!(a.desk(), DeskSnapshot::default());
    Ok(())
}

#[tokio::test]
async fn a_storm_of_timers_makes_nobody_wait_but_who_raised_it() -> Outcome {
    const STORMY: usize = 20;
    let router = Router::new(std::sync::Arc::new(Lenient));
    let target: Address = "t/target".parse()?;
    let mut target_player = Player::new(&router, "t/target/0")?;
    let stormy: Vec<_> = (0..STORMY)
        .map(|number| Player::new(&router, &format!("t/stormy/{number}")))
        .collect::<Result<_, _>>()?;
    for player in &stormy {
        for _ in 0..MAX_TIMERS {
            router.send_after(&player.id, &target, "storm".into(), Duration::ZERO)?;
        }
    }
    let quiet = Player::new(&router, "t/quiet/0")?;
    router.send_after(&quiet.id, &target, "mine".into(), Duration::ZERO)?;
    quiet.request("t/stormy", Duration::from_millis(1))?;
    let began = Instant::now();
    while began.elapsed() < SHORT {
        tokio::task::yield_now().await;
    }
    // All of it is due. The first piece of work has the deadline, and everybody's first message.
    let mut driver = std::pin::pin!(router.timer_driver().ok_or("a driver")?.run());
    assert!(ready(driver.as_mut()).is_none());
    assert_eq!(quiet.desk(), DeskSnapshot { unread_answers: 1, ..DeskSnapshot::default() });
    let arrived: Vec<_> = std::iter::from_fn(|| target_player.mailbox.try_next()).collect();
    assert!((STORMY + 1..MAX_TIMERS).contains(&arrived.len()), "{} in one piece", arrived.len());
    let place = arrived.iter().position(|message| message.payload == "mine".into());
    assert!(place.is_some_and(|place| place <= STORMY), "{place:?}");
    Ok(())
}

#[tokio::test]
async fn a_timer_is_stopped_by_its_owner_alone_and_rights_are_asked_when_it_fires() -> Outcome {
    let (router, _driver) = router()?;
    let (a, b) = (Player::new(&router, "t/a/0")?, Player::new(&router, "t/b/0")?);
    let timer = router.send_after(&a.id, &"t/b".parse()?, "x".into(), LONG)?;
    assert!(!router.cancel_timer(&b.id, timer) && !router.cancel_timer(&a.id, TimerId::new(timer.get() + 1)));
    assert!(router.cancel_timer(&a.id, timer) && !router.cancel_timer(&a.id, timer));
    let refused: Address = "t/denied".parse()?;
    router.send_after(&a.id, &refused, "x".into(), Duration::ZERO)?;
    let buried = async {
        while router.dead_letters().total() == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(HANG, buried).await?;
    assert_eq!((router.dead_letters().of(a.id.address()), router.dead_letters().of(&refused)), (1, 0));
    assert_eq!(router.traffic(a.id.address()).map(|traffic| traffic.denied), Some(1));
    Ok(())
}

#[tokio::test]
async fn what_its_sender_did_not_live_to_send_is_a_dead_letter() -> Outcome {
    let (router, _driver) = router()?;
    let (mut a, _b) = (Player::new(&router, "t/a/0")?, Player::new(&router, "t/b/0")?);
    let (component, to): (Address, Address) = ("t/a".parse()?, "t/b".parse()?);
    let letters = || (router.dead_letters().total(), router.dead_letters().of(&component));
    let later = |id| router.send_after(id, &to, "x".into(), LONG);
    let stopped = later(&a.id)?;
    assert!(router.cancel_timer(&a.id, stopped), "that was its own wish");
    for restart in 1..=2 {
        later(&a.id)?;
        router.send_after(&a.id, a.id.address(), "x".into(), LONG)?;
        let desk = router.desk(&a.id).ok_or("a desk")?;
        router.end_life(&desk, &mut a.mailbox);
        assert_eq!(letters(), (2 * restart, 2 * restart));
    }
    // And where it is registered anew, or ends for good.
    later(&a.id)?;
    let mut a = Player::new(&router, "t/a/0")?;
    assert_eq!(letters().0, 5);
    later(&a.id)?;
    let desk = router.desk(&a.id).ok_or("a desk")?;
    router.end_for_good(&desk, &mut a.mailbox);
    assert_eq!(letters().0, 6);
    router.deregister(&a.id);
    assert_eq!(letters(), (6, 6));
    Ok(())
}

#[test]
fn timers_are_bounded_in_number_and_bytes() -> Outcome {
    let router = Router::new(std::sync::Arc::new(Lenient));
    let (a, b) = (Player::new(&router, "t/a/0")?, Player::new(&router, "t/b/0")?);
    let target: Address = "t/b".parse()?;
    let set =
        |player: &Player, bytes: usize| router.send_after(&player.id, &target, vec![0; bytes].into(), LONG);
    for _ in 0..MAX_TIMERS {
        set(&a, 0)?;
    }
    assert_eq!(set(&a, 0), Err(SendError::QuotaExceeded));
    let largest = set(&b, MAX_TIMER_BYTES - target.as_str().len())?;
    assert_eq!(b.desk().timer_bytes, MAX_TIMER_BYTES);
    assert_eq!(set(&b, 0), Err(SendError::QuotaExceeded));
    assert!(router.cancel_timer(&b.id, largest));
    assert_eq!(b.desk(), DeskSnapshot::default());
    Ok(())
}

#[tokio::test]
async fn what_is_published_comes_to_each_subscriber_once_and_in_order() -> Outcome {
    let (router, _driver) = router()?;
    let (mut a, mut b) = (Player::new(&router, "t/a/0")?, Player::new(&router, "t/b/0")?);
    let (full, denied) = (
        Player::with(&router, "t/c/0", &config(1, 1_000, Overflow::Wait))?,
        Player::new(&router, "t/denied/0")?,
    );
    for (player, pattern) in
        [(&a, "logs.#"), (&a, "logs.*"), (&a, "logs.raw"), (&b, "logs.raw"), (&full, "#")]
    {
        router.subscribe(&player.id, &pattern.parse()?)?;
        router.subscribe(&player.id, &pattern.parse()?)?;
    }
    let denial = SendError::Denied(airssys_wasm_core::DenialRule::Subscribe);
    assert_eq!(router.subscribe(&denied.id, &"#".parse()?), Err(denial));
    let denial = SendError::Denied(airssys_wasm_core::DenialRule::Publish);
    assert_eq!(now(router.publish(&denied.id, &"logs.raw".parse()?, &"x".into())), Err(denial));
    let mut stream = router.subscribe_from_host(&"logs.#".parse()?);
    let publish = |topic: &str, text: &str| {
        now(router.publish(&b.id, &topic.parse().map_err(|_| SendError::Closed)?, &text.into()))
    };
    assert_eq!(publish("logs.raw", "1"), Ok(4));
    assert_eq!(publish("logs.raw", "2"), Ok(3), "the full one is left out and holds up nobody");
    assert_eq!(publish("logs", "3"), Ok(2));
    assert_eq!(publish("other", "4"), Ok(0));
    for text in ["1", "2", "3"] {
        let message = a.next().await?;
        assert_eq!((message.sender.as_str(), message.payload), ("t/b/0", text.into()));
    }
    assert!(a.mailbox.try_next().is_none());
    assert_eq!((b.next().await?.payload, b.next().await?.payload), ("1".into(), "2".into()));
    for (text, on) in [("1", "logs.raw"), ("2", "logs.raw"), ("3", "logs")] {
        let Some(Published::Message { publisher, topic, payload }) = stream.next().await else {
            return Err("a publication".into());
        };
        assert_eq!((publisher.as_str(), topic.as_str(), payload), ("t/b/0", on, text.into()));
    }
    assert!(router.unsubscribe(&a.id, &"logs.#".parse()?) && !router.unsubscribe(&a.id, &"logs.#".parse()?));
    assert_eq!(a.desk().subscriptions, 2);
    Ok(())
}

#[test]
fn subscriptions_are_bounded() -> Outcome {
    let router = Router::new(std::sync::Arc::new(Lenient));
    let a = Player::new(&router, "t/a/0")?;
    for number in 0..MAX_SUBSCRIPTIONS {
        router.subscribe(&a.id, &format!("topic.{number}").parse()?)?;
    }
    assert_eq!(router.subscribe(&a.id, &"one.more".parse()?), Err(SendError::QuotaExceeded));
    assert_eq!(router.subscribe(&a.id, &"topic.0".parse()?), Ok(()), "it has that one already");
    Ok(())
}

#[tokio::test]
async fn a_stream_that_is_read_slowly_is_told_what_it_missed() -> Outcome {
    let (router, _driver) = router()?;
    let a = Player::new(&router, "t/a/0")?;
    let mut stream = router.subscribe_from_host(&"a.#".parse()?);
    let capacity = airssys_wasm_messaging::FEED_CAPACITY;
    for number in 0..capacity + 7 {
        now(router.publish(&a.id, &"a.b".parse()?, &number.to_string().into()))?;
    }
    assert_eq!(stream.next().await, Some(Published::Missed { count: 7 }));
    // What is pushed out behind the next one is not told before it.
    for _ in 0..2 {
        now(router.publish(&a.id, &"a.b".parse()?, &"newest".into()))?;
    }
    let Some(Published::Message { payload, .. }) = stream.next().await else {
        return Err("a message".into());
    };
    assert_eq!(payload, "7".into());
    assert_eq!(stream.next().await, Some(Published::Missed { count: 1 }));
    for number in 9..capacity + 7 {
        let Some(Published::Message { payload, .. }) = stream.next().await else {
            return Err("a message".into());
        };
        assert_eq!(payload, number.to_string().into());
    }
    for _ in 0..2 {
        let Some(Published::Message { payload, .. }) = stream.next().await else {
            return Err("a message".into());
        };
        assert_eq!(payload, "newest".into());
    }
    let too_large = vec![0; airssys_wasm_messaging::FEED_MAX_BYTES + 1];
    now(router.publish(&a.id, &"a.b".parse()?, &too_large.into()))?;
    drop((router, a));
    assert_eq!(stream.next().await, Some(Published::Missed { count: 1 }), "told at the end at the latest");
    assert_eq!(timeout(HANG, stream.next()).await?, None, "the host is gone");
    Ok(())
}
