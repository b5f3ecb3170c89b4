//! A guest on the engine alone, and the same guest under our limits.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use airssys_wasm_core::ResourceLimits;
use airssys_wasm_runtime::{ComponentInstance, RuntimeError, WasmtimeEngine};
use wasmtime::component::{self, ResourceTable};
use wasmtime::{Config, Engine, Instance, Module, Store, TypedFunc};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::guests::{engine, setup};
use crate::health::health_component;

/// An engine that meters, and nothing else.
pub(super) fn metering() -> Engine {
    Engine::new(Config::new().consume_fuel(true)).unwrap()
}

/// An engine that looks at epochs as well.
pub(super) fn ticking() -> Engine {
    Engine::new(Config::new().consume_fuel(true).epoch_interruption(true)).unwrap()
}

/// A core module with these fields.
pub(super) fn module(engine: &Engine, fields: &str) -> Module {
    Module::new(engine, wat::parse_str(format!("(module {fields})")).unwrap()).unwrap()
}

/// An instance of a core module with these fields, on the engine alone.
pub(super) async fn bare<T: Send>(store: &mut Store<T>, fields: &str) -> Instance {
    let module = module(store.engine(), fields);
    Instance::new_async(store, &module, &[]).await.unwrap()
}

/// Its export `health`.
pub(super) fn health<T: Send>(store: &mut Store<T>, instance: &Instance) -> TypedFunc<(), i32> {
    instance.get_typed_func(store, "health").unwrap()
}

/// An instance with the engine that ticks it.
#[derive(Debug)]
pub(super) struct Ours {
    instance: ComponentInstance,
    _engine: Arc<WasmtimeEngine>,
}

impl Deref for Ours {
    type Target = ComponentInstance;

    fn deref(&self) -> &ComponentInstance {
        &self.instance
    }
}

impl DerefMut for Ours {
    fn deref_mut(&mut self) -> &mut ComponentInstance {
        &mut self.instance
    }
}

/// The same fields in a component, under our limits.
pub(super) async fn ours(fields: &str, limits: ResourceLimits) -> Result<Ours, RuntimeError> {
    let engine = engine();
    let component = engine.verify(&health_component(fields))?;
    let instance = engine.start(&component, setup(limits)).await?.value;
    Ok(Ours { instance, _engine: engine })
}

/// The export `health` of a component.
pub(super) fn lifted_health<T>(store: &mut Store<T>, instance: &component::Instance) -> component::Func {
    let interface = instance.get_export_index(&mut *store, None, "airssys:core/health@0.1.0").unwrap();
    let health = instance.get_export_index(&mut *store, Some(&interface), "health").unwrap();
    instance.get_func(store, health).unwrap()
}

/// The standard interfaces with their own defaults.
#[derive(Default)]
pub(super) struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Wasi {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.ctx, table: &mut self.table }
    }
}
