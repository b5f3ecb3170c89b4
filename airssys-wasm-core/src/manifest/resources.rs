//! `[resources]`: what one instance and each of its calls may use.

use serde::{Deserialize, Serialize};

use super::document::Report;
use super::section::{Bounds, Section};
use crate::limits::{
    Ceilings, DEFAULT_MAX_FUEL, DEFAULT_TIMEOUT_MS, MIN_MEMORY_BYTES, ResourceLimitError, ResourceLimits,
    WHY_NO_DEFAULT,
};

/// `[resources.memory]`. It has no default on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryConfig {
    /// All linear memories together, in bytes; 524,288 up to the host's ceiling.
    pub max_bytes: u64,
}

/// `[resources.cpu]`: for each call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CpuConfig {
    /// Fuel in units, 1 up to the host's ceiling; default 1,000,000.
    pub max_fuel: u64,
    /// Wall-clock time in milliseconds, host calls included, 1 up to the host's ceiling; default 100.
    pub timeout_ms: u64,
}

impl Default for CpuConfig {
    fn default() -> Self {
        Self { max_fuel: DEFAULT_MAX_FUEL, timeout_ms: DEFAULT_TIMEOUT_MS }
    }
}

/// `[resources]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "OptionalResources")]
pub struct ResourcesConfig {
    /// Memory of one instance.
    pub memory: MemoryConfig,
    /// Fuel and time of one call.
    pub cpu: CpuConfig,
}

impl ResourcesConfig {
    /// The same as limits. A manifest is always metered.
    #[must_use]
    pub const fn limits(&self) -> ResourceLimits {
        ResourceLimits {
            max_memory_bytes: self.memory.max_bytes,
            max_execution_time_ms: self.cpu.timeout_ms,
            max_fuel: Some(self.cpu.max_fuel),
        }
    }
}

/// The part of a manifest that states limits, for those who read it with serde from their own
/// configuration.
///
/// ```
/// use airssys_wasm_core::{ComponentConfig, ResourceLimits};
///
/// let config: ComponentConfig =
///     serde_json::from_str(r#"{"resources": {"memory": {"max_bytes": 1048576}, "cpu": {"timeout_ms": 50}}}"#)?;
/// let limits = ResourceLimits::try_from(config)?;
/// assert_eq!(limits.execution_timeout_ms(), 50);
/// assert_eq!(limits.max_fuel_per_execution(), Some(1_000_000));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "OptionalConfig")]
pub struct ComponentConfig {
    /// What one instance and each of its calls may use.
    pub resources: ResourcesConfig,
}

impl TryFrom<ComponentConfig> for ResourceLimits {
    type Error = ResourceLimitError;

    /// Checks against the default ceilings.
    fn try_from(config: ComponentConfig) -> Result<Self, ResourceLimitError> {
        let limits = config.resources.limits();
        limits.validate(&Ceilings::default())?;
        Ok(limits)
    }
}

/// Lets what is missing be named with the reason why it has no default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OptionalResources {
    memory: Option<MemoryConfig>,
    #[serde(default)]
    cpu: CpuConfig,
}

impl TryFrom<OptionalResources> for ResourcesConfig {
    type Error = ResourceLimitError;

    fn try_from(given: OptionalResources) -> Result<Self, ResourceLimitError> {
        let memory = given.memory.ok_or_else(memory_not_declared)?;
        Ok(Self { memory, cpu: given.cpu })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OptionalConfig {
    resources: Option<ResourcesConfig>,
}

impl TryFrom<OptionalConfig> for ComponentConfig {
    type Error = ResourceLimitError;

    fn try_from(given: OptionalConfig) -> Result<Self, ResourceLimitError> {
        Ok(Self { resources: given.resources.ok_or_else(memory_not_declared)? })
    }
}

fn memory_not_declared() -> ResourceLimitError {
    ResourceLimitError::MemoryNotDeclared { min: MIN_MEMORY_BYTES, max: Ceilings::default().max_memory_bytes }
}

/// Reads `[resources]`.
pub(super) fn read(root: &Section<'_>, report: &mut Report, ceilings: &Ceilings) -> Option<ResourcesConfig> {
    let section = root.section(report, "resources", &["memory", "cpu"]);
    let cpu = read_cpu(&section, report, ceilings);
    let memory = read_memory(root, &section, report, ceilings)?;
    Some(ResourcesConfig { memory, cpu })
}

fn read_memory(
    root: &Section<'_>,
    resources: &Section<'_>,
    report: &mut Report,
    ceilings: &Ceilings,
) -> Option<MemoryConfig> {
    let (min, max) = (MIN_MEMORY_BYTES, ceilings.max_memory_bytes);
    let example = 1_048_576.min(max).max(min);
    let help = format!(
        "{WHY_NO_DEFAULT}: declare {min} to {max} bytes, for example\n\n[resources.memory]\nmax_bytes = {example}"
    );
    let section = resources.section(report, "memory", &["max_bytes"]);
    if !section.is_present() {
        if !resources.has("memory") {
            // Without `[resources]` the nearest place is the section that every manifest has.
            let span = if resources.is_present() { resources.span() } else { root.span_of("component") };
            report.error(span, "missing section [resources.memory]: no memory limit is declared", help);
        }
        return None;
    }
    if !section.has("max_bytes") {
        section.missing(report, "max_bytes", help);
        return None;
    }
    let bounds = Bounds::new(min..=max, "bytes")
        .below(ResourceLimitError::MemoryTooSmall { asked: 0, min, max }.remedy())
        .above(ResourceLimitError::MemoryTooLarge { asked: 0, min, max }.remedy());
    Some(MemoryConfig { max_bytes: section.integer(report, "max_bytes", &bounds)?.value })
}

fn read_cpu(resources: &Section<'_>, report: &mut Report, ceilings: &Ceilings) -> CpuConfig {
    let section = resources.section(report, "cpu", &["max_fuel", "timeout_ms"]);
    let default = CpuConfig::default();
    let max_fuel = section.integer(report, "max_fuel", &fuel_bounds(ceilings));
    let timeout_ms = section.integer(report, "timeout_ms", &timeout_bounds(ceilings));
    CpuConfig {
        // A host may allow less than the defaults.
        max_fuel: max_fuel.map_or(default.max_fuel.min(ceilings.max_fuel), |found| found.value),
        timeout_ms: timeout_ms.map_or(default.timeout_ms.min(ceilings.max_timeout_ms), |found| found.value),
    }
}

/// What the host allows as a wall-clock limit, of a call or of a start.
pub(super) fn timeout_bounds(ceilings: &Ceilings) -> Bounds {
    let max = ceilings.max_timeout_ms;
    Bounds::new(1..=max, "ms")
        .below(ResourceLimitError::ZeroTimeout { max }.remedy())
        .above(ResourceLimitError::TimeoutTooLarge { asked: 0, max }.remedy())
}

/// What a call, or a start, may use of fuel.
pub(super) fn fuel_bounds(ceilings: &Ceilings) -> Bounds {
    let max = ceilings.max_fuel;
    Bounds::new(1..=max, "units")
        .below(ResourceLimitError::ZeroFuel { max }.remedy())
        .above(ResourceLimitError::FuelTooLarge { asked: 0, max }.remedy())
}
