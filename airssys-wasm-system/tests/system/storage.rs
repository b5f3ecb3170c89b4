//! What components keep: whose it is, how much of it there may be, and how long it lasts.

use std::fs;
use std::path::Path;

use airssys_wasm_core::{Ceilings, ResourceLimitError};
use airssys_wasm_system::{
    AuditLocation, Component, ComponentRef, Event, EventStream, Host, StoreError, SystemError, WarnedLimit,
};
use serde_json::Value;

use crate::support::{at_once, file, guest, host};

const QUOTA_BYTES: u64 = 1_000;

/// The guest that keeps what it is told to, with time for a busy machine.
fn keeper() -> Component {
    guest("keeper")
        .max_fuel(1_000_000_000)
        .timeout_ms(20_000)
        .supervision(at_once(100))
        .storage_quota(QUOTA_BYTES)
}

/// The same guest under another name.
fn keeper_as(address: &str) -> Component {
    let wasm = fs::read(file("keeper")).unwrap();
    let component = Component::from_bytes(address.parse().unwrap(), wasm, 2 << 20);
    component.max_fuel(1_000_000_000).timeout_ms(20_000).storage_quota(QUOTA_BYTES)
}

/// A host that keeps things in this folder.
fn lasting(folder: &Path) -> Host {
    Host::builder().max_instances(64).data_dir(folder).build().unwrap()
}

async fn ask(component: &ComponentRef, order: &str) -> String {
    let reply = component.request(order.to_owned()).await.unwrap();
    String::from_utf8(reply.bytes().to_vec()).unwrap()
}

/// What the log says was denied, as `sender | target | rule | reason`.
fn denials(log: &Path) -> Vec<String> {
    let text = fs::read_to_string(log).unwrap();
    let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let line = |record: Value| {
        let part = |key| record.get(key).and_then(Value::as_str).unwrap().to_owned();
        [part("sender"), part("target"), part("rule"), part("reason")].join(" | ")
    };
    records.filter(|record| record["kind"] == "denied").map(line).collect()
}

/// What was refused so far, as the events tell.
async fn refusals(events: &mut EventStream, count: usize) -> Vec<(String, &'static str, String)> {
    let mut refusals = Vec::new();
    while refusals.len() < count {
        if let Event::AccessDenied { id, rule, target } = events.next().await.unwrap() {
            refusals.push((id.to_string(), rule, target));
        }
    }
    refusals
}

#[tokio::test]
async fn who_has_no_quota_keeps_nothing_and_every_attempt_is_told_counted_and_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("audit.jsonl");
    let host = Host::builder().max_instances(4).audit(AuditLocation::new(&log)).build().unwrap();
    let mut events = host.events();
    let poor = host.start(guest("keeper")).await.unwrap();
    let orders = [
        ("get k", "storage.get"),
        ("set k v", "storage.set"),
        ("delete k", "storage.delete"),
        ("exists k", "storage.exists"),
        ("list k", "storage.list-keys"),
        ("usage", "storage.usage"),
        ("swap-new k v", "storage.compare-and-swap"),
    ];
    for (order, _) in orders {
        assert_eq!(ask(&poor, order).await, "denied: capabilities.storage", "{order}");
    }
    let status = host.statuses().pop().unwrap();
    assert_eq!((status.access_denied, status.denied, status.restarts), (7, 0, 0));
    let told = refusals(&mut events, orders.len()).await;
    let expected =
        orders.map(|(_, target)| ("test/keeper/0".to_owned(), "capabilities.storage", target.to_owned()));
    assert_eq!(told, expected);
    assert_eq!(host.storage_status(), None, "nobody may keep anything, and there is no store");
    host.shutdown().await;
    let expected = orders
        .map(|(_, target)| format!("test/keeper/0 | {target} | capabilities.storage | no quota was granted"));
    assert_eq!(denials(&log), expected);
}

#[tokio::test]
async fn a_quota_holds_to_its_last_byte_and_what_goes_beyond_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("audit.jsonl");
    let host = Host::builder().max_instances(4).audit(AuditLocation::new(&log)).build().unwrap();
    let mut events = host.events();
    let keeper = host.start(keeper()).await.unwrap();
    for (order, expected) in [
        ("usage", "0 1000 0"),
        ("fill key 998", "quota-exceeded"),
        ("fill key 997", "ok"),
        ("usage", "1000 1000 1"),
        ("set k ", "quota-exceeded"),
        ("swap-new k x", "quota-exceeded"),
        ("swap key other x", "false"),
        ("fill key 996", "ok"),
        ("set k ", "ok"),
        ("usage", "1000 1000 2"),
        ("delete key", "true"),
        ("usage", "1 1000 1"),
    ] {
        assert_eq!(ask(&keeper, order).await, expected, "{order}");
    }
    assert_eq!(host.statuses().pop().unwrap().access_denied, 3);
    let told = refusals(&mut events, 3).await;
    let targets: Vec<&str> = told.iter().map(|(_, _, target)| target.as_str()).collect();
    assert_eq!(targets, ["storage.set", "storage.set", "storage.compare-and-swap"]);
    host.shutdown().await;
    let line = |target: &str, bytes: u64| {
        format!("test/keeper/0 | {target} | capabilities.storage | {bytes} bytes where the quota is 1000")
    };
    let expected =
        [line("storage.set", 1_001), line("storage.set", 1_001), line("storage.compare-and-swap", 1_002)];
    assert_eq!(denials(&log), expected);
    let text = fs::read_to_string(&log).unwrap();
    let granted = text.lines().find(|line| line.contains("\"kind\":\"granted\"")).unwrap();
    assert!(granted.contains("quota_bytes = 1000; "), "{granted}");
}

#[tokio::test]
async fn keys_values_and_listings_have_bounds_of_their_own() {
    let host = host();
    let component = guest("keeper").max_fuel(1_000_000_000).timeout_ms(20_000).storage_quota(4 << 20);
    let keeper = host.start(component).await.unwrap();
    assert_eq!(ask(&keeper, "set  v").await, "invalid-argument: invalid key: it is empty");
    let key = "k".repeat(512);
    assert_eq!(ask(&keeper, &format!("set {key} v")).await, "ok");
    assert_eq!(ask(&keeper, &format!("set {key}k v")).await, "too-large: 512");
    assert_eq!(ask(&keeper, &format!("list {key}")).await, format!("1 {key}"));
    assert_eq!(ask(&keeper, &format!("list {key}k")).await, "0");
    assert_eq!(ask(&keeper, "set %C3%A4%00/%0A v").await, "ok", "any text is a key");
    assert_eq!(ask(&keeper, "list %C3%A4").await, "1 \u{e4}\0/\n");
    assert_eq!(host.statuses().pop().unwrap().access_denied, 0, "no bound of these is a matter of rights");
    host.shutdown().await;
}

#[tokio::test]
async fn what_is_kept_outlives_the_instance_and_the_component() {
    let host = host();
    let first = host.start(keeper()).await.unwrap();
    assert_eq!(ask(&first, "set key value").await, "ok");
    first.request("trap").await.unwrap_err();
    assert_eq!(ask(&first, "get key").await, "some value");
    assert_eq!(host.statuses().pop().unwrap().restarts, 1);
    host.stop(first.address()).await.unwrap();
    let second = host.start(keeper().storage_quota(4)).await.unwrap();
    assert_eq!(ask(&second, "get key").await, "some value", "also with a quota that is lower now");
    assert_eq!(ask(&second, "set key other").await, "ok", "which is no larger");
    assert_eq!(ask(&second, "set k more").await, "quota-exceeded");
    assert_eq!(ask(&second, "usage").await, "8 4 1");
    host.kill(second.address()).await.unwrap();
    let third = host.start(keeper()).await.unwrap();
    assert_eq!(ask(&third, "get key").await, "some other");
    host.shutdown().await;
}

#[tokio::test]
async fn what_is_kept_in_a_folder_outlives_the_host_and_in_memory_it_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for (round, expected) in ["none", "some 0", "some 1"].into_iter().enumerate() {
        let host = lasting(&data);
        let keeper = host.start(keeper()).await.unwrap();
        assert_eq!(ask(&keeper, "get key").await, expected);
        assert_eq!(ask(&keeper, &format!("set key {round}")).await, "ok");
        if round == 0 {
            host.shutdown().await;
        } else {
            host.kill_all().await;
        }
        assert!(host.storage_status().is_some_and(|status| status.changes == 1 && !status.is_failing));
    }
    for _ in 0..2 {
        let host = host();
        let keeper = host.start(keeper()).await.unwrap();
        assert_eq!(ask(&keeper, "get key").await, "none");
        assert_eq!(ask(&keeper, "set key value").await, "ok");
        host.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_only_dropped_frees_its_folder_too() {
    let folder = tempfile::tempdir().unwrap();
    let host = lasting(folder.path());
    let keeper = host.start(keeper()).await.unwrap();
    assert_eq!(ask(&keeper, "set key value").await, "ok");
    drop((host, keeper));
    // Its actors end by themselves, and hold the store until then.
    let again = async {
        loop {
            match Host::builder().max_instances(4).data_dir(folder.path()).build() {
                Ok(host) => return host,
                Err(SystemError::Storage(StoreError::Locked { .. })) => tokio::task::yield_now().await,
                Err(other) => panic!("{other}"),
            }
        }
    };
    let host = tokio::time::timeout(std::time::Duration::from_secs(20), again).await.unwrap();
    let keeper = host.start(self::keeper()).await.unwrap();
    assert_eq!(ask(&keeper, "get key").await, "some value");
    host.shutdown().await;
}

#[tokio::test]
async fn a_folder_has_one_host() {
    let folder = tempfile::tempdir().unwrap();
    let first = lasting(folder.path());
    let second = || Host::builder().max_instances(4).data_dir(folder.path()).build();
    let error = second().unwrap_err();
    assert!(matches!(error, SystemError::Storage(StoreError::Locked { .. })), "{error:?}");
    assert_eq!(error.to_string(), "the storage of components cannot be opened");
    first.shutdown().await;
    let second = second().unwrap();
    assert!(matches!(first.start(keeper()).await, Err(SystemError::ShutDown)));
    second.shutdown().await;
    // What is no folder, and what is no store.
    let file = folder.path().join("file");
    fs::write(&file, "text").unwrap();
    let error = Host::builder().max_instances(4).data_dir(&file).build().unwrap_err();
    assert!(matches!(error, SystemError::Storage(StoreError::Folder { .. })), "{error:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_store_that_fails_and_works_again_is_told_and_its_component_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (data, aside) = (folder.path().join("store.redb"), folder.path().join("aside"));
    let host = lasting(folder.path());
    let mut events = host.events();
    let keeper = host.start(keeper()).await.unwrap();
    assert_eq!(ask(&keeper, "set key 1").await, "ok");
    fs::rename(&data, &aside).unwrap();
    assert_eq!(ask(&keeper, "set key 2").await, "closed");
    assert!(host.storage_status().is_some_and(|status| status.is_failing));
    fs::rename(&aside, &data).unwrap();
    assert_eq!(ask(&keeper, "set key 3").await, "ok");
    assert!(host.storage_status().is_some_and(|status| !status.is_failing));
    let status = host.statuses().pop().unwrap();
    assert_eq!((status.restarts, status.access_denied), (0, 0));
    let mut told = Vec::new();
    while told.len() < 2 {
        match events.next().await.unwrap() {
            Event::StorageFailing { error } => told.push(error),
            Event::StorageRestored => told.push("restored".to_owned()),
            _ => {}
        }
    }
    assert!(told[0].contains("was removed or replaced under the host"), "{told:?}");
    assert_eq!(told[1], "restored");
    host.shutdown().await;
    let host = lasting(folder.path());
    let keeper = host.start(self::keeper()).await.unwrap();
    assert_eq!(ask(&keeper, "get key").await, "some 3");
    host.shutdown().await;
}

#[tokio::test]
async fn components_never_see_each_other_and_instances_share() {
    let host = host();
    let addresses = ["test/a", "test/ab", "other/a", "test/b"];
    for address in addresses {
        let keeper = host.start(keeper_as(address)).await.unwrap();
        assert_eq!(ask(&keeper, &format!("set key {address}")).await, "ok");
        assert_eq!(ask(&keeper, &format!("set {address} x")).await, "ok");
    }
    for address in addresses {
        let keeper = host.component(&address.parse().unwrap()).unwrap();
        assert_eq!(ask(&keeper, "get key").await, format!("some {address}"));
        assert_eq!(ask(&keeper, "list ").await, format!("2 key {address}"));
    }
    let shared = host.start(keeper().instances(2)).await.unwrap();
    let (one, other) = ("test/keeper/0".parse().unwrap(), "test/keeper/1".parse().unwrap());
    let (one, other) = (host.component(&one).unwrap(), host.component(&other).unwrap());
    assert_eq!(ask(&one, "set key value").await, "ok");
    assert_eq!(ask(&other, "get key").await, "some value");
    assert_eq!(ask(&shared, "usage").await, "8 1000 1");
    host.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_is_atomic_among_instances() {
    const TIMES: u64 = 50;
    let host = host();
    host.start(keeper().instances(4)).await.unwrap();
    let counts = (0..4).map(|number| {
        let instance = host.component(&format!("test/keeper/{number}").parse().unwrap()).unwrap();
        tokio::spawn(async move { ask(&instance, &format!("count n {TIMES}")).await })
    });
    for count in counts.collect::<Vec<_>>() {
        count.await.unwrap().parse::<u64>().unwrap();
    }
    let keeper = host.component(&"test/keeper".parse().unwrap()).unwrap();
    assert_eq!(ask(&keeper, "get n").await, format!("some {}", 4 * TIMES));
    host.shutdown().await;
}

#[tokio::test]
async fn a_quota_is_within_the_ceiling_and_all_quotas_within_theirs() {
    let ceilings = Ceilings { max_storage_bytes: 100, total_storage_bytes: 250, ..Ceilings::default() };
    let host = Host::builder().max_instances(16).ceilings(ceilings).build().unwrap();
    for (asked, expected) in [
        (0, ResourceLimitError::ZeroStorage { max: 100 }),
        (101, ResourceLimitError::StorageTooLarge { asked: 101, max: 100 }),
        (u64::MAX, ResourceLimitError::StorageTooLarge { asked: u64::MAX, max: 100 }),
    ] {
        let error = host.start(keeper().storage_quota(asked)).await.unwrap_err();
        let SystemError::Limits { source, .. } = error else { panic!("{error:?}") };
        assert_eq!(source, expected);
    }
    assert_eq!(host.storage_status(), None, "what is refused makes no store");
    let one = |number: u32| keeper_as(&format!("test/k{number}")).storage_quota(100);
    // Instances share their component's quota, so that it counts once.
    host.start(one(0).instances(3)).await.unwrap();
    host.start(one(1)).await.unwrap();
    let error = host.start(one(2)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "test/k2 asks for a storage quota of 100 bytes; 200 of 250 are taken by other components \
         ([host.ceilings] total_storage_bytes)"
    );
    let SystemError::TotalStorage { asked_bytes, used_bytes, max_bytes, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!((asked_bytes, used_bytes, max_bytes), (100, 200, 250));
    host.start(one(3).storage_quota(50)).await.unwrap();
    // It is free when the last of the instances is gone, and not before.
    for (instance, fits) in [("test/k0/0", false), ("test/k0/2", false), ("test/k0/1", true)] {
        host.stop(&instance.parse().unwrap()).await.unwrap();
        assert_eq!(host.start(one(2)).await.is_ok(), fits, "{instance}");
    }
    // Who fails to start holds nothing either.
    host.stop(&"test/k2".parse().unwrap()).await.unwrap();
    for _ in 0..3 {
        let wasm = fs::read(file("loop_in_initialize")).unwrap();
        let failing = Component::from_bytes("test/fails".parse().unwrap(), wasm, 2 << 20).storage_quota(100);
        assert!(matches!(host.start(failing).await, Err(SystemError::Start { .. })));
    }
    host.start(one(4)).await.unwrap();
    host.shutdown().await;
}

/// The warnings about storage so far, in order: what was raised before this call is in the stream before the event that
/// it waits for.
async fn warnings(events: &mut EventStream, host: &Host) -> Vec<(String, u64, u64)> {
    let mark = host.start(guest("echo")).await.unwrap();
    let mut warnings = Vec::new();
    loop {
        match events.next().await.unwrap() {
            Event::NearLimit { id, limit: WarnedLimit::Storage, used, max } => {
                warnings.push((id.to_string(), used, max));
            }
            Event::Started { id } if id.component() == *mark.address() => return warnings,
            event => assert!(!matches!(event, Event::Missed { .. })),
        }
    }
}

#[tokio::test]
async fn a_quota_is_warned_of_from_nine_tenths_on_and_once_for_each_start() {
    let host = host();
    let mut events = host.events();
    let keeper = host.start(keeper()).await.unwrap();
    // Writing the same over and over does not make it more.
    for _ in 0..10 {
        assert_eq!(ask(&keeper, "fill key 300").await, "ok");
    }
    for order in ["fill key 896", "set k ", "fill l 98", "delete l", "fill l 98"] {
        ask(&keeper, order).await;
    }
    keeper.request("trap").await.unwrap_err();
    assert_eq!(ask(&keeper, "get k").await, "some ");
    assert_eq!(ask(&keeper, "delete l").await, "true");
    assert_eq!(ask(&keeper, "swap-new m x").await, "true");
    let told = |used| ("test/keeper/0".to_owned(), used, 1_000);
    assert_eq!(warnings(&mut events, &host).await, [told(900), told(902)]);
}

#[tokio::test]
async fn below_nine_tenths_there_is_no_warning() {
    let host = host();
    let mut events = host.events();
    let keeper = host.start(keeper()).await.unwrap();
    assert_eq!(ask(&keeper, "fill key 896").await, "ok");
    assert_eq!(ask(&keeper, "usage").await, "899 1000 1");
    assert_eq!(warnings(&mut events, &host).await, []);
}
