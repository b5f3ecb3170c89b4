//! The end of input: waiting until everything that was accepted is done with, then the report.

use std::time::Duration;

use thiserror::Error;

use airssys_wasm_core::{Address, IoConfig, MessagePayload, RequestError, SendError};
use airssys_wasm_system::{Host, SystemFiles};

use super::feed::INPUT_SENDER;
use super::summary::Report;
use crate::signals::Interruption;

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
    /// It did not answer.
    #[error("{output} gives no report")]
    Unanswered {
        output: Address,
        #[source]
        source: RequestError,
    },
}

/// Waits until those components are quiet that the report may depend on, without bound.
pub(crate) async fn settle(host: &Host, files: &SystemFiles, io: &IoConfig, interruption: &Interruption) {
    let (_, graph) = by_part(files, io);
    let was_interrupted = interruption.has_come();
    tokio::select! {
        _ = host.settle_these(&graph, Duration::MAX) => {}
        // Who asks for the end now has all of the input read, and may be waiting for what never ends.
        () = interruption.come(), if !was_interrupted => {
            host.settle_these(&graph, longest_grace(files, &graph)).await;
        }
    }
}

/// Lets those that get nothing but copies of the input finish what waits for them, as long as their longest
/// grace; a signal ends the wait.
pub(crate) async fn settle_copies(
    host: &Host,
    files: &SystemFiles,
    io: &IoConfig,
    interruption: &Interruption,
) {
    let (copied, _) = by_part(files, io);
    if !interruption.has_come() {
        tokio::select! {
            _ = host.settle_these(&copied, longest_grace(files, &copied)) => {}
            () = interruption.come() => {}
        }
    }
}

/// Those that get nothing but copies of the input, and all others.
fn by_part(files: &SystemFiles, io: &IoConfig) -> (Vec<Address>, Vec<Address>) {
    let copied = io.input.get(1..).unwrap_or_default();
    let gets_only_copies = |address: &Address| copied.contains(address) && *address != io.output;
    files.components().iter().map(|component| component.address()).partition(gets_only_copies)
}

fn longest_grace(files: &SystemFiles, addresses: &[Address]) -> Duration {
    let components = files.components().iter().filter(|component| addresses.contains(&component.address()));
    let graces = components.map(|component| component.manifest().lifecycle.stop_grace_ms);
    Duration::from_millis(graces.max().unwrap_or(0))
}

/// Asks the output component for its report.
pub(crate) async fn report(host: &Host, output: &Address) -> Result<Report, ReportError> {
    let reference = host
        .reference(INPUT_SENDER, output)
        .map_err(|source| ReportError::Unreachable { output: output.clone(), source })?;
    let question = MessagePayload::empty().with_content_type(END_OF_INPUT);
    match reference.request(question).await {
        Ok(reply) => Ok(Report::new(reply.bytes())),
        Err(source) => Err(ReportError::Unanswered { output: output.clone(), source }),
    }
}
