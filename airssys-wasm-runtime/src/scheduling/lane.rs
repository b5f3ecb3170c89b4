//! Where the calls of one instance run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// The future that owns the instance can move.
const MOVABLE: u8 = 1;
/// The last call was long, or the present one is.
const LONG: u8 = 2;
/// The future is with the threads for long calls.
const AWAY: u8 = 4;

/// Where the calls of one instance run: beside the host's other work, or with the long calls.
///
/// Given to an instance at its start, and to [`WasmtimeEngine::in_lane`](crate::WasmtimeEngine::in_lane)
/// together with the future that owns the instance. Without the latter its calls stay where they are, and
/// only yield at each tick.
///
/// ```
/// use airssys_wasm_runtime::CallLane;
///
/// assert!(!CallLane::new().is_long());
/// ```
#[derive(Debug, Clone, Default)]
pub struct CallLane(Arc<AtomicU8>);

impl CallLane {
    /// The lane of an instance that has computed for long never yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the last call was long, or the present one is.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.has(LONG)
    }

    pub(super) fn make_movable(&self) {
        self.0.fetch_or(MOVABLE, Ordering::Relaxed);
    }

    pub(super) fn moved(&self, is_away: bool) {
        if is_away {
            self.0.fetch_or(AWAY, Ordering::Relaxed);
        } else {
            self.0.fetch_and(!AWAY, Ordering::Relaxed);
        }
    }

    /// The present call has outlived its slice.
    pub(crate) fn mark_long(&self) {
        if self.has(MOVABLE) {
            self.0.fetch_or(LONG, Ordering::Relaxed);
        }
    }

    /// The call that ended was short.
    pub(crate) fn mark_short(&self) {
        if self.has(LONG) {
            self.0.fetch_and(!LONG, Ordering::Relaxed);
        }
    }

    /// Goes back to the other short calls after the first short one among the long.
    pub(crate) async fn settle(&self) {
        if self.has(AWAY) && !self.is_long() {
            // The future is moved when it waits, and it has to wait for that.
            tokio::task::yield_now().await;
        }
    }

    fn has(&self, bit: u8) -> bool {
        self.0.load(Ordering::Relaxed) & bit != 0
    }
}
