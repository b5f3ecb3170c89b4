//! Keys, values and listings, to their bounds, and who sees them.

use std::sync::Arc;

use airssys_wasm_core::{KeyValueStore, StorageError};
use airssys_wasm_storage::{LISTED_KEY_BYTES, MAX_KEY_BYTES, MAX_KEYS, MAX_LISTING_BYTES, MAX_VALUE_BYTES};

use crate::support::{PLENTY, address, contents, in_memory, orders};

#[tokio::test]
async fn what_is_set_is_there_until_it_is_deleted() {
    let namespace = orders(&in_memory());
    assert_eq!(namespace.get("a").await.unwrap(), None);
    assert!(!namespace.exists("a").await.unwrap());
    assert!(!namespace.delete("a").await.unwrap());
    namespace.set("a", b"one".to_vec()).await.unwrap();
    namespace.set("a", b"two!".to_vec()).await.unwrap();
    assert_eq!(namespace.get("a").await.unwrap().unwrap(), b"two!");
    assert!(namespace.exists("a").await.unwrap());
    assert_eq!(namespace.usage().await.unwrap().used_bytes, 5);
    assert!(namespace.delete("a").await.unwrap());
    assert_eq!(namespace.get("a").await.unwrap(), None);
    let usage = namespace.usage().await.unwrap();
    assert_eq!((usage.used_bytes, usage.keys, usage.quota_bytes), (0, 0, PLENTY));
}

#[tokio::test]
async fn keys_have_one_to_their_bound_of_bytes() {
    let namespace = orders(&in_memory());
    // Two bytes each, so that characters are not what counts.
    let longest = "é".repeat(MAX_KEY_BYTES / 2);
    let beyond = format!("{longest}a");
    for key in ["a", "\0", "/", &longest] {
        namespace.set(key, vec![1]).await.unwrap();
        assert!(namespace.compare_and_swap(key, Some(vec![1]), vec![2]).await.unwrap());
        assert_eq!(namespace.get(key).await.unwrap(), Some(vec![2]));
        assert!(namespace.exists(key).await.unwrap());
        assert!(namespace.delete(key).await.unwrap());
    }
    for (key, is_refusal) in [
        ("", (|error| matches!(error, StorageError::InvalidKey(_))) as fn(&StorageError) -> bool),
        (&beyond, |error| matches!(error, StorageError::TooLarge { what: "a key", max_bytes: 512 })),
    ] {
        assert!(is_refusal(&namespace.set(key, Vec::new()).await.unwrap_err()));
        assert!(is_refusal(&namespace.get(key).await.unwrap_err()));
        assert!(is_refusal(&namespace.delete(key).await.unwrap_err()));
        assert!(is_refusal(&namespace.exists(key).await.unwrap_err()));
        assert!(is_refusal(&namespace.compare_and_swap(key, None, Vec::new()).await.unwrap_err()));
    }
    assert_eq!(namespace.list_keys(&beyond).await.unwrap(), Vec::<String>::new());
    assert!(contents(&*namespace).await.is_empty());
}

#[tokio::test]
async fn values_have_none_to_their_bound_of_bytes() {
    let namespace = orders(&in_memory());
    for bytes in [0, 1, 4_063, 4_064, 4_065, 8_128, 65_536, MAX_VALUE_BYTES - 1, MAX_VALUE_BYTES, 4_064, 0] {
        let value: Vec<u8> = (0..bytes).map(|at| (at % 251) as u8).collect();
        namespace.set("a", value.clone()).await.unwrap();
        assert_eq!(namespace.get("a").await.unwrap().unwrap(), value, "{bytes}");
        assert_eq!(namespace.usage().await.unwrap().used_bytes, bytes as u64 + 1);
    }
    let beyond = vec![0; MAX_VALUE_BYTES + 1];
    let is_refused = |result: Result<bool, StorageError>| {
        matches!(result, Err(StorageError::TooLarge { max_bytes: 1_048_576, .. }))
    };
    assert!(is_refused(namespace.set("a", beyond.clone()).await.map(|()| true)));
    assert!(is_refused(namespace.compare_and_swap("a", None, beyond.clone()).await));
    assert!(is_refused(namespace.compare_and_swap("a", Some(beyond), Vec::new()).await));
    assert_eq!(namespace.get("a").await.unwrap(), Some(Vec::new()));
}

#[tokio::test]
async fn keys_are_listed_in_the_order_of_their_bytes() {
    let namespace = orders(&in_memory());
    let keys = ["b", "a/", "a", "a0", "\0", "a\u{10ffff}", "ä", "Z", "a\u{7f}", "日本", "a/é", "a//"];
    for key in keys {
        namespace.set(key, Vec::new()).await.unwrap();
    }
    let mut sorted = keys.to_vec();
    sorted.sort_unstable_by_key(|key| key.as_bytes());
    assert_eq!(namespace.list_keys("").await.unwrap(), sorted);
    for prefix in ["a", "a/", "a//", "b", "c", "\u{10ffff}", "日", "\0", "\0\0"] {
        let expected: Vec<_> = sorted.iter().filter(|key| key.starts_with(prefix)).copied().collect();
        assert_eq!(namespace.list_keys(prefix).await.unwrap(), expected, "{prefix:?}");
    }
}

#[tokio::test]
async fn nobody_sees_what_others_have() {
    let store = in_memory();
    let names = ["shop/a", "shop/ab", "shop/a-b", "a/shop", "shopa/b"];
    let all: Vec<Arc<dyn KeyValueStore>> =
        names.iter().map(|name| store.namespace(&address(name), PLENTY)).collect();
    for (namespace, name) in all.iter().zip(names) {
        for key in ["same", "", "b", "/b", "\0", "\u{10ffff}", name] {
            if !key.is_empty() {
                namespace.set(key, format!("{name} has {key}").into_bytes()).await.unwrap();
            }
        }
    }
    for (namespace, name) in all.iter().zip(names) {
        let found = contents(&**namespace).await;
        assert_eq!(found.len(), 6);
        assert!(found.iter().all(|(key, value)| *value == format!("{name} has {key}").into_bytes()));
    }
    assert!(all[0].delete("same").await.unwrap());
    assert!(all[1].exists("same").await.unwrap());
}

#[tokio::test]
async fn instances_of_a_component_share_what_it_has() {
    let store = in_memory();
    store.namespace(&address("shop/a/0"), 100).set("key", vec![1]).await.unwrap();
    let other = store.namespace(&address("shop/a/1"), 200);
    assert_eq!(other.get("key").await.unwrap(), Some(vec![1]));
    assert_eq!(other.usage().await.unwrap().quota_bytes, 200);
}

#[tokio::test]
async fn a_listing_ends_at_its_bound() {
    let namespace = orders(&in_memory());
    let each = 480 + LISTED_KEY_BYTES;
    let most = MAX_LISTING_BYTES / each;
    assert_eq!(most * each, MAX_LISTING_BYTES, "the bound is met exactly");
    for number in 0..most {
        namespace.set(&format!("{number:0480}"), Vec::new()).await.unwrap();
    }
    assert_eq!(namespace.list_keys("").await.unwrap().len(), most);
    namespace.set("z", Vec::new()).await.unwrap();
    let refused = namespace.list_keys("").await.unwrap_err();
    assert!(matches!(refused, StorageError::TooLarge { what: "a listing", max_bytes: 1_048_576 }));
    assert_eq!(namespace.list_keys("0").await.unwrap().len(), most);
    assert_eq!(namespace.list_keys("z").await.unwrap(), ["z"]);
}

#[tokio::test]
async fn one_key_more_than_the_bound_is_refused() {
    let store = in_memory();
    let namespace = orders(&store);
    // Each operation is a transaction, which takes a while that many times.
    for number in 0..MAX_KEYS {
        namespace.set(&number.to_string(), Vec::new()).await.unwrap();
    }
    let beyond = |result: Result<bool, StorageError>| {
        matches!(result, Err(StorageError::TooManyKeys { max: MAX_KEYS }))
    };
    assert!(beyond(namespace.set("more", Vec::new()).await.map(|()| true)));
    assert!(beyond(namespace.compare_and_swap("more", None, Vec::new()).await));
    assert!(!namespace.compare_and_swap("more", Some(Vec::new()), Vec::new()).await.unwrap());
    namespace.set("7", vec![1]).await.unwrap();
    assert_eq!(namespace.usage().await.unwrap().keys, MAX_KEYS);
    store.namespace(&address("shop/other"), 10).set("own", Vec::new()).await.unwrap();
    assert!(namespace.delete("7").await.unwrap());
    namespace.set("more", Vec::new()).await.unwrap();
    assert_eq!(namespace.usage().await.unwrap().keys, MAX_KEYS);
}
