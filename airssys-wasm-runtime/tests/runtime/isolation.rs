//! What happens to one instance never touches another, and what has ended is never entered again.

use std::sync::Arc;
use std::time::Duration;

use airssys_wasm_core::{ComponentId, EndCause, FuelMetrics, ResourceLimits, TrapKind};
use airssys_wasm_runtime::{
    ComponentInstance, EngineConfig, InstanceSetup, RuntimeError, VerifiedComponent, WasmtimeEngine,
};

fn guest(engine: &WasmtimeEngine, name: &str) -> VerifiedComponent {
    let file = format!("{}/../guests/built/{name}.wasm", env!("CARGO_MANIFEST_DIR"));
    engine.verify(&std::fs::read(file).unwrap()).unwrap()
}

fn engine(max_instances: u32) -> Arc<WasmtimeEngine> {
    Arc::new(WasmtimeEngine::new(EngineConfig { max_instances, ..EngineConfig::default() }).unwrap())
}

async fn start(
    engine: &WasmtimeEngine,
    component: &VerifiedComponent,
    number: usize,
    max_fuel: u64,
    max_execution_time_ms: u64,
) -> Result<ComponentInstance, RuntimeError> {
    let limits =
        ResourceLimits { max_memory_bytes: 1 << 20, max_execution_time_ms, max_fuel: Some(max_fuel) };
    let id = ComponentId::new("test", "guest", &number.to_string()).unwrap();
    Ok(engine.start(component, InstanceSetup::new(id, limits)).await?.value)
}

const FUEL: u64 = 1_000_000_000_000;
const LONG_MS: u64 = 60_000;

/// Calls of each sibling while the others are ended.
const CALLS: usize = 20;

/// Siblings answer every call while instances beside them trap, time out, run out of fuel and are killed.
async fn check_siblings(count: usize) {
    let engine = engine(u32::try_from(count).unwrap() + 8);
    let echo = guest(&engine, "echo");
    let mut siblings = Vec::new();
    for number in 0..count {
        siblings.push(start(&engine, &echo, number, FUEL, LONG_MS).await.unwrap());
    }
    let (spins, traps) = (guest(&engine, "loop_forever"), guest(&engine, "unreachable"));
    let mut trapped = start(&engine, &traps, 1_000, FUEL, LONG_MS).await.unwrap();
    let mut late = start(&engine, &spins, 1_001, FUEL, 30).await.unwrap();
    let mut spent = start(&engine, &spins, 1_002, 500_000, LONG_MS).await.unwrap();
    let mut killed = start(&engine, &spins, 1_003, FUEL, LONG_MS).await.unwrap();
    let switch = killed.kill_switch();

    let calls: Vec<_> = siblings
        .into_iter()
        .enumerate()
        .map(|(number, mut sibling)| {
            tokio::spawn(async move {
                for call in 0..CALLS {
                    let text = format!("{number} {call}");
                    let done =
                        sibling.handle_message("host/test", None, &text.as_str().into()).await.unwrap();
                    assert_eq!(done.value.unwrap().unwrap().bytes().as_ref(), text.as_bytes());
                    tokio::task::yield_now().await;
                }
                sibling
            })
        })
        .collect();
    let attack = || "attack".into();
    let hostile = tokio::spawn(async move {
        let payload = attack();
        let (one, two, three, four) = tokio::join!(
            trapped.handle_message("host/test", None, &payload),
            late.handle_message("host/test", None, &payload),
            spent.handle_message("host/test", None, &payload),
            killed.handle_message("host/test", None, &payload),
        );
        let causes = [one, two, three, four].map(|done| done.unwrap_err().cause);
        assert!([&trapped, &late, &spent, &killed].iter().all(|instance| !instance.is_live()));
        causes
    });
    let mut siblings = Vec::new();
    for call in calls {
        siblings.push(call.await.unwrap());
    }
    switch.kill();
    let [trapped, late, spent, killed] = hostile.await.unwrap();
    assert!(matches!(trapped, EndCause::Trap { kind: TrapKind::Unreachable, .. }), "{trapped:?}");
    assert!(matches!(late, EndCause::Timeout { timeout_ms: 30, .. }), "{late:?}");
    assert_eq!(spent, EndCause::OutOfFuel(FuelMetrics::new(500_000, 500_000)));
    assert_eq!(killed, EndCause::Killed);
    for sibling in &mut siblings {
        assert!(sibling.is_live());
        sibling.handle_message("host/test", None, &"after".into()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_siblings_do_not_notice() {
    check_siblings(10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_siblings_do_not_notice() {
    check_siblings(100).await;
}

/// A call finds nothing to enter: no guest code runs, so that no fuel is used.
async fn check_gone(mut instance: ComponentInstance) {
    assert!(!instance.is_live());
    let failure = instance.handle_message("host/test", None, &"ping".into()).await.unwrap_err();
    assert_eq!((failure.cause, failure.fuel.consumed()), (EndCause::Killed, 0));
    let failure = instance.health(Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(failure.fuel.consumed(), 0);
    assert!(instance.shutdown().await.is_err());
}

#[tokio::test]
async fn an_instance_whose_call_failed_is_never_entered_again() {
    let engine = engine(4);
    for name in ["unreachable", "divide_by_zero", "deep_recursion"] {
        let component = guest(&engine, name);
        let mut instance = start(&engine, &component, 0, FUEL, LONG_MS).await.unwrap();
        instance.handle_message("host/test", None, &"ping".into()).await.unwrap();
        let failure = instance.handle_message("host/test", None, &"attack".into()).await.unwrap_err();
        assert!(matches!(failure.cause, EndCause::Trap { .. }), "{failure:?}");
        check_gone(instance).await;
    }
}

#[tokio::test]
async fn an_instance_whose_call_was_dropped_halfway_is_never_entered_again() {
    let engine = engine(4);
    for name in ["park_in_host_call", "loop_forever"] {
        let component = guest(&engine, name);
        let mut instance = start(&engine, &component, 0, FUEL, LONG_MS).await.unwrap();
        let payload = "attack".into();
        tokio::select! {
            biased;
            done = instance.handle_message("host/test", None, &payload) => panic!("{done:?}"),
            () = std::future::ready(()) => {}
        }
        check_gone(instance).await;
    }
}

#[tokio::test]
async fn a_killed_instance_is_never_entered_again() {
    let engine = engine(4);
    let component = guest(&engine, "echo");
    let mut instance = start(&engine, &component, 0, FUEL, LONG_MS).await.unwrap();
    instance.kill_switch().kill();
    let failure = instance.handle_message("host/test", None, &"hello".into()).await.unwrap_err();
    assert_eq!((failure.cause, failure.fuel.consumed()), (EndCause::Killed, 0));
    check_gone(instance).await;
}

#[tokio::test]
async fn what_has_ended_gives_its_place_back() {
    // The pool has one place more than it was asked for.
    let engine = engine(1);
    let component = guest(&engine, "unreachable");
    for round in 0..20 {
        let mut one = start(&engine, &component, 0, FUEL, LONG_MS).await.unwrap();
        let two = start(&engine, &component, 1, FUEL, LONG_MS).await.unwrap();
        let third = start(&engine, &component, 2, FUEL, LONG_MS).await;
        assert!(matches!(third, Err(RuntimeError::PoolExhausted { max_instances: 1 })), "{round}: {third:?}");
        one.handle_message("host/test", None, &"attack".into()).await.unwrap_err();
        start(&engine, &component, 3, FUEL, LONG_MS).await.unwrap();
        assert!(two.is_live());
    }
}
