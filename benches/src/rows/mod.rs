//! The rows of the benchmark, one file each.

mod audit;
mod guard;
mod instantiation;
mod limits;
mod messages;
mod pipeline;
mod round_trip;

use anyhow::Result;
use clap::ValueEnum;
use tokio::runtime::Runtime;

use crate::report::Figure;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Row {
    /// Host to component round trip, against the bare engine.
    RoundTrip,
    /// Instantiation with limits, against the bare engine.
    Instantiation,
    /// Component to component messages.
    Messages,
    /// The same with limits on against limits off.
    Limits,
    /// What the guard decides for each message.
    Guard,
    /// A record of the audit log, at whoever is refused.
    Audit,
    /// Lines per second of the example, against the same work in one native process.
    Pipeline,
}

impl Row {
    pub(crate) fn measure(self) -> Result<Vec<Figure>> {
        match self {
            Self::RoundTrip => round_trip::measure(),
            Self::Instantiation => instantiation::measure(),
            Self::Messages => messages::measure(),
            Self::Limits => limits::measure(),
            Self::Guard => guard::measure(),
            Self::Audit => audit::measure(),
            Self::Pipeline => pipeline::measure(),
        }
    }
}

/// Worker threads: the promises are made for two cores.
const WORKERS: usize = 2;

fn two_workers() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?)
}
