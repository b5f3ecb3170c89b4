//! Swaps among many at once.

use std::sync::Arc;

use airssys_wasm_core::KeyValueStore;
use airssys_wasm_storage::{Store, StoreConfig};

use crate::support::{address, in_memory, orders};

#[tokio::test]
async fn a_swap_writes_where_the_value_is_as_expected() {
    let namespace = orders(&in_memory());
    assert!(!namespace.compare_and_swap("a", Some(Vec::new()), vec![1]).await.unwrap());
    assert!(namespace.compare_and_swap("a", None, Vec::new()).await.unwrap());
    assert!(!namespace.compare_and_swap("a", None, vec![1]).await.unwrap());
    assert!(namespace.compare_and_swap("a", Some(Vec::new()), vec![1; 9_000]).await.unwrap());
    let mut nearly = vec![1; 9_000];
    nearly[8_999] = 2;
    assert!(!namespace.compare_and_swap("a", Some(nearly), vec![2]).await.unwrap());
    assert!(namespace.compare_and_swap("a", Some(vec![1; 9_000]), vec![2]).await.unwrap());
    assert_eq!(namespace.get("a").await.unwrap(), Some(vec![2]));
}

async fn add(namespace: Arc<dyn KeyValueStore>, times: u64) {
    for _ in 0..times {
        loop {
            let present = namespace.get("count").await.unwrap();
            let count = present.as_deref().map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().unwrap()));
            let next = (count + 1).to_le_bytes().to_vec();
            if namespace.compare_and_swap("count", present, next).await.unwrap() {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_tasks_count_together_and_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), StoreConfig::default()).unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|instance| {
            let namespace = store.namespace(&address(&format!("shop/orders/{instance}")), 1_000);
            tokio::spawn(add(namespace, 25))
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let count = orders(&store).get("count").await.unwrap().unwrap();
    assert_eq!(u64::from_le_bytes(count.try_into().unwrap()), 200);
}
