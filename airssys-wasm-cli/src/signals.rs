//! Ctrl-C and SIGTERM: the first asks for a clean end, the second ends the process at once.
//!
//! Invariant: they are served by a thread of their own, which also measures how long the clean end may
//! take, so that guests that fill every worker of the runtime delay none of it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use tokio::runtime;
use tokio::sync::watch;

use crate::exit::SIGNAL_BASE;

/// How far the end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Nobody asked for it.
    NotAsked,
    /// The first signal has come.
    Asked,
    /// The time for a clean end is over.
    Expired,
}

/// Whether somebody asked for a clean end. All clones tell the same.
#[derive(Debug, Clone)]
pub(crate) struct Interruption {
    has_come: Arc<AtomicBool>,
    stage: watch::Receiver<Stage>,
    grace: Duration,
}

impl Interruption {
    /// Takes over both signals, from the return of this function on. `grace` is how long after the first
    /// one a clean end may take.
    pub(crate) fn listen(grace: Duration) -> io::Result<Self> {
        let has_come = Arc::new(AtomicBool::new(false));
        let (announce, stage) = watch::channel(Stage::NotAsked);
        // One place: the thread tells once whether it could begin.
        let (ready, begun) = sync_channel(1);
        let flag = Arc::clone(&has_come);
        thread::Builder::new().name("signals".into()).spawn(move || {
            let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
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
                announce.send_replace(Stage::Asked);
                let expiry = async {
                    tokio::time::sleep(grace).await;
                    announce.send_replace(Stage::Expired);
                    std::future::pending::<()>().await;
                };
                tokio::select! {
                    number = signals.next() => std::process::exit(i32::from(SIGNAL_BASE + number)),
                    () = expiry => {}
                }
            });
        })?;
        begun.recv().map_err(io::Error::other)??;
        Ok(Self { has_come, stage, grace })
    }

    /// Whether the first signal has come; cheap enough to ask for each line.
    pub(crate) fn has_come(&self) -> bool {
        self.has_come.load(Ordering::Acquire)
    }

    /// Resolves when the first signal has come, at once where it has already.
    pub(crate) async fn come(&self) {
        self.reach(Stage::Asked).await;
    }

    /// Resolves when the grace after the first signal is over, at once where it is already.
    pub(crate) async fn expire(&self) {
        self.reach(Stage::Expired).await;
    }

    /// How long after the first signal a clean end may take.
    pub(crate) fn grace(&self) -> Duration {
        self.grace
    }

    async fn reach(&self, stage: Stage) {
        // The sender lives as long as the process.
        drop(self.stage.clone().wait_for(|reached| *reached >= stage).await);
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
