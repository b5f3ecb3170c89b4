//! What a component may reach on the network: the decisions, without a socket, a resolver or a clock.
//!
//! Invariant: a name admits public addresses only. Whatever leads to the host itself, its network or its provider's
//! is reached by the very address that was granted, and by no name.

mod access;
mod class;
mod destinations;

pub use access::{Answers, Lookup, NetworkAccess, NetworkRefusal};
pub use class::AddressClass;
pub use destinations::DestinationSet;
