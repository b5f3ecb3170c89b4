//! Bounds, order, overflow, closing.

use std::error::Error;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::time::timeout;

use crate::support::{Bell, HANG, config, number_of, numbered, ready, sender};
use airssys_wasm_core::{MailboxConfig, MessagePayload, Overflow, SendError};
use airssys_wasm_messaging::{
    Envelope, MAX_PUSHED_OUT, Mailbox, MailboxBound, MailboxReceiver, MailboxSender, MailboxWarning,
};

type Outcome = Result<(), Box<dyn Error>>;

/// Pushes a numbered message and gives what became of it: the numbers dropped, or the error.
fn push(mailbox: &MailboxSender, number: u32, weight: usize) -> Result<Vec<u32>, SendError> {
    let from = sender().map_err(|_| SendError::NotFound)?;
    match mailbox.try_push(numbered(&from, number, weight)) {
        Ok(pushed) => Ok(pushed.dropped.iter().filter_map(number_of).collect()),
        Err((error, back)) => {
            assert_eq!((number_of(&back), back.payload.weight()), (Some(number), weight), "comes back whole");
            Err(error)
        }
    }
}

fn take(receiver: &mut MailboxReceiver) -> Option<u32> {
    receiver.try_next().as_ref().and_then(number_of)
}

#[test]
fn a_capacity_of_one_holds_one() {
    for overflow in [Overflow::Reject, Overflow::Wait] {
        let (mailbox, mut receiver) = Mailbox::new(&config(1, 1_000, overflow));
        for number in 0..3 {
            assert_eq!(push(&mailbox, number, 4), Ok(vec![]));
            assert_eq!(push(&mailbox, 99, 4), Err(SendError::Full));
            assert_eq!((mailbox.depth(), mailbox.bytes()), (1, 4));
            assert_eq!(take(&mut receiver), Some(number));
            assert_eq!((mailbox.depth(), mailbox.bytes()), (0, 0));
        }
        assert_eq!((mailbox.accepted(), mailbox.dropped()), (3, 0));
    }
}

#[test]
fn a_capacity_of_zero_is_one() {
    let (mailbox, _receiver) = Mailbox::new(&config(0, 1_000, Overflow::Reject));
    assert_eq!(push(&mailbox, 0, 4), Ok(vec![]));
    assert_eq!(push(&mailbox, 1, 4), Err(SendError::Full));
}

#[test]
fn the_capacity_is_exact_while_a_batch_is_in_hand() {
    const CAPACITY: u32 = 10;
    let (mailbox, mut receiver) = Mailbox::new(&config(10, 1_000, Overflow::Reject));
    for number in 0..CAPACITY {
        assert_eq!(push(&mailbox, number, 4), Ok(vec![]));
    }
    assert_eq!(push(&mailbox, 99, 4), Err(SendError::Full));
    // The owner has the whole batch now, but has begun a single message of it.
    for number in 0..100 {
        assert_eq!(take(&mut receiver), Some(number));
        assert_eq!(mailbox.depth(), 9);
        assert_eq!(push(&mailbox, number + CAPACITY, 4), Ok(vec![]));
        assert_eq!(push(&mailbox, 99, 4), Err(SendError::Full));
    }
}

#[test]
fn bytes_are_exact_and_count_the_content_type() -> Outcome {
    let (mailbox, mut receiver) = Mailbox::new(&config(100, 30, Overflow::Reject));
    assert_eq!(push(&mailbox, 0, 10), Ok(vec![]));
    assert_eq!(push(&mailbox, 1, 21), Err(SendError::Full));
    assert_eq!(push(&mailbox, 1, 20), Ok(vec![]));
    assert_eq!(mailbox.bytes(), 30);
    assert_eq!(push(&mailbox, 2, 4), Err(SendError::Full));
    assert_eq!(take(&mut receiver), Some(0));
    assert_eq!(mailbox.bytes(), 20);

    let mut typed = numbered(&sender()?, 3, 4);
    typed.payload = typed.payload.with_content_type("text/x");
    assert!(mailbox.try_push(typed).is_ok());
    assert_eq!(mailbox.bytes(), 30);
    Ok(())
}

#[test]
fn what_can_never_fit_is_too_large_under_every_rule() {
    for overflow in [Overflow::Reject, Overflow::Wait, Overflow::DropOldest] {
        let (mailbox, mut receiver) = Mailbox::new(&config(10, 30, overflow));
        assert_eq!(push(&mailbox, 0, 31), Err(SendError::TooLarge(30)));
        assert_eq!(push(&mailbox, 0, 30), Ok(vec![]));
        assert_eq!(push(&mailbox, 1, 31), Err(SendError::TooLarge(30)), "and drops nothing");
        assert_eq!(take(&mut receiver), Some(0));
    }
}

#[test]
fn messages_without_bytes_are_bounded_by_number() -> Outcome {
    let (mailbox, _receiver) = Mailbox::new(&config(2, 0, Overflow::Reject));
    let empty = || sender().map(|from| numbered(&from, 0, 0));
    assert!(mailbox.try_push(empty()?).is_ok() && mailbox.try_push(empty()?).is_ok());
    assert_eq!(mailbox.try_push(empty()?).err().map(|(error, _)| error), Some(SendError::Full));
    Ok(())
}

#[test]
fn drop_oldest_drops_the_oldest_that_waits() {
    let (mailbox, mut receiver) = Mailbox::new(&config(3, 100, Overflow::DropOldest));
    for number in 0..3 {
        assert_eq!(push(&mailbox, number, 4), Ok(vec![]));
    }
    assert_eq!(push(&mailbox, 3, 4), Ok(vec![0]));
    // What the owner has in hand is not dropped, nor does it keep younger ones from it.
    assert_eq!(take(&mut receiver), Some(1));
    assert_eq!(push(&mailbox, 4, 4), Ok(vec![]));
    assert_eq!(push(&mailbox, 5, 4), Ok(vec![2]));
    assert_eq!((mailbox.depth(), mailbox.accepted(), mailbox.dropped()), (3, 6, 2));
    assert_eq!((take(&mut receiver), take(&mut receiver), take(&mut receiver)), (Some(3), Some(4), Some(5)));
}

#[test]
fn drop_oldest_drops_as_many_as_the_bytes_need() {
    let (mailbox, _receiver) = Mailbox::new(&config(10, 30, Overflow::DropOldest));
    for number in 0..3 {
        assert_eq!(push(&mailbox, number, 10), Ok(vec![]));
    }
    assert_eq!(push(&mailbox, 3, 15), Ok(vec![0, 1]));
    assert_eq!((mailbox.depth(), mailbox.bytes()), (2, 25));
    assert_eq!(push(&mailbox, 4, 30), Ok(vec![2, 3]));
    assert_eq!((mailbox.depth(), mailbox.bytes()), (1, 30));
}

#[test]
fn one_message_pushes_out_no_more_than_a_bounded_number() {
    const MANY: usize = 100_000;
    let (mailbox, mut receiver) = Mailbox::new(&config(MANY, 1_024, Overflow::DropOldest));
    let empty = || Envelope::new(sender().unwrap(), MessagePayload::empty());
    for _ in 1..MANY {
        assert!(mailbox.try_push(empty()).is_ok());
    }
    assert_eq!(push(&mailbox, 1, 4), Ok(vec![]));
    // They hold nothing, and the last one all of the bytes that are wanted.
    assert_eq!(push(&mailbox, 2, 1_024), Err(SendError::Full));
    assert_eq!((mailbox.depth(), mailbox.overflowed()), (MANY, 0), "what is refused pushes nothing out");
    assert!(ready(mailbox.room()).is_none(), "nobody asks again and again");
    assert_eq!(push(&mailbox, 2, 1_020).map(|_empty| mailbox.overflowed()), Ok(1));
    // Up to the bound they go at once.
    while mailbox.depth() > MAX_PUSHED_OUT + 1 {
        assert!(receiver.try_next().is_some());
    }
    assert_eq!(push(&mailbox, 3, 1_024), Err(SendError::Full));
    assert!(ready(mailbox.room()).is_none());
    assert!(receiver.try_next().is_some());
    assert_eq!(push(&mailbox, 3, 1_024), Ok(vec![1, 2]));
    assert_eq!((mailbox.depth(), mailbox.overflowed()), (1, 1 + MAX_PUSHED_OUT as u64));
}

#[test]
fn who_was_refused_although_the_oldest_give_way_is_told_of_room() {
    let (mailbox, mut receiver) = Mailbox::new(&config(1_000, 1_024, Overflow::DropOldest));
    for _ in 0..600 {
        assert!(mailbox.try_push(Envelope::new(sender().unwrap(), MessagePayload::empty())).is_ok());
    }
    assert_eq!(push(&mailbox, 1, 1_000), Ok(vec![]));
    assert_eq!(push(&mailbox, 2, 1_000), Err(SendError::Full));
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let mut room = pin!(mailbox.room());
    assert!(room.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    while mailbox.depth() > 0 {
        assert_eq!(bell.rung(), 0, "with {} before it", mailbox.depth());
        assert!(receiver.try_next().is_some());
    }
    assert_eq!(bell.rung(), 1);
    assert_eq!(push(&mailbox, 2, 1_000), Ok(vec![]));
}

/// Pushes messages of this weight, and gives the numbers of those that brought a warning, with it.
fn warned(mailbox: &MailboxSender, count: u32, weight: usize) -> Vec<(u32, MailboxWarning)> {
    let push = |number| mailbox.try_push(numbered(&sender().ok()?, number, weight)).ok()?.warning;
    (0..count).filter_map(|number| Some((number, push(number)?))).collect()
}

#[test]
fn nine_tenths_of_what_waits_are_warned_of_once() {
    for overflow in [Overflow::Reject, Overflow::Wait, Overflow::DropOldest] {
        let (mailbox, mut receiver) = Mailbox::new(&config(10, 1_000, overflow));
        assert_eq!(warned(&mailbox, 8, 4), []);
        // What the owner has begun does not wait any more, whenever the sender looked last.
        for _ in 0..20 {
            assert!(take(&mut receiver).is_some());
            assert_eq!(warned(&mailbox, 1, 4), []);
        }
        let warning = MailboxWarning { bound: MailboxBound::Messages, waiting: 9, max: 10 };
        assert_eq!(warned(&mailbox, 30, 4), [(0, warning)]);
        drop(receiver.drain_remaining());
        assert_eq!(warned(&mailbox, 10, 4), [], "once");
        drop(receiver.drain_remaining());
        receiver.rearm_warnings();
        assert_eq!(warned(&mailbox, 30, 4), [(8, warning)], "and once more");
    }
}

#[test]
fn bytes_are_warned_of_beside_messages() {
    let (mailbox, mut receiver) = Mailbox::new(&config(10, 100, Overflow::Reject));
    let bytes = |waiting| MailboxWarning { bound: MailboxBound::Bytes, waiting, max: 100 };
    assert_eq!(warned(&mailbox, 1, 89), []);
    assert_eq!(warned(&mailbox, 2, 4), [(0, bytes(93))]);
    drop(receiver.drain_remaining());
    let messages = MailboxWarning { bound: MailboxBound::Messages, waiting: 9, max: 10 };
    assert_eq!(warned(&mailbox, 20, 4), [(8, messages)]);
    drop(receiver.drain_remaining());
    // Both at once: the second one is told with the next message.
    receiver.rearm_warnings();
    assert_eq!(warned(&mailbox, 8, 4), []);
    assert_eq!(warned(&mailbox, 1, 64), [(0, messages)]);
    assert_eq!(warned(&mailbox, 1, 4), [(0, bytes(100))]);
}

#[tokio::test]
async fn a_closed_mailbox_is_drained_to_its_end() {
    for by_owner in [false, true] {
        let (mailbox, mut receiver) = Mailbox::new(&MailboxConfig::default());
        for number in 0..3 {
            assert_eq!(push(&mailbox, number, 4), Ok(vec![]));
        }
        assert_eq!(take(&mut receiver), Some(0));
        if by_owner {
            receiver.close()
        } else {
            mailbox.close()
        }
        assert!(mailbox.is_closed());
        assert_eq!(push(&mailbox, 9, 4), Err(SendError::Closed));
        for number in 1..3 {
            assert_eq!(receiver.next().await.as_ref().and_then(number_of), Some(number));
        }
        assert!(receiver.next().await.is_none());
        assert!(receiver.next().await.is_none());
    }
}

#[test]
fn what_remains_comes_out_in_order_and_is_counted() {
    let (mailbox, mut receiver) = Mailbox::new(&MailboxConfig::default());
    for number in 0..3 {
        assert_eq!(push(&mailbox, number, 4), Ok(vec![]));
    }
    // One begun, one left in the owner's batch, then two in the shared queue.
    assert_eq!(take(&mut receiver), Some(0));
    assert_eq!(push(&mailbox, 3, 4), Ok(vec![]));
    receiver.close();
    let remaining: Vec<_> = receiver.drain_remaining().iter().filter_map(number_of).collect();
    assert_eq!(remaining, [1, 2, 3]);
    assert_eq!((mailbox.depth(), mailbox.bytes(), mailbox.accepted(), mailbox.dropped()), (0, 0, 4, 3));
    assert!(receiver.try_next().is_none());
}

#[test]
fn an_owner_that_goes_leaves_nothing_behind() {
    let (mailbox, receiver) = Mailbox::new(&MailboxConfig::default());
    assert_eq!(push(&mailbox, 0, 4), Ok(vec![]));
    drop(receiver);
    assert_eq!(push(&mailbox, 1, 4), Err(SendError::Closed));
    assert_eq!((mailbox.depth(), mailbox.dropped()), (0, 1));
}

#[test]
fn the_owner_is_woken_by_a_message_and_by_closing_only_while_it_waits() {
    let (mailbox, mut receiver) = Mailbox::new(&MailboxConfig::default());
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let mut cx = Context::from_waker(&waker);

    assert_eq!(push(&mailbox, 0, 4), Ok(vec![]));
    assert_eq!(bell.rung(), 0, "nobody waits yet");
    assert!(receiver.poll_next(&mut cx).is_ready());
    assert!(receiver.poll_next(&mut cx).is_pending());
    assert_eq!(push(&mailbox, 1, 4), Ok(vec![]));
    assert_eq!(push(&mailbox, 2, 4), Ok(vec![]));
    assert_eq!(bell.rung(), 1, "once for both");
    assert!(receiver.poll_next(&mut cx).is_ready() && receiver.poll_next(&mut cx).is_ready());
    assert!(receiver.poll_next(&mut cx).is_pending());
    mailbox.close();
    assert_eq!(bell.rung(), 2);
    assert!(matches!(receiver.poll_next(&mut cx), Poll::Ready(None)));
}

#[test]
fn the_owner_lets_others_run_after_many_messages() {
    let (mailbox, mut receiver) = Mailbox::new(&config(1_000, 100_000, Overflow::Reject));
    for number in 0..1_000 {
        assert_eq!(push(&mailbox, number, 4), Ok(vec![]));
    }
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let mut cx = Context::from_waker(&waker);
    let (mut taken, mut turns) = (0, 0);
    while taken < 1_000 {
        match receiver.poll_next(&mut cx) {
            Poll::Ready(_) => taken += 1,
            Poll::Pending => turns += 1,
        }
        assert_eq!(bell.rung(), turns, "it wakes itself when it yields");
    }
    assert!((2..=20).contains(&turns), "{turns}");
    assert!(ready(receiver.next()).is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_sender_s_order_holds_under_concurrency() -> Outcome {
    const SENDERS: u32 = 4;
    const EACH: u32 = 20_000;
    for overflow in [Overflow::Wait, Overflow::DropOldest] {
        let (mailbox, mut receiver) = Mailbox::new(&config(16, 1_000, overflow));
        let mut senders = Vec::new();
        for name in 0..SENDERS {
            let (mailbox, from) = (mailbox.clone(), format!("test/sender/{name}").parse()?);
            senders.push(tokio::spawn(async move {
                let mut dropped = 0;
                for number in 0..EACH {
                    let mut envelope = numbered(&from, number, 8);
                    loop {
                        match mailbox.try_push(envelope) {
                            Ok(pushed) => {
                                dropped += pushed.dropped.len();
                                break;
                            }
                            Err((SendError::Full, back)) => {
                                envelope = back;
                                mailbox.room().await;
                            }
                            Err((error, _)) => return Err(error),
                        }
                    }
                }
                Ok(dropped)
            }));
        }
        let owner = tokio::spawn(async move {
            let mut last = std::collections::HashMap::new();
            let mut taken = 0_usize;
            while let Some(envelope) = receiver.next().await {
                let number = number_of(&envelope);
                let before = last.insert(envelope.sender.clone(), number).flatten();
                assert!(number > before, "{number:?} after {before:?} from {}", envelope.sender);
                taken += 1;
            }
            taken
        });
        let mut dropped = 0;
        for task in senders {
            dropped += timeout(HANG, task).await???;
        }
        mailbox.close();
        let taken = timeout(HANG, owner).await??;
        assert_eq!(taken + dropped, usize::try_from(SENDERS * EACH)?);
        assert!(overflow == Overflow::DropOldest || dropped == 0);
        assert_eq!((mailbox.depth(), mailbox.bytes()), (0, 0));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_bounds_hold_at_every_moment_under_concurrency() -> Outcome {
    const CAPACITY: usize = 8;
    let (mailbox, mut receiver) = Mailbox::new(&config(CAPACITY, 60, Overflow::Reject));
    let mut senders = Vec::new();
    for _ in 0..3 {
        let (mailbox, from) = (mailbox.clone(), sender()?);
        senders.push(tokio::task::spawn_blocking(move || {
            for number in 0..50_000 {
                // Refusals are part of the game: only the bounds matter.
                drop(mailbox.try_push(numbered(&from, number, 10)));
            }
        }));
    }
    let watcher = mailbox.clone();
    let owner = tokio::task::spawn_blocking(move || {
        let mut taken = 0_u64;
        while !(watcher.is_closed() && watcher.depth() == 0) {
            taken += u64::from(receiver.try_next().is_some());
            // What was accepted and not begun: exact here, because this thread begins.
            assert!(
                watcher.accepted() - taken <= CAPACITY as u64,
                "{} accepted, {taken} taken",
                watcher.accepted()
            );
        }
        taken
    });
    for task in senders {
        timeout(HANG, task).await??;
    }
    mailbox.close();
    let taken = timeout(HANG, owner).await??;
    assert_eq!(taken, mailbox.accepted());
    Ok(())
}
