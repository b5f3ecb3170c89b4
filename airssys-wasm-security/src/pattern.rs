//! Matching of addresses against a manifest's patterns, compiled once.
//!
//! Invariant: segments are compared whole, never by prefix, so that `logs/*` cannot match
//! `logs-x/parser`.

use airssys_wasm_core::{Address, AddressPattern, PatternSegment};

/// A list of patterns, ready to be matched.
///
/// A pattern of two segments means the component and each of its instances. A pattern of three
/// means that instance alone; with `*` as its third segment it means every instance, and so it
/// also matches an address without an instance, which stands for any of them.
///
/// ```
/// use airssys_wasm_security::PatternSet;
///
/// let set = PatternSet::new(&["logs/*".parse()?, "web/api/0".parse()?]);
/// assert!(set.matches(&"logs/parser".parse()?));
/// assert!(set.matches(&"logs/parser/7".parse()?));
/// assert!(!set.matches(&"logs-x/parser".parse()?));
/// assert!(set.matches(&"web/api/0".parse()?));
/// assert!(!set.matches(&"web/api/1".parse()?));
/// assert!(!set.matches(&"web/api".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatternSet {
    patterns: Box<[Compiled]>,
}

impl PatternSet {
    /// Compiles the patterns; an empty list matches nothing.
    #[must_use]
    pub fn new(patterns: &[AddressPattern]) -> Self {
        Self { patterns: patterns.iter().filter_map(Compiled::new).collect() }
    }

    /// Whether any pattern matches the address.
    #[must_use]
    pub fn matches(&self, address: &Address) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(address))
    }

    /// Whether there is no pattern, so that nothing matches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Compiled {
    namespace: Segment,
    name: Segment,
    instance: Option<Segment>,
}

impl Compiled {
    /// A pattern of any other shape cannot be parsed; if there were one it would match nothing.
    fn new(pattern: &AddressPattern) -> Option<Self> {
        let mut segments = pattern.segments().map(Segment::new);
        let compiled =
            Self { namespace: segments.next()?, name: segments.next()?, instance: segments.next() };
        segments.next().is_none().then_some(compiled)
    }

    fn matches(&self, address: &Address) -> bool {
        self.namespace.matches(address.namespace())
            && self.name.matches(address.name())
            && match (&self.instance, address.instance()) {
                (None | Some(Segment::Any), _) => true,
                (Some(segment), Some(instance)) => segment.matches(instance),
                (Some(Segment::Literal(_)), None) => false,
            }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Any,
    Literal(Box<str>),
}

impl Segment {
    fn new(segment: PatternSegment<'_>) -> Self {
        match segment {
            PatternSegment::Any => Self::Any,
            PatternSegment::Literal(text) => Self::Literal(text.into()),
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Literal(literal) => **literal == *text,
        }
    }
}
