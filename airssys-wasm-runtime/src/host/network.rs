//! What one instance may do with the network, and what it was told of it.
//!
//! Invariant: whatever is refused for want of a right is told to the port for that, where it is refused.

#![expect(
    clippy::disallowed_types,
    reason = "the answers of look-ups, which go on beside the guest; held for a decision or to note an answer"
)]

use std::error::Error;
use std::fmt::Display;
use std::future::{Future, ready};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi::sockets::SocketAddrUse;

use airssys_wasm_core::{
    AccessDenial, AccessObserver, AccessRight, ComponentId, HostName, NameResolver, NetworkCapabilities,
    ResolveError,
};
use airssys_wasm_security::{
    Clock, DestinationSet, Lookup, MessageRateLimiter, MonotonicClock, NetworkAccess, NetworkRefusal,
};

use crate::bounds::{
    LOOKUPS_BURST, LOOKUPS_PER_SECOND, MAX_KNOWN_ADDRESSES, MAX_LOOKUP_ANSWERS, MAX_LOOKUP_TIME, MAX_LOOKUPS,
    MAX_SOCKETS, NEW_SOCKETS_BURST, NEW_SOCKETS_PER_SECOND,
};
use crate::ports::InstancePorts;

/// What one instance may do with the network, and what it was told of it.
#[derive(Debug)]
pub(crate) struct InstanceNetwork {
    id: ComponentId,
    observer: Arc<dyn AccessObserver>,
    resolver: Arc<dyn NameResolver>,
    access: Mutex<NetworkAccess>,
    may_connect: bool,
    clock: MonotonicClock,
    new_sockets: MessageRateLimiter,
    new_lookups: MessageRateLimiter,
    lookups: Arc<Semaphore>,
}

/// Why something is not done for a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A right is missing, and somebody was told so.
    Denied,
    /// It is no name.
    Malformed,
    /// A bound is reached; later it may be possible.
    TooMany,
    /// There is no address.
    Unresolvable,
    /// There is no answer; later there may be one.
    NoAnswer,
}

/// A look-up that may begin.
#[derive(Debug)]
pub(super) enum Asking {
    /// There is nothing to ask.
    Answered(IpAddr),
    /// The name, and the place that it takes among the instance's look-ups.
    Name(HostName, OwnedSemaphorePermit),
}

type Verdict = Pin<Box<dyn Future<Output = bool> + Send + Sync>>;

impl InstanceNetwork {
    pub(crate) fn new(id: &ComponentId, ports: &InstancePorts, granted: &NetworkCapabilities) -> Self {
        let granted = DestinationSet::new(&granted.connect);
        Self {
            id: id.clone(),
            observer: Arc::clone(&ports.access),
            resolver: Arc::clone(&ports.resolver),
            may_connect: !granted.is_empty(),
            access: Mutex::new(NetworkAccess::new(Arc::new(granted), MAX_KNOWN_ADDRESSES)),
            clock: MonotonicClock::new(),
            new_sockets: MessageRateLimiter::new(NEW_SOCKETS_PER_SECOND, NEW_SOCKETS_BURST),
            new_lookups: MessageRateLimiter::new(LOOKUPS_PER_SECOND, LOOKUPS_BURST),
            lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)),
        }
    }

    /// Whether it may connect anywhere at all.
    pub(crate) fn may_connect(&self) -> bool {
        self.may_connect
    }

    /// What the engine asks before each use of an address.
    pub(crate) fn address_check(
        self: Arc<Self>,
    ) -> impl Fn(SocketAddr, SocketAddrUse) -> Verdict + Send + Sync + 'static {
        move |address, usage| Box::pin(ready(self.allows(address, usage)))
    }

    fn allows(&self, address: SocketAddr, usage: SocketAddrUse) -> bool {
        match usage {
            SocketAddrUse::TcpConnect => {
                let decided = self.access().connect(address);
                decided.map_err(|refusal| self.deny(&address, &refusal)).is_ok()
            }
            // A connection takes some port of its own, and the engine asks for that in the same words as for a port
            // that the guest leaves to the system. Without the right to listen nothing comes of it.
            SocketAddrUse::TcpBind if address.ip().is_unspecified() && address.port() == 0 => true,
            SocketAddrUse::TcpBind => {
                self.deny(&address, &"an address of its own is granted to no component");
                false
            }
            SocketAddrUse::TcpListen | SocketAddrUse::TcpAccept => {
                self.deny(&address, &"listening is granted to no component");
                false
            }
            SocketAddrUse::UdpBind | SocketAddrUse::UdpSend | SocketAddrUse::UdpReceive => {
                self.deny_udp(&address);
                false
            }
        }
    }

    /// Whether it may have one more socket beside those that are open.
    pub(super) fn may_open(&self, open: usize) -> Result<(), Refusal> {
        if !self.may_connect {
            let target = &"wasi:sockets/tcp-create-socket.create-tcp-socket";
            return Err(self.deny(target, &NetworkRefusal::NotGranted));
        }
        if open < MAX_SOCKETS && self.new_sockets.try_acquire(self.clock.nanos()) {
            Ok(())
        } else {
            Err(Refusal::TooMany)
        }
    }

    /// Whether it may look a text up now, which is no longer than a name can be.
    pub(super) fn may_ask(&self, text: &str) -> Result<Asking, Refusal> {
        let looked_up = self.access().look_up(text);
        let name = match looked_up {
            Ok(Lookup::Address(address)) => return Ok(Asking::Answered(address)),
            Ok(Lookup::Name(name)) => name,
            Err(NetworkRefusal::Malformed(_)) => return Err(Refusal::Malformed),
            Err(refusal) => return Err(self.deny(&text, &refusal)),
        };
        let place = Arc::clone(&self.lookups).try_acquire_owned().map_err(|_| Refusal::TooMany)?;
        if self.new_lookups.try_acquire(self.clock.nanos()) {
            Ok(Asking::Name(name, place))
        } else {
            Err(Refusal::TooMany)
        }
    }

    /// Asks for a name and judges what comes back.
    pub(super) async fn ask(&self, name: &HostName) -> Result<Vec<IpAddr>, Refusal> {
        let asked = tokio::time::timeout(MAX_LOOKUP_TIME, self.resolver.resolve(&self.id, name)).await;
        let answers = match asked {
            Ok(Ok(answers)) => answers,
            Ok(Err(error)) => {
                tracing::debug!(
                    target: "airssys_wasm::access",
                    component = %self.id, %name, %error, source = error.source(), "name not resolved"
                );
                return Err(match error {
                    ResolveError::Unavailable(_) => Refusal::NoAnswer,
                    _ => Refusal::Unresolvable,
                });
            }
            Err(_) => return Err(Refusal::NoAnswer),
        };
        let judged = self.access().answered(name, answers.into_iter().take(MAX_LOOKUP_ANSWERS));
        for (address, class) in &judged.refused {
            self.deny(&format_args!("{name} at {address}"), &NetworkRefusal::NotPublic(*class));
        }
        if !judged.admitted.is_empty() {
            Ok(judged.admitted)
        } else if judged.refused.is_empty() {
            Err(Refusal::Unresolvable)
        } else {
            Err(Refusal::Denied)
        }
    }

    pub(super) fn deny_udp(&self, target: &dyn Display) -> Refusal {
        self.deny(target, &"UDP is granted to no component")
    }

    fn deny(&self, target: &dyn Display, reason: &dyn Display) -> Refusal {
        self.observer.denied(&self.id, &AccessDenial::new(AccessRight::Network, target, reason));
        Refusal::Denied
    }

    fn access(&self) -> MutexGuard<'_, NetworkAccess> {
        self.access.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
