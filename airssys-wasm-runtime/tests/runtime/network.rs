//! What guests reach by `wasi:sockets`: what they were granted, and nothing else.

#![expect(clippy::disallowed_types, reason = "what was asked and denied, noted from other threads")]

use std::collections::HashMap;
use std::future::pending;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use airssys_wasm_core::{
    AccessDenial, AccessObserver, BoxFuture, ComponentId, EndCause, HostCapabilities, HostName, NameResolver,
    ResolveError, ResourceLimits,
};
use airssys_wasm_runtime::{ComponentInstance, InstancePorts};

use crate::guests::{engine, guest, limits, setup};

const GIVE_UP: Duration = Duration::from_secs(30);

/// Answers names as a test says, each answer for one look-up and the last for all later ones; and notes what was
/// asked and what was denied.
#[derive(Debug, Default)]
struct World {
    names: HashMap<&'static str, Vec<&'static str>>,
    asked: Mutex<Vec<String>>,
    denied: Mutex<Vec<String>>,
    /// Look-ups that nobody answers and that are still waited for.
    silent: AtomicUsize,
}

impl World {
    fn naming(names: &[(&'static str, &[&'static str])]) -> Arc<Self> {
        let names = names.iter().map(|(name, answers)| (*name, answers.to_vec())).collect();
        Arc::new(Self { names, ..Self::default() })
    }

    fn denied(&self) -> Vec<String> {
        std::mem::take(&mut self.denied.lock().unwrap())
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl AccessObserver for World {
    fn denied(&self, component: &ComponentId, denial: &AccessDenial<'_>) {
        assert_eq!(component.as_str(), "test/guest/0");
        assert_eq!(denial.right.manifest_key(), "capabilities.network");
        self.denied.lock().unwrap().push(format!("{}: {}", denial.target, denial.reason));
    }
}

/// Counts a look-up as long as somebody waits for it.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn on(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl NameResolver for World {
    fn resolve<'a>(
        &'a self,
        component: &'a ComponentId,
        name: &'a HostName,
    ) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>> {
        Box::pin(async move {
            assert_eq!(component.as_str(), "test/guest/0");
            let turn = {
                let mut asked = self.asked.lock().unwrap();
                asked.push(name.to_string());
                asked.iter().filter(|known| *known == name.as_str()).count() - 1
            };
            let answers = self.names.get(name.as_str()).ok_or(ResolveError::NotFound)?;
            match answers.get(turn).or(answers.last()) {
                Some(&"silence") => {
                    let _waiting = Waiting::on(&self.silent);
                    pending().await
                }
                Some(&"failure") => Err(ResolveError::Unavailable("no server".into())),
                Some(answer) => Ok(answer.split(',').map(|address| address.parse().unwrap()).collect()),
                None => Ok(Vec::new()),
            }
        })
    }
}

async fn dialer(world: &Arc<World>, connect: &[&str], limits: ResourceLimits) -> ComponentInstance {
    let engine = engine();
    let component = engine.verify(&guest("dialer")).unwrap();
    let mut setup = setup(limits);
    let mut capabilities = HostCapabilities::default();
    capabilities.network.connect = connect.iter().map(|text| text.parse().unwrap()).collect();
    setup.capabilities = Arc::new(capabilities);
    setup.ports = InstancePorts {
        access: Arc::clone(world) as _,
        resolver: Arc::clone(world) as _,
        ..InstancePorts::isolated()
    };
    engine.start(&component, setup).await.unwrap().value
}

async fn reply(instance: &mut ComponentInstance, order: &str) -> String {
    let done = instance.handle_message("host/test", None, &order.into()).await.unwrap();
    String::from_utf8(done.value.unwrap().unwrap().bytes().to_vec()).unwrap()
}

/// A listener on the host that answers five letters in capitals, on each of so many connections.
fn shouting(connections: usize) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        for _ in 0..connections {
            let (mut stream, _) = listener.accept().unwrap();
            let mut text = [0; 5];
            stream.read_exact(&mut text).unwrap();
            stream.write_all(&text.to_ascii_uppercase()).unwrap();
        }
    });
    (address, thread)
}

/// Waits until the other side of a connection is gone.
fn ends(mut stream: TcpStream) {
    stream.set_read_timeout(Some(GIVE_UP)).unwrap();
    let end = stream.read(&mut [0; 64]);
    let is_gone = match &end {
        Ok(length) => *length == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    };
    assert!(is_gone, "{end:?}");
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < GIVE_UP, "{what}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_granted_address_is_reached_and_no_other() {
    let world = World::naming(&[]);
    let (address, thread) = shouting(2);
    let closed: SocketAddr = SocketAddr::new(address.ip(), address.port() ^ 1);
    let mut instance = dialer(&world, &[&address.to_string()], limits()).await;
    assert_eq!(reply(&mut instance, &format!("fetch {address} hello")).await, "HELLO");
    assert_eq!(reply(&mut instance, &format!("fetch {address} twice")).await, "TWICE");
    thread.join().unwrap();
    assert_eq!(world.denied(), Vec::<String>::new());
    let inside = |what: &str| {
        format!("{what}: a loopback address is reached only where the address itself is granted")
    };
    for other in
        [closed.to_string(), format!("127.0.0.2:{}", address.port()), format!("[::1]:{}", address.port())]
    {
        assert_eq!(reply(&mut instance, &format!("connect {other}")).await, "access-denied", "{other}");
        assert_eq!(world.denied(), [inside(&other)]);
    }
    assert_eq!(reply(&mut instance, "connect 192.0.2.1:80").await, "access-denied");
    assert_eq!(
        world.denied(),
        ["192.0.2.1:80: an address for documentation is reached only where the address itself is granted"]
    );
    assert_eq!(reply(&mut instance, "connect 1.1.1.1:443").await, "access-denied");
    assert_eq!(world.denied(), ["1.1.1.1:443: no destination of the manifest names it"]);
    // The engine takes neither form of IPv4 in IPv6, so that there is nothing to decide.
    for form in ["::ffff:127.0.0.1", "::127.0.0.1"] {
        let other = format!("connect [{form}]:{}", address.port());
        assert_eq!(reply(&mut instance, &other).await, "invalid-argument", "{form}");
    }
    assert_eq!(
        reply(&mut instance, &format!("connect 0.0.0.0:{}", address.port())).await,
        "invalid-argument"
    );
    assert_eq!(reply(&mut instance, &format!("look-up {}", address.ip())).await, "127.0.0.1");
    assert_eq!(world.asked(), Vec::<String>::new(), "addresses are not looked up");
}

#[tokio::test]
async fn nothing_is_reached_without_a_grant() {
    let world = World::naming(&[("api.example.com", &["1.1.1.1"])]);
    let mut instance = dialer(&world, &[], limits()).await;
    let missing = "no destination of the manifest names it";
    for (order, target) in [
        ("connect 127.0.0.1:80", "wasi:sockets/tcp-create-socket.create-tcp-socket"),
        ("connect 1.1.1.1:443", "wasi:sockets/tcp-create-socket.create-tcp-socket"),
        ("bind 127.0.0.1:0", "wasi:sockets/tcp-create-socket.create-tcp-socket"),
        ("look-up api.example.com", "api.example.com"),
        ("look-up 127.0.0.1", "127.0.0.1"),
    ] {
        assert_eq!(reply(&mut instance, order).await, "access-denied", "{order}");
        assert_eq!(world.denied(), [format!("{target}: {missing}")]);
    }
    assert_eq!(world.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn names_are_asked_where_granted_and_judged_by_their_addresses() {
    let world = World::naming(&[
        ("api.example.com", &["1.1.1.1,2606:4700::1111,10.0.0.1"]),
        ("inside.example.com", &["127.0.0.1,::1,169.254.169.254,64:ff9b::7f00:1"]),
        ("rebound.example.com", &["1.1.1.1", "127.0.0.1"]),
        ("empty.example.com", &[]),
        ("down.example.com", &["failure"]),
        ("secret.example.org", &["1.1.1.1"]),
    ]);
    let mut instance = dialer(&world, &["*.example.com:443"], limits()).await;
    let inside = |what: &str, class: &str| {
        format!("{what}: {class} is reached only where the address itself is granted")
    };
    assert_eq!(reply(&mut instance, "look-up API.example.com.").await, "1.1.1.1,2606:4700::1111");
    assert_eq!(world.denied(), [inside("api.example.com at 10.0.0.1", "a private address")]);
    assert_eq!(reply(&mut instance, "look-up inside.example.com").await, "access-denied");
    assert_eq!(
        world.denied(),
        [
            inside("inside.example.com at 127.0.0.1", "a loopback address"),
            inside("inside.example.com at ::1", "a loopback address"),
            inside("inside.example.com at 169.254.169.254", "a link-local address"),
            inside("inside.example.com at 64:ff9b::7f00:1", "a loopback address"),
        ]
    );
    assert_eq!(reply(&mut instance, "look-up rebound.example.com").await, "1.1.1.1");
    assert_eq!(reply(&mut instance, "fetch-name rebound.example.com 443 x").await, "access-denied");
    assert_eq!(world.denied(), [inside("rebound.example.com at 127.0.0.1", "a loopback address")]);
    assert_eq!(reply(&mut instance, "connect 1.1.1.1:80").await, "access-denied");
    assert_eq!(world.denied(), ["1.1.1.1:80: no destination of the manifest names it"]);
    assert_eq!(reply(&mut instance, "look-up empty.example.com").await, "name-unresolvable");
    assert_eq!(reply(&mut instance, "look-up unknown.example.com").await, "name-unresolvable");
    assert_eq!(reply(&mut instance, "look-up down.example.com").await, "temporary-resolver-failure");
    assert_eq!(world.denied(), Vec::<String>::new());
    let asked = world.asked();
    let missing = "no destination of the manifest names it";
    for other in [
        "secret.example.org",
        "example.com",
        "evilexample.com",
        "api.example.com.evil.org",
        "localhost",
        "127.0.0.1",
        "::1",
        "１２７.0.0.1",
    ] {
        assert_eq!(reply(&mut instance, &format!("look-up {other}")).await, "access-denied", "{other}");
        let told = if other == "１２７.0.0.1" { "127.0.0.1" } else { other };
        assert_eq!(world.denied(), [format!("{told}: {missing}")]);
    }
    for other in
        ["", "api..example.com", "127.1", "0x7f000001", "api.example.com:443", "a\u{202e}.example.com"]
    {
        assert_eq!(reply(&mut instance, &format!("look-up {other}")).await, "invalid-argument", "{other}");
    }
    let long = format!("look-up {}.example.com", "a.".repeat(200));
    assert_eq!(reply(&mut instance, &long).await, "invalid-argument");
    assert_eq!(world.asked(), asked, "nobody asks for what was not granted");
    assert_eq!(reply(&mut instance, "look-up ａｐｉ.example.com").await, "1.1.1.1,2606:4700::1111");
    assert!(instance.is_live(), "a refusal never ends the component");
}

#[tokio::test]
async fn a_name_leads_inside_where_the_address_is_granted_beside_it() {
    let world = World::naming(&[("db.example.com", &["127.0.0.1"])]);
    let (address, thread) = shouting(1);
    let port = address.port();
    let granted = [format!("db.example.com:{port}"), address.to_string()];
    let mut instance = dialer(&world, &granted.each_ref().map(String::as_str), limits()).await;
    assert_eq!(reply(&mut instance, &format!("fetch-name db.example.com {port} hello")).await, "HELLO");
    thread.join().unwrap();
    assert_eq!(world.denied(), Vec::<String>::new());
}

#[tokio::test]
async fn listening_datagrams_and_requests_are_granted_to_nobody() {
    let world = World::naming(&[]);
    let mut instance = dialer(&world, &["127.0.0.1:80"], limits()).await;
    for (order, code, denial) in [
        (
            "bind 127.0.0.1:0",
            "access-denied",
            "127.0.0.1:0: an address of its own is granted to no component",
        ),
        (
            "bind 127.0.0.1:80",
            "access-denied",
            "127.0.0.1:80: an address of its own is granted to no component",
        ),
        (
            "bind 0.0.0.0:8080",
            "access-denied",
            "0.0.0.0:8080: an address of its own is granted to no component",
        ),
        (
            "udp",
            "access-denied",
            "wasi:sockets/udp-create-socket.create-udp-socket: UDP is granted to no component",
        ),
        (
            "http 127.0.0.1:80",
            "ErrorCode::HttpRequestDenied",
            "127.0.0.1:80: requests by wasi:http are granted to no component",
        ),
    ] {
        assert_eq!(reply(&mut instance, order).await, code, "{order}");
        assert_eq!(world.denied(), [denial], "{order}");
    }
    assert_eq!(reply(&mut instance, "listen").await, "access-denied");
    let denied = world.denied();
    assert_eq!(denied.len(), 1, "{denied:?}");
    assert!(denied[0].ends_with(": listening is granted to no component"), "{denied:?}");
}

#[tokio::test]
async fn a_look_up_without_an_answer_ends_with_the_call() {
    let world = World::naming(&[("slow.example.com", &["silence"])]);
    let limits = ResourceLimits { max_execution_time_ms: 50, ..limits() };
    let mut instance = dialer(&world, &["slow.example.com:443"], limits).await;
    let failure =
        instance.handle_message("host/test", None, &"look-up slow.example.com".into()).await.unwrap_err();
    assert!(matches!(failure.cause, EndCause::Timeout { timeout_ms: 50, .. }), "{failure:?}");
    assert_eq!(world.asked(), ["slow.example.com"]);
    // Nothing of it is left once the instance is gone.
    until("the look-up goes on", || world.silent.load(Ordering::SeqCst) == 0).await;
    assert!(!instance.is_live());
}

#[tokio::test]
async fn connections_end_with_the_instance() {
    let world = World::naming(&[]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let limits = ResourceLimits { max_execution_time_ms: 500, ..limits() };
    let mut instance = dialer(&world, &[&address.to_string()], limits).await;
    assert_eq!(reply(&mut instance, &format!("hold {address}")).await, "ok");
    let (held, _) = listener.accept().unwrap();
    held.set_nonblocking(true).unwrap();
    let nothing = (&held).read(&mut [0; 1]).unwrap_err();
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock, "it is held beyond the call");
    held.set_nonblocking(false).unwrap();
    // Nobody answers: the call ends by its time, and with it everything that the instance had.
    let order = format!("fetch {address} hello");
    let failure = instance.handle_message("host/test", None, &order.as_str().into()).await.unwrap_err();
    assert!(matches!(failure.cause, EndCause::Timeout { timeout_ms: 500, .. }), "{failure:?}");
    let (mut unanswered, _) = listener.accept().unwrap();
    unanswered.read_exact(&mut [0; 5]).unwrap();
    tokio::task::spawn_blocking(move || {
        ends(held);
        ends(unanswered);
    })
    .await
    .unwrap();
    assert!(!instance.is_live());
}
