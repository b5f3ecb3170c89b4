//! A quota, to its last byte.

use airssys_wasm_core::StorageError;

use crate::support::{PLENTY, address, contents, in_memory};

fn needed<T>(result: Result<T, StorageError>) -> Option<(u64, u64)> {
    match result {
        Err(StorageError::QuotaExceeded { needed_bytes, quota_bytes }) => Some((needed_bytes, quota_bytes)),
        _ => None,
    }
}

#[tokio::test]
async fn a_quota_is_used_to_its_last_byte_and_no_further() {
    let store = in_memory();
    let namespace = store.namespace(&address("shop/orders"), 10);
    namespace.set("ab", vec![0; 8]).await.unwrap();
    assert_eq!(needed(namespace.set("c", Vec::new()).await), Some((11, 10)));
    assert_eq!(needed(namespace.set("ab", vec![0; 9]).await), Some((11, 10)));
    namespace.set("ab", vec![1; 7]).await.unwrap();
    namespace.set("c", Vec::new()).await.unwrap();
    assert_eq!(needed(namespace.set("c", vec![0]).await), Some((11, 10)));
    assert_eq!(contents(&*namespace).await.len(), 2);
    let none = store.namespace(&address("shop/none"), 0);
    assert_eq!(needed(none.set("a", Vec::new()).await), Some((1, 0)));
    assert!(!none.delete("a").await.unwrap());
    let boundless = store.namespace(&address("shop/boundless"), u64::MAX);
    boundless.set("a", vec![0; 100]).await.unwrap();
    assert_eq!(boundless.usage().await.unwrap().quota_bytes, u64::MAX);
}

#[tokio::test]
async fn a_lowered_quota_locks_nobody_out_of_what_is_there() {
    let store = in_memory();
    let large = store.namespace(&address("shop/orders"), PLENTY);
    for key in ["a", "b", "c"] {
        large.set(key, vec![0; 100]).await.unwrap();
    }
    let small = store.namespace(&address("shop/orders"), 50);
    assert_eq!(small.get("a").await.unwrap().unwrap().len(), 100);
    assert_eq!(needed(small.set("a", vec![0; 101]).await), Some((304, 50)));
    small.set("a", vec![1; 100]).await.unwrap();
    small.set("a", vec![2; 10]).await.unwrap();
    assert!(small.delete("b").await.unwrap());
    assert_eq!(needed(small.set("d", Vec::new()).await), Some((113, 50)));
    assert!(small.delete("c").await.unwrap());
    assert_eq!(needed(small.set("d", vec![0; 39]).await), Some((51, 50)));
    small.set("d", vec![0; 38]).await.unwrap();
    assert_eq!(small.usage().await.unwrap().used_bytes, 50);
}

#[tokio::test]
async fn a_swap_asks_for_the_quota_only_where_it_would_write() {
    let store = in_memory();
    let namespace = store.namespace(&address("shop/orders"), 10);
    namespace.set("a", vec![1; 9]).await.unwrap();
    assert!(!namespace.compare_and_swap("a", None, vec![0; 99]).await.unwrap());
    assert!(!namespace.compare_and_swap("a", Some(vec![2; 9]), vec![0; 99]).await.unwrap());
    assert!(!namespace.compare_and_swap("b", Some(Vec::new()), vec![0; 99]).await.unwrap());
    assert_eq!(needed(namespace.compare_and_swap("a", Some(vec![1; 9]), vec![0; 10]).await), Some((11, 10)));
    assert_eq!(needed(namespace.compare_and_swap("b", None, Vec::new()).await), Some((11, 10)));
    assert!(namespace.compare_and_swap("a", Some(vec![1; 9]), vec![3; 9]).await.unwrap());
    assert_eq!(contents(&*namespace).await["a"], [3; 9]);
}

#[tokio::test]
async fn a_refusal_changes_nothing_and_is_no_transaction() {
    let store = in_memory();
    let namespace = store.namespace(&address("shop/orders"), 2);
    let before = store.status();
    assert!(needed(namespace.set("abc", Vec::new()).await).is_some());
    assert!(!namespace.delete("abc").await.unwrap());
    assert!(!namespace.compare_and_swap("abc", Some(vec![1]), Vec::new()).await.unwrap());
    assert_eq!(store.status(), before);
}
