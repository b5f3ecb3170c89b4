//! What components may know of one another.

use std::sync::Arc;

use airssys_wasm_core::{ComponentDirectory, ComponentId, ComponentState, ComponentSummary};
use airssys_wasm_security::CapabilityGuard;

use crate::registry::Registry;

/// Shows a component itself and those that it may send to: for all others an id cannot even be probed.
#[derive(Debug)]
pub(crate) struct Directory {
    registry: Arc<Registry>,
    guard: Arc<CapabilityGuard>,
}

impl Directory {
    pub(crate) fn new(registry: Arc<Registry>, guard: Arc<CapabilityGuard>) -> Self {
        Self { registry, guard }
    }

    fn sees(&self, viewer: &ComponentId, id: &ComponentId) -> bool {
        viewer == id
            || self
                .guard
                .capabilities(&viewer.component())
                .is_some_and(|rights| rights.allows_sending_to(id.address()))
    }
}

impl ComponentDirectory for Directory {
    fn visible_to(&self, viewer: &ComponentId) -> Vec<ComponentSummary> {
        let all = self.registry.all();
        all.iter().filter(|record| self.sees(viewer, &record.id)).map(|record| record.summary()).collect()
    }

    fn find(&self, viewer: &ComponentId, id: &ComponentId) -> Option<ComponentSummary> {
        if !self.sees(viewer, id) {
            return None;
        }
        self.registry.get(id).map(|record| record.summary())
    }

    fn state(&self, id: &ComponentId) -> Option<ComponentState> {
        self.registry.get(id).map(|record| record.state())
    }
}
