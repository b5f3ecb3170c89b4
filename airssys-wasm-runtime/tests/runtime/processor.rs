//! Fuel and wall clock of each call, and which of several causes is told.

use std::time::{Duration, Instant};

use airssys_wasm_core::{
    Ceilings, EndCause, FuelMetrics, MessagePayload, ResourceLimitError, ResourceLimits,
};
use airssys_wasm_runtime::{
    CallFailure, Completed, FUEL_INTERVAL, HostState, InstancePorts, KillSwitch, RuntimeError,
    apply_limits_to_store,
};
use wasmtime::Store;

use crate::guests::{engine, guest, limits, setup};
use crate::health::health_component;

const LONG: Duration = Duration::from_secs(20);

fn fuel_limit(units: Option<u64>) -> ResourceLimits {
    ResourceLimits { max_fuel: units, ..limits() }
}

/// What one message to a fresh instance of `echo` costs under these limits.
async fn echo(limits: ResourceLimits) -> Result<FuelMetrics, CallFailure> {
    let engine = engine();
    let component = engine.verify(&guest("echo")).unwrap();
    let mut instance = engine.start(&component, setup(limits)).await.unwrap().value;
    let message = MessagePayload::from("how much is this?");
    let done = instance.handle_message("host/test", None, &message).await;
    assert_eq!(instance.is_live(), done.is_ok(), "a failed call leaves nothing");
    let done = done?;
    assert_eq!(done.value.unwrap().unwrap(), message);
    Ok(done.fuel)
}

#[tokio::test]
async fn fuel_suffices_exactly_at_the_limit() {
    let cost = echo(limits()).await.unwrap().consumed();
    assert!(cost > 100, "{cost}");
    for max in [cost, cost + 1, u64::MAX] {
        assert_eq!(echo(fuel_limit(Some(max))).await.unwrap(), FuelMetrics::new(max, cost));
    }
    assert!(echo(fuel_limit(Some(cost))).await.unwrap().is_exhausted());
    for max in [cost - 1, cost / 2, 1] {
        let failure = echo(fuel_limit(Some(max))).await.unwrap_err();
        assert_eq!(failure.cause, EndCause::OutOfFuel(FuelMetrics::new(max, max)), "{cost}");
        assert_eq!(failure.fuel, FuelMetrics::new(max, max));
    }
    assert_eq!(echo(fuel_limit(None)).await.unwrap(), FuelMetrics::new(u64::MAX, cost), "unmetered");
}

#[tokio::test]
async fn a_budget_is_held_even_where_the_engine_does_not_look_again() {
    // A few hundred units without a call or a loop, after the one look at the function's entry.
    let straight = "(drop (i32.add (i32.const 1) (i32.const 2)))".repeat(100);
    let wasm = health_component(&format!(
        r#"(memory (export "memory") 1) (func (export "health") (result i32) {straight} (i32.const 16))"#
    ));
    let engine = engine();
    let component = engine.verify(&wasm).unwrap();
    let call = async |max| {
        let mut instance = engine.start(&component, setup(fuel_limit(Some(max)))).await.unwrap().value;
        let done: Result<Completed<_>, _> = instance.health(LONG).await;
        assert_eq!(instance.is_live(), done.is_ok());
        done.map(|done| done.fuel)
    };
    let cost = call(1_000_000).await.unwrap().consumed();
    assert!((300..400).contains(&cost), "{cost}");
    assert_eq!(call(cost).await.unwrap(), FuelMetrics::new(cost, cost));
    for max in [cost - 1, cost / 2, 1] {
        assert_eq!(call(max).await.unwrap_err().cause, EndCause::OutOfFuel(FuelMetrics::new(max, max)));
    }
}

#[tokio::test]
async fn every_call_begins_with_all_its_fuel() {
    let engine = engine();
    let component = engine.verify(&guest("unreachable")).unwrap();
    let cost = {
        let mut instance = engine.start(&component, setup(limits())).await.unwrap().value;
        instance.handle_message("host/test", None, &"ping".into()).await.unwrap().fuel.consumed()
    };
    let mut instance = engine.start(&component, setup(fuel_limit(Some(cost)))).await.unwrap().value;
    for _ in 0..100 {
        let done = instance.handle_message("host/test", None, &"ping".into()).await.unwrap();
        assert_eq!(done.fuel, FuelMetrics::new(cost, cost));
    }
}

#[tokio::test]
async fn zero_is_refused_wherever_limits_come_in() {
    let engine = engine();
    let component = engine.verify(&guest("unreachable")).unwrap();
    for (zero, expected) in [
        (fuel_limit(Some(0)), ResourceLimitError::ZeroFuel { max: u64::MAX }),
        (
            ResourceLimits { max_execution_time_ms: 0, ..limits() },
            ResourceLimitError::ZeroTimeout { max: u64::MAX },
        ),
    ] {
        let error = engine.start(&component, setup(zero)).await.unwrap_err();
        assert!(matches!(error, RuntimeError::InvalidLimits(error) if error == expected), "{error:?}");
        let state = HostState::new(setup(zero).id, &limits(), InstancePorts::isolated(), KillSwitch::new());
        let mut store = Store::new(engine.engine(), state);
        let error = apply_limits_to_store(&mut store, &zero).unwrap_err();
        assert!(matches!(error, RuntimeError::InvalidLimits(error) if error == expected), "{error:?}");
    }
    let builder = ResourceLimits::builder().memory_bytes(1 << 20);
    let max = Ceilings::default().max_fuel;
    assert_eq!(builder.max_fuel(0).build(), Err(ResourceLimitError::ZeroFuel { max }));
    assert!(builder.execution_timeout_ms(0).build().is_err());
}

#[tokio::test]
async fn a_call_that_computes_ends_at_its_time() {
    let engine = engine();
    let component = engine.verify(&guest("loop_forever")).unwrap();
    let short = ResourceLimits { max_execution_time_ms: 40, max_fuel: None, ..limits() };
    let mut instance = engine.start(&component, setup(short)).await.unwrap().value;
    let began = Instant::now();
    let failure = instance.handle_message("host/test", None, &"attack".into()).await.unwrap_err();
    assert!(began.elapsed() >= Duration::from_millis(40), "ended before its time: {:?}", began.elapsed());
    let EndCause::Timeout { timeout_ms: 40, fuel_consumed } = failure.cause else { panic!("{failure:?}") };
    assert!(fuel_consumed >= FUEL_INTERVAL, "{fuel_consumed}");
    assert_eq!(failure.fuel, FuelMetrics::new(u64::MAX, fuel_consumed));
    assert!(!instance.is_live());
}

/// Calls the host ten thousand times in one stretch of instructions, where compiled code never looks at the time.
const IN_A_ROW: &str = "log_in_a_row";
/// Less fuel than half of its calls take.
const HALF_OF_THE_ROW: u64 = 35_000;

#[tokio::test]
async fn host_calls_in_a_row_end_at_the_time_of_their_call() {
    let engine = engine();
    let component = engine.verify(&guest(IN_A_ROW)).unwrap();
    let short = ResourceLimits { max_execution_time_ms: 40, ..limits() };
    let mut instance = engine.start(&component, setup(short)).await.unwrap().value;
    let began = Instant::now();
    let failure = instance.handle_message("host/test", None, &"attack".into()).await.unwrap_err();
    assert!(began.elapsed() >= Duration::from_millis(40), "ended before its time: {:?}", began.elapsed());
    let EndCause::Timeout { timeout_ms: 40, fuel_consumed } = failure.cause else { panic!("{failure:?}") };
    assert!((1..HALF_OF_THE_ROW).contains(&fuel_consumed), "{fuel_consumed}");
}

#[tokio::test]
async fn host_calls_in_a_row_give_way_and_can_be_killed() {
    let engine = engine();
    let component = engine.verify(&guest(IN_A_ROW)).unwrap();
    let mut instance = engine.start(&component, setup(limits())).await.unwrap().value;
    let switch = instance.kill_switch();
    // On the same thread: it has a turn only where the guest gives way.
    let beside = async {
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        switch.kill();
    };
    let message = MessagePayload::from("attack");
    let (failure, ()) = tokio::join!(instance.handle_message("host/test", None, &message), beside);
    let failure = failure.unwrap_err();
    assert_eq!(failure.cause, EndCause::Killed);
    assert!(failure.fuel.consumed() < HALF_OF_THE_ROW, "{failure:?}");
}

#[tokio::test]
async fn a_call_that_is_parked_in_the_host_ends_at_its_time() {
    let engine = engine();
    let component = engine.verify(&guest("park_in_host_call")).unwrap();
    let short = ResourceLimits { max_execution_time_ms: 30, ..limits() };
    let mut instance = engine.start(&component, setup(short)).await.unwrap().value;
    let began = Instant::now();
    let failure = instance.handle_message("host/test", None, &"attack".into()).await.unwrap_err();
    assert!(began.elapsed() >= Duration::from_millis(30), "ended before its time: {:?}", began.elapsed());
    assert!(matches!(failure.cause, EndCause::Timeout { timeout_ms: 30, .. }), "{failure:?}");
    assert!(!instance.is_live());
}

#[tokio::test]
async fn the_fuel_told_of_a_timeout_is_a_lower_bound() {
    // What it computes before it is parked is known, so that the report can be held against it.
    let turns = 1_000_000u64;
    let wasm = health_component(&format!(
        r#"(memory (export "memory") 1)
           (func (export "health") (result i32)
             (local $left i32)
             (local.set $left (i32.const {turns}))
             (loop $again
               (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
             (i32.const 16))"#
    ));
    let engine = engine();
    let component = engine.verify(&wasm).unwrap();
    let mut instance = engine.start(&component, setup(limits())).await.unwrap().value;
    let cost = instance.health(LONG).await.unwrap().fuel.consumed();
    assert!((5 * turns..6 * turns).contains(&cost), "{cost}");

    let wasm = health_component(&format!(
        r#"(memory (export "memory") 1)
           (func (export "health") (result i32)
             (local $left i32)
             (local.set $left (i32.const {turns}))
             (loop $again
               (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
             (unreachable))"#
    ));
    let component = engine.verify(&wasm).unwrap();
    let mut instance = engine.start(&component, setup(limits())).await.unwrap().value;
    let told = instance.health(LONG).await.unwrap_err().fuel.consumed();
    assert!(told <= cost && told + FUEL_INTERVAL >= cost, "{told} of about {cost}");
}

#[tokio::test]
async fn bulk_memory_costs_a_unit_for_each_byte() {
    let wasm = health_component(
        r#"(memory (export "memory") 16)
           (func (export "health") (result i32)
             (memory.fill (i32.const 1024) (i32.const 7) (i32.const 1000000))
             (i32.const 16))"#,
    );
    let engine = engine();
    let component = engine.verify(&wasm).unwrap();
    let mut instance = engine.start(&component, setup(limits())).await.unwrap().value;
    let cost = instance.health(LONG).await.unwrap().fuel.consumed();
    assert!((1_000_000..1_000_100).contains(&cost), "{cost}");
    let mut instance = engine.start(&component, setup(fuel_limit(Some(999_999)))).await.unwrap().value;
    let failure = instance.health(LONG).await.unwrap_err();
    assert_eq!(failure.cause, EndCause::OutOfFuel(FuelMetrics::new(999_999, 999_999)));
}

/// Is denied memory, then does `deed`.
async fn denied_then(deed: &str, fuel: u64, timeout: Duration) -> EndCause {
    let wasm = health_component(&format!(
        r#"(memory (export "memory") 1)
           (func (export "health") (result i32) (drop (memory.grow (i32.const 1000))) {deed} (unreachable))"#
    ));
    let engine = engine();
    let component = engine.verify(&wasm).unwrap();
    let mut instance = engine.start(&component, setup(fuel_limit(Some(fuel)))).await.unwrap().value;
    let cause = instance.health(timeout).await.unwrap_err().cause;
    assert!(!instance.is_live());
    cause
}

#[tokio::test]
async fn fuel_comes_before_time_before_memory_before_other_traps() {
    let spin = "(loop $again (br $again))";
    let millis = Duration::from_millis(30);
    let cause = denied_then(spin, 1_000_000, LONG).await;
    assert_eq!(cause, EndCause::OutOfFuel(FuelMetrics::new(1_000_000, 1_000_000)));
    let cause = denied_then(spin, u64::MAX, millis).await;
    assert!(matches!(cause, EndCause::Timeout { timeout_ms: 30, .. }), "{cause:?}");
    let cause = denied_then("", 1_000_000, LONG).await;
    assert!(matches!(cause, EndCause::OutOfMemory { max_bytes: 2_097_152, .. }), "{cause:?}");
}
