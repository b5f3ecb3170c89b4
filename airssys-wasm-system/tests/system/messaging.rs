//! Components send to one another as their rights allow, and the host is told what became of it.

use airssys_wasm_core::{
    Address, HandlerError, MailboxConfig, MessagePayload, Overflow, RequestError, SendError,
};
use airssys_wasm_system::{Component, ComponentRef, Event, Host, WarnedLimit};

use crate::support::{guest, host};

fn forwarder() -> Component {
    guest("forwarder")
}

/// Lets the forwarder send `text` to `target`, by name and by peer, and gives its answers.
async fn forward(forwarder: &ComponentRef, target: &str, text: &str) -> [String; 2] {
    let order = format!("{target}\0{text}");
    let mut answers = Vec::new();
    for content_type in ["name", "peer"] {
        let payload = MessagePayload::from(order.as_str()).with_content_type(content_type);
        let answer = forwarder.request(payload).await.unwrap();
        answers.push(String::from_utf8(answer.bytes().to_vec()).unwrap());
    }
    answers.try_into().unwrap()
}

async fn check(sender: Component, receiver: Component, expected: &str) -> Host {
    let host = host();
    host.start(receiver).await.unwrap();
    let sender = host.start(sender).await.unwrap();
    let answers = forward(&sender, "test/echo", "hello").await;
    assert_eq!(answers, [expected, expected]);
    host
}

fn echo_for_all() -> Component {
    guest("echo").receive_from("test/*".parse().unwrap())
}

fn status(host: &Host, address: &str) -> airssys_wasm_system::ComponentStatus {
    host.status_of(&address.parse().unwrap()).remove(0)
}

#[tokio::test]
async fn with_both_rights_a_message_arrives() {
    let host = check(forwarder().send_to("test/echo".parse().unwrap()), echo_for_all(), "ok").await;
    assert!(host.settle(std::time::Duration::from_secs(10)).await);
    assert_eq!(status(&host, "test/echo").handled, 2);
    assert_eq!(status(&host, "test/forwarder").sent, 2);
    host.shutdown().await;
}

#[tokio::test]
async fn without_send_to_nothing_is_sent() {
    let denied = "denied: capabilities.messaging.send_to";
    let host = check(forwarder(), echo_for_all(), denied).await;
    assert_eq!(status(&host, "test/echo").handled, 0);
    assert_eq!(status(&host, "test/forwarder").denied, 2);
}

#[tokio::test]
async fn without_receive_from_nothing_is_taken() {
    let denied = "denied: capabilities.messaging.receive_from";
    let host = check(forwarder().send_to("test/*".parse().unwrap()), guest("echo"), denied).await;
    assert_eq!(status(&host, "test/echo").handled, 0);
}

#[tokio::test]
async fn a_look_alike_is_no_match() {
    let denied = "denied: capabilities.messaging.send_to";
    check(forwarder().send_to("test/ech".parse().unwrap()), echo_for_all(), denied).await;
    check(forwarder().send_to("tes/echo".parse().unwrap()), echo_for_all(), denied).await;
    check(forwarder().send_to("test/echo/1".parse().unwrap()), echo_for_all(), denied).await;
}

#[tokio::test]
async fn who_has_no_right_cannot_tell_what_exists() {
    let host = host();
    let forwarder = host.start(forwarder().send_to("known/*".parse().unwrap())).await.unwrap();
    let absent = forward(&forwarder, "secret/absent", "x").await;
    host.start(Component::from_file("secret/there".parse().unwrap(), crate::support::file("echo"), 2 << 20))
        .await
        .unwrap();
    assert_eq!(forward(&forwarder, "secret/there", "x").await, absent);
    assert_eq!(forward(&forwarder, "known/absent", "x").await, ["not-found", "not-found"]);
    assert!(forward(&forwarder, "not an address", "x").await[0].starts_with("invalid-argument"));
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_with_the_limit() {
    let mut receiver = echo_for_all();
    receiver = receiver.max_message_bytes(4);
    let host = check(forwarder().send_to("test/echo".parse().unwrap()), receiver, "too-large: 4").await;
    assert_eq!(status(&host, "test/echo").handled, 0);
}

#[tokio::test]
async fn a_rate_holds_for_the_pair_by_name_and_by_peer_together() {
    let host = host();
    host.start(echo_for_all().rate(1, 3)).await.unwrap();
    let forwarder = host.start(forwarder().send_to("test/echo".parse().unwrap())).await.unwrap();
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.extend(forward(&forwarder, "test/echo", "x").await);
    }
    let passed = answers.iter().filter(|answer| *answer == "ok").count();
    assert!((3..=4).contains(&passed), "{answers:?}");
    assert!(answers.iter().all(|answer| answer == "ok" || answer == "rate-limited"), "{answers:?}");
}

#[tokio::test]
async fn a_component_without_handler_takes_nothing() {
    let wat = r#"(component)"#;
    let host = host();
    let mute = Component::from_bytes("test/mute".parse().unwrap(), wat::parse_str(wat).unwrap(), 1 << 20);
    let mute = host.start(mute.receive_from("test/*".parse().unwrap())).await.unwrap();
    assert_eq!(mute.send("x").unwrap_err().error, SendError::NoHandler);
    let forwarder = host.start(forwarder().send_to("test/mute".parse().unwrap())).await.unwrap();
    assert_eq!(forward(&forwarder, "test/mute", "x").await, ["no-handler", "no-handler"]);
}

#[tokio::test]
async fn a_handlers_error_goes_to_the_requester_and_harms_nothing() {
    let host = host();
    let echo = host.start(guest("echo")).await.unwrap();
    let failing = MessagePayload::from("no luck").with_content_type("error");
    let error = echo.request(failing).await.unwrap_err();
    assert_eq!(error, RequestError::Handler(HandlerError::Failed("no luck".into())));
    assert_eq!(echo.request("again").await.unwrap().bytes().as_ref(), b"again");
    let status = status(&host, "test/echo");
    assert_eq!((status.handled, status.handler_errors, status.restarts), (2, 1, 0));
}

/// A receiver that spins until it is killed, so that its mailbox fills.
async fn stuck(host: &Host, overflow: Overflow) -> ComponentRef {
    let mailbox = MailboxConfig { capacity: 2, max_bytes: 1 << 20, overflow };
    let stuck = guest("park_in_host_call").timeout_ms(60_000).mailbox(mailbox);
    let stuck = host.start(stuck).await.unwrap();
    stuck.send("attack").unwrap();
    // The first message is in hand once the mailbox is empty again.
    while status(host, "test/park-in-host-call").waiting > 0 {
        tokio::task::yield_now().await;
    }
    stuck
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_mailbox_refuses_and_gives_the_message_back() {
    let host = host();
    let stuck = stuck(&host, Overflow::Reject).await;
    stuck.send("1").unwrap();
    stuck.send("2").unwrap();
    let refused = stuck.send("3").unwrap_err();
    assert_eq!(refused.error, SendError::Full);
    assert_eq!(refused.payload.bytes().as_ref(), b"3");
    host.kill_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drop_oldest_makes_room_and_counts_what_it_drops() {
    let host = host();
    let stuck = stuck(&host, Overflow::DropOldest).await;
    for text in ["1", "2", "3", "4"] {
        stuck.send(text).unwrap();
    }
    let ended = host.kill_all().await;
    assert_eq!(ended[0].dropped, 2);
    assert_eq!(ended[0].dead_letters, 5, "two dropped, two waiting, and the one in hand");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_host_waits_for_room_as_long_as_it_takes() {
    let host = host();
    let stuck = stuck(&host, Overflow::Reject).await;
    stuck.send("1").unwrap();
    stuck.send("2").unwrap();
    let waiting = tokio::spawn({
        let stuck = stuck.clone();
        async move { stuck.send_waiting("3").await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    host.kill_all().await;
    // Closed while it was ending, and not there any more once it was removed.
    let error = waiting.await.unwrap().unwrap_err().error;
    assert!(matches!(error, SendError::Closed | SendError::NotFound), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_waits_for_room_hears_full_before_its_own_time_is_up() {
    let host = host();
    let mailbox = MailboxConfig { capacity: 1, max_bytes: 1 << 20, overflow: Overflow::Wait };
    let stuck = guest("park_in_host_call")
        .timeout_ms(60_000)
        .mailbox(mailbox)
        .receive_from("test/*".parse().unwrap());
    let stuck = host.start(stuck).await.unwrap();
    stuck.send("attack").unwrap();
    while status(&host, "test/park-in-host-call").waiting > 0 {
        tokio::task::yield_now().await;
    }
    stuck.send("fills the mailbox").unwrap();
    let patient = forwarder().send_to("test/*".parse().unwrap()).timeout_ms(3_000);
    let patient = host.start(patient).await.unwrap();
    let mut events = host.events();
    let order = MessagePayload::from("test/park-in-host-call\0x");
    assert_eq!(patient.request(order).await.unwrap().bytes().as_ref(), b"full");
    assert_eq!(status(&host, "test/forwarder").restarts, 0);
    // Nine tenths of its time were over then, which is a warning.
    loop {
        match events.next().await.unwrap() {
            Event::NearLimit { id, limit: WarnedLimit::WallClock, used, max } => {
                assert_eq!((id.as_str(), max), ("test/forwarder/0", 3_000));
                assert!((2_700..3_000).contains(&used), "{used}");
                break;
            }
            Event::Refused { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    host.kill_all().await;
}

#[tokio::test]
async fn an_address_without_instance_means_each_in_turn() {
    let host = host();
    let echo = host.start(guest("echo").instances(3)).await.unwrap();
    for _ in 0..6 {
        echo.request("x").await.unwrap();
    }
    let statuses = host.status_of(&"test/echo".parse().unwrap());
    let handled: Vec<u64> = statuses.iter().map(|status| status.handled).collect();
    assert_eq!(handled, [2, 2, 2]);
}

#[tokio::test]
async fn denials_and_dead_letters_are_events() {
    let host = host();
    let mut events = host.events();
    let forwarder = host.start(forwarder()).await.unwrap();
    forward(&forwarder, "test/echo", "x").await;
    let sender: Address = "test/forwarder/0".parse().unwrap();
    let refused = loop {
        match events.next().await.unwrap() {
            Event::Refused { sender, target, .. } => break (sender, target),
            Event::Started { .. } => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused, (sender, "test/echo".parse().unwrap()));
}
