//! Two things measured in turns, so that what disturbs the machine disturbs both.

use std::time::{Duration, Instant};

/// The time of one operation over several rounds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// One round's time of one operation, in nanoseconds.
    pub(crate) fn push(&mut self, nanoseconds: f64) {
        self.0.push(nanoseconds);
    }

    pub(crate) fn add(&mut self, elapsed: Duration, operations: u32) {
        self.push(elapsed.as_secs_f64() * 1e9 / f64::from(operations.max(1)));
    }

    /// Nanoseconds of one operation in the median round.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// Runs an asynchronous piece of work and tells how long it took.
pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> (Duration, T) {
    let began = Instant::now();
    let value = work.await;
    (began.elapsed(), value)
}

/// Processor time of all threads of this process: what others do on the machine does not count.
#[cfg(unix)]
pub(crate) fn processor_time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).ok()
}

/// Not told on this system.
#[cfg(not(unix))]
pub(crate) fn processor_time() -> Option<Duration> {
    None
}
