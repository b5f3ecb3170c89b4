//! The limits of one component, and the ceilings of the host that bound them.
//!
//! Invariant: what passes [`ResourceLimits::validate`] lies within the host's ceilings and holds no
//! zero. Fields are public, so that the runtime validates again when it applies them.

use thiserror::Error;

use crate::policy::BroadRights;

/// The smallest memory limit of a component, in bytes; no host lowers it.
pub const MIN_MEMORY_BYTES: u64 = 524_288;

/// The largest memory limit of a component, in bytes, unless the host raises its ceiling.
pub const MAX_MEMORY_BYTES: u64 = 4_194_304;

/// Fuel for one call, in units, where a manifest or a builder names none.
pub const DEFAULT_MAX_FUEL: u64 = 1_000_000;

/// Wall-clock time for one call, in milliseconds, where a manifest or a builder names none.
pub const DEFAULT_TIMEOUT_MS: u64 = 100;

pub(crate) const WHY_NO_DEFAULT: &str =
    "there is no default on purpose, because only the author knows what the component needs";

/// What any component may ask for at most: the host's policy, `[host.ceilings]` and `[host.policy]` in `airssys.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ceilings {
    /// Linear memory of one instance in bytes; default [`MAX_MEMORY_BYTES`].
    ///
    /// An operator who raises it raises what a call can overshoot its time by, too: one instruction of WebAssembly can
    /// fill or copy a whole memory, and once it has begun nothing ends it before it is done. At the default that takes
    /// a millisecond or two, for a gibibyte a second or more, and many on a machine whose memory is short.
    /// Fuel bounds it as well: each byte costs a unit, and what a call has no fuel for is not begun.
    pub max_memory_bytes: u64,
    /// Fuel of one call in units; default 10,000,000,000.
    pub max_fuel: u64,
    /// Wall-clock time of one call in milliseconds; default 60,000.
    pub max_timeout_ms: u64,
    /// Size of a component's file in bytes; default 32 MiB.
    pub max_component_bytes: u64,
    /// Memory limits of all running instances together, in bytes; default 2 GiB.
    pub total_memory_bytes: u64,
    /// Storage quota of one component in bytes; default 256 MiB.
    pub max_storage_bytes: u64,
    /// Storage quotas of all running components together, in bytes, each counted once however many instances it has;
    /// default 2 GiB.
    pub total_storage_bytes: u64,
    /// Rights that may mean everything: `[host.policy] allow_broad`; default none.
    pub broad_rights: BroadRights,
}

impl Default for Ceilings {
    fn default() -> Self {
        Self {
            max_memory_bytes: MAX_MEMORY_BYTES,
            max_fuel: 10_000_000_000,
            max_timeout_ms: 60_000,
            max_component_bytes: 33_554_432,
            total_memory_bytes: 2_147_483_648,
            max_storage_bytes: 268_435_456,
            total_storage_bytes: 2_147_483_648,
            broad_rights: BroadRights::none(),
        }
    }
}

impl Ceilings {
    pub(crate) fn check_memory(&self, asked: u64) -> Result<(), ResourceLimitError> {
        let (min, max) = (MIN_MEMORY_BYTES, self.max_memory_bytes);
        if asked < min {
            Err(ResourceLimitError::MemoryTooSmall { asked, min, max })
        } else if asked > max {
            Err(ResourceLimitError::MemoryTooLarge { asked, min, max })
        } else {
            Ok(())
        }
    }

    pub(crate) fn check_fuel(&self, asked: u64) -> Result<(), ResourceLimitError> {
        let max = self.max_fuel;
        match asked {
            0 => Err(ResourceLimitError::ZeroFuel { max }),
            _ if asked > max => Err(ResourceLimitError::FuelTooLarge { asked, max }),
            _ => Ok(()),
        }
    }

    pub(crate) fn check_timeout(&self, asked: u64) -> Result<(), ResourceLimitError> {
        let max = self.max_timeout_ms;
        match asked {
            0 => Err(ResourceLimitError::ZeroTimeout { max }),
            _ if asked > max => Err(ResourceLimitError::TimeoutTooLarge { asked, max }),
            _ => Ok(()),
        }
    }

    /// Checks a storage quota in bytes.
    ///
    /// # Errors
    ///
    /// [`ResourceLimitError::ZeroStorage`] or [`ResourceLimitError::StorageTooLarge`].
    pub fn check_storage(&self, asked: u64) -> Result<(), ResourceLimitError> {
        let max = self.max_storage_bytes;
        match asked {
            0 => Err(ResourceLimitError::ZeroStorage { max }),
            _ if asked > max => Err(ResourceLimitError::StorageTooLarge { asked, max }),
            _ => Ok(()),
        }
    }
}

/// Why limits are refused.
///
/// The text says what was asked, what is allowed and how to mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
#[error("{}; {}", self.reason(), self.remedy())]
pub enum ResourceLimitError {
    /// No memory limit was declared.
    MemoryNotDeclared {
        /// The least that may be declared, in bytes.
        min: u64,
        /// The most that may be declared, in bytes.
        max: u64,
    },
    /// The memory limit is below the floor.
    MemoryTooSmall {
        /// The bytes asked for.
        asked: u64,
        /// The least allowed.
        min: u64,
        /// The most allowed.
        max: u64,
    },
    /// The memory limit is above the host's ceiling.
    MemoryTooLarge {
        /// The bytes asked for.
        asked: u64,
        /// The least allowed.
        min: u64,
        /// The most allowed.
        max: u64,
    },
    /// A fuel budget of zero, with which no call could begin.
    ZeroFuel {
        /// The most allowed, in units.
        max: u64,
    },
    /// The fuel budget is above the host's ceiling.
    FuelTooLarge {
        /// The units asked for.
        asked: u64,
        /// The most allowed.
        max: u64,
    },
    /// A time limit of zero, with which no call could begin.
    ZeroTimeout {
        /// The most allowed, in milliseconds.
        max: u64,
    },
    /// The time limit is above the host's ceiling.
    TimeoutTooLarge {
        /// The milliseconds asked for.
        asked: u64,
        /// The most allowed.
        max: u64,
    },
    /// A storage quota of zero, under which nothing could be kept.
    ZeroStorage {
        /// The most allowed, in bytes.
        max: u64,
    },
    /// The storage quota is above the host's ceiling.
    StorageTooLarge {
        /// The bytes asked for.
        asked: u64,
        /// The most allowed.
        max: u64,
    },
}

impl ResourceLimitError {
    /// What is wrong: what was asked, and what is allowed.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::MemoryNotDeclared { .. } => "no memory limit is declared".into(),
            Self::MemoryTooSmall { asked, min, max } | Self::MemoryTooLarge { asked, min, max } => {
                format!("memory limit of {asked} bytes is outside {min} to {max} bytes")
            }
            Self::ZeroFuel { max } => format!("fuel limit of 0 units is outside 1 to {max} units"),
            Self::FuelTooLarge { asked, max } => {
                format!("fuel limit of {asked} units is outside 1 to {max} units")
            }
            Self::ZeroTimeout { max } => format!("time limit of 0 ms is outside 1 to {max} ms"),
            Self::TimeoutTooLarge { asked, max } => {
                format!("time limit of {asked} ms is outside 1 to {max} ms")
            }
            Self::ZeroStorage { max } => format!("storage quota of 0 bytes is outside 1 to {max} bytes"),
            Self::StorageTooLarge { asked, max } => {
                format!("storage quota of {asked} bytes is outside 1 to {max} bytes")
            }
        }
    }

    /// How to mend it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::MemoryNotDeclared { min, max } => format!(
                "{WHY_NO_DEFAULT}: declare {min} to {max} bytes, for example `max_bytes = 1048576` \
                 under [resources.memory], or `memory_bytes(1048576)`"
            ),
            Self::MemoryTooSmall { min, .. } => {
                format!("{min} bytes is the least that any host allows; 1048576 suits many components")
            }
            Self::MemoryTooLarge { .. } => "ask for less, or have the operator raise the ceiling in \
                 airssys.toml: `max_memory_bytes` under [host.ceilings] for every component, or in \
                 the [[component]] entry for this one"
                .into(),
            Self::ZeroFuel { .. } => {
                format!("no call could begin without fuel; for example {DEFAULT_MAX_FUEL} is the default")
            }
            Self::FuelTooLarge { .. } => "ask for less, or have the operator raise `max_fuel` under \
                 [host.ceilings] in airssys.toml"
                .into(),
            Self::ZeroTimeout { .. } => {
                format!("no call could begin without time; for example {DEFAULT_TIMEOUT_MS} is the default")
            }
            Self::TimeoutTooLarge { .. } => "ask for less, or have the operator raise `max_timeout_ms` \
                 under [host.ceilings] in airssys.toml"
                .into(),
            Self::ZeroStorage { .. } => {
                "nothing could be kept; leave [capabilities.storage] out of a component that keeps nothing"
                    .into()
            }
            Self::StorageTooLarge { .. } => "ask for less, or have the operator raise `max_storage_bytes` \
                 under [host.ceilings] in airssys.toml"
                .into(),
        }
    }
}

/// What one instance, and each of its calls, may use.
///
/// The default is for embedders who experiment: 4 MiB, 100 ms and no fuel budget. A manifest and
/// the builder demand a memory limit and always set a fuel budget.
///
/// ```
/// use airssys_wasm_core::ResourceLimits;
///
/// let limits = ResourceLimits::builder().memory_bytes(1024 * 1024).build()?;
/// assert_eq!(limits.max_memory_bytes(), 1_048_576);
/// assert_eq!(limits.max_fuel_per_execution(), Some(1_000_000));
/// assert_eq!(limits.execution_timeout_ms(), 100);
/// assert!(ResourceLimits::builder().build().is_err(), "memory has no default");
/// # Ok::<(), airssys_wasm_core::ResourceLimitError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResourceLimits {
    /// All linear memories of the instance together, in bytes.
    pub max_memory_bytes: u64,
    /// Wall-clock time of one call in milliseconds, host calls included.
    pub max_execution_time_ms: u64,
    /// Fuel of one call in units; none is unmetered, never zero.
    pub max_fuel: Option<u64>,
}

impl Default for ResourceLimits {
    fn default() -> Self {
        Self { max_memory_bytes: MAX_MEMORY_BYTES, max_execution_time_ms: DEFAULT_TIMEOUT_MS, max_fuel: None }
    }
}

impl ResourceLimits {
    /// A builder, which demands a memory limit.
    #[must_use]
    pub fn builder() -> ResourceLimitsBuilder {
        ResourceLimitsBuilder::default()
    }

    /// All linear memories of the instance together, in bytes.
    #[must_use]
    pub const fn max_memory_bytes(&self) -> u64 {
        self.max_memory_bytes
    }

    /// Fuel of one call in units; none is unmetered.
    #[must_use]
    pub const fn max_fuel_per_execution(&self) -> Option<u64> {
        self.max_fuel
    }

    /// Wall-clock time of one call in milliseconds.
    #[must_use]
    pub const fn execution_timeout_ms(&self) -> u64 {
        self.max_execution_time_ms
    }

    /// Checks the limits against a host's ceilings. Unmetered fuel passes under every ceiling,
    /// because only an embedder can ask for it.
    ///
    /// # Errors
    ///
    /// The first limit that is zero or outside what the host allows: memory, fuel, time.
    pub fn validate(&self, ceilings: &Ceilings) -> Result<(), ResourceLimitError> {
        ceilings.check_memory(self.max_memory_bytes)?;
        self.max_fuel.map_or(Ok(()), |fuel| ceilings.check_fuel(fuel))?;
        ceilings.check_timeout(self.max_execution_time_ms)
    }
}

/// Builds [`ResourceLimits`]; memory is mandatory.
#[derive(Debug, Clone, Copy, Default)]
pub struct ResourceLimitsBuilder {
    memory_bytes: Option<u64>,
    max_fuel: Option<u64>,
    timeout_ms: Option<u64>,
}

impl ResourceLimitsBuilder {
    /// All linear memories of the instance together, in bytes; [`MIN_MEMORY_BYTES`] up to the
    /// ceiling.
    #[must_use]
    pub const fn memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = Some(bytes);
        self
    }

    /// Fuel of one call in units, 1 up to the ceiling; default [`DEFAULT_MAX_FUEL`].
    #[must_use]
    pub const fn max_fuel(mut self, units: u64) -> Self {
        self.max_fuel = Some(units);
        self
    }

    /// Wall-clock time of one call in milliseconds, 1 up to the ceiling; default
    /// [`DEFAULT_TIMEOUT_MS`].
    #[must_use]
    pub const fn execution_timeout_ms(mut self, milliseconds: u64) -> Self {
        self.timeout_ms = Some(milliseconds);
        self
    }

    /// The limits, checked against the default ceilings.
    ///
    /// # Errors
    ///
    /// [`ResourceLimitError`] where memory is missing or a limit is not allowed.
    pub fn build(self) -> Result<ResourceLimits, ResourceLimitError> {
        self.build_within(&Ceilings::default())
    }

    /// The limits, checked against a host's own ceilings.
    ///
    /// # Errors
    ///
    /// [`ResourceLimitError`] where memory is missing or a limit is not allowed.
    pub fn build_within(self, ceilings: &Ceilings) -> Result<ResourceLimits, ResourceLimitError> {
        let max_memory_bytes = self.memory_bytes.ok_or(ResourceLimitError::MemoryNotDeclared {
            min: MIN_MEMORY_BYTES,
            max: ceilings.max_memory_bytes,
        })?;
        let limits = ResourceLimits {
            max_memory_bytes,
            // A host may allow less than the defaults.
            max_execution_time_ms: self.timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS.min(ceilings.max_timeout_ms)),
            max_fuel: Some(self.max_fuel.unwrap_or(DEFAULT_MAX_FUEL.min(ceilings.max_fuel))),
        };
        limits.validate(ceilings)?;
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limits(memory: u64, fuel: Option<u64>, time: u64) -> ResourceLimits {
        ResourceLimits { max_memory_bytes: memory, max_execution_time_ms: time, max_fuel: fuel }
    }

    #[track_caller]
    fn check(limits: ResourceLimits, ceilings: &Ceilings, expected: Result<(), ResourceLimitError>) {
        assert_eq!(limits.validate(ceilings), expected);
    }

    #[test]
    fn memory_lies_between_the_floor_and_the_ceiling() {
        let (min, max) = (MIN_MEMORY_BYTES, MAX_MEMORY_BYTES);
        let ceilings = Ceilings::default();
        let with = |memory| limits(memory, None, 100);
        check(with(min), &ceilings, Ok(()));
        check(with(max), &ceilings, Ok(()));
        for asked in [0, 1, min - 1] {
            check(with(asked), &ceilings, Err(ResourceLimitError::MemoryTooSmall { asked, min, max }));
        }
        for asked in [max + 1, u64::MAX] {
            check(with(asked), &ceilings, Err(ResourceLimitError::MemoryTooLarge { asked, min, max }));
        }
        let raised = Ceilings { max_memory_bytes: u64::MAX, ..ceilings };
        check(with(u64::MAX), &raised, Ok(()));
        let asked = min - 1;
        let none = Ceilings { max_memory_bytes: 1, ..ceilings };
        check(with(asked), &none, Err(ResourceLimitError::MemoryTooSmall { asked, min, max: 1 }));
        check(with(min), &none, Err(ResourceLimitError::MemoryTooLarge { asked: min, min, max: 1 }));
    }

    #[test]
    fn fuel_is_never_zero_and_may_be_unmetered() {
        let ceilings = Ceilings { max_fuel: 10, ..Ceilings::default() };
        let with = |fuel| limits(MIN_MEMORY_BYTES, fuel, 100);
        check(with(None), &ceilings, Ok(()));
        check(with(Some(1)), &ceilings, Ok(()));
        check(with(Some(10)), &ceilings, Ok(()));
        check(with(Some(0)), &ceilings, Err(ResourceLimitError::ZeroFuel { max: 10 }));
        check(with(Some(11)), &ceilings, Err(ResourceLimitError::FuelTooLarge { asked: 11, max: 10 }));
        check(with(Some(u64::MAX)), &Ceilings { max_fuel: u64::MAX, ..ceilings }, Ok(()));
    }

    #[test]
    fn time_is_never_zero() {
        let ceilings = Ceilings { max_timeout_ms: 10, ..Ceilings::default() };
        let with = |time| limits(MIN_MEMORY_BYTES, None, time);
        check(with(1), &ceilings, Ok(()));
        check(with(10), &ceilings, Ok(()));
        check(with(0), &ceilings, Err(ResourceLimitError::ZeroTimeout { max: 10 }));
        check(with(11), &ceilings, Err(ResourceLimitError::TimeoutTooLarge { asked: 11, max: 10 }));
        check(with(u64::MAX), &Ceilings { max_timeout_ms: u64::MAX, ..ceilings }, Ok(()));
    }

    #[test]
    fn a_quota_lies_between_one_byte_and_the_ceiling() {
        let ceilings = Ceilings { max_storage_bytes: 10, ..Ceilings::default() };
        for asked in [1, 10] {
            assert_eq!(ceilings.check_storage(asked), Ok(()));
        }
        assert_eq!(ceilings.check_storage(0), Err(ResourceLimitError::ZeroStorage { max: 10 }));
        for asked in [11, u64::MAX] {
            let refused = ResourceLimitError::StorageTooLarge { asked, max: 10 };
            assert_eq!(ceilings.check_storage(asked), Err(refused));
        }
        let most = Ceilings { max_storage_bytes: u64::MAX, ..ceilings };
        assert_eq!(most.check_storage(u64::MAX), Ok(()));
    }

    #[test]
    fn the_default_is_allowed() {
        assert_eq!(ResourceLimits::default(), limits(MAX_MEMORY_BYTES, None, 100));
        check(ResourceLimits::default(), &Ceilings::default(), Ok(()));
    }

    #[test]
    fn a_builder_demands_memory_and_defaults_the_rest() {
        let built = ResourceLimits::builder().memory_bytes(MIN_MEMORY_BYTES).build();
        assert_eq!(built, Ok(limits(MIN_MEMORY_BYTES, Some(DEFAULT_MAX_FUEL), DEFAULT_TIMEOUT_MS)));
        let all =
            ResourceLimits::builder().memory_bytes(MIN_MEMORY_BYTES).max_fuel(7).execution_timeout_ms(8);
        assert_eq!(all.build(), Ok(limits(MIN_MEMORY_BYTES, Some(7), 8)));
        let (min, max) = (MIN_MEMORY_BYTES, MAX_MEMORY_BYTES);
        let missing = ResourceLimits::builder().max_fuel(7).build();
        assert_eq!(missing, Err(ResourceLimitError::MemoryNotDeclared { min, max }));
        let low = Ceilings { max_fuel: 10, max_timeout_ms: 5, ..Ceilings::default() };
        let built = ResourceLimits::builder().memory_bytes(MIN_MEMORY_BYTES).build_within(&low);
        assert_eq!(built, Ok(limits(MIN_MEMORY_BYTES, Some(10), 5)));
        let zero = ResourceLimits::builder().memory_bytes(MIN_MEMORY_BYTES).max_fuel(0).build();
        assert_eq!(zero, Err(ResourceLimitError::ZeroFuel { max: 10_000_000_000 }));
    }

    #[test]
    fn texts_say_what_was_asked_what_is_allowed_and_how_to_mend_it() {
        let (min, max) = (MIN_MEMORY_BYTES, MAX_MEMORY_BYTES);
        for (error, text) in [
            (
                ResourceLimitError::MemoryNotDeclared { min, max },
                "no memory limit is declared; there is no default on purpose, because only the author knows \
                 what the component needs: declare 524288 to 4194304 bytes, for example `max_bytes = 1048576` \
                 under [resources.memory], or `memory_bytes(1048576)`",
            ),
            (
                ResourceLimitError::MemoryTooLarge { asked: 5_000_000, min, max },
                "memory limit of 5000000 bytes is outside 524288 to 4194304 bytes; ask for less, or have the \
                 operator raise the ceiling in airssys.toml: `max_memory_bytes` under [host.ceilings] for every \
                 component, or in the [[component]] entry for this one",
            ),
            (
                ResourceLimitError::MemoryTooSmall { asked: 1, min, max },
                "memory limit of 1 bytes is outside 524288 to 4194304 bytes; 524288 bytes is the least that any \
                 host allows; 1048576 suits many components",
            ),
            (
                ResourceLimitError::FuelTooLarge { asked: 9, max: 8 },
                "fuel limit of 9 units is outside 1 to 8 units; ask for less, or have the operator raise \
                 `max_fuel` under [host.ceilings] in airssys.toml",
            ),
            (
                ResourceLimitError::ZeroFuel { max: 8 },
                "fuel limit of 0 units is outside 1 to 8 units; no call could begin without fuel; for example \
                 1000000 is the default",
            ),
            (
                ResourceLimitError::TimeoutTooLarge { asked: 9, max: 8 },
                "time limit of 9 ms is outside 1 to 8 ms; ask for less, or have the operator raise \
                 `max_timeout_ms` under [host.ceilings] in airssys.toml",
            ),
            (
                ResourceLimitError::ZeroTimeout { max: 8 },
                "time limit of 0 ms is outside 1 to 8 ms; no call could begin without time; for example 100 is \
                 the default",
            ),
            (
                ResourceLimitError::StorageTooLarge { asked: 9, max: 8 },
                "storage quota of 9 bytes is outside 1 to 8 bytes; ask for less, or have the operator raise \
                 `max_storage_bytes` under [host.ceilings] in airssys.toml",
            ),
            (
                ResourceLimitError::ZeroStorage { max: 8 },
                "storage quota of 0 bytes is outside 1 to 8 bytes; nothing could be kept; leave \
                 [capabilities.storage] out of a component that keeps nothing",
            ),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }

    fn figure() -> impl Strategy<Value = u64> {
        prop_oneof![0..3_u64, MIN_MEMORY_BYTES - 1..=MIN_MEMORY_BYTES + 1, any::<u64>(), Just(u64::MAX)]
    }

    prop_compose! {
        fn ceilings()(memory in figure(), fuel in figure(), time in figure()) -> Ceilings {
            Ceilings {
                max_memory_bytes: memory,
                max_fuel: fuel,
                max_timeout_ms: time,
                ..Ceilings::default()
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_allowed_lies_between_floor_and_ceiling(
            ceilings in ceilings(),
            memory in figure(),
            fuel in prop::option::of(figure()),
            time in figure(),
        ) {
            let validated = limits(memory, fuel, time).validate(&ceilings);
            let allowed = (MIN_MEMORY_BYTES..=ceilings.max_memory_bytes).contains(&memory)
                && fuel.is_none_or(|fuel| (1..=ceilings.max_fuel).contains(&fuel))
                && (1..=ceilings.max_timeout_ms).contains(&time);
            prop_assert_eq!(validated.is_ok(), allowed);
            if let Err(error) = validated {
                prop_assert!(!error.reason().is_empty() && !error.remedy().is_empty());
                prop_assert_eq!(error.to_string(), format!("{}; {}", error.reason(), error.remedy()));
            }
        }

        #[test]
        fn what_is_built_is_allowed_and_what_was_asked_for(
            ceilings in ceilings(),
            memory in prop::option::of(figure()),
            fuel in prop::option::of(figure()),
            time in prop::option::of(figure()),
        ) {
            let mut builder = ResourceLimits::builder();
            builder = memory.map_or(builder, |bytes| builder.memory_bytes(bytes));
            builder = fuel.map_or(builder, |units| builder.max_fuel(units));
            builder = time.map_or(builder, |milliseconds| builder.execution_timeout_ms(milliseconds));
            match builder.build_within(&ceilings) {
                Ok(built) => {
                    prop_assert_eq!(built.validate(&ceilings), Ok(()));
                    prop_assert_eq!(Some(built.max_memory_bytes()), memory);
                    let fuel = fuel.unwrap_or(DEFAULT_MAX_FUEL.min(ceilings.max_fuel));
                    prop_assert_eq!(built.max_fuel_per_execution(), Some(fuel), "always metered");
                    let time = time.unwrap_or(DEFAULT_TIMEOUT_MS.min(ceilings.max_timeout_ms));
                    prop_assert_eq!(built.execution_timeout_ms(), time);
                }
                Err(error) => {
                    let undeclared = matches!(error, ResourceLimitError::MemoryNotDeclared { .. });
                    prop_assert_eq!(undeclared, memory.is_none(), "{:?}", error);
                }
            }
        }
    }
}
