//! The host as embedders use it, with real guests.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[cfg(unix)]
mod access;
mod audit;
mod books;
mod boundaries;
mod crowd;
mod denials;
mod files;
mod interrupted;
mod lifecycle;
mod loading;
mod messaging;
mod network;
mod storage;
mod supervision;
mod support;
mod talk;
mod typed_calls;
mod warnings;
