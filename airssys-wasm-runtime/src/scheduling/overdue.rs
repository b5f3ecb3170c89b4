//! Calls that are over their time while the thread that could end them does not come to run.
//!
//! A thread for long calls stands back, so that on a saturated machine it may be long until a call that has run past its
//! time meets its next tick. Whoever waits for the call need not wait for that.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout_at;

use super::lane::{CallLane, Expiry};

/// How long after its time a call counts as overdue: nearly all calls end by themselves before.
const GRACE: Duration = Duration::from_millis(2);

/// What is done about a call that is overdue. It is called where the future belongs, at the priority of short calls.
pub(super) type OverdueHandler = Arc<dyn Fn(OverdueCall<'_>) + Send + Sync>;

/// A call that has run past its time, and has not ended yet.
#[derive(Debug)]
pub struct OverdueCall<'a> {
    lane: &'a CallLane,
    expiry: Expiry,
}

impl OverdueCall<'_> {
    /// Gives the call up: when it ends, it ends as a call that ran past its time, whatever it came to meanwhile, and its
    /// store is dropped. False where it has ended already, in whatever way.
    #[must_use = "a call that has ended is nothing to tell anybody about"]
    pub fn give_up(self) -> bool {
        self.lane.give_up(self.expiry)
    }
}

/// Tells of each call of this lane that is overdue, once.
pub(super) async fn watch(lane: CallLane, handler: OverdueHandler) {
    loop {
        if let Some(expiry) = lane.present() {
            let due = expiry.at.checked_add(GRACE).unwrap_or(expiry.at);
            if timeout_at(due.into(), lane.watched()).await.is_ok() {
                continue;
            }
            if lane.present() == Some(expiry) {
                handler(OverdueCall { lane: &lane, expiry });
            }
        }
        lane.watched().await;
    }
}
