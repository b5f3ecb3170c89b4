//! How a store ends.

use std::time::Duration;

use airssys_wasm_core::StorageError;
use airssys_wasm_storage::{Store, StoreConfig, StoreError};

use crate::support::{TestDisk, contents, is_failed, on, orders};

fn open(folder: &std::path::Path) -> Result<Store, StoreError> {
    Store::open(folder, StoreConfig::default())
}

#[tokio::test]
async fn one_folder_has_one_store_until_its_last_handle_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let namespace = orders(&store);
    namespace.set("a", vec![1]).await.unwrap();
    assert!(matches!(open(folder.path()), Err(StoreError::Locked { .. })));
    let clone = store.clone();
    drop(store);
    assert!(matches!(open(folder.path()), Err(StoreError::Locked { .. })));
    drop(clone);
    assert_eq!(namespace.get("a").await.unwrap(), Some(vec![1]));
    assert!(matches!(open(folder.path()), Err(StoreError::Locked { .. })));
    drop(namespace);
    for _ in 0..3 {
        let store = open(folder.path()).unwrap();
        assert_eq!(contents(&*orders(&store)).await.len(), 1);
    }
}

#[tokio::test]
async fn a_closed_store_answers_that_it_is_and_its_folder_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let namespace = orders(&store);
    namespace.set("a", vec![1]).await.unwrap();
    store.close().await;
    store.close().await;
    let again = open(folder.path()).unwrap();
    for result in [
        namespace.set("a", vec![2]).await.map(|()| true),
        namespace.delete("a").await,
        namespace.exists("a").await,
        namespace.usage().await.map(|_| true),
    ] {
        assert!(is_failed(&result), "{result:?}");
    }
    assert_eq!(orders(&again).get("a").await.unwrap(), Some(vec![1]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_waits_for_what_was_accepted() {
    let disk = TestDisk::new();
    let store = on(&disk);
    let namespace = orders(&store);
    disk.hold();
    let writing = tokio::spawn(async move { namespace.set("a", vec![1]).await });
    while !disk.is_waiting.load(std::sync::atomic::Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    let mut closing = Box::pin(store.close());
    let waited = tokio::time::timeout(Duration::from_millis(20), &mut closing).await;
    assert!(waited.is_err(), "it closes while a change is written");
    disk.release();
    closing.await;
    writing.await.unwrap().unwrap();
    assert_eq!(contents(&*orders(&on(&disk))).await["a"], [1]);
}

#[test]
fn a_store_outlives_no_runtime_and_needs_none_to_close() {
    let store = crate::support::in_memory();
    let namespace = orders(&store);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let set = namespace.set("a", vec![1]);
    runtime.block_on(set).unwrap();
    drop(runtime);
    drop(store);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let got: Result<_, StorageError> = runtime.block_on(namespace.get("a"));
    assert_eq!(got.unwrap(), Some(vec![1]));
}
