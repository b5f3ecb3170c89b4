//! The codecs that a payload can say it is in, by the multicodec prefix that it begins with.
//!
//! Only the prefix is known here: what follows it is for the codec module of messaging, and for guests, to read.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

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

    /// What a payload in this codec begins with: its code as an unsigned varint in its shortest form. None of the
    /// prefixes begins with another.
    #[must_use]
    pub const fn prefix(self) -> &'static [u8] {
        match self {
            Self::Cbor => &[0x51],
            Self::Json => &[0x80, 0x04],
            Self::Borsh => &[0x81, 0x8e, 0xc0, 0x01],
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

/// A name that is that of no codec.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no codec; known are borsh, cbor and json")]
#[non_exhaustive]
pub struct UnknownCodecName;

impl FromStr for Codec {
    type Err = UnknownCodecName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|codec| codec.name() == name).ok_or(UnknownCodecName)
    }
}

/// One or more codecs.
///
/// ```
/// use airssys_wasm_core::{Codec, CodecSet};
///
/// let codecs = CodecSet::of(Codec::Json).and(Codec::Cbor);
/// assert!(codecs.admits(b"\x80\x04[1,2]"));
/// assert!(!codecs.admits(b"[1,2]"));
/// assert!(!codecs.admits(b"\x81\x8e\xc0\x01\x02"));
/// assert_eq!(codecs.to_string(), "cbor json");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CodecSet(u8);

impl CodecSet {
    /// This codec alone.
    #[must_use]
    pub const fn of(codec: Codec) -> Self {
        Self(bit(codec))
    }

    /// This codec as well.
    #[must_use]
    pub const fn and(self, codec: Codec) -> Self {
        Self(self.0 | bit(codec))
    }

    /// Those that are in it, by ascending code.
    pub fn iter(self) -> impl Iterator<Item = Codec> {
        Codec::ALL.into_iter().filter(move |codec| self.0 & bit(*codec) != 0)
    }

    /// Whether a payload begins with the prefix of one of them. What follows is not looked at.
    #[must_use]
    pub fn admits(self, content: &[u8]) -> bool {
        self.iter().any(|codec| content.starts_with(codec.prefix()))
    }
}

impl fmt::Display for CodecSet {
    /// Their names, with blanks between them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, codec) in self.iter().enumerate() {
            write!(f, "{}{codec}", if number > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

const fn bit(codec: Codec) -> u8 {
    match codec {
        Codec::Borsh => 1,
        Codec::Cbor => 2,
        Codec::Json => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An unsigned varint, seven bits a byte, the lowest first.
    fn varint(mut code: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while code >= 0x80 {
            bytes.push(u8::try_from(code & 0x7f).unwrap() | 0x80);
            code >>= 7;
        }
        bytes.push(u8::try_from(code).unwrap());
        bytes
    }

    #[test]
    fn a_prefix_is_the_varint_of_its_code_and_begins_with_no_other() {
        for codec in Codec::ALL {
            assert_eq!(codec.prefix(), varint(codec.code()));
            assert_eq!((codec.name().parse(), Codec::from_code(codec.code())), (Ok(codec), Some(codec)));
            for other in Codec::ALL {
                assert_eq!(codec.prefix().starts_with(other.prefix()), codec == other);
                assert_eq!(CodecSet::of(other).admits(codec.prefix()), codec == other);
            }
        }
    }

    #[test]
    fn what_is_shorter_than_a_prefix_or_like_one_is_not_admitted() {
        let all = Codec::ALL[1..].iter().fold(CodecSet::of(Codec::ALL[0]), |set, codec| set.and(*codec));
        for content in [&[][..], &[0x80], &[0x81, 0x8e, 0xc0], &[0xd1, 0x00], &[0x80, 0x84, 0x00], b"{}"] {
            assert!(!all.admits(content), "{content:x?}");
        }
        assert!(all.iter().eq(Codec::ALL));
    }
}
