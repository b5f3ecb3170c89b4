//! Limits that a running host holds: nothing, one, exactly as much, and one more; and manifests that name a part of
//! them.

use airssys_wasm_core::{
    Ceilings, ComponentManifest, DEFAULT_MAX_FUEL, DEFAULT_TIMEOUT_MS, EndCause, MailboxConfig, Overflow,
    RequestError, SendError,
};
use airssys_wasm_system::{Component, ComponentRef, Host, SystemError};

use crate::support::{at_once, file, guest, host};

fn cheap() -> Component {
    guest("unreachable").timeout_ms(60_000)
}

#[tokio::test]
async fn a_message_may_be_as_large_as_its_receiver_says() {
    for max in [0, 1, 100, 65_536] {
        let host = host();
        let receiver = host.start(guest("echo").timeout_ms(60_000).max_message_bytes(max)).await.unwrap();
        receiver.request("x".repeat(max)).await.unwrap();
        if let Some(less) = max.checked_sub(1) {
            receiver.request("x".repeat(less)).await.unwrap();
        }
        for more in [max + 1, max + 1_000] {
            let refused = receiver.send("x".repeat(more)).unwrap_err();
            assert_eq!((refused.error, refused.payload.weight()), (SendError::TooLarge(max as u64), more));
        }
        let handled = host.status_of(receiver.address()).remove(0).handled;
        assert_eq!(handled, 1 + u64::from(max > 0));
    }
}

/// One that has a message in hand for as long as it lives, so that its mailbox fills.
async fn stuck(host: &Host, mailbox: MailboxConfig) -> ComponentRef {
    let stuck = host.start(guest("park_in_host_call").timeout_ms(60_000).mailbox(mailbox)).await.unwrap();
    stuck.send("attack").unwrap();
    while host.status_of(stuck.address()).remove(0).waiting > 0 {
        tokio::task::yield_now().await;
    }
    stuck
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_messages_wait_as_the_mailbox_holds() {
    // A mailbox for nothing, which no manifest can ask for, is one for one message.
    for (capacity, held) in [(0, 1), (1, 1), (2, 2), (50, 50)] {
        let host = host();
        let mailbox = MailboxConfig { capacity, max_bytes: 1 << 20, overflow: Overflow::Reject };
        let stuck = stuck(&host, mailbox).await;
        for _ in 0..held {
            stuck.send("x").unwrap();
        }
        assert_eq!(stuck.send("x").unwrap_err().error, SendError::Full);
        assert_eq!(host.status_of(stuck.address())[0].waiting, held);
        let ended = host.kill_all().await;
        assert_eq!(ended[0].dead_letters, held as u64 + 1, "those that waited and the one in hand");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_bytes_wait_as_the_mailbox_holds() {
    let host = host();
    let mailbox = MailboxConfig { capacity: 1_000, max_bytes: 1_024, overflow: Overflow::Reject };
    let stuck = stuck(&host, mailbox).await;
    assert_eq!(stuck.send("x".repeat(1_025)).unwrap_err().error, SendError::TooLarge(1_024), "it never fits");
    stuck.send("x".repeat(1_023)).unwrap();
    assert_eq!(stuck.send("xx").unwrap_err().error, SendError::Full);
    stuck.send("x").unwrap();
    assert_eq!(stuck.send("x").unwrap_err().error, SendError::Full);
    stuck.send("").unwrap();
    assert_eq!(host.status_of(stuck.address())[0].waiting, 3);
    host.kill_all().await;
}

#[tokio::test]
async fn as_many_messages_pass_at_once_as_the_burst_says() {
    for (rate, burst, passed) in [(1, 0, 0), (0, 1, 0), (1, 1, 1), (1, 10, 10)] {
        let host = host();
        let receiver = guest("echo").receive_from("test/*".parse().unwrap()).rate(rate, burst);
        host.start(receiver).await.unwrap();
        let forwarder = host
            .start(guest("forwarder").timeout_ms(60_000).send_to("test/echo".parse().unwrap()))
            .await
            .unwrap();
        let began = std::time::Instant::now();
        let mut answers = Vec::new();
        for _ in 0..burst + 2 {
            let answer = forwarder.request("test/echo\0x").await.unwrap();
            answers.push(String::from_utf8(answer.bytes().to_vec()).unwrap());
        }
        // On a machine that takes seconds for this, as many more have come due.
        let due = usize::try_from(began.elapsed().as_secs() * u64::from(rate)).unwrap();
        let ok = answers.iter().filter(|answer| *answer == "ok").count();
        assert!((passed..=passed + due).contains(&ok), "{rate}/s, burst {burst}: {answers:?}");
        assert!(answers.iter().all(|answer| answer == "ok" || answer == "rate-limited"), "{answers:?}");
    }
}

/// A component of this name from a manifest with this text behind the memory's section.
fn from_manifest(name: &str, rest: &str, ceilings: &Ceilings) -> Component {
    let text = format!(
        "[component]\nname = \"{}\"\nnamespace = \"test\"\nversion = \"0.1.0\"\n[resources.memory]\n\
         max_bytes = 2097152\n{rest}\n[supervision]\nmax_restarts = 9\nbackoff = {{ initial_ms = 0, max_ms = 0 }}\n",
        name.replace('_', "-")
    );
    let manifest = ComponentManifest::parse("Component.toml", &text, ceilings).unwrap();
    Component::from_manifest(manifest, file(name)).within(*ceilings)
}

/// How a guest that spins ends under such a manifest.
async fn end_of_spinning(rest: &str, ceilings: &Ceilings) -> EndCause {
    let host = Host::builder().max_instances(2).build().unwrap();
    let spins = host.start(from_manifest("loop_forever", rest, ceilings)).await.unwrap();
    spins.request("ping").await.unwrap();
    let error = spins.request("attack").await.unwrap_err();
    assert!(matches!(error, RequestError::ReceiverEnded { .. }), "{error:?}");
    spins.request("ping").await.unwrap();
    let status = host.status_of(spins.address()).remove(0);
    assert_eq!((status.restarts, status.handled), (1, 2));
    status.last_end.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partial_section_of_the_processor_leaves_the_other_default() {
    let patient = Ceilings { max_fuel: u64::MAX, ..Ceilings::default() };
    // Enough fuel for all its time: the time that is not named ends it.
    for fuel in ["max_fuel = 10000000000", "max_fuel = 18446744073709551615"] {
        let cause = end_of_spinning(&format!("[resources.cpu]\n{fuel}"), &patient).await;
        let EndCause::Timeout { timeout_ms, fuel_consumed } = cause else { panic!("{fuel}: {cause:?}") };
        assert_eq!(timeout_ms, DEFAULT_TIMEOUT_MS);
        assert!(fuel_consumed > DEFAULT_MAX_FUEL, "{fuel}: {fuel_consumed} units");
    }
    // Enough time for all its fuel: the fuel that is not named ends it.
    let cause = end_of_spinning("[resources.cpu]\ntimeout_ms = 60000", &patient).await;
    let EndCause::OutOfFuel(fuel) = cause else { panic!("{cause:?}") };
    assert_eq!((fuel.max_fuel(), fuel.consumed()), (DEFAULT_MAX_FUEL, DEFAULT_MAX_FUEL));
    // Neither is named: whichever is used up first, it is one of the defaults.
    for rest in ["", "[resources.cpu]"] {
        match end_of_spinning(rest, &patient).await {
            EndCause::OutOfFuel(fuel) => assert_eq!(fuel.max_fuel(), DEFAULT_MAX_FUEL),
            EndCause::Timeout { timeout_ms, fuel_consumed } => {
                assert_eq!(timeout_ms, DEFAULT_TIMEOUT_MS);
                assert!(fuel_consumed < DEFAULT_MAX_FUEL, "{fuel_consumed} units");
            }
            other => panic!("{rest:?}: {other:?}"),
        }
    }
    let cause = end_of_spinning("[resources.cpu]\nmax_fuel = 5000\ntimeout_ms = 60000", &patient).await;
    assert!(matches!(cause, EndCause::OutOfFuel(fuel) if fuel.consumed() == 5_000), "{cause:?}");
}

#[tokio::test]
async fn a_host_that_allows_less_than_the_defaults_lowers_them() {
    let strict = Ceilings { max_fuel: 100_000, max_timeout_ms: 60_000, ..Ceilings::default() };
    let text = "[lifecycle]\nstart_fuel = 100000";
    let cause = end_of_spinning(&format!("[resources.cpu]\ntimeout_ms = 60000\n{text}"), &strict).await;
    assert!(matches!(cause, EndCause::OutOfFuel(fuel) if fuel.consumed() == 100_000), "{cause:?}");
}

#[tokio::test]
async fn the_largest_limits_run_a_guest() {
    let ceilings = Ceilings { max_fuel: u64::MAX, max_timeout_ms: u64::MAX, ..Ceilings::default() };
    let host = host();
    let most = cheap().max_fuel(u64::MAX).timeout_ms(u64::MAX).within(ceilings);
    let most = host.start(most.supervision(at_once(1))).await.unwrap();
    most.request("ping").await.unwrap();
    host.stop(most.address()).await.unwrap();
    for none in [cheap().max_fuel(0), cheap().timeout_ms(0)] {
        let error = host.start(none.within(ceilings)).await.unwrap_err();
        assert!(matches!(error, SystemError::Limits { .. }), "{error:?}");
    }
}
