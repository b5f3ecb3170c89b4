//! Which components may be told what one instance publishes: the guard's decisions, remembered.

use std::collections::HashMap;
use std::sync::Arc;

use airssys_wasm_core::{Address, Admission, SendError};

/// Components that one publisher's decisions are remembered of. Those of further ones are asked for each time.
const MAX_REMEMBERED: usize = 64;

/// What the guard decided for one publisher, by receiving component.
#[derive(Debug, Default)]
pub(crate) struct Receipts {
    /// The generation that the decisions were made at. Those of another are void.
    generation: u64,
    decided: HashMap<Address, Result<Arc<dyn Admission>, SendError>>,
}

impl Receipts {
    /// The decision for a component at this generation, asked for where it is not known.
    pub(crate) fn of(
        &mut self,
        component: &Address,
        generation: u64,
        decide: impl FnOnce() -> Result<Arc<dyn Admission>, SendError>,
    ) -> Result<Arc<dyn Admission>, SendError> {
        if self.generation != generation {
            self.generation = generation;
            self.decided.clear();
        }
        if let Some(known) = self.decided.get(component) {
            return known.clone();
        }
        let decision = decide();
        if self.decided.len() < MAX_REMEMBERED {
            self.decided.insert(component.clone(), decision.clone());
        }
        decision
    }
}
