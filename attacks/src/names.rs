//! Answers every name that a guest looks up, and measures what it is asked.

use std::future::pending;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use airssys_wasm_core::{BoxFuture, ComponentId, HostName, NameResolver, ResolveError};

/// What every name is answered with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    /// These addresses.
    Addresses(&'static [IpAddr]),
    /// So many public addresses.
    Public(u16),
    /// A public address at every other time, and the host itself between.
    Rebound,
    /// Nothing, ever.
    Silence,
}

/// Answers every name in the same way.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    answer: Answer,
    figures: Arc<Figures>,
}

#[derive(Debug, Default)]
struct Figures {
    asked: AtomicU64,
    longest: AtomicU64,
    waiting: AtomicU64,
    most_waiting: AtomicU64,
}

impl Names {
    pub(crate) fn answering(answer: Answer) -> Self {
        Self { answer, figures: Arc::default() }
    }

    /// Names that were asked for.
    pub(crate) fn asked(&self) -> u64 {
        self.figures.asked.load(Ordering::SeqCst)
    }

    /// Bytes of the longest of them.
    pub(crate) fn longest(&self) -> u64 {
        self.figures.longest.load(Ordering::SeqCst)
    }

    /// Look-ups that were under way at the same time.
    pub(crate) fn most_waiting(&self) -> u64 {
        self.figures.most_waiting.load(Ordering::SeqCst)
    }
}

/// Public addresses that nobody connects to here.
fn public(count: u16) -> Vec<IpAddr> {
    let first = Ipv4Addr::new(1, 1, 0, 0).to_bits();
    (0..u32::from(count)).map(|number| Ipv4Addr::from_bits(first + number).into()).collect()
}

/// A look-up under way, as long as somebody waits for it.
struct Waiting<'a>(&'a Figures);

impl<'a> Waiting<'a> {
    fn with(figures: &'a Figures) -> Self {
        let waiting = figures.waiting.fetch_add(1, Ordering::SeqCst) + 1;
        figures.most_waiting.fetch_max(waiting, Ordering::SeqCst);
        Self(figures)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl NameResolver for Names {
    fn resolve<'a>(
        &'a self,
        _: &'a ComponentId,
        name: &'a HostName,
    ) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>> {
        Box::pin(async {
            let turn = self.figures.asked.fetch_add(1, Ordering::SeqCst);
            self.figures.longest.fetch_max(name.as_str().len() as u64, Ordering::SeqCst);
            let _waiting = Waiting::with(&self.figures);
            match self.answer {
                Answer::Addresses(addresses) => Ok(addresses.to_vec()),
                Answer::Public(count) => Ok(public(count)),
                Answer::Rebound if turn.is_multiple_of(2) => Ok(public(1)),
                Answer::Rebound => Ok(vec![Ipv4Addr::LOCALHOST.into()]),
                Answer::Silence => pending().await,
            }
        })
    }
}
