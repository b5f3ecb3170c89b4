//! At nine tenths of a limit there is one warning, below them none.

use airssys_wasm_core::{Ceilings, EndCause, LifecycleConfig, MailboxConfig, Overflow};
use airssys_wasm_system::{
    Component, ComponentRef, Event, EventStream, Host, RuntimeError, SystemError, WarnedLimit,
};

use crate::support::{at_once, file, guest, host};

/// A warning: the limit, what was used of it, and what may be.
type Warning = (WarnedLimit, u64, u64);

/// The warnings so far, in order. What was raised before this call is in the stream before the event that it
/// waits for.
async fn warnings(host: &Host, events: &mut EventStream) -> Vec<Warning> {
    let mark = host.start(guest("divide_by_zero")).await.unwrap();
    let mut warnings = Vec::new();
    loop {
        match events.next().await.unwrap() {
            // How long a call takes says more of the machine than of what is tested here.
            Event::NearLimit { limit: WarnedLimit::WallClock | WarnedLimit::StartWallClock, .. } => {}
            Event::NearLimit { id, limit, used, max } => {
                assert_eq!(id.instance(), "0");
                warnings.push((limit, used, max));
            }
            Event::Started { id } if id.component() == *mark.address() => break,
            event => assert!(!matches!(event, Event::Missed { .. }), "{event:?}"),
        }
    }
    host.stop(mark.address()).await.unwrap();
    warnings
}

/// A small guest that answers what is no attack.
fn cheap() -> Component {
    guest("unreachable").timeout_ms(60_000)
}

/// What one message to it costs, as the warning tells it that a budget just above leads to.
async fn cost(host: &Host) -> u64 {
    let (mut max_fuel, mut events) = (1, host.events());
    loop {
        max_fuel += max_fuel / 20 + 1;
        let cheap = host.start(cheap().max_fuel(max_fuel).supervision(at_once(0))).await.unwrap();
        let answer = cheap.request("ping").await;
        host.kill(cheap.address()).await.unwrap();
        if answer.is_ok() {
            let told = warnings(host, &mut events).await;
            let used = told.first().map(|(_, used, _)| *used).unwrap_or_default();
            assert_eq!(told, [(WarnedLimit::Fuel, used, max_fuel)]);
            return used;
        }
    }
}

#[tokio::test]
async fn fuel_is_warned_of_from_nine_tenths_on_and_once_for_each_start() {
    let host = host();
    let cost = cost(&host).await;
    // The largest budget of which the call takes nine tenths, and the next one.
    let near = cost * 10 / 9;
    let cases = [
        (cost, vec![(WarnedLimit::Fuel, cost, cost)]),
        (near, vec![(WarnedLimit::Fuel, cost, near)]),
        (near + 1, vec![]),
        (u64::MAX, vec![]),
    ];
    for (max_fuel, expected) in cases {
        let mut events = host.events();
        let unlimited = Ceilings { max_fuel: u64::MAX, ..Ceilings::default() };
        let cheap = host.start(cheap().max_fuel(max_fuel).within(unlimited)).await.unwrap();
        for _ in 0..5 {
            cheap.request("ping").await.unwrap();
        }
        assert_eq!(warnings(&host, &mut events).await, expected, "{cost} of {max_fuel}");
        host.stop(cheap.address()).await.unwrap();
    }
}

#[tokio::test]
async fn memory_is_warned_of_from_nine_tenths_on() {
    let host = host();
    // It takes whole pages for as long as it gets them: eight of them under each of these limits.
    let held = 8 * 65_536;
    let near = held * 10 / 9;
    let cases = [
        (held, vec![(WarnedLimit::Memory, held, held)]),
        (near, vec![(WarnedLimit::Memory, held, near)]),
        (near + 1, vec![]),
    ];
    for (max_bytes, expected) in cases {
        let mut events = host.events();
        let address = "test/tolerant".parse().unwrap();
        let component = Component::from_file(address, file("grow_tolerant"), max_bytes).timeout_ms(60_000);
        let tolerant = host.start(component).await.unwrap();
        tolerant.request("ping").await.unwrap();
        assert_eq!(warnings(&host, &mut events).await, [], "it has not grown yet");
        for _ in 0..3 {
            tolerant.request("attack").await.unwrap();
        }
        let memory = host.status_of(tolerant.address()).remove(0).memory.unwrap();
        assert_eq!((memory.current_bytes, memory.max_bytes), (held, max_bytes));
        assert_eq!(warnings(&host, &mut events).await, expected, "{held} of {max_bytes}");
        host.stop(tolerant.address()).await.unwrap();
    }
}

/// A component of this manifest with other limits of its start.
fn starting(component: Component, change: impl FnOnce(&mut LifecycleConfig), file: String) -> Component {
    let mut manifest = component.manifest().clone();
    change(&mut manifest.lifecycle);
    Component::from_manifest(manifest, file)
}

/// Why a start failed, where it did in the guest.
fn end_of(error: &SystemError) -> Option<&EndCause> {
    match error {
        SystemError::Start { source: RuntimeError::InstantiationFailed(failure), .. } => Some(&failure.cause),
        _ => None,
    }
}

#[tokio::test]
async fn the_fuel_of_a_start_is_warned_of_from_nine_tenths_on() {
    let host = host();
    let metered = |start_fuel| {
        let component = guest("echo").max_fuel(1_000_000_000).timeout_ms(60_000).supervision(at_once(9));
        starting(component, |lifecycle| lifecycle.start_fuel = start_fuel, file("echo"))
    };
    // What a start costs, as the warning tells it that a budget just above leads to.
    let (mut start_fuel, mut events) = (1, host.events());
    let cost = loop {
        start_fuel += start_fuel / 20 + 1;
        match host.start(metered(start_fuel)).await {
            Ok(echo) => {
                let told = warnings(&host, &mut events).await;
                host.stop(echo.address()).await.unwrap();
                let used = told.first().map(|(_, used, _)| *used).unwrap_or_default();
                assert_eq!(told, [(WarnedLimit::StartFuel, used, start_fuel)]);
                break used;
            }
            Err(error) => assert!(matches!(end_of(&error), Some(EndCause::OutOfFuel(_))), "{error:?}"),
        }
    };
    let near = cost * 10 / 9;
    let warned = |max| vec![(WarnedLimit::StartFuel, cost, max)];
    for (start_fuel, expected) in [(cost, warned(cost)), (near, warned(near)), (near + 1, vec![])] {
        let mut events = host.events();
        let echo = host.start(metered(start_fuel)).await.unwrap();
        echo.request("ping").await.unwrap();
        assert_eq!(warnings(&host, &mut events).await, expected, "{cost} of {start_fuel}");
        host.stop(echo.address()).await.unwrap();
    }
}

/// Waits for so many milliseconds while it starts.
fn waits_while_it_starts(milliseconds: u64) -> Vec<u8> {
    let text = format!(
        r#"(component
          (import "airssys:core/services@0.1.0" (instance $services
            (export "sleep" (func (param "duration-ms" u64)))))
          (alias export $services "sleep" (func $sleep))
          (core func $lowered (canon lower (func $sleep)))
          (core module $module
            (import "host" "sleep" (func $sleep (param i64)))
            (func $wait (call $sleep (i64.const {milliseconds})))
            (start $wait))
          (core instance (instantiate $module
            (with "host" (instance (export "sleep" (func $lowered)))))))"#
    );
    wat::parse_str(text).unwrap()
}

#[tokio::test]
async fn the_time_of_a_start_is_warned_of_from_nine_tenths_on() {
    const WAITED_MS: u64 = 600;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("waits.wasm");
    std::fs::write(&path, waits_while_it_starts(WAITED_MS)).unwrap();
    let file = path.to_str().unwrap();
    let host = host();
    // Some more than nine tenths of the one, and much less of the other.
    for (start_timeout_ms, is_warned) in [(650, true), (20_000, false)] {
        let mut events = host.events();
        let waits = loop {
            let component = Component::from_file("test/waits".parse().unwrap(), file, 2 << 20);
            let change = |lifecycle: &mut LifecycleConfig| lifecycle.start_timeout_ms = start_timeout_ms;
            match host.start(starting(component, change, file.to_owned())).await {
                Ok(waits) => break waits,
                // On a machine with much else to do it may take longer than it wants to.
                Err(error) => assert!(matches!(end_of(&error), Some(EndCause::Timeout { .. })), "{error:?}"),
            }
        };
        host.stop(waits.address()).await.unwrap();
        let mut warned = Vec::new();
        loop {
            match events.next().await.unwrap() {
                Event::NearLimit { limit, used, max, .. } => warned.push((limit, used, max)),
                Event::Ended { cause: EndCause::Stopped, .. } => break,
                _ => {}
            }
        }
        assert_eq!(warned.len(), usize::from(is_warned), "{warned:?}");
        for (limit, used, max) in warned {
            assert_eq!((limit, max), (WarnedLimit::StartWallClock, start_timeout_ms));
            assert!((start_timeout_ms * 9 / 10..start_timeout_ms).contains(&used), "{used} of {max}");
        }
    }
}

#[tokio::test]
async fn what_a_start_fills_is_warned_of_without_a_message() {
    let host = host();
    // Nineteen pages, and a value of 899 bytes under a key of one.
    let wasm = wat::parse_str(
        r#"(component
          (import "airssys:core/types@0.1.0" (instance $types
            (type $error (variant (case "denied" string) (case "full") (case "closed") (case "not-found")
              (case "no-handler") (case "too-large" u64) (case "rate-limited") (case "timed-out")
              (case "would-deadlock") (case "quota-exceeded") (case "invalid-argument" string)
              (case "unsupported" string)))
            (export "host-error" (type $host-error (eq $error)))))
          (alias export $types "host-error" (type $host-error))
          (import "airssys:core/storage@0.1.0" (instance $storage
            (alias outer 1 $host-error (type $outer))
            (export "host-error" (type $inner (eq $outer)))
            (export "set" (func (param "key" string) (param "value" (list u8))
              (result (result (error $inner)))))))
          (alias export $storage "set" (func $set))
          (core module $allocator
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096)))
          (core instance $libc (instantiate $allocator))
          (alias core export $libc "memory" (core memory $memory))
          (alias core export $libc "realloc" (core func $realloc))
          (core func $lowered (canon lower (func $set) (memory $memory) (realloc $realloc)))
          (core module $module
            (import "libc" "memory" (memory 1))
            (import "host" "set" (func $set (param i32 i32 i32 i32 i32)))
            (func $start
              (drop (memory.grow (i32.const 18)))
              (i32.store8 (i32.const 8) (i32.const 107))
              (call $set (i32.const 8) (i32.const 1) (i32.const 16) (i32.const 899) (i32.const 2048))
              (if (i32.load8_u (i32.const 2048)) (then unreachable)))
            (start $start))
          (core instance (instantiate $module
            (with "libc" (instance $libc))
            (with "host" (instance (export "set" (func $lowered)))))))"#,
    )
    .unwrap();
    for (pages, quota, expected) in [
        (
            20,
            1_000,
            vec![(WarnedLimit::Memory, 19 * 65_536, 20 * 65_536), (WarnedLimit::Storage, 900, 1_000)],
        ),
        (22, 1_001, vec![]),
    ] {
        let mut events = host.events();
        let fills = Component::from_bytes("test/fills".parse().unwrap(), wasm.clone(), pages * 65_536);
        let fills = host.start(fills.storage_quota(quota)).await.unwrap();
        assert_eq!(warnings(&host, &mut events).await, expected);
        host.stop(fills.address()).await.unwrap();
    }
}

/// One that has a message in hand for as long as it lives, so that its mailbox fills.
async fn stuck(host: &Host, mailbox: MailboxConfig) -> ComponentRef {
    let component = guest("park_in_host_call").timeout_ms(60_000).mailbox(mailbox).supervision(at_once(3));
    let stuck = host.start(component).await.unwrap();
    stuck.send("attack").unwrap();
    while host.status_of(stuck.address()).remove(0).waiting > 0 {
        tokio::task::yield_now().await;
    }
    stuck
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailbox_is_warned_of_by_messages_once() {
    for (overflow, capacity, near) in
        [(Overflow::Reject, 10, 9), (Overflow::DropOldest, 10, 9), (Overflow::Wait, 20, 18)]
    {
        let host = host();
        let stuck = stuck(&host, MailboxConfig { capacity, max_bytes: 1 << 20, overflow }).await;
        let mut events = host.events();
        for _ in 1..near {
            stuck.send("x").unwrap();
        }
        assert_eq!(warnings(&host, &mut events).await, [], "{overflow:?}");
        for _ in near..=capacity {
            stuck.send("x").unwrap();
        }
        // Beyond the capacity: refused, or in place of the oldest.
        assert_eq!(stuck.send("x").is_ok(), overflow == Overflow::DropOldest);
        let (near, capacity) = (near as u64, capacity as u64);
        let expected = [(WarnedLimit::MailboxMessages, near, capacity)];
        assert_eq!(warnings(&host, &mut events).await, expected, "{overflow:?}");
        host.kill_all().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailbox_is_warned_of_by_bytes_once() {
    let host = host();
    let mailbox = MailboxConfig { capacity: 1_000, max_bytes: 1_000, overflow: Overflow::Reject };
    let stuck = stuck(&host, mailbox).await;
    let mut events = host.events();
    stuck.send("x".repeat(899)).unwrap();
    assert_eq!(warnings(&host, &mut events).await, []);
    for _ in 0..101 {
        stuck.send("x").unwrap();
    }
    stuck.send("x").unwrap_err();
    assert_eq!(warnings(&host, &mut events).await, [(WarnedLimit::MailboxBytes, 900, 1_000)]);
    host.kill_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_instance_is_warned_of_its_mailbox_again() {
    let host = host();
    let mailbox = MailboxConfig { capacity: 2, max_bytes: 1 << 20, overflow: Overflow::Reject };
    let component = guest("park_in_host_call").timeout_ms(50).mailbox(mailbox).supervision(at_once(1_000));
    let mut events = host.events();
    let stuck = host.start(component).await.unwrap();
    // Two wait behind one that is parked until it is ended; then a new instance takes them on.
    let mut warned = 0;
    while warned < 2 {
        stuck.send("attack").ok();
        tokio::select! {
            biased;
            event = events.next() => match event.unwrap() {
                Event::NearLimit { limit, used, max, .. } => {
                    assert_eq!((limit, used, max), (WarnedLimit::MailboxMessages, 2, 2));
                    warned += 1;
                }
                Event::Started { .. } | Event::Ended { .. } | Event::Restarting { .. } | Event::DeadLetter { .. } => {}
                other => panic!("{other:?}"),
            },
            () = tokio::task::yield_now() => {}
        }
    }
    assert!(host.status_of(stuck.address())[0].restarts >= 1);
    host.kill_all().await;
}
