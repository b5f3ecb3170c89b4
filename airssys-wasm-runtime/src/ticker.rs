//! The clock of epochs: an operating-system thread of its own, which no guest can occupy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wasmtime::Engine;

/// Ticks one engine until it is dropped, by the last of those who share it.
#[derive(Debug)]
pub(crate) struct Ticker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Starts ticking `engine` every `period`.
    pub(crate) fn start(engine: &Engine, period: Duration) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let engine = engine.weak();
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new().name("airssys-epochs".to_owned()).spawn(move || {
            // The weak reference ends the thread where the engine outlives its owner's care.
            while !stopped.load(Ordering::Acquire) {
                thread::park_timeout(period);
                let Some(engine) = engine.upgrade() else { break };
                engine.increment_epoch();
            }
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // The thread only counts; a panic in it has nothing to tell.
            drop(thread.join());
        }
    }
}
