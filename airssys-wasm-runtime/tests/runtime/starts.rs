//! Starts without actors: they are held to the limits that are given, and looping ones leave the threads of others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::StoreContextMut;

use airssys_wasm_core::{FuelMetrics, ResourceLimits, RuntimeEngine, WasmError};
use airssys_wasm_runtime::{ComponentExecutor, EngineConfig, HostState, WasmtimeEngine};

use crate::guests::{engine, guest, limits, setup};

/// How a component ends by one message and by being loaded, each under these limits.
async fn refusals(engine: &Arc<WasmtimeEngine>, name: &str, limits: &ResourceLimits) -> [WasmError; 2] {
    let component = engine.verify(&guest(name)).unwrap();
    let id = setup(*limits).id;
    let executor = ComponentExecutor::new(Arc::clone(engine));
    let executed = executor.execute_with_limits(id.clone(), &component, limits, &"ping".into()).await;
    let loaded = engine.load_component(&id, &guest(name), limits).await;
    [executed.unwrap_err(), loaded.unwrap_err()]
}

const LONG: Duration = Duration::from_secs(20);

const LOOPING: [&str; 2] = ["loop_in_initialize", "start_function_loops"];

#[tokio::test]
async fn a_start_has_no_more_fuel_than_the_limits_say() {
    let engine = engine();
    for name in LOOPING {
        let few = ResourceLimits { max_fuel: Some(1_000), ..limits() };
        for error in refusals(&engine, name, &few).await {
            let WasmError::OutOfFuel(fuel) = error else { panic!("{name}: {error:?}") };
            assert_eq!(fuel, FuelMetrics::new(1_000, 1_000), "{name}");
        }
    }
}

#[tokio::test]
async fn a_start_has_no_more_time_than_the_limits_say_and_is_unmetered_where_they_are() {
    let engine = engine();
    for name in LOOPING {
        for max_fuel in [None, Some(u64::MAX)] {
            let brief = ResourceLimits { max_fuel, max_execution_time_ms: 10, ..limits() };
            for error in refusals(&engine, name, &brief).await {
                assert!(
                    matches!(error, WasmError::ExecutionTimeout { timeout_ms: 10, .. }),
                    "{name}: {error:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn the_start_and_the_message_have_each_all_of_the_limits() {
    let engine = engine();
    let (wasm, id) = (guest("echo"), setup(limits()).id);
    let component = engine.verify(&wasm).unwrap();
    let started = engine.start(&component, setup(limits())).await.unwrap();
    let (start, mut instance) = (started.fuel.consumed(), started.value);
    let call = instance.handle_message("host/test", None, &"ping".into()).await.unwrap().fuel.consumed();
    let more = start.max(call);
    assert!(start > 100 && call > 100, "{start} and {call}");

    let executor = ComponentExecutor::new(Arc::clone(&engine));
    let enough = ResourceLimits { max_fuel: Some(more), ..limits() };
    let result = executor.execute_with_limits(id.clone(), &component, &enough, &"ping".into()).await.unwrap();
    assert_eq!(result.fuel_metrics(), FuelMetrics::new(more, call), "that of the message alone");
    engine.load_component(&id, &wasm, &enough).await.unwrap();

    let less = ResourceLimits { max_fuel: Some(start - 1), ..limits() };
    for error in refusals(&engine, "echo", &less).await {
        let WasmError::OutOfFuel(fuel) = error else { panic!("{error:?}") };
        assert_eq!(fuel, FuelMetrics::new(start - 1, start - 1));
    }
}

/// An engine for one instance, which counts the calls that come from other threads than this one.
fn watched_engine() -> (WasmtimeEngine, Arc<AtomicU64>) {
    let config = EngineConfig { max_instances: 1, ..EngineConfig::default() };
    let mut engine = WasmtimeEngine::new(config).unwrap();
    let (away, home) = (Arc::new(AtomicU64::new(0)), std::thread::current().id());
    let counted = Arc::clone(&away);
    let mut interface = engine.linker_mut().instance("test:threads/calls@0.1.0").unwrap();
    let call = move |_: StoreContextMut<'_, HostState>, (): ()| {
        counted.fetch_add(u64::from(std::thread::current().id() != home), Ordering::Relaxed);
        Ok(())
    };
    interface.func_wrap("call", call).unwrap();
    engine.declare_interface("test:threads/calls@0.1.0");
    (engine, away)
}

/// Calls such an engine for ever while it starts.
const CALLS_IN_A_LOOP: &str = r#"(component
  (import "test:threads/calls@0.1.0" (instance $calls (export "call" (func))))
  (alias export $calls "call" (func $call))
  (core func $lowered (canon lower (func $call)))
  (core module $module
    (import "host" "call" (func $call))
    (func $loop (loop $again (call $call) (br $again)))
    (start $loop))
  (core instance (instantiate $module
    (with "host" (instance (export "call" (func $lowered)))))))"#;

// One thread serves this test, so that what comes from another is with the long calls.
#[tokio::test]
async fn a_long_start_by_handle_leaves_its_thread_and_ends_when_nobody_waits_for_it() {
    let (engine, away) = watched_engine();
    let wasm = wat::parse_str(CALLS_IN_A_LOOP).unwrap();
    let id = setup(limits()).id;
    let endless = ResourceLimits { max_fuel: None, max_execution_time_ms: u64::MAX, ..limits() };
    let has_left = async {
        while away.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        loaded = engine.load_component(&id, &wasm, &endless) => panic!("{loaded:?}"),
        left = tokio::time::timeout(LONG, has_left) => left.unwrap(),
    }
    // There is one place, which is free when the store is gone.
    let next = async {
        loop {
            match engine.load_component(&id, &guest("echo"), &limits()).await {
                Err(WasmError::InvalidConfiguration { .. }) => tokio::task::yield_now().await,
                other => break other,
            }
        }
    };
    tokio::time::timeout(LONG, next).await.unwrap().unwrap();
}
