//! What one component may do with messages, compiled from its manifest.

use crate::pattern::PatternSet;
use airssys_wasm_core::{Address, CodecSet, MessagingCapabilities, Topic, TopicPattern};

/// The messaging rights of one component and the limits that it sets for its senders.
///
/// The default grants nothing.
///
/// ```
/// use airssys_wasm_core::MessagingCapabilities;
/// use airssys_wasm_security::CapabilitySet;
///
/// let set = CapabilitySet::new(&MessagingCapabilities {
///     receive_from: vec!["logs/tail".parse()?],
///     max_message_bytes: 1024,
///     ..MessagingCapabilities::default()
/// });
/// assert!(set.allows_receiving_from(&"logs/tail/0".parse()?));
/// assert!(set.allows_receiving_from(&"host/cli".parse()?));
/// assert!(!set.allows_receiving_from(&"logs/parser/0".parse()?));
/// assert!(!set.allows_sending_to(&"logs/tail".parse()?));
/// assert_eq!(set.max_message_size(), 1024);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct CapabilitySet {
    send_to: PatternSet,
    receive_from: PatternSet,
    publish: Box<[TopicPattern]>,
    subscribe: Box<[TopicPattern]>,
    max_message_bytes: usize,
    codecs: Option<CodecSet>,
    rate_per_second: u32,
    burst: u32,
}

impl CapabilitySet {
    /// Compiles the rights that a manifest declares.
    #[must_use]
    pub fn new(capabilities: &MessagingCapabilities) -> Self {
        Self {
            send_to: PatternSet::new(&capabilities.send_to),
            receive_from: PatternSet::new(&capabilities.receive_from),
            publish: capabilities.publish.as_slice().into(),
            subscribe: capabilities.subscribe.as_slice().into(),
            max_message_bytes: capabilities.max_message_bytes,
            codecs: capabilities.codecs,
            rate_per_second: capabilities.rate_per_second,
            burst: capabilities.burst,
        }
    }

    /// Whether the component's `send_to` names this receiver.
    #[must_use]
    pub fn allows_sending_to(&self, receiver: &Address) -> bool {
        self.send_to.matches(receiver)
    }

    /// Whether the component's `receive_from` names this sender. The host needs no listing.
    #[must_use]
    pub fn allows_receiving_from(&self, sender: &Address) -> bool {
        sender.is_host() || self.receive_from.matches(sender)
    }

    /// Whether the component's `publish` names this topic.
    #[must_use]
    pub fn allows_publishing_to(&self, topic: &Topic) -> bool {
        self.publish.iter().any(|granted| granted.matches(topic))
    }

    /// Whether one of the component's `subscribe` covers this pattern whole. Several that do so only
    /// together do not suffice.
    #[must_use]
    pub fn allows_subscribing_to(&self, pattern: &TopicPattern) -> bool {
        self.subscribe.iter().any(|granted| granted.covers(pattern))
    }

    /// The largest message that the component takes, in bytes of content and content type.
    #[must_use]
    pub fn max_message_size(&self) -> usize {
        self.max_message_bytes
    }

    /// The codecs that a message to the component must be in; none where it takes any.
    #[must_use]
    pub fn codecs(&self) -> Option<CodecSet> {
        self.codecs
    }

    /// Messages per second that the component takes from each sending component.
    #[must_use]
    pub fn rate_per_second(&self) -> u32 {
        self.rate_per_second
    }

    /// Messages that the component takes at once from each sending component.
    #[must_use]
    pub fn burst(&self) -> u32 {
        self.burst
    }
}

impl Default for CapabilitySet {
    fn default() -> Self {
        Self::new(&MessagingCapabilities::default())
    }
}

impl From<&MessagingCapabilities> for CapabilitySet {
    fn from(capabilities: &MessagingCapabilities) -> Self {
        Self::new(capabilities)
    }
}
