//! Waiting for room: never for nothing, never for ever, never too early.

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{Bell, HANG, config, numbered, ready, sender};
use airssys_wasm_core::{Overflow, SendError};
use airssys_wasm_messaging::Mailbox;

type Outcome = Result<(), Box<dyn Error>>;

#[test]
fn room_is_offered_at_half_and_not_before() -> Outcome {
    let from = sender()?;
    let (mailbox, mut receiver) = Mailbox::new(&config(8, 1_000, Overflow::Wait));
    for number in 0..8 {
        assert!(mailbox.try_push(numbered(&from, number, 4)).is_ok());
    }
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let mut cx = Context::from_waker(&waker);
    let mut room = pin!(mailbox.room());
    assert!(room.as_mut().poll(&mut cx).is_pending());
    for _ in 0..3 {
        assert!(receiver.try_next().is_some());
    }
    assert_eq!(bell.rung(), 0);
    assert!(receiver.try_next().is_some());
    assert_eq!(bell.rung(), 1);
    assert!(room.as_mut().poll(&mut cx).is_ready());
    Ok(())
}

#[test]
fn room_is_judged_by_bytes_too() -> Outcome {
    let from = sender()?;
    let (mailbox, mut receiver) = Mailbox::new(&config(1_000, 40, Overflow::Wait));
    for number in 0..4 {
        assert!(mailbox.try_push(numbered(&from, number, 10)).is_ok());
    }
    assert!(ready(mailbox.room()).is_none());
    assert!(receiver.try_next().is_some());
    assert!(ready(mailbox.room()).is_none());
    assert!(receiver.try_next().is_some());
    assert!(ready(mailbox.room()).is_some());
    Ok(())
}

#[test]
fn a_heavy_message_is_not_called_before_it_fits() -> Outcome {
    let from = sender()?;
    let (mailbox, mut receiver) = Mailbox::new(&config(10, 100, Overflow::Wait));
    for number in 0..2 {
        assert!(mailbox.try_push(numbered(&from, number, 20)).is_ok());
    }
    // Below half, and yet without room for this one.
    let refused = mailbox.try_push(numbered(&from, 2, 90));
    assert_eq!(refused.err().map(|(error, _)| error), Some(SendError::Full));
    assert!(ready(mailbox.room()).is_none(), "or its sender would spin");
    assert!(receiver.try_next().is_some());
    assert!(ready(mailbox.room()).is_none());
    assert!(receiver.try_next().is_some());
    assert!(ready(mailbox.room()).is_some());
    assert!(mailbox.try_push(numbered(&from, 2, 90)).is_ok());
    Ok(())
}

#[test]
fn everybody_who_waits_is_woken_by_draining_closing_and_dropping() -> Outcome {
    for way in 0..4 {
        let (mailbox, mut receiver) = Mailbox::new(&config(1, 100, Overflow::Wait));
        assert!(mailbox.try_push(numbered(&sender()?, 0, 4)).is_ok());
        let bells = [Arc::new(Bell::default()), Arc::new(Bell::default())];
        let mut rooms = [Box::pin(mailbox.room()), Box::pin(mailbox.room())];
        for (room, bell) in rooms.iter_mut().zip(&bells) {
            let waker = Waker::from(Arc::clone(bell));
            assert!(room.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        match way {
            0 => drop(receiver.drain_remaining()),
            1 => receiver.close(),
            2 => mailbox.close(),
            _ => drop(receiver),
        }
        assert_eq!(bells.map(|bell| bell.rung()), [1, 1], "way {way}");
        assert!(rooms.into_iter().all(|room| ready(room).is_some()), "way {way}");
    }
    Ok(())
}

#[test]
fn there_is_always_room_where_the_oldest_gives_way() -> Outcome {
    let (mailbox, _receiver) = Mailbox::new(&config(1, 100, Overflow::DropOldest));
    assert!(mailbox.try_push(numbered(&sender()?, 0, 4)).is_ok());
    assert!(ready(mailbox.room()).is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_wake_up_is_lost_under_stress() -> Outcome {
    const SENDERS: u32 = 6;
    const EACH: u32 = 10_000;
    for (capacity, max_bytes) in [(1, 1_000), (2, 1_000), (7, 1_000), (1_000, 48)] {
        let (mailbox, mut receiver) = Mailbox::new(&config(capacity, max_bytes, Overflow::Wait));
        let mut tasks = JoinSet::new();
        for task in 0..SENDERS {
            let (mailbox, from) = (mailbox.clone(), sender()?);
            tasks.spawn(async move {
                for number in 0..EACH {
                    let weight = 4 + usize::try_from((number * 7 + task * 3) % 44).unwrap_or(0);
                    let mut envelope = numbered(&from, number, weight);
                    while let Err((error, back)) = mailbox.try_push(envelope) {
                        assert_eq!(error, SendError::Full);
                        envelope = back;
                        mailbox.room().await;
                    }
                }
            });
        }
        let owner = tokio::spawn(async move {
            for _ in 0..SENDERS * EACH {
                assert!(receiver.next().await.is_some());
            }
        });
        let all = async {
            while let Some(ended) = tasks.join_next().await {
                ended?;
            }
            owner.await
        };
        timeout(HANG, all).await??;
        assert_eq!(mailbox.accepted(), u64::from(SENDERS * EACH));
    }
    Ok(())
}
