//! What a guest makes the host hold outside its own memories: copies, handles, random bytes.

use std::time::Duration;

use airssys_wasm_core::EndCause;
use airssys_wasm_runtime::{
    HostState, InstancePorts, KillSwitch, MAX_COMPONENT_HANDLES, MAX_RANDOM_BYTES, MAX_RESOURCES,
};
use wasmtime::component::{Component, Linker, ResourceTable, ResourceTableError, Val};
use wasmtime::{Store, Trap};

use crate::engine_facts::bare::{Wasi, lifted_health, metering};
use crate::guests::{engine, limits, setup};
use crate::health_export::HEALTH_EXPORT;
use crate::imports::importing;

const LONG: Duration = Duration::from_secs(20);

/// How a call of `health` on the engine alone ends, in a store with these bounds or its own.
async fn on_the_engine_alone(
    wasm: &[u8],
    hostcall_fuel: Option<usize>,
    handles: Option<usize>,
) -> wasmtime::Result<()> {
    let engine = metering();
    let mut linker = Linker::<Wasi>::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    let mut services = linker.instance("airssys:core/services@0.1.0")?;
    services.func_new("log", |_, _, _, _| Ok(()))?;
    let component = Component::new(&engine, wasm)?;
    let mut store = Store::new(&engine, Wasi::default());
    store.set_fuel(1_000_000_000)?;
    if let Some(bytes) = hostcall_fuel {
        store.set_hostcall_fuel(bytes);
    }
    if let Some(count) = handles {
        store.set_max_component_handles(count);
    }
    let instance = linker.instantiate_async(&mut store, &component).await?;
    lifted_health(&mut store, &instance).call_async(&mut store, &[], &mut [Val::Bool(false)]).await
}

/// How a call of `health` under our limits ends.
async fn on_ours(wasm: &[u8]) -> Result<(), EndCause> {
    let engine = engine();
    let component = engine.verify(wasm).unwrap();
    let mut instance = engine.start(&component, setup(limits())).await.unwrap().value;
    let done = instance.health(LONG).await.map(drop).map_err(|failure| failure.cause);
    assert_eq!(instance.is_live(), done.is_ok(), "a failed call leaves nothing");
    done
}

/// Logs a record whose context is `pairs` times the same 128 KiB of its memory.
fn logs(pairs: u32) -> Vec<u8> {
    importing(
        r#"(import "airssys:core/services@0.1.0" (instance $services
             (type $levels (enum "trace" "debug" "info" "warn" "error"))
             (export "log-level" (type $level (eq $levels)))
             (export "log" (func (param "level" $level) (param "message" string)
               (param "context" (list (tuple string string)))))))"#,
        r#"(core func $log (canon lower (func $services "log") (memory $memory)))"#,
        r#"(export "log" (func $log))"#,
        &format!(
            r#"(import "host" "log" (func $log (param i32 i32 i32 i32 i32)))
               (func (export "health") (result i32)
                 (local $at i32)
                 (loop $again
                   (i32.store offset=1024 (local.get $at) (i32.const 131072))
                   (i32.store offset=1028 (local.get $at) (i32.const 65536))
                   (i32.store offset=1032 (local.get $at) (i32.const 131072))
                   (i32.store offset=1036 (local.get $at) (i32.const 65536))
                   (local.set $at (i32.add (local.get $at) (i32.const 16)))
                   (br_if $again (i32.lt_u (local.get $at) (i32.const {bytes}))))
                 (call $log (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1024) (i32.const {pairs}))
                 (i32.const 16))"#,
            bytes = pairs * 16,
        ),
    )
}

#[tokio::test]
async fn the_engine_copies_up_to_its_own_bound_which_is_far_beyond_a_guests_memory() {
    assert_eq!(Store::new(&metering(), ()).hostcall_fuel(), 128 << 20);
    // Five megabytes out of a memory of 256 KiB.
    on_the_engine_alone(&logs(40), None, None).await.unwrap();
    let error = on_the_engine_alone(&logs(40), Some(5_000_000), None).await.unwrap_err();
    assert!(error.downcast_ref::<Trap>().is_none(), "it is no trap: {error:?}");
}

#[tokio::test]
async fn our_bound_on_copies_ends_the_call_and_is_told_as_such() {
    on_ours(&logs(10)).await.unwrap();
    let cause = on_ours(&logs(40)).await.unwrap_err();
    assert!(matches!(cause, EndCause::HostLimit { .. }), "{cause:?}");
}

/// Makes `count` handles of a resource of its own.
fn makes_handles(count: usize) -> Vec<u8> {
    let text = format!(
        r#"(component
          (type $own (resource (rep i32)))
          (core func $new (canon resource.new $own))
          (core module $module
            (import "host" "new" (func $new (param i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "health") (result i32)
              (local $left i32)
              (local.set $left (i32.const {count}))
              (loop $again
                (drop (call $new (i32.const 7)))
                (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
              (i32.const 16)))
          (core instance $main (instantiate $module
            (with "host" (instance (export "new" (func $new))))))
          {HEALTH_EXPORT})"#
    );
    wat::parse_str(text).unwrap()
}

#[tokio::test]
async fn the_engines_bound_on_handles_ends_the_guest_without_a_trap() {
    on_the_engine_alone(&makes_handles(100_000), None, None).await.unwrap();
    on_the_engine_alone(&makes_handles(10), None, Some(10)).await.unwrap();
    let error = on_the_engine_alone(&makes_handles(11), None, Some(10)).await.unwrap_err();
    assert!(error.downcast_ref::<Trap>().is_none(), "{error:?}");
}

#[tokio::test]
async fn our_bound_on_handles_is_exact() {
    on_ours(&makes_handles(MAX_COMPONENT_HANDLES)).await.unwrap();
    let cause = on_ours(&makes_handles(MAX_COMPONENT_HANDLES + 1)).await.unwrap_err();
    assert!(matches!(cause, EndCause::HostLimit { .. }), "{cause:?}");
}

/// Entries that a table takes before it is full.
fn room(table: &mut ResourceTable) -> usize {
    let mut held = 0;
    loop {
        match table.push(()) {
            Ok(_) => held += 1,
            Err(error) => {
                assert!(matches!(error, ResourceTableError::Full), "{error:?}");
                return held;
            }
        }
    }
}

#[test]
fn the_engines_table_of_resources_takes_a_million_and_ours_few() {
    assert_eq!(room(&mut ResourceTable::new()), 1_000_000);
    let id = setup(limits()).id;
    let mut state = HostState::new(id, &limits(), InstancePorts::isolated(), KillSwitch::new());
    assert_eq!(room(state.resource_table()), MAX_RESOURCES);
}

/// Asks for so many random bytes in one call.
fn random(bytes: u64) -> Vec<u8> {
    importing(
        r#"(import "wasi:random/random@0.2.0" (instance $random
             (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))"#,
        r#"(core func $random (canon lower (func $random "get-random-bytes") (memory $memory) (realloc $realloc)))"#,
        r#"(export "random" (func $random))"#,
        &format!(
            r#"(import "host" "random" (func $random (param i64 i32)))
               (func (export "health") (result i32)
                 (call $random (i64.const {bytes}) (i32.const 64))
                 (if (i64.ne (i64.load32_u (i32.const 68)) (i64.const {bytes})) (then (unreachable)))
                 (i32.const 16))"#
        ),
    )
}

#[tokio::test]
async fn the_engine_makes_many_random_bytes_in_one_call_and_we_make_few() {
    on_the_engine_alone(&random(MAX_RANDOM_BYTES + 1), None, None).await.unwrap();
    // It tries to hand over even these: what ends the guest is its own memory.
    let error = on_the_engine_alone(&random(64 << 20), None, None).await.unwrap_err();
    assert!(!format!("{error:?}").contains("67108865"), "{error:?}");
    for bytes in [0, 1, MAX_RANDOM_BYTES] {
        on_ours(&random(bytes)).await.unwrap();
    }
    for bytes in [MAX_RANDOM_BYTES + 1, u64::MAX >> 1] {
        let cause = on_ours(&random(bytes)).await.unwrap_err();
        assert!(matches!(cause, EndCause::HostLimit { .. }), "{cause:?}");
    }
}
