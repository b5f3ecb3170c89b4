//! Topics and patterns on them.
//!
//! Invariant: a value of these types is well formed, and segments are compared whole, never by prefix, so
//! that `logs.*` cannot mean `logs-x.raw`. Rights and routing ask the same functions here.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::id::shorten;
use crate::pattern::PatternError;
use crate::policy::Breadth;

/// Longest topic and longest topic pattern, in bytes.
pub const MAX_TOPIC_BYTES: usize = 256;

/// Most segments of a topic and of a topic pattern: subscriptions are kept as a tree, with a node for each segment.
pub const MAX_TOPIC_SEGMENTS: usize = 16;

/// A topic that something is published to: segments of `[A-Za-z0-9_-]` joined by dots, at most
/// [`MAX_TOPIC_SEGMENTS`] of them and [`MAX_TOPIC_BYTES`] bytes.
///
/// A clone shares the text, so that it is cheap.
///
/// ```
/// use airssys_wasm_core::Topic;
///
/// let topic: Topic = "logs.raw.web".parse()?;
/// assert_eq!(topic.segments().collect::<Vec<_>>(), ["logs", "raw", "web"]);
/// assert!("logs.*".parse::<Topic>().is_err());
/// # Ok::<(), airssys_wasm_core::PatternError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic(Arc<str>);

impl Topic {
    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its segments, at least one.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }
}

impl FromStr for Topic {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        check_length(text)?;
        for segment in text.split('.') {
            match segment {
                "*" | "#" => return Err(PatternError::WildcardInTopic),
                literal => check_literal(literal)?,
            }
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({})", self.0)
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
/// all the rest; at most [`MAX_TOPIC_SEGMENTS`] segments and [`MAX_TOPIC_BYTES`] bytes. The rest may be nothing: `logs.#` means `logs`, too,
/// as in AMQP 0-9-1 and MQTT.
///
/// ```
/// use airssys_wasm_core::TopicPattern;
///
/// let pattern: TopicPattern = "logs.*.#".parse()?;
/// assert!(pattern.matches(&"logs.raw".parse()?));
/// assert!(pattern.matches(&"logs.raw.web.7".parse()?));
/// assert!(!pattern.matches(&"logs".parse()?));
/// assert!(pattern.covers(&"logs.raw.*".parse()?));
/// assert!(!pattern.covers(&"#".parse()?));
/// assert!("logs.#.raw".parse::<TopicPattern>().is_err());
/// # Ok::<(), airssys_wasm_core::PatternError>(())
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

    /// Whether the topic is among those that are meant.
    #[must_use]
    pub fn matches(&self, topic: &Topic) -> bool {
        self.includes(topic.segments().map(TopicSegment::Literal))
    }

    /// Whether every topic that `other` means is meant by this pattern, too: who was granted this one
    /// may have that one.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.includes(other.segments())
    }

    fn includes<'a>(&self, mut others: impl Iterator<Item = TopicSegment<'a>>) -> bool {
        let mut own = self.segments();
        loop {
            match (own.next(), others.next()) {
                (Some(TopicSegment::Rest), _) | (None, None) => return true,
                (Some(TopicSegment::Any), Some(TopicSegment::Any | TopicSegment::Literal(_))) => {}
                (Some(own), Some(other)) if own == other => {}
                _ => return false,
            }
        }
    }
}

impl Breadth for TopicPattern {
    fn is_broad(&self) -> bool {
        self.segments().all(|segment| !matches!(segment, TopicSegment::Literal(_)))
    }
}

impl FromStr for TopicPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        check_length(text)?;
        let mut segments = text.split('.').peekable();
        while let Some(segment) = segments.next() {
            match segment {
                "#" if segments.peek().is_some() => return Err(PatternError::RestNotLast),
                "*" | "#" => {}
                literal => check_literal(literal)?,
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

fn check_length(text: &str) -> Result<(), PatternError> {
    if !(1..=MAX_TOPIC_BYTES).contains(&text.len()) {
        return Err(PatternError::InvalidTopicLength { bytes: text.len() });
    }
    let segments = text.split('.').count();
    if segments > MAX_TOPIC_SEGMENTS {
        return Err(PatternError::TooManyTopicSegments { segments });
    }
    Ok(())
}

fn check_literal(segment: &str) -> Result<(), PatternError> {
    let valid = segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if valid && !segment.is_empty() {
        Ok(())
    } else {
        Err(PatternError::InvalidTopicSegment { segment: shorten(segment) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_topic_has_a_greatest_depth() {
        let deepest = vec!["a"; MAX_TOPIC_SEGMENTS].join(".");
        assert!(deepest.parse::<TopicPattern>().is_ok() && deepest.parse::<Topic>().is_ok());
        let error = PatternError::TooManyTopicSegments { segments: MAX_TOPIC_SEGMENTS + 1 };
        for deeper in [format!("{deepest}.a"), format!("{deepest}.#"), format!("{deepest}.")] {
            assert_eq!(deeper.parse::<TopicPattern>(), Err(error.clone()), "{deeper}");
        }
        assert_eq!(format!("{deepest}.a").parse::<Topic>(), Err(error));
    }

    #[track_caller]
    fn check_match(pattern: &str, topics: &[&str], others: &[&str]) {
        let pattern: TopicPattern = pattern.parse().unwrap();
        for (texts, expected) in [(topics, true), (others, false)] {
            for text in texts {
                let topic: Topic = text.parse().unwrap();
                assert_eq!(pattern.matches(&topic), expected, "{pattern} and {topic}");
                // A topic is the pattern that means itself alone.
                assert_eq!(pattern.covers(&text.parse().unwrap()), expected, "{pattern} over {topic}");
            }
        }
    }

    #[test]
    fn patterns_mean_whole_segments() {
        check_match("logs", &["logs"], &["logs-x", "logs.raw", "Logs"]);
        check_match("logs.*", &["logs.raw", "logs.x"], &["logs", "logs.raw.web", "logs-x.raw"]);
        check_match("logs.#", &["logs", "logs.raw", "logs.raw.web"], &["logs-x", "logs-x.raw", "web.logs"]);
        check_match("*.raw", &["logs.raw", "web.raw"], &["raw", "logs.raw.x", "logs.rawx"]);
        check_match("*.#", &["logs", "logs.raw"], &[]);
        check_match("#", &["logs", "logs.raw.web"], &[]);
    }

    #[test]
    fn a_grant_covers_what_it_includes_and_nothing_more() {
        for (granted, asked, expected) in [
            ("logs.#", "logs.#", true),
            ("logs.#", "logs.*", true),
            ("logs.#", "logs.raw.#", true),
            ("logs.*", "logs.#", false),
            ("logs.*", "logs.*", true),
            ("logs.*", "*.raw", false),
            ("logs.raw", "logs.*", false),
            ("logs", "logs.#", false),
            ("*.*", "*.#", false),
            ("*.#", "#", false),
            ("#", "*.raw", true),
        ] {
            let (granted, asked): (TopicPattern, TopicPattern) =
                (granted.parse().unwrap(), asked.parse().unwrap());
            assert_eq!(granted.covers(&asked), expected, "{granted} over {asked}");
        }
    }

    #[test]
    fn a_topic_holds_no_wildcard_and_no_empty_segment() {
        for (text, expected) in [
            ("logs.*", PatternError::WildcardInTopic),
            ("#", PatternError::WildcardInTopic),
            ("logs..x", topic_segment("")),
            ("logs.", topic_segment("")),
            ("l\u{f6}gs", topic_segment("l\u{f6}gs")),
            ("logs/raw", topic_segment("logs/raw")),
            ("", PatternError::InvalidTopicLength { bytes: 0 }),
        ] {
            assert_eq!(text.parse::<Topic>(), Err(expected), "{text:?}");
        }
    }
}
