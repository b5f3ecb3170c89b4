//! The clock of epochs: an operating-system thread of its own, which no guest can occupy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use wasmtime::Engine;

use crate::scheduling::nanos;

/// Ticks one engine until it is dropped, by the last of those who share it.
#[derive(Debug)]
pub(crate) struct Ticker {
    ticks: Arc<Ticks>,
    thread: Option<JoinHandle<()>>,
}

/// The ticks of one engine, counted beside its epochs, which only compiled code can read.
///
/// A tick may be late, and never early: `n + 1` of them are `n` periods apart at least.
#[derive(Debug)]
pub(crate) struct Ticks {
    period: Duration,
    count: AtomicU64,
    /// When the last one was, comparable with [`nanos`].
    last: AtomicU64,
    is_over: AtomicBool,
}

impl Ticker {
    /// Starts ticking `engine` every `period`.
    pub(crate) fn start(engine: &Engine, period: Duration) -> std::io::Result<Self> {
        let engine = engine.weak();
        let ticks = Arc::new(Ticks::new(period));
        let told = Arc::clone(&ticks);
        let thread = thread::Builder::new().name("airssys-epochs".to_owned()).spawn(move || {
            // The weak reference ends the thread where the engine outlives its owner's care.
            while told.wait() {
                let Some(engine) = engine.upgrade() else { break };
                told.add(Instant::now());
                engine.increment_epoch();
            }
        })?;
        Ok(Self { ticks, thread: Some(thread) })
    }

    /// One that ticks only when a test says so.
    #[cfg(test)]
    pub(crate) fn by_hand(period: Duration) -> Self {
        Self { ticks: Arc::new(Ticks::new(period)), thread: None }
    }

    pub(crate) fn ticks(&self) -> &Arc<Ticks> {
        &self.ticks
    }
}

impl Ticks {
    fn new(period: Duration) -> Self {
        let (count, last, is_over) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
        Self { period, count, last, is_over }
    }

    /// How many there were.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// The time between two of them, at least.
    pub(crate) fn period(&self) -> Duration {
        self.period
    }

    /// The time since the last one.
    pub(crate) fn since_last(&self, now: Instant) -> Duration {
        Duration::from_nanos(nanos(now).saturating_sub(self.last.load(Ordering::Relaxed)))
    }

    /// Counts one more.
    pub(crate) fn add(&self, now: Instant) {
        self.last.store(nanos(now), Ordering::Relaxed);
        // After it, so that who sees the count sees the time, too.
        self.count.fetch_add(1, Ordering::Release);
    }

    /// Waits for a period, however often the thread is woken meanwhile; false where there is to be no other tick.
    fn wait(&self) -> bool {
        let began = Instant::now();
        while !self.is_over.load(Ordering::Acquire) {
            let left = self.period.saturating_sub(began.elapsed());
            if left.is_zero() {
                return true;
            }
            thread::park_timeout(left);
        }
        false
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.ticks.is_over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // The thread only counts; a panic in it has nothing to tell.
            drop(thread.join());
        }
    }
}
