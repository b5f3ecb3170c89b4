//! What the guard admits and what it refuses, and the log that says so.
#![expect(clippy::panic, reason = "a test that cannot be set up has failed")]

mod audit;
mod backlog;
mod guard;
mod network;
mod rate;
mod rights;
