//! `[capabilities]`: what a component may do. Everything absent is denied.

use std::fmt;
use std::str::FromStr;

use super::document::Report;
use super::host_capabilities::{self, HostCapabilities};
use super::mailbox::MailboxConfig;
use super::section::{Bounds, Found, Section};
use crate::codec::{Codec, CodecSet};
use crate::limits::Ceilings;
use crate::pattern::AddressPattern;
use crate::policy::{Breadth, BroadRight, BroadRights, TooBroad};
use crate::topic::TopicPattern;

/// Largest `max_message_bytes`, in bytes.
const MAX_MESSAGE_BYTES: u64 = 16_777_216;

/// Highest rate and longest burst.
const MAX_RATE: u64 = 100_000_000;

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
    /// Codecs that a message to it must begin with the multicodec prefix of one of; anything by default. Replies to it
    /// and the arguments of typed calls are not meant.
    pub codecs: Option<CodecSet>,
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
            codecs: None,
            rate_per_second: 1_000,
            burst: 100,
        }
    }
}

/// Reads `[capabilities]`.
pub(super) fn read(
    root: &Section<'_>,
    report: &mut Report,
    mailbox: &MailboxConfig,
    ceilings: &Ceilings,
) -> (MessagingCapabilities, HostCapabilities) {
    let section = root.section(
        report,
        "capabilities",
        &["messaging", "storage", "filesystem", "network", "environment"],
    );
    let host = host_capabilities::read(&section, report, ceilings);
    (read_messaging(&section, report, mailbox, ceilings.broad_rights), host)
}

fn read_messaging(
    capabilities: &Section<'_>,
    report: &mut Report,
    mailbox: &MailboxConfig,
    allowed: BroadRights,
) -> MessagingCapabilities {
    let section = capabilities.section(
        report,
        "messaging",
        &[
            "send_to",
            "receive_from",
            "publish",
            "subscribe",
            "max_message_bytes",
            "codecs",
            "rate_per_second",
            "burst",
        ],
    );
    let default = MessagingCapabilities::default();
    let rate = Bounds::new(1..=MAX_RATE, "messages per second");
    let burst = Bounds::new(1..=MAX_RATE, "messages");
    MessagingCapabilities {
        send_to: within(&section, report, ADDRESSES, BroadRight::SendTo, allowed),
        receive_from: within(&section, report, ADDRESSES, BroadRight::ReceiveFrom, allowed),
        publish: within(&section, report, TOPICS, BroadRight::Publish, allowed),
        subscribe: within(&section, report, TOPICS, BroadRight::Subscribe, allowed),
        max_message_bytes: read_message_size(&section, report, mailbox)
            .unwrap_or_else(|| default.max_message_bytes.min(mailbox.max_bytes)),
        codecs: read_codecs(&section, report),
        rate_per_second: section.count(report, "rate_per_second", &rate).unwrap_or(default.rate_per_second),
        burst: section.count(report, "burst", &burst).unwrap_or(default.burst),
    }
}

const ADDRESSES: &str = "for example \"logs/parser\", \"logs/parser/0\" or \"logs/*\"";
const CODECS: &str = "one or more of \"borsh\", \"cbor\" and \"json\"";
const TOPICS: &str = "for example \"logs.parsed\" or \"logs.raw.#\"";

/// What a right names; what means everything is reported where this host does not allow that.
pub(super) fn within<'t, T>(
    section: &Section<'t>,
    report: &mut Report,
    help: &str,
    right: BroadRight,
    allowed: BroadRights,
) -> Vec<T>
where
    T: Breadth + FromStr,
    T::Err: fmt::Display,
{
    let key = right.as_str().rsplit('.').next().unwrap_or_default();
    let texts = section.texts(report, key).unwrap_or_default().into_iter();
    let parsed = texts.filter_map(|text| text.parsed(report, key, help, str::parse::<T>)).collect::<Vec<_>>();
    let mut named = Vec::with_capacity(parsed.len());
    for Found { value, span } in parsed {
        if let Err(error) = value.check(right, allowed) {
            report.error(span, format!("`{key}`: {error}"), help);
        }
        named.push(value);
    }
    named
}

/// The same for rights that come from elsewhere.
pub(super) fn check_breadth(
    messaging: &MessagingCapabilities,
    host: &HostCapabilities,
    allowed: BroadRights,
) -> Result<(), TooBroad> {
    fn all<T: Breadth>(named: &[T], right: BroadRight, allowed: BroadRights) -> Result<(), TooBroad> {
        named.iter().try_for_each(|one| one.check(right, allowed))
    }
    all(&messaging.send_to, BroadRight::SendTo, allowed)?;
    all(&messaging.receive_from, BroadRight::ReceiveFrom, allowed)?;
    all(&messaging.publish, BroadRight::Publish, allowed)?;
    all(&messaging.subscribe, BroadRight::Subscribe, allowed)?;
    all(&host.network.connect, BroadRight::Connect, allowed)
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

/// None where nothing is demanded. A list without an entry would demand what nobody can send.
fn read_codecs(section: &Section<'_>, report: &mut Report) -> Option<CodecSet> {
    let (_, value) = section.entry("codecs")?;
    let texts = section.texts(report, "codecs")?;
    if texts.is_empty() && value.get_ref().as_array().is_some_and(|array| array.is_empty()) {
        let help = format!("name {CODECS}, or leave the key out to take messages in any form");
        report.error(value.span(), "`codecs` is empty: no message could arrive", &help);
    }
    let codecs =
        texts.into_iter().filter_map(|text| text.parsed(report, "codecs", CODECS, str::parse::<Codec>));
    codecs.fold(None, |set: Option<CodecSet>, Found { value, .. }| {
        Some(set.map_or(CodecSet::of(value), |set| set.and(value)))
    })
}
