//! The limiter of memories and tables: one for all of a store, summed.
//!
//! The engine's own `StoreLimits` holds each memory to the limit on its own, so that a component with
//! many memories gets many times its limit. This one holds their sum.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::Utc;
use wasmtime::ResourceLimiter;

use airssys_wasm_core::{MemoryMetrics, ResourceLimits};

use crate::bounds::{MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_TABLE_ELEMENTS, MAX_TABLES, TABLE_SHARE_BYTES};

/// What a store holds of memory, readable from any thread while its guest runs.
#[derive(Debug, Clone)]
pub struct MemoryGauge(Arc<Figures>);

#[derive(Debug)]
struct Figures {
    current: AtomicU64,
    peak: AtomicU64,
    denied: AtomicU64,
    max: AtomicU64,
}

impl MemoryGauge {
    fn new(max: u64) -> Self {
        Self(Arc::new(Figures {
            current: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            denied: AtomicU64::new(0),
            max: AtomicU64::new(max),
        }))
    }

    pub(crate) fn current(&self) -> u64 {
        self.0.current.load(Ordering::Relaxed)
    }

    pub(crate) fn max(&self) -> u64 {
        self.0.max.load(Ordering::Relaxed)
    }

    /// The figures now.
    #[must_use]
    pub fn read(&self) -> MemoryMetrics {
        MemoryMetrics {
            current_bytes: self.0.current.load(Ordering::Relaxed),
            peak_bytes: self.0.peak.load(Ordering::Relaxed),
            max_bytes: self.0.max.load(Ordering::Relaxed),
            denied_growths: self.0.denied.load(Ordering::Relaxed),
            taken_at: Utc::now(),
        }
    }
}

/// Holds the sum of all memories and of all tables of one store to their limits.
#[derive(Debug)]
pub struct ComponentResourceLimiter {
    max_memory: u64,
    max_elements: usize,
    memory: u64,
    /// What the latest permitted growth added, taken back where the engine then fails to grow.
    last_growth: u64,
    elements: usize,
    last_elements: usize,
    /// What the memories would have come to with the last growth that was denied in the present call.
    denied_in_call: Option<u64>,
    gauge: MemoryGauge,
}

impl ComponentResourceLimiter {
    /// A limiter for an empty store. `max_memory_bytes` bounds the sum of all its linear memories.
    #[must_use]
    pub fn new(max_memory_bytes: u64) -> Self {
        Self {
            max_memory: max_memory_bytes,
            max_elements: table_allowance(max_memory_bytes),
            memory: 0,
            last_growth: 0,
            elements: 0,
            last_elements: 0,
            denied_in_call: None,
            gauge: MemoryGauge::new(max_memory_bytes),
        }
    }

    /// The figures, readable from outside while the guest runs.
    #[must_use]
    pub fn gauge(&self) -> MemoryGauge {
        self.gauge.clone()
    }

    /// A new limit for a store that already holds memory. What it holds beyond a lower limit stays;
    /// it cannot grow any more.
    pub(crate) fn replace_limit(&mut self, max_memory_bytes: u64) {
        self.max_memory = max_memory_bytes;
        self.max_elements = table_allowance(max_memory_bytes);
        self.gauge.0.max.store(max_memory_bytes, Ordering::Relaxed);
    }

    /// A new call begins: denials of earlier calls explain nothing any more.
    pub(crate) fn begin_call(&mut self) {
        self.denied_in_call = None;
    }

    /// Bytes that the last denied growth of this call would have come to, where there was one.
    pub(crate) fn denied_in_call(&self) -> Option<u64> {
        self.denied_in_call
    }

    fn set_memory(&mut self, bytes: u64) {
        self.memory = bytes;
        self.gauge.0.current.store(bytes, Ordering::Relaxed);
        self.gauge.0.peak.fetch_max(bytes, Ordering::Relaxed);
    }
}

/// How many table elements a memory limit carries.
pub(crate) fn table_allowance(max_memory_bytes: u64) -> usize {
    let shares = usize::try_from((max_memory_bytes / TABLE_SHARE_BYTES).max(1)).unwrap_or(usize::MAX);
    shares.saturating_mul(MAX_TABLE_ELEMENTS)
}

impl ResourceLimiter for ComponentResourceLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Set again only where this growth is permitted: a failure after a denial takes nothing back.
        self.last_growth = 0;
        let added = desired.saturating_sub(current) as u64;
        // A sum that overflows is beyond every limit, the largest included.
        let total = self.memory.checked_add(added);
        let Some(total) = total.filter(|total| *total <= self.max_memory) else {
            self.denied_in_call = Some(total.unwrap_or(u64::MAX));
            self.gauge.0.denied.fetch_add(1, Ordering::Relaxed);
            return Ok(false);
        };
        // Past the memory's own maximum the engine refuses by itself: the host denied nothing.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.last_growth = added;
        self.set_memory(total);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        let memory = self.memory.saturating_sub(std::mem::take(&mut self.last_growth));
        self.set_memory(memory);
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.last_elements = 0;
        let added = desired.saturating_sub(current);
        let total = self.elements.checked_add(added).filter(|total| *total <= self.max_elements);
        let Some(total) = total.filter(|_| maximum.is_none_or(|maximum| desired <= maximum)) else {
            return Ok(false);
        };
        self.last_elements = added;
        self.elements = total;
        Ok(true)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.elements = self.elements.saturating_sub(std::mem::take(&mut self.last_elements));
        Ok(())
    }

    fn instances(&self) -> usize {
        MAX_CORE_INSTANCES
    }

    fn tables(&self) -> usize {
        MAX_TABLES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }
}

/// Limits in the form that stores take.
///
/// ```
/// use airssys_wasm_core::ResourceLimits;
/// use airssys_wasm_runtime::WasmResourceLimiter;
///
/// let limits = ResourceLimits::builder().memory_bytes(1 << 20).max_fuel(5_000).build()?;
/// let limiter = WasmResourceLimiter::new(&limits);
/// assert_eq!(limiter.fuel_limit(), Some(5_000));
/// assert_eq!(limiter.into_store_limits().gauge().read().max_bytes, 1 << 20);
/// # Ok::<(), airssys_wasm_core::ResourceLimitError>(())
/// ```
#[derive(Debug)]
pub struct WasmResourceLimiter {
    max_memory_bytes: u64,
    max_fuel: Option<u64>,
}

impl WasmResourceLimiter {
    /// Takes over memory and fuel from `limits`.
    #[must_use]
    pub fn new(limits: &ResourceLimits) -> Self {
        Self { max_memory_bytes: limits.max_memory_bytes(), max_fuel: limits.max_fuel_per_execution() }
    }

    /// Fuel units for each call; none when calls are not metered.
    #[must_use]
    pub fn fuel_limit(&self) -> Option<u64> {
        self.max_fuel
    }

    /// The one limiter that holds the sum of a store's memories and tables.
    #[must_use]
    pub fn into_store_limits(self) -> ComponentResourceLimiter {
        ComponentResourceLimiter::new(self.max_memory_bytes)
    }
}
