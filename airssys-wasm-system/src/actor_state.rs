//! The life of one instance, as a state machine without I/O.

use airssys_wasm_core::{ComponentState, EndCause, RestartDecision};

/// Where an actor stands. Every change goes through the methods, which refuse those that cannot be.
///
/// ```
/// use airssys_wasm_core::{ComponentState, EndCause, RestartDecision};
/// use airssys_wasm_system::ActorState;
///
/// let running = ActorState::new().launched().unwrap().started().unwrap();
/// let over = running.ended(EndCause::Stopped, &RestartDecision::Stop).unwrap();
/// assert_eq!(over.component_state(), ComponentState::Stopped);
/// assert!(over.started().is_none());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ActorState {
    /// It can be sent to; its first instance is not being made yet.
    Installed,
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
        Self::Installed
    }

    /// Its first instance is being made.
    #[must_use]
    pub fn launched(&self) -> Option<Self> {
        matches!(self, Self::Installed).then_some(Self::Starting)
    }

    /// An instance was made.
    #[must_use]
    pub fn started(&self) -> Option<Self> {
        matches!(self, Self::Starting).then_some(Self::Running)
    }

    /// It was asked to stop. One that has failed meanwhile may be started once more, to handle what its
    /// mailbox still holds; it takes no more and never runs again.
    #[must_use]
    pub fn draining(&self) -> Option<Self> {
        matches!(self, Self::Starting | Self::Running | Self::Waiting { .. }).then_some(Self::Draining)
    }

    /// The instance ended, or could not be made, and supervision has decided.
    #[must_use]
    pub fn ended(&self, cause: EndCause, decision: &RestartDecision) -> Option<Self> {
        match self {
            Self::Over { .. } => None,
            Self::Draining => Some(match decision {
                RestartDecision::Restart { .. } => Self::Draining,
                _ => Self::Over { failed: cause.is_failure(), cause },
            }),
            Self::Installed => Some(Self::Over { failed: cause.is_failure(), cause }),
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
            Self::Installed => ComponentState::Installed,
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Launched,
        Started,
        Draining,
        Ended(EndCause, RestartDecision),
        Restarting,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let cause = prop_oneof![
            Just(EndCause::Stopped),
            Just(EndCause::Killed),
            Just(EndCause::Timeout { timeout_ms: 1, fuel_consumed: 0 }),
        ];
        let decision = prop_oneof![
            Just(RestartDecision::Stop),
            Just(RestartDecision::GiveUp { restarts_in_window: 3 }),
            Just(RestartDecision::Restart { delay: Duration::ZERO, attempt: 1 }),
        ];
        let step = prop_oneof![
            Just(Step::Launched),
            Just(Step::Started),
            Just(Step::Draining),
            (cause, decision).prop_map(|(cause, decision)| Step::Ended(cause, decision)),
            Just(Step::Restarting),
        ];
        proptest::collection::vec(step, 0..40)
    }

    fn apply(state: &ActorState, step: &Step) -> Option<ActorState> {
        match step {
            Step::Launched => state.launched(),
            Step::Started => state.started(),
            Step::Draining => state.draining(),
            Step::Ended(cause, decision) => state.ended(cause.clone(), decision),
            Step::Restarting => state.restarting(),
        }
    }

    proptest! {
        #[test]
        fn no_sequence_of_events_leads_out_of_the_life_cycle(steps in steps()) {
            let mut state = ActorState::new();
            for step in &steps {
                let Some(next) = apply(&state, step) else { continue };
                let allowed = matches!(
                    (state.component_state(), next.component_state()),
                    (_, ComponentState::Stopped | ComponentState::Failed)
                        | (ComponentState::Installed, ComponentState::Starting)
                        | (ComponentState::Starting | ComponentState::Draining, ComponentState::Draining)
                        | (ComponentState::Starting, ComponentState::Starting | ComponentState::Running)
                        | (ComponentState::Running, ComponentState::Draining | ComponentState::Starting)
                );
                prop_assert!(!state.is_over(), "{step:?} woke {state:?}");
                prop_assert!(allowed, "{step:?} led from {state:?} to {next:?}");
                state = next;
            }
        }

        #[test]
        fn one_that_drains_never_runs_again(steps in steps()) {
            let mut state = ActorState::Draining;
            for step in &steps {
                if let Some(next) = apply(&state, step) {
                    let drains = next == ActorState::Draining;
                    prop_assert!(next.is_over() || drains, "{step:?} led from {state:?} to {next:?}");
                    state = next;
                }
            }
        }
    }
}
