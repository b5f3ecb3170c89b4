//! Payloads that say what they are: a multicodec prefix, then a body in Borsh, CBOR or JSON.
//!
//! Invariant: reading is strict. A prefix is the shortest varint of a known code, a body is one whole value
//! with nothing after it, its size is checked before anything is allocated for it, and what nests deeper than
//! [`MAX_CODEC_DEPTH`], or in Borsh, whose nesting is its type's, takes more than [`MAX_BORSH_STACK_BYTES`] of the stack to
//! read, is refused before it can exhaust one. Nothing is translated from one codec to
//! another, and garbage is an error, never a panic.
//!
//! | codec | code | prefix bytes | source of the code | format |
//! |---|---|---|---|---|
//! | CBOR | `0x51` | `51` | multicodec table, permanent | RFC 8949 |
//! | JSON | `0x0200` | `80 04` | multicodec table, permanent | RFC 8259, in UTF-8 |
//! | Borsh | `0x300701` | `81 8e c0 01` | private use area of the multicodec table | <https://borsh.io>, version 1 |
//!
//! Where a component's manifest names `codecs`, the guard refuses messages to it that begin with the prefix of none of them.
//! It looks no further than the prefix: that the body is what the prefix says is for its reader to find out. A reply is in
//! the codec of the request where both sides have agreed on that; nobody checks it.
//!
//! The multicodec table (<https://github.com/multiformats/multicodec>, `table.csv`) has no entry for Borsh. It
//! keeps the codes from `0x300000` to `0x3fffff` for private use and will never give them a meaning, so that
//! a code from there can neither be taken by somebody else later nor be mistaken for another codec today.
//! Prefixes are unsigned varints as <https://github.com/multiformats/unsigned-varint> defines them.

mod error;
mod finite;
mod prefix;
mod values;
mod watched;

pub use error::CodecError;
pub use prefix::{MAX_CODEC_BYTES, decode_multicodec, encode_multicodec};
pub use values::{MAX_CODEC_DEPTH, from_borsh, from_cbor, from_json, to_borsh, to_cbor, to_json};
pub use watched::MAX_BORSH_STACK_BYTES;
