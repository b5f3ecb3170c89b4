//! The one store of a host, in which its components keep what they may keep.

#![expect(
    clippy::disallowed_types,
    reason = "held to look at the state or to change it, never across an await"
)]

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use airssys_wasm_core::{Address, KeyValueStore};
use airssys_wasm_storage::{Store, StoreConfig, StoreFailure, StoreObserver, StoreStatus};

use crate::error::SystemError;
use crate::events::{Event, EventBus};

/// What components keep: in a folder from the beginning, or in memory from when the first of them may keep something.
#[derive(Debug)]
pub(crate) struct HostStorage {
    state: Mutex<State>,
    watch: Arc<Watch>,
}

#[derive(Debug)]
enum State {
    /// A host whose components keep nothing has no store, and no threads for it.
    Unused,
    Open(Store),
    /// With the last that was known of it.
    Closed(Option<StoreStatus>),
}

impl HostStorage {
    /// Opens the folder, where there is one.
    pub(crate) fn open(folder: Option<PathBuf>) -> Result<Self, SystemError> {
        let watch = Arc::new(Watch::default());
        let state = match folder {
            Some(folder) => State::Open(Store::open(&folder, watch.config())?),
            None => State::Unused,
        };
        Ok(Self { state: Mutex::new(state), watch })
    }

    /// Events are raised here from now on. A second call changes nothing.
    pub(crate) fn tell(&self, events: &Arc<EventBus>) {
        self.watch.events.get_or_init(|| Arc::downgrade(events));
    }

    /// What a component keeps, within its quota in bytes. It may wait for the making of a store.
    pub(crate) fn of(
        &self,
        component: &Address,
        quota_bytes: u64,
    ) -> Result<Arc<dyn KeyValueStore>, SystemError> {
        let mut state = self.lock();
        if matches!(*state, State::Unused) {
            *state = State::Open(Store::in_memory(self.watch.config())?);
        }
        match &*state {
            State::Open(store) => Ok(store.namespace(component, quota_bytes)),
            State::Unused | State::Closed(_) => Err(SystemError::ShutDown),
        }
    }

    /// How the store does, or did at its end; none where there never was one.
    pub(crate) fn status(&self) -> Option<StoreStatus> {
        match &*self.lock() {
            State::Unused => None,
            State::Open(store) => Some(store.status()),
            State::Closed(last) => *last,
        }
    }

    /// Closes it when everything is written that was accepted. Its folder is free then.
    pub(crate) async fn close(&self) {
        let Some(store) = self.closing() else { return };
        store.close().await;
        *self.lock() = State::Closed(Some(store.status()));
    }

    /// The store that is to be closed; where there is none, none is made any more.
    fn closing(&self) -> Option<Store> {
        let mut state = self.lock();
        match &*state {
            State::Open(store) => return Some(store.clone()),
            State::Unused => *state = State::Closed(None),
            State::Closed(_) => {}
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Raises an event when the store begins to fail, and when it works again.
#[derive(Debug, Default)]
struct Watch {
    events: OnceLock<Weak<EventBus>>,
}

impl Watch {
    fn config(self: &Arc<Self>) -> StoreConfig {
        StoreConfig { observer: Some(Arc::clone(self) as Arc<dyn StoreObserver>) }
    }

    fn raise(&self, event: impl FnOnce() -> Event) {
        if let Some(events) = self.events.get().and_then(Weak::upgrade) {
            events.raise(event);
        }
    }
}

impl StoreObserver for Watch {
    fn failed(&self, failure: &StoreFailure) {
        self.raise(|| Event::StorageFailing { error: WithSource(failure).to_string() });
    }

    fn recovered(&self) {
        self.raise(|| Event::StorageRestored);
    }
}

/// A failure and what is behind it, on one line.
struct WithSource<'f>(&'f StoreFailure);

impl fmt::Display for WithSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut error: &dyn Error = self.0;
        while let Some(source) = error.source() {
            write!(f, ": {source}")?;
            error = source;
        }
        Ok(())
    }
}
