//! Patterns on addresses and topics, as manifests write them.
//!
//! Invariant: a value of these types is well formed. This is syntax only: what a pattern matches is
//! decided in the security crate, segment by segment.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::id::{MAX_ID_PART_BYTES, is_valid_name, is_valid_part, shorten};

/// Longest topic pattern, in bytes.
pub const MAX_TOPIC_BYTES: usize = 256;

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PatternError {
    /// Not two or three segments joined by `/`.
    #[error("{value:?} is not an address pattern: namespace/name or namespace/name/instance is expected")]
    InvalidShape {
        /// What was given, shortened where it is very long.
        value: String,
    },
    /// A segment of an address pattern is neither a name nor `*`.
    #[error(
        "segment {segment:?} is neither \"*\" nor a valid name: 1 to {MAX_ID_PART_BYTES} of a-z, 0-9 and '-', \
         starting with a letter (an instance may start with a digit), without \"--\" and without a '-' at the end"
    )]
    InvalidSegment {
        /// The segment, shortened where it is very long.
        segment: String,
    },
    /// The topic pattern is empty or too long.
    #[error("topic pattern of {bytes} bytes: 1 to {MAX_TOPIC_BYTES} are allowed")]
    InvalidTopicLength {
        /// How long it is.
        bytes: usize,
    },
    /// A segment of a topic pattern breaks the alphabet.
    #[error("topic segment {segment:?} is neither \"*\" nor one or more of A-Z, a-z, 0-9, '_' and '-'")]
    InvalidTopicSegment {
        /// The segment, shortened where it is very long.
        segment: String,
    },
    /// `#` stands before the end of a topic pattern.
    #[error("\"#\" stands for all the rest of a topic and is allowed only at the end")]
    RestNotLast,
}

/// One segment of an [`AddressPattern`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PatternSegment<'a> {
    /// Exactly this part.
    Literal(&'a str),
    /// Any one part.
    Any,
}

/// A pattern on addresses: `namespace/name` or `namespace/name/instance`, where each segment is a
/// name or exactly `*`.
///
/// Two segments mean the component and all its instances. There are no partial wildcards.
///
/// ```
/// use airssys_wasm_core::{AddressPattern, PatternSegment};
///
/// let pattern: AddressPattern = "logs/*".parse()?;
/// let segments: Vec<_> = pattern.segments().collect();
/// assert_eq!(segments, [PatternSegment::Literal("logs"), PatternSegment::Any]);
/// assert!("logs*/parser".parse::<AddressPattern>().is_err());
/// # Ok::<(), airssys_wasm_core::PatternError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressPattern(Arc<str>);

impl AddressPattern {
    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its two or three segments.
    pub fn segments(&self) -> impl Iterator<Item = PatternSegment<'_>> {
        self.0.split('/').map(|segment| match segment {
            "*" => PatternSegment::Any,
            literal => PatternSegment::Literal(literal),
        })
    }
}

impl FromStr for AddressPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let mut segments = text.split('/');
        let (Some(namespace), Some(name), instance, None) =
            (segments.next(), segments.next(), segments.next(), segments.next())
        else {
            return Err(PatternError::InvalidShape { value: shorten(text) });
        };
        for (segment, valid) in [
            (namespace, is_valid_name(namespace)),
            (name, is_valid_name(name)),
            (instance.unwrap_or("*"), instance.is_none_or(is_valid_part)),
        ] {
            if segment != "*" && !valid {
                return Err(PatternError::InvalidSegment { segment: shorten(segment) });
            }
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for AddressPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for AddressPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AddressPattern({})", self.0)
    }
}

/// One segment of a [`TopicPattern`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TopicSegment<'a> {
    /// Exactly this segment.
    Literal(&'a str),
    /// Any one segment.
    Any,
    /// All the rest; always the last.
    Rest,
}

/// A pattern on dotted topics: segments of `[A-Za-z0-9_-]`, `*` for one segment, `#` at the end for
/// all the rest; at most [`MAX_TOPIC_BYTES`] bytes.
///
/// ```
/// use airssys_wasm_core::TopicPattern;
///
/// assert!("logs.raw.#".parse::<TopicPattern>().is_ok());
/// assert!("logs.#.raw".parse::<TopicPattern>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPattern(Arc<str>);

impl TopicPattern {
    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its segments, at least one.
    pub fn segments(&self) -> impl Iterator<Item = TopicSegment<'_>> {
        self.0.split('.').map(|segment| match segment {
            "*" => TopicSegment::Any,
            "#" => TopicSegment::Rest,
            literal => TopicSegment::Literal(literal),
        })
    }
}

impl FromStr for TopicPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if !(1..=MAX_TOPIC_BYTES).contains(&text.len()) {
            return Err(PatternError::InvalidTopicLength { bytes: text.len() });
        }
        let mut segments = text.split('.').peekable();
        while let Some(segment) = segments.next() {
            let literal = !segment.is_empty()
                && segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
            match segment {
                "#" if segments.peek().is_some() => return Err(PatternError::RestNotLast),
                "*" | "#" => {}
                _ if literal => {}
                _ => return Err(PatternError::InvalidTopicSegment { segment: shorten(segment) }),
            }
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TopicPattern({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_address(text: &str, expected: Result<&[PatternSegment<'_>], PatternError>) {
        let parsed = text.parse::<AddressPattern>();
        let segments = parsed.as_ref().map(|pattern| pattern.segments().collect::<Vec<_>>());
        assert_eq!(segments, expected.as_ref().map(|segments| segments.to_vec()), "{text:?}");
        if let Ok(pattern) = &parsed {
            assert_eq!((pattern.as_str(), pattern.to_string().as_str()), (text, text));
        }
    }

    fn segment(text: &str) -> PatternError {
        PatternError::InvalidSegment { segment: text.into() }
    }

    #[test]
    fn address_patterns_follow_their_grammar() {
        use PatternSegment::{Any, Literal};
        check_address("logs/parser", Ok(&[Literal("logs"), Literal("parser")]));
        check_address("logs/*", Ok(&[Literal("logs"), Any]));
        check_address("*/*", Ok(&[Any, Any]));
        check_address("*/*/*", Ok(&[Any, Any, Any]));
        check_address("logs/parser/0", Ok(&[Literal("logs"), Literal("parser"), Literal("0")]));
        check_address("logs*/parser", Err(segment("logs*")));
        check_address("logs/**", Err(segment("**")));
        check_address("logs/", Err(segment("")));
        check_address("/parser", Err(segment("")));
        check_address("logs/parser/", Err(segment("")));
        check_address("logs/0", Err(segment("0")));
        check_address("0/parser", Err(segment("0")));
        check_address("logs/Parser", Err(segment("Parser")));
        check_address("logs /x", Err(segment("logs ")));
        for text in ["", "*", "logs", "a/b/c/d"] {
            check_address(text, Err(PatternError::InvalidShape { value: text.into() }));
        }
    }

    #[track_caller]
    fn check_topic(text: &str, expected: Result<&[TopicSegment<'_>], PatternError>) {
        let parsed = text.parse::<TopicPattern>();
        let segments = parsed.as_ref().map(|pattern| pattern.segments().collect::<Vec<_>>());
        assert_eq!(segments, expected.as_ref().map(|segments| segments.to_vec()), "{text:?}");
    }

    fn topic_segment(text: &str) -> PatternError {
        PatternError::InvalidTopicSegment { segment: text.into() }
    }

    #[test]
    fn topic_patterns_follow_their_grammar() {
        use TopicSegment::{Any, Literal, Rest};
        check_topic("logs", Ok(&[Literal("logs")]));
        check_topic("logs.raw_1.A-b", Ok(&[Literal("logs"), Literal("raw_1"), Literal("A-b")]));
        check_topic("logs.*.x", Ok(&[Literal("logs"), Any, Literal("x")]));
        check_topic("logs.#", Ok(&[Literal("logs"), Rest]));
        check_topic("#", Ok(&[Rest]));
        check_topic("logs.#.x", Err(PatternError::RestNotLast));
        check_topic("#.#", Err(PatternError::RestNotLast));
        check_topic("logs..x", Err(topic_segment("")));
        check_topic(".", Err(topic_segment("")));
        check_topic("logs.r*w", Err(topic_segment("r*w")));
        check_topic("logs/raw", Err(topic_segment("logs/raw")));
        check_topic("lögs", Err(topic_segment("lögs")));
        check_topic("", Err(PatternError::InvalidTopicLength { bytes: 0 }));
    }

    #[test]
    fn a_topic_pattern_has_a_longest_length() {
        let longest = "a".repeat(MAX_TOPIC_BYTES);
        assert!(longest.parse::<TopicPattern>().is_ok());
        let error = PatternError::InvalidTopicLength { bytes: MAX_TOPIC_BYTES + 1 };
        assert_eq!(format!("{longest}a").parse::<TopicPattern>(), Err(error));
    }
}
