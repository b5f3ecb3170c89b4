//! Which instance a message to a component goes to: one that runs, where there is one.

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::timeout;

use crate::player::{LONG, Outcome, Player, router};
use crate::support::{HANG, config, ready};
use airssys_wasm_core::{Address, Overflow, SendError};
use airssys_wasm_messaging::Router;

/// Instances of `t/c`, the messages that each may hold, and who of them runs.
fn instances(router: &Router, capacity: usize, running: &[bool]) -> Result<Vec<Player>, Box<dyn Error>> {
    let mut players = Vec::new();
    for (number, is_running) in running.iter().enumerate() {
        let config = config(capacity, 1_000, Overflow::Reject);
        let player = Player::with(router, &format!("t/c/{number}"), &config)?;
        player.mailbox.set_attended(*is_running);
        players.push(player);
    }
    Ok(players)
}

fn depths(players: &[Player]) -> Vec<usize> {
    players.iter().map(|player| player.mailbox.sender().depth()).collect()
}

#[tokio::test]
async fn those_that_run_take_turns_and_the_others_only_where_none_does() -> Outcome {
    let (router, _driver) = router()?;
    let players = instances(&router, 100, &[false, true, false, true])?;
    let link = Player::new(&router, "t/a/0")?.link("t/c")?;
    let send = |count| (0..count).try_for_each(|_| link.send("x".into()));
    send(20)?;
    let sent = depths(&players);
    assert_eq!((sent[0], sent[2], sent[1] + sent[3]), (0, 0, 20));
    assert!(sent[1] > 0 && sent[3] > 0, "{sent:?}");
    for player in &players {
        player.mailbox.set_attended(false);
    }
    send(20)?;
    let more: Vec<_> = depths(&players).iter().zip(&sent).map(|(now, before)| now - before).collect();
    assert_eq!(more, [5, 5, 5, 5]);
    // Whoever names an instance means it.
    assert_eq!(Player::new(&router, "t/b/0")?.link("t/c/0")?.send("x".into()), Ok(()));
    assert_eq!(depths(&players)[0], 6);
    Ok(())
}

#[tokio::test]
async fn those_that_run_are_full_although_another_that_does_not_has_room() -> Outcome {
    let (router, _driver) = router()?;
    let players = instances(&router, 1, &[true, false])?;
    let link = Player::new(&router, "t/a/0")?.link("t/c")?;
    link.send("fills it".into())?;
    assert_eq!(link.send("x".into()).map_err(|back| back.error), Err(SendError::Full));
    assert_eq!(depths(&players), [1, 0]);
    Ok(())
}

#[tokio::test]
async fn who_waits_for_room_looks_for_another_when_one_runs_no_longer() -> Outcome {
    let (router, _driver) = router()?;
    let mut players = instances(&router, 1, &[true, false])?;
    let host = router.open_link(&Address::host("input")?, &"t/c".parse()?)?;
    host.send_waiting("fills it".into(), None).await?;
    let mut waiting = pin!(host.send_waiting("waits".into(), None));
    assert!(ready(waiting.as_mut()).is_none());
    players[1].mailbox.set_attended(true);
    // Its room was never wanted; the one that is wanted will have none for as long as nobody reads there.
    players[0].mailbox.set_attended(false);
    timeout(HANG, waiting).await??;
    assert_eq!(players[1].next().await?.payload, "waits".into());
    Ok(())
}

/// A message waits at an instance that does not run as well, and there is no end to that but its own.
#[tokio::test]
async fn a_request_to_those_that_do_not_run_is_answered_when_one_does() -> Outcome {
    let (router, _driver) = router()?;
    let mut players = instances(&router, 10, &[false, false])?;
    let mut asker = Player::new(&router, "t/a/0")?;
    let request = asker.request("t/c", LONG)?;
    let at = depths(&players).iter().position(|depth| *depth == 1).ok_or("it waits")?;
    players[at].mailbox.set_attended(true);
    assert!(players[at].reply("late").await?);
    assert_eq!(asker.answer().await?, (request, Ok("late".into())));
    Ok(())
}

/// Whether it runs is looked at while it changes; its mailbox is open all the time.
#[tokio::test]
async fn one_that_stops_running_under_the_senders_eyes_is_not_taken_for_closed() -> Outcome {
    let (router, _driver) = router()?;
    let mut players = instances(&router, 1_000, &[true])?;
    let mut only = players.pop().ok_or("there is no instance")?;
    let link = Player::new(&router, "t/a/0")?.link("t/c")?;
    let is_done = Arc::new(AtomicBool::new(false));
    let changing = std::thread::spawn({
        let is_done = Arc::clone(&is_done);
        move || {
            while !is_done.load(Ordering::Acquire) {
                only.mailbox.set_attended(false);
                only.mailbox.set_attended(true);
                while only.mailbox.try_next().is_some() {}
            }
        }
    });
    let sent = (0..200_000).try_for_each(|_| match link.send("x".into()).map_err(|back| back.error) {
        Ok(()) | Err(SendError::Full) => Ok(()),
        Err(other) => Err(other),
    });
    is_done.store(true, Ordering::Release);
    changing.join().map_err(|_| "it panicked")?;
    assert_eq!(sent, Ok(()));
    Ok(())
}
