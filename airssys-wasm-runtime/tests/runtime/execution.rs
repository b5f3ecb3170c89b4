//! Components run, and what they cost is told.

use std::sync::Arc;

use airssys_wasm_core::{ComponentId, MessagePayload, ResourceLimits};
use airssys_wasm_runtime::{ComponentExecutor, EngineConfig, ExecutionResult, WasmtimeEngine};

use crate::guests::{engine, limits, setup};

fn guest(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../guests/built/{name}.wasm", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[tokio::test]
async fn a_message_is_answered_and_its_fuel_told() {
    let engine = Arc::new(WasmtimeEngine::new(EngineConfig::default()).unwrap());
    let component = engine.verify(&guest("echo")).unwrap();
    assert!(component.has_handler());
    let limits = ResourceLimits::builder().memory_bytes(2 << 20).max_fuel(1_000_000).build().unwrap();
    let id = ComponentId::new("test", "echo", "0").unwrap();
    let executor = ComponentExecutor::new(engine);
    let message = MessagePayload::from("hello").with_content_type("text/plain");
    let result = executor.execute_with_limits(id, &component, &limits, &message).await.unwrap();
    let ExecutionResult::Success { output, fuel_metrics } = result else { panic!("{result:?}") };
    assert_eq!(output.unwrap().bytes().as_ref(), b"hello");
    assert!((1..100_000).contains(&fuel_metrics.consumed()), "{fuel_metrics:?}");
}

#[tokio::test]
async fn a_publication_says_its_topic() {
    let engine = engine();
    let component = engine.verify(&guest("talker")).unwrap();
    let mut instance = engine.start(&component, setup(limits())).await.unwrap().value;
    let topic = "logs.raw.web".parse().unwrap();
    instance.handle_publication("test/speaker/0", &topic, &"one".into()).await.unwrap().value.unwrap();
    instance.handle_message("test/speaker/0", None, &"two".into()).await.unwrap().value.unwrap();
    let order = MessagePayload::from("heard").with_content_type("order");
    let heard = instance.handle_message("host/test", None, &order).await.unwrap().value.unwrap();
    assert_eq!(heard, Some("test/speaker/0@logs.raw.web one\ntest/speaker/0 two".into()));
}
