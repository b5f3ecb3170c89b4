//! What the fuzz targets check, as ordinary functions, so that a fuzzer and a plain test run the same.
//!
//! The fuzzer's own workspace is the folder above: its targets hand their bytes to a [`Target`] and nothing more.
//! It needs a nightly compiler; the smoke test of this crate needs none, and feeds the same functions with seeds and
//! with what a [`Mutator`] makes of them.
//!
//! Invariant: a target answers with what became of its input, or with what is wrong with the code under it. It
//! never fails because of its input.
//!
//! ```
//! use airssys_wasm_fuzz_targets::{Target, Told};
//!
//! # async fn try_names() -> anyhow::Result<()> {
//! assert_eq!(Target::Names.run(b"logs/parser\nlogs/*").await?, Told::Accepted);
//! assert_eq!(Target::Names.run(b"Logs\n**").await?, Told::Refused);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod guests;
mod loader;
mod manifest;
mod mutation;
mod names;
mod target;

pub use guests::built_guests;
pub use mutation::Mutator;
pub use target::{Target, Told};
