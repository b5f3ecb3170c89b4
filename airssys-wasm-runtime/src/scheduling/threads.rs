//! The threads for long calls, and the queue in which they take turns.

#![expect(
    clippy::disallowed_types,
    reason = "the queue is held for a push or a pop, never across an await or a guest"
)]

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Instant;

use async_task::Task;

use super::lane::{CallLane, ended, instant, nanos};

/// A turn of a long call, which knows when its time is over.
type Runnable = async_task::Runnable<CallLane>;

/// By how much the operating system prefers the host's other threads: about three to one where both want all
/// of a processor, so that long calls go on even then.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// One thread for each processor, started when the first long call comes, and one of ordinary priority that takes the
/// calls whose time is over while they wait for their turn: they only have to be ended, and must not wait for a thread
/// that stands back.
///
/// The queue is first in, first out and shared by all of them, but that a call whose time is over comes first:
/// it only has to be ended. It holds each moved future once at most, so
/// that it is bounded by the number of instances.
#[derive(Debug, Default)]
pub(crate) struct LongCallThreads {
    queue: Arc<Queue>,
    started: OnceLock<bool>,
}

#[derive(Debug, Default)]
struct Queue {
    turns: Mutex<Turns>,
    changed: Condvar,
    /// Wakes the thread that ends calls.
    overdue: Condvar,
}

/// The calls that wait for a turn.
///
/// Those whose time is over are looked for only when there may be one: when the earliest time that a call waits with
/// has come, or somebody has ended a call.
#[derive(Debug, Default)]
struct Turns {
    waiting: VecDeque<Runnable>,
    is_closed: bool,
    /// No call that waits expires before; none where nobody waits with a time.
    earliest: Option<u64>,
    /// How many calls had been ended by others when they were last looked through.
    ended: u64,
    /// When the thread that ends calls wakes by itself; none as long as it waits for nothing that it knows.
    wakes: Option<u64>,
}

impl Turns {
    fn add(&mut self, runnable: Runnable) {
        let expiry = runnable.metadata().expiry();
        self.earliest = Some(self.earliest.map_or(expiry, |earliest| earliest.min(expiry)));
        self.waiting.push_back(runnable);
    }

    fn take(&mut self) -> Option<Runnable> {
        self.take_expired().or_else(|| self.waiting.pop_front())
    }

    fn take_expired(&mut self) -> Option<Runnable> {
        let ended = ended();
        let now = nanos(Instant::now());
        if ended != self.ended || self.earliest.is_some_and(|earliest| earliest <= now) {
            self.ended = ended;
            if let Some(position) = self.first_expired(now) {
                // There may be others.
                self.earliest = Some(0);
                return self.waiting.remove(position);
            }
            self.earliest = self.waiting.iter().map(|runnable| runnable.metadata().expiry()).min();
        }
        None
    }

    fn first_expired(&self, now: u64) -> Option<usize> {
        self.waiting.iter().position(|runnable| runnable.metadata().expiry() <= now)
    }
}

impl LongCallThreads {
    /// Whether there are any; starts them the first time.
    pub(crate) fn are_there(&self) -> bool {
        *self.started.get_or_init(|| {
            let wanted = thread::available_parallelism().map_or(1, usize::from);
            let started = (0..wanted).filter(|_| self.start_one(work)).count();
            if !self.start_one(end_overdue) || started < wanted {
                tracing::warn!(started, wanted, "not all threads for long calls could be started");
            }
            started > 0
        })
    }

    fn start_one(&self, task: fn(&Queue)) -> bool {
        let queue = Arc::clone(&self.queue);
        let thread = thread::Builder::new().name("airssys-long".to_owned());
        thread.spawn(move || task(&queue)).is_ok()
    }

    /// Has `future` run among the long calls. It is cancelled where the task is dropped.
    pub(crate) fn spawn<F>(&self, future: F, lane: CallLane) -> Task<F::Output, CallLane>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let queue = Arc::clone(&self.queue);
        let builder = async_task::Builder::new().propagate_panic(true).metadata(lane);
        let (runnable, task) = builder.spawn(|_| future, move |runnable| queue.push(runnable));
        runnable.schedule();
        task
    }
}

impl Drop for LongCallThreads {
    fn drop(&mut self) {
        // The threads are not waited for: one of them may be the one that drops this.
        let left = {
            let mut turns = self.queue.turns();
            turns.is_closed = true;
            std::mem::take(&mut turns.waiting)
        };
        self.queue.changed.notify_all();
        self.queue.overdue.notify_all();
        drop(left);
    }
}

impl Queue {
    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, runnable: Runnable) {
        let expiry = runnable.metadata().expiry();
        let mut turns = self.turns();
        if !turns.is_closed {
            turns.add(runnable);
            let is_sooner = expiry < turns.wakes.unwrap_or(u64::MAX);
            drop(turns);
            self.changed.notify_one();
            if is_sooner {
                self.overdue.notify_one();
            }
        }
    }

    /// Waits for the next turn; none when there will be no other.
    fn next(&self) -> Option<Runnable> {
        let mut turns = self.turns();
        loop {
            if let Some(runnable) = turns.take() {
                return Some(runnable);
            }
            if turns.is_closed {
                return None;
            }
            turns = self.changed.wait(turns).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Queue {
    /// Waits for a call whose time is over while it waits for its turn; none when there will be no other.
    fn next_expired(&self) -> Option<Runnable> {
        let mut turns = self.turns();
        loop {
            if let Some(runnable) = turns.take_expired() {
                return Some(runnable);
            }
            if turns.is_closed {
                return None;
            }
            turns.wakes = turns.earliest;
            turns = match turns.wakes.and_then(instant) {
                None => self.overdue.wait(turns).unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let wait = self.overdue.wait_timeout(turns, at.saturating_duration_since(Instant::now()));
                    wait.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

/// Ends calls that wait for their turn when their time is over.
fn end_overdue(queue: &Queue) {
    while let Some(runnable) = queue.next_expired() {
        runnable.run();
    }
}

fn work(queue: &Queue) {
    stand_back();
    while let Some(runnable) = queue.next() {
        runnable.run();
    }
}

/// Lets the operating system prefer other threads to this one.
#[cfg(target_os = "linux")]
fn stand_back() {
    use rustix::process::{getpriority_process, setpriority_process};

    // On Linux the niceness of "this process" is that of the calling thread alone. The system bounds what is added.
    let lowered = getpriority_process(None).and_then(|own| setpriority_process(None, own + NICENESS));
    if let Err(error) = lowered {
        tracing::warn!(%error, "long calls keep the priority of short ones");
    }
}

/// Elsewhere a priority belongs to the whole process, so that long calls keep that of short ones.
#[cfg(not(target_os = "linux"))]
fn stand_back() {}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    fn niceness() -> i32 {
        rustix::process::getpriority_process(None).unwrap()
    }

    /// The niceness of the thread on which something with this lane runs.
    fn runs_at(threads: &LongCallThreads, lane: CallLane) -> i32 {
        let (told, telling) = mpsc::sync_channel(1);
        threads.spawn(async move { told.send(niceness()).unwrap() }, lane).detach();
        telling.recv().unwrap()
    }

    #[test]
    fn long_calls_stand_back_from_the_priority_of_the_host() {
        let threads = LongCallThreads::default();
        assert!(threads.are_there());
        assert_eq!(runs_at(&threads, CallLane::new()), (niceness() + NICENESS).min(19));
    }

    #[test]
    fn a_call_whose_time_is_over_waits_for_no_thread_that_stands_back() {
        let threads = LongCallThreads::default();
        assert!(threads.are_there());
        let count = thread::available_parallelism().map_or(1, usize::from);
        let (begun, beginning) = mpsc::sync_channel(count);
        let mut blocked = Vec::new();
        for _ in 0..count {
            let (end, ending) = mpsc::sync_channel::<()>(1);
            let begun = begun.clone();
            let blocks = async move {
                begun.send(()).unwrap();
                // An end that is dropped ends it, too.
                let _ended = ending.recv();
            };
            blocked.push((end, threads.spawn(blocks, CallLane::new())));
        }
        for _ in 0..count {
            beginning.recv().unwrap();
        }
        let lane = CallLane::new();
        lane.expires(Instant::now(), Duration::from_millis(5));
        assert_eq!(runs_at(&threads, lane), niceness());
    }
}
