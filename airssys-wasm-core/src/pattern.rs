//! Patterns on addresses, as manifests write them.
//!
//! Invariant: a value of these types is well formed. This is syntax only: what a pattern matches is
//! decided in the security crate, segment by segment.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::id::{MAX_ID_PART_BYTES, is_valid_name, is_valid_part, shorten};
use crate::policy::Breadth;
use crate::topic::{MAX_TOPIC_BYTES, MAX_TOPIC_SEGMENTS};

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
    /// The topic or topic pattern is empty or too long.
    #[error("topic of {bytes} bytes: 1 to {MAX_TOPIC_BYTES} are allowed")]
    InvalidTopicLength {
        /// How long it is.
        bytes: usize,
    },
    /// The topic or topic pattern has too many segments.
    #[error("topic of {segments} segments: at most {MAX_TOPIC_SEGMENTS} are allowed")]
    TooManyTopicSegments {
        /// How many it has.
        segments: usize,
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
    /// A wildcard where a topic itself is meant.
    #[error("a topic itself holds no \"*\" and no \"#\"")]
    WildcardInTopic,
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

impl Breadth for AddressPattern {
    fn is_broad(&self) -> bool {
        self.segments().take(2).all(|segment| segment == PatternSegment::Any)
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
}
