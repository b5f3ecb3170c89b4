//! Budgets of a start and of time at their edges: nothing, one, exactly as much, one less, and the most there is.

use std::time::Duration;

use airssys_wasm_core::{EndCause, FuelMetrics, ResourceLimitError, ResourceLimits};
use airssys_wasm_runtime::{Budget, InstanceSetup, RuntimeError};

use crate::guests::{engine, guest, limits, setup};

/// A setup whose start has this budget.
fn start_budget(fuel: Option<u64>, timeout: Duration) -> InstanceSetup {
    InstanceSetup { start: Budget { fuel, timeout }, ..setup(limits()) }
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_start_may_take_exactly_its_fuel() {
    let engine = engine();
    let component = engine.verify(&guest("echo")).unwrap();
    let start = async |fuel| engine.start(&component, start_budget(fuel, LONG)).await;
    let cost = start(Some(1_000_000_000)).await.unwrap().fuel.consumed();
    assert!(cost > 100, "{cost}");
    for fuel in [cost, cost + 1, u64::MAX] {
        assert_eq!(start(Some(fuel)).await.unwrap().fuel, FuelMetrics::new(fuel, cost));
    }
    assert_eq!(start(None).await.unwrap().fuel, FuelMetrics::new(u64::MAX, cost), "unmetered");
    for fuel in [cost - 1, 1] {
        let error = start(Some(fuel)).await.unwrap_err();
        let RuntimeError::InstantiationFailed(failure) = error else { panic!("{error:?}") };
        assert_eq!(failure.cause, EndCause::OutOfFuel(FuelMetrics::new(fuel, fuel)), "{cost}");
    }
    let error = start(Some(0)).await.unwrap_err();
    let expected = ResourceLimitError::ZeroFuel { max: u64::MAX };
    assert!(matches!(error, RuntimeError::InvalidLimits(error) if error == expected), "{error:?}");
}

#[tokio::test]
async fn the_fuel_of_a_start_is_not_that_of_the_calls() {
    let engine = engine();
    let component = engine.verify(&guest("echo")).unwrap();
    let few = InstanceSetup { limits: ResourceLimits { max_fuel: Some(1), ..limits() }, ..setup(limits()) };
    let mut instance = engine.start(&component, few).await.unwrap().value;
    let failure = instance.handle_message("host/test", None, &"x".into()).await.unwrap_err();
    assert_eq!(failure.cause, EndCause::OutOfFuel(FuelMetrics::new(1, 1)));
}

#[tokio::test]
async fn a_start_that_loops_ends_at_its_time() {
    let engine = engine();
    for name in ["loop_in_initialize", "start_function_loops"] {
        let component = engine.verify(&guest(name)).unwrap();
        for timeout_ms in [1, 30] {
            let setup = start_budget(None, Duration::from_millis(timeout_ms));
            let error = engine.start(&component, setup).await.unwrap_err();
            let RuntimeError::InstantiationFailed(failure) = error else { panic!("{error:?}") };
            assert!(
                matches!(failure.cause, EndCause::Timeout { timeout_ms: told, .. } if told == timeout_ms),
                "{name}: {failure:?}"
            );
        }
        let error = engine.start(&component, start_budget(None, Duration::ZERO)).await.unwrap_err();
        let expected = ResourceLimitError::ZeroTimeout { max: u64::MAX };
        assert!(matches!(error, RuntimeError::InvalidLimits(error) if error == expected), "{error:?}");
    }
}

#[tokio::test]
async fn a_call_has_all_its_time_however_short_or_long() {
    let engine = engine();
    let component = engine.verify(&guest("loop_forever")).unwrap();
    for (timeout_ms, max_fuel) in [(1, None), (2, None), (u64::MAX, Some(1_000_000))] {
        let limits = ResourceLimits { max_execution_time_ms: timeout_ms, max_fuel, ..limits() };
        let mut instance = engine.start(&component, setup(limits)).await.unwrap().value;
        instance.handle_message("host/test", None, &"ping".into()).await.unwrap();
        let began = std::time::Instant::now();
        let failure = instance.handle_message("host/test", None, &"attack".into()).await.unwrap_err();
        match failure.cause {
            EndCause::Timeout { timeout_ms: told, .. } if max_fuel.is_none() => {
                assert_eq!(told, timeout_ms);
                assert!(began.elapsed() >= Duration::from_millis(timeout_ms), "{:?}", began.elapsed());
            }
            EndCause::OutOfFuel(fuel) if max_fuel.is_some() => assert!(fuel.is_exhausted()),
            other => panic!("{timeout_ms} ms: {other:?}"),
        }
        assert!(!instance.is_live());
    }
}

#[tokio::test]
async fn health_without_any_time_is_refused_and_ends_nothing() {
    let engine = engine();
    let max_fuel = limits().max_fuel.unwrap();
    // Whether it has `health` or not.
    for name in ["loop_in_health", "echo"] {
        let component = engine.verify(&guest(name)).unwrap();
        let mut instance = engine.start(&component, setup(limits())).await.unwrap().value;
        for _ in 0..2 {
            let failure = instance.health(Duration::ZERO).await.unwrap_err();
            let cause = EndCause::Timeout { timeout_ms: 0, fuel_consumed: 0 };
            assert_eq!((failure.cause, failure.fuel), (cause, FuelMetrics::new(max_fuel, 0)), "{name}");
            assert!(instance.is_live(), "{name}");
        }
        instance.handle_message("host/test", None, &"ping".into()).await.unwrap();
    }
}

#[tokio::test]
async fn the_parked_part_of_the_longest_call_does_not_overflow() {
    let engine = engine();
    let component = engine.verify(&guest("park_in_host_call")).unwrap();
    let most = ResourceLimits { max_execution_time_ms: u64::MAX, max_fuel: Some(u64::MAX), ..limits() };
    let mut instance = engine.start(&component, setup(most)).await.unwrap().value;
    let switch = instance.kill_switch();
    let payload = "attack".into();
    let (outcome, ()) = tokio::join!(instance.handle_message("host/test", None, &payload), async {
        tokio::task::yield_now().await;
        switch.kill();
    });
    assert_eq!(outcome.unwrap_err().cause, EndCause::Killed);
}
