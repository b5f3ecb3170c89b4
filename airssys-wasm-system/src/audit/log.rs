//! The log as the host sees it, and the thread that writes it.

#![expect(
    clippy::disallowed_types,
    reason = "held to put one entry in or to take some out, never while a file is touched; the thread that writes waits by it"
)]

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;

use super::error::AuditLogError;
use super::files::{AuditFiles, Beginning, Found};
use super::location::AuditLocation;
use super::status::AuditStatus;
use super::writer::{Progress, Writer, entry};
use crate::events::{Event, EventBus};
use airssys_wasm_core::{AuditEvent, AuditKind, AuditReason, AuditSink};
use airssys_wasm_security::{AuditBacklog, AuditEntry, MAX_WAITING_RECORDS, MonotonicClock};

/// How often the thread looks for what waits. It looks by itself, so that whoever records need not wake it:
/// that would cost more than the record.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Entries that wait when the thread is woken before its time.
const WAKE_AT: usize = MAX_WAITING_RECORDS / 4;

/// Entries that the thread takes at a time. It holds no more than these beside the backlog.
const TAKE: usize = 256;

/// Time between attempts to write while the log cannot be written.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// Time between two calls that bring what was written to the disk itself.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// How long the end of a host waits for its log at most.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// The audit log of one host. When it is dropped, what waits is still written, but nobody waits for it.
#[derive(Debug)]
pub(crate) struct AuditLog {
    shared: Arc<Shared>,
    done: watch::Receiver<bool>,
}

/// The thread of a log, before it runs.
#[derive(Debug)]
pub(crate) struct AuditThread {
    shared: Arc<Shared>,
    writer: Writer,
    done: watch::Sender<bool>,
    events: Weak<EventBus>,
    last_sync: Instant,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Wakes the thread.
    wake: Condvar,
}

#[derive(Debug)]
struct State {
    backlog: AuditBacklog,
    progress: Progress,
    lost: u64,
    failing: Option<String>,
    /// Entries that the thread has in hand.
    in_hand: u64,
    is_closing: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AuditLog {
    /// Opens the log and writes how this host's part of it begins.
    pub(crate) fn open(location: AuditLocation) -> Result<(Self, AuditThread), AuditLogError> {
        let (path, max_file_bytes) = (location.path.clone(), location.max_file_bytes);
        let Found { files, chain, beginning } = AuditFiles::open(location)?;
        let mut writer = Writer::new(Box::new(files), chain, max_file_bytes);
        writer.work.push_back(beginning_entry(beginning));
        writer.write().map_err(|source| AuditLogError::File { path, source })?;
        Ok(Self::over(writer))
    }

    fn over(writer: Writer) -> (Self, AuditThread) {
        let state = State {
            backlog: AuditBacklog::new(Arc::new(MonotonicClock::new())),
            progress: writer.progress(),
            lost: 0,
            failing: None,
            in_hand: 0,
            is_closing: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), wake: Condvar::new() });
        let (tell, done) = watch::channel(false);
        let thread = AuditThread {
            shared: Arc::clone(&shared),
            writer,
            done: tell,
            events: Weak::new(),
            last_sync: Instant::now(),
        };
        (Self { shared, done }, thread)
    }

    pub(crate) fn status(&self) -> AuditStatus {
        let state = self.shared.lock();
        AuditStatus {
            written: state.progress.written,
            lost: state.lost,
            waiting: state.backlog.len() + usize::try_from(state.in_hand).unwrap_or(usize::MAX),
            waiting_bytes: state.backlog.bytes(),
            failing: state.failing.clone(),
            records: state.progress.records,
            last_hash: state.progress.last_hash,
        }
    }

    /// Ends the log in order: what waits is written, within a bounded time. What is recorded afterwards is
    /// lost, and counted.
    pub(crate) async fn close(&self) {
        self.begin_to_close();
        let mut done = self.done.clone();
        let closed = tokio::time::timeout(CLOSE_PATIENCE, done.wait_for(|is_done| *is_done)).await;
        if closed.is_err() {
            let waiting = self.status().waiting;
            tracing::error!(waiting, "the audit log was not written to its end in time");
        }
    }

    fn begin_to_close(&self) {
        self.shared.lock().is_closing = true;
        self.shared.wake.notify_all();
    }
}

impl AuditSink for AuditLog {
    fn record(&self, event: AuditEvent) {
        let entry = AuditEntry { time: SystemTime::now(), event };
        let mut state = self.shared.lock();
        if state.is_closing || !state.backlog.push(entry) {
            state.lost += 1;
            return;
        }
        let is_much = state.backlog.len() == WAKE_AT;
        drop(state);
        if is_much {
            self.shared.wake.notify_all();
        }
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.begin_to_close();
    }
}

impl AuditThread {
    /// Begins to write. Whether it can be written is raised as events here.
    pub(crate) fn start(mut self, events: &Arc<EventBus>) -> Result<(), AuditLogError> {
        self.events = Arc::downgrade(events);
        let thread = thread::Builder::new().name("airssys-audit".to_owned());
        thread.spawn(move || self.run()).map(drop).map_err(AuditLogError::Thread)
    }

    fn run(mut self) {
        let mut pause = LOOK_EVERY;
        loop {
            let is_closing = self.wait(pause);
            match self.write_all(is_closing) {
                Ok(()) => pause = LOOK_EVERY,
                // The end of a host waits for no better time.
                Err(_) if is_closing => break,
                Err(_) => pause = RETRY_EVERY,
            }
            if is_closing {
                break;
            }
        }
        let Self { shared, writer, done, .. } = self;
        let mut state = shared.lock();
        state.lost += writer.unwritten() + state.backlog.len() as u64;
        drop(state);
        // Whoever hears of the end may open the log at once: its files, and their lock, are given up before.
        drop(writer);
        done.send_replace(true);
    }

    /// Waits for this long, or until there is much to write; whether the log is to end. While it cannot be
    /// written only its end is worth waking for.
    fn wait(&self, pause: Duration) -> bool {
        let state = self.shared.lock();
        let goes_on = |state: &mut State| {
            !state.is_closing && (state.failing.is_some() || state.backlog.len() < WAKE_AT)
        };
        let waited = self.shared.wake.wait_timeout_while(state, pause, goes_on);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_closing
    }

    /// Writes all that waits, and at the end that it is the end.
    fn write_all(&mut self, is_closing: bool) -> io::Result<()> {
        loop {
            let has_more = self.take(is_closing);
            let outcome = self.writer.write();
            self.tell(&outcome);
            outcome?;
            if !has_more {
                break;
            }
        }
        if is_closing {
            self.writer.work.push_back(entry(AuditKind::Closed, None));
            let outcome = self.writer.write();
            self.tell(&outcome);
            outcome?;
        }
        if is_closing || self.last_sync.elapsed() >= SYNC_EVERY {
            self.last_sync = Instant::now();
            let outcome = self.writer.sync();
            self.tell(&outcome);
            outcome?;
        }
        Ok(())
    }

    /// Takes some of the backlog into hand; whether there is more. Nothing, where an earlier attempt has
    /// failed and left some: the hand holds no more than the backlog has given it at once.
    fn take(&mut self, is_last: bool) -> bool {
        if !self.writer.is_idle() {
            return true;
        }
        let work: &mut VecDeque<_> = &mut self.writer.work;
        let mut state = self.shared.lock();
        state.backlog.take(TAKE, work);
        let has_more = !state.backlog.is_empty();
        state.backlog.take_losses(SystemTime::now(), is_last && !has_more, work);
        state.in_hand = self.writer.unwritten();
        has_more
    }

    /// Makes the outcome of an attempt known: the first failure, and the first success after it.
    fn tell(&self, outcome: &io::Result<()>) {
        let mut state = self.shared.lock();
        state.progress = self.writer.progress();
        state.in_hand = self.writer.unwritten();
        let was_failing = state.failing.is_some();
        state.failing = outcome.as_ref().err().map(ToString::to_string);
        let (failing, lost) = (state.failing.clone(), state.lost);
        drop(state);
        let raise = |event: Event| {
            if let Some(events) = self.events.upgrade() {
                events.raise(|| event);
            }
        };
        match failing {
            Some(error) if !was_failing => {
                tracing::error!(%error, "the audit log cannot be written; components go on");
                raise(Event::AuditFailing { error });
            }
            None if was_failing => {
                tracing::warn!(lost, "the audit log is written again");
                raise(Event::AuditRestored { lost });
            }
            _ => {}
        }
    }
}

fn beginning_entry(beginning: Beginning) -> AuditEntry {
    match beginning {
        Beginning::New { after, was_there, cut_bytes } => {
            // Whoever removes the last file leaves a chain that is whole; this host knows that there was one.
            let beginning = after.map(|aside| match (was_there, cut_bytes) {
                (false, _) => format!("goes on after {aside}; the file that followed it is gone"),
                (true, 0) => format!("goes on after {aside}; the file that followed it was empty"),
                (true, _) => format!("goes on after {aside}"),
            });
            entry(AuditKind::Begun, said(beginning.into_iter().chain(cut(cut_bytes))))
        }
        Beginning::Resumed { cut_bytes } => entry(AuditKind::Resumed, said(cut(cut_bytes))),
    }
}

fn cut(bytes: u64) -> Option<String> {
    (bytes > 0).then(|| format!("{bytes} bytes of an unfinished record cut off"))
}

/// What is to be said, as one reason; none where there is nothing.
fn said(parts: impl IntoIterator<Item = String>) -> Option<AuditReason> {
    let parts: Vec<_> = parts.into_iter().collect();
    (!parts.is_empty()).then(|| AuditReason::text(parts.join("; ")))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::super::store::{Rotated, Store};
    use super::*;
    use airssys_wasm_security::AuditChain;

    /// Takes everything, and is slow to go.
    #[derive(Debug)]
    struct SlowToGo(Arc<AtomicBool>);

    impl Store for SlowToGo {
        fn append(&mut self, _: &[u8]) -> io::Result<()> {
            Ok(())
        }

        fn bytes(&self) -> u64 {
            0
        }

        fn rotate(&mut self, _: u64) -> io::Result<Rotated> {
            Ok(Rotated::default())
        }

        fn sync(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Drop for SlowToGo {
        #[expect(
            clippy::disallowed_methods,
            reason = "on the thread of the log, which has no tasks to stall"
        )]
        fn drop(&mut self) {
            thread::sleep(Duration::from_millis(50));
            self.0.store(true, Ordering::Release);
        }
    }

    #[tokio::test]
    async fn a_log_that_is_closed_has_given_up_its_files() {
        let is_gone = Arc::new(AtomicBool::new(false));
        let store = Box::new(SlowToGo(Arc::clone(&is_gone)));
        let (log, thread) = AuditLog::over(Writer::new(store, AuditChain::new(), 1 << 20));
        thread.start(&Arc::new(EventBus::new(None))).unwrap();
        log.close().await;
        assert!(is_gone.load(Ordering::Acquire), "who is told of the end may open the log again");
    }
}
