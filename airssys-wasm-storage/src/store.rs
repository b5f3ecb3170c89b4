//! A store and its threads.

#![expect(clippy::disallowed_types, reason = "held for one look into a map, never across an await")]

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};

use tokio::sync::{Semaphore, watch};

use airssys_wasm_core::{Address, KeyValueStore};

use crate::bounds::{CHANGE_BYTES, MAX_WAITING_CHANGE_BYTES, MAX_WAITING_READS, READERS};
use crate::disk;
use crate::engine::Engine;
use crate::error::StoreError;
use crate::health::{Health, StoreObserver, StoreStatus};
use crate::medium::Medium;
use crate::memory::Memory;
use crate::namespace::Namespace;
use crate::reader::{self, Read};
use crate::ticket::Queue;
use crate::writer::{self, Write};

/// How a store is opened.
#[derive(Debug, Default)]
pub struct StoreConfig {
    /// Who hears of failures; none by default. It must not hold the store, which would never close then.
    pub observer: Option<Arc<dyn StoreObserver>>,
}

/// An open store. Clones and namespaces are handles of the same; it closes when the last of them is gone.
///
/// To wait for that without blocking a thread call [`close`](Self::close) first: else whoever drops the last handle
/// waits until what was accepted is written, and the lock of the folder is free.
#[derive(Clone)]
pub struct Store {
    threads: Arc<Threads>,
    turns: Arc<Mutex<HashMap<Address, Weak<Semaphore>>>>,
}

impl Store {
    /// Opens the store in a folder, and makes both where there are none, for the user of this process alone.
    ///
    /// Blocks on the disk.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; [`StoreError::Locked`] while another host, or another store of this one, has it open.
    pub fn open(folder: &Path, config: StoreConfig) -> Result<Self, StoreError> {
        Self::on(disk::open(folder)?, config)
    }

    /// A store that is gone with its last handle.
    ///
    /// # Errors
    ///
    /// [`StoreError::Thread`] where no thread can be had.
    pub fn in_memory(config: StoreConfig) -> Result<Self, StoreError> {
        Self::on(Arc::new(Memory::default()), config)
    }

    /// Opens the store on a medium, and makes it where the medium is new. The caller sees to it that nobody else has
    /// that medium.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn on(medium: Arc<dyn Medium>, config: StoreConfig) -> Result<Self, StoreError> {
        let threads = Arc::new(Threads::start(medium, config)?);
        Ok(Self { threads, turns: Arc::default() })
    }

    /// What a component keeps, whichever instance of it asks: an instance in the address does not matter. It may use
    /// up to `quota_bytes` of keys and values. Each handle has its own quota, and all of them share what is kept.
    #[must_use]
    pub fn namespace(&self, component: &Address, quota_bytes: u64) -> Arc<dyn KeyValueStore> {
        let component = component.component();
        let turns = self.turns(&component);
        Arc::new(Namespace { component, quota_bytes, turns, threads: Arc::clone(&self.threads) })
    }

    /// How it does.
    #[must_use]
    pub fn status(&self) -> StoreStatus {
        self.threads.health.status()
    }

    /// Takes nothing more, and comes back when what was accepted is done and the store is closed: its threads have
    /// ended, and its folder can be opened again. What is asked of it later fails.
    pub async fn close(&self) {
        self.threads.stop();
        self.threads.running.closed().await;
    }

    /// One permit for each component, as long as anybody holds its namespace.
    fn turns(&self, component: &Address) -> Arc<Semaphore> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = turns.get(component).and_then(Weak::upgrade) {
            return held;
        }
        turns.retain(|_, turns| turns.strong_count() > 0);
        let held = Arc::new(Semaphore::new(1));
        turns.insert(component.clone(), Arc::downgrade(&held));
        held
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("status", &self.status()).finish_non_exhaustive()
    }
}

/// The threads of a store, which alone hold the database: it is closed when they have ended.
pub(crate) struct Threads {
    pub(crate) changes: Queue<Write>,
    pub(crate) reads: Queue<Read>,
    health: Arc<Health>,
    /// Closed when no thread runs any more.
    running: watch::Sender<()>,
    joined: Vec<JoinHandle<()>>,
}

impl Threads {
    fn start(medium: Arc<dyn Medium>, config: StoreConfig) -> Result<Self, StoreError> {
        let health = Arc::new(Health::new(config.observer));
        let engine = Arc::new(Engine::new(medium, Arc::clone(&health))?);
        let (changes, orders) = Queue::new(MAX_WAITING_CHANGE_BYTES, CHANGE_BYTES, 1);
        let (reads, questions) = Queue::new(MAX_WAITING_READS, 1, READERS);
        let questions = Arc::new(Mutex::new(questions));
        let running = watch::Sender::new(());
        // From here on what has started is stopped and waited for when this is dropped.
        let mut threads = Self { changes, reads, health, running, joined: Vec::new() };
        let held = Arc::clone(&engine);
        threads.spawn("airssys-store-w", held, move |engine| writer::run(engine, &orders))?;
        for _ in 0..READERS {
            let questions = Arc::clone(&questions);
            let held = Arc::clone(&engine);
            threads.spawn("airssys-store-r", held, move |engine| reader::run(engine, &questions))?;
        }
        Ok(threads)
    }

    fn spawn(
        &mut self,
        name: &str,
        engine: Arc<Engine>,
        work: impl FnOnce(&Engine) + Send + 'static,
    ) -> Result<(), StoreError> {
        let running = self.running.subscribe();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            work(&engine);
            // The last thread closes the database, and only then it counts as ended.
            drop(engine);
            drop(running);
        });
        self.joined.push(thread.map_err(StoreError::Thread)?);
        Ok(())
    }

    fn stop(&self) {
        self.changes.stop(1);
        self.reads.stop(READERS);
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stop();
        for thread in self.joined.drain(..) {
            // An observer that holds the store would make a thread wait for itself. One that has panicked has told.
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}
