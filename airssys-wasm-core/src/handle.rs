//! Handles to loaded components.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::id::ComponentId;

static NEXT_HANDLE: AtomicU64 = AtomicU64::new(1);

/// Names one loaded component for its engine; every load gives a new one.
///
/// ```
/// use airssys_wasm_core::{ComponentHandle, ComponentId};
///
/// let id = ComponentId::new("logs", "parser", "0")?;
/// let (first, second) = (ComponentHandle::new(id.clone()), ComponentHandle::new(id));
/// assert!(first.handle_id() >= 1);
/// assert_ne!(first.handle_id(), second.handle_id());
/// # Ok::<(), airssys_wasm_core::IdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ComponentHandle {
    id: ComponentId,
    handle_id: u64,
}

impl ComponentHandle {
    /// A new handle; its number counts from 1 over the life of the process.
    #[must_use]
    pub fn new(id: ComponentId) -> Self {
        Self { id, handle_id: NEXT_HANDLE.fetch_add(1, Ordering::Relaxed) }
    }

    /// The component.
    #[must_use]
    pub fn id(&self) -> &ComponentId {
        &self.id
    }

    /// The number, unique in this process.
    #[must_use]
    pub fn handle_id(&self) -> u64 {
        self.handle_id
    }
}
