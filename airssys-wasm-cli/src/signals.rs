//! Ctrl-C and SIGTERM: the first asks for a clean end, the second ends the process at once.
//!
//! Invariant: they are served by a thread of their own, so that guests that fill every worker of the
//! runtime delay neither.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;

use tokio::runtime;
use tokio::sync::watch;

use crate::exit::SIGNAL_BASE;

/// Whether somebody asked for a clean end. All clones tell the same.
#[derive(Debug, Clone)]
pub(crate) struct Interruption {
    has_come: Arc<AtomicBool>,
    come: watch::Receiver<bool>,
}

impl Interruption {
    /// Takes over both signals, from the return of this function on.
    pub(crate) fn listen() -> io::Result<Self> {
        let has_come = Arc::new(AtomicBool::new(false));
        let (announce, come) = watch::channel(false);
        // One place: the thread tells once whether it could begin.
        let (ready, begun) = sync_channel(1);
        let flag = Arc::clone(&has_come);
        thread::Builder::new().name("signals".into()).spawn(move || {
            let runtime = match runtime::Builder::new_current_thread().enable_io().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(ready.send(Err(error))),
            };
            runtime.block_on(async move {
                let mut signals = match Signals::new() {
                    Ok(signals) => signals,
                    Err(error) => return drop(ready.send(Err(error))),
                };
                drop(ready.send(Ok(())));
                signals.next().await;
                flag.store(true, Ordering::Release);
                announce.send_replace(true);
                let number = signals.next().await;
                std::process::exit(i32::from(SIGNAL_BASE + number));
            });
        })?;
        begun.recv().map_err(io::Error::other)??;
        Ok(Self { has_come, come })
    }

    /// Whether the first signal has come; cheap enough to ask for each line.
    pub(crate) fn has_come(&self) -> bool {
        self.has_come.load(Ordering::Acquire)
    }

    /// Resolves when the first signal has come, at once where it has already.
    pub(crate) async fn come(&self) {
        // The sender lives as long as the process.
        drop(self.come.clone().wait_for(|come| *come).await);
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The number of the next signal.
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// The number of the next signal.
    async fn next(&mut self) -> u8 {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        2
    }
}
