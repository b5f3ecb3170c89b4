//! The built command line, as its users meet it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop"
)]

mod audit;
mod completeness;
mod failures;
mod inspect;
mod invoke;
mod manifests;
mod pipeline;
#[cfg(unix)]
mod signals;
mod storage;
mod support;
mod usage;
