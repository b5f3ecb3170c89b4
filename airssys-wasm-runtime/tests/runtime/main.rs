//! The runtime as embedders use it, and the engine beneath where its ways matter to ours.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod by_handle;
mod engine_behaviour;
mod execution;
mod guests;
mod health;
mod health_export;
mod imports;
mod isolation;
mod lanes;
mod loading;
mod memory;
mod processor;
