//! Wall clock: what epochs see and what they do not, and who gets to run meanwhile.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use airssys_wasm_core::{EndCause, ResourceLimits};
use airssys_wasm_runtime::{EngineConfig, WasmtimeEngine};
use tokio::runtime::{Builder, Runtime};
use wasmtime::component::{Component, Linker};
use wasmtime::{Store, Trap, UpdateDeadline};

use crate::engine_facts::bare::{Wasi, bare, health, lifted_health, ours, ticking};
use crate::guests::{engine, limits, setup};
use crate::health::health_component;
use crate::imports::importing;

const LONG: Duration = Duration::from_secs(20);

fn unmetered() -> ResourceLimits {
    ResourceLimits { max_fuel: None, ..limits() }
}

const SPINS: &str = r#"
  (memory (export "memory") 1)
  (func (export "health") (result i32) (loop $again (br $again)) (unreachable))"#;

/// Fills all its memory, `again` or once.
fn fills(pages: u32, again: &str) -> String {
    let bytes = pages * 65_536 - 1_024;
    format!(
        r#"(memory (export "memory") {pages})
           (func (export "health") (result i32)
             (loop $again
               (memory.fill (i32.const 1024) (i32.const 7) (i32.const {bytes}))
               {again})
             (i32.const 16))"#
    )
}

#[tokio::test]
async fn a_bulk_instruction_looks_at_the_epoch_at_its_start_alone() {
    let engine = ticking();
    let stop = Arc::new(AtomicBool::new(false));
    let ticks = Arc::new(AtomicU64::new(0));
    let ticker = thread::spawn({
        let (engine, stop, ticks) = (engine.clone(), Arc::clone(&stop), Arc::clone(&ticks));
        move || {
            while !stop.load(Ordering::Relaxed) {
                engine.increment_epoch();
                ticks.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let mut store = Store::new(&engine, 0_u64);
    store.set_fuel(u64::MAX).unwrap();
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut looks| {
        *looks.data_mut() += 1;
        Ok(UpdateDeadline::Continue(1))
    });
    let instance = bare(&mut store, &fills(512, "")).await;
    let fill = health(&mut store, &instance);
    // However seldom the other thread runs: until it has ticked often during a fill.
    let mut most = 0;
    while most < 1_000 {
        let before = ticks.load(Ordering::Relaxed);
        *store.data_mut() = 0;
        fill.call_async(&mut store, ()).await.unwrap();
        most = most.max(ticks.load(Ordering::Relaxed) - before);
        assert!(*store.data() <= 4, "{} looks: at the function, the loop and the fill", store.data());
    }
    stop.store(true, Ordering::Relaxed);
    ticker.join().unwrap();
}

#[tokio::test]
async fn a_guest_of_bulk_instructions_overshoots_its_time_by_one_of_them_over_its_memory() {
    let mut instance = ours(&fills(32, "(br $again)"), unmetered()).await.unwrap();
    let began = Instant::now();
    let failure = instance.health(Duration::from_millis(30)).await.unwrap_err();
    assert!(began.elapsed() >= Duration::from_millis(30));
    let EndCause::Timeout { timeout_ms: 30, fuel_consumed } = failure.cause else { panic!("{failure:?}") };
    assert!(fuel_consumed >= 2 << 20, "at least one fill was told: {fuel_consumed} units");
    assert!(!instance.is_live());
}

/// Memory that a host must have raised its ceiling for; a fill of it for the first time takes far longer than a call
/// may take here.
const RAISED_BYTES: u64 = 256 << 20;

/// A call that fills a raised memory again and again, with this fuel and a millisecond.
async fn fill_raised(max_fuel: Option<u64>) -> EndCause {
    let config = EngineConfig { max_memory_bytes: RAISED_BYTES, max_instances: 1, ..EngineConfig::default() };
    let engine = WasmtimeEngine::new(config).unwrap();
    let pages = u32::try_from(RAISED_BYTES / 65_536).unwrap();
    let component = engine.verify(&health_component(&fills(pages, "(br $again)"))).unwrap();
    let limits = ResourceLimits { max_memory_bytes: RAISED_BYTES, max_fuel, ..limits() };
    let mut instance = engine.start(&component, setup(limits)).await.unwrap().value;
    let failure = instance.health(Duration::from_millis(1)).await.unwrap_err();
    assert!(!instance.is_live());
    failure.cause
}

#[tokio::test]
async fn under_a_raised_ceiling_a_call_overshoots_by_one_fill_that_its_fuel_pays_for() {
    let one = RAISED_BYTES - 1_024;
    let cause = fill_raised(None).await;
    let EndCause::Timeout { timeout_ms: 1, fuel_consumed } = cause else { panic!("{cause:?}") };
    assert!((one..2 * one).contains(&fuel_consumed), "{fuel_consumed} units are more or less than one fill");
    // What fuel does not pay for is not begun, so that its time does not matter.
    let cause = fill_raised(Some(one)).await;
    assert!(matches!(cause, EndCause::OutOfFuel(fuel) if fuel.consumed() == one), "{cause:?}");
}

/// A runtime of one thread, which looks at its timers only when it has nothing else to do.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().event_interval(1_000_000_000).build().unwrap()
}

#[derive(Debug, thiserror::Error)]
#[error("long enough")]
struct LongEnough;

/// No ticks until the next look: the guest is looked at in every turn of its loop.
const AT_ONCE: u64 = 0;

/// Whether a timer of a millisecond, on the thread of a guest that spins and is looked at in this way, fired while
/// the guest was looked at a thousand times after it was due.
fn timer_fires_beside(look: impl Fn() -> UpdateDeadline + Send + Sync + 'static) -> bool {
    runtime().block_on(async {
        let fired = Arc::new(AtomicBool::new(false));
        let timer = tokio::spawn({
            let fired = Arc::clone(&fired);
            async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                fired.store(true, Ordering::Relaxed);
            }
        });
        // The timer's task begins to wait before the guest begins.
        tokio::task::yield_now().await;
        let guest = tokio::spawn(async move {
            let mut store = Store::new(&ticking(), 0_u64);
            store.set_fuel(u64::MAX).unwrap();
            store.set_epoch_deadline(1);
            let instance = bare(&mut store, SPINS).await;
            let due = Instant::now() + Duration::from_millis(20);
            store.epoch_deadline_callback(move |mut context| {
                *context.data_mut() += u64::from(Instant::now() > due);
                if *context.data() > 1_000 { Err(LongEnough.into()) } else { Ok(look()) }
            });
            store.engine().increment_epoch();
            let error = health(&mut store, &instance).call_async(&mut store, ()).await.unwrap_err();
            assert!(error.is::<LongEnough>(), "{error:?}");
            fired.load(Ordering::Relaxed)
        });
        let fired = guest.await.unwrap();
        timer.await.unwrap();
        fired
    })
}

#[test]
fn a_guest_that_never_yields_stops_the_timers_of_its_thread() {
    assert!(!timer_fires_beside(|| UpdateDeadline::Continue(AT_ONCE)));
}

#[test]
fn the_engines_own_yield_is_taken_again_before_the_timers() {
    assert!(!timer_fires_beside(|| UpdateDeadline::Yield(AT_ONCE)));
    let real = || UpdateDeadline::YieldCustom(AT_ONCE, Box::pin(tokio::task::yield_now()));
    assert!(timer_fires_beside(real), "a yield to the scheduler itself");
}

#[test]
fn timers_fire_beside_our_guests_even_on_the_same_thread() {
    let cause = runtime().block_on(async {
        let mut instance = ours(SPINS, unmetered()).await.unwrap();
        let switch = instance.kill_switch();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            switch.kill();
        });
        let guest = tokio::spawn(async move { instance.health(LONG).await.unwrap_err().cause });
        guest.await.unwrap()
    });
    assert_eq!(cause, EndCause::Killed, "a timer ended it before its time did");
}

#[tokio::test]
async fn a_tick_ends_everybody_who_waits_for_it() {
    let engine = ticking();
    let mut stores = Vec::new();
    for _ in 0..2 {
        let mut store = Store::new(&engine, ());
        store.set_fuel(u64::MAX).unwrap();
        store.set_epoch_deadline(1);
        let instance = bare(&mut store, SPINS).await;
        stores.push((store, instance));
    }
    // Meant for the first one.
    engine.increment_epoch();
    for (mut store, instance) in stores {
        let error = health(&mut store, &instance).call_async(&mut store, ()).await.unwrap_err();
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::Interrupt));
    }
}

#[tokio::test]
async fn a_tick_of_ours_ends_those_alone_whose_own_time_is_up() {
    let engine = engine();
    let component = engine.verify(&health_component(SPINS)).unwrap();
    let mut short = engine.start(&component, setup(unmetered())).await.unwrap().value;
    let mut long = engine.start(&component, setup(unmetered())).await.unwrap().value;
    let began = Instant::now();
    let (short, (long, lived)) = tokio::join!(short.health(Duration::from_millis(20)), async {
        let outcome = long.health(Duration::from_millis(80)).await;
        (outcome, began.elapsed())
    });
    assert!(matches!(short.unwrap_err().cause, EndCause::Timeout { timeout_ms: 20, .. }));
    assert!(matches!(long.unwrap_err().cause, EndCause::Timeout { timeout_ms: 80, .. }));
    assert!(lived >= Duration::from_millis(80), "{lived:?}");
}

/// Parks in a host call.
fn parks() -> Vec<u8> {
    importing(
        r#"(import "airssys:core/services@0.1.0" (instance $services
             (export "sleep" (func (param "duration-ms" u64)))))"#,
        r#"(core func $sleep (canon lower (func $services "sleep")))"#,
        r#"(export "sleep" (func $sleep))"#,
        r#"(import "host" "sleep" (func $sleep (param i64)))
           (func (export "health") (result i32) (call $sleep (i64.const 60000)) (i32.const 16))"#,
    )
}

#[tokio::test]
async fn neither_fuel_nor_epochs_see_a_parked_host_call() {
    let engine = ticking();
    let mut linker = Linker::<()>::new(&engine);
    let mut services = linker.instance("airssys:core/services@0.1.0").unwrap();
    services
        .func_wrap_async("sleep", |_, (_,): (u64,)| Box::new(std::future::pending::<wasmtime::Result<()>>()))
        .unwrap();
    let component = Component::new(&engine, parks()).unwrap();
    let mut store = Store::new(&engine, ());
    store.set_fuel(10_000).unwrap();
    store.set_epoch_deadline(1_000);
    let instance = linker.instantiate_async(&mut store, &component).await.unwrap();
    let health = lifted_health(&mut store, &instance);
    let mut results = [wasmtime::component::Val::Bool(false)];
    let mut call = std::pin::pin!(health.call_async(&mut store, &[], &mut results));
    for _ in 0..3 {
        // The first time lets it begin and park.
        let waited = tokio::time::timeout(Duration::from_millis(5), call.as_mut()).await;
        assert!(waited.is_err(), "{waited:?} although it is parked, its deadline long past");
        for _ in 0..1_000 {
            engine.increment_epoch();
        }
    }
}

#[tokio::test]
async fn our_calls_end_at_their_time_although_they_are_parked() {
    let engine = engine();
    let component = engine.verify(&parks()).unwrap();
    let mut instance = engine.start(&component, setup(limits())).await.unwrap().value;
    let failure = instance.health(Duration::from_millis(30)).await.unwrap_err();
    assert!(matches!(failure.cause, EndCause::Timeout { timeout_ms: 30, .. }), "{failure:?}");
    assert!(!instance.is_live());
}

/// Waits for 50 ms through the standard interfaces.
fn polls() -> Vec<u8> {
    importing(
        r#"(import "wasi:io/poll@0.2.0" (instance $poll
             (export "pollable" (type $pollable (sub resource)))
             (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
           (alias export $poll "pollable" (type $pollable))
           (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
             (alias outer 1 $pollable (type $outer))
             (export "pollable" (type $own (eq $outer)))
             (export "subscribe-duration" (func (param "when" u64) (result (own $own))))))"#,
        r#"(core func $subscribe (canon lower (func $clock "subscribe-duration")))
           (core func $block (canon lower (func $poll "[method]pollable.block")))"#,
        r#"(export "subscribe" (func $subscribe)) (export "block" (func $block))"#,
        r#"(import "host" "subscribe" (func $subscribe (param i64) (result i32)))
           (import "host" "block" (func $block (param i32)))
           (func (export "health") (result i32)
             (call $block (call $subscribe (i64.const 50000000)))
             (i32.const 16))"#,
    )
}

/// How often a future was polled before it was ready.
async fn count_polls<T>(future: impl Future<Output = T>) -> (T, u32) {
    let mut future = std::pin::pin!(future);
    let mut polls = 0;
    poll_fn(|context| {
        polls += 1;
        future.as_mut().poll(context).map(|value| (value, polls))
    })
    .await
}

#[tokio::test]
async fn a_guest_that_polls_keeps_no_processor_busy() {
    let bare = ticking();
    let mut linker = Linker::<Wasi>::new(&bare);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
    let component = Component::new(&bare, polls()).unwrap();
    let mut store = Store::new(&bare, Wasi::default());
    store.set_fuel(1_000_000).unwrap();
    store.set_epoch_deadline(1_000_000);
    let instance = linker.instantiate_async(&mut store, &component).await.unwrap();
    let health = lifted_health(&mut store, &instance);
    let mut results = [wasmtime::component::Val::Bool(false)];
    let (outcome, polls_of_bare) = count_polls(health.call_async(&mut store, &[], &mut results)).await;
    outcome.unwrap();
    assert!(polls_of_bare <= 10, "{polls_of_bare} polls on the engine alone");

    let engine = engine();
    let component = engine.verify(&polls()).unwrap();
    let mut instance = engine.start(&component, setup(limits())).await.unwrap().value;
    let began = Instant::now();
    let (outcome, polls) = count_polls(instance.health(LONG)).await;
    outcome.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(50));
    assert!(polls <= 10, "{polls} polls");
}
