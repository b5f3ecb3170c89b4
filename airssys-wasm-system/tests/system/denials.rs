//! Whatever a guest is refused is told to it, written down and counted, by whatever way it tries.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use airssys_wasm_core::{Codec, CodecSet, DenialRule, MailboxConfig, MessagePayload};
use airssys_wasm_system::{
    AuditLocation, AuditVerifier, Component, ComponentRef, ComponentStatus, Host, SystemError,
};
use serde_json::Value;

use crate::support::{at_once, file};

const PATIENCE: Duration = Duration::from_secs(20);

const SENDER: &str = "test/sender";
const RECEIVER: &str = "test/receiver";

/// Their instances.
const SENDER_0: &str = "test/sender/0";
const RECEIVER_0: &str = "test/receiver/0";

/// Every way in which a component can send to another, as an order for the talker.
const WAYS: [&str; 6] = [
    "send test/receiver text",
    "request test/receiver 10000 text",
    "peer-request test/receiver 10000 text",
    "call test/receiver 10000 text",
    "peer-call test/receiver 10000 text",
    "broadcast test/receiver text",
];

fn talker(address: &str) -> Component {
    let component = Component::from_file(address.parse().unwrap(), file("talker"), 2 << 20);
    component.max_fuel(100_000_000).timeout_ms(20_000).supervision(at_once(10))
}

/// One that may do everything that the tests let it try.
fn sender() -> Component {
    talker(SENDER).send_to("test/*".parse().unwrap()).receive_from("test/*".parse().unwrap())
}

fn receiver() -> Component {
    talker(RECEIVER).send_to("test/*".parse().unwrap()).receive_from("test/*".parse().unwrap())
}

/// What is set up for a rule, and what comes of it.
struct Scene {
    sender: Component,
    receiver: Component,
    orders: Vec<&'static str>,
    answer: String,
    /// Whether the receiver is at work, with its mailbox full.
    is_busy: bool,
}

/// None for a rule that has no scene yet.
fn scene(rule: DenialRule) -> Option<Scene> {
    let (sender, receiver) = (sender(), receiver());
    let plain = Scene {
        sender,
        receiver,
        orders: WAYS.to_vec(),
        answer: format!("denied: {}", rule.manifest_key()),
        is_busy: false,
    };
    Some(match rule {
        DenialRule::SendTo => {
            Scene { sender: talker(SENDER).receive_from("test/*".parse().unwrap()), ..plain }
        }
        DenialRule::ReceiveFrom => Scene { receiver: talker(RECEIVER), ..plain },
        DenialRule::MessageSize => Scene {
            receiver: plain.receiver.max_message_bytes(3),
            answer: "too-large: 3".to_owned(),
            ..plain
        },
        DenialRule::Codecs => {
            let codecs = CodecSet::of(Codec::Json).and(Codec::Borsh);
            Scene { receiver: plain.receiver.codecs(codecs), ..plain }
        }
        // The one message that it takes is sent when the scene is set.
        DenialRule::Rate => {
            Scene { receiver: plain.receiver.rate(1, 1), answer: "rate-limited".to_owned(), ..plain }
        }
        DenialRule::Room => {
            let receiver =
                Component::from_file(RECEIVER.parse().unwrap(), file("park_in_host_call"), 2 << 20);
            let mailbox = MailboxConfig { capacity: 1, ..MailboxConfig::default() };
            let receiver =
                receiver.receive_from("test/*".parse().unwrap()).timeout_ms(60_000).mailbox(mailbox);
            Scene { receiver, answer: "full".to_owned(), is_busy: true, ..plain }
        }
        DenialRule::Publish => Scene { orders: vec!["publish some.topic text"], ..plain },
        DenialRule::Subscribe => Scene { orders: vec!["subscribe some.topic"], ..plain },
        _ => return None,
    })
}

async fn order(talker: &ComponentRef, order: &str) -> String {
    let payload = MessagePayload::from(order).with_content_type("order");
    let reply = talker.request_within(payload, PATIENCE).await.unwrap();
    String::from_utf8(reply.bytes().to_vec()).unwrap()
}

fn status(host: &Host, address: &str) -> ComponentStatus {
    host.status_of(&address.parse().unwrap()).remove(0)
}

async fn until(holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE);
        tokio::task::yield_now().await;
    }
}

/// The records of denials in a log that is whole.
fn denials(log: &[u8]) -> Vec<Value> {
    let mut verifier = AuditVerifier::new();
    verifier.feed(log).and_then(|()| verifier.end_file()).unwrap();
    let records = log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let records = records.map(|line| serde_json::from_slice::<Value>(line).unwrap());
    records.filter(|record| record["kind"] == "denied").collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_rule_is_told_recorded_and_counted() {
    for rule in DenialRule::ALL {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("audit.jsonl");
        let host = Host::builder().max_instances(4).audit(AuditLocation::new(&log)).build().unwrap();
        let Scene { sender, receiver, orders, answer, is_busy } = scene(rule).unwrap();
        let receiver = host.start(receiver).await.unwrap();
        if is_busy {
            receiver.send("attack").unwrap();
            until(|| status(&host, RECEIVER).waiting == 0).await;
            receiver.send("waits").unwrap();
        }
        let sender = host.start(sender).await.unwrap();
        if rule == DenialRule::Rate {
            assert_eq!(order(&sender, "send test/receiver first").await, "ok");
        }
        for way in &orders {
            assert_eq!(order(&sender, way).await, answer, "{rule:?}: {way}");
        }
        let of_sender = status(&host, SENDER);
        let (denied, full) = (of_sender.denied, of_sender.rejected_full);
        let attempts = orders.len() as u64;
        let expected = if rule == DenialRule::Room { (0, attempts) } else { (attempts, 0) };
        assert_eq!((denied, full), expected, "{rule:?}");
        host.kill_all().await;
        host.shutdown().await;

        let records = denials(&fs::read(&log).unwrap());
        assert_eq!(records.len(), orders.len(), "{rule:?}: {records:?}");
        let of_topic = matches!(rule, DenialRule::Publish | DenialRule::Subscribe);
        for record in &records {
            assert_eq!(record["rule"], rule.manifest_key());
            assert_eq!(record["sender"], SENDER_0);
            assert_eq!(record["target"], if of_topic { "some.topic" } else { RECEIVER });
            assert!(!record["reason"].as_str().unwrap().contains("some.topic"), "{record}");
            assert!(!record["reason"].as_str().unwrap().is_empty());
        }
        // Ids of requests are written down as soon as there is a request, which there is none of where the right is
        // missing: the link to the target is refused before.
        let correlated = records.iter().filter(|record| !record["correlation"].is_null()).count();
        let before_any = matches!(rule, DenialRule::SendTo | DenialRule::ReceiveFrom);
        assert_eq!(correlated, if before_any || of_topic { 0 } else { 4 }, "{rule:?}");
    }
}

/// What comes too late for the guest to be told is a dead letter, and still recorded.
#[tokio::test]
async fn what_is_refused_when_a_timer_fires_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("audit.jsonl");
    let host = Host::builder().max_instances(4).audit(AuditLocation::new(&log)).build().unwrap();
    host.start(receiver()).await.unwrap();
    let sender = host.start(talker(SENDER)).await.unwrap();
    order(&sender, "send-after test/receiver 1 text").await.parse::<u64>().unwrap();
    until(|| status(&host, SENDER).denied == 1).await;
    assert_eq!(status(&host, RECEIVER).handled, 0);
    host.shutdown().await;
    let records = denials(&fs::read(&log).unwrap());
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["rule"], "capabilities.messaging.send_to");
}

/// The reply is refused by its requester's own bound: a denial of the replier, who caused it.
#[tokio::test]
async fn a_reply_that_is_too_large_is_a_denial_of_who_replies() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("audit.jsonl");
    let host = Host::builder().max_instances(4).audit(AuditLocation::new(&log)).build().unwrap();
    let bomb = Component::from_file(RECEIVER.parse().unwrap(), file("answer_bomb"), 2 << 20);
    let bomb = bomb.max_fuel(100_000_000).receive_from("test/*".parse().unwrap());
    host.start(bomb).await.unwrap();
    let asker = host.start(sender().max_message_bytes(100)).await.unwrap();
    assert_eq!(order(&asker, "call test/receiver 10000 100").await.len(), 100);
    assert_eq!(order(&asker, "call test/receiver 10000 101").await, "too-large: 100");
    order(&asker, "request test/receiver 10000 101").await.parse::<u64>().unwrap();
    until(|| status(&host, SENDER).callbacks == 1).await;
    assert!(order(&asker, "callbacks").await.ends_with(" too-large: 100"));
    assert_eq!((status(&host, SENDER).denied, status(&host, RECEIVER).denied), (0, 2));
    host.shutdown().await;
    let records = denials(&fs::read(&log).unwrap());
    assert_eq!(records.len(), 2, "{records:?}");
    for record in &records {
        assert_eq!(record["rule"], "capabilities.messaging.max_message_bytes");
        assert_eq!((&record["sender"], &record["target"]), (&RECEIVER_0.into(), &SENDER_0.into()));
        assert!(record["correlation"].is_u64() || record["correlation"].is_string(), "{record}");
    }
}

#[tokio::test]
async fn nobody_takes_the_name_of_a_component_or_of_the_host() {
    let host = crate::support::host();
    let first = host.start(receiver()).await.unwrap();
    let hijacker = Component::from_file(RECEIVER.parse().unwrap(), file("echo"), 2 << 20);
    let refused = host.start(hijacker).await.unwrap_err();
    assert!(matches!(&refused, SystemError::AlreadyThere(id) if id.to_string() == RECEIVER_0), "{refused}");
    let heard = first.request_within("still me", PATIENCE).await.unwrap();
    assert_eq!(heard.bytes().as_ref(), b"heard still me");
    assert_eq!(status(&host, RECEIVER).restarts, 0);
    // Its rights are its own as well: those of the other one came to nothing.
    let sender = host.start(sender()).await.unwrap();
    assert_eq!(order(&sender, WAYS[3]).await, "heard text");
    for part in ["host/cli", "host/timer", "host/api"] {
        let own = Component::from_file(part.parse().unwrap(), file("echo"), 2 << 20);
        let refused = host.start(own).await;
        assert!(refused.is_err(), "{part} was started");
    }
}

/// The host writes the sender; whatever a message says of it is content.
#[tokio::test]
async fn a_message_names_who_sent_it_and_nobody_else() {
    let host = crate::support::host();
    let receiver = host.start(receiver()).await.unwrap();
    let sender = host.start(sender()).await.unwrap();
    for spoofed in ["sender: host/cli", "test/receiver/0 text", "\u{0}host/timer", "test/sender/1"] {
        assert_eq!(order(&sender, &format!("send test/receiver {spoofed}")).await, "ok");
    }
    // A timer for another comes from who set it, one for itself from the host's timer.
    order(&sender, "send-after test/receiver 1 host/timer").await.parse::<u64>().unwrap();
    until(|| status(&host, RECEIVER).handled == 5).await;
    let heard = order(&receiver, "heard").await;
    let senders: BTreeMap<&str, usize> = heard.lines().fold(BTreeMap::new(), |mut senders, line| {
        *senders.entry(line.split(' ').next().unwrap()).or_insert(0) += 1;
        senders
    });
    assert_eq!(senders, BTreeMap::from([(SENDER_0, 5)]));
}
