//! What a component keeps, by a store of the embedder's own.
#![expect(clippy::disallowed_types, reason = "a store in memory, whose lock is never held across an await")]

use std::collections::BTreeMap;
use std::future::{pending, ready};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use airssys_wasm_core::{
    AccessDenial, AccessObserver, AccessRight, BoxError, BoxFuture, ComponentId, EndCause, KeyValueStore,
    ResourceLimits, StorageError, StorageUsage,
};
use airssys_wasm_runtime::{ComponentInstance, InstancePorts, WasmtimeEngine};
use tokio::sync::{Notify, mpsc};

use crate::guests::{engine, guest, limits, setup};

/// Every order of the guest `keeper` that calls a function, and the function.
const ORDERS: [(&str, &str); 8] = [
    ("get key", "storage.get"),
    ("set key value", "storage.set"),
    ("delete key", "storage.delete"),
    ("exists key", "storage.exists"),
    ("list k", "storage.list-keys"),
    ("usage", "storage.usage"),
    ("swap key old new", "storage.compare-and-swap"),
    ("swap-new key new", "storage.compare-and-swap"),
];

const QUOTA_BYTES: u64 = 100;

/// The store of an embedder: a map, whose keys are letters.
#[derive(Debug, Default)]
struct Shelf(Mutex<BTreeMap<String, Vec<u8>>>);

impl Shelf {
    fn used(map: &BTreeMap<String, Vec<u8>>) -> u64 {
        map.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum()
    }

    fn put(&self, key: &str, value: Vec<u8>) -> Result<(), StorageError> {
        if !key.chars().all(char::is_alphanumeric) {
            return Err(StorageError::InvalidKey("letters and digits are allowed"));
        }
        let mut map = self.0.lock().unwrap();
        if map.len() == 3 && !map.contains_key(key) {
            return Err(StorageError::TooManyKeys { max: 3 });
        }
        let before = map.get(key).map_or(0, |value| (key.len() + value.len()) as u64);
        let needed_bytes = Self::used(&map) - before + (key.len() + value.len()) as u64;
        if needed_bytes > QUOTA_BYTES {
            return Err(StorageError::QuotaExceeded { needed_bytes, quota_bytes: QUOTA_BYTES });
        }
        map.insert(key.to_owned(), value);
        Ok(())
    }
}

fn answer<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, T> {
    Box::pin(ready(value))
}

impl KeyValueStore for Shelf {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StorageError>> {
        answer(Ok(self.0.lock().unwrap().get(key).cloned()))
    }

    fn set<'a>(&'a self, key: &'a str, value: Vec<u8>) -> BoxFuture<'a, Result<(), StorageError>> {
        answer(self.put(key, value))
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool, StorageError>> {
        answer(Ok(self.0.lock().unwrap().remove(key).is_some()))
    }

    fn exists<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<bool, StorageError>> {
        answer(Ok(self.0.lock().unwrap().contains_key(key)))
    }

    fn list_keys<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        let map = self.0.lock().unwrap();
        if map.len() == 3 {
            return answer(Err(StorageError::TooLarge { what: "a listing", max_bytes: 7 }));
        }
        answer(Ok(map.keys().filter(|key| key.starts_with(prefix)).cloned().collect()))
    }

    fn usage(&self) -> BoxFuture<'_, Result<StorageUsage, StorageError>> {
        let map = self.0.lock().unwrap();
        let (used_bytes, keys) = (Self::used(&map), map.len() as u64);
        answer(Ok(StorageUsage { used_bytes, quota_bytes: QUOTA_BYTES, keys }))
    }

    fn compare_and_swap<'a>(
        &'a self,
        key: &'a str,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> BoxFuture<'a, Result<bool, StorageError>> {
        let present = self.0.lock().unwrap().get(key).cloned();
        answer(if present == expected { self.put(key, value).map(|()| true) } else { Ok(false) })
    }
}

/// How a store that is not well answers.
#[derive(Debug, Clone)]
enum Illness {
    /// Never; whoever waits for the notification hears that it was asked.
    Silent(Arc<Notify>),
    NoRoom,
    Broken,
}

impl Illness {
    fn answer<T: Send + 'static>(&self) -> BoxFuture<'_, Result<T, StorageError>> {
        match self {
            Self::Silent(asked) => {
                asked.notify_one();
                Box::pin(pending())
            }
            Self::NoRoom => Box::pin(ready(Err(StorageError::Full(BoxError::from("no space left"))))),
            Self::Broken => Box::pin(ready(Err(StorageError::Failed(BoxError::from("a bad sector"))))),
        }
    }
}

impl KeyValueStore for Illness {
    fn get<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StorageError>> {
        self.answer()
    }

    fn set<'a>(&'a self, _: &'a str, _: Vec<u8>) -> BoxFuture<'a, Result<(), StorageError>> {
        self.answer()
    }

    fn delete<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<bool, StorageError>> {
        self.answer()
    }

    fn exists<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<bool, StorageError>> {
        self.answer()
    }

    fn list_keys<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        self.answer()
    }

    fn usage(&self) -> BoxFuture<'_, Result<StorageUsage, StorageError>> {
        self.answer()
    }

    fn compare_and_swap<'a>(
        &'a self,
        _: &'a str,
        _: Option<Vec<u8>>,
        _: Vec<u8>,
    ) -> BoxFuture<'a, Result<bool, StorageError>> {
        self.answer()
    }
}

/// Tells of everything that an instance was refused.
#[derive(Debug)]
struct Told(mpsc::Sender<(AccessRight, String)>);

impl AccessObserver for Told {
    fn denied(&self, component: &ComponentId, denial: &AccessDenial<'_>) {
        assert_eq!(component.as_str(), "test/guest/0");
        self.0.try_send((denial.right, denial.to_string())).unwrap();
    }
}

type Denials = mpsc::Receiver<(AccessRight, String)>;

async fn keeper(
    engine: &WasmtimeEngine,
    storage: Option<Arc<dyn KeyValueStore>>,
    limits: ResourceLimits,
) -> (ComponentInstance, Denials) {
    let (told, denials) = mpsc::channel(16);
    let component = engine.verify(&guest("keeper")).unwrap();
    let mut setup = setup(limits);
    setup.ports = InstancePorts { storage, access: Arc::new(Told(told)), ..InstancePorts::isolated() };
    (engine.start(&component, setup).await.unwrap().value, denials)
}

async fn ask(instance: &mut ComponentInstance, order: &str) -> String {
    let done = instance.handle_message("host/test", None, &order.to_owned().into()).await.unwrap();
    String::from_utf8(done.value.unwrap().unwrap().bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn without_a_store_every_function_is_denied_and_told() {
    let engine = engine();
    let (mut instance, mut denials) = keeper(&engine, None, limits()).await;
    for (order, function) in ORDERS {
        assert_eq!(ask(&mut instance, order).await, "denied: capabilities.storage", "{order}");
        let told = format!("{function} denied by capabilities.storage: no quota was granted");
        assert_eq!(denials.try_recv().unwrap(), (AccessRight::Storage, told));
    }
    assert!(denials.try_recv().is_err() && instance.is_live());
}

#[tokio::test]
async fn an_embedders_own_store_answers_the_guest() {
    let engine = engine();
    let (mut instance, mut denials) = keeper(&engine, Some(Arc::new(Shelf::default())), limits()).await;
    for (order, answer) in [
        ("get key", "none"),
        ("set key value", "ok"),
        ("get key", "some value"),
        ("exists key", "true"),
        ("exists other", "false"),
        ("swap-new key new", "false"),
        ("swap key other new", "false"),
        ("swap key value new", "true"),
        ("swap-new other x", "true"),
        ("list k", "1 key"),
        ("list ", "2 key other"),
        ("usage", "12 100 2"),
        ("delete key", "true"),
        ("delete key", "false"),
        ("usage", "6 100 1"),
        ("count number 12", "0"),
        ("get number", "some 12"),
    ] {
        assert_eq!(ask(&mut instance, order).await, answer, "{order}");
    }
    assert!(denials.try_recv().is_err(), "nothing was refused");
}

#[tokio::test]
async fn what_a_store_refuses_is_a_typed_error_and_beyond_the_quota_it_is_told() {
    let engine = engine();
    let shelf: Arc<dyn KeyValueStore> = Arc::new(Shelf::default());
    let (mut instance, mut denials) = keeper(&engine, Some(Arc::clone(&shelf)), limits()).await;
    assert_eq!(ask(&mut instance, "fill a 99").await, "ok", "exactly the quota");
    assert_eq!(ask(&mut instance, "fill a 100").await, "quota-exceeded");
    assert_eq!(ask(&mut instance, "swap-new b x").await, "quota-exceeded");
    let told = |text: &str| (AccessRight::Storage, text.to_owned());
    assert_eq!(
        denials.try_recv().unwrap(),
        told("storage.set denied by capabilities.storage: 101 bytes where the quota is 100")
    );
    assert_eq!(
        denials.try_recv().unwrap(),
        told("storage.compare-and-swap denied by capabilities.storage: 102 bytes where the quota is 100")
    );
    assert_eq!(
        ask(&mut instance, "set a- x").await,
        "invalid-argument: invalid key: letters and digits are allowed"
    );
    assert!(denials.try_recv().is_err(), "a malformed key is no matter of rights");
    for key in ["a", "b", "c"] {
        assert_eq!(ask(&mut instance, &format!("set {key} x")).await, "ok");
    }
    assert_eq!(ask(&mut instance, "set d x").await, "quota-exceeded");
    assert_eq!(
        denials.try_recv().unwrap(),
        told("storage.set denied by capabilities.storage: more than 3 keys")
    );
    assert_eq!(ask(&mut instance, "list ").await, "too-large: 7");
    // Another instance of the same component has the same.
    let (mut other, _denials) = keeper(&engine, Some(shelf), limits()).await;
    assert_eq!(ask(&mut other, "usage").await, "6 100 3");
}

#[tokio::test]
async fn a_store_that_fails_is_told_from_one_that_is_full() {
    let engine = engine();
    for (illness, answer) in [(Illness::NoRoom, "full"), (Illness::Broken, "closed")] {
        let (mut instance, mut denials) = keeper(&engine, Some(Arc::new(illness)), limits()).await;
        for (order, _) in ORDERS {
            assert_eq!(ask(&mut instance, order).await, answer, "{order}");
        }
        assert!(denials.try_recv().is_err(), "nobody was refused for want of a right");
    }
}

#[tokio::test]
async fn a_store_that_never_answers_ends_with_the_time_of_the_call() {
    let engine = engine();
    let silent = Arc::new(Illness::Silent(Arc::default()));
    let short = ResourceLimits { max_execution_time_ms: 50, ..limits() };
    for (order, _) in ORDERS {
        let (mut instance, _denials) = keeper(&engine, Some(silent.clone()), short).await;
        let began = Instant::now();
        let failure = instance.handle_message("host/test", None, &order.to_owned().into()).await.unwrap_err();
        assert!(matches!(failure.cause, EndCause::Timeout { timeout_ms: 50, .. }), "{order}: {failure:?}");
        assert!(began.elapsed() >= Duration::from_millis(50) && !instance.is_live());
    }
    let (mut well, _denials) = keeper(&engine, Some(Arc::new(Shelf::default())), short).await;
    assert_eq!(ask(&mut well, "set key value").await, "ok", "the engine goes on");
}

#[tokio::test]
async fn a_kill_ends_what_waits_for_a_store() {
    let engine = engine();
    let asked = Arc::new(Notify::new());
    let silent = Arc::new(Illness::Silent(Arc::clone(&asked)));
    let (mut instance, _denials) = keeper(&engine, Some(silent.clone()), limits()).await;
    let switch = instance.kill_switch();
    let payload = "set key value".into();
    let (done, ()) = tokio::join!(instance.handle_message("host/test", None, &payload), async {
        asked.notified().await;
        switch.kill();
    });
    assert!(matches!(done.unwrap_err().cause, EndCause::Killed), "it is not left to the clock");
    drop(instance);
    assert_eq!(Arc::strong_count(&silent), 1, "nothing of it stays");
}
