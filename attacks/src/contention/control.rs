//! How late the machine itself is: a plain thread that only sleeps, beside the host.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::oneshot;

use super::distribution::Distribution;

/// What the control sleeps at a time.
pub(super) const NAP: Duration = Duration::from_millis(1);

/// A thread that sleeps, until it is asked how late it was woken; dropped, it ends as well.
pub(super) struct Control {
    stop: Arc<AtomicBool>,
    lateness: oneshot::Receiver<Vec<Duration>>,
}

impl Control {
    pub(super) fn start() -> Result<Self> {
        let (sender, lateness) = oneshot::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        thread::Builder::new().name("control".to_owned()).spawn(move || {
            let mut late = vec![nap(NAP)];
            while !stopped.load(Ordering::Acquire) {
                late.push(nap(NAP));
            }
            // Nobody may want to know any more.
            drop(sender.send(late));
        })?;
        Ok(Self { stop, lateness })
    }

    /// How late each awakening was.
    pub(super) async fn lateness(mut self) -> Result<Distribution> {
        self.stop.store(true, Ordering::Release);
        Distribution::of((&mut self.lateness).await.context("the control ended before its time")?)
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

/// Sleeps, and tells how late it was woken.
#[expect(
    clippy::disallowed_methods,
    reason = "only threads of their own do so, which have no tasks to stall"
)]
pub(super) fn nap(time: Duration) -> Duration {
    let began = Instant::now();
    thread::sleep(time);
    began.elapsed().saturating_sub(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_that_is_asked_at_once_has_seen_something_too() {
        assert!(Control::start().unwrap().lateness().await.is_ok());
    }
}
