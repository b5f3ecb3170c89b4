//! What is no store, or no longer one, is told and ends nobody.

use std::fs;
use std::sync::Arc;

use airssys_wasm_storage::{Medium, Store, StoreConfig, StoreError};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{TestDisk, on, orders};

fn open(disk: &Arc<TestDisk>) -> Result<Store, StoreError> {
    Store::on(Arc::clone(disk) as Arc<dyn Medium>, StoreConfig::default())
}

/// The bytes of a store with something in it, closed or as a crash leaves it.
async fn bytes(is_closed: bool) -> Vec<u8> {
    let disk = TestDisk::new();
    let store = on(&disk);
    let namespace = orders(&store);
    for number in 0..40 {
        namespace.set(&format!("key/{number}"), vec![number; 500 * usize::from(number)]).await.unwrap();
    }
    namespace.delete("key/7").await.unwrap();
    if is_closed {
        store.close().await;
    }
    disk.bytes()
}

#[tokio::test]
async fn what_is_no_store_is_refused() {
    for file in [vec![7], vec![0; 10], vec![0; 1 << 20], b"#!/bin/sh\necho a program\n".repeat(1_000)] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("store.redb"), &file).unwrap();
        let refused = Store::open(folder.path(), StoreConfig::default()).unwrap_err();
        assert!(matches!(refused, StoreError::Damaged(_)), "{refused:?}");
        assert_eq!(fs::read(folder.path().join("store.redb")).unwrap(), file, "it is left as it is");
    }
}

#[tokio::test]
async fn a_store_that_was_cut_short_is_refused() {
    for is_closed in [true, false] {
        let whole = bytes(is_closed).await;
        for kept in [1, 8, 9, 100, 320, 4_095, 4_096, 8_192, whole.len() / 2, whole.len() - 4_096] {
            let cut = TestDisk::of(whole[..kept].to_vec());
            assert!(matches!(open(&cut), Err(StoreError::Damaged(_))), "{kept} of {}", whole.len());
        }
    }
}

/// Whatever is damaged, opening and each operation come back with an answer.
#[test]
fn damage_anywhere_is_an_answer_and_no_panic() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let wholes = [runtime.block_on(bytes(true)), runtime.block_on(bytes(false))];
    let spots =
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 1_usize..64, any::<bool>()), 1..6);
    let mut runner = TestRunner::new(Config { cases: 150, failure_persistence: None, ..Config::default() });
    let damaged = runner.run(&(any::<bool>(), spots), |(is_closed, spots)| {
        let mut file = wholes[usize::from(is_closed)].clone();
        for (at, byte, length, is_header) in spots {
            // The first page says where everything lies; else most damage would hit values.
            let at = if is_header { at.index(320) } else { at.index(file.len()) };
            let end = file.len().min(at + length);
            file[at..end].fill(byte);
        }
        runtime.block_on(async {
            if let Ok(store) = open(&TestDisk::of(file)) {
                let namespace = orders(&store);
                let _ = namespace.usage().await;
                for key in namespace.list_keys("").await.unwrap_or_default() {
                    let _ = namespace.get(&key).await;
                    let _ = namespace.compare_and_swap(&key, Some(vec![1]), vec![2]).await;
                }
                let _ = namespace.set("key/3", vec![1; 5_000]).await;
                let _ = namespace.delete("key/4").await;
                store.close().await;
            }
        });
        Ok(())
    });
    damaged.unwrap();
}
