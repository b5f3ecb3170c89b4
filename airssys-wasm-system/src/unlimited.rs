//! A guard of rights alone, for the benchmark that measures what limits cost.
//!
//! Invariant: it is compiled with the feature `unlimited-for-benchmarks` alone.

use std::sync::Arc;

use airssys_wasm_core::{Address, Admission, Guard, SendError};
use airssys_wasm_security::CapabilityGuard;

/// Decides about rights as the guard within, and admits every message of a pair that has them, whatever its size
/// and however many come.
#[derive(Debug)]
pub(crate) struct Unlimited {
    rights: Arc<CapabilityGuard>,
    admission: Arc<Anything>,
}

impl Unlimited {
    pub(crate) fn new(rights: Arc<CapabilityGuard>) -> Self {
        Self { rights, admission: Arc::new(Anything) }
    }
}

impl Guard for Unlimited {
    fn authorise(&self, sender: &Address, receiver: &Address) -> Result<Arc<dyn Admission>, SendError> {
        self.rights.authorise(sender, receiver)?;
        Ok(Arc::clone(&self.admission) as Arc<dyn Admission>)
    }

    fn authorise_reminder(&self, owner: &Address) -> Result<Arc<dyn Admission>, SendError> {
        self.rights.authorise_reminder(owner)?;
        Ok(Arc::clone(&self.admission) as Arc<dyn Admission>)
    }
}

#[derive(Debug)]
struct Anything;

impl Admission for Anything {
    fn admit(&self, _weight: usize) -> Result<(), SendError> {
        Ok(())
    }
}
