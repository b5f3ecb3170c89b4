//! Whose turn it is, and that nobody's place is lost.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use airssys_wasm_storage::{CHANGE_BYTES, MAX_VALUE_BYTES, MAX_WAITING_CHANGE_BYTES};

use crate::support::{PLENTY, TestDisk, address, contents, on, orders};

/// Polls a future once.
fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_while_a_transaction_is_written_goes_into_the_next_one() {
    let disk = TestDisk::new();
    let store = on(&disk);
    disk.hold();
    let set = |name: String| {
        let namespace = store.namespace(&address(&name), PLENTY);
        tokio::spawn(async move { namespace.set("a", vec![1]).await })
    };
    let first = set("shop/first".to_owned());
    until(|| disk.is_waiting.load(Ordering::SeqCst)).await;
    let commits = store.status().commits;
    let mut others: Vec<_> =
        (0..20).map(|number| store.namespace(&address(&format!("shop/n-{number}")), PLENTY)).collect();
    let mut sets: Vec<_> = others.iter().map(|namespace| namespace.set("a", vec![1])).collect();
    // Each of them is handed over when it is first polled.
    assert!(sets.iter_mut().all(|set| poll(set).is_pending()));
    disk.release();
    first.await.unwrap().unwrap();
    for set in sets {
        set.await.unwrap();
    }
    assert_eq!(store.status().commits, commits + 2);
    assert_eq!(store.status().changes, 21);
    for namespace in others.drain(..) {
        assert_eq!(contents(&*namespace).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_has_one_operation_under_way_and_others_do_not_wait_for_it() {
    let disk = TestDisk::new();
    let store = on(&disk);
    let namespace = orders(&store);
    disk.hold();
    let mut first = namespace.set("a", vec![1]);
    assert!(poll(&mut first).is_pending());
    until(|| disk.is_waiting.load(Ordering::SeqCst)).await;
    // A read is done on another thread, and waits all the same: the turn is its component's.
    let mut second = namespace.get("a");
    assert!(poll(&mut second).is_pending());
    let other = store.namespace(&address("shop/other/0"), PLENTY);
    assert_eq!(other.get("a").await.unwrap(), None);
    assert!(poll(&mut second).is_pending());
    disk.release();
    first.await.unwrap();
    assert_eq!(second.await.unwrap(), Some(vec![1]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_operation_keeps_its_place_until_it_is_done_and_then_frees_it() {
    let disk = TestDisk::new();
    let store = on(&disk);
    let namespace = orders(&store);
    disk.hold();
    let mut dropped = namespace.set("a", vec![1]);
    assert!(poll(&mut dropped).is_pending());
    until(|| disk.is_waiting.load(Ordering::SeqCst)).await;
    drop(dropped);
    let mut waiting = namespace.set("b", vec![2]);
    let mut given_up = namespace.set("c", vec![3]);
    assert!(poll(&mut waiting).is_pending());
    assert!(poll(&mut given_up).is_pending());
    drop(given_up);
    disk.release();
    waiting.await.unwrap();
    for _ in 0..3 {
        // Reads that nobody waits for come and go.
        let mut read = namespace.get("a");
        let _ = poll(&mut read);
        drop(read);
    }
    let found = contents(&*namespace).await;
    assert_eq!(found.keys().collect::<Vec<_>>(), ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_bounded_in_bytes_whatever_many_ask_for() {
    let disk = TestDisk::new();
    let store = on(&disk);
    let each = MAX_VALUE_BYTES + CHANGE_BYTES + 1;
    let room = MAX_WAITING_CHANGE_BYTES / each;
    disk.hold();
    let crowd: Vec<_> = (0..2 * room + 1)
        .map(|number| store.namespace(&address(&format!("shop/n-{number}")), PLENTY))
        .collect();
    let mut sets: Vec<_> =
        crowd.iter().map(|namespace| namespace.set("a", vec![1; MAX_VALUE_BYTES])).collect();
    assert!(sets.iter_mut().all(|set| poll(set).is_pending()));
    until(|| disk.is_waiting.load(Ordering::SeqCst)).await;
    disk.release();
    for set in sets {
        set.await.unwrap();
    }
    // The first is alone in its transaction or with others; none has more than there is room for.
    let status = store.status();
    assert_eq!(status.changes, crowd.len() as u64);
    assert!(status.commits >= 3, "{status:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_components_take_turns() {
    let store = Arc::new(crate::support::in_memory());
    let tasks: Vec<_> = (0..32)
        .map(|number| {
            let namespace = store.namespace(&address(&format!("shop/n-{number}")), PLENTY);
            tokio::spawn(async move {
                for round in 0..50_u32 {
                    namespace.set(&format!("{}", round % 7), round.to_le_bytes().to_vec()).await.unwrap();
                    let read = namespace.get(&format!("{}", round % 7)).await.unwrap();
                    assert_eq!(
                        read.unwrap(),
                        round.to_le_bytes(),
                        "what was answered is seen by who asks next"
                    );
                }
                assert_eq!(contents(&*namespace).await.len(), 7);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let status = store.status();
    assert_eq!((status.changes, status.failures), (32 * 50, 0));
}
