//! The runtime as embedders use it, and the engine beneath where its ways matter to ours.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod boundaries;
mod by_handle;
mod engine_facts;
mod execution;
mod guests;
mod health;
mod health_export;
#[cfg(unix)]
mod host_access;
mod imports;
mod isolation;
mod lanes;
mod limiter_model;
mod loading;
mod memory;
mod neighbours;
mod network;
mod processor;
mod reservation;
mod starts;
mod storage;
mod thresholds;
mod typed_calls;
