//! The prefix that says which codec a body is in.

use unsigned_varint::decode;

use crate::codec::CodecError;
use airssys_wasm_core::Codec;

/// Longest payload that is read or written, prefix included, in bytes. As much as the largest message that
/// a guest can send.
pub const MAX_CODEC_BYTES: usize = 16 * 1024 * 1024;

/// Longest varint that the multiformats allow.
const MAX_PREFIX_BYTES: usize = 9;

/// Puts the prefix of its codec before a body. The body is taken as it is.
///
/// ```
/// use airssys_wasm_core::Codec;
/// use airssys_wasm_messaging::{decode_multicodec, encode_multicodec};
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
    let prefix = codec.prefix();
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
