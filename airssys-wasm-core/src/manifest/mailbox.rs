//! `[mailbox]`: what may wait for a component.

use super::document::Report;
use super::section::{Bounds, Section};

/// What happens to a message that finds no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Overflow {
    /// The sender is told that the mailbox is full.
    #[default]
    Reject,
    /// The sender waits for room.
    Wait,
    /// The oldest waiting messages make room, up to 256 of them; a message that more would have to go for is refused
    /// as full.
    DropOldest,
}

impl Overflow {
    /// Its name, as manifests write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Wait => "wait",
            Self::DropOldest => "drop-oldest",
        }
    }
}

const OVERFLOWS: [(&str, Overflow); 3] = [
    (Overflow::Reject.as_str(), Overflow::Reject),
    (Overflow::Wait.as_str(), Overflow::Wait),
    (Overflow::DropOldest.as_str(), Overflow::DropOldest),
];

/// `[mailbox]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailboxConfig {
    /// Messages that may wait; 1 to 1,000,000, default 1,000.
    pub capacity: usize,
    /// Bytes of content that may wait; 1 KiB to 1 GiB, default 4 MiB.
    pub max_bytes: usize,
    /// What happens to a message that finds no room; default reject.
    pub overflow: Overflow,
}

impl Default for MailboxConfig {
    fn default() -> Self {
        Self { capacity: 1_000, max_bytes: 4_194_304, overflow: Overflow::default() }
    }
}

/// Reads `[mailbox]`.
pub(super) fn read(root: &Section<'_>, report: &mut Report) -> MailboxConfig {
    let section = root.section(report, "mailbox", &["capacity", "max_bytes", "overflow"]);
    let default = MailboxConfig::default();
    let capacity = section.size(report, "capacity", &Bounds::new(1..=1_000_000, "messages"));
    let max_bytes = section.size(report, "max_bytes", &Bounds::new(1_024..=1_073_741_824, "bytes"));
    MailboxConfig {
        capacity: capacity.map_or(default.capacity, |found| found.value),
        max_bytes: max_bytes.map_or(default.max_bytes, |found| found.value),
        overflow: section.choice(report, "overflow", &OVERFLOWS).unwrap_or_default(),
    }
}
