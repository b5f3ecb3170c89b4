//! A hostile component on a real host, beside a sibling that must not notice.

use std::pin::pin;
use std::task::{Context as Waiting, Poll, Waker};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

use airssys_wasm_core::{Address, Ceilings, ComponentState, EndCause, RequestError};
use airssys_wasm_runtime::RuntimeError;
use airssys_wasm_system::{Component, ComponentRef, ComponentStatus, Event, EventStream, Host, SystemError};

use crate::guests;

/// The sibling on every attacked host.
pub(crate) const SIBLING: &str = "attack/echo";

/// From whom a sibling takes messages where nothing else is said: it is the attacker's own right that is missing.
pub(crate) const EVERY_ATTACKER: &str = "attack/*";

/// How often each attack is made.
pub(crate) const ROUNDS: usize = 5;

/// When an attack counts as never ended, far beyond every limit that is declared.
pub(crate) const GIVE_UP: Duration = Duration::from_secs(30);

/// What the host may take over a deadline on a loaded machine before the row turns red; the figure that
/// is shown is the one that was observed.
pub(crate) const LATE_MS: u64 = 250;

/// A host with the sibling, and nothing hostile yet.
pub(crate) struct Field {
    host: Host,
    sibling: ComponentRef,
}

/// A host with a hostile component that is running.
pub(crate) struct Siege {
    field: Field,
    hostile: ComponentRef,
}

/// An attack that ended its instance.
#[derive(Debug)]
pub(crate) struct Strike {
    /// From the request to the answer that the instance has ended.
    pub(crate) elapsed: Duration,
    pub(crate) cause: EndCause,
    /// Instances of any component that ended meanwhile, as the host's events tell.
    pub(crate) ended: u64,
}

/// A start that was refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) elapsed: Duration,
    pub(crate) error: RuntimeError,
    /// Instances that were made all the same, as the host's events tell.
    pub(crate) started: u64,
}

impl Field {
    pub(crate) async fn new() -> Result<Self> {
        Self::beside(sibling(EVERY_ATTACKER)?).await
    }

    /// A field with this sibling, which echoes.
    pub(crate) async fn beside(sibling: Component) -> Result<Self> {
        Self::within(Ceilings::default(), sibling).await
    }

    /// A field on a host with these ceilings.
    pub(crate) async fn within(ceilings: Ceilings, sibling: Component) -> Result<Self> {
        Self::on(Host::builder().max_instances(16).ceilings(ceilings).build()?, sibling).await
    }

    /// A field on this host.
    pub(crate) async fn on(host: Host, sibling: Component) -> Result<Self> {
        let sibling = host.start(sibling).await?;
        let field = Self { host, sibling };
        field.sibling_lives().await?;
        Ok(field)
    }

    /// Starts what must not start.
    pub(crate) async fn refuse(&self, component: Component) -> Result<Refusal> {
        let address = component.address();
        let mut events = self.host.events();
        let began = Instant::now();
        let start = tokio::time::timeout(GIVE_UP, self.host.start(component));
        let result = start.await.context("the start did not end")?;
        let elapsed = began.elapsed();
        let error = match result {
            Err(SystemError::Start { source, .. }) => source,
            Err(other) => return Err(anyhow::Error::new(other).context("refused for another reason")),
            Ok(_) => bail!("{address} was started"),
        };
        let happened = happened(&mut events)?;
        let is_start = |event: &&Event| matches!(event, Event::Started { id } if id.component() == address);
        let started = happened.iter().filter(is_start).count() as u64;
        ensure!(self.host.status_of(&address).is_empty(), "something of {address} stays");
        self.sibling_lives().await?;
        Ok(Refusal { elapsed, error, started })
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    /// Asks, and expects an answer as text.
    pub(crate) async fn ask(&self, whom: &ComponentRef, payload: &str) -> Result<String> {
        let reply = whom.request_within(payload, GIVE_UP).await.context("the attack was not answered")?;
        Ok(String::from_utf8(reply.bytes().to_vec())?)
    }

    /// The sibling answers, and was never restarted.
    pub(crate) async fn sibling_lives(&self) -> Result<()> {
        let reply =
            self.sibling.request_within("still here", GIVE_UP).await.context("the sibling is gone")?;
        ensure!(reply.bytes().as_ref() == b"still here", "the sibling answers {:?}", reply.bytes());
        let status = self.status(&SIBLING.parse()?)?;
        ensure!(status.restarts == 0, "the sibling was restarted {} times", status.restarts);
        ensure!(status.kills == Default::default(), "the sibling was killed: {:?}", status.kills);
        Ok(())
    }

    pub(crate) fn status(&self, address: &Address) -> Result<ComponentStatus> {
        self.host.status_of(address).pop().ok_or_else(|| anyhow!("{address} is not there"))
    }

    pub(crate) async fn clear(self) {
        self.host.shutdown().await;
    }
}

/// The sibling, which takes messages from those that match.
pub(crate) fn sibling(pattern: &str) -> Result<Component> {
    Ok(guests::component("echo")?.receive_from(pattern.parse()?))
}

/// What the host has told until now.
fn happened(events: &mut EventStream) -> Result<Vec<Event>> {
    let mut all = Vec::new();
    loop {
        // Outside of any budget of the task, so that only an empty stream keeps it waiting.
        let next = pin!(tokio::task::unconstrained(events.next()));
        match next.poll(&mut Waiting::from_waker(Waker::noop())) {
            Poll::Ready(Some(Event::Missed { count })) => bail!("{count} events were missed"),
            Poll::Ready(Some(event)) => all.push(event),
            Poll::Ready(None) | Poll::Pending => return Ok(all),
        }
    }
}

impl Siege {
    /// Starts a hostile component, which behaves as long as it is only greeted.
    pub(crate) async fn lay(component: Component) -> Result<Self> {
        Self::lay_beside(EVERY_ATTACKER, component).await
    }

    /// As [`lay`](Self::lay), beside a sibling that takes messages from those that match.
    pub(crate) async fn lay_beside(pattern: &str, component: Component) -> Result<Self> {
        Self::in_field(Field::beside(sibling(pattern)?).await?, component).await
    }

    /// As [`lay`](Self::lay), on this host.
    pub(crate) async fn lay_on(host: Host, component: Component) -> Result<Self> {
        Self::in_field(Field::on(host, sibling(EVERY_ATTACKER)?).await?, component).await
    }

    async fn in_field(field: Field, component: Component) -> Result<Self> {
        let hostile = field.host.start(component).await.context("the hostile component does not start")?;
        let siege = Self { field, hostile };
        siege.greet().await?;
        Ok(siege)
    }

    /// Attacks, expects that the instance is ended by it, and that everything else is as before: the next
    /// instance answers, and so does the sibling.
    pub(crate) async fn strike(&self, payload: &str) -> Result<Strike> {
        let before = self.status()?;
        let mut events = self.field.host.events();
        let began = Instant::now();
        let answer = self.hostile.request_within(payload, GIVE_UP).await;
        let elapsed = began.elapsed();
        match answer {
            Err(RequestError::ReceiverEnded { .. }) => {}
            Err(RequestError::TimedOut { .. }) => bail!("not ended after {} s", GIVE_UP.as_secs()),
            Err(other) => return Err(anyhow::Error::new(other).context("the attack was not tried")),
            Ok(reply) => bail!("it carried on and answered {} bytes", reply.len()),
        }
        self.greet().await.context("the next instance does not answer")?;
        let after = self.status()?;
        ensure!(
            after.restarts == before.restarts + 1,
            "{} restarts, not one",
            after.restarts - before.restarts
        );
        ensure!(after.state == ComponentState::Running, "it is {} and not running", after.state);
        ensure!(after.handled == before.handled + 1, "the call that was ended counts as handled");
        let cause = after.last_end.context("the host knows no cause")?;
        self.field.sibling_lives().await?;
        let happened = happened(&mut events)?;
        let ended = happened.iter().filter(|event| matches!(event, Event::Ended { .. })).count() as u64;
        Ok(Strike { elapsed, cause, ended })
    }

    /// Attacks, and expects that the instance survives it with an answer.
    pub(crate) async fn probe(&self, payload: &str) -> Result<Vec<u8>> {
        let before = self.status()?;
        let reply =
            self.hostile.request_within(payload, GIVE_UP).await.context("the attack was not answered")?;
        let after = self.status()?;
        ensure!(after.restarts == before.restarts, "the instance did not survive");
        self.greet().await?;
        self.field.sibling_lives().await?;
        Ok(reply.bytes().to_vec())
    }

    async fn greet(&self) -> Result<()> {
        let reply = self.hostile.request_within("ping", GIVE_UP).await?;
        ensure!(reply.bytes().as_ref() == b"pong", "`ping` is answered with {:?}", reply.bytes());
        Ok(())
    }

    pub(crate) fn host(&self) -> &Host {
        self.field.host()
    }

    pub(crate) fn status(&self) -> Result<ComponentStatus> {
        self.field.status(self.hostile.address())
    }

    pub(crate) fn sibling(&self) -> Result<ComponentStatus> {
        self.field.status(&SIBLING.parse()?)
    }

    pub(crate) async fn lift(self) {
        self.field.clear().await;
    }
}
