//! Many components attacked at once: each ends as it must, none harms another, and all come back.

use std::time::Duration;

use airssys_wasm_core::{ComponentState, EndCause, RequestError, TrapKind};
use airssys_wasm_system::{Component, ComponentRef, Host, Kills};

use crate::support::{at_once, file, guest};

const LONG: Duration = Duration::from_secs(60);

/// Kinds of attackers; component number `n` is of kind `n % KINDS`.
const KINDS: usize = 7;

fn attacker(number: usize) -> Component {
    let of = |name: &str| {
        let address = format!("attackers/number-{number}").parse().unwrap();
        Component::from_file(address, file(name), 1 << 20).timeout_ms(60_000).supervision(at_once(100))
    };
    match number % KINDS {
        0 => of("loop_forever"),
        1 => of("loop_forever").max_fuel(10_000_000_000).timeout_ms(20),
        2 => of("park_in_host_call").timeout_ms(20),
        3 => Component::max_fuel(of("deep_recursion"), 1_000_000_000),
        4 => of("grow_past_limit"),
        5 => of("unreachable"),
        _ => of("divide_by_zero"),
    }
}

/// Whether an attacker of this number ends like that, and where it is counted.
fn is_expected(number: usize, cause: &EndCause, kills: &Kills) -> bool {
    let mut expected = Kills::default();
    let count = match number % KINDS {
        0 => &mut expected.out_of_fuel,
        1 | 2 => &mut expected.timeout,
        4 => &mut expected.out_of_memory,
        _ => &mut expected.trap,
    };
    *count = ROUNDS;
    let is_cause = match (number % KINDS, cause) {
        (0, EndCause::OutOfFuel(fuel)) => fuel.is_exhausted() && fuel.consumed() == 1_000_000,
        (1 | 2, EndCause::Timeout { timeout_ms: 20, .. }) => true,
        (3, EndCause::Trap { kind, .. }) => *kind == TrapKind::StackOverflow,
        (4, EndCause::OutOfMemory { max_bytes, requested_bytes }) => requested_bytes > max_bytes,
        (5, EndCause::Trap { kind, .. }) => *kind == TrapKind::Unreachable,
        (6, EndCause::Trap { kind, .. }) => *kind == TrapKind::Arithmetic,
        _ => false,
    };
    is_cause && *kills == expected
}

/// How often each is attacked.
const ROUNDS: u64 = 2;

async fn check_crowd(count: usize) {
    // As many places as components: what an ended instance does not give back is missed at once.
    let host = Host::builder().max_instances(u32::try_from(count).unwrap() + 1).build().unwrap();
    let mut attackers = Vec::new();
    for number in 0..count {
        attackers.push(host.start(attacker(number)).await.unwrap());
    }
    let sibling = host.start(guest("echo").timeout_ms(60_000)).await.unwrap();
    for _ in 0..ROUNDS {
        let attacks: Vec<_> =
            attackers.iter().map(|attacker| attacker.start_request("attack").unwrap()).collect();
        // The sibling answers for as long as the attacks last.
        let answering = tokio::spawn(answer_until(sibling.clone(), attacks.len()));
        for attack in attacks {
            let error = attack.await.unwrap_err();
            assert!(matches!(error, RequestError::ReceiverEnded { .. }), "{error:?}");
        }
        answering.await.unwrap();
        for attacker in &attackers {
            attacker.request_within("ping", LONG).await.unwrap();
        }
    }
    assert!(host.settle(LONG).await);
    for (number, attacker) in attackers.iter().enumerate() {
        let status = host.status_of(attacker.address()).remove(0);
        assert_eq!((status.state, status.restarts), (ComponentState::Running, ROUNDS), "{status:?}");
        assert_eq!((status.handled, status.dead_letters), (ROUNDS, ROUNDS), "{status:?}");
        assert!(is_expected(number, status.last_end.as_ref().unwrap(), &status.kills), "{status:?}");
    }
    let status = host.status_of(sibling.address()).remove(0);
    assert_eq!((status.restarts, status.kills, status.dead_letters), (0, Kills::default(), 0), "{status:?}");
    host.shutdown().await;
    assert!(host.statuses().is_empty());
}

async fn answer_until(sibling: ComponentRef, count: usize) {
    for number in 0..count {
        let text = number.to_string();
        let reply = sibling.request_within(text.as_str(), LONG).await.unwrap();
        assert_eq!(reply.bytes().as_ref(), text.as_bytes());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_that_are_attacked_at_once_harm_nobody() {
    check_crowd(10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_that_are_attacked_at_once_harm_nobody() {
    check_crowd(100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_times_out_of_memory_and_back() {
    const TIMES: u32 = 1_000;
    // Room for one instance: a second one beside it, left over from an earlier life, would find no place.
    let host = Host::builder().max_instances(1).build().unwrap();
    let hungry =
        host.start(guest("grow_past_limit").timeout_ms(60_000).supervision(at_once(TIMES))).await.unwrap();
    for time in 0..TIMES {
        let error = hungry.request_within("attack", LONG).await.unwrap_err();
        assert!(matches!(error, RequestError::ReceiverEnded { .. }), "{time}: {error:?}");
    }
    hungry.request_within("ping", LONG).await.unwrap();
    let times = u64::from(TIMES);
    let status = host.status_of(hungry.address()).remove(0);
    assert_eq!((status.state, status.restarts), (ComponentState::Running, times), "{status:?}");
    assert_eq!(
        (status.kills.out_of_memory, status.handled, status.dead_letters),
        (times, 1, times),
        "{status:?}"
    );
    let cause = status.last_end.unwrap();
    assert!(
        matches!(cause, EndCause::OutOfMemory { max_bytes, requested_bytes }
            if max_bytes == 2 << 20 && requested_bytes == (2 << 20) + 65_536),
        "{cause:?}"
    );
    let memory = status.memory.unwrap();
    assert!(memory.current_bytes < 1 << 20 && memory.denied_growths == 0, "as new: {memory:?}");
    host.stop(hungry.address()).await.unwrap();
    host.start(guest("echo")).await.unwrap();
}
