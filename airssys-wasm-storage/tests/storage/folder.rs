//! The folder of a store.

use std::fs;

use airssys_wasm_storage::{Store, StoreConfig, StoreError};

use crate::support::{contents, orders};

fn open(folder: &std::path::Path) -> Result<Store, StoreError> {
    Store::open(folder, StoreConfig::default())
}

#[cfg(unix)]
#[test]
fn a_new_folder_and_its_files_are_the_users_own() {
    use std::os::unix::fs::PermissionsExt;

    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("deep/data");
    let _store = open(&folder).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(files.iter().all(|file| mode(file) == 0o600));
}

#[tokio::test]
async fn a_host_that_ended_while_it_made_a_store_leaves_no_half_of_one() {
    let folder = tempfile::tempdir().unwrap();
    // What a crash leaves: the length is set, and the first page not yet written.
    fs::write(folder.path().join("store.redb.new"), vec![0; 100_000]).unwrap();
    let store = open(folder.path()).unwrap();
    orders(&store).set("a", vec![1]).await.unwrap();
    drop(store);
    assert_eq!(contents(&*orders(&open(folder.path()).unwrap())).await.len(), 1);
}

#[test]
fn a_folder_that_cannot_be_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"no folder").unwrap();
    assert!(matches!(open(&file), Err(StoreError::Folder { path, .. }) if path == file));
    assert!(matches!(open(&file.join("deeper")), Err(StoreError::Folder { .. })));
    fs::create_dir(folder.path().join("store.redb")).unwrap();
    assert!(matches!(open(folder.path()), Err(StoreError::Folder { .. })));
}
