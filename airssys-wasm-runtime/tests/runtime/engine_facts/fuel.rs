//! Fuel: where the engine looks at it, what it does at nothing, and when its count is true.

use std::time::{Duration, Instant};

use airssys_wasm_core::{EndCause, FuelMetrics, ResourceLimits};
use airssys_wasm_runtime::FUEL_INTERVAL;
use wasmtime::{Store, Trap, UpdateDeadline};

use crate::engine_facts::bare::{bare, health, metering, ours, ticking};
use crate::guests::limits;

const LONG: Duration = Duration::from_secs(20);

const NOTHING: &str = r#"(memory (export "memory") 1) (func (export "health") (result i32) (i32.const 16))"#;

fn fuel_limit(units: Option<u64>) -> ResourceLimits {
    ResourceLimits { max_fuel: units, ..limits() }
}

/// A few hundred units without a call or a loop.
fn straight() -> String {
    let body = "(drop (i32.const 1))".repeat(100);
    format!(r#"(memory (export "memory") 1) (func (export "health") (result i32) {body} (i32.const 16))"#)
}

#[tokio::test]
async fn a_store_without_fuel_traps_at_once() {
    let mut store = Store::new(&metering(), ());
    let instance = bare(&mut store, NOTHING).await;
    let nothing = health(&mut store, &instance);
    let error = nothing.call_async(&mut store, ()).await.unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::OutOfFuel));
    store.set_fuel(u64::MAX).unwrap();
    nothing.call_async(&mut store, ()).await.unwrap();
    assert!(store.get_fuel().unwrap() > u64::MAX - 10, "the largest figure does not overflow");
}

#[tokio::test]
async fn no_fuel_limit_is_the_most_there_is_and_not_nothing() {
    let mut instance = ours(NOTHING, fuel_limit(None)).await.unwrap();
    let fuel = instance.health(LONG).await.unwrap().fuel;
    assert_eq!(fuel.max_fuel(), u64::MAX);
    assert!((1..100).contains(&fuel.consumed()), "{fuel:?}");
}

#[tokio::test]
async fn the_engine_looks_at_its_fuel_only_where_functions_and_loops_begin() {
    let mut store = Store::new(&metering(), ());
    store.set_fuel(1_000).unwrap();
    let instance = bare(&mut store, &straight()).await;
    let straight = health(&mut store, &instance);
    store.set_fuel(1_000).unwrap();
    straight.call_async(&mut store, ()).await.unwrap();
    let cost = 1_000 - store.get_fuel().unwrap();
    assert!(cost > 100, "{cost}");
    store.set_fuel(2).unwrap();
    straight.call_async(&mut store, ()).await.unwrap();
    assert_eq!(store.get_fuel().unwrap(), 0, "it took {cost} of 2 units and was not ended");
}

#[tokio::test]
async fn what_passes_its_budget_between_two_looks_is_ended_all_the_same() {
    let mut instance = ours(&straight(), limits()).await.unwrap();
    let cost = instance.health(LONG).await.unwrap().fuel.consumed();
    for max in [2, cost - 1] {
        let mut instance = ours(&straight(), fuel_limit(Some(max))).await.unwrap();
        let cause = instance.health(LONG).await.unwrap_err().cause;
        assert_eq!(cause, EndCause::OutOfFuel(FuelMetrics::new(max, max)), "{cost} units were taken");
        assert!(!instance.is_live());
    }
}

#[tokio::test]
async fn the_engine_ends_what_has_nothing_left_when_it_looks() {
    let mut store = Store::new(&metering(), ());
    store.set_fuel(1_000).unwrap();
    let instance = bare(&mut store, NOTHING).await;
    let nothing = health(&mut store, &instance);
    store.set_fuel(1_000).unwrap();
    nothing.call_async(&mut store, ()).await.unwrap();
    let cost = 1_000 - store.get_fuel().unwrap();
    store.set_fuel(1).unwrap();
    let error = nothing.call_async(&mut store, ()).await.unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::OutOfFuel), "of {cost} units one was given");
    store.set_fuel(2).unwrap();
    nothing.call_async(&mut store, ()).await.unwrap();
}

#[tokio::test]
async fn what_takes_exactly_its_budget_succeeds() {
    let mut instance = ours(NOTHING, limits()).await.unwrap();
    let cost = instance.health(LONG).await.unwrap().fuel.consumed();
    let mut instance = ours(NOTHING, fuel_limit(Some(cost))).await.unwrap();
    assert_eq!(instance.health(LONG).await.unwrap().fuel, FuelMetrics::new(cost, cost));
    let mut instance = ours(NOTHING, fuel_limit(Some(cost - 1))).await.unwrap();
    let cause = instance.health(LONG).await.unwrap_err().cause;
    assert_eq!(cause, EndCause::OutOfFuel(FuelMetrics::new(cost - 1, cost - 1)));
}

/// Spins without a call, and counts its turns where others can read them.
const SPINS: &str = r#"
  (memory (export "memory") 1)
  (global $turns (export "turns") (mut i64) (i64.const 0))
  (func (export "health") (result i32)
    (loop $again
      (global.set $turns (i64.add (global.get $turns) (i64.const 1)))
      (br $again))
    (unreachable))"#;

#[derive(Debug, thiserror::Error)]
#[error("long enough")]
struct LongEnough;

/// What the store says of the fuel of a guest that an epoch ended, and the turns that it really took.
async fn interrupted(yield_interval: Option<u64>) -> (u64, u64) {
    const FUEL: u64 = 1_000_000_000_000;
    let mut store = Store::new(&ticking(), ());
    store.set_fuel(FUEL).unwrap();
    store.set_epoch_deadline(1);
    let instance = bare(&mut store, SPINS).await;
    let turns = instance.get_global(&mut store, "turns").unwrap();
    store.fuel_async_yield_interval(yield_interval).unwrap();
    store.epoch_deadline_callback(move |mut context| {
        if turns.get(&mut context).i64().unwrap() < 1_000_000 {
            // The next turn looks again, until the guest has computed for a while.
            return Ok(UpdateDeadline::Continue(0));
        }
        Err(LongEnough.into())
    });
    store.engine().increment_epoch();
    let spins = health(&mut store, &instance);
    let error = spins.call_async(&mut store, ()).await.unwrap_err();
    assert!(error.is::<LongEnough>(), "{error:?}");
    let turns = turns.get(&mut store).i64().unwrap();
    (FUEL - store.get_fuel().unwrap(), u64::try_from(turns).unwrap())
}

#[tokio::test]
async fn the_engines_count_is_stale_when_a_guest_is_interrupted() {
    let (told, turns) = interrupted(None).await;
    assert!(turns >= 1_000_000 && told < 100, "{told} units told of {turns} turns");
    let (told, turns) = interrupted(Some(FUEL_INTERVAL)).await;
    assert!(told >= turns - FUEL_INTERVAL, "{told} units told of {turns} turns");
}

#[tokio::test]
async fn the_fuel_told_of_an_interrupted_guest_is_no_more_than_an_interval_old() {
    let began = Instant::now();
    let mut instance = ours(SPINS, fuel_limit(None)).await.unwrap();
    let failure = instance.health(Duration::from_millis(50)).await.unwrap_err();
    let EndCause::Timeout { timeout_ms: 50, fuel_consumed } = failure.cause else { panic!("{failure:?}") };
    assert!(began.elapsed() >= Duration::from_millis(50));
    assert!(fuel_consumed >= FUEL_INTERVAL, "{fuel_consumed} units");
}
