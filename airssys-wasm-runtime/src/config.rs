//! The one place that configures the engine, for hosts, tests and benchmarks alike.

use std::time::Duration;

use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

use airssys_wasm_core::{Ceilings, MAX_MEMORY_BYTES};

use crate::bounds::{ASYNC_STACK_BYTES, MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_TABLES, MAX_WASM_STACK_BYTES};
use crate::limiter::table_allowance;

/// What an engine is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineConfig {
    /// The highest memory limit of any component, in bytes: the pool reserves this much address space
    /// for each memory. Rounded up to whole pages of 64 KiB.
    pub max_memory_bytes: u64,
    /// How many instances live at a time.
    pub max_instances: u32,
    /// Largest component, in bytes.
    pub max_component_bytes: u64,
    /// How often a running guest is looked at: the resolution of deadlines and of fairness.
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

/// A page of linear memory.
pub(crate) const WASM_PAGE_BYTES: u64 = 65_536;

/// Core instances, memories and tables for each instance in the pool, on average: a component of an
/// ordinary Rust toolchain has four, one and two.
const CORE_INSTANCES_EACH: u32 = 8;
const MEMORIES_EACH: u32 = 2;
const TABLES_EACH: u32 = 4;

impl EngineConfig {
    /// The engine's settings: components, fuel and epochs on, threads and shared memory off, and a pool
    /// with slots as large as the highest memory limit.
    pub(crate) fn to_wasmtime(&self) -> Config {
        let mut config = self.to_unpooled();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(self.pool(self.slot())));
        config
    }

    /// The same settings without a pool, by which a component compiles that is too large for it.
    pub(crate) fn to_unpooled(&self) -> Config {
        let mut config = Config::new();
        config
            .consume_fuel(true)
            .epoch_interruption(true)
            .max_wasm_stack(MAX_WASM_STACK_BYTES)
            .async_stack_size(ASYNC_STACK_BYTES)
            .wasm_memory64(false)
            .wasm_multi_memory(true)
            .memory_reservation(self.slot())
            .memory_init_cow(true)
            .concurrency_support(false)
            .parallel_compilation(true);
        config
    }

    /// Bytes that the pool reserves for each memory.
    fn slot(&self) -> u64 {
        self.max_memory_bytes.next_multiple_of(WASM_PAGE_BYTES)
    }

    fn pool(&self, slot: u64) -> PoolingAllocationConfig {
        // One instance more than asked for, so that an old and a new version can overlap, and never
        // fewer parts than a single component may have.
        let instances = self.max_instances.saturating_add(1);
        let at_least = |each: u32, one: usize| {
            instances.saturating_mul(each).max(u32::try_from(one).unwrap_or(u32::MAX))
        };
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(instances)
            .total_core_instances(at_least(CORE_INSTANCES_EACH, MAX_CORE_INSTANCES))
            .total_memories(at_least(MEMORIES_EACH, MAX_MEMORIES))
            .total_tables(at_least(TABLES_EACH, MAX_TABLES))
            .total_stacks(instances)
            .max_core_instances_per_component(u32::try_from(MAX_CORE_INSTANCES).unwrap_or(u32::MAX))
            .max_memories_per_component(u32::try_from(MAX_MEMORIES).unwrap_or(u32::MAX))
            .max_tables_per_component(u32::try_from(MAX_TABLES).unwrap_or(u32::MAX))
            .max_memories_per_module(u32::try_from(MAX_MEMORIES).unwrap_or(u32::MAX))
            .max_tables_per_module(MAX_TABLES_PER_MODULE)
            .table_elements(table_allowance(self.max_memory_bytes))
            .max_memory_size(usize::try_from(slot).unwrap_or(usize::MAX));
        pool
    }
}

/// Tables that one core module defines at most.
const MAX_TABLES_PER_MODULE: u32 = 16;
