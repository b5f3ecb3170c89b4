//! What components and the host say to one another.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::id::{Address, ComponentId};

/// Longest content type, in bytes.
pub const MAX_CONTENT_TYPE_BYTES: usize = 256;

/// The content of a message: bytes, and optionally what they mean.
///
/// A clone shares the bytes, so that it is cheap.
///
/// ```
/// use airssys_wasm_core::MessagePayload;
///
/// let payload = MessagePayload::from("hello").with_content_type("text/plain");
/// assert_eq!(payload.bytes().as_ref(), b"hello");
/// assert_eq!(payload.content_type(), Some("text/plain"));
/// assert!(MessagePayload::empty().is_empty());
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MessagePayload {
    data: Bytes,
    content_type: Option<Arc<str>>,
}

impl MessagePayload {
    /// A payload of these bytes without a content type.
    #[must_use]
    pub fn new(data: impl Into<Bytes>) -> Self {
        Self { data: data.into(), content_type: None }
    }

    /// A payload without content.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// The same bytes with a content type, a media type (RFC 6838) or any agreed name.
    #[must_use]
    pub fn with_content_type(mut self, content_type: impl Into<Arc<str>>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// The content.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.data
    }

    /// The content, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.data
    }

    /// What the bytes mean, where the sender said so.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// Length of the content in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there is no content.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Bytes that count against limits: the content and the content type.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.data.len() + self.content_type.as_ref().map_or(0, |text| text.len())
    }
}

impl fmt::Debug for MessagePayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessagePayload")
            .field("bytes", &self.data.len())
            .field("content_type", &self.content_type)
            .finish()
    }
}

impl From<Vec<u8>> for MessagePayload {
    fn from(data: Vec<u8>) -> Self {
        Self::new(data)
    }
}

impl From<Bytes> for MessagePayload {
    fn from(data: Bytes) -> Self {
        Self::new(data)
    }
}

impl From<&[u8]> for MessagePayload {
    fn from(data: &[u8]) -> Self {
        Self::new(Bytes::copy_from_slice(data))
    }
}

impl<const N: usize> From<&[u8; N]> for MessagePayload {
    fn from(data: &[u8; N]) -> Self {
        Self::new(Bytes::copy_from_slice(data))
    }
}

impl From<String> for MessagePayload {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for MessagePayload {
    fn from(text: &str) -> Self {
        Self::new(Bytes::copy_from_slice(text.as_bytes()))
    }
}

/// Ties a reply to its request; unique within one host for its whole life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CorrelationId(u64);

impl CorrelationId {
    /// The id with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names a timer of one instance. Another instance's timer of the same number is another timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimerId(u64);

impl TimerId {
    /// The id with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// What kind of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MessageKind {
    /// The host asks, and waits for the reply with this correlation.
    Invoke(CorrelationId),
    /// From one component (or the host) to another; nobody waits.
    InterComponent,
    /// The host asks how the component is.
    HealthCheck,
}

/// A message on its way to one component.
///
/// ```
/// use airssys_wasm_core::{Address, ComponentId, ComponentMessage, MessageKind, MessagePayload};
///
/// let to = ComponentId::new("logs", "parser", "0")?;
/// let from = Address::host("input")?;
/// let message = ComponentMessage::new(from, to, MessageKind::InterComponent, "a line".into());
/// assert_eq!(message.sender().as_str(), "host/input");
/// # Ok::<(), airssys_wasm_core::IdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentMessage {
    sender: Address,
    target: ComponentId,
    kind: MessageKind,
    payload: MessagePayload,
    created_at: DateTime<Utc>,
}

impl ComponentMessage {
    /// A message, created now.
    #[must_use]
    pub fn new(sender: Address, target: ComponentId, kind: MessageKind, payload: MessagePayload) -> Self {
        Self { sender, target, kind, payload, created_at: Utc::now() }
    }

    /// Who sent it.
    #[must_use]
    pub fn sender(&self) -> &Address {
        &self.sender
    }

    /// Whom it is for.
    #[must_use]
    pub fn target(&self) -> &ComponentId {
        &self.target
    }

    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> MessageKind {
        self.kind
    }

    /// What it says.
    #[must_use]
    pub fn payload(&self) -> &MessagePayload {
        &self.payload
    }

    /// When it was created.
    #[must_use]
    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }

    /// The correlation of the request that it is, where somebody waits.
    #[must_use]
    pub fn correlation(&self) -> Option<CorrelationId> {
        match self.kind {
            MessageKind::Invoke(correlation) => Some(correlation),
            MessageKind::InterComponent | MessageKind::HealthCheck => None,
        }
    }
}
