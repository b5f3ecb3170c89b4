//! Components that are loaded by handle, without actors.

use airssys_wasm_core::{
    Address, ComponentHandle, ComponentMessage, CorrelationId, FuelMetrics, MessageKind, MessagePayload,
    ResourceLimits, RuntimeEngine, WasmError,
};
use airssys_wasm_runtime::RuntimeError;

use crate::guests::{engine, guest, limits, setup};
use crate::health::health_component;

fn message(text: &str) -> ComponentMessage {
    let sender = Address::host("test").unwrap();
    ComponentMessage::new(sender, setup(limits()).id, MessageKind::InterComponent, text.into())
}

#[track_caller]
fn is_not_found<T: std::fmt::Debug>(result: Result<T, WasmError>, handle: &ComponentHandle) {
    assert!(
        matches!(&result, Err(WasmError::ComponentNotFound(told)) if told.handle_id() == handle.handle_id()),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_handle_leads_to_its_component_until_it_is_unloaded() {
    let engine = engine();
    let (id, wasm) = (setup(limits()).id, guest("echo"));
    let one = engine.load_component(&id, &wasm, &limits()).await.unwrap();
    let other = engine.load_component(&id, &wasm, &limits()).await.unwrap();
    assert_ne!(one.handle_id(), other.handle_id());
    assert!(one.handle_id() >= 1);
    for handle in [&one, &other] {
        let reply = engine.call_handle_message(handle, message("hello")).await.unwrap().unwrap();
        assert_eq!(reply.bytes().as_ref(), b"hello");
    }
    let reply = Ok(MessagePayload::from("late"));
    engine.call_handle_callback(&one, CorrelationId::new(7), reply).await.unwrap();
    engine.unload_component(&one).await.unwrap();
    is_not_found(engine.call_handle_message(&one, message("hello")).await, &one);
    let reply = Ok(MessagePayload::from("late"));
    is_not_found(engine.call_handle_callback(&one, CorrelationId::new(7), reply).await, &one);
    engine.call_handle_message(&other, message("hello")).await.unwrap();
}

#[tokio::test]
async fn an_unknown_handle_can_be_unloaded_and_not_called() {
    let engine = engine();
    let unknown = ComponentHandle::new(setup(limits()).id);
    engine.unload_component(&unknown).await.unwrap();
    is_not_found(engine.call_handle_message(&unknown, message("hello")).await, &unknown);
}

#[tokio::test]
async fn after_a_call_that_ended_it_a_component_is_not_found() {
    let engine = engine();
    let id = setup(limits()).id;
    let few = ResourceLimits { max_fuel: Some(10_000), ..limits() };
    let spins = engine.load_component(&id, &guest("loop_forever"), &few).await.unwrap();
    let sibling = engine.load_component(&id, &guest("echo"), &limits()).await.unwrap();
    engine.call_handle_message(&spins, message("ping")).await.unwrap();
    let error = engine.call_handle_message(&spins, message("attack")).await.unwrap_err();
    assert!(
        matches!(error, WasmError::OutOfFuel(fuel) if fuel == FuelMetrics::new(10_000, 10_000)),
        "{error:?}"
    );
    is_not_found(engine.call_handle_message(&spins, message("ping")).await, &spins);
    engine.unload_component(&spins).await.unwrap();
    engine.call_handle_message(&sibling, message("still here")).await.unwrap();
}

#[tokio::test]
async fn a_component_without_handler_is_refused_by_the_host() {
    let engine = engine();
    let wasm = health_component(
        r#"(memory (export "memory") 1) (func (export "health") (result i32) (i32.const 16))"#,
    );
    let handle = engine.load_component(&setup(limits()).id, &wasm, &limits()).await.unwrap();
    let expected = RuntimeError::MissingExport("handler").to_string();
    for _ in 0..2 {
        let error = engine.call_handle_message(&handle, message("hello")).await.unwrap_err();
        assert!(matches!(&error, WasmError::Unsupported { reason } if *reason == expected), "{error:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_loaded_says_why() {
    let engine = engine();
    let id = setup(limits()).id;
    let zero = ResourceLimits { max_fuel: Some(0), ..limits() };
    let error = engine.load_component(&id, &guest("echo"), &zero).await.unwrap_err();
    assert!(matches!(error, WasmError::InvalidConfiguration { .. }), "{error:?}");
    let error = engine.load_component(&id, &guest("core_module"), &limits()).await.unwrap_err();
    assert!(matches!(error, WasmError::InvalidComponent { .. }), "{error:?}");
    let error = engine.load_component(&id, &guest("initial_memory_too_big"), &limits()).await.unwrap_err();
    assert!(matches!(error, WasmError::OutOfMemory { requested_bytes: 67_108_864, .. }), "{error:?}");
}
