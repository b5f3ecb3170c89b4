//! The end of input: waiting until everything that was accepted is done with, then the report.

use std::time::Duration;

use thiserror::Error;

use airssys_wasm_core::{Address, ComponentState, EndCause, MessagePayload, RequestError, SendError};
use airssys_wasm_system::{Component, ComponentStatus, Host, SystemFiles};

use super::feed::INPUT_SENDER;
use super::summary::Report;
use crate::signals::Interruption;

/// How long those that get nothing but copies may take at the end at most, whatever their grace.
const MAX_COPIES_WAIT: Duration = Duration::from_secs(5);

/// How long a component is looked at to see whether it is busy: quiet shows in two looks.
const LAST_LOOK: Duration = Duration::from_millis(20);

/// Tells the output component that nothing more comes.
const END_OF_INPUT: &str = "application/vnd.airssys.end-of-input";

/// There is no report.
#[derive(Debug, Error)]
pub(crate) enum ReportError {
    /// The component that gives it cannot be reached.
    #[error("{output} gives no report")]
    Unreachable {
        output: Address,
        #[source]
        source: SendError,
    },
    /// It was not given in time after a signal.
    #[error("{output} gives no report within {} ms of the signal", grace.as_millis())]
    OutOfTime { output: Address, grace: Duration },
    /// It has failed before, or while it made the report.
    #[error("{output} gives no report: it has failed, {cause}")]
    Ended { output: Address, cause: EndCause },
    /// It did not answer.
    #[error("{output} gives no report")]
    Unanswered {
        output: Address,
        #[source]
        source: RequestError,
    },
}

/// The components of a system by what the report may depend on.
#[derive(Debug)]
pub(crate) struct Parts {
    /// Those that get copies of the input, and have no right to send anything on.
    pub(crate) copied: Vec<Address>,
    /// All others.
    pub(crate) graph: Vec<Address>,
    copied_grace: Duration,
    graph_grace: Duration,
}

impl Parts {
    pub(crate) fn of(files: &SystemFiles) -> Self {
        let (copied, graph): (Vec<_>, Vec<_>) = files.components().iter().partition(|component| {
            let address = component.address();
            files.io().is_some_and(|io| {
                let is_further = io.input.iter().skip(1).any(|target| *target == address);
                is_further && address != io.output && component.manifest().messaging.send_to.is_empty()
            })
        });
        let addresses = |some: &[&Component]| some.iter().map(|component| component.address()).collect();
        Self {
            copied_grace: longest_grace(&copied),
            graph_grace: longest_grace(&graph),
            copied: addresses(&copied),
            graph: addresses(&graph),
        }
    }

    /// How long a clean end may take after a signal.
    pub(crate) fn grace(&self) -> Duration {
        self.graph_grace
    }
}

fn longest_grace(components: &[&Component]) -> Duration {
    let graces = components.iter().map(|component| component.manifest().lifecycle.stop_grace_ms);
    Duration::from_millis(graces.max().unwrap_or(0))
}

/// Waits until those components are quiet that the report may depend on, and asks for it: without bound,
/// but no longer than the grace after a signal.
pub(crate) async fn settle_and_report(
    host: &Host,
    parts: &Parts,
    output: &Address,
    interruption: &Interruption,
) -> Result<Report, ReportError> {
    let all = async {
        host.settle_these(&parts.graph, Duration::MAX).await;
        report(host, output).await
    };
    tokio::select! {
        report = all => report,
        () = interruption.expire() => {
            Err(ReportError::OutOfTime { output: output.clone(), grace: interruption.grace() })
        }
    }
}

/// Lets those that get nothing but copies of the input finish what waits for them, for as long as their
/// longest grace and [`MAX_COPIES_WAIT`] allow; a signal ends the wait. True when they became quiet.
pub(crate) async fn settle_copies(host: &Host, parts: &Parts, interruption: &Interruption) -> bool {
    let patience = parts.copied_grace.min(MAX_COPIES_WAIT);
    tokio::select! {
        is_quiet = host.settle_these(&parts.copied, patience) => is_quiet,
        () = interruption.come() => false,
    }
}

/// Ends those that are still busy, whose time is over, so that stopping the host does not grant it to them
/// once more. Tells how they stood at their end.
pub(crate) async fn end_busy(host: &Host, components: &[Address]) -> Vec<ComponentStatus> {
    let mut ended = Vec::new();
    for component in components {
        let alone = std::slice::from_ref(component);
        if !host.settle_these(alone, LAST_LOOK).await {
            // One that is gone has left nothing to end.
            ended.extend(host.kill(component).await.unwrap_or_default());
        }
    }
    ended
}

/// Asks the output component for its report.
async fn report(host: &Host, output: &Address) -> Result<Report, ReportError> {
    let reference = host
        .reference(INPUT_SENDER, output)
        .map_err(|source| ReportError::Unreachable { output: output.clone(), source })?;
    let question = MessagePayload::empty().with_content_type(END_OF_INPUT);
    match reference.request(question).await {
        Ok(reply) => Ok(Report::new(reply.bytes())),
        Err(source) => Err(match ended(host, output) {
            Some(cause) => ReportError::Ended { output: output.clone(), cause },
            None => ReportError::Unanswered { output: output.clone(), source },
        }),
    }
}

/// Why the output component is not there any more, where it is not.
fn ended(host: &Host, output: &Address) -> Option<EndCause> {
    let mut statuses = host.status_of(output).into_iter();
    statuses.find(|status| status.state == ComponentState::Failed).and_then(|status| status.last_end)
}
