//! Why a payload cannot be read or written.

use thiserror::Error;

use airssys_wasm_core::{BoxError, Codec};

/// Why a payload cannot be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CodecError {
    /// It ends before its prefix does.
    #[error("the payload ends inside its multicodec prefix")]
    Truncated,
    /// Its prefix is not the shortest varint of its code, or longer than a code can be.
    #[error("the multicodec prefix is not a varint in its shortest form")]
    MalformedPrefix,
    /// Its prefix is that of no codec that this host knows.
    #[error("unknown multicodec {code:#x}; known are cbor (0x51), json (0x200) and borsh (0x300701)")]
    UnknownCodec {
        /// The code that it names.
        code: u64,
    },
    /// It is of another codec than it was read as.
    #[error("the payload is {found}, not {expected}")]
    OtherCodec {
        /// What it was read as.
        expected: Codec,
        /// What its prefix says.
        found: Codec,
    },
    /// It is longer than any payload may be, prefix included.
    #[error("larger than the {max_bytes} bytes that a payload may have")]
    TooLarge {
        /// The bound in bytes.
        max_bytes: usize,
    },
    /// It nests deeper than any value may.
    #[error("the {codec} body nests deeper than {max_depth} levels")]
    TooDeep {
        /// Its codec.
        codec: Codec,
        /// The bound in levels.
        max_depth: usize,
    },
    /// It nests deeper than there is stack for; in a codec whose nesting only the type knows, which was asked for.
    #[error("reading the {codec} body would take more than {max_bytes} bytes of the stack")]
    TooMuchStack {
        /// Its codec.
        codec: Codec,
        /// The bound in bytes.
        max_bytes: usize,
    },
    /// After the value there is more.
    #[error("{bytes} bytes follow the {codec} value")]
    TrailingBytes {
        /// Its codec.
        codec: Codec,
        /// How many bytes follow.
        bytes: usize,
    },
    /// Its body is malformed, or no value of the type that was asked for.
    #[error("the body is no {codec} value of the expected type")]
    Body {
        /// Its codec.
        codec: Codec,
        /// What is wrong with it.
        #[source]
        source: BoxError,
    },
    /// The value has no form in this codec, for instance a NaN in Borsh.
    #[error("the value cannot be written as {codec}")]
    Unwritable {
        /// The codec.
        codec: Codec,
        /// Why not.
        #[source]
        source: BoxError,
    },
}
