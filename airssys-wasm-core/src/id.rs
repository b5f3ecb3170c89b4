//! Names of components and of those that send messages.
//!
//! Invariant: a value of these types is always well formed, and no two different values print the
//! same. Parts hold no `/`, so that joining them by `/` is unambiguous.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

/// Longest part of an id, in bytes.
pub const MAX_ID_PART_BYTES: usize = 64;

/// The namespace of everything that the host itself sends; no component can take it.
pub const HOST_NAMESPACE: &str = "host";

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdError {
    /// One part breaks the alphabet or the length.
    #[error(
        "{part} {value:?} is not a valid name: 1 to {MAX_ID_PART_BYTES} of a-z, 0-9 and '-', starting \
         with a letter, without \"--\" and without a '-' at the end"
    )]
    InvalidPart {
        /// Which part: `namespace`, `name` or `instance`.
        part: &'static str,
        /// What was given, shortened where it is very long.
        value: String,
    },
    /// Not two or three parts joined by `/`.
    #[error("{value:?} is not an address: namespace/name or namespace/name/instance is expected")]
    InvalidShape {
        /// What was given, shortened where it is very long.
        value: String,
    },
    /// The namespace of the host was asked for by a component.
    #[error("the namespace \"host\" belongs to the host itself")]
    ReservedNamespace,
}

/// Whether `text` follows the alphabet of names: 1 to 64 of `[a-z0-9-]`, starting with a letter,
/// without `--` and without a trailing `-`.
#[must_use]
pub fn is_valid_name(text: &str) -> bool {
    text.as_bytes().first().is_some_and(u8::is_ascii_lowercase) && is_valid_part(text)
}

/// An instance may also start with a digit, because instances are numbered by default.
pub(crate) fn is_valid_part(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=MAX_ID_PART_BYTES).contains(&bytes.len())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
        && !text.contains("--")
}

pub(crate) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(80).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn checked(part: &'static str, text: &str) -> Result<(), IdError> {
    let valid = if part == "instance" { is_valid_part(text) } else { is_valid_name(text) };
    if valid { Ok(()) } else { Err(IdError::InvalidPart { part, value: shorten(text) }) }
}

/// An address: `namespace/name` for a component, `namespace/name/instance` for one instance.
///
/// A clone shares the text, so that it is cheap.
///
/// ```
/// use airssys_wasm_core::Address;
///
/// let any: Address = "logs/parser".parse()?;
/// assert_eq!((any.namespace(), any.name(), any.instance()), ("logs", "parser", None));
/// let one: Address = "logs/parser/0".parse()?;
/// assert_eq!(one.component(), any);
/// # Ok::<(), airssys_wasm_core::IdError>(())
/// ```
#[derive(Clone)]
pub struct Address {
    text: Arc<str>,
    name_start: u8,
    instance_start: Option<u8>,
}

impl Address {
    /// The address of a component, or of one of its instances.
    ///
    /// # Errors
    ///
    /// [`IdError::InvalidPart`] for the first part that breaks the alphabet.
    pub fn new(namespace: &str, name: &str, instance: Option<&str>) -> Result<Self, IdError> {
        checked("namespace", namespace)?;
        checked("name", name)?;
        if let Some(instance) = instance {
            checked("instance", instance)?;
        }
        let text = match instance {
            Some(instance) => format!("{namespace}/{name}/{instance}"),
            None => format!("{namespace}/{name}"),
        };
        // Parts hold at most 64 bytes, so that both offsets fit.
        let name_start = u8::try_from(namespace.len() + 1).unwrap_or(u8::MAX);
        let instance_start =
            instance.is_some().then(|| u8::try_from(namespace.len() + name.len() + 2).unwrap_or(u8::MAX));
        Ok(Self { text: text.into(), name_start, instance_start })
    }

    /// The address of a part of the host, such as `host/input`.
    ///
    /// # Errors
    ///
    /// [`IdError::InvalidPart`] when `name` breaks the alphabet.
    pub fn host(name: &str) -> Result<Self, IdError> {
        Self::new(HOST_NAMESPACE, name, None)
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.text.get(..usize::from(self.name_start).saturating_sub(1)).unwrap_or_default()
    }

    /// The component's name.
    #[must_use]
    pub fn name(&self) -> &str {
        let end = self.instance_start.map_or(self.text.len(), |at| usize::from(at).saturating_sub(1));
        self.text.get(usize::from(self.name_start)..end).unwrap_or_default()
    }

    /// The instance, where one is meant.
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        self.instance_start.and_then(|at| self.text.get(usize::from(at)..))
    }

    /// Whether the host itself is meant.
    #[must_use]
    pub fn is_host(&self) -> bool {
        self.namespace() == HOST_NAMESPACE
    }

    /// The component without its instance.
    #[must_use]
    pub fn component(&self) -> Self {
        match self.instance_start {
            None => self.clone(),
            Some(at) => Self {
                text: self.text.get(..usize::from(at).saturating_sub(1)).unwrap_or_default().into(),
                name_start: self.name_start,
                instance_start: None,
            },
        }
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Address {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut parts = text.split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(namespace), Some(name), instance, None) => Self::new(namespace, name, instance),
            _ => Err(IdError::InvalidShape { value: shorten(text) }),
        }
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Address {}

impl Hash for Address {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl PartialOrd for Address {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Address {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.text)
    }
}

/// A look-up by text finds what a look-up by id finds: both are ordered and told apart by the text.
impl Borrow<str> for ComponentId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl From<ComponentId> for Address {
    fn from(id: ComponentId) -> Self {
        id.0
    }
}

/// The id of one running instance of a component: namespace, name and instance.
///
/// A clone shares the text, so that it is cheap.
///
/// ```
/// use airssys_wasm_core::ComponentId;
///
/// let id = ComponentId::new("logs", "parser", "0")?;
/// assert_eq!(id.to_string(), "logs/parser/0");
/// assert!(ComponentId::new("logs", "par/ser", "0").is_err());
/// # Ok::<(), airssys_wasm_core::IdError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ComponentId(Address);

impl ComponentId {
    /// An id from its three parts.
    ///
    /// # Errors
    ///
    /// [`IdError::InvalidPart`] for the first part that breaks the alphabet, and
    /// [`IdError::ReservedNamespace`] for the namespace of the host.
    pub fn new(namespace: &str, name: &str, instance: &str) -> Result<Self, IdError> {
        if namespace == HOST_NAMESPACE {
            return Err(IdError::ReservedNamespace);
        }
        Address::new(namespace, name, Some(instance)).map(Self)
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.0.namespace()
    }

    /// The component's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// The instance.
    #[must_use]
    pub fn instance(&self) -> &str {
        self.0.instance().unwrap_or_default()
    }

    /// The component without its instance.
    #[must_use]
    pub fn component(&self) -> Address {
        self.0.component()
    }

    /// The same as an address.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.0
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for ComponentId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let address: Address = text.parse()?;
        match (address.is_host(), address.instance()) {
            (true, _) => Err(IdError::ReservedNamespace),
            (false, None) => Err(IdError::InvalidShape { value: shorten(text) }),
            (false, Some(_)) => Ok(Self(address)),
        }
    }
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ComponentId({})", self.0.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_alphabet() {
        for good in ["a", "a1", "log-parser", &"a".repeat(64)] {
            assert!(is_valid_name(good), "{good}");
        }
        for bad in ["", "1a", "-a", "a-", "a--b", "A", "a_b", "a/b", "ä", "a b", &"a".repeat(65)] {
            assert!(!is_valid_name(bad), "{bad}");
        }
    }

    #[test]
    fn an_address_gives_its_parts_back() -> Result<(), IdError> {
        let longest = "a".repeat(64);
        for (namespace, name, instance) in
            [("a", "b", None), ("logs", "parser", Some("0")), (&longest, &longest, Some(longest.as_str()))]
        {
            let address = Address::new(namespace, name, instance)?;
            assert_eq!(address.namespace(), namespace);
            assert_eq!(address.name(), name);
            assert_eq!(address.instance(), instance);
            assert_eq!(address.as_str().parse::<Address>()?, address);
            assert_eq!(address.component(), Address::new(namespace, name, None)?);
        }
        Ok(())
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for bad in ["", "a", "a/", "/a", "a/b/", "a/b/c/d", "a//b", "a/B", "a/b\n", "../x"] {
            assert!(bad.parse::<Address>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_component_cannot_take_the_hosts_namespace() {
        assert_eq!(ComponentId::new("host", "cli", "0"), Err(IdError::ReservedNamespace));
        assert_eq!("host/cli/0".parse::<ComponentId>(), Err(IdError::ReservedNamespace));
    }
}
