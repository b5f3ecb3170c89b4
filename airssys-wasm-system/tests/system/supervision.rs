//! Components that fail are restarted as their policy says, and nothing of it touches others.

use std::time::Duration;

use airssys_wasm_core::{ComponentState, EndCause, RequestError, TrapKind};
use airssys_wasm_system::{Component, Host};

use crate::support::{at_once, guest, host};

fn hostile(name: &str) -> Component {
    guest(name).supervision(at_once(100))
}

async fn check_killed(component: Component, expected: impl Fn(&EndCause) -> bool) {
    let host = host();
    let address = component.address();
    let hostile = host.start(component).await.unwrap();
    let alive = host.start(guest("echo")).await.unwrap();
    hostile.request("ping").await.unwrap();
    for round in 1..=3 {
        let error = hostile.request("attack").await.unwrap_err();
        assert!(matches!(error, RequestError::ReceiverEnded { .. }), "{error:?}");
        hostile.request("ping").await.unwrap();
        let status = host.status_of(&address).remove(0);
        assert!(expected(status.last_end.as_ref().unwrap()), "{status:?}");
        assert_eq!(status.restarts, round);
        assert_eq!(status.state, ComponentState::Running);
        assert_eq!(alive.request("still here").await.unwrap().bytes().as_ref(), b"still here");
    }
    assert_eq!(host.status_of(&"test/echo".parse().unwrap()).remove(0).restarts, 0);
    host.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_loop_ends_when_its_fuel_does() {
    check_killed(hostile("loop_forever").timeout_ms(10_000), |cause| {
        matches!(cause, EndCause::OutOfFuel(fuel) if fuel.consumed() == 1_000_000 && fuel.is_exhausted())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_loop_with_much_fuel_ends_at_its_time() {
    check_killed(hostile("loop_forever").max_fuel(10_000_000_000).timeout_ms(50), |cause| {
        matches!(cause, EndCause::Timeout { timeout_ms: 50, fuel_consumed } if *fuel_consumed > 1_000_000)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_host_call_ends_at_its_time() {
    check_killed(hostile("park_in_host_call").timeout_ms(20), |cause| {
        matches!(cause, EndCause::Timeout { timeout_ms: 20, .. })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn growing_past_the_limit_is_out_of_memory() {
    check_killed(hostile("grow_past_limit"), |cause| {
        matches!(cause, EndCause::OutOfMemory { max_bytes, requested_bytes } if requested_bytes > max_bytes)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_recursion_overflows_the_guests_stack_alone() {
    check_killed(hostile("deep_recursion").max_fuel(1_000_000_000), |cause| {
        matches!(cause, EndCause::Trap { kind: TrapKind::StackOverflow, .. })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn past_its_intensity_a_component_stays_failed_and_visible() {
    let host = host();
    let component = guest("unreachable").supervision(at_once(2));
    let address = component.address();
    let hostile = host.start(component).await.unwrap();
    for _ in 0..3 {
        hostile.request("attack").await.unwrap_err();
    }
    assert!(host.settle(Duration::from_secs(10)).await);
    let status = host.status_of(&address).remove(0);
    assert_eq!(status.state, ComponentState::Failed);
    assert_eq!((status.restarts, status.kills.trap), (2, 3));
    assert!(matches!(hostile.send("anyone?").unwrap_err().error, airssys_wasm_core::SendError::Closed));
    host.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_one_that_spins_does_not_wait_for_its_time() {
    let host: Host = host();
    let component = guest("loop_forever").max_fuel(10_000_000_000).timeout_ms(60_000);
    let address = component.address();
    let hostile = host.start(component).await.unwrap();
    hostile.send("attack").unwrap();
    let began = std::time::Instant::now();
    let ended = host.kill(&address).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(ended[0].last_end, Some(EndCause::Killed));
    assert!(host.statuses().is_empty());
}
