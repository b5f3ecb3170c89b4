//! The host's side of the imports of the WIT package and of WASI, one file per interface.

mod delivery;
mod http;
mod linking;
mod messaging;
mod random;
mod services;
mod storage;

pub(crate) use http::DeniedHttp;
pub use linking::UNSUPPORTED_IMPORTS;
pub(crate) use linking::{KnownInterfaces, link_host};
