//! Hosts that are processes of their own: killed in the middle of acknowledged writes, or limited by the operating
//! system. Such a process is this program again, with the same test and a variable that names the folder.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use airssys_wasm_core::StorageError;
use airssys_wasm_storage::{Store, StoreConfig};

use crate::support::{PLENTY, address, contents, orders};

const COMPONENTS: usize = 3;

const FOLDER: &str = "AIRSSYS_STORE_TEST_FOLDER";

/// The folder, where this process is the host that a test has started.
fn folder_of_host() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// Writes, overwrites and deletes, and says so when it was acknowledged. It ends by being killed.
async fn write_for_ever(folder: &Path) {
    let store = Store::open(folder, StoreConfig::default()).unwrap();
    let tasks: Vec<_> = (0..COMPONENTS)
        .map(|component| {
            let namespace = store.namespace(&address(&format!("shop/n-{component}")), PLENTY);
            tokio::spawn(async move {
                let first: u64 = match namespace.get("round").await.unwrap() {
                    Some(bytes) => u64::from_le_bytes(bytes.try_into().unwrap()) + 1,
                    None => 0,
                };
                for round in first.. {
                    let key = format!("key/{}", round % 10);
                    if round % 7 == 3 {
                        namespace.delete(&key).await.unwrap();
                    } else {
                        namespace.set(&key, value(round)).await.unwrap();
                    }
                    namespace.set("round", round.to_le_bytes().to_vec()).await.unwrap();
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "acknowledged {component} {round}").unwrap();
                    out.flush().unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

fn value(round: u64) -> Vec<u8> {
    let bytes = (round * 2_711 % 30_000) as usize;
    std::iter::repeat_n(round.to_le_bytes(), bytes / 8 + 1).flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_acknowledged_outlives_a_killed_host() {
    if let Some(folder) = folder_of_host() {
        return write_for_ever(&folder).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = [None; COMPONENTS];
    for round in 0..8 {
        let mut host = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "hosts::everything_acknowledged_outlives_a_killed_host", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(host.stdout.take().unwrap()).lines();
        let mut told = 0;
        let mut take = |line: String, acknowledged: &mut [Option<u64>; COMPONENTS]| {
            // The test harness has lines of its own, and the last one may be cut.
            if let Some(rest) = line.split_once("acknowledged ").map(|(_, rest)| rest)
                && let Some((component, number)) = rest.split_once(' ')
                && let (Ok(component), Ok(number)) = (component.parse::<usize>(), number.parse::<u64>())
                && acknowledged[component].is_none_or(|last| number == last + 1 || number == last + 2)
            {
                acknowledged[component] = Some(number);
                told += 1;
            }
            told
        };
        while take(lines.next().expect("the host goes on").unwrap(), &mut acknowledged) < 20 + 13 * round {}
        host.kill().unwrap();
        // What it had said before it died counts too.
        while let Some(Ok(line)) = lines.next() {
            take(line, &mut acknowledged);
        }
        host.wait().unwrap();
        check(folder.path(), &acknowledged).await;
    }
}

async fn check(folder: &Path, acknowledged: &[Option<u64>; COMPONENTS]) {
    let store = Store::open(folder, StoreConfig::default()).unwrap();
    for (component, last) in acknowledged.iter().enumerate() {
        let Some(last) = *last else { continue };
        let namespace = store.namespace(&address(&format!("shop/n-{component}")), PLENTY);
        let found = contents(&*namespace).await;
        let round = u64::from_le_bytes(found["round"].as_slice().try_into().unwrap());
        // One more round may be done than was told.
        assert!(round == last || round == last + 1, "{round} is there, {last} was acknowledged");
        for number in round.saturating_sub(8)..=round {
            let key = format!("key/{}", number % 10);
            // The next round may have begun, with the next key.
            let expected = (number % 7 != 3).then(|| value(number));
            assert_eq!(found.get(&key), expected.as_ref(), "{key} of round {number}");
        }
    }
    store.close().await;
}

/// Fills the disk that this process has, makes room and goes on.
#[cfg(unix)]
async fn fill(folder: &Path) {
    let store = Store::open(folder, StoreConfig::default()).unwrap();
    let namespace = orders(&store);
    let mut kept = 0;
    let refused = loop {
        match namespace.set(&format!("{kept:03}"), vec![kept as u8; 300_000]).await {
            Ok(()) => kept += 1,
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, StorageError::Full(_)), "{refused:?}");
    assert!(kept > 3, "{kept}");
    assert!(store.status().is_failing);
    let found = contents(&*namespace).await;
    assert_eq!(found.len(), kept);
    assert!(found.iter().all(|(key, value)| *value == vec![key.parse::<usize>().unwrap() as u8; 300_000]));
    assert!(namespace.delete("000").await.unwrap());
    assert!(namespace.delete("001").await.unwrap());
    namespace.set("again", vec![1; 300_000]).await.unwrap();
    assert!(!store.status().is_failing);
    store.close().await;
    let store = Store::open(folder, StoreConfig::default()).unwrap();
    assert_eq!(contents(&*orders(&store)).await.len(), kept - 1);
    println!("was full and went on");
}

#[cfg(unix)]
#[tokio::test]
async fn a_limit_of_the_operating_system_is_a_full_disk() {
    if let Some(folder) = folder_of_host() {
        return fill(&folder).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let ended = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8192; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "hosts::a_limit_of_the_operating_system_is_a_full_disk", "--nocapture"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}\n{}", String::from_utf8_lossy(&ended.stderr));
    assert!(said.contains("was full and went on"), "{said}");
}
