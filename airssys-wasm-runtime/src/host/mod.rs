//! The host's side of the imports of the WIT package and of WASI, one file per interface.

mod delivery;
mod http;
mod linking;
mod lookup;
mod messaging;
mod network;
mod random;
mod services;
mod sockets;
mod storage;
mod timed;

pub(crate) use http::DeniedHttp;
pub use linking::offered_interfaces;
pub(crate) use linking::{KnownInterfaces, link_host};
pub(crate) use network::InstanceNetwork;
pub use network::NetworkRates;
