//! How an actor is told from outside to end.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

use airssys_wasm_runtime::KillSwitch;

/// What an actor was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Run,
    Stop,
    Kill,
}

/// Asks an actor to end. A wish is never taken back, and a kill beats a stop.
#[derive(Debug, Default)]
pub(crate) struct Control {
    wish: AtomicU8,
    told: Notify,
    switch: KillSwitch,
}

impl Control {
    pub(crate) fn stop(&self) {
        self.wish.fetch_max(Wish::Stop as u8, Ordering::AcqRel);
        self.told.notify_waiters();
    }

    /// Ends a call that is under way, too.
    pub(crate) fn kill(&self) {
        self.wish.fetch_max(Wish::Kill as u8, Ordering::AcqRel);
        self.switch.kill();
        self.told.notify_waiters();
    }

    pub(crate) fn wish(&self) -> Wish {
        match self.wish.load(Ordering::Acquire) {
            0 => Wish::Run,
            1 => Wish::Stop,
            _ => Wish::Kill,
        }
    }

    /// The switch that ends calls; one for all instances of the actor.
    pub(crate) fn switch(&self) -> KillSwitch {
        self.switch.clone()
    }

    /// Resolves once a wish is there.
    pub(crate) async fn wished(&self) -> Wish {
        loop {
            let told = self.told.notified();
            match self.wish() {
                Wish::Run => told.await,
                wish => return wish,
            }
        }
    }
}
