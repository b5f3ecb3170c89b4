//! Random operations of several components, against maps.

use std::collections::BTreeMap;

use airssys_wasm_core::{KeyValueStore, StorageError};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{TestDisk, address, contents, on};

#[derive(Debug, Clone)]
enum Step {
    Get(String),
    Set(String, Vec<u8>),
    Delete(String),
    Swap(String, Option<Vec<u8>>, Vec<u8>),
    /// With what is there.
    SwapRight(String, Vec<u8>),
    List(String),
    Reopen,
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[ab/]{1,3}", "\\PC{1,6}", Just("\0".to_owned())]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop_oneof![Just(0), 1..50_usize, 4_060..4_070_usize, Just(12_345)];
    (bytes, any::<u8>()).prop_map(|(bytes, byte)| vec![byte; bytes])
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => key().prop_map(Step::Get),
        5 => (key(), value()).prop_map(|(key, value)| Step::Set(key, value)),
        3 => key().prop_map(Step::Delete),
        1 => (key(), prop::option::of(value()), value()).prop_map(|(key, old, new)| Step::Swap(key, old, new)),
        2 => (key(), value()).prop_map(|(key, new)| Step::SwapRight(key, new)),
        2 => prop_oneof![Just(String::new()), key()].prop_map(Step::List),
        1 => Just(Step::Reopen),
    ]
}

type Map = BTreeMap<String, Vec<u8>>;

/// The bytes of a map after a value was written.
fn used(map: &Map) -> u64 {
    map.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum()
}

/// Writes as a store does; false where the quota refuses it.
fn write(map: &mut Map, key: &str, value: &[u8], quota: u64) -> bool {
    let mut changed = map.clone();
    changed.insert(key.to_owned(), value.to_vec());
    let is_allowed = used(&changed) <= used(map) || used(&changed) <= quota;
    if is_allowed {
        *map = changed;
    }
    is_allowed
}

fn allowed<T>(result: Result<T, StorageError>) -> Option<T> {
    match result {
        Ok(done) => Some(done),
        Err(StorageError::QuotaExceeded { needed_bytes, quota_bytes }) if needed_bytes > quota_bytes => None,
        Err(other) => panic!("{other}"),
    }
}

async fn apply(namespace: &dyn KeyValueStore, map: &mut Map, step: &Step, quota: u64) {
    match step {
        Step::Get(key) => {
            assert_eq!(namespace.get(key).await.unwrap().as_ref(), map.get(key));
            assert_eq!(namespace.exists(key).await.unwrap(), map.contains_key(key));
        }
        Step::Set(key, value) => {
            let done = allowed(namespace.set(key, value.clone()).await);
            assert_eq!(done.is_some(), write(map, key, value, quota));
        }
        Step::Delete(key) => assert_eq!(namespace.delete(key).await.unwrap(), map.remove(key).is_some()),
        Step::Swap(key, old, new) => swap(namespace, map, key, old.clone(), new, quota).await,
        Step::SwapRight(key, new) => swap(namespace, map, key, map.get(key).cloned(), new, quota).await,
        Step::List(prefix) => {
            let expected: Vec<_> = map.keys().filter(|key| key.starts_with(prefix)).cloned().collect();
            assert_eq!(namespace.list_keys(prefix).await.unwrap(), expected);
        }
        Step::Reopen => unreachable!(),
    }
    let usage = namespace.usage().await.unwrap();
    assert_eq!((usage.used_bytes, usage.keys), (used(map), map.len() as u64));
}

async fn swap(
    namespace: &dyn KeyValueStore,
    map: &mut Map,
    key: &str,
    old: Option<Vec<u8>>,
    new: &[u8],
    quota: u64,
) {
    let would_write = map.get(key) == old.as_ref();
    let done = allowed(namespace.compare_and_swap(key, old, new.to_vec()).await);
    let expected = if !would_write {
        Some(false)
    } else if write(map, key, new, quota) {
        Some(true)
    } else {
        None
    };
    assert_eq!(done, expected);
}

#[test]
fn a_store_is_as_maps_are() {
    const QUOTA: u64 = 20_000;
    const COMPONENTS: [&str; 3] = ["shop/a", "shop/ab", "shop/b"];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 80, failure_persistence: None, ..Config::default() });
    let steps = prop::collection::vec((0..COMPONENTS.len(), step()), 1..60);
    let result = runner.run(&steps, |steps| {
        runtime.block_on(async {
            let disk = TestDisk::new();
            let mut store = on(&disk);
            let mut maps: [Map; 3] = Default::default();
            for (component, step) in &steps {
                if let Step::Reopen = step {
                    store.close().await;
                    store = on(&disk);
                    continue;
                }
                let namespace = store.namespace(&address(COMPONENTS[*component]), QUOTA);
                apply(&*namespace, &mut maps[*component], step, QUOTA).await;
            }
            for (component, map) in COMPONENTS.iter().zip(&maps) {
                let namespace = store.namespace(&address(component), QUOTA);
                assert_eq!(contents(&*namespace).await, *map);
            }
        });
        Ok(())
    });
    result.unwrap();
}
