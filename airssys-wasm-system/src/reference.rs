//! Sending and asking from Rust.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use airssys_wasm_core::{
    Address, Codec, EncodedValues, Invocation, MessagePayload, RequestError, SendError, Undelivered,
    ValueFormat,
};
use airssys_wasm_messaging::{
    CodecError, CorrelationSource, ReplySlot, ReplyWait, Router, RouterLink, decode_multicodec,
    encode_multicodec,
};

use crate::error::InvokeError;

/// A way from a part of the host to a component, or to one of its instances. Cheap to clone.
///
/// A reference without instance means any running instance of the component, in turn.
#[derive(Clone)]
pub struct ComponentRef {
    link: Arc<RouterLink>,
    target: Address,
    correlations: Arc<CorrelationSource>,
}

impl ComponentRef {
    pub(crate) fn open(
        router: &Router,
        sender: &Address,
        target: &Address,
        correlations: &Arc<CorrelationSource>,
    ) -> Result<Self, SendError> {
        Ok(Self {
            link: Arc::new(router.open_link(sender, target)?),
            target: target.clone(),
            correlations: Arc::clone(correlations),
        })
    }

    /// Whom it leads to.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.target
    }

    /// Sends a message and returns at once. `Ok` means accepted: delivery is at most once, and what cannot
    /// be delivered after all becomes a dead letter.
    ///
    /// # Errors
    ///
    /// The message comes back with the reason, [`SendError::Full`] among them.
    pub fn send(&self, payload: impl Into<MessagePayload>) -> Result<(), Undelivered> {
        self.link.send_with_reply(payload.into(), None)
    }

    /// As [`send`](Self::send), but waits for room in the mailbox, however long it takes.
    ///
    /// # Errors
    ///
    /// The message comes back with the reason.
    pub async fn send_waiting(&self, payload: impl Into<MessagePayload>) -> Result<(), Undelivered> {
        self.link.send_waiting(payload.into(), None).await
    }

    /// Sends a request, waiting for room in the mailbox, and waits for its reply; a handler that returns
    /// nothing replies with an empty payload. What waits before it, and a restart, add to the wait: bound it by
    /// [`request_within`](Self::request_within) where that matters.
    ///
    /// # Errors
    ///
    /// [`RequestError`]: refused, answered with an error, or the receiver ended before it answered.
    pub async fn request(&self, payload: impl Into<MessagePayload>) -> Result<MessagePayload, RequestError> {
        let (slot, reply) = ReplySlot::new(self.correlations.next_id());
        // A refusal reaches the requester through the slot, like every other answer.
        drop(self.link.send_waiting(payload.into(), Some(slot)).await);
        reply.await
    }

    /// Sends a request without waiting for room, so that many can be under way at a time; the future is the
    /// reply. Dropping it gives the request up.
    ///
    /// # Errors
    ///
    /// The message comes back with the reason.
    pub fn start_request(&self, payload: impl Into<MessagePayload>) -> Result<ReplyWait, Undelivered> {
        let (slot, reply) = ReplySlot::new(self.correlations.next_id());
        self.link.send_with_reply(payload.into(), Some(slot))?;
        Ok(reply)
    }

    /// As [`request`](Self::request), within a time that covers everything.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request), and [`RequestError::TimedOut`].
    pub async fn request_within(
        &self,
        payload: impl Into<MessagePayload>,
        timeout: Duration,
    ) -> Result<MessagePayload, RequestError> {
        match tokio::time::timeout(timeout, self.request(payload)).await {
            Ok(reply) => reply,
            Err(_elapsed) => Err(RequestError::TimedOut {
                timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
            }),
        }
    }

    /// Calls an exported function by its name, `interface#function` or the function's name alone, with values
    /// in WAVE, JSON, CBOR or Borsh; the result is in the form of the arguments. What each form looks like for
    /// each type is told in `docs/typed-calls.md`.
    ///
    /// The call waits in the mailbox like a request and runs under the same limits. The arguments are held
    /// against the component's `max_message_bytes`. The interfaces of `airssys:core` are the host's own to call.
    ///
    /// ```
    /// use airssys_wasm_core::EncodedValues;
    /// use airssys_wasm_system::{Component, Host};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../guests/built/typed.wasm");
    /// let host = Host::builder().build()?;
    /// let typed = host.start(Component::from_file("demo/typed".parse()?, file, 2 << 20)).await?;
    /// let sum = typed.invoke("add", EncodedValues::wave("1, 2")).await?;
    /// assert_eq!(sum.text(), Some("3"));
    /// let sum = typed.invoke("add", EncodedValues::json(r#"{"left": 1, "right": 2}"#)).await?;
    /// assert_eq!(sum.text(), Some("3"));
    /// # host.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request), and [`RequestError::Call`] where there is no such function, an argument is
    /// wrong, or the result cannot be handed over; the component goes on then.
    pub async fn invoke(
        &self,
        function: &str,
        arguments: EncodedValues,
    ) -> Result<EncodedValues, RequestError> {
        let result = arguments.format();
        self.invoke_as(function, arguments, result).await
    }

    /// As [`invoke`](Self::invoke), with the result in another form than the arguments.
    ///
    /// # Errors
    ///
    /// As [`invoke`](Self::invoke).
    pub async fn invoke_as(
        &self,
        function: &str,
        arguments: EncodedValues,
        result: ValueFormat,
    ) -> Result<EncodedValues, RequestError> {
        let invocation = Invocation::new(function, arguments.format(), result)
            .map_err(|error| RequestError::Call(Box::new(error)))?;
        let (slot, reply) = ReplySlot::for_invocation(self.correlations.next_id(), invocation);
        // A refusal reaches the requester through the slot, like every other answer.
        drop(self.link.send_waiting(MessagePayload::new(arguments.into_bytes()), Some(slot)).await);
        Ok(EncodedValues::new(result, reply.await?.into_bytes()))
    }

    /// As [`invoke`](Self::invoke), with arguments whose multicodec prefix says what they are in; the result
    /// has the same prefix.
    ///
    /// # Errors
    ///
    /// As [`invoke`](Self::invoke), and [`InvokeError::Codec`] where the prefix is that of no codec.
    pub async fn invoke_multicodec(&self, function: &str, arguments: &[u8]) -> Result<Vec<u8>, InvokeError> {
        let (codec, body) = decode_multicodec(arguments)?;
        let format = match codec {
            Codec::Borsh => ValueFormat::Borsh,
            Codec::Cbor => ValueFormat::Cbor,
            Codec::Json => ValueFormat::Json,
            other => return Err(CodecError::UnknownCodec { code: other.code() }.into()),
        };
        let result = self.invoke(function, EncodedValues::new(format, body.to_vec())).await?;
        Ok(encode_multicodec(codec, result.bytes())?)
    }
}

impl fmt::Debug for ComponentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ComponentRef({})", self.target)
    }
}
