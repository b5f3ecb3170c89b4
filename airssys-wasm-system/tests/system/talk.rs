//! Components ask, call, publish and set timers, and the host keeps to their rights and bounds.

use std::time::Duration;

use airssys_wasm_core::{ComponentId, EndCause, MailboxConfig, MessagePayload, Overflow};
use airssys_wasm_system::{Component, ComponentRef, ComponentStatus, Event, Host, Published};

use crate::support::{at_once, file, guest, host};

const PATIENCE: Duration = Duration::from_secs(20);

/// A talker called `test/<name>` that may talk to all of its kind.
fn talker(name: &str) -> Component {
    Component::from_file(format!("test/{name}").parse().unwrap(), file("talker"), 2 << 20)
        .max_fuel(100_000_000)
        .timeout_ms(20_000)
        .send_to("test/*".parse().unwrap())
        .receive_from("test/*".parse().unwrap())
        .supervision(at_once(10))
}

async fn order(talker: &ComponentRef, order: &str) -> String {
    let payload = MessagePayload::from(order).with_content_type("order");
    let reply = talker.request_within(payload, PATIENCE).await.unwrap();
    String::from_utf8(reply.bytes().to_vec()).unwrap()
}

/// Waits until the talker has kept as many lines as these, and compares them without the ids of requests.
async fn kept(talker: &ComponentRef, what: &str, expected: &[&str]) {
    let read = async {
        loop {
            let text = order(talker, what).await;
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            if lines.len() >= expected.len() {
                return lines;
            }
            tokio::task::yield_now().await;
        }
    };
    let lines = tokio::time::timeout(PATIENCE, read).await.unwrap();
    let shown: Vec<&str> = lines
        .iter()
        .map(|line| if what == "callbacks" { line.split_once(' ').unwrap().1 } else { line })
        .collect();
    assert_eq!(shown, expected);
}

fn status(host: &Host, address: &str) -> ComponentStatus {
    host.status_of(&address.parse().unwrap()).remove(0)
}

async fn start(host: &Host, names: &[&str]) -> Vec<ComponentRef> {
    let mut talkers = Vec::new();
    for name in names {
        talkers.push(host.start(talker(name)).await.unwrap());
    }
    talkers
}

#[tokio::test]
async fn a_request_is_answered_through_the_callback() {
    let host = host();
    let talkers = start(&host, &["a", "b"]).await;
    let first = order(&talkers[0], "request test/b 10000 one").await;
    let second = order(&talkers[0], "peer-request test/b/0 10000 two").await;
    assert!(first.parse::<u64>().unwrap() < second.parse().unwrap());
    order(&talkers[0], "request test/b 10000 !no such order").await;
    kept(
        &talkers[0],
        "callbacks",
        &["heard one", "heard two", "invalid-message: not understood: no such order"],
    )
    .await;
    assert!(host.settle(PATIENCE).await);
    let status = status(&host, "test/a");
    assert_eq!((status.callbacks, status.pending_requests, status.discarded_answers), (3, 0, 0));
}

#[tokio::test]
async fn refusals_of_requests_are_told_at_once() {
    let host = host();
    let talkers = start(&host, &["a"]).await;
    for (text, expected) in [
        ("request test/nobody 1000 x", "not-found"),
        ("request other/b 1000 x", "denied: capabilities.messaging.send_to"),
        ("request test/a 0 x", "invalid-argument: a timeout of at least 1 ms is needed"),
        ("call other/b 1000 x", "denied: capabilities.messaging.send_to"),
        ("peer-call test/nobody 1000 x", "not-found"),
        ("cancel 1", "not-found"),
        ("cancel-timer 1", "not-found"),
        ("publish a.* x", "invalid-argument: a topic itself holds no \"*\" and no \"#\""),
        ("publish a.b x", "denied: capabilities.messaging.publish"),
        ("subscribe a.#", "denied: capabilities.messaging.subscribe"),
        ("unsubscribe a.#", "not-found"),
    ] {
        assert_eq!(order(&talkers[0], text).await, expected, "{text}");
    }
    assert_eq!(status(&host, "test/a").denied, 4);
}

#[tokio::test]
async fn a_request_has_a_deadline_and_can_be_given_up() {
    let host = host();
    let talkers = start(&host, &["a"]).await;
    let parked = guest("park_in_host_call").timeout_ms(60_000).receive_from("test/*".parse().unwrap());
    host.start(parked).await.unwrap().send("attack").unwrap();
    order(&talkers[0], "request test/park-in-host-call 20 x").await;
    kept(&talkers[0], "callbacks", &["timed-out"]).await;
    let id = order(&talkers[0], "request test/park-in-host-call 10000 x").await;
    assert_eq!(order(&talkers[0], &format!("cancel {id}")).await, "ok");
    assert_eq!(order(&talkers[0], &format!("cancel {id}")).await, "not-found");
    host.kill(&"test/park-in-host-call".parse().unwrap()).await.unwrap();
    // Both requests are answered now, to nobody.
    kept(&talkers[0], "callbacks", &["timed-out"]).await;
    assert_eq!(status(&host, "test/a").discarded_answers, 2);
}

#[tokio::test]
async fn the_end_of_the_receiver_is_told_and_that_of_the_requester_leaves_nothing() {
    let host = host();
    let talkers = start(&host, &["a", "b"]).await;
    order(&talkers[0], "request test/b 10000 !trap").await;
    kept(&talkers[0], "callbacks", &["receiver-ended: trap"]).await;
    assert_eq!(order(&talkers[0], "call test/b 10000 !trap").await, "receiver-ended: trap");

    // The requester ends while its request is under way, and with a timer set.
    let parked = guest("park_in_host_call").timeout_ms(60_000).receive_from("test/*".parse().unwrap());
    host.start(parked).await.unwrap().send("attack").unwrap();
    order(&talkers[0], "request test/park-in-host-call 60000 x").await;
    order(&talkers[0], "send-after test/b 60000 x").await;
    let before = status(&host, "test/a");
    assert_eq!((before.pending_requests, before.timers), (1, 1));
    let trap = MessagePayload::from("trap").with_content_type("order");
    talkers[0].request_within(trap, PATIENCE).await.unwrap_err();
    order(&talkers[0], "callbacks").await;
    let after = status(&host, "test/a");
    assert_eq!((after.restarts, after.pending_requests, after.timers, after.timer_bytes), (1, 0, 0, 0));
    // The end of the receiver is an answer to the request, and no answer to the next life.
    let discarded = after.discarded_answers;
    host.kill(&"test/park-in-host-call".parse().unwrap()).await.unwrap();
    assert!(host.settle_these(&["test/a".parse().unwrap()], PATIENCE).await);
    assert_eq!(status(&host, "test/a").discarded_answers, discarded + 1);
    kept(&talkers[0], "callbacks", &[]).await;
}

#[tokio::test]
async fn who_stops_hears_of_its_requests_before_it_is_shut_down() {
    let host = host();
    let talkers = start(&host, &["a", "b"]).await;
    let parked = guest("park_in_host_call").timeout_ms(60_000).receive_from("test/*".parse().unwrap());
    host.start(parked).await.unwrap().send("attack").unwrap();
    // One is answered while its requester drains, the other never.
    order(&talkers[0], "request test/b 60000 !call test/park-in-host-call 20 x").await;
    order(&talkers[0], "request test/park-in-host-call 60000 x").await;
    let busy = MessagePayload::from("call test/park-in-host-call 1000 x").with_content_type("order");
    talkers[0].send(busy).unwrap();
    let ended = host.stop(&"test/a".parse().unwrap()).await.unwrap().remove(0);
    assert_eq!(ended.last_end, Some(EndCause::Stopped), "within its grace");
    assert_eq!((ended.callbacks, ended.pending_requests, ended.discarded_answers), (2, 0, 0));
    host.kill_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_returns_the_reply_and_its_own_time_bounds_it() {
    let host = host();
    let talkers = start(&host, &["a", "b"]).await;
    assert_eq!(order(&talkers[0], "call test/b 10000 hello").await, "heard hello");
    assert_eq!(order(&talkers[0], "peer-call test/b 10000 !call test/b 1 x").await, "would-deadlock");
    let hasty = host.start(talker("hasty").timeout_ms(500)).await.unwrap();
    let parked = guest("park_in_host_call").timeout_ms(60_000).receive_from("test/*".parse().unwrap());
    host.start(parked).await.unwrap().send("attack").unwrap();
    assert_eq!(order(&hasty, "call test/park-in-host-call 60000 x").await, "timed-out");
    assert_eq!(order(&hasty, "call test/park-in-host-call 1 x").await, "timed-out");
    assert_eq!(status(&host, "test/hasty").restarts, 0, "it heard of it in time");
    host.kill_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cycle_of_calls_is_refused_at_once() {
    let host = host();
    let talkers = start(&host, &["a", "b", "c"]).await;
    let around = "call test/b 15000 !call test/c 15000 !call test/a 15000 x";
    let began = std::time::Instant::now();
    assert_eq!(order(&talkers[0], around).await, "would-deadlock");
    assert!(began.elapsed() < Duration::from_secs(10), "not at the deadline");
    let through = "call test/b 15000 !call test/c 15000 x";
    assert_eq!(order(&talkers[0], through).await, "heard x");
    // A request waits for nothing, and closes no cycle.
    let back = "call test/b 15000 !request test/a 15000 x";
    order(&talkers[0], back).await.parse::<u64>().unwrap();
    kept(&talkers[1], "callbacks", &["heard x"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_that_waits_for_room_takes_part_in_cycles() {
    let host = host();
    let mailbox = MailboxConfig { capacity: 1, max_bytes: 1 << 20, overflow: Overflow::Wait };
    let narrow = host.start(talker("narrow").mailbox(mailbox)).await.unwrap();
    let other = host.start(talker("other")).await.unwrap();
    // It waits for the other, who fills its mailbox and would then wait for room in it.
    let fill = "call test/other 15000 !all send test/narrow 1; send test/narrow 2";
    let began = std::time::Instant::now();
    assert_eq!(order(&narrow, fill).await, "ok,would-deadlock");
    assert!(began.elapsed() < Duration::from_secs(10), "not at the deadline");
    kept(&narrow, "heard", &["test/other/0 1"]).await;
    // Where it does not wait, the other waits for room and gets it.
    assert_eq!(
        order(&other, "all send test/narrow 3; send test/narrow 4; send test/narrow 5").await,
        "ok,ok,ok"
    );
    kept(&narrow, "heard", &["test/other/0 1", "test/other/0 3", "test/other/0 4", "test/other/0 5"]).await;
}

#[tokio::test]
async fn a_broadcast_has_a_result_for_each_target() {
    let host = host();
    let talkers = start(&host, &["a", "b", "c"]).await;
    let results =
        order(&talkers[0], "broadcast test/b,test/nobody,other/x,test/c,no\u{a0}address hello").await;
    let expected = "ok,not-found,denied: capabilities.messaging.send_to,ok,invalid-argument: ";
    assert!(results.starts_with(expected), "{results}");
    kept(&talkers[1], "heard", &["test/a/0 hello"]).await;
    kept(&talkers[2], "heard", &["test/a/0 hello"]).await;
}

#[tokio::test]
async fn publications_need_rights_on_both_sides() {
    let host = host();
    let subscribe = |name: &str, patterns: &[&str]| {
        let orders: Vec<String> = patterns.iter().map(|pattern| format!("subscribe {pattern}")).collect();
        talker(name).config(serde_json::json!({ "orders": orders }).as_object().unwrap().clone())
    };
    let all = subscribe("all", &["logs.#"]).subscribe("logs.#".parse().unwrap());
    let some = subscribe("some", &["logs.*.web", "logs.raw.web"]).subscribe("logs.#".parse().unwrap());
    let deaf = Component::from_file("test/deaf".parse().unwrap(), file("talker"), 2 << 20)
        .subscribe("logs.#".parse().unwrap())
        .config(serde_json::json!({ "orders": ["subscribe logs.#"] }).as_object().unwrap().clone());
    let (all, some) = (host.start(all).await.unwrap(), host.start(some).await.unwrap());
    host.start(deaf).await.unwrap();
    let publisher = host.start(talker("publisher").publish("logs.raw.*".parse().unwrap())).await.unwrap();
    let mut events = host.events();
    let mut stream = host.subscribe(&"#".parse().unwrap());

    assert_eq!(order(&publisher, "publish logs.raw.web 1").await, "3", "the two, and the host's stream");
    assert_eq!(order(&publisher, "publish logs.raw.db 2").await, "2");
    assert_eq!(order(&publisher, "publish logs.raw 3").await, "denied: capabilities.messaging.publish");
    assert_eq!(
        host.publish(&"logs.raw.web".parse().unwrap(), "4").await,
        4,
        "who listens to nobody hears the host"
    );
    let heard =
        ["test/publisher/0@logs.raw.web 1", "test/publisher/0@logs.raw.db 2", "host/api@logs.raw.web 4"];
    kept(&all, "heard", &heard).await;
    kept(&some, "heard", &[heard[0], heard[2]]).await;
    for text in ["1", "2", "4"] {
        let Some(Published::Message { payload, .. }) = stream.next().await else { panic!("{text}") };
        assert_eq!(payload, text.into());
    }
    let mut refused = Vec::new();
    while refused.len() < 3 {
        match events.next().await.unwrap() {
            Event::Refused { target, .. } => refused.push(target.to_string()),
            Event::TopicRefused { sender, topic, .. } => refused.push(format!("{sender} {topic}")),
            _ => {}
        }
    }
    assert_eq!(refused, ["test/deaf", "test/deaf", "test/publisher/0 logs.raw"]);
    // A subscription outlives the instance that made it, as its mailbox does.
    let trap = MessagePayload::from("trap").with_content_type("order");
    all.request_within(trap, PATIENCE).await.unwrap_err();
    assert_eq!(order(&publisher, "publish logs.raw.db 5").await, "2");
    kept(&all, "heard", &["test/publisher/0@logs.raw.db 5"]).await;
    assert_eq!(order(&all, "unsubscribe logs.#").await, "ok");
    assert_eq!(order(&publisher, "publish logs.raw.db 6").await, "1");
}

/// The same sender in every way that there is, with texts that look like what a publication is kept as.
#[tokio::test]
async fn what_was_published_says_its_topic_and_nothing_else_can() {
    let host = host();
    let config = serde_json::json!({ "orders": ["subscribe logs.raw.#"] }).as_object().unwrap().clone();
    let listener = talker("listener").subscribe("logs.raw.#".parse().unwrap()).config(config);
    let listener = host.start(listener).await.unwrap();
    let speaker = host.start(talker("speaker").publish("logs.raw.web".parse().unwrap())).await.unwrap();
    let mut expected = Vec::new();
    for (text, line) in [
        ("publish logs.raw.web 1", Some("test/speaker/0@logs.raw.web 1")),
        ("send test/listener 2", Some("test/speaker/0 2")),
        ("send test/listener @logs.raw.web 3", Some("test/speaker/0 @logs.raw.web 3")),
        ("request test/listener 10000 logs.raw.web", Some("test/speaker/0 logs.raw.web")),
        ("call test/listener 10000 5", Some("test/speaker/0 5")),
        ("broadcast test/listener 6", Some("test/speaker/0 6")),
        ("send-after test/listener 1 7", Some("test/speaker/0 7")),
        ("publish logs.raw.db 8", None),
        ("publish logs.raw.web@logs.raw.db 9", None),
        ("publish logs.raw.web 10", Some("test/speaker/0@logs.raw.web 10")),
    ] {
        order(&speaker, text).await;
        expected.extend(line);
        kept(&listener, "heard", &expected).await;
    }
    assert_eq!(host.publish(&"logs.raw".parse().unwrap(), "11").await, 1, "the rest may be nothing");
    expected.push("host/api@logs.raw 11");
    host.component(listener.address()).unwrap().send("12").unwrap();
    expected.push("host/api 12");
    kept(&listener, "heard", &expected).await;
    // Who hears of it and passes it on has published nothing.
    order(&listener, "send test/speaker 1").await;
    kept(&speaker, "heard", &["test/listener/0 1"]).await;
}

#[tokio::test]
async fn timers_send_when_their_time_has_come() {
    let host = host();
    let talkers = start(&host, &["a", "b"]).await;
    order(&talkers[0], "send-after test/b 20 later").await;
    order(&talkers[0], "send-after test/a/0 10 to myself").await;
    let stopped = order(&talkers[0], "send-after test/b 10 never").await;
    assert_eq!(order(&talkers[0], &format!("cancel-timer {stopped}")).await, "ok");
    kept(&talkers[1], "heard", &["test/a/0 later"]).await;
    kept(&talkers[0], "heard", &["host/timer to myself"]).await;
    // Rights are asked when it fires.
    let mut events = host.events();
    order(&talkers[0], "send-after other/b 1 x").await.parse::<u64>().unwrap();
    let letter = async {
        loop {
            if let Event::DeadLetter { receiver, sender, cause } = events.next().await.unwrap() {
                return format!("{sender} to {receiver}: {cause}");
            }
        }
    };
    assert_eq!(
        tokio::time::timeout(PATIENCE, letter).await.unwrap(),
        "test/a/0 to other/b: refused when its time had come: denied by capabilities.messaging.send_to"
    );
}

#[tokio::test]
async fn a_stopped_component_leaves_no_request_timer_or_subscription() {
    let host = host();
    let config = serde_json::json!({ "orders": ["subscribe a.b"] }).as_object().unwrap().clone();
    for _ in 0..3 {
        let talker = talker("a").subscribe("a.#".parse().unwrap()).config(config.clone());
        let talker = host.start(talker).await.unwrap();
        order(&talker, "send-after test/a/0 60000 x").await;
        order(&talker, "request test/a/0 60000 x").await;
        let id: ComponentId = "test/a/0".parse().unwrap();
        assert_eq!(host.publish(&"a.b".parse().unwrap(), "x").await, 1);
        let ended = host.stop(id.address()).await.unwrap().remove(0);
        assert_eq!((ended.timers, ended.pending_requests), (0, 0));
        assert_eq!(host.publish(&"a.b".parse().unwrap(), "x").await, 0);
    }
}
