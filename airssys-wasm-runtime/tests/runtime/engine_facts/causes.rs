//! What an error of the engine says, and what must not be read off its text.

use std::time::Duration;

use airssys_wasm_core::{EndCause, TrapKind};
use wasmtime::{Store, Trap, WasmBacktrace};

use crate::engine_facts::bare::{bare, health, metering, ours};
use crate::guests::limits;

const LONG: Duration = Duration::from_secs(20);

/// Traps in a function that is called like another cause.
const IMPOSTOR: &str = r#"
  (memory (export "memory") 1)
  (func $"all fuel consumed by WebAssembly" (unreachable))
  (func (export "health") (result i32) (call $"all fuel consumed by WebAssembly") (i32.const 16))"#;

/// The same without names.
const NAMELESS: &str = r#"
  (memory (export "memory") 1)
  (func (unreachable))
  (func (export "health") (result i32) (call 0) (i32.const 16))"#;

async fn error_of(fields: &str) -> wasmtime::Error {
    let mut store = Store::new(&metering(), ());
    store.set_fuel(1_000).unwrap();
    let instance = bare(&mut store, fields).await;
    health(&mut store, &instance).call_async(&mut store, ()).await.unwrap_err()
}

async fn cause_of(fields: &str) -> EndCause {
    let mut instance = ours(fields, limits()).await.unwrap();
    let failure = instance.health(LONG).await.unwrap_err();
    assert!(!instance.is_live());
    failure.cause
}

#[tokio::test]
async fn the_text_of_an_error_holds_what_the_guest_put_there() {
    let error = error_of(IMPOSTOR).await;
    let other_cause = Trap::OutOfFuel.to_string();
    let other_cause = other_cause.trim_start_matches("wasm trap: ");
    assert!(!other_cause.is_empty() && format!("{error:?}").contains(other_cause), "{error:?}");
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::UnreachableCodeReached));
}

#[tokio::test]
async fn a_guest_cannot_choose_the_cause_that_is_told() {
    let cause = cause_of(IMPOSTOR).await;
    let EndCause::Trap { kind: TrapKind::Unreachable, backtrace } = cause else { panic!("{cause:?}") };
    assert!(backtrace.contains("all fuel consumed by WebAssembly"), "{backtrace}");
}

#[tokio::test]
async fn the_engine_knows_functions_by_the_name_section_alone() {
    let name = |error: &wasmtime::Error| {
        let trace = error.downcast_ref::<WasmBacktrace>().unwrap();
        trace.frames()[0].func_name().map(ToOwned::to_owned)
    };
    assert_eq!(name(&error_of(NAMELESS).await), None);
    assert_eq!(name(&error_of(IMPOSTOR).await).as_deref(), Some("all fuel consumed by WebAssembly"));
}

#[tokio::test]
async fn a_function_without_a_name_is_told_by_its_number() {
    let cause = cause_of(NAMELESS).await;
    let EndCause::Trap { kind: TrapKind::Unreachable, backtrace } = cause else { panic!("{cause:?}") };
    let frames: Vec<&str> = backtrace.lines().collect();
    assert_eq!(frames.len(), 2, "{backtrace}");
    assert!(frames[0].ends_with("<function 0>") && frames[1].ends_with("<function 1>"), "{backtrace}");
}
