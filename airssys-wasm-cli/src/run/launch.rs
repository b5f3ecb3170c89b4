//! One run, from the files of a system to its summary.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use thiserror::Error;
use tokio::runtime;

use airssys_wasm_core::IoConfig;
use airssys_wasm_system::{ComponentStatus, Host, LaunchStep, SystemError, SystemFiles};

use super::feed::{Fed, Feed, FeedError};
use super::losses::Losses;
use super::quiet::{self, Parts, ReportError};
use super::reader::Chunks;
use super::source::{InputError, Source, SourceKind};
use super::summary::{Report, Summary};
use crate::cli::{Format, RunArguments};
use crate::exit::{Exit, Failure};
use crate::output::{self, Terminal};
use crate::signals::Interruption;

/// How often a spinner moves.
const SPINNER_TICK: Duration = Duration::from_millis(100);

/// Runs a system until its input ends, or until a signal comes.
pub(crate) fn run(arguments: &RunArguments, format: Format, terminal: &Terminal) -> Result<Exit, Failure> {
    let files = SystemFiles::read(&arguments.path).map_err(Failure::invalid)?;
    let input = match files.io() {
        Some(io) => {
            let source = Source::open(arguments.input.as_deref(), &files).map_err(Failure::running)?;
            Some((io.clone(), source))
        }
        None if arguments.input.is_some() => {
            return Err(Failure::usage(format!("{} has no [io], so that it takes no --input", files.name())));
        }
        None => None,
    };
    let parts = Parts::of(&files);
    let interruption = Interruption::listen(parts.grace()).map_err(Failure::running)?;
    let runtime = runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::running)?;
    // Guests may fill every worker, but never this thread, which reads, splits and waits.
    let mut outcome = runtime.block_on(Run { files, parts, interruption, terminal }.run(input))?;
    runtime.shutdown_background();
    let cut = outcome.summary.cut;
    if cut > 0 {
        let (lines, were) = if cut == 1 { ("line", "was") } else { ("lines", "were") };
        terminal.note(&format!("{cut} {lines} longer than the first target takes {were} cut"));
    }
    outcome.summary.print(format).map_err(|error| Failure::running(error).beside_results())?;
    match outcome.failure {
        Some(failure) => Err(failure.beside_results()),
        None => Ok(Exit::Done),
    }
}

struct Run<'t> {
    files: SystemFiles,
    parts: Parts,
    interruption: Interruption,
    terminal: &'t Terminal,
}

/// Why there is no report.
#[derive(Debug, Error)]
enum ProcessError {
    #[error(transparent)]
    Feed(#[from] FeedError),
    #[error(transparent)]
    Report(#[from] ReportError),
}

struct Outcome {
    summary: Summary,
    /// What failed although there is a summary.
    failure: Option<Failure>,
}

impl Run<'_> {
    async fn run(self, input: Option<(IoConfig, Source)>) -> Result<Outcome, Failure> {
        let host = self.launch().await?;
        let began = Instant::now();
        let Some((io, source)) = input else {
            self.interruption.come().await;
            let elapsed = began.elapsed();
            let statuses = host.shutdown().await;
            let audit = host.audit_status();
            let summary = Summary {
                report: None,
                complete: true,
                statuses,
                elapsed,
                interrupted: true,
                lines: None,
                cut: 0,
                refused: Vec::new(),
                audit,
            };
            return Ok(Outcome { summary, failure: None });
        };
        let (fed, report) = self.process(&host, &io, source).await;
        let elapsed = fed.began.map_or(Duration::ZERO, |began| began.elapsed());
        let interrupted = self.interruption.has_come();
        let mut statuses = self.end(&host, report.as_ref().err()).await;
        statuses.extend(host.shutdown().await);
        let losses = Losses::of(&statuses, &self.parts.copied);
        let complete = report.is_ok() && losses.is_none() && !interrupted;
        let (report, failure) = match report {
            Ok(report) => (Some(report), losses.map(Failure::running)),
            Err(error) => (None, Some(Failure::running(error))),
        };
        let Fed { lines, cut, refused, .. } = fed;
        let (lines, audit) = (Some(lines), host.audit_status());
        let summary =
            Summary { report, complete, statuses, elapsed, interrupted, lines, cut, refused, audit };
        Ok(Outcome { summary, failure })
    }

    /// Ends those that had their time: copies have it now, all others had it where the report came too late.
    async fn end(&self, host: &Host, error: Option<&ProcessError>) -> Vec<ComponentStatus> {
        let mut ended = Vec::new();
        if matches!(error, Some(ProcessError::Report(ReportError::OutOfTime { .. }))) {
            ended.extend(quiet::end_busy(host, &self.parts.graph).await);
        }
        if !quiet::settle_copies(host, &self.parts, &self.interruption).await {
            ended.extend(quiet::end_busy(host, &self.parts.copied).await);
        }
        ended
    }

    /// Compiles and starts everything. A signal meanwhile is heeded after it, because a start is bounded.
    async fn launch(&self) -> Result<Host, Failure> {
        let host = self.files.host_builder().build().map_err(Failure::running)?;
        let spinner = self.terminal.show(ProgressBar::new_spinner());
        spinner.enable_steady_tick(SPINNER_TICK);
        let launched = self.files.launch(&host, |step| spinner.set_message(step_text(&step))).await;
        spinner.finish_and_clear();
        match launched {
            Ok(()) => {
                tracing::info!(system = self.files.name(), "running");
                Ok(host)
            }
            Err(error) => {
                // What was refused is in the audit log before the process ends.
                host.shutdown().await;
                Err(match error {
                    SystemError::Interrupted => Failure::running(error),
                    _ => Failure::invalid(error),
                })
            }
        }
    }

    /// Feeds the input and asks for the report. Where not all of the input could be read or handed over,
    /// there is none: no report is better than a wrong one.
    async fn process(
        &self,
        host: &Host,
        io: &IoConfig,
        source: Source,
    ) -> (Fed, Result<Report, ProcessError>) {
        let (fed, outcome) = match self.feed(host, io, source).await {
            Ok(done) => done,
            Err(error) => return (Fed::default(), Err(error.into())),
        };
        if let Err(error) = outcome {
            return (fed, Err(error.into()));
        }
        tracing::info!(lines = fed.lines, "the input has ended");
        let report = quiet::settle_and_report(host, &self.parts, &io.output, &self.interruption).await;
        (fed, report.map_err(ProcessError::from))
    }

    async fn feed(
        &self,
        host: &Host,
        io: &IoConfig,
        source: Source,
    ) -> Result<(Fed, Result<(), FeedError>), FeedError> {
        let Some((first, others)) = io.input.split_first() else {
            return Ok((Fed::default(), Ok(())));
        };
        let mut feed = Feed::open(host, &self.files, first, others)?;
        let Source { name, reader, bytes, kind } = source;
        if kind == SourceKind::Sample {
            self.terminal.note(&format!("no input was given: reading {name}"));
        }
        let bar = self.terminal.show(output::progress_bar(bytes));
        let mut chunks = Chunks::of(reader).map_err(|source| InputError { name: name.clone(), source })?;
        let outcome = feed.feed(&mut chunks, &name, &self.interruption, &bar).await;
        bar.finish_and_clear();
        let fed = feed.finish();
        if let (0, false, SourceKind::Standard { sample: Some(sample) }) =
            (fed.lines, self.interruption.has_come(), &kind)
        {
            let sample = sample.display();
            self.terminal.note(&format!("standard input was empty; `--input {sample}` reads the sample"));
        }
        Ok((fed, outcome))
    }
}

fn step_text(step: &LaunchStep) -> String {
    match step {
        LaunchStep::Compiling(address) => format!("compiling {address}"),
        LaunchStep::Starting(address) => format!("starting {address}"),
        _ => String::new(),
    }
}
