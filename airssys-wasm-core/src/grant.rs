//! What a manifest can grant of the host: folders, destinations and variables.
//!
//! Invariant: a value of these types is well formed and has one text. Whether the folder, the destination or the
//! variable exists is for those to find out who do I/O.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::host_name::HostName;
use crate::id::shorten;
use crate::policy::{Breadth, PROTECTED_FOLDERS};

/// Longest path of a folder that can be granted, in bytes: what common systems take.
pub const MAX_FOLDER_BYTES: usize = 4_095;

/// Why a text grants nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GrantError {
    /// Not the path of a folder.
    #[error("{path:?} is not an absolute path without \"..\"")]
    Folder {
        /// What was given, shortened where it is very long.
        path: String,
    },
    /// Not a destination.
    #[error("{destination:?} is not host:port")]
    Destination {
        /// What was given, shortened where it is very long.
        destination: String,
    },
    /// An address that leads nowhere.
    #[error(
        "{destination:?} is an address that no connection leads to: unspecified, multicast, broadcast, or one of \
         IPv4 written as IPv6"
    )]
    Unreachable {
        /// What was given.
        destination: String,
    },
    /// Not the name of a variable.
    #[error("{name:?} is not the name of a variable: A-Z, a-z, 0-9 and '_'")]
    Variable {
        /// What was given, shortened where it is very long.
        name: String,
    },
}

/// The absolute path of a folder, without `.`, `..`, doubled slashes, or a slash at its end.
///
/// ```
/// use airssys_wasm_core::FolderPath;
///
/// let folder: FolderPath = "/var//log/./nginx/".parse()?;
/// assert_eq!(folder.as_str(), "/var/log/nginx");
/// assert!("/var/../etc".parse::<FolderPath>().is_err());
/// # Ok::<(), airssys_wasm_core::GrantError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FolderPath(Arc<str>);

impl FolderPath {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder of the system that hinders any grant of this one, as far as the paths themselves tell: it is one of
    /// the [`PROTECTED_FOLDERS`], lies in one, or holds one.
    #[must_use]
    pub fn hindrance(&self) -> Option<&'static str> {
        let own = self.as_path();
        PROTECTED_FOLDERS
            .into_iter()
            .find(|folder| own.starts_with(folder) || Path::new(folder).starts_with(own))
    }

    /// The same as a path of the host's.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        Path::new(&*self.0)
    }
}

impl FromStr for FolderPath {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let is_plain = !text.contains('\\') && !text.chars().any(char::is_control);
        let is_up = text.split('/').any(|part| part == "..");
        if !text.starts_with('/') || !is_plain || is_up || text.len() > MAX_FOLDER_BYTES {
            return Err(GrantError::Folder { path: shorten(text) });
        }
        let mut path = String::with_capacity(text.len());
        for part in text.split('/').filter(|part| !matches!(*part, "" | ".")) {
            path.push('/');
            path.push_str(part);
        }
        if path.is_empty() {
            path.push('/');
        }
        Ok(Self(path.into()))
    }
}

impl fmt::Display for FolderPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The host of a [`Destination`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DestinationHost {
    /// Exactly this name. It leads to public addresses only.
    Name(HostName),
    /// Every name below this one, which it is not itself: `*.example.com`. They lead to public addresses only.
    Below(HostName),
    /// This address, be it public or not, and no other that stands for the same host.
    Address(IpAddr),
}

/// Where a component may connect to: `api.example.com:443`, `*.example.com:443`, `192.0.2.1:80` or
/// `[2001:db8::1]:80`.
///
/// ```
/// use airssys_wasm_core::{Destination, DestinationHost};
///
/// let destination: Destination = "API.example.com:443".parse()?;
/// assert_eq!(destination.host(), &DestinationHost::Name("api.example.com".parse()?));
/// assert_eq!(destination.port(), 443);
/// assert_eq!(destination.to_string(), "api.example.com:443");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Destination {
    host: DestinationHost,
    port: u16,
}

impl Destination {
    /// Which host.
    #[must_use]
    pub fn host(&self) -> &DestinationHost {
        &self.host
    }

    /// Which port; never 0.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Breadth for Destination {
    fn is_broad(&self) -> bool {
        matches!(&self.host, DestinationHost::Below(name) if !name.as_str().contains('.'))
    }
}

impl FromStr for Destination {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let parsed = text.rsplit_once(':').and_then(|(host, port)| Some((host_of(host)?, port_of(port)?)));
        match parsed {
            Some((DestinationHost::Address(address), _)) if !is_reachable(address) => {
                Err(GrantError::Unreachable { destination: shorten(text) })
            }
            Some((host, port)) => Ok(Self { host, port }),
            None => Err(GrantError::Destination { destination: shorten(text) }),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            DestinationHost::Name(name) => write!(f, "{name}:{}", self.port),
            DestinationHost::Below(name) => write!(f, "*.{name}:{}", self.port),
            DestinationHost::Address(IpAddr::V4(address)) => write!(f, "{address}:{}", self.port),
            DestinationHost::Address(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
        }
    }
}

fn port_of(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_number && *port > 0)
}

/// An IPv4 address, an IPv6 address in brackets, or the name of a host, after `*.` where any name below it is meant.
fn host_of(text: &str) -> Option<DestinationHost> {
    if let Some(address) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: Ipv6Addr = address.parse().ok()?;
        return Some(DestinationHost::Address(address.into()));
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Some(DestinationHost::Address(address.into()));
    }
    match text.strip_prefix("*.") {
        Some(name) => name.parse().ok().map(DestinationHost::Below),
        None => text.parse().ok().map(DestinationHost::Name),
    }
}

/// Whether a connection can lead there at all: to one host, and in the form that sockets take.
fn is_reachable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            !address.is_unspecified() && !address.is_multicast() && !address.is_broadcast()
        }
        IpAddr::V6(address) => {
            let is_v4 = matches!(address.segments(), [0, 0, 0, 0, 0, 0 | 0xffff, _, _]);
            address.is_loopback() || !(is_v4 || address.is_multicast())
        }
    }
}

/// The name of an environment variable: letters, digits and `_`, not beginning with a digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VariableName(Arc<str>);

impl VariableName {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VariableName {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let valid = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && text.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
        if valid { Ok(Self(text.into())) } else { Err(GrantError::Variable { name: shorten(text) }) }
    }
}

impl fmt::Display for VariableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: FromStr<Err = GrantError> + fmt::Display>(text: &str, expected: Option<&str>) {
        let shown = text.parse::<T>().ok().map(|value| value.to_string());
        assert_eq!(shown.as_deref(), expected, "{text:?}");
    }

    #[test]
    fn a_folder_has_one_text() {
        for (text, expected) in [
            ("/", "/"),
            ("//./", "/"),
            ("/var/log/", "/var/log"),
            ("/var//./log", "/var/log"),
            ("/a/..b/c..", "/a/..b/c.."),
        ] {
            check::<FolderPath>(text, Some(expected));
        }
        for text in ["", "var", "./var", "/var/..", "/var/../etc", "/a\\b", "/a\0b", "/a\nb"] {
            check::<FolderPath>(text, None);
        }
        check::<FolderPath>(
            &format!("/{}", "a".repeat(MAX_FOLDER_BYTES - 1)),
            Some(&format!("/{}", "a".repeat(MAX_FOLDER_BYTES - 1))),
        );
        check::<FolderPath>(&format!("/{}", "a".repeat(MAX_FOLDER_BYTES)), None);
    }

    #[test]
    fn folders_of_the_system_hinder_a_grant() {
        for (text, expected) in [
            ("/", Some("/proc")),
            ("/proc", Some("/proc")),
            ("/sys/kernel", Some("/sys")),
            ("/dev/shm", Some("/dev")),
            ("/device", None),
            ("/var/proc", None),
        ] {
            assert_eq!(text.parse::<FolderPath>().unwrap().hindrance(), expected, "{text}");
        }
    }

    #[test]
    fn a_destination_has_one_text() {
        for (text, expected) in [
            ("api.example.com:443", "api.example.com:443"),
            ("*.Example.com:1", "*.example.com:1"),
            ("192.0.2.1:65535", "192.0.2.1:65535"),
            ("[2001:DB8:0:0::1]:80", "[2001:db8::1]:80"),
            ("localhost:080", "localhost:80"),
            ("api.example.com.:443", "api.example.com:443"),
            ("[::1]:80", "[::1]:80"),
            ("10.0.0.1:80", "10.0.0.1:80"),
        ] {
            check::<Destination>(text, Some(expected));
        }
        for text in [
            "",
            ":",
            "a",
            "a:",
            "a:0",
            "a:+1",
            "a:65536",
            ":80",
            "*:80",
            "*.:80",
            "a.*:80",
            "1.2.3:80",
            "*.1.2.3.4:80",
            "2001:db8::1:80",
            "[::1]",
            "[1.2.3.4]:80",
            "-a:80",
            "a..b:80",
            "ä:80",
            "0x7f.1:80",
            "0.0.0.0:80",
            "224.0.0.1:80",
            "255.255.255.255:80",
            "[::]:80",
            "[ff02::1]:80",
            "[::ffff:10.0.0.1]:80",
            "[::10.0.0.1]:80",
        ] {
            check::<Destination>(text, None);
        }
    }

    #[test]
    fn a_variable_is_a_name() {
        check::<VariableName>("TZ", Some("TZ"));
        check::<VariableName>("_a1", Some("_a1"));
        for text in ["", "1A", "A=B", "A-B", "A\0", "Ä"] {
            check::<VariableName>(text, None);
        }
    }
}
