//! An instance that is about to be made: everything is there but the guest.

use wasmtime::Store;

use crate::component::VerifiedComponent;
use crate::enforcement::Enforcement;
use crate::error::RuntimeError;
use crate::instance::{Budget, Completed, ComponentInstance};
use crate::state::HostState;

/// What a start needs beside the engine. It borrows nothing, so that it can go where the calls of the instance run.
pub(crate) struct PreparedInstance {
    pub(crate) store: Store<HostState>,
    pub(crate) component: VerifiedComponent,
    pub(crate) config: String,
    pub(crate) budget: Budget,
    pub(crate) max_instances: u32,
    pub(crate) enforcement: Enforcement,
}

impl PreparedInstance {
    /// Makes the instance and initialises it: the first guest code that runs.
    pub(crate) async fn start(self) -> Result<Completed<ComponentInstance>, RuntimeError> {
        let Self { store, component, config, budget, max_instances, enforcement } = self;
        ComponentInstance::start(store, &component, &config, budget, max_instances, enforcement).await
    }
}
