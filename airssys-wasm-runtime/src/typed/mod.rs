//! Values of a component's own types, read from and written as WAVE, JSON, CBOR or Borsh.
//!
//! The types of the function that is called direct every conversion: nothing is guessed from the values, what
//! the type does not have is an error that names the parameter and the path in it, and reading never nests
//! deeper than the type. What the values of one call may take in the host's memory is bounded, however small
//! the bytes are that stand for them.
//!
//! Invariant: what is written for a value is read back as the same value, in each form.
//!
//! What each form looks like for each type stands in `docs/typed-calls.md`, which the tests here hold this to.

#[cfg(test)]
mod arbitrary;
mod binary;
mod conversion;
mod document;
mod document_reader;
mod document_writer;
mod function;
mod named;
mod shape;
#[cfg(test)]
mod tests;
mod trail;
mod value;
mod wave;

pub(crate) use conversion::{read_arguments, write_result};
pub(crate) use function::{Function, find};
