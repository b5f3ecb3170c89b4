//! A hostile component on a real host, beside a sibling that must not notice.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

use airssys_wasm_core::{Address, ComponentState, EndCause, RequestError};
use airssys_wasm_runtime::RuntimeError;
use airssys_wasm_system::{Component, ComponentRef, ComponentStatus, Host, SystemError};

use crate::guests;

/// The sibling on every attacked host.
pub(crate) const SIBLING: &str = "attack/echo";

/// From whom a sibling takes messages where nothing else is said: it is the attacker's own right that is missing.
const EVERY_ATTACKER: &str = "attack/*";

/// How often each attack is made.
pub(crate) const ROUNDS: usize = 5;

/// When an attack counts as never ended, far beyond every limit that is declared.
const GIVE_UP: Duration = Duration::from_secs(30);

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
}

/// A start that was refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) elapsed: Duration,
    pub(crate) error: RuntimeError,
    /// Bytes of memory that instances of the refused component held at the most, as the host sees them.
    pub(crate) held_bytes: u64,
    /// Instances of it that the host still knows.
    pub(crate) instances: u64,
}

impl Field {
    pub(crate) async fn new() -> Result<Self> {
        Self::receiving(EVERY_ATTACKER).await
    }

    /// A field whose sibling takes messages from those that match.
    async fn receiving(pattern: &str) -> Result<Self> {
        let host = Host::builder().max_instances(16).build()?;
        let sibling = guests::component("echo")?.receive_from(pattern.parse()?);
        let sibling = host.start(sibling).await?;
        let field = Self { host, sibling };
        field.sibling_lives().await?;
        Ok(field)
    }

    /// Starts what must not start.
    pub(crate) async fn refuse(&self, component: Component) -> Result<Refusal> {
        let address = component.address();
        let began = Instant::now();
        let start = tokio::time::timeout(GIVE_UP, self.host.start(component));
        let result = start.await.context("the start did not end")?;
        let elapsed = began.elapsed();
        let error = match result {
            Err(SystemError::Start { source, .. }) => source,
            Err(other) => return Err(anyhow::Error::new(other).context("refused for another reason")),
            Ok(_) => bail!("{address} was started"),
        };
        let left = self.host.status_of(&address);
        let held_bytes = left.iter().filter_map(|status| status.memory).map(|memory| memory.peak_bytes).sum();
        self.sibling_lives().await?;
        Ok(Refusal { elapsed, error, held_bytes, instances: left.len() as u64 })
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

impl Siege {
    /// Starts a hostile component, which behaves as long as it is only greeted.
    pub(crate) async fn lay(component: Component) -> Result<Self> {
        Self::lay_beside(EVERY_ATTACKER, component).await
    }

    /// As [`lay`](Self::lay), beside a sibling that takes messages from those that match.
    pub(crate) async fn lay_beside(pattern: &str, component: Component) -> Result<Self> {
        let field = Field::receiving(pattern).await?;
        let hostile = field.host.start(component).await.context("the hostile component does not start")?;
        let siege = Self { field, hostile };
        siege.greet().await?;
        Ok(siege)
    }

    /// Attacks, expects that the instance is ended by it, and that everything else is as before: the next
    /// instance answers, and so does the sibling.
    pub(crate) async fn strike(&self, payload: &str) -> Result<Strike> {
        let before = self.status()?;
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
        Ok(Strike { elapsed, cause })
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
