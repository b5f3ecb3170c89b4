//! What components may know of one another.

use std::sync::Arc;

use airssys_wasm_core::{ComponentDirectory, ComponentId, ComponentState, ComponentSummary, VisiblePart};
use airssys_wasm_security::{CapabilityGuard, CapabilitySet};

use crate::registry::Registry;

/// Instances that are looked at in a row, and that the registry is held for.
const LOOKED_AT_ONCE: usize = 256;

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

    fn view_of<'v>(&self, viewer: &'v ComponentId) -> View<'v> {
        View { viewer, rights: self.guard.capabilities(&viewer.component()) }
    }
}

/// What one component sees.
struct View<'v> {
    viewer: &'v ComponentId,
    rights: Option<Arc<CapabilitySet>>,
}

impl View<'_> {
    fn shows(&self, id: &ComponentId) -> bool {
        self.viewer == id || self.rights.as_ref().is_some_and(|rights| rights.allows_sending_to(id.address()))
    }
}

impl ComponentDirectory for Directory {
    fn visible_to(&self, viewer: &ComponentId) -> Vec<ComponentSummary> {
        let view = self.view_of(viewer);
        let all = self.registry.all();
        all.iter().filter(|record| view.shows(&record.id)).map(|record| record.summary()).collect()
    }

    fn next_visible_to(&self, viewer: &ComponentId, after: Option<&ComponentId>) -> VisiblePart {
        let view = self.view_of(viewer);
        let part = self.registry.some_after(after, LOOKED_AT_ONCE);
        let summaries =
            part.iter().filter(|record| view.shows(&record.id)).map(|record| record.summary()).collect();
        let last = part.get(LOOKED_AT_ONCE - 1);
        VisiblePart { summaries, looked_at: last.map(|record| record.id.clone()) }
    }

    fn find(&self, viewer: &ComponentId, id: &ComponentId) -> Option<ComponentSummary> {
        if !self.view_of(viewer).shows(id) {
            return None;
        }
        self.registry.get(id).map(|record| record.summary())
    }

    fn state(&self, id: &ComponentId) -> Option<ComponentState> {
        self.registry.get(id).map(|record| record.state())
    }
}

#[cfg(test)]
mod tests {
    use airssys_wasm_core::MessagingCapabilities;
    use airssys_wasm_runtime::PoolShare;
    use airssys_wasm_security::MonotonicClock;

    use crate::registry::Totals;
    use crate::registry::tests::record;

    use super::*;

    /// A directory of so many of `seen/x`, and one of each of `a/viewer` and `hidden/x`.
    fn directory(seen: usize) -> (Directory, ComponentId) {
        let registry = Arc::new(Registry::default());
        let totals = Totals { memory_bytes: u64::MAX, storage_bytes: 0, pool: PoolShare::default() };
        let id = |namespace, name, number: usize| {
            ComponentId::new(namespace, name, &format!("{number:05}")).unwrap()
        };
        let viewer = id("a", "viewer", 0);
        for records in [
            vec![record(viewer.clone())],
            vec![record(id("hidden", "x", 0))],
            (0..seen).map(|number| record(id("seen", "x", number))).collect(),
        ] {
            registry.change(|table| table.insert(&records, &totals)).unwrap();
        }
        let guard = CapabilityGuard::new(Arc::new(MonotonicClock::new()));
        let rights = MessagingCapabilities {
            send_to: vec!["seen/*".parse().unwrap()],
            ..MessagingCapabilities::default()
        };
        guard.grant(&viewer.component(), Arc::new(CapabilitySet::new(&rights)));
        (Directory::new(registry, Arc::new(guard)), viewer)
    }

    #[test]
    fn all_parts_together_are_what_is_visible() {
        for seen in [0, 1, LOOKED_AT_ONCE - 2, LOOKED_AT_ONCE, 3 * LOOKED_AT_ONCE - 2] {
            let (directory, viewer) = directory(seen);
            let (mut found, mut parts, mut after) = (Vec::new(), 0, None);
            loop {
                let part = directory.next_visible_to(&viewer, after.as_ref());
                assert!(part.summaries.len() <= LOOKED_AT_ONCE, "{}", part.summaries.len());
                found.extend(part.summaries);
                parts += 1;
                let Some(looked_at) = part.looked_at else { break };
                after = Some(looked_at);
            }
            assert_eq!(found, directory.visible_to(&viewer), "{seen}");
            assert_eq!((found.len(), parts), (seen + 1, (seen + 2) / LOOKED_AT_ONCE + 1));
            assert!(found.is_sorted_by_key(|summary| &summary.id));
        }
    }
}
