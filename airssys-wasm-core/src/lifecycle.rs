//! The states of an instance and the causes that end it.

use std::fmt;

use semver::Version;

use crate::id::ComponentId;
use crate::metrics::FuelMetrics;

/// Where an instance stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ComponentState {
    /// Known, not started.
    Installed,
    /// Being instantiated and initialised, for the first time or again.
    Starting,
    /// Handling messages.
    Running,
    /// Handling what its mailbox still holds, taking no more.
    Draining,
    /// Ended on purpose.
    Stopped,
    /// Ended by failures, and not restarted any more.
    Failed,
}

impl ComponentState {
    /// Its name, as people and JSON see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for ComponentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What kind of trap ended a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TrapKind {
    /// The guest's stack is exhausted.
    StackOverflow,
    /// The guest gave up: `unreachable`, as panics and aborts compile to.
    Unreachable,
    /// An access outside of memory.
    MemoryOutOfBounds,
    /// An access outside of a table, or a call through an empty or ill-typed entry.
    Table,
    /// Division by zero, overflow, or an invalid conversion.
    Arithmetic,
    /// The guest broke the rules of the component model.
    ComponentModel,
    /// The guest left through `wasi:cli/exit`.
    Exit,
    /// Any other trap of the engine.
    Other,
}

impl TrapKind {
    /// Its name, as people and JSON see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StackOverflow => "stack overflow",
            Self::Unreachable => "unreachable",
            Self::MemoryOutOfBounds => "memory out of bounds",
            Self::Table => "table",
            Self::Arithmetic => "arithmetic",
            Self::ComponentModel => "component model",
            Self::Exit => "exit",
            Self::Other => "other",
        }
    }
}

/// The one cause that ended an instance.
///
/// When several apply the first of this order is reported: out of fuel, timeout, out of memory,
/// trap.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum EndCause {
    /// Stopped on purpose, after draining.
    Stopped,
    /// Stopped at once, on purpose.
    Killed,
    /// A call used up its fuel.
    OutOfFuel(FuelMetrics),
    /// A call ran past its wall-clock limit.
    Timeout {
        /// The limit in milliseconds.
        timeout_ms: u64,
        /// A lower bound of the fuel consumed until then.
        fuel_consumed: u64,
    },
    /// The guest trapped after the host had denied it memory in the same call.
    OutOfMemory {
        /// The limit in bytes, over all memories.
        max_bytes: u64,
        /// What the last denied growth would have made of it, in bytes.
        requested_bytes: u64,
    },
    /// The guest trapped.
    Trap {
        /// What kind of trap.
        kind: TrapKind,
        /// The guest's call stack with symbols where the component has them; may be empty.
        backtrace: String,
    },
    /// A bound of the engine on host memory for the guest ended the call, or a host function of the
    /// embedder's own failed.
    HostLimit {
        /// Which bound.
        detail: String,
    },
    /// `initialize` answered with an error, or the instance could not be made.
    InitialiseFailed {
        /// What it said.
        detail: String,
    },
    /// Unhealthy too often in a row.
    Unhealthy {
        /// The last reason.
        detail: String,
    },
    /// Replaced by another version.
    Replaced,
    /// The host itself failed: the task that ran the instance ended by a fault of its own, or the system refused what
    /// the instance needed.
    HostFailure {
        /// What is known of it.
        detail: String,
    },
}

impl EndCause {
    /// Its short name, as people and JSON see it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Killed => "killed",
            Self::OutOfFuel(_) => "out of fuel",
            Self::Timeout { .. } => "timeout",
            Self::OutOfMemory { .. } => "out of memory",
            Self::Trap { .. } => "trap",
            Self::HostLimit { .. } => "host limit",
            Self::InitialiseFailed { .. } => "initialise failed",
            Self::Unhealthy { .. } => "unhealthy",
            Self::Replaced => "replaced",
            Self::HostFailure { .. } => "host failure",
        }
    }

    /// Whether the instance ended by a failure, and not because somebody wanted it to.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        !matches!(self, Self::Stopped | Self::Killed | Self::Replaced)
    }
}

impl fmt::Display for EndCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::OutOfFuel(fuel) => write!(f, " ({} of {} units)", fuel.consumed(), fuel.max_fuel()),
            Self::Timeout { timeout_ms, fuel_consumed } => {
                write!(f, " (limit {timeout_ms} ms, at least {fuel_consumed} fuel used)")
            }
            Self::OutOfMemory { max_bytes, requested_bytes } => {
                write!(f, " (limit {max_bytes} bytes, {requested_bytes} asked for)")
            }
            Self::Trap { kind, .. } => write!(f, " ({})", kind.as_str()),
            Self::HostLimit { detail }
            | Self::InitialiseFailed { detail }
            | Self::Unhealthy { detail }
            | Self::HostFailure { detail } => {
                write!(f, " ({detail})")
            }
            Self::Stopped | Self::Killed | Self::Replaced => Ok(()),
        }
    }
}

/// A part of what one component may know of all others; see
/// [`ComponentDirectory::next_visible_to`](crate::ComponentDirectory::next_visible_to).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VisiblePart {
    /// Those that it may see, sorted by id; possibly none.
    pub summaries: Vec<ComponentSummary>,
    /// The last one that was looked at, where there may be more behind it.
    pub looked_at: Option<ComponentId>,
}

/// What one component may know of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentSummary {
    /// Which instance.
    pub id: ComponentId,
    /// Its state when asked.
    pub state: ComponentState,
    /// The version that its manifest gives.
    pub version: Version,
    /// Messages handled, over all its restarts.
    pub handled: u64,
    /// How often it was restarted.
    pub restarts: u64,
}
