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
use std::time::Duration;

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
    rates: NetworkRates,
    lookups: Arc<Semaphore>,
    max_lookup_time: Duration,
}

/// How fast an instance makes sockets and looks names up, its restarts included.
///
/// Whoever restarts an instance gives it the same one again.
#[derive(Debug, Clone)]
pub struct NetworkRates(Arc<Rates>);

#[derive(Debug)]
struct Rates {
    clock: MonotonicClock,
    new_sockets: MessageRateLimiter,
    new_lookups: MessageRateLimiter,
}

impl NetworkRates {
    /// With all that may be done at once still at hand.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Rates {
            clock: MonotonicClock::new(),
            new_sockets: MessageRateLimiter::new(NEW_SOCKETS_PER_SECOND, NEW_SOCKETS_BURST),
            new_lookups: MessageRateLimiter::new(LOOKUPS_PER_SECOND, LOOKUPS_BURST),
        }))
    }

    fn admit_socket(&self) -> bool {
        self.0.new_sockets.try_acquire(self.0.clock.nanos())
    }

    fn admit_look_up(&self) -> bool {
        self.0.new_lookups.try_acquire(self.0.clock.nanos())
    }
}

impl Default for NetworkRates {
    fn default() -> Self {
        Self::new()
    }
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
    pub(crate) fn new(
        id: &ComponentId,
        ports: &InstancePorts,
        granted: &NetworkCapabilities,
        rates: NetworkRates,
    ) -> Self {
        let granted = DestinationSet::new(&granted.connect);
        Self {
            id: id.clone(),
            observer: Arc::clone(&ports.access),
            resolver: Arc::clone(&ports.resolver),
            may_connect: !granted.is_empty(),
            access: Mutex::new(NetworkAccess::new(Arc::new(granted), MAX_KNOWN_ADDRESSES)),
            rates,
            lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)),
            max_lookup_time: MAX_LOOKUP_TIME,
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
        if open < MAX_SOCKETS && self.rates.admit_socket() { Ok(()) } else { Err(Refusal::TooMany) }
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
        if self.rates.admit_look_up() { Ok(Asking::Name(name, place)) } else { Err(Refusal::TooMany) }
    }

    /// Asks for a name and judges what comes back.
    pub(super) async fn ask(&self, name: &HostName) -> Result<Vec<IpAddr>, Refusal> {
        let asked = tokio::time::timeout(self.max_lookup_time, self.resolver.resolve(&self.id, name)).await;
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

#[cfg(test)]
mod tests {
    use std::future::pending;

    use airssys_wasm_core::{BoxError, BoxFuture};

    use super::*;

    /// Keeps what was denied, and answers names with what it has.
    #[derive(Debug, Default)]
    struct World {
        denials: Mutex<Vec<String>>,
        answers: Vec<IpAddr>,
        is_silent: bool,
        is_away: bool,
    }

    impl AccessObserver for World {
        fn denied(&self, component: &ComponentId, denial: &AccessDenial<'_>) {
            assert_eq!(component.as_str(), "test/guest/0");
            self.denials.lock().unwrap().push(denial.to_string());
        }
    }

    impl NameResolver for World {
        fn resolve<'a>(
            &'a self,
            _: &'a ComponentId,
            _: &'a HostName,
        ) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>> {
            Box::pin(async {
                if self.is_silent {
                    pending::<()>().await;
                }
                if self.is_away {
                    return Err(ResolveError::Unavailable(BoxError::from("no server")));
                }
                Ok(self.answers.clone())
            })
        }
    }

    fn network(world: &Arc<World>, connect: &[&str]) -> Arc<InstanceNetwork> {
        started(world, connect, &NetworkRates::new())
    }

    /// That of an instance which is started with these rates, or started again.
    fn started(world: &Arc<World>, connect: &[&str], rates: &NetworkRates) -> Arc<InstanceNetwork> {
        let ports = InstancePorts {
            access: Arc::clone(world) as _,
            resolver: Arc::clone(world) as _,
            ..InstancePorts::isolated()
        };
        let connect = connect.iter().map(|text| text.parse().unwrap()).collect();
        let id = "test/guest/0".parse().unwrap();
        Arc::new(InstanceNetwork::new(&id, &ports, &NetworkCapabilities { connect }, rates.clone()))
    }

    fn answering(answers: &[&str]) -> Arc<World> {
        let answers = answers.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(World { answers, ..World::default() })
    }

    async fn look_up(network: &InstanceNetwork, text: &str) -> Result<Vec<IpAddr>, Refusal> {
        match network.may_ask(text)? {
            Asking::Answered(address) => Ok(vec![address]),
            Asking::Name(name, _place) => network.ask(&name).await,
        }
    }

    #[tokio::test]
    async fn answers_are_for_the_instance_that_asked() {
        let world = answering(&["1.1.1.1"]);
        let [asker, other] = [0, 1].map(|_| network(&world, &["api.example.com:443"]));
        let address: SocketAddr = "1.1.1.1:443".parse().unwrap();
        assert!(!asker.allows(address, SocketAddrUse::TcpConnect));
        assert_eq!(look_up(&asker, "api.example.com").await, Ok(vec![address.ip()]));
        assert!(asker.allows(address, SocketAddrUse::TcpConnect));
        assert!(!other.allows(address, SocketAddrUse::TcpConnect));
        assert_eq!(world.denials.lock().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn connections_are_all_that_is_ever_granted() {
        let world = answering(&[]);
        let network = network(&world, &["127.0.0.1:80"]);
        let granted: SocketAddr = "127.0.0.1:80".parse().unwrap();
        let any: SocketAddr = "0.0.0.0:0".parse().unwrap();
        let allows = |address, usage| network.allows(address, usage);
        assert!(allows(granted, SocketAddrUse::TcpConnect));
        assert!(allows(any, SocketAddrUse::TcpBind), "each connection asks for it");
        assert_eq!(*world.denials.lock().unwrap(), Vec::<String>::new());
        for usage in [
            SocketAddrUse::TcpBind,
            SocketAddrUse::TcpListen,
            SocketAddrUse::TcpAccept,
            SocketAddrUse::UdpBind,
            SocketAddrUse::UdpSend,
            SocketAddrUse::UdpReceive,
        ] {
            assert!(!allows(granted, usage), "{usage:?}");
        }
        for usage in [SocketAddrUse::TcpConnect, SocketAddrUse::TcpListen, SocketAddrUse::UdpBind] {
            assert!(!allows(any, usage), "{usage:?}");
        }
        assert!(!allows("0.0.0.0:80".parse().unwrap(), SocketAddrUse::TcpBind));
        assert_eq!(world.denials.lock().unwrap().len(), 10);
    }

    #[tokio::test]
    async fn every_failure_of_a_look_up_has_its_own_name() {
        let connect = ["api.example.com:443"];
        let check = async |world: World, expected: Refusal| {
            let mut network = network(&Arc::new(world), &connect);
            Arc::get_mut(&mut network).unwrap().max_lookup_time = Duration::from_millis(5);
            assert_eq!(look_up(&network, "api.example.com").await, Err(expected));
        };
        check(World { is_silent: true, ..World::default() }, Refusal::NoAnswer).await;
        check(World { is_away: true, ..World::default() }, Refusal::NoAnswer).await;
        check(World::default(), Refusal::Unresolvable).await;
        check(World { answers: vec!["10.0.0.1".parse().unwrap()], ..World::default() }, Refusal::Denied)
            .await;
    }

    #[tokio::test]
    async fn look_ups_and_sockets_are_bounded() {
        let world = answering(&["1.1.1.1"]);
        let network = network(&world, &["api.example.com:443"]);
        let ask = || network.may_ask("api.example.com");
        let held: Vec<_> = (0..MAX_LOOKUPS).map(|_| ask().unwrap()).collect();
        assert_eq!(ask().unwrap_err(), Refusal::TooMany);
        drop(held);
        let asked = (0..2 * LOOKUPS_BURST).filter(|_| ask().is_ok()).count();
        assert!(
            (LOOKUPS_BURST as usize - MAX_LOOKUPS..2 * LOOKUPS_BURST as usize).contains(&asked),
            "{asked}"
        );
        assert_eq!(network.may_open(MAX_SOCKETS - 1), Ok(()));
        assert_eq!(network.may_open(MAX_SOCKETS), Err(Refusal::TooMany));
        let opened = (0..2 * NEW_SOCKETS_BURST).filter(|_| network.may_open(0).is_ok()).count();
        assert!(
            (NEW_SOCKETS_BURST as usize - 1..2 * NEW_SOCKETS_BURST as usize).contains(&opened),
            "{opened}"
        );
        assert!(world.denials.lock().unwrap().is_empty(), "bounds are no rights");
    }

    #[tokio::test]
    async fn a_restart_gives_no_second_burst() {
        let (world, rates) = (answering(&["1.1.1.1"]), NetworkRates::new());
        let began = std::time::Instant::now();
        let (mut asked, mut opened) = (0, 0);
        for _ in 0..5 {
            let network = started(&world, &["api.example.com:443"], &rates);
            asked += (0..2 * LOOKUPS_BURST).filter(|_| network.may_ask("api.example.com").is_ok()).count();
            opened += (0..2 * NEW_SOCKETS_BURST).filter(|_| network.may_open(0).is_ok()).count();
        }
        let allowed = |burst, rate| f64::from(burst) + f64::from(rate) * began.elapsed().as_secs_f64();
        assert!(asked as f64 <= allowed(LOOKUPS_BURST, LOOKUPS_PER_SECOND), "{asked}");
        assert!(opened as f64 <= allowed(NEW_SOCKETS_BURST, NEW_SOCKETS_PER_SECOND), "{opened}");
    }

    #[tokio::test]
    async fn no_more_answers_than_the_bound_are_looked_at() {
        let many: Vec<String> = (0..=MAX_LOOKUP_ANSWERS).map(|number| format!("1.1.1.{number}")).collect();
        let world = answering(&many.iter().map(String::as_str).collect::<Vec<_>>());
        let network = network(&world, &["api.example.com:443"]);
        assert_eq!(look_up(&network, "api.example.com").await.unwrap().len(), MAX_LOOKUP_ANSWERS);
    }
}
