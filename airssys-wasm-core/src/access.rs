//! What a component wanted of the host and was refused for want of a right, or beyond it.
//!
//! Invariant: a denial costs nothing until somebody wants to know it: it borrows what it tells, and renders nothing.

use std::fmt;

/// A right that decides what a component may do with the host: through the standard interfaces (WASI), or by keeping
/// something there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AccessRight {
    /// Folders, to read or to write.
    Filesystem,
    /// Connections.
    Network,
    /// Keys and values of its own.
    Storage,
}

impl AccessRight {
    /// The section of the manifest that grants it.
    #[must_use]
    pub const fn manifest_key(self) -> &'static str {
        match self {
            Self::Filesystem => "capabilities.filesystem",
            Self::Network => "capabilities.network",
            Self::Storage => "capabilities.storage",
        }
    }
}

/// Something that a component wanted and was refused: for want of a right, or beyond the quota that the right
/// grants.
///
/// ```
/// use airssys_wasm_core::{AccessDenial, AccessRight};
///
/// let denial = AccessDenial::new(AccessRight::Filesystem, &"/etc/passwd", &"outside of what was granted");
/// assert_eq!(
///     denial.to_string(),
///     "/etc/passwd denied by capabilities.filesystem: outside of what was granted"
/// );
/// ```
#[derive(Clone, Copy)]
pub struct AccessDenial<'d> {
    /// The right that decided.
    pub right: AccessRight,
    /// What it wanted: a path, `host:port` or an import. A guest may have chosen it, so that it can be of any
    /// length and hold any character: see [`AuditTarget::text`](crate::AuditTarget::text).
    pub target: &'d dyn fmt::Display,
    /// Why not, in words of the host's.
    pub reason: &'d dyn fmt::Display,
}

impl<'d> AccessDenial<'d> {
    /// A denial.
    #[must_use]
    pub fn new(right: AccessRight, target: &'d dyn fmt::Display, reason: &'d dyn fmt::Display) -> Self {
        Self { right, target, reason }
    }
}

impl fmt::Display for AccessDenial<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} denied by {}: {}", self.target, self.right.manifest_key(), self.reason)
    }
}

impl fmt::Debug for AccessDenial<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessDenial({self})")
    }
}
