//! The prefix that says which codec a body is in.

use std::fmt;

use unsigned_varint::{decode, encode};

use crate::codec::CodecError;

/// Longest payload that is read or written, prefix included, in bytes. As much as the largest message that
/// a guest can send.
pub const MAX_CODEC_BYTES: usize = 16 * 1024 * 1024;

/// Longest varint that the multiformats allow.
const MAX_PREFIX_BYTES: usize = 9;

/// A codec with a multicodec code of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// Borsh, version 1: the type is agreed on, and each value has one form.
    Borsh,
    /// CBOR, RFC 8949.
    Cbor,
    /// JSON, RFC 8259, in UTF-8.
    Json,
}

impl Codec {
    /// All of them, by ascending code.
    pub const ALL: [Self; 3] = [Self::Cbor, Self::Json, Self::Borsh];

    /// Its multicodec code.
    #[must_use]
    pub const fn code(self) -> u64 {
        match self {
            Self::Cbor => 0x51,
            Self::Json => 0x0200,
            Self::Borsh => 0x30_0701,
        }
    }

    /// The codec of a code, none where it is unknown.
    #[must_use]
    pub fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.code() == code)
    }

    /// Its name, as the multicodec table writes names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Borsh => "borsh",
            Self::Cbor => "cbor",
            Self::Json => "json",
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Puts the prefix of its codec before a body. The body is taken as it is.
///
/// ```
/// use airssys_wasm_messaging::{Codec, decode_multicodec, encode_multicodec};
///
/// let payload = encode_multicodec(Codec::Json, b"[1,2]")?;
/// assert_eq!(payload, b"\x80\x04[1,2]");
/// assert_eq!(decode_multicodec(&payload)?, (Codec::Json, &b"[1,2]"[..]));
/// # Ok::<(), airssys_wasm_messaging::CodecError>(())
/// ```
///
/// # Errors
///
/// [`CodecError::TooLarge`] where nobody could read the result.
pub fn encode_multicodec(codec: Codec, body: &[u8]) -> Result<Vec<u8>, CodecError> {
    let mut buffer = encode::u64_buffer();
    let prefix = encode::u64(codec.code(), &mut buffer);
    let length = prefix.len().saturating_add(body.len());
    if length > MAX_CODEC_BYTES {
        return Err(CodecError::TooLarge { max_bytes: MAX_CODEC_BYTES });
    }
    let mut payload = Vec::with_capacity(length);
    payload.extend_from_slice(prefix);
    payload.extend_from_slice(body);
    Ok(payload)
}

/// Reads the prefix of a payload: its codec, and the body as it is. The body is not looked at.
///
/// # Errors
///
/// [`CodecError::TooLarge`], [`CodecError::Truncated`], [`CodecError::MalformedPrefix`] and
/// [`CodecError::UnknownCodec`].
pub fn decode_multicodec(payload: &[u8]) -> Result<(Codec, &[u8]), CodecError> {
    if payload.len() > MAX_CODEC_BYTES {
        return Err(CodecError::TooLarge { max_bytes: MAX_CODEC_BYTES });
    }
    let (code, body) = decode::u64(payload).map_err(|error| match error {
        decode::Error::Insufficient => CodecError::Truncated,
        _ => CodecError::MalformedPrefix,
    })?;
    if payload.len() - body.len() > MAX_PREFIX_BYTES {
        // The reader drops the bits of a tenth byte that a code has no room for.
        return Err(CodecError::MalformedPrefix);
    }
    let codec = Codec::from_code(code).ok_or(CodecError::UnknownCodec { code })?;
    Ok((codec, body))
}
