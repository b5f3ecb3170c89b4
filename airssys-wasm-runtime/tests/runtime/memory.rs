//! Memories and tables: their sums are held, at instantiation and at growth.

use std::time::Duration;

use airssys_wasm_core::{EndCause, HealthStatus, MIN_MEMORY_BYTES, ResourceLimits, TrapKind};
use airssys_wasm_runtime::{
    ComponentInstance, HostState, InstancePorts, KillSwitch, RuntimeError, WasmResourceLimiter,
    apply_limits_to_store,
};
use wasmtime::Store;
use wasmtime::component::{Component, Linker};

use crate::guests::{engine, guest, limits, setup};
use crate::health::health_component;

const PAGE: u64 = 65_536;
const LONG: Duration = Duration::from_secs(20);

/// The smallest limit: eight pages.
fn eight_pages() -> ResourceLimits {
    ResourceLimits { max_memory_bytes: MIN_MEMORY_BYTES, ..limits() }
}

async fn start(fields: &str) -> Result<ComponentInstance, RuntimeError> {
    let engine = engine();
    let component = engine.verify(&health_component(fields)).unwrap();
    Ok(engine.start(&component, setup(eight_pages())).await?.value)
}

const HEALTHY: &str = r#"(func (export "health") (result i32) (i32.const 16))"#;

#[tokio::test]
async fn memories_begin_within_the_limit_in_sum() {
    for (memories, pages) in [
        (r#"(memory (export "memory") 1)"#, 1),
        (r#"(memory (export "memory") 7)"#, 7),
        (r#"(memory (export "memory") 8)"#, 8),
        (r#"(memory (export "memory") 1) (memory 0)"#, 1),
        (r#"(memory (export "memory") 4) (memory 4)"#, 8),
        (r#"(memory (export "memory") 4) (memory 3) (memory 1) (memory 0)"#, 8),
    ] {
        let instance = start(&format!("{memories} {HEALTHY}")).await.unwrap();
        let memory = instance.memory();
        assert_eq!((memory.current_bytes, memory.peak_bytes), (pages * PAGE, pages * PAGE), "{memories}");
        assert_eq!((memory.max_bytes, memory.denied_growths), (8 * PAGE, 0), "{memories}");
    }
    for (memories, pages) in [
        (r#"(memory (export "memory") 9)"#, 9),
        (r#"(memory (export "memory") 4) (memory 5)"#, 9),
        (r#"(memory (export "memory") 8) (memory 1)"#, 9),
        (r#"(memory (export "memory") 1) (memory 1) (memory 1) (memory 1) (memory 1) (memory 4)"#, 9),
        // Not only as far as the first that is denied.
        (r#"(memory (export "memory") 4) (memory 6) (memory 7) (memory 0) (memory 8)"#, 25),
    ] {
        let error = start(&format!("{memories} {HEALTHY}")).await.unwrap_err();
        assert!(
            matches!(error, RuntimeError::NeedsMoreMemory { needed_bytes, max_bytes }
                if needed_bytes == pages * PAGE && max_bytes == 8 * PAGE),
            "{memories}: {error:?}"
        );
    }
}

#[tokio::test]
async fn there_are_at_most_sixteen_memories() {
    let with = |count: usize| {
        let others = "(memory 0)".repeat(count - 1);
        health_component(&format!(r#"(memory (export "memory") 1) {others} {HEALTHY}"#))
    };
    let engine = engine();
    let component = engine.verify(&with(16)).unwrap();
    engine.start(&component, setup(limits())).await.unwrap();
    let error = engine.verify(&with(17)).unwrap_err();
    assert!(matches!(error, RuntimeError::InvalidComponent(_)), "{error:?}");
}

/// Grows a memory of one page by `pages` and traps where that does not return `expected`.
async fn check_growth(memory: &str, pages: i64, expected: i32, held: u64, denied: u64) {
    let grow = format!(
        r#"{memory}
           (func (export "health") (result i32)
             (if (i32.ne (memory.grow (i32.const {pages})) (i32.const {expected})) (then (unreachable)))
             (i32.const 16))"#
    );
    let mut instance = start(&grow).await.unwrap();
    let answer = instance.health(LONG).await.map(|done| done.value);
    assert_eq!(answer, Ok(HealthStatus::Healthy), "by {pages}");
    let metrics = instance.memory();
    assert_eq!((metrics.current_bytes, metrics.denied_growths), (held * PAGE, denied), "by {pages}");
    assert_eq!((metrics.peak_bytes, metrics.max_bytes), (held * PAGE, 8 * PAGE), "by {pages}");
}

#[tokio::test]
async fn growth_ends_exactly_at_the_limit() {
    let memory = r#"(memory (export "memory") 1)"#;
    check_growth(memory, 0, 1, 1, 0).await;
    check_growth(memory, 1, 1, 2, 0).await;
    check_growth(memory, 7, 1, 8, 0).await;
    check_growth(memory, 8, -1, 1, 1).await;
    check_growth(memory, 65_535, -1, 1, 1).await;
    check_growth(memory, 4_294_967_295, -1, 1, 1).await;
    // Another memory of three pages counts as well.
    let two = r#"(memory (export "memory") 1) (memory 3)"#;
    check_growth(two, 4, 1, 8, 0).await;
    check_growth(two, 5, -1, 4, 1).await;
}

#[tokio::test]
async fn a_memorys_own_maximum_is_no_denial_of_the_host() {
    check_growth(r#"(memory (export "memory") 1 2)"#, 2, -1, 1, 0).await;
    let mut instance = start(
        r#"(memory (export "memory") 1 2)
           (func (export "health") (result i32) (drop (memory.grow (i32.const 2))) (unreachable))"#,
    )
    .await
    .unwrap();
    let failure = instance.health(LONG).await.unwrap_err();
    assert!(matches!(failure.cause, EndCause::Trap { kind: TrapKind::Unreachable, .. }), "{failure:?}");
}

#[tokio::test]
async fn the_limit_holds_for_the_sum_while_memories_grow() {
    let engine = engine();
    let component = engine.verify(&guest("many_memories")).unwrap();
    let mut instance = engine.start(&component, setup(limits())).await.unwrap().value;
    let done = instance.handle_message("host/test", None, &"tolerant".into()).await.unwrap();
    let reply = done.value.unwrap().unwrap();
    assert_eq!(u64::from_le_bytes(reply.bytes().as_ref().try_into().unwrap()), 2 << 20);
    assert_eq!(instance.memory_bytes(), 2 << 20);
    let failure = instance.handle_message("host/test", None, &"attack".into()).await.unwrap_err();
    assert!(
        matches!(failure.cause, EndCause::OutOfMemory { max_bytes, requested_bytes }
            if max_bytes == 2 << 20 && requested_bytes == (2 << 20) + PAGE),
        "{failure:?}"
    );
    assert!(!instance.is_live());
}

#[tokio::test]
async fn a_denied_growth_explains_a_trap_of_its_own_call_alone() {
    let mut instance = start(
        r#"(memory (export "memory") 1)
           (global $calls (mut i32) (i32.const 0))
           (func (export "health") (result i32)
             (if (global.get $calls) (then (unreachable)))
             (global.set $calls (i32.const 1))
             (drop (memory.grow (i32.const 8)))
             (i32.const 16))"#,
    )
    .await
    .unwrap();
    assert_eq!(instance.health(LONG).await.unwrap().value, HealthStatus::Healthy);
    assert_eq!(instance.memory().denied_growths, 1);
    let failure = instance.health(LONG).await.unwrap_err();
    assert!(matches!(failure.cause, EndCause::Trap { kind: TrapKind::Unreachable, .. }), "{failure:?}");

    let mut instance = start(
        r#"(memory (export "memory") 1)
           (func (export "health") (result i32) (drop (memory.grow (i32.const 8))) (unreachable))"#,
    )
    .await
    .unwrap();
    let gauge = instance.memory_gauge();
    let failure = instance.health(LONG).await.unwrap_err();
    assert!(
        matches!(failure.cause, EndCause::OutOfMemory { max_bytes, requested_bytes }
            if max_bytes == 8 * PAGE && requested_bytes == 9 * PAGE),
        "{failure:?}"
    );
    assert_eq!(gauge.read().denied_growths, 1, "what it was can be read after its end");
}

#[tokio::test]
async fn a_guest_that_expects_a_denial_carries_on() {
    let engine = engine();
    let component = engine.verify(&guest("grow_tolerant")).unwrap();
    let mut instance = engine.start(&component, setup(limits())).await.unwrap().value;
    for round in 1..=3 {
        let done = instance.handle_message("host/test", None, &"attack".into()).await.unwrap();
        let reply = done.value.unwrap().unwrap();
        assert_eq!(u64::from_le_bytes(reply.bytes().as_ref().try_into().unwrap()), 2 << 20);
        let memory = instance.memory();
        assert_eq!(
            (memory.current_bytes, memory.peak_bytes, memory.denied_growths),
            (2 << 20, 2 << 20, round)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_seen_from_outside_while_the_guest_runs() {
    let instance = start(
        r#"(memory (export "memory") 1)
           (func (export "health") (result i32)
             (drop (memory.grow (i32.const 4)))
             (drop (memory.grow (i32.const 4)))
             (loop $again (br $again))
             (unreachable))"#,
    )
    .await
    .unwrap();
    let (gauge, switch) = (instance.memory_gauge(), instance.kill_switch());
    assert_eq!(gauge.read().current_bytes, PAGE);
    let mut running = instance;
    let call = tokio::spawn(async move { running.health(LONG).await });
    // From a thread that has nothing to do with the guest's.
    let reader = std::thread::spawn(move || {
        let began = std::time::Instant::now();
        while gauge.read().denied_growths == 0 && began.elapsed() < LONG {
            std::thread::yield_now();
        }
        gauge.read()
    });
    let memory = tokio::task::spawn_blocking(move || reader.join().unwrap()).await.unwrap();
    assert!(!call.is_finished(), "it was read while the guest ran");
    assert_eq!((memory.current_bytes, memory.peak_bytes), (5 * PAGE, 5 * PAGE));
    assert_eq!((memory.max_bytes, memory.denied_growths), (8 * PAGE, 1));
    switch.kill();
    assert_eq!(call.await.unwrap().unwrap_err().cause, EndCause::Killed);
}

#[tokio::test]
async fn tables_begin_and_grow_within_their_allowance_in_sum() {
    let memory = r#"(memory (export "memory") 1)"#;
    for tables in ["(table 10000 funcref)", "(table 5000 funcref) (table 5000 funcref)", "(table 0 funcref)"]
    {
        start(&format!("{memory} {tables} {HEALTHY}")).await.unwrap();
    }
    let error = start(&format!("{memory} (table 5000 funcref) (table 5001 funcref) {HEALTHY}")).await;
    assert!(matches!(error, Err(RuntimeError::InstantiationFailed(_))), "{error:?}");
    for (by, expected) in [(0, 4_000), (1, 4_000), (1_000, 4_000), (1_001, -1), (10_000_000, -1)] {
        let mut instance = start(&format!(
            r#"{memory} (table $one 5000 funcref) (table $two 4000 funcref)
               (func (export "health") (result i32)
                 (if (i32.ne (table.grow $two (ref.null func) (i32.const {by})) (i32.const {expected}))
                   (then (unreachable)))
                 (i32.const 16))"#
        ))
        .await
        .unwrap();
        instance.health(LONG).await.unwrap_or_else(|failure| panic!("by {by}: {failure:?}"));
    }
}

#[tokio::test]
async fn limits_that_are_applied_again_replace_the_former() {
    let engine = engine();
    let text = r#"(component
        (core module $module
          (memory (export "memory") 1)
          (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))
        (core instance $main (instantiate $module))
        (func (export "grow") (param "pages" u32) (result s32) (canon lift (core func $main "grow"))))"#;
    let component = Component::new(engine.engine(), wat::parse_str(text).unwrap()).unwrap();
    let of = |pages: u64| ResourceLimits { max_memory_bytes: pages * PAGE, ..limits() };
    let id = setup(limits()).id;
    let state = HostState::new(id, &of(8), InstancePorts::isolated(), KillSwitch::new());
    let mut store = Store::new(engine.engine(), state);
    apply_limits_to_store(&mut store, &of(8)).unwrap();
    let linker: &Linker<HostState> = engine.linker();
    let instance = linker.instantiate_async(&mut store, &component).await.unwrap();
    let grow = instance.get_typed_func::<(u32,), (i32,)>(&mut store, "grow").unwrap();
    let gauge = store.data().limiter().gauge();
    assert_eq!(gauge.read().max_bytes, 8 * PAGE);
    // How much the limit is, by how much the memory is to grow, what that returns and what is then held.
    for (limit, by, returned, held) in
        [(8, 8, -1, 1), (8, 6, 1, 7), (16, 4, 7, 11), (8, 1, -1, 11), (12, 1, 11, 12), (12, 1, -1, 12)]
    {
        apply_limits_to_store(&mut store, &of(limit)).unwrap();
        assert_eq!(store.data().limits().max_memory_bytes(), limit * PAGE);
        assert_eq!(grow.call_async(&mut store, (by,)).await.unwrap(), (returned,), "{limit}, by {by}");
        let memory = gauge.read();
        assert_eq!((memory.max_bytes, memory.current_bytes), (limit * PAGE, held * PAGE), "{limit}, by {by}");
    }
    assert_eq!(gauge.read().denied_growths, 3);
}

#[test]
fn the_limiter_takes_over_what_the_limits_say() {
    let limiter = WasmResourceLimiter::new(&eight_pages());
    assert_eq!(limiter.fuel_limit(), Some(1_000_000_000));
    assert_eq!(WasmResourceLimiter::new(&ResourceLimits::default()).fuel_limit(), None);
    let mut limiter = limiter.into_store_limits();
    let grow = |limiter: &mut airssys_wasm_runtime::ComponentResourceLimiter, from, to| {
        wasmtime::ResourceLimiter::memory_growing(limiter, from, to, None).unwrap()
    };
    let page = PAGE as usize;
    assert!(grow(&mut limiter, 0, 5 * page));
    assert!(grow(&mut limiter, 0, 3 * page), "the second memory");
    assert!(!grow(&mut limiter, 3 * page, 3 * page + 1), "one byte over");
    assert!(!grow(&mut limiter, 0, usize::MAX), "no overflow");
    let memory = limiter.gauge().read();
    assert_eq!((memory.current_bytes, memory.denied_growths), (8 * PAGE, 2));
}
