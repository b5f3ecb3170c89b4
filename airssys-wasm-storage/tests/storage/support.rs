//! What the tests share: stores, names, and a medium that can fail, lose its power and tell what it holds.
#![expect(clippy::disallowed_types, reason = "a medium is called on threads, several at a time")]

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use airssys_wasm_core::{Address, KeyValueStore, StorageError};
use airssys_wasm_storage::{Medium, Store, StoreConfig, StoreFailure, StoreObserver};

pub(crate) const PLENTY: u64 = 1 << 40;

pub(crate) fn address(text: &str) -> Address {
    text.parse().unwrap()
}

pub(crate) fn in_memory() -> Store {
    Store::in_memory(StoreConfig::default()).unwrap()
}

pub(crate) fn on(disk: &Arc<TestDisk>) -> Store {
    Store::on(Arc::clone(disk) as Arc<dyn Medium>, StoreConfig::default()).unwrap()
}

/// The namespace of `shop/orders`.
pub(crate) fn orders(store: &Store) -> Arc<dyn KeyValueStore> {
    store.namespace(&address("shop/orders"), PLENTY)
}

/// All keys and values of a namespace, and that what is counted of them is what there is.
pub(crate) async fn contents(namespace: &dyn KeyValueStore) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut bytes = 0;
    for key in namespace.list_keys("").await.unwrap() {
        let value = namespace.get(&key).await.unwrap().expect("what is listed is there");
        bytes += key.len() + value.len();
        found.insert(key, value);
    }
    let usage = namespace.usage().await.unwrap();
    assert_eq!(
        (usage.used_bytes, usage.keys),
        (bytes as u64, found.len() as u64),
        "the account is a recount"
    );
    found
}

pub(crate) fn is_full<T>(result: &Result<T, StorageError>) -> bool {
    matches!(result, Err(StorageError::Full(_)))
}

pub(crate) fn is_failed<T>(result: &Result<T, StorageError>) -> bool {
    matches!(result, Err(StorageError::Failed(_)))
}

/// Counts what it is told.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) failed: AtomicUsize,
    pub(crate) recovered: AtomicUsize,
}

impl Heard {
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.failed.load(Ordering::SeqCst), self.recovered.load(Ordering::SeqCst))
    }
}

impl StoreObserver for Heard {
    fn failed(&self, _: &StoreFailure) {
        self.failed.fetch_add(1, Ordering::SeqCst);
    }

    fn recovered(&self) {
        self.recovered.fetch_add(1, Ordering::SeqCst);
    }
}

/// What is done with a medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Read,
    /// Of the first page, which a full disk has room for: it is there already.
    WriteFirst,
    /// Of any other page.
    Write,
    SetLen,
    Sync,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wrong {
    /// The act has this error, and has done nothing.
    Error(ErrorKind),
    /// The act is done, and then has this error.
    DoneAndError(ErrorKind),
    Panic,
}

/// Something that goes wrong with acts of some kinds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) acts: &'static [Act],
    /// How many such acts go well first.
    pub(crate) after: usize,
    /// How many then go wrong.
    pub(crate) times: usize,
    pub(crate) wrong: Wrong,
}

#[derive(Debug, Clone)]
enum Unsynced {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

#[derive(Default)]
struct Image {
    now: Vec<u8>,
    /// What is there after a loss of power, but for some of what is unsynced.
    synced: Vec<u8>,
    unsynced: Vec<Unsynced>,
    fault: Option<Fault>,
    went_wrong: usize,
}

/// A disk in memory.
#[derive(Default)]
pub(crate) struct TestDisk {
    image: Mutex<Image>,
    is_held: Mutex<bool>,
    released: Condvar,
    pub(crate) is_waiting: AtomicBool,
    keeps_unsynced: AtomicBool,
}

impl std::fmt::Debug for TestDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TestDisk")
    }
}

impl TestDisk {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// One that can lose its power.
    pub(crate) fn with_power() -> Arc<Self> {
        let disk = Self::default();
        disk.keeps_unsynced.store(true, Ordering::SeqCst);
        Arc::new(disk)
    }

    pub(crate) fn of(bytes: Vec<u8>) -> Arc<Self> {
        let disk = Self::default();
        disk.image.lock().unwrap().now = bytes;
        Arc::new(disk)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.image.lock().unwrap().now.clone()
    }

    pub(crate) fn fail(&self, fault: Fault) {
        let mut image = self.image.lock().unwrap();
        image.fault = Some(fault);
        image.went_wrong = 0;
    }

    /// Mends it; says how often something went wrong.
    pub(crate) fn mend(&self) -> usize {
        let mut image = self.image.lock().unwrap();
        image.fault = None;
        image.went_wrong
    }

    /// Makes every write wait.
    pub(crate) fn hold(&self) {
        *self.is_held.lock().unwrap() = true;
    }

    pub(crate) fn release(&self) {
        *self.is_held.lock().unwrap() = false;
        self.released.notify_all();
    }

    /// What is on the disk when the power fails now: of what was not synced, each sector for which `keeps` says so.
    pub(crate) fn without_power(&self, mut keeps: impl FnMut() -> bool) -> Arc<Self> {
        const SECTOR: usize = 512;
        let image = self.image.lock().unwrap();
        let mut bytes = image.synced.clone();
        for unsynced in &image.unsynced {
            match unsynced {
                Unsynced::SetLen(len) if keeps() => bytes.resize(*len as usize, 0),
                Unsynced::SetLen(_) => {}
                Unsynced::Write(offset, data) => {
                    let mut at = *offset as usize;
                    let mut data = data.as_slice();
                    while !data.is_empty() {
                        let (sector, rest) = data.split_at(data.len().min(SECTOR - at % SECTOR));
                        if keeps() {
                            let end = at + sector.len();
                            bytes.resize(bytes.len().max(end), 0);
                            bytes[at..end].copy_from_slice(sector);
                        }
                        at += sector.len();
                        data = rest;
                    }
                }
            }
        }
        let disk = Self::of(bytes.clone());
        disk.image.lock().unwrap().synced = bytes;
        disk.keeps_unsynced.store(true, Ordering::SeqCst);
        disk
    }

    fn act<T>(&self, act: Act, done: impl FnOnce(&mut Image, bool) -> io::Result<T>) -> io::Result<T> {
        if matches!(act, Act::Write | Act::WriteFirst) {
            let mut is_held = self.is_held.lock().unwrap();
            while *is_held {
                self.is_waiting.store(true, Ordering::SeqCst);
                is_held = self.released.wait(is_held).unwrap();
            }
        }
        let mut image = self.image.lock().unwrap();
        let wrong = match &mut image.fault {
            Some(fault) if fault.acts.contains(&act) && fault.after > 0 => {
                fault.after -= 1;
                None
            }
            Some(fault) if fault.acts.contains(&act) && fault.times > 0 => {
                fault.times -= 1;
                Some(fault.wrong)
            }
            _ => None,
        };
        image.went_wrong += usize::from(wrong.is_some());
        let keeps_unsynced = self.keeps_unsynced.load(Ordering::SeqCst);
        match wrong {
            None => done(&mut image, keeps_unsynced),
            Some(Wrong::Error(kind)) => Err(kind.into()),
            Some(Wrong::DoneAndError(kind)) => {
                done(&mut image, keeps_unsynced)?;
                Err(kind.into())
            }
            Some(Wrong::Panic) => {
                drop(image);
                panic!("the medium of a test panics")
            }
        }
    }
}

impl Medium for TestDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.image.lock().unwrap().now.len() as u64)
    }

    fn read(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.act(Act::Read, |image, _| {
            let at = offset as usize;
            let from = image.now.get(at..at + into.len()).ok_or(ErrorKind::UnexpectedEof)?;
            into.copy_from_slice(from);
            Ok(())
        })
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let act = if offset < 4_096 { Act::WriteFirst } else { Act::Write };
        self.act(act, |image, keeps| {
            let at = offset as usize;
            let into = image.now.get_mut(at..at + bytes.len()).ok_or(ErrorKind::UnexpectedEof)?;
            into.copy_from_slice(bytes);
            if keeps {
                image.unsynced.push(Unsynced::Write(offset, bytes.to_vec()));
            }
            Ok(())
        })
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.act(Act::SetLen, |image, keeps| {
            image.now.resize(bytes as usize, 0);
            if keeps {
                image.unsynced.push(Unsynced::SetLen(bytes));
            }
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.act(Act::Sync, |image, keeps| {
            if keeps {
                image.synced = image.now.clone();
                image.unsynced.clear();
            }
            Ok(())
        })
    }
}
