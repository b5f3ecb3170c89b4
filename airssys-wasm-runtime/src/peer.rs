//! The host's side of the `peer` resource.

use std::sync::Arc;

use airssys_wasm_core::MessageLink;

/// A resolved target that a guest holds by handle.
#[expect(unreachable_pub, reason = "the generated bindings re-export it, within a private module")]
#[derive(Debug)]
pub struct Peer {
    link: Arc<dyn MessageLink>,
}

impl Peer {
    pub(crate) fn new(link: Arc<dyn MessageLink>) -> Self {
        Self { link }
    }

    pub(crate) fn link(&self) -> &Arc<dyn MessageLink> {
        &self.link
    }
}
