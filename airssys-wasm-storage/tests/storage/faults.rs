//! A medium that fails, and a store that goes on.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Instant;

use airssys_wasm_core::StorageError;
use airssys_wasm_storage::{CACHE_BYTES, FailureKind, Medium, Store, StoreConfig, StoreFailure};

use crate::support::{
    Act, Fault, Heard, PLENTY, TestDisk, Wrong, address, contents, is_failed, is_full, on, orders,
};

fn always(acts: &'static [Act], wrong: Wrong) -> Fault {
    Fault { acts, after: 0, times: usize::MAX, wrong }
}

fn kind(error: &StorageError) -> Option<FailureKind> {
    let source = std::error::Error::source(error)?;
    source.downcast_ref::<StoreFailure>().map(StoreFailure::kind)
}

#[tokio::test]
async fn a_full_disk_is_told_as_such_and_the_store_goes_on_when_there_is_room() {
    for full in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::FileTooLarge] {
        let disk = TestDisk::new();
        let heard = Arc::new(Heard::default());
        let config = StoreConfig { observer: Some(Arc::clone(&heard) as _) };
        let store = Store::on(Arc::clone(&disk) as Arc<dyn Medium>, config).unwrap();
        let namespace = orders(&store);
        namespace.set("kept", vec![1; 10_000]).await.unwrap();
        disk.fail(always(&[Act::Write], Wrong::Error(full)));
        for _ in 0..3 {
            let refused = namespace.set("more", vec![2; 10_000]).await;
            assert!(is_full(&refused), "{refused:?}");
            assert_eq!(kind(&refused.unwrap_err()), Some(FailureKind::Full));
        }
        assert!(store.status().is_failing);
        assert_eq!(heard.counts(), (1, 0));
        assert_eq!(namespace.get("kept").await.unwrap().unwrap(), [1; 10_000], "what is there is read");
        assert!(disk.mend() >= 3);
        namespace.set("more", vec![3]).await.unwrap();
        assert!(!store.status().is_failing);
        assert_eq!(heard.counts(), (1, 1));
        let found = contents(&*namespace).await;
        assert_eq!((found["kept"].len(), found["more"].as_slice()), (10_000, [3].as_slice()));
        assert!(store.status().reopened >= 3);
        assert_eq!(store.status().failures, 3);
        drop((namespace, store));
        assert_eq!(contents(&*orders(&on(&disk))).await, found);
    }
}

#[tokio::test]
async fn who_fails_and_recovers_by_turns_is_told_of_now_and_then() {
    let disk = TestDisk::new();
    let heard = Arc::new(Heard::default());
    let config = StoreConfig { observer: Some(Arc::clone(&heard) as _) };
    let store = Store::on(Arc::clone(&disk) as Arc<dyn Medium>, config).unwrap();
    let namespace = orders(&store);
    let begun = Instant::now();
    for _ in 0..20 {
        disk.fail(always(&[Act::Write], Wrong::Error(ErrorKind::StorageFull)));
        assert!(is_full(&namespace.set("a", vec![1]).await));
        assert!(store.status().is_failing);
        disk.mend();
        namespace.set("a", vec![1]).await.unwrap();
        assert!(!store.status().is_failing);
    }
    let (failed, recovered) = heard.counts();
    assert_eq!(failed, recovered);
    assert!(failed >= 1 && failed <= 1 + begun.elapsed().as_secs() as usize, "{failed}");
    // One that lasts is told of, however soon after the last one it began.
    disk.fail(always(&[Act::Write], Wrong::Error(ErrorKind::StorageFull)));
    while heard.counts().0 == failed {
        assert!(is_full(&namespace.set("a", vec![1]).await));
    }
}

/// A file system that writes nothing in place has no room for the first page either: then the store cannot be opened
/// again, and it is still known that nothing was changed.
#[tokio::test]
async fn on_a_disk_with_no_room_at_all_nothing_is_changed_and_nothing_lost() {
    let disk = TestDisk::new();
    let store = on(&disk);
    let namespace = orders(&store);
    namespace.set("kept", vec![1; 10_000]).await.unwrap();
    disk.fail(always(&[Act::Write, Act::WriteFirst, Act::SetLen], Wrong::Error(ErrorKind::StorageFull)));
    for _ in 0..3 {
        assert!(is_full(&namespace.set("more", vec![2; 10_000]).await));
        assert!(is_full(&namespace.delete("kept").await));
    }
    disk.mend();
    assert_eq!(contents(&*namespace).await.into_keys().collect::<Vec<_>>(), ["kept"]);
    namespace.set("more", vec![2]).await.unwrap();
    assert!(!store.status().is_failing);
}

#[tokio::test]
async fn a_disk_that_fails_otherwise_is_a_failure_and_no_full_disk() {
    let disk = TestDisk::new();
    let store = on(&disk);
    let namespace = orders(&store);
    namespace.set("kept", vec![1]).await.unwrap();
    disk.fail(always(&[Act::Write], Wrong::Error(ErrorKind::Other)));
    let refused = namespace.set("more", vec![2]).await;
    assert!(is_failed(&refused), "{refused:?}");
    assert_eq!(kind(&refused.unwrap_err()), Some(FailureKind::Disk));
    disk.mend();
    assert_eq!(contents(&*namespace).await.len(), 1);
}

/// Something goes wrong once, at each point that a few changes come by, with each kind of act and of trouble. What was
/// acknowledged is there, what is said to have changed nothing has not, and the store goes on at once.
#[tokio::test]
async fn wherever_it_fails_nothing_acknowledged_is_lost() {
    let mut went_wrong = 0;
    for acts in [&[Act::Read], &[Act::WriteFirst], &[Act::Write], &[Act::SetLen], &[Act::Sync]] {
        for wrong in [
            Wrong::Error(ErrorKind::StorageFull),
            Wrong::DoneAndError(ErrorKind::StorageFull),
            Wrong::DoneAndError(ErrorKind::Other),
            Wrong::Panic,
        ] {
            for after in 0.. {
                let disk = TestDisk::new();
                let failed = change_while_failing(&disk, Fault { acts, after, times: 1, wrong }).await;
                if failed == 0 {
                    break;
                }
                went_wrong += failed;
            }
        }
    }
    assert!(went_wrong > 100, "{went_wrong}");
}

async fn change_while_failing(disk: &Arc<TestDisk>, fault: Fault) -> usize {
    let store = on(disk);
    let namespace = orders(&store);
    namespace.set("a", vec![1; 9_000]).await.unwrap();
    namespace.set("b", vec![2; 90]).await.unwrap();
    let mut model = contents(&*namespace).await;
    disk.fail(fault);
    for step in 0..4_u8 {
        let (key, value) = match step {
            0 => ("a", Some(vec![3; 20_000])),
            1 => ("b", None),
            // The file has to grow.
            2 => ("c", Some(vec![4; 1 << 20])),
            _ => ("a", Some(vec![5; 10])),
        };
        let done = match &value {
            Some(value) => namespace.set(key, value.clone()).await,
            None => namespace.delete(key).await.map(|_| ()),
        };
        let mut changed = model.clone();
        match value {
            Some(value) => changed.insert(key.to_owned(), value),
            None => changed.remove(key),
        };
        let found = match contents_or_not(&*namespace).await {
            Some(found) => found,
            // The fault was met by reading.
            None => contents(&*namespace).await,
        };
        match done {
            Ok(()) => assert_eq!(found, changed, "{fault:?}"),
            Err(StorageError::Full(_)) => assert_eq!(found, model, "{fault:?}"),
            Err(StorageError::Failed(_)) => assert!(found == model || found == changed, "{fault:?}"),
            Err(other) => panic!("{other}"),
        }
        model = found;
    }
    let failed = disk.mend();
    namespace.set("last", vec![9]).await.unwrap();
    model.insert("last".to_owned(), vec![9]);
    assert_eq!(contents(&*namespace).await, model);
    store.close().await;
    assert_eq!(contents(&*orders(&on(disk))).await, model);
    failed
}

async fn contents_or_not(
    namespace: &dyn airssys_wasm_core::KeyValueStore,
) -> Option<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for key in namespace.list_keys("").await.ok()? {
        let value = namespace.get(&key).await.ok()??;
        found.insert(key, value);
    }
    Some(found)
}

#[tokio::test]
async fn a_change_that_was_made_before_the_disk_failed_is_acknowledged() {
    let disk = TestDisk::new();
    let store = on(&disk);
    let namespace = orders(&store);
    namespace.set("a", vec![1]).await.unwrap();
    // The second of the two steps of a commit, which is done all the same.
    disk.fail(Fault { acts: &[Act::Sync], after: 1, times: 1, wrong: Wrong::DoneAndError(ErrorKind::Other) });
    namespace.set("a", vec![2]).await.unwrap();
    assert_eq!(disk.mend(), 1);
    assert_eq!(namespace.get("a").await.unwrap(), Some(vec![2]));
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_again_answers_and_opens_when_it_can() {
    let disk = TestDisk::new();
    let store = on(&disk);
    let namespace = orders(&store);
    namespace.set("a", vec![1; 5_000]).await.unwrap();
    disk.fail(always(&[Act::Read, Act::Write, Act::WriteFirst], Wrong::Error(ErrorKind::Other)));
    for _ in 0..3 {
        assert!(is_failed(&namespace.set("b", vec![2; 5_000]).await));
        assert!(is_failed(&namespace.get("a").await));
    }
    assert_eq!(store.status().reopened, 0);
    disk.mend();
    assert_eq!(namespace.get("a").await.unwrap().unwrap(), [1; 5_000]);
    namespace.set("b", vec![3]).await.unwrap();
    assert_eq!(contents(&*namespace).await.len(), 2);
    assert!(!store.status().is_failing);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_makes_room_on_a_full_disk_does_not_fail_with_those_who_ask_for_more() {
    let disk = TestDisk::new();
    let store = on(&disk);
    let (tidy, greedy) = (orders(&store), store.namespace(&address("shop/greedy"), PLENTY));
    for number in 0..20 {
        tidy.set(&number.to_string(), vec![1; 100_000]).await.unwrap();
    }
    // No room for a longer file, and enough in it as it is.
    disk.fail(always(&[Act::SetLen], Wrong::Error(ErrorKind::StorageFull)));
    let flood = tokio::spawn(async move {
        let mut refused = 0;
        for number in 0..20 {
            refused += u32::from(is_full(&greedy.set(&number.to_string(), vec![2; 1 << 20]).await));
        }
        refused
    });
    for number in 0..20 {
        assert!(tidy.delete(&number.to_string()).await.unwrap());
    }
    assert!(flood.await.unwrap() > 0, "the disk was not full");
    assert!(contents(&*tidy).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_inside_is_an_answer_for_all_who_wait() {
    let bytes = 1 << 20;
    // More than the cache holds, so that something has to be read of the medium.
    let number = 4 + CACHE_BYTES / bytes;
    for acts in [&[Act::Write], &[Act::Read]] {
        let disk = TestDisk::new();
        let store = on(&disk);
        let all: Vec<_> = (0..number)
            .map(|number| store.namespace(&address(&format!("shop/n-{number}")), PLENTY))
            .collect();
        for namespace in &all {
            namespace.set("a", vec![1; bytes]).await.unwrap();
        }
        disk.fail(always(acts, Wrong::Panic));
        let waiting: Vec<_> = all
            .iter()
            .map(|namespace| {
                let namespace = Arc::clone(namespace);
                tokio::spawn(
                    async move { (namespace.get("a").await, namespace.set("b", vec![1; 20_000]).await) },
                )
            })
            .collect();
        let mut failed = (0, 0);
        for wait in waiting {
            let (got, set) = wait.await.unwrap();
            failed.0 += usize::from(is_failed(&got));
            failed.1 += usize::from(is_failed(&set));
        }
        assert!(if acts[0] == Act::Write { failed.1 == number } else { failed.0 > 0 }, "{failed:?}");
        disk.mend();
        for namespace in &all {
            namespace.set("b", vec![2]).await.unwrap();
            assert_eq!(contents(&**namespace).await.len(), 2);
        }
    }
}
