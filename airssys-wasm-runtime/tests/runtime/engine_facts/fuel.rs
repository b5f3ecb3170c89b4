//! What the engine beneath does by itself: the reasons for what this crate does beside it. A change of engine
//! that makes one of them untrue shows here.

use wasmtime::{
    Config, Engine, Instance, Module, ResourceLimiter, Store, StoreLimits, StoreLimitsBuilder, Trap,
};

fn engine() -> Engine {
    Engine::new(Config::new().consume_fuel(true)).unwrap()
}

fn instance<T>(store: &mut Store<T>, text: &str) -> Instance {
    let module = Module::new(store.engine(), wat::parse_str(text).unwrap()).unwrap();
    Instance::new(store, &module, &[]).unwrap()
}

#[test]
fn the_engines_own_limit_of_memory_is_for_each_memory() {
    const LIMIT: usize = 4 * 65_536;
    let limits = StoreLimitsBuilder::new().memory_size(LIMIT).build();
    let mut store = Store::new(&engine(), limits);
    store.limiter(|limits| limits);
    store.set_fuel(1_000_000).unwrap();
    let instance = instance(
        &mut store,
        r#"(module
          (memory $one 0) (memory $two 0) (memory $three 0)
          (func (export "grow") (result i32)
            (drop (memory.grow $one (i32.const 4)))
            (drop (memory.grow $two (i32.const 4)))
            (drop (memory.grow $three (i32.const 5)))
            (i32.add (memory.size $one) (i32.add (memory.size $two) (memory.size $three)))))"#,
    );
    let grow = instance.get_typed_func::<(), i32>(&mut store, "grow").unwrap();
    assert_eq!(grow.call(&mut store, ()).unwrap(), 8, "pages: twice the limit, and five more are denied");
}

#[test]
fn the_engine_allows_thousands_of_memories_by_default() {
    assert_eq!(StoreLimits::default().memories(), 10_000);
}

#[test]
fn a_store_without_fuel_traps_at_once() {
    let mut store = Store::new(&engine(), ());
    let instance = instance(&mut store, r#"(module (func (export "nothing")))"#);
    let nothing = instance.get_typed_func::<(), ()>(&mut store, "nothing").unwrap();
    let error = nothing.call(&mut store, ()).unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::OutOfFuel));
    store.set_fuel(u64::MAX).unwrap();
    nothing.call(&mut store, ()).unwrap();
    assert_eq!(store.get_fuel().unwrap(), u64::MAX - 1, "the largest figure does not overflow");
}

#[test]
fn the_engine_looks_at_its_fuel_only_where_functions_and_loops_begin() {
    let mut store = Store::new(&engine(), ());
    let straight = "(drop (i32.const 1))".repeat(100);
    let instance = instance(&mut store, &format!(r#"(module (func (export "straight") {straight}))"#));
    let straight = instance.get_typed_func::<(), ()>(&mut store, "straight").unwrap();
    store.set_fuel(1_000).unwrap();
    straight.call(&mut store, ()).unwrap();
    let cost = 1_000 - store.get_fuel().unwrap();
    assert!(cost > 100, "{cost}");
    store.set_fuel(2).unwrap();
    straight.call(&mut store, ()).unwrap();
    assert_eq!(store.get_fuel().unwrap(), 0, "it took {cost} of 2 units and was not ended");
}

#[test]
fn what_leaves_nothing_over_when_the_engine_looks_is_ended() {
    let mut store = Store::new(&engine(), ());
    let instance = instance(&mut store, r#"(module (func (export "nothing")))"#);
    let nothing = instance.get_typed_func::<(), ()>(&mut store, "nothing").unwrap();
    store.set_fuel(1).unwrap();
    let error = nothing.call(&mut store, ()).unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::OutOfFuel), "one unit was needed and given");
    store.set_fuel(2).unwrap();
    nothing.call(&mut store, ()).unwrap();
}
