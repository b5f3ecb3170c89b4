//! `airssys-wasm run`: launches a system, feeds it its input, and tells what became of it.

mod feed;
mod launch;
mod lines;
mod losses;
mod pretty;
mod quiet;
mod reader;
mod source;
mod summary;

pub(crate) use launch::run;
