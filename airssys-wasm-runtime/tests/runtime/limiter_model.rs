//! The limiter against plain sums: called as the engine calls it, and by guests that grow at random.

use airssys_wasm_core::{MAX_MEMORY_BYTES, MIN_MEMORY_BYTES, ResourceLimits};
use airssys_wasm_runtime::{
    ComponentResourceLimiter, HostState, InstancePorts, KillSwitch, MAX_TABLE_ELEMENTS, WasmResourceLimiter,
    apply_limits_to_store,
};
use proptest::prelude::*;
use tokio::runtime::Builder;
use wasmtime::component::Component;
use wasmtime::{ResourceLimiter, Store};

use crate::guests::{engine, limits, setup};

/// What a store does to its limiter.
#[derive(Debug, Clone)]
enum Step {
    /// A memory grows from so many bytes to so many, under its own maximum where it has one.
    Memory {
        from: usize,
        to: usize,
        maximum: Option<usize>,
    },
    /// The same of a table, in elements.
    Table {
        from: usize,
        to: usize,
        maximum: Option<usize>,
    },
    /// The growth that was just permitted could not be carried out.
    MemoryFailed,
    TableFailed,
}

fn sizes(scale: usize) -> impl Strategy<Value = (usize, usize, Option<usize>)> {
    let near = 0..=scale;
    let maximum = prop_oneof![3 => Just(None), 1 => (0..=scale).prop_map(Some)];
    let ordinary = (near.clone(), near, maximum);
    prop_oneof![9 => ordinary, 1 => (0..=scale, Just(usize::MAX), Just(None))]
}

fn steps(memory: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => sizes(memory).prop_map(|(from, to, maximum)| Step::Memory { from, to, maximum }),
        4 => sizes(MAX_TABLE_ELEMENTS + 10).prop_map(|(from, to, maximum)| Step::Table { from, to, maximum }),
        1 => Just(Step::MemoryFailed),
        1 => Just(Step::TableFailed),
    ];
    prop::collection::vec(step, 1..60)
}

/// One of the two sums.
#[derive(Debug, Default)]
struct Sum {
    held: u128,
    peak: u128,
    last: u128,
    denied: u64,
}

impl Sum {
    /// Whether a growth is permitted, and by whom it is denied.
    fn grow(&mut self, from: usize, to: usize, maximum: Option<usize>, limit: u128) -> bool {
        self.last = 0;
        let added = (to as u128).saturating_sub(from as u128);
        if self.held + added > limit {
            self.denied += 1;
            return false;
        }
        if maximum.is_some_and(|maximum| to > maximum) {
            return false;
        }
        self.held += added;
        self.last = added;
        self.peak = self.peak.max(self.held);
        true
    }

    fn fail(&mut self) {
        self.held -= std::mem::take(&mut self.last);
    }
}

fn failure() -> wasmtime::Error {
    std::io::Error::other("no more pages").into()
}

proptest! {
    #[test]
    fn the_limiter_holds_the_sums(
        limit in prop_oneof![MIN_MEMORY_BYTES..=3 * MAX_MEMORY_BYTES, Just(u64::MAX)],
        steps in steps(2 << 20),
    ) {
        let mut limiter = ComponentResourceLimiter::new(limit);
        let (mut memory, mut table) = (Sum::default(), Sum::default());
        let shares = (limit / MAX_MEMORY_BYTES).max(1);
        let elements = u128::from(shares) * MAX_TABLE_ELEMENTS as u128;
        for step in steps {
            match step {
                Step::Memory { from, to, maximum } => {
                    let permitted = limiter.memory_growing(from, to, maximum).unwrap();
                    prop_assert_eq!(permitted, memory.grow(from, to, maximum, limit.into()), "{:?}", step);
                }
                Step::Table { from, to, maximum } => {
                    let permitted = limiter.table_growing(from, to, maximum).unwrap();
                    prop_assert_eq!(permitted, table.grow(from, to, maximum, elements), "{:?}", step);
                }
                Step::MemoryFailed => {
                    limiter.memory_grow_failed(failure()).unwrap();
                    memory.fail();
                }
                Step::TableFailed => {
                    limiter.table_grow_failed(failure()).unwrap();
                    table.fail();
                }
            }
            let told = limiter.gauge().read();
            prop_assert_eq!(u128::from(told.current_bytes), memory.held);
            prop_assert_eq!(u128::from(told.peak_bytes), memory.peak);
            prop_assert_eq!((told.max_bytes, told.denied_growths), (limit, memory.denied));
            prop_assert!(told.current_bytes <= told.peak_bytes && told.peak_bytes <= told.max_bytes);
        }
    }

    #[test]
    fn what_limits_say_is_what_the_limiter_holds(bytes in any::<u64>(), fuel in any::<Option<u64>>()) {
        let limiter = WasmResourceLimiter::new(&ResourceLimits {
            max_memory_bytes: bytes,
            max_fuel: fuel,
            ..ResourceLimits::default()
        });
        prop_assert_eq!(limiter.fuel_limit(), fuel);
        let mut limiter = limiter.into_store_limits();
        let bytes = usize::try_from(bytes).unwrap();
        prop_assert!(limiter.memory_growing(0, bytes, None).unwrap(), "exactly as much");
        prop_assert!(!limiter.memory_growing(0, 1, None).unwrap(), "one byte over");
        prop_assert!(limiter.memory_growing(bytes, bytes, None).unwrap(), "nothing more");
    }
}

const PAGE: u64 = 65_536;

/// Four memories, the last with a maximum of its own, and a function that grows each.
const FOUR: &str = r#"(component
  (core module $module
    (memory $a 1) (memory $b 0) (memory $c 2) (memory $d 0 5)
    (func (export "grow") (param $which i32) (param $by i32) (result i32)
      (if (i32.eqz (local.get $which)) (then (return (memory.grow $a (local.get $by)))))
      (if (i32.eq (local.get $which) (i32.const 1)) (then (return (memory.grow $b (local.get $by)))))
      (if (i32.eq (local.get $which) (i32.const 2)) (then (return (memory.grow $c (local.get $by)))))
      (memory.grow $d (local.get $by))))
  (core instance $main (instantiate $module))
  (func (export "grow") (param "which" u32) (param "by" u32) (result s32) (canon lift (core func $main "grow"))))"#;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_guest_that_grows_at_random_is_held_to_the_sum(
        limit in 8_u64..=32,
        growths in prop::collection::vec((0_u32..4, prop_oneof![0_u32..12, 60_000..70_000_u32, Just(u32::MAX)]), 1..40),
    ) {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let outcome: Result<(), TestCaseError> = runtime.block_on(async {
            let engine = engine();
            let component = Component::new(engine.engine(), wat::parse_str(FOUR).unwrap()).unwrap();
            let limits = ResourceLimits { max_memory_bytes: limit * PAGE, ..limits() };
            let id = setup(limits).id;
            let ports = InstancePorts::isolated();
            let switch = KillSwitch::new();
            let state = HostState::new(id, &limits, ports, switch);
            let mut store = Store::new(engine.engine(), state);
            apply_limits_to_store(&mut store, &limits).unwrap();
            let instance = engine.linker().instantiate_async(&mut store, &component).await.unwrap();
            let grow = instance.get_typed_func::<(u32, u32), (i32,)>(&mut store, "grow").unwrap();
            let mut pages = [1_u64, 0, 2, 0];
            let maxima = [65_536_u64, 65_536, 65_536, 5];
            let mut denied = 0;
            for (which, by) in growths {
                let at = which as usize;
                let before = pages[at];
                let wanted = before + u64::from(by);
                let total = pages.iter().sum::<u64>() + u64::from(by);
                let expected = if total <= limit && wanted <= maxima[at] {
                    pages[at] = wanted;
                    i32::try_from(before).unwrap()
                } else {
                    -1
                };
                let (returned,) = grow.call_async(&mut store, (which, by)).await.unwrap();
                prop_assert_eq!(returned, expected, "memory {} by {} of {:?}", which, by, pages);
                denied += u64::from(total > limit && wanted <= 65_536);
                let told = store.data().limiter().gauge().read();
                prop_assert_eq!(told.current_bytes, pages.iter().sum::<u64>() * PAGE);
                prop_assert!(told.peak_bytes <= limit * PAGE);
            }
            let told = store.data().limiter().gauge().read().denied_growths;
            prop_assert!(told >= denied, "{} denials told, at least {} were", told, denied);
            Ok(())
        });
        outcome?;
    }
}
