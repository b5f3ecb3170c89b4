//! Values of the host's own types as payloads: prefix and body in one.

use std::io::{self, Write};

use borsh::{BorshDeserialize, BorshSerialize};
use ciborium::{de, ser};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::finite::{FiniteNumbers, NotFinite};
use crate::codec::watched::{MAX_BORSH_STACK_BYTES, WatchedBody};
use crate::codec::{CodecError, MAX_CODEC_BYTES, decode_multicodec, encode_multicodec};
use airssys_wasm_core::Codec;

/// Levels of arrays and maps that a CBOR or JSON body may nest: what the JSON reader allows by itself.
pub const MAX_CODEC_DEPTH: usize = 127;

/// A value as a Borsh payload.
///
/// # Errors
///
/// [`CodecError::TooLarge`], and [`CodecError::Unwritable`] for what Borsh has no form for, such as NaN.
pub fn to_borsh<T: BorshSerialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    write(Codec::Borsh, |body| borsh::to_writer(body, value))
}

/// The value in a Borsh payload. A length in it that exceeds what follows is an error before memory is
/// taken for it, and sets and maps must be in order. A value of a type that holds itself may nest as deep as
/// [`MAX_BORSH_STACK_BYTES`] of the stack suffice to read it.
///
/// # Errors
///
/// As [`decode_multicodec`], [`CodecError::OtherCodec`], [`CodecError::TooMuchStack`],
/// [`CodecError::TrailingBytes`] and [`CodecError::Body`].
pub fn from_borsh<T: BorshDeserialize>(payload: &[u8]) -> Result<T, CodecError> {
    let mut body = WatchedBody::new(body_of(Codec::Borsh, payload)?);
    let value = T::deserialize_reader(&mut body).map_err(|error| {
        if body.is_too_deep() {
            return CodecError::TooMuchStack { codec: Codec::Borsh, max_bytes: MAX_BORSH_STACK_BYTES };
        }
        malformed(Codec::Borsh, error)
    })?;
    finished(Codec::Borsh, body.left())?;
    Ok(value)
}

/// A value as a CBOR payload.
///
/// # Errors
///
/// [`CodecError::TooLarge`] and [`CodecError::Unwritable`].
pub fn to_cbor<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    write(Codec::Cbor, |body| {
        ser::into_writer(value, body).map_err(|error| match error {
            ser::Error::Io(error) => error,
            ser::Error::Value(text) => io::Error::other(text),
        })
    })
}

/// The value in a CBOR payload.
///
/// # Errors
///
/// As [`decode_multicodec`], [`CodecError::OtherCodec`], [`CodecError::TooDeep`],
/// [`CodecError::TrailingBytes`] and [`CodecError::Body`].
pub fn from_cbor<T: DeserializeOwned>(payload: &[u8]) -> Result<T, CodecError> {
    let mut body = body_of(Codec::Cbor, payload)?;
    let read = de::from_reader_with_recursion_limit(&mut body, MAX_CODEC_DEPTH);
    let value = read.map_err(|error: de::Error<io::Error>| match error {
        de::Error::RecursionLimitExceeded => too_deep(Codec::Cbor),
        error => malformed(Codec::Cbor, error),
    })?;
    finished(Codec::Cbor, body)?;
    Ok(value)
}

/// A value as a JSON payload.
///
/// ```
/// use airssys_wasm_messaging::{from_json, to_json};
///
/// let payload = to_json(&("parsed", 3))?;
/// assert_eq!(payload, b"\x80\x04[\"parsed\",3]");
/// assert_eq!(from_json::<(String, u32)>(&payload)?, ("parsed".to_owned(), 3));
/// # Ok::<(), airssys_wasm_messaging::CodecError>(())
/// ```
///
/// # Errors
///
/// [`CodecError::TooLarge`], and [`CodecError::Unwritable`] for what JSON has no form for, such as a map
/// whose keys are no texts, or a number that is not finite.
pub fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    let not_finite = |error: NotFinite| CodecError::Unwritable { codec: Codec::Json, source: error.into() };
    value.serialize(FiniteNumbers).map_err(not_finite)?;
    write(Codec::Json, |body| serde_json::to_writer(body, value).map_err(io::Error::from))
}

/// The value in a JSON payload.
///
/// # Errors
///
/// As [`decode_multicodec`], [`CodecError::OtherCodec`], [`CodecError::TooDeep`],
/// [`CodecError::TrailingBytes`] and [`CodecError::Body`].
pub fn from_json<T: DeserializeOwned>(payload: &[u8]) -> Result<T, CodecError> {
    let body = body_of(Codec::Json, payload)?;
    if json_depth(body) > MAX_CODEC_DEPTH {
        return Err(too_deep(Codec::Json));
    }
    let mut values = serde_json::Deserializer::from_slice(body).into_iter();
    let value = match values.next() {
        Some(read) => read.map_err(|error| malformed(Codec::Json, error))?,
        None => return Err(malformed(Codec::Json, "there is no value")),
    };
    let rest = body.get(values.byte_offset()..).unwrap_or_default().trim_ascii();
    finished(Codec::Json, rest)?;
    Ok(value)
}

/// Writes a body behind its prefix, and never more than may be read again.
fn write(
    codec: Codec,
    write: impl FnOnce(&mut BoundedBody) -> io::Result<()>,
) -> Result<Vec<u8>, CodecError> {
    let mut body = BoundedBody { payload: encode_multicodec(codec, &[])?, is_full: false };
    match write(&mut body) {
        Ok(()) => Ok(body.payload),
        Err(_) if body.is_full => Err(CodecError::TooLarge { max_bytes: MAX_CODEC_BYTES }),
        Err(error) => Err(CodecError::Unwritable { codec, source: error.into() }),
    }
}

/// A payload that takes no more than may be read again.
struct BoundedBody {
    payload: Vec<u8>,
    is_full: bool,
}

impl Write for BoundedBody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.payload.len().saturating_add(bytes.len()) > MAX_CODEC_BYTES {
            self.is_full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.payload.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn body_of(expected: Codec, payload: &[u8]) -> Result<&[u8], CodecError> {
    match decode_multicodec(payload)? {
        (found, body) if found == expected => Ok(body),
        (found, _) => Err(CodecError::OtherCodec { expected, found }),
    }
}

fn finished(codec: Codec, rest: &[u8]) -> Result<(), CodecError> {
    match rest.len() {
        0 => Ok(()),
        bytes => Err(CodecError::TrailingBytes { codec, bytes }),
    }
}

fn malformed(codec: Codec, error: impl Into<airssys_wasm_core::BoxError>) -> CodecError {
    CodecError::Body { codec, source: error.into() }
}

fn too_deep(codec: Codec) -> CodecError {
    CodecError::TooDeep { codec, max_depth: MAX_CODEC_DEPTH }
}

/// How deep the brackets of a JSON text nest. Of what is no JSON it is a guess; the reader refuses it anyway.
fn json_depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut is_escaped) = (false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
