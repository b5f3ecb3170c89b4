//! Numbers that tie replies to requests.

use std::sync::atomic::{AtomicU64, Ordering};

use airssys_wasm_core::CorrelationId;

/// Gives out correlation ids, each once, counting from 1.
///
/// A router keeps one for its whole life. The ids follow one another, and that does no harm: an answer goes the
/// way that its request carries, and an instance finds only its own requests by their ids.
///
/// ```
/// use airssys_wasm_messaging::CorrelationSource;
///
/// let source = CorrelationSource::new();
/// assert_ne!(source.next_id(), source.next_id());
/// ```
#[derive(Debug)]
pub struct CorrelationSource {
    next: AtomicU64,
}

impl CorrelationSource {
    /// A source that starts at 1.
    #[must_use]
    pub const fn new() -> Self {
        Self { next: AtomicU64::new(1) }
    }

    /// An id that this source has not given out before. At a thousand million per second they last
    /// for 584 years.
    #[must_use]
    pub fn next_id(&self) -> CorrelationId {
        CorrelationId::new(self.next.fetch_add(1, Ordering::Relaxed))
    }
}

impl Default for CorrelationSource {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread;

    use super::*;

    #[test]
    fn ids_are_unique_across_threads() {
        const THREADS: usize = 4;
        const EACH: usize = 1_000;
        let source = CorrelationSource::new();
        let ids: HashSet<_> = thread::scope(|scope| {
            let takers: Vec<_> = (0..THREADS)
                .map(|_| scope.spawn(|| (0..EACH).map(|_| source.next_id()).collect::<Vec<_>>()))
                .collect();
            takers.into_iter().filter_map(|taker| taker.join().ok()).flatten().collect()
        });
        assert_eq!(ids.len(), THREADS * EACH);
    }
}
