//! Components that connect: what a manifest grants, who is told of a refusal, and what stays of a connection.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use airssys_wasm_core::{
    BoxFuture, Ceilings, ComponentId, ComponentManifest, HostName, NameResolver, ResolveError,
};
use airssys_wasm_system::{AuditLocation, Component, ComponentRef, Event, Host};
use serde_json::Value;

use crate::support::{at_once, file};

const GIVE_UP: Duration = Duration::from_secs(30);

/// Knows that every name is the host itself.
#[derive(Debug)]
struct Inside;

impl NameResolver for Inside {
    fn resolve<'a>(
        &'a self,
        _: &'a ComponentId,
        _: &'a HostName,
    ) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>> {
        Box::pin(async { Ok(vec![IpAddr::from([127, 0, 0, 1])]) })
    }
}

/// The guest that connects as it is told, under a manifest with these destinations.
fn dialer(connect: &[String]) -> Component {
    let text = format!(
        "[component]\nname = \"dialer\"\nnamespace = \"test\"\nversion = \"0.1.0\"\n\
         [resources.memory]\nmax_bytes = 2097152\n[resources.cpu]\nmax_fuel = 100000000\ntimeout_ms = 20000\n\
         [capabilities.network]\nconnect = {connect:?}\n"
    );
    let manifest = ComponentManifest::parse("Component.toml", &text, &Ceilings::default()).unwrap();
    Component::from_manifest(manifest, file("dialer")).supervision(at_once(10))
}

async fn ask(component: &ComponentRef, order: &str) -> String {
    let reply = component.request_within(order.to_owned(), GIVE_UP).await.unwrap();
    String::from_utf8(reply.bytes().to_vec()).unwrap()
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Waits until the other side is gone.
fn assert_ends(mut stream: TcpStream) {
    stream.set_read_timeout(Some(GIVE_UP)).unwrap();
    match stream.read(&mut [0; 64]) {
        Ok(length) => assert_eq!(length, 0, "something was sent"),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
}

#[tokio::test]
async fn a_manifest_grants_a_connection_and_refusals_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("audit.jsonl");
    let (listener, address) = listener();
    let port = address.port();
    let builder = Host::builder().max_instances(16).resolver(Arc::new(Inside));
    let host = builder.audit(AuditLocation::new(&log)).build().unwrap();
    let component =
        host.start(dialer(&[address.to_string(), format!("*.example.com:{port}")])).await.unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut text = [0; 5];
        stream.read_exact(&mut text).unwrap();
        stream.write_all(&text.to_ascii_uppercase()).unwrap();
    });
    assert_eq!(ask(&component, &format!("fetch {address} hello")).await, "HELLO");
    server.join().unwrap();
    assert_eq!(host.statuses()[0].access_denied, 0);

    let mut events = host.events();
    assert_eq!(ask(&component, &format!("connect 127.0.0.1:{}", port ^ 1)).await, "access-denied");
    // The address itself is granted, so that the name may lead to it.
    assert_eq!(ask(&component, "look-up api.example.com").await, "127.0.0.1");
    assert_eq!(ask(&component, "look-up evilexample.com").await, "access-denied");
    assert_eq!(ask(&component, "udp").await, "access-denied");
    assert_eq!(ask(&component, "http 127.0.0.1:80").await, "ErrorCode::HttpRequestDenied");
    let status = &host.statuses()[0];
    assert_eq!((status.access_denied, status.restarts, status.denied), (4, 0, 0));
    host.shutdown().await;

    let expected = [
        format!(
            "127.0.0.1:{} | a loopback address is reached only where the address itself is granted",
            port ^ 1
        ),
        "evilexample.com | no destination of the manifest names it".to_owned(),
        "wasi:sockets/udp-create-socket.create-udp-socket | UDP is granted to no component".to_owned(),
        "127.0.0.1:80 | requests by wasi:http are granted to no component".to_owned(),
    ];
    let targets: Vec<_> = expected.iter().map(|line| line.split(" | ").next().unwrap()).collect();
    let mut told = Vec::new();
    while told.len() < targets.len() {
        let event = tokio::time::timeout(GIVE_UP, events.next()).await.unwrap();
        if let Some(Event::AccessDenied { id, rule, target }) = event {
            assert_eq!((id.as_str(), rule), ("test/dialer/0", "capabilities.network"));
            told.push(target);
        }
    }
    assert_eq!(told, targets);
    let text = std::fs::read_to_string(&log).unwrap();
    let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let denied: Vec<String> = records
        .filter(|record| record["kind"] == "denied")
        .map(|record| {
            assert_eq!(record["sender"], "test/dialer/0");
            assert_eq!(record["rule"], "capabilities.network");
            format!("{} | {}", record["target"].as_str().unwrap(), record["reason"].as_str().unwrap())
        })
        .collect();
    assert_eq!(denied, expected);
}

#[tokio::test]
async fn connections_end_with_their_component() {
    let (listener, address) = listener();
    let host = Host::builder().max_instances(16).build().unwrap();
    let connect = [address.to_string()];
    for ending in ["stop", "kill"] {
        let component = host.start(dialer(&connect)).await.unwrap();
        assert_eq!(ask(&component, &format!("hold {address}")).await, "ok");
        let (held, _) = listener.accept().unwrap();
        match ending {
            "stop" => host.stop(component.address()).await.unwrap(),
            _ => host.kill(component.address()).await.unwrap(),
        };
        tokio::task::spawn_blocking(move || assert_ends(held)).await.unwrap();
    }
    host.shutdown().await;
}

#[tokio::test]
async fn a_connection_without_an_answer_ends_with_its_call() {
    let (listener, address) = listener();
    let host = Host::builder().max_instances(16).build().unwrap();
    let component = host.start(dialer(&[address.to_string()]).timeout_ms(200)).await.unwrap();
    let error = component.request_within(format!("fetch {address} hello"), GIVE_UP).await.unwrap_err();
    assert_eq!(error.to_string(), "receiver ended before it answered: timeout");
    let (mut unanswered, _) = listener.accept().unwrap();
    unanswered.read_exact(&mut [0; 5]).unwrap();
    tokio::task::spawn_blocking(move || assert_ends(unanswered)).await.unwrap();
    // The next instance is as good as new.
    assert_eq!(ask(&component, &format!("connect {address}")).await, "ok");
    host.shutdown().await;
}
