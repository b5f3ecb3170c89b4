//! Instances without guests: the test does what they would do.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::{HANG, ready};
use airssys_wasm_core::{
    Address, Admission, ComponentId, CorrelationId, Guard, MailboxConfig, MessageLink, MessagePayload,
    MessageRouter, RequestError, SendError, Topic, TopicPattern,
};
use airssys_wasm_messaging::{
    DeskSnapshot, Envelope, EnvelopeKind, Mailbox, MailboxReceiver, RegisterOptions, Router,
};

pub(crate) type Outcome = Result<(), Box<dyn Error>>;

pub(crate) const LONG: Duration = Duration::from_secs(3_600);
pub(crate) const SHORT: Duration = Duration::from_millis(5);
pub(crate) const MAX_ANSWER_BYTES: usize = 100;

/// Lets everything pass but what concerns `t/denied`.
#[derive(Debug)]
pub(crate) struct Lenient;

impl Lenient {
    fn decide(who: &Address, error: SendError) -> Result<(), SendError> {
        if who.name() == "denied" { Err(error) } else { Ok(()) }
    }
}

impl Admission for Lenient {
    fn admit(&self, _weight: usize) -> Result<(), SendError> {
        Ok(())
    }
}

impl Guard for Lenient {
    fn authorise(&self, sender: &Address, receiver: &Address) -> Result<Arc<dyn Admission>, SendError> {
        let denied = SendError::Denied(airssys_wasm_core::DenialRule::SendTo);
        Self::decide(sender, denied.clone()).and_then(|()| Self::decide(receiver, denied))?;
        Ok(Arc::new(Self))
    }

    fn authorise_publication(&self, publisher: &Address, _: &Topic) -> Result<(), SendError> {
        Self::decide(publisher, SendError::Denied(airssys_wasm_core::DenialRule::Publish))
    }

    fn authorise_subscription(&self, subscriber: &Address, _: &TopicPattern) -> Result<(), SendError> {
        Self::decide(subscriber, SendError::Denied(airssys_wasm_core::DenialRule::Subscribe))
    }

    fn authorise_receipt(&self, _: &Address, receiver: &Address) -> Result<Arc<dyn Admission>, SendError> {
        Self::decide(receiver, SendError::Denied(airssys_wasm_core::DenialRule::ReceiveFrom))?;
        Ok(Arc::new(Self))
    }
}

/// An instance without a guest: the test does what it would do.
pub(crate) struct Player {
    pub(crate) id: ComponentId,
    pub(crate) router: Router,
    pub(crate) mailbox: MailboxReceiver,
}

impl Player {
    pub(crate) fn new(router: &Router, id: &str) -> Result<Self, Box<dyn Error>> {
        Self::with(router, id, &MailboxConfig::default())
    }

    pub(crate) fn with(router: &Router, id: &str, config: &MailboxConfig) -> Result<Self, Box<dyn Error>> {
        Self::taking(router, id, config, MAX_ANSWER_BYTES)
    }

    /// One that takes answers of so many bytes.
    pub(crate) fn taking(
        router: &Router,
        id: &str,
        config: &MailboxConfig,
        max_answer_bytes: usize,
    ) -> Result<Self, Box<dyn Error>> {
        let id: ComponentId = id.parse()?;
        let (sender, mailbox) = Mailbox::new(config);
        let options = RegisterOptions { max_answer_bytes, ..RegisterOptions::default() };
        router.register(id.clone(), sender, options);
        Ok(Self { id, router: router.clone(), mailbox })
    }

    pub(crate) fn link(&self, to: &str) -> Result<Arc<dyn MessageLink>, Box<dyn Error>> {
        Ok(self.router.open(self.id.address(), &to.parse()?)?)
    }

    pub(crate) fn request(&self, to: &str, within: Duration) -> Result<CorrelationId, Box<dyn Error>> {
        Ok(self.link(to)?.request("ask".into(), within)?)
    }

    pub(crate) async fn next(&mut self) -> Result<Envelope, Box<dyn Error>> {
        timeout(HANG, self.mailbox.next()).await?.ok_or_else(|| "closed".into())
    }

    /// The next message, which must be an answer.
    pub(crate) async fn answer(
        &mut self,
    ) -> Result<(CorrelationId, Result<MessagePayload, RequestError>), Box<dyn Error>> {
        let envelope = self.next().await?;
        let EnvelopeKind::Answer(answer) = envelope.kind else { return Err("no answer".into()) };
        let reply = answer.error().map_or(Ok(envelope.payload), |error| Err(error.clone()));
        Ok((answer.correlation(), reply))
    }

    /// Replies to the next message, which must be a request; whether the reply was taken.
    pub(crate) async fn reply(&mut self, reply: &str) -> Result<bool, Box<dyn Error>> {
        let slot = self.next().await?.into_reply_slot().ok_or("no request")?;
        Ok(slot.answer(Ok(reply.into())))
    }

    pub(crate) fn desk(&self) -> DeskSnapshot {
        self.router.desk(&self.id).map(|desk| desk.snapshot()).unwrap_or_default()
    }
}

/// Ends the timers with the test.
pub(crate) struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A router whose timers run until the driver is dropped.
pub(crate) fn router() -> Result<(Router, Driver), Box<dyn Error>> {
    let router = Router::new(Arc::new(Lenient));
    let driver = drive(&router)?;
    assert!(router.timer_driver().is_none(), "there is one at a time");
    Ok((router, driver))
}

/// Runs the timers of a router.
pub(crate) fn drive(router: &Router) -> Result<Driver, Box<dyn Error>> {
    Ok(Driver(tokio::spawn(router.timer_driver().ok_or("a driver")?.run())))
}

/// What a publication to few subscribers gives at once.
pub(crate) fn now<T>(published: impl Future<Output = Result<T, SendError>>) -> Result<T, SendError> {
    ready(published).unwrap_or(Err(SendError::Closed))
}
