//! Which receivers there are, read without a lock.
//!
//! A map split into shards, each a snapshot that writers replace: a reader never waits, and a writer
//! copies one shard only, so that starting tens of thousands of instances stays cheap.

#![expect(
    clippy::disallowed_types,
    reason = "taken by writers, and by the first reader after a change of a component; look-ups take none"
)]

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use crate::counters::TrafficCounters;
use crate::dead_letters::LetterCount;
use crate::desk::Desk;
use crate::mailbox::MailboxSender;
use airssys_wasm_core::{Address, ComponentId};

/// So many that a writer copies a few hundred entries even where tens of thousands are registered.
const SHARDS: u64 = 256;

/// Instances of one component that are looked at for one that runs, so that a component with thousands that do not
/// costs its senders a bounded time.
const MAX_LOOKED_AT: usize = 256;

/// One registered instance.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) id: ComponentId,
    pub(crate) mailbox: MailboxSender,
    pub(crate) has_handler: bool,
    /// What this instance sends.
    pub(crate) traffic: Arc<TrafficCounters>,
    /// What this instance has under way with others.
    pub(crate) desk: Arc<Desk>,
    /// Dead letters of its component.
    pub(crate) lost: LetterCount,
    gone: AtomicBool,
    /// Where it stands among its component's instances. Used under that lock.
    position: AtomicUsize,
}

impl Receiver {
    pub(crate) fn new(
        id: ComponentId,
        mailbox: MailboxSender,
        has_handler: bool,
        traffic: Arc<TrafficCounters>,
        desk: Arc<Desk>,
        lost: LetterCount,
    ) -> Self {
        let (gone, position) = (AtomicBool::new(false), AtomicUsize::new(0));
        Self { id, mailbox, has_handler, traffic, desk, lost, gone, position }
    }

    /// Whether it is no longer registered.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }

    /// Resolves when its mailbox may have room, or is not the one to wait for any more: it is no longer registered, or
    /// no longer attended where it was.
    pub(crate) async fn room(&self, was_attended: bool) {
        self.mailbox.room_unless(|| self.is_gone() || (was_attended && !self.mailbox.is_attended())).await;
    }

    fn leave(&self) {
        self.gone.store(true, Ordering::SeqCst);
        // Who waits for room here must look for the new way, even if this mailbox never moves again.
        self.mailbox.recall_waiters();
    }

    /// Whether it is registered and takes messages.
    pub(crate) fn is_open(&self) -> bool {
        !self.is_gone() && !self.mailbox.is_closed()
    }

    /// Whether somebody handles them.
    pub(crate) fn is_running(&self) -> bool {
        self.is_open() && self.mailbox.is_attended()
    }
}

/// The registered instances of one component, which take turns.
#[derive(Debug, Default)]
pub(crate) struct Group {
    members: Mutex<Vec<Arc<Receiver>>>,
    /// Rises with every change of `members`, under that lock.
    version: AtomicU64,
    /// What readers use. Brought up to date by the first reader after a change, so that many
    /// changes in a row cost one copy.
    snapshot: ArcSwap<Snapshot>,
    turn: AtomicUsize,
    gone: AtomicBool,
}

#[derive(Debug, Default)]
struct Snapshot {
    version: u64,
    members: Box<[Arc<Receiver>]>,
}

/// The instances of a component at one moment.
pub(crate) struct Members(arc_swap::Guard<Arc<Snapshot>>);

impl Members {
    /// All of them, in the order of registration until one leaves.
    pub(crate) fn all(&self) -> &[Arc<Receiver>] {
        &self.0.members
    }

    /// Whether one of them runs, as far as is looked. Nearly always the one whose turn it is does.
    pub(crate) fn any_runs(&self, turn: usize) -> bool {
        self.starting_at(turn).take(MAX_LOOKED_AT).any(|receiver| receiver.is_running())
    }

    /// Those that take messages once, beginning with the one whose turn it is: where any runs, those that do.
    pub(crate) fn open_from(&self, turn: usize, any_runs: bool) -> impl Iterator<Item = &Arc<Receiver>> {
        let is_wanted = move |receiver: &&Arc<Receiver>| {
            if any_runs { receiver.is_running() } else { receiver.is_open() }
        };
        self.starting_at(turn).filter(is_wanted)
    }

    /// All of them once, beginning with the one whose turn it is.
    fn starting_at(&self, turn: usize) -> impl Iterator<Item = &Arc<Receiver>> {
        let members = self.all();
        let start = turn.checked_rem(members.len()).unwrap_or(0);
        let (before, after) = members.split_at_checked(start).unwrap_or((&[], members));
        after.iter().chain(before)
    }
}

impl Group {
    /// Whether the component has no instance any more, so that another group may have its name.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    pub(crate) fn members(&self) -> Members {
        let snapshot = self.snapshot.load();
        if snapshot.version == self.version.load(Ordering::Acquire) {
            return Members(snapshot);
        }
        let members = self.lock();
        let version = self.version.load(Ordering::Acquire);
        let snapshot = Arc::new(Snapshot { version, members: members.as_slice().into() });
        self.snapshot.store(Arc::clone(&snapshot));
        Members(arc_swap::Guard::from_inner(snapshot))
    }

    /// Whose turn it is; the next caller gets the next.
    pub(crate) fn next_turn(&self, members: &Members) -> usize {
        // A single instance needs no counter that all its senders would contend for.
        if members.all().len() > 1 { self.turn.fetch_add(1, Ordering::Relaxed) } else { 0 }
    }

    fn insert(&self, receiver: Arc<Receiver>) {
        let mut members = self.lock();
        receiver.position.store(members.len(), Ordering::Relaxed);
        members.push(receiver);
        self.changed();
    }

    /// Whether none is left.
    fn remove(&self, receiver: &Arc<Receiver>) -> bool {
        let mut members = self.lock();
        let position = receiver.position.load(Ordering::Relaxed);
        if members.get(position).is_some_and(|member| Arc::ptr_eq(member, receiver)) {
            members.swap_remove(position);
            if let Some(moved) = members.get(position) {
                moved.position.store(position, Ordering::Relaxed);
            }
            self.changed();
        }
        members.is_empty()
    }

    fn changed(&self) {
        self.version.fetch_add(1, Ordering::AcqRel);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Receiver>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an address leads to.
#[derive(Debug, Clone)]
pub(crate) enum Route {
    /// One instance.
    One(Arc<Receiver>),
    /// The instances of a component, in turn.
    Any(Arc<Group>),
}

type Shard = ArcSwap<HashMap<Address, Route>>;

/// All registered instances, by their own address and by that of their component.
pub(crate) struct Directory {
    shards: Box<[Shard]>,
    hasher: RandomState,
    /// Writers take turns, so that a component's group and its instances change together.
    writer: Mutex<()>,
}

impl Directory {
    pub(crate) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Shard::default()).collect();
        Self { shards, hasher: RandomState::new(), writer: Mutex::new(()) }
    }

    pub(crate) fn find(&self, address: &Address) -> Option<Route> {
        self.shard(address)?.load().get(address).cloned()
    }

    /// Registers an instance, in place of one of the same id, which is given back. Its counters go on.
    pub(crate) fn insert(
        &self,
        id: ComponentId,
        mailbox: MailboxSender,
        has_handler: bool,
        desk: Arc<Desk>,
        lost: LetterCount,
    ) -> Option<Arc<Receiver>> {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.find_instance(id.address());
        let traffic = known.as_ref().map(|known| Arc::clone(&known.traffic)).unwrap_or_default();
        let receiver = Arc::new(Receiver::new(id, mailbox, has_handler, traffic, desk, lost));
        let component = receiver.id.component();
        let group = match self.find(&component) {
            Some(Route::Any(group)) => group,
            _ => Arc::new(Group::default()),
        };
        group.insert(Arc::clone(&receiver));
        self.edit(receiver.id.address(), Some(Route::One(Arc::clone(&receiver))));
        if let Some(known) = &known {
            group.remove(known);
        }
        self.edit(&component, Some(Route::Any(group)));
        // Last, so that who finds the old one gone finds the new one.
        if let Some(known) = &known {
            known.leave();
        }
        known
    }

    /// Takes an instance out, where it is registered.
    pub(crate) fn remove(&self, id: &ComponentId) -> Option<Arc<Receiver>> {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.find_instance(id.address())?;
        self.edit(id.address(), None);
        let component = id.component();
        if let Some(Route::Any(group)) = self.find(&component)
            && group.remove(&known)
        {
            self.edit(&component, None);
            group.gone.store(true, Ordering::Release);
        }
        known.leave();
        Some(known)
    }

    /// Registered instances.
    pub(crate) fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.load().values().filter(|route| matches!(route, Route::One(_))).count())
            .sum()
    }

    pub(crate) fn find_instance(&self, address: &Address) -> Option<Arc<Receiver>> {
        match self.find(address) {
            Some(Route::One(receiver)) => Some(receiver),
            _ => None,
        }
    }

    fn shard(&self, address: &Address) -> Option<&Shard> {
        let index = usize::try_from(self.hasher.hash_one(address) % SHARDS).ok()?;
        self.shards.get(index)
    }

    /// Replaces a shard by a changed copy. Called by one writer at a time.
    fn edit(&self, address: &Address, route: Option<Route>) {
        let Some(shard) = self.shard(address) else {
            return;
        };
        let mut map = HashMap::clone(&shard.load());
        match route {
            Some(route) => map.insert(address.clone(), route),
            None => map.remove(address),
        };
        shard.store(Arc::new(map));
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("instances", &self.len()).finish_non_exhaustive()
    }
}
