//! How much room is taken by what is stored.

use std::sync::Arc;

use airssys_wasm_storage::{MAX_VALUE_BYTES, Medium, Store, StoreConfig};

use crate::support::{TestDisk, address, contents, on, orders};

fn len(disk: &Arc<TestDisk>) -> u64 {
    Medium::len(&**disk).unwrap()
}

#[tokio::test]
async fn ten_thousand_overwrites_of_one_value_take_the_room_of_a_few() {
    let disk = TestDisk::new();
    let store = on(&disk);
    let namespace = orders(&store);
    let mut most = 0;
    for round in 0..10_000_u32 {
        namespace.set("a", vec![round as u8; 65_536]).await.unwrap();
        most = most.max(len(&disk));
    }
    // The file begins at a mebibyte and grows by doubling.
    assert!(most <= 2 * 1024 * 1024, "{most}");
    assert_eq!(namespace.get("a").await.unwrap().unwrap(), [9_999_u32 as u8; 65_536]);
}

#[tokio::test]
async fn values_take_little_more_than_their_bytes() {
    for bytes in [100, 4_096, 65_536, MAX_VALUE_BYTES] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), StoreConfig::default()).unwrap();
        let total = 16 * 1024 * 1024;
        let each = (total / bytes).min(2_000);
        let tasks: Vec<_> = (0..8)
            .map(|number| {
                let namespace = store.namespace(&address(&format!("shop/n-{number}")), u64::MAX);
                tokio::spawn(async move {
                    for key in 0..each / 8 {
                        namespace.set(&format!("key/{key}"), vec![7; bytes]).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        store.close().await;
        let stored = (each / 8 * 8 * bytes) as u64;
        let file = std::fs::metadata(folder.path().join("store.redb")).unwrap();
        // It grows by doubling, and what of it was never written takes no room on the disk.
        assert!(
            file.len() < stored * 21 / 10 + 1024 * 1024,
            "{} for {stored} in values of {bytes}",
            file.len()
        );
        #[cfg(unix)]
        {
            let taken = std::os::unix::fs::MetadataExt::blocks(&file) * 512;
            assert!(taken < stored * 5 / 4 + 1024 * 1024, "{taken} for {stored} in values of {bytes}");
        }
    }
}

#[tokio::test]
async fn room_that_was_given_back_is_taken_again_for_values_of_any_size() {
    let disk = TestDisk::new();
    let store = on(&disk);
    let namespace = orders(&store);
    let quota = 8 * 1024 * 1024;
    let mut most = 0;
    for bytes in [4_000, MAX_VALUE_BYTES, 100_000, 10_000, MAX_VALUE_BYTES] {
        // Every second one goes first, so that what is free lies scattered.
        let keys = namespace.list_keys("").await.unwrap();
        for key in keys.iter().step_by(2).chain(keys.iter().skip(1).step_by(2)) {
            assert!(namespace.delete(key).await.unwrap());
            if namespace.usage().await.unwrap().used_bytes + (bytes as u64) < quota {
                namespace
                    .set(&format!("{bytes}/{key}").chars().take(60).collect::<String>(), vec![1; bytes])
                    .await
                    .unwrap();
            }
        }
        let mut number = 0;
        while namespace.usage().await.unwrap().used_bytes + (bytes as u64) + 60 < quota {
            namespace.set(&format!("{bytes}-{number}"), vec![1; bytes]).await.unwrap();
            number += 1;
        }
        most = most.max(len(&disk));
    }
    contents(&*namespace).await;
    assert!(most <= 4 * quota, "{most}");
}
