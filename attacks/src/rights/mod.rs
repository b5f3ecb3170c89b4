//! The rights matrix: what a component without any right gets of each import of the host.
//!
//! Every import is *denied* (a typed error and an audit record), *unreachable* (no handle can be had that it needs) or
//! *harmless* (for a reason that is given). The table is held against the linker itself, function by function, and
//! against what the runtime's sources define in it by name besides; each row against what a guest without rights was told.

mod class;
mod document;
mod engine;
mod finding;
mod lone;
mod probe;
mod proof;
mod sources;
mod surface;
mod table;

pub use class::{Class, Import};
pub use document::to_markdown;
pub use proof::prove;
pub use table::imports;
