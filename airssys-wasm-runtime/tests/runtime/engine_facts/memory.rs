//! Memories and tables: what the engine's own limits hold, and what they do not.

use std::time::Duration;

use airssys_wasm_core::{MIN_MEMORY_BYTES, ResourceLimits};
use airssys_wasm_runtime::RuntimeError;
use wasmtime::{Config, Engine, Module, ResourceLimiter, Store, StoreLimits, StoreLimitsBuilder};

use crate::engine_facts::bare::{bare, health, metering, ours};
use crate::guests::limits;
use crate::health::health_component;

const LONG: Duration = Duration::from_secs(20);
const PAGE: u64 = 65_536;

fn eight_pages() -> ResourceLimits {
    ResourceLimits { max_memory_bytes: MIN_MEMORY_BYTES, ..limits() }
}

fn store_of(limits: StoreLimits) -> Store<StoreLimits> {
    let mut store = Store::new(&metering(), limits);
    store.limiter(|limits| limits);
    store.set_fuel(1_000_000).unwrap();
    store
}

/// Three memories, each of which grows to eight pages where it may.
const THREE: &str = r#"
  (memory $one (export "memory") 1) (memory $two 0) (memory $three 0)
  (func (export "health") (result i32)
    (drop (memory.grow $one (i32.const 7)))
    (drop (memory.grow $two (i32.const 8)))
    (drop (memory.grow $three (i32.const 8)))
    (i32.const 16))
  (func (export "pages") (result i32)
    (i32.add (memory.size $one) (i32.add (memory.size $two) (memory.size $three))))"#;

#[tokio::test]
async fn the_engines_own_limit_of_memory_is_for_each_memory() {
    let limit = usize::try_from(MIN_MEMORY_BYTES).unwrap();
    let mut store = store_of(StoreLimitsBuilder::new().memory_size(limit).build());
    let instance = bare(&mut store, THREE).await;
    health(&mut store, &instance).call_async(&mut store, ()).await.unwrap();
    let pages = instance.get_typed_func::<(), i32>(&mut store, "pages").unwrap();
    assert_eq!(pages.call_async(&mut store, ()).await.unwrap(), 24, "three times the limit");
}

#[tokio::test]
async fn our_limit_of_memory_is_for_all_memories_together() {
    let mut instance = ours(THREE, eight_pages()).await.unwrap();
    instance.health(LONG).await.unwrap();
    let memory = instance.memory();
    assert_eq!((memory.current_bytes, memory.peak_bytes), (8 * PAGE, 8 * PAGE));
    assert_eq!(memory.denied_growths, 2);
}

/// As many memories as a module can have.
fn many() -> String {
    let others = "(memory 1)".repeat(99);
    format!(r#"(memory (export "memory") 1) {others} (func (export "health") (result i32) (i32.const 16))"#)
}

#[tokio::test]
async fn the_engine_allows_thousands_of_memories_by_default() {
    assert_eq!(StoreLimits::default().memories(), 10_000);
    let mut store = store_of(StoreLimits::default());
    let instance = bare(&mut store, &many()).await;
    health(&mut store, &instance).call_async(&mut store, ()).await.unwrap();
}

#[tokio::test]
async fn we_allow_few_memories() {
    let error = ours(&many(), limits()).await.unwrap_err();
    assert!(matches!(error, RuntimeError::InvalidComponent(_)), "{error:?}");
}

const TWO_TABLES: &str = r#"
  (memory (export "memory") 1) (table 10000 funcref) (table 1 funcref)
  (func (export "health") (result i32) (i32.const 16))"#;

#[tokio::test]
async fn the_engines_own_limit_of_tables_is_for_each_table() {
    let mut store = store_of(StoreLimitsBuilder::new().table_elements(10_000).build());
    let instance = bare(&mut store, TWO_TABLES).await;
    health(&mut store, &instance).call_async(&mut store, ()).await.unwrap();
}

#[tokio::test]
async fn our_limit_of_tables_is_for_all_tables_together() {
    let error = ours(TWO_TABLES, limits()).await.unwrap_err();
    assert!(matches!(error, RuntimeError::InstantiationFailed(_)), "{error:?}");
}

const SHARED: &str = r#"
  (memory (export "memory") 1 2 shared) (func (export "health") (result i32) (i32.const 16))"#;

/// A limiter is never asked about shared memories. They are left out of the engine as it is built here; where
/// another crate turns them on for all, this shows it.
#[test]
fn shared_memories_are_not_built_in() {
    let wasm = wat::parse_str(format!("(module {SHARED})")).unwrap();
    let engine = Engine::new(Config::new().shared_memory(true)).unwrap();
    assert!(Module::new(&engine, wasm).is_err());
}

#[test]
fn a_component_with_a_shared_memory_is_refused() {
    let error = crate::guests::engine().verify(&health_component(SHARED)).unwrap_err();
    assert!(matches!(error, RuntimeError::InvalidComponent(_)), "{error:?}");
}
