//! What a host refuses to grant, whatever a manifest asks for, unless its operator allows it by name.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::id::shorten;

/// Folders of the system that no component may be granted, nor anything in them, nor anything that holds them, by
/// whatever policy.
pub const PROTECTED_FOLDERS: [&str; 3] = ["/proc", "/sys", "/dev"];

/// A right that means everything: refused at load, unless the host's policy allows it by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BroadRight {
    /// `send_to` with a pattern that names neither a namespace nor a name, such as `*/*`.
    SendTo,
    /// `receive_from` with such a pattern.
    ReceiveFrom,
    /// `publish` with a pattern that names no segment, such as `#`.
    Publish,
    /// `subscribe` with such a pattern.
    Subscribe,
    /// `connect` to every name below a top-level domain, such as `*.com:443`.
    Connect,
}

impl BroadRight {
    const ALL: [Self; 5] = [Self::SendTo, Self::ReceiveFrom, Self::Publish, Self::Subscribe, Self::Connect];

    /// The key that grants it, as `allow_broad` names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SendTo => "messaging.send_to",
            Self::ReceiveFrom => "messaging.receive_from",
            Self::Publish => "messaging.publish",
            Self::Subscribe => "messaging.subscribe",
            Self::Connect => "network.connect",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for BroadRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for BroadRight {
    type Err = UnknownBroadRight;

    fn from_str(text: &str) -> Result<Self, UnknownBroadRight> {
        let known = Self::ALL.into_iter().find(|right| right.as_str() == text);
        known.ok_or_else(|| UnknownBroadRight(shorten(text)))
    }
}

/// A text that names no right that can be too broad.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} names no right that can be too broad")]
pub struct UnknownBroadRight(String);

/// The rights that may mean everything: `[host.policy] allow_broad`. The default allows none.
///
/// ```
/// use airssys_wasm_core::{BroadRight, BroadRights};
///
/// let allowed = BroadRights::none().allowing(BroadRight::Subscribe);
/// assert!(allowed.allow(BroadRight::Subscribe) && !allowed.allow(BroadRight::Publish));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct BroadRights(u8);

impl BroadRights {
    /// None.
    #[must_use]
    pub const fn none() -> Self {
        Self(0)
    }

    /// These and one more.
    #[must_use]
    pub const fn allowing(self, right: BroadRight) -> Self {
        Self(self.0 | right.bit())
    }

    /// Whether this one is among them.
    #[must_use]
    pub const fn allow(self, right: BroadRight) -> bool {
        self.0 & right.bit() != 0
    }
}

impl FromIterator<BroadRight> for BroadRights {
    fn from_iter<I: IntoIterator<Item = BroadRight>>(rights: I) -> Self {
        rights.into_iter().fold(Self::none(), Self::allowing)
    }
}

impl fmt::Debug for BroadRights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(BroadRight::ALL.into_iter().filter(|right| self.allow(*right))).finish()
    }
}

/// A right of a manifest that means everything, and that the host's policy does not allow.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{pattern:?} means everything, which this host does not allow; name what is needed, or add {:?} to `allow_broad` in \
     [host.policy] of airssys.toml",
    right.as_str()
)]
pub struct TooBroad {
    /// Which right.
    pub right: BroadRight,
    /// The pattern that is too broad.
    pub pattern: String,
}

/// Something that a right names, and that may mean everything.
pub(crate) trait Breadth: fmt::Display {
    fn is_broad(&self) -> bool;

    /// Whether this host allows it.
    fn check(&self, right: BroadRight, allowed: BroadRights) -> Result<(), TooBroad> {
        if self.is_broad() && !allowed.allow(right) {
            Err(TooBroad { right, pattern: shorten(&self.to_string()) })
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::Destination;
    use crate::pattern::AddressPattern;
    use crate::topic::TopicPattern;

    #[track_caller]
    fn check<T>(narrow: &[&str], broad: &[&str])
    where
        T: Breadth + FromStr,
        T::Err: fmt::Debug,
    {
        for (texts, expected) in [(narrow, false), (broad, true)] {
            for text in texts {
                assert_eq!(text.parse::<T>().unwrap().is_broad(), expected, "{text}");
            }
        }
    }

    #[test]
    fn what_names_nothing_is_broad() {
        check::<AddressPattern>(&["a/*", "*/a", "a/*/*", "a/b"], &["*/*", "*/*/*", "*/*/0"]);
        check::<TopicPattern>(&["a", "a.#", "*.a", "a.*"], &["#", "*", "*.*", "*.#", "*.*.#"]);
        check::<Destination>(&["*.example.com:1", "com:1", "1.2.3.4:1"], &["*.com:1", "*.localhost:80"]);
    }

    #[test]
    fn a_broad_right_has_one_name() {
        for right in BroadRight::ALL {
            assert_eq!(right.as_str().parse(), Ok(right));
            let allowed = BroadRights::none().allowing(right);
            assert_eq!(
                BroadRight::ALL.map(|other| allowed.allow(other)),
                BroadRight::ALL.map(|o| o == right)
            );
        }
        assert!("send_to".parse::<BroadRight>().is_err());
    }
}
