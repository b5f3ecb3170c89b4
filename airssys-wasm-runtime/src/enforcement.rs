//! Whether an engine enforces its limits.
//!
//! Invariant: without the feature `unlimited-for-benchmarks` there is one value, it enforces, and every
//! question asked of it is answered when this crate is compiled.

use std::future::Future;
use std::time::Duration;

use crate::deadline::{Interruption, KillSwitch, within};

/// Whether an engine enforces its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Enforcement {
    /// All limits hold.
    #[default]
    On,
    /// No fuel, no ticks, no limiter and no time: what the limits cost is measured against this.
    #[cfg(feature = "unlimited-for-benchmarks")]
    Off,
}

impl Enforcement {
    pub(crate) fn is_on(self) -> bool {
        self == Self::On
    }

    /// As [`within`], where limits are enforced; else nothing ends the call.
    pub(crate) async fn within<F: Future>(
        self,
        call: F,
        timeout: Duration,
        switch: &KillSwitch,
    ) -> Result<F::Output, Interruption> {
        // Pinned once for both, so that a call is not moved a second time.
        let mut call = std::pin::pin!(call);
        if self.is_on() { within(call.as_mut(), timeout, switch).await } else { Ok(call.await) }
    }
}
