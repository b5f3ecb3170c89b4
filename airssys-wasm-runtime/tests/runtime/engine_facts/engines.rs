//! More than one engine in a process.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use airssys_wasm_core::{EndCause, ResourceLimits};
use airssys_wasm_runtime::{EngineConfig, RuntimeError, WasmtimeEngine};
use wasmtime::{Config, Engine, Instance, Store, Trap};

use crate::engine_facts::bare::{module, ticking};
use crate::guests::{engine, limits, setup};
use crate::health::health_component;

const LONG: Duration = Duration::from_secs(20);

const NOTHING: &str = r#"(memory (export "memory") 1) (func (export "health") (result i32) (i32.const 16))"#;

const SPINS: &str = r#"
  (memory (export "memory") 1)
  (func (export "health") (result i32) (loop $again (br $again)) (unreachable))"#;

/// Two engines with the same figure take each other's compiled code.
fn compatibility(engine: &Engine) -> u64 {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

#[test]
fn what_is_metered_otherwise_is_another_compilation() {
    let with = |fuel, epochs| {
        compatibility(&Engine::new(Config::new().consume_fuel(fuel).epoch_interruption(epochs)).unwrap())
    };
    let all = [with(false, false), with(true, false), with(false, true), with(true, true)];
    for (at, one) in all.iter().enumerate() {
        assert!(!all[at + 1..].contains(one), "{all:?}");
    }
    assert_eq!(with(true, true), with(true, true));
}

#[test]
fn all_our_engines_meter_alike() {
    let with = |max_instances, tick| {
        let config = EngineConfig { max_instances, tick, ..EngineConfig::default() };
        compatibility(WasmtimeEngine::new(config).unwrap().engine())
    };
    assert_eq!(with(1, Duration::from_millis(1)), with(20, Duration::from_millis(7)));
}

#[tokio::test]
async fn an_engine_that_nobody_ticks_interrupts_nothing() {
    let (ticked, still) = (ticking(), ticking());
    let mut outcomes = Vec::new();
    for engine in [&ticked, &still] {
        let mut store = Store::new(engine, ());
        store.set_fuel(1_000_000).unwrap();
        store.set_epoch_deadline(1);
        let instance = Instance::new_async(&mut store, &module(engine, SPINS), &[]).await.unwrap();
        ticked.increment_epoch();
        let spins = instance.get_typed_func::<(), i32>(&mut store, "health").unwrap();
        let error = spins.call_async(&mut store, ()).await.unwrap_err();
        outcomes.push(*error.downcast_ref::<Trap>().unwrap());
    }
    assert_eq!(outcomes, [Trap::Interrupt, Trap::OutOfFuel], "a tick is of one engine alone");
}

#[tokio::test]
async fn each_of_our_engines_is_ticked_for_as_long_as_it_lives() {
    let (short, long) = (engine(), engine());
    let unmetered = ResourceLimits { max_fuel: None, ..limits() };
    let spin = async |engine: &WasmtimeEngine| {
        let component = engine.verify(&health_component(SPINS)).unwrap();
        let mut instance = engine.start(&component, setup(unmetered)).await.unwrap().value;
        instance.health(Duration::from_millis(20)).await.unwrap_err().cause
    };
    assert!(matches!(spin(&short).await, EndCause::Timeout { timeout_ms: 20, .. }));
    drop(short);
    assert!(matches!(spin(&long).await, EndCause::Timeout { timeout_ms: 20, .. }));
}

#[tokio::test]
async fn code_of_one_engine_does_not_run_on_another() {
    let (one, other) = (ticking(), ticking());
    let mut store = Store::new(&other, ());
    store.set_fuel(1_000).unwrap();
    assert!(Instance::new_async(&mut store, &module(&one, NOTHING), &[]).await.is_err());

    let (one, other) = (engine(), engine());
    let component = one.verify(&health_component(NOTHING)).unwrap();
    let error = other.start(&component, setup(limits())).await.unwrap_err();
    assert!(matches!(error, RuntimeError::InstantiationFailed(_)), "{error:?}");
    let mut instance = one.start(&component, setup(limits())).await.unwrap().value;
    instance.health(LONG).await.unwrap();
}
