//! The one place that configures the engine, for hosts, tests and benchmarks alike.

use std::num::NonZeroUsize;
use std::time::Duration;

use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails};

use airssys_wasm_core::{Ceilings, MAX_MEMORY_BYTES};

use crate::bounds::{
    ASYNC_STACK_BYTES, MAX_BACKTRACE_FRAMES, MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_TABLES,
    MAX_WASM_STACK_BYTES,
};
use crate::enforcement::Enforcement;
use crate::limiter::table_allowance;
use crate::pool::PoolShare;
use crate::reservation::GUARD_BYTES;

/// What an engine is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineConfig {
    /// The highest memory limit of any component, in bytes: the pool reserves this much address space
    /// for each memory. Rounded up to whole pages of 64 KiB.
    pub max_memory_bytes: u64,
    /// How many instances live at a time. Address space and memory mappings are reserved for all of them; see
    /// [`reservation`](Self::reservation).
    pub max_instances: u32,
    /// Largest component, in bytes.
    pub max_component_bytes: u64,
    /// How often a running guest is looked at: the resolution of deadlines and of fairness. Below 100 µs it is
    /// taken as 100 µs: a clock that only ticks leaves no time for guests.
    pub tick: Duration,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            max_memory_bytes: MAX_MEMORY_BYTES,
            max_instances: 1_000,
            max_component_bytes: Ceilings::default().max_component_bytes,
            tick: Duration::from_millis(1),
        }
    }
}

/// The shortest tick.
pub(crate) const MIN_TICK: Duration = Duration::from_micros(100);

/// A page of linear memory.
pub(crate) const WASM_PAGE_BYTES: u64 = 65_536;

/// Memories and tables in the pool for each instance: a component of an ordinary Rust toolchain has one and
/// two.
const MEMORIES_EACH: u32 = 2;
const TABLES_EACH: u32 = 4;

/// Memories and tables that even a small pool has, for components of large language runtimes.
const LEAST_MEMORIES: u32 = 512;
const LEAST_TABLES: u32 = 2_048;

impl EngineConfig {
    /// The engine's settings: components, fuel and epochs on, threads and shared memory off, and a pool
    /// with slots as large as the highest memory limit.
    pub(crate) fn to_wasmtime(&self, enforcement: Enforcement) -> Config {
        let mut config = self.to_unpooled(enforcement);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(self.pool(self.slot())));
        config
    }

    /// The same settings without a pool, by which a component compiles that is too large for it.
    pub(crate) fn to_unpooled(&self, enforcement: Enforcement) -> Config {
        let mut config = Config::new();
        config
            .consume_fuel(enforcement.is_on())
            .epoch_interruption(enforcement.is_on())
            .max_wasm_stack(MAX_WASM_STACK_BYTES)
            .async_stack_size(ASYNC_STACK_BYTES)
            .wasm_backtrace_max_frames(NonZeroUsize::new(MAX_BACKTRACE_FRAMES))
            // Whatever the environment says: names in a guest's debug information are as long as it likes.
            .wasm_backtrace_details(WasmBacktraceDetails::Disable)
            .wasm_memory64(false)
            .wasm_multi_memory(true)
            .memory_reservation(self.slot())
            .memory_guard_size(GUARD_BYTES)
            .guard_before_linear_memory(true)
            .memory_init_cow(true)
            // An image holds what lies between the data, too: it is made only where at least half of it is data.
            .memory_guaranteed_dense_image_size(0)
            .concurrency_support(false)
            .parallel_compilation(true);
        config
    }

    /// Bytes that the pool reserves for each memory.
    pub(crate) fn slot(&self) -> u64 {
        self.max_memory_bytes.checked_next_multiple_of(WASM_PAGE_BYTES).unwrap_or(u64::MAX)
    }

    /// What all instances of the engine may hold together.
    #[must_use]
    pub fn capacity(&self) -> PoolShare {
        PoolShare {
            instances: self.max_instances,
            memories: self.max_instances.saturating_mul(MEMORIES_EACH).max(LEAST_MEMORIES),
            tables: self.max_instances.saturating_mul(TABLES_EACH).max(LEAST_TABLES),
        }
    }

    /// What the pool has room for: one instance more than the capacity, however many parts it has. Whoever counts
    /// by capacity never meets the pool's own end, not even while a failed instance is being taken down.
    pub(crate) fn pool_places(&self) -> PoolShare {
        self.capacity().plus(PoolShare { instances: 1, memories: one(MAX_MEMORIES), tables: one(MAX_TABLES) })
    }

    /// Elements that one table of the pool has room for.
    pub(crate) fn table_elements(&self) -> usize {
        table_allowance(self.max_memory_bytes)
    }

    fn pool(&self, slot: u64) -> PoolingAllocationConfig {
        let PoolShare { instances, memories, tables } = self.pool_places();
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(instances)
            .total_core_instances(instances.saturating_mul(one(MAX_CORE_INSTANCES)))
            .total_memories(memories)
            .total_tables(tables)
            .total_stacks(instances)
            .max_core_instances_per_component(one(MAX_CORE_INSTANCES))
            .max_memories_per_component(one(MAX_MEMORIES))
            .max_tables_per_component(one(MAX_TABLES))
            .max_memories_per_module(one(MAX_MEMORIES))
            .max_tables_per_module(MAX_TABLES_PER_MODULE)
            .table_elements(self.table_elements())
            .max_memory_size(usize::try_from(slot).unwrap_or(usize::MAX));
        pool
    }
}

fn one(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Tables that one core module defines at most.
const MAX_TABLES_PER_MODULE: u32 = 16;
