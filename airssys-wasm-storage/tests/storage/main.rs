//! What a store promises to components and to their operator, on disk, in memory and on media that fail.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot be set up has failed; a host in a process of its own says what it did"
)]

mod closing;
mod damage;
mod faults;
mod folder;
mod growth;
mod hosts;
mod keys;
mod model;
mod power;
mod quota;
mod support;
mod swap;
mod turns;
