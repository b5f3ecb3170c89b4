//! The threads that operations on files may block.

#![expect(
    clippy::disallowed_types,
    reason = "the queue is held for a push or a pop, never across an await or an operation"
)]

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::bounds::MAX_FILE_THREADS;

/// How long a thread without work stays.
const IDLE: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

/// Threads of their own, so that a disk that hangs keeps neither the host's other blocking work waiting nor the end
/// of its runtime. Started as they are needed; those without work end.
#[derive(Debug, Default)]
pub(crate) struct FileThreads {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// Bounded by what instances may have under way: [`MAX_FILE_WORK`](crate::MAX_FILE_WORK) each.
#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    threads: usize,
    idle: usize,
    is_closed: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("waiting", &self.waiting.len())
            .field("threads", &self.threads)
            .field("idle", &self.idle)
            .finish_non_exhaustive()
    }
}

impl FileThreads {
    /// Has `job` run when a thread is free.
    pub(super) fn submit(&self, job: Job) {
        let mut state = self.shared.lock();
        state.waiting.push_back(job);
        if state.waiting.len() > state.idle && state.threads < MAX_FILE_THREADS {
            let shared = Arc::clone(&self.shared);
            let thread = thread::Builder::new().name("airssys-files".to_owned());
            match thread.spawn(move || shared.work()) {
                Ok(_) => state.threads += 1,
                Err(error) if state.threads > 0 => tracing::warn!(%error, "a thread for files is missing"),
                // Nobody would ever run it: whoever waits is told as it is dropped.
                Err(error) => {
                    tracing::error!(%error, "there is no thread for files");
                    state.waiting.clear();
                }
            }
        }
        drop(state);
        self.shared.changed.notify_one();
    }
}

impl Drop for FileThreads {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_closed = true;
        let left = std::mem::take(&mut state.waiting);
        drop(state);
        self.shared.changed.notify_all();
        drop(left);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some(job) = self.next() {
            // A job that panics tells nobody anything, which its owner takes for a failure.
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                tracing::error!("an operation on a file panicked");
            }
        }
    }

    /// The next job; none where this thread is not needed any more.
    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.waiting.pop_front() {
                return Some(job);
            }
            if state.is_closed {
                state.threads -= 1;
                return None;
            }
            state.idle += 1;
            let (after, waited) =
                self.changed.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = after;
            state.idle -= 1;
            if waited.timed_out() && state.waiting.is_empty() {
                state.threads -= 1;
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_panic_takes_no_thread_and_jobs_that_block_take_few() {
        let threads = FileThreads::default();
        threads.submit(Box::new(|| panic!("as it should")));
        let (release, hold) = mpsc::sync_channel::<()>(0);
        let hold = Arc::new(Mutex::new(hold));
        for _ in 0..2 * MAX_FILE_THREADS {
            let hold = Arc::clone(&hold);
            // Ends when the other side is gone.
            threads.submit(Box::new(move || drop(hold.lock().map(|hold| hold.recv()))));
        }
        assert!(threads.shared.lock().threads <= MAX_FILE_THREADS);
        drop(release);
        let (done, finished) = mpsc::sync_channel(1);
        threads.submit(Box::new(move || done.send(()).unwrap()));
        finished.recv().unwrap();
    }
}
