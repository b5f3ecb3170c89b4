//! What an engine asks of the system when it is made, known before it asks.
//!
//! Invariant: the figures are never lower than what the engine then takes.

use crate::bounds::{ASYNC_STACK_BYTES, MAX_ADDRESS_SPACE_BYTES};
use crate::config::EngineConfig;
use crate::error::RuntimeError;

/// Address space behind each memory that is never accessible, so that short accesses past its end need no check
/// of their own.
pub(crate) const GUARD_BYTES: u64 = 32 * 1024 * 1024;

/// An element of a table, of any type that this engine has.
const TABLE_ELEMENT_BYTES: u64 = 8;

/// The largest page of the systems that the engine runs on: everything is rounded up to whole pages.
const HOST_PAGE_BYTES: u64 = 64 * 1024;

/// Mappings of each stack: itself and the page that guards it.
const MAPPINGS_PER_STACK: u64 = 2;

/// Mappings that an engine has whatever it is made for.
const OTHER_MAPPINGS: u64 = 64;

/// Mappings that a process may have on Linux where nobody has changed it.
#[cfg(target_os = "linux")]
const DEFAULT_MAX_MAPPINGS: u64 = 65_530;

/// What an engine asks of the system when it is made. Nothing of it is memory until guests use it.
///
/// ```
/// use airssys_wasm_runtime::{EngineConfig, MAX_ADDRESS_SPACE_BYTES};
///
/// let small = EngineConfig { max_instances: 10, ..EngineConfig::default() };
/// assert!(small.reservation().address_space_bytes < EngineConfig::default().reservation().address_space_bytes);
/// let vast = EngineConfig { max_memory_bytes: 1 << 36, max_instances: 100_000, ..EngineConfig::default() };
/// assert!(vast.reservation().address_space_bytes > MAX_ADDRESS_SPACE_BYTES);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// Address space in bytes: for memories with their guards, for tables and for stacks. What is beyond the
    /// largest number counts as that.
    pub address_space_bytes: u64,
    /// Memory mappings, of which the system allows a process only so many. Running instances add to them.
    pub mappings: u64,
}

impl EngineConfig {
    /// What an engine of this configuration asks of the system when it is made.
    #[must_use]
    pub fn reservation(&self) -> Reservation {
        let places = self.pool_places();
        let memory = self.slot().saturating_add(GUARD_BYTES);
        let table = pages((self.table_elements() as u64).saturating_mul(TABLE_ELEMENT_BYTES));
        let stack = pages(ASYNC_STACK_BYTES as u64).saturating_add(HOST_PAGE_BYTES);
        let parts = [
            // One guard more before the first memory.
            memory.saturating_mul(u64::from(places.memories)).saturating_add(GUARD_BYTES),
            table.saturating_mul(u64::from(places.tables)),
            stack.saturating_mul(u64::from(places.instances)),
        ];
        Reservation {
            address_space_bytes: parts.into_iter().fold(0, u64::saturating_add),
            mappings: u64::from(places.instances) * MAPPINGS_PER_STACK + OTHER_MAPPINGS,
        }
    }

    /// Refuses what the system cannot give, or should not.
    pub(crate) fn check_reservation(&self) -> Result<(), RuntimeError> {
        let Reservation { address_space_bytes, mappings } = self.reservation();
        let max_mappings = max_mappings();
        if address_space_bytes > MAX_ADDRESS_SPACE_BYTES {
            Err(RuntimeError::AddressSpace {
                needed_bytes: address_space_bytes,
                max_bytes: MAX_ADDRESS_SPACE_BYTES,
                max_instances: self.max_instances,
                max_memory_bytes: self.max_memory_bytes,
            })
        } else if mappings > max_mappings {
            Err(RuntimeError::Mappings {
                needed: mappings,
                max: max_mappings,
                max_instances: self.max_instances,
            })
        } else {
            Ok(())
        }
    }
}

fn pages(bytes: u64) -> u64 {
    bytes.checked_next_multiple_of(HOST_PAGE_BYTES).unwrap_or(u64::MAX)
}

/// Mappings that this process may have.
#[cfg(target_os = "linux")]
fn max_mappings() -> u64 {
    let told = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok();
    told.and_then(|text| text.trim().parse().ok()).unwrap_or(DEFAULT_MAX_MAPPINGS)
}

/// Other systems have no such bound.
#[cfg(not(target_os = "linux"))]
fn max_mappings() -> u64 {
    u64::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let largest =
            EngineConfig { max_memory_bytes: u64::MAX, max_instances: u32::MAX, ..EngineConfig::default() };
        assert_eq!(largest.reservation().address_space_bytes, u64::MAX);
        assert!(matches!(
            largest.check_reservation(),
            Err(RuntimeError::AddressSpace {
                needed_bytes: u64::MAX,
                max_bytes: MAX_ADDRESS_SPACE_BYTES,
                ..
            })
        ));
    }

    #[test]
    fn one_byte_more_than_a_page_is_two() {
        assert_eq!(pages(0), 0);
        assert_eq!(pages(1), HOST_PAGE_BYTES);
        assert_eq!(pages(HOST_PAGE_BYTES + 1), 2 * HOST_PAGE_BYTES);
        assert_eq!(pages(u64::MAX), u64::MAX);
    }
}
