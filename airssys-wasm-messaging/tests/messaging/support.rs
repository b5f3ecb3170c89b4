//! What several of these tests share.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use airssys_wasm_core::{Address, IdError, MailboxConfig, Overflow};
use airssys_wasm_messaging::Envelope;

/// Ends a test that would otherwise hang; no test waits for it to pass.
pub(crate) const HANG: Duration = Duration::from_secs(60);

pub(crate) fn config(capacity: usize, max_bytes: usize, overflow: Overflow) -> MailboxConfig {
    MailboxConfig { capacity, max_bytes, overflow }
}

pub(crate) fn sender() -> Result<Address, IdError> {
    "test/sender/0".parse()
}

/// A message whose first bytes say its number.
pub(crate) fn numbered(from: &Address, number: u32, weight: usize) -> Envelope {
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.resize(weight, 0);
    Envelope::new(from.clone(), bytes.into())
}

pub(crate) fn number_of(envelope: &Envelope) -> Option<u32> {
    Some(u32::from_be_bytes(*envelope.payload.bytes().first_chunk()?))
}

/// Counts how often it was woken.
#[derive(Debug, Default)]
pub(crate) struct Bell(AtomicUsize);

impl Bell {
    pub(crate) fn rung(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls once and says whether it was ready.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
