//! Names of hosts, as manifests grant them and guests ask for them.
//!
//! Invariant: a value is in one form (lower case, no dot at its end), so that two names of the same host are equal,
//! and it is never the text of an address, however the operating system may read that.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::id::shorten;

/// Longest name of a host, in bytes, without a dot at its end (RFC 1035, section 2.3.4).
pub const MAX_HOST_NAME_BYTES: usize = 253;

/// Longest part between two dots, in bytes.
const MAX_LABEL_BYTES: usize = 63;

/// A text that is no name of a host.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{name:?} is not the name of a host: up to {MAX_HOST_NAME_BYTES} of A-Z, a-z, 0-9, '-' and '.', without an \
     address or a number as its last part"
)]
pub struct HostNameError {
    /// What was given, shortened where it is very long.
    pub name: String,
}

/// The name of a host (RFC 1123, section 2.1), in lower case and without a dot at its end. Other alphabets come in
/// their ASCII form (`xn--…`).
///
/// A name whose last part is a number, in any of the notations that operating systems take (`127.1`, `0x7f.1`), is
/// none: look-up functions read it as an address.
///
/// ```
/// use airssys_wasm_core::HostName;
///
/// let name: HostName = "API.Example.com.".parse()?;
/// assert_eq!(name.as_str(), "api.example.com");
/// assert!(name.is_below(&"example.com".parse()?));
/// assert!(!"evilexample.com".parse::<HostName>()?.is_below(&"example.com".parse()?));
/// assert!("127.1".parse::<HostName>().is_err());
/// # Ok::<(), airssys_wasm_core::HostNameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(Arc<str>);

impl HostName {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is `other` with one or more parts before it.
    #[must_use]
    pub fn is_below(&self, other: &Self) -> bool {
        self.0.strip_suffix(&*other.0).is_some_and(|rest| rest.ends_with('.'))
    }
}

impl FromStr for HostName {
    type Err = HostNameError;

    fn from_str(text: &str) -> Result<Self, HostNameError> {
        let name = text.strip_suffix('.').unwrap_or(text);
        let is_name = name.len() <= MAX_HOST_NAME_BYTES
            && name.split('.').all(is_label)
            && name.rsplit('.').next().is_some_and(|last| !is_number(last));
        if is_name {
            Ok(Self(name.to_ascii_lowercase().into()))
        } else {
            Err(HostNameError { name: shorten(text) })
        }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL_BYTES).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// As the parts of an address are written: decimal, octal or hexadecimal.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let name = text.parse::<HostName>();
        assert_eq!(name.as_ref().ok().map(HostName::as_str), expected, "{text:?}");
    }

    #[test]
    fn a_name_has_one_form() {
        check("localhost", Some("localhost"));
        check("api.example.com", Some("api.example.com"));
        check("API.Example.COM.", Some("api.example.com"));
        check("xn--bcher-kva.example", Some("xn--bcher-kva.example"));
        check("1.2.3.4.example", Some("1.2.3.4.example"));
        check("0xg", Some("0xg"));
        let label = "a".repeat(63);
        check(&label, Some(&label));
        let longest = [&*label, &*label, &*label, &"b".repeat(61)].join(".");
        assert_eq!(longest.len(), MAX_HOST_NAME_BYTES);
        check(&longest, Some(&longest));
        check(&format!("{longest}."), Some(&longest));
        check(&format!("{longest}c"), None);
        check(&"a".repeat(64), None);
    }

    #[test]
    fn what_could_be_read_as_something_else_is_no_name() {
        for text in [
            "",
            ".",
            "..",
            ".a",
            "a..",
            "a..b",
            "-a",
            "a-",
            "a_b",
            "a b",
            "a/b",
            "a:1",
            "a@b",
            "a%2e",
            "a\0",
            "a\n",
            "ä.example",
            "еxample.com",
            "api.example.com。",
            "127.0.0.1",
            "127.0.0.1.",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "1.0x",
            "0177.1",
            "a.1",
            "[::1]",
            "::1",
            "*.example.com",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn below_is_by_whole_parts() {
        let check = |name: &str, other: &str, expected: bool| {
            let below = name.parse::<HostName>().unwrap().is_below(&other.parse().unwrap());
            assert_eq!(below, expected, "{name} {other}");
        };
        check("api.example.com", "example.com", true);
        check("a.b.example.com", "example.com", true);
        check("example.com", "example.com", false);
        check("evilexample.com", "example.com", false);
        check("api.example.com.evil.org", "example.com", false);
        check("example.com", "api.example.com", false);
    }
}
