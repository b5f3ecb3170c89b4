//! Who asks a well-behaved sibling, and how long each answer takes.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as Waiting, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::sync::oneshot;

use airssys_wasm_core::MessagePayload;
use airssys_wasm_system::ComponentRef;

use crate::siege::GIVE_UP;

use super::control::nap;
use super::distribution::Distribution;

pub(super) const PAYLOAD: [u8; 64] = [b'x'; 64];

/// From an answer to the next request from outside: long enough that whoever waits for it sleeps.
const PAUSE: Duration = Duration::from_micros(100);

#[derive(Debug, Clone, Copy)]
pub(super) enum Caller {
    /// A task of the host's own that asks again as soon as it is answered. Most of its calls fall into times at
    /// which nothing keeps the host from its work, even where such times are short.
    Busy,
    /// A thread that is none of the host's and asks now and then: it meets a bad time as likely as such times are
    /// long, and finds the host asleep where there is nothing to do.
    Outside,
}

impl Caller {
    /// The round trips of so long a time, one after the other.
    pub(super) async fn round_trips(self, sibling: &ComponentRef, window: Duration) -> Result<Distribution> {
        let sibling = sibling.clone();
        let (sender, times) = oneshot::channel();
        // Whoever waits for the times may have given up.
        match self {
            Self::Busy => drop(tokio::spawn(async move { drop(sender.send(busy(&sibling, window).await)) })),
            Self::Outside => {
                let thread = thread::Builder::new().name("caller".to_owned());
                drop(thread.spawn(move || drop(sender.send(outside(&sibling, window))))?);
            }
        }
        let times = tokio::time::timeout(window + GIVE_UP, times);
        Distribution::of(times.await.context("the sibling does not answer")?.context("the caller is gone")??)
    }
}

async fn busy(sibling: &ComponentRef, window: Duration) -> Result<Vec<Duration>> {
    let message = MessagePayload::from(&PAYLOAD);
    let mut times = Vec::new();
    let began = Instant::now();
    while began.elapsed() < window {
        times.push(round_trip(sibling, &message).await?);
    }
    Ok(times)
}

fn outside(sibling: &ComponentRef, window: Duration) -> Result<Vec<Duration>> {
    let message = MessagePayload::from(&PAYLOAD);
    let mut times = Vec::new();
    let began = Instant::now();
    while began.elapsed() < window {
        // By a clock of its own: the host's timers fire when the host is at its best.
        nap(PAUSE);
        times.push(wait_for(round_trip(sibling, &message))?);
    }
    Ok(times)
}

async fn round_trip(sibling: &ComponentRef, message: &MessagePayload) -> Result<Duration> {
    let asked = Instant::now();
    let reply = sibling.request(message.clone()).await?;
    let elapsed = asked.elapsed();
    ensure!(reply.bytes().as_ref() == PAYLOAD.as_slice(), "answered {:?}", reply.bytes());
    Ok(elapsed)
}

/// Waits without the host's runtime, on a thread that has nothing else to do.
fn wait_for<T>(answer: impl Future<Output = T>) -> T {
    let mut answer = pin!(answer);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match answer.as_mut().poll(&mut Waiting::from_waker(&waker)) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
