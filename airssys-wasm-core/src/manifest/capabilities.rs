//! `[capabilities]`: what a component may do. Everything absent is denied.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::document::Report;
use super::mailbox::MailboxConfig;
use super::section::{Bounds, Found, Section};
use crate::pattern::AddressPattern;
use crate::topic::TopicPattern;

/// Largest `max_message_bytes`, in bytes.
const MAX_MESSAGE_BYTES: u64 = 16_777_216;

/// Highest rate and longest burst.
const MAX_RATE: u64 = 100_000_000;

/// Largest quota of storage, in bytes.
const MAX_QUOTA_BYTES: u64 = 1_099_511_627_776;

/// `[capabilities.messaging]`. The default grants nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagingCapabilities {
    /// Whom it may send to; nobody by default.
    pub send_to: Vec<AddressPattern>,
    /// Who may send to it; only the host by default.
    pub receive_from: Vec<AddressPattern>,
    /// Topics that it may publish to; none by default.
    pub publish: Vec<TopicPattern>,
    /// What it may subscribe to: patterns that one of these covers; none by default. The publisher is held to
    /// `receive_from` as well.
    pub subscribe: Vec<TopicPattern>,
    /// Largest message that it takes, in bytes; 1 to 16 MiB and not above the mailbox's `max_bytes`,
    /// default 64 KiB (less where the mailbox holds less).
    pub max_message_bytes: usize,
    /// Messages a second that each sending component may bring; 1 to 100,000,000, default 1,000.
    pub rate_per_second: u32,
    /// Messages that may come at once; 1 to 100,000,000, default 100.
    pub burst: u32,
}

impl Default for MessagingCapabilities {
    fn default() -> Self {
        Self {
            send_to: Vec::new(),
            receive_from: Vec::new(),
            publish: Vec::new(),
            subscribe: Vec::new(),
            max_message_bytes: 65_536,
            rate_per_second: 1_000,
            burst: 100,
        }
    }
}

/// Reads `[capabilities]`; what no crate enforces yet is validated here and refused elsewhere.
pub(super) fn read(
    root: &Section<'_>,
    report: &mut Report,
    mailbox: &MailboxConfig,
) -> MessagingCapabilities {
    let section = root.section(
        report,
        "capabilities",
        &["messaging", "storage", "filesystem", "network", "environment"],
    );
    check_storage(&section, report);
    check_filesystem(&section, report);
    check_network(&section, report);
    check_environment(&section, report);
    read_messaging(&section, report, mailbox)
}

fn read_messaging(
    capabilities: &Section<'_>,
    report: &mut Report,
    mailbox: &MailboxConfig,
) -> MessagingCapabilities {
    let section = capabilities.section(
        report,
        "messaging",
        &["send_to", "receive_from", "publish", "subscribe", "max_message_bytes", "rate_per_second", "burst"],
    );
    let default = MessagingCapabilities::default();
    let rate = Bounds::new(1..=MAX_RATE, "messages per second");
    let burst = Bounds::new(1..=MAX_RATE, "messages");
    MessagingCapabilities {
        send_to: addresses(&section, report, "send_to"),
        receive_from: addresses(&section, report, "receive_from"),
        publish: topics(&section, report, "publish"),
        subscribe: topics(&section, report, "subscribe"),
        max_message_bytes: read_message_size(&section, report, mailbox)
            .unwrap_or_else(|| default.max_message_bytes.min(mailbox.max_bytes)),
        rate_per_second: section.count(report, "rate_per_second", &rate).unwrap_or(default.rate_per_second),
        burst: section.count(report, "burst", &burst).unwrap_or(default.burst),
    }
}

fn addresses(section: &Section<'_>, report: &mut Report, key: &str) -> Vec<AddressPattern> {
    let help = "for example \"logs/parser\", \"logs/parser/0\" or \"logs/*\"";
    section.parsed(report, key, help, str::parse)
}

fn topics(section: &Section<'_>, report: &mut Report, key: &str) -> Vec<TopicPattern> {
    section.parsed(report, key, "for example \"logs.parsed\" or \"logs.raw.#\"", str::parse)
}

/// A message that cannot wait in the mailbox can never arrive.
fn read_message_size(section: &Section<'_>, report: &mut Report, mailbox: &MailboxConfig) -> Option<usize> {
    let bounds = Bounds::new(1..=MAX_MESSAGE_BYTES, "bytes");
    let Found { value, span } = section.size(report, "max_message_bytes", &bounds)?;
    if value > mailbox.max_bytes {
        report.error(
            span,
            format!(
                "`max_message_bytes` is {value}, above the {} bytes that the mailbox holds",
                mailbox.max_bytes
            ),
            "choose less, or raise `max_bytes` in [mailbox]",
        );
    }
    Some(value)
}

fn check_storage(capabilities: &Section<'_>, report: &mut Report) {
    let section = capabilities.section(report, "storage", &["quota_bytes"]);
    section.integer(report, "quota_bytes", &Bounds::new(1..=MAX_QUOTA_BYTES, "bytes"));
    if section.is_present() && !section.has("quota_bytes") {
        section.missing(report, "quota_bytes", "add for example `quota_bytes = 1048576`");
    }
}

fn check_filesystem(capabilities: &Section<'_>, report: &mut Report) {
    let section = capabilities.section(report, "filesystem", &["read", "write"]);
    for key in ["read", "write"] {
        section.parsed(report, key, "for example \"/var/log/nginx\"", absolute_path);
    }
}

fn check_network(capabilities: &Section<'_>, report: &mut Report) {
    let section = capabilities.section(report, "network", &["connect"]);
    section.parsed(
        report,
        "connect",
        "for example \"api.example.com:443\" or \"*.example.com:443\"",
        destination,
    );
}

fn check_environment(capabilities: &Section<'_>, report: &mut Report) {
    let section = capabilities.section(report, "environment", &["variables"]);
    section.parsed(report, "variables", "for example \"TZ\"", variable);
}

fn absolute_path(text: &str) -> Result<(), String> {
    let is_plain = !text.contains(['\\']) && !text.chars().any(char::is_control);
    if text.starts_with('/') && is_plain && !text.split('/').any(|part| part == "..") {
        Ok(())
    } else {
        Err(format!("{text:?} is not an absolute path without \"..\""))
    }
}

fn destination(text: &str) -> Result<(), String> {
    let valid = text.rsplit_once(':').is_some_and(|(host, port)| is_host(host) && is_port(port));
    if valid { Ok(()) } else { Err(format!("{text:?} is not host:port")) }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// An IPv4 address, an IPv6 address in brackets, or a host name (RFC 1123), after `*.` where any
/// name below it is meant.
fn is_host(text: &str) -> bool {
    if let Some(address) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let name = text.strip_prefix("*.").unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_numeric = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    text.parse::<Ipv4Addr>().is_ok() || (!is_numeric && name.len() <= 253 && name.split('.').all(is_label))
}

fn variable(text: &str) -> Result<(), String> {
    let valid = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && text.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    if valid { Ok(()) } else { Err(format!("{text:?} is not the name of a variable: A-Z, a-z, 0-9 and '_'")) }
}
