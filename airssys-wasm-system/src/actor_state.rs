//! The life of one instance, as a state machine without I/O.

use airssys_wasm_core::{ComponentState, EndCause, RestartDecision};

/// Where an actor stands. Every change goes through the methods, which refuse those that cannot be.
///
/// ```
/// use airssys_wasm_core::{ComponentState, EndCause, RestartDecision};
/// use airssys_wasm_system::ActorState;
///
/// let running = ActorState::new().started().unwrap();
/// let over = running.ended(EndCause::Stopped, &RestartDecision::Stop).unwrap();
/// assert_eq!(over.component_state(), ComponentState::Stopped);
/// assert!(over.started().is_none());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ActorState {
    /// An instance is being made.
    Starting,
    /// It handles messages.
    Running,
    /// It handles what its mailbox still holds and takes no more.
    Draining,
    /// The last instance failed; the next one is made after a pause.
    Waiting {
        /// Why the last instance ended.
        cause: EndCause,
    },
    /// Ended, and not restarted.
    Over {
        /// Why the last instance ended.
        cause: EndCause,
        /// Whether it ended because failures came too fast, or its policy wants no restart after one.
        failed: bool,
    },
}

impl ActorState {
    /// The state of a new actor.
    #[must_use]
    pub const fn new() -> Self {
        Self::Starting
    }

    /// An instance was made.
    #[must_use]
    pub fn started(&self) -> Option<Self> {
        matches!(self, Self::Starting).then_some(Self::Running)
    }

    /// It was asked to stop.
    #[must_use]
    pub fn draining(&self) -> Option<Self> {
        matches!(self, Self::Running).then_some(Self::Draining)
    }

    /// The instance ended, or could not be made, and supervision has decided.
    #[must_use]
    pub fn ended(&self, cause: EndCause, decision: &RestartDecision) -> Option<Self> {
        match self {
            Self::Over { .. } => None,
            Self::Draining => Some(Self::Over { failed: cause.is_failure(), cause }),
            Self::Starting | Self::Running | Self::Waiting { .. } => Some(match decision {
                RestartDecision::Restart { .. } => Self::Waiting { cause },
                RestartDecision::GiveUp { .. } => Self::Over { cause, failed: true },
                _ => Self::Over { failed: cause.is_failure(), cause },
            }),
        }
    }

    /// The pause is over.
    #[must_use]
    pub fn restarting(&self) -> Option<Self> {
        matches!(self, Self::Waiting { .. }).then_some(Self::Starting)
    }

    /// The same as the outside sees it.
    #[must_use]
    pub const fn component_state(&self) -> ComponentState {
        match self {
            Self::Starting | Self::Waiting { .. } => ComponentState::Starting,
            Self::Running => ComponentState::Running,
            Self::Draining => ComponentState::Draining,
            Self::Over { failed: false, .. } => ComponentState::Stopped,
            Self::Over { failed: true, .. } => ComponentState::Failed,
        }
    }

    /// Whether nothing comes after it.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Over { .. })
    }
}

impl Default for ActorState {
    fn default() -> Self {
        Self::new()
    }
}
