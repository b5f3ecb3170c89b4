//! Hands the lines of the input to those who get it.
//!
//! Invariant: the first target gets every line, in order, and holds the reader back when its mailbox is
//! full; no other target holds up anything.

use std::time::Instant;

use bytes::Bytes;
use indicatif::ProgressBar;
use thiserror::Error;

use airssys_wasm_core::{Address, MessagePayload, SendError, Undelivered};
use airssys_wasm_system::{ComponentRef, Host, SystemFiles};

use super::lines::{Line, LineSplitter};
use super::reader::Chunks;
use super::source::InputError;
use crate::signals::Interruption;

/// The part of the host that input comes from: `host/input`.
pub(crate) const INPUT_SENDER: &str = "input";

/// Why feeding ended early.
#[derive(Debug, Error)]
pub(crate) enum FeedError {
    /// The input cannot be read on.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A component cannot be reached.
    #[error("the input cannot be handed to {target}")]
    Target {
        target: Address,
        #[source]
        source: SendError,
    },
}

/// One who gets the lines.
#[derive(Debug)]
struct Target {
    reference: ComponentRef,
    max_bytes: usize,
    /// Lines that it did not take.
    refused: u64,
}

/// What was fed until the end.
#[derive(Debug, Default)]
pub(crate) struct Fed {
    /// When the first bytes were there.
    pub(crate) began: Option<Instant>,
    /// Lines that the first target accepted.
    pub(crate) lines: u64,
    /// Those of them that were longer than it takes.
    pub(crate) cut: u64,
    /// Copies that were not taken, for each further target.
    pub(crate) refused: Vec<(Address, u64)>,
}

/// Feeds the targets of one system.
#[derive(Debug)]
pub(crate) struct Feed {
    first: Target,
    others: Vec<Target>,
    lines: u64,
    cut: u64,
    began: Option<Instant>,
}

impl Feed {
    /// Opens the ways to all targets; `first` holds the reader back.
    pub(crate) fn open(
        host: &Host,
        files: &SystemFiles,
        first: &Address,
        others: &[Address],
    ) -> Result<Self, FeedError> {
        let open = |target: &Address| -> Result<Target, FeedError> {
            let failed = |source| FeedError::Target { target: target.clone(), source };
            let component = files.components().iter().find(|component| component.address() == *target);
            let component = component.ok_or_else(|| failed(SendError::NotFound))?;
            let reference = host.reference(INPUT_SENDER, target).map_err(failed)?;
            Ok(Target { reference, max_bytes: component.manifest().messaging.max_message_bytes, refused: 0 })
        };
        let first = open(first)?;
        let others = others.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { first, others, lines: 0, cut: 0, began: None })
    }

    /// Feeds until the end of input or the first signal. `name` is how people call the input.
    pub(crate) async fn feed(
        &mut self,
        chunks: &mut Chunks,
        name: &str,
        interruption: &Interruption,
        progress: &ProgressBar,
    ) -> Result<(), FeedError> {
        let mut splitter = LineSplitter::new(self.first.max_bytes);
        while !interruption.has_come() {
            let chunk = tokio::select! {
                chunk = chunks.next() => chunk,
                () = interruption.come() => break,
            };
            self.began.get_or_insert_with(Instant::now);
            let Some(chunk) = chunk else {
                if let Some(line) = splitter.finish() {
                    self.pass(line, interruption).await?;
                }
                break;
            };
            let chunk = chunk.map_err(|source| InputError { name: name.to_owned(), source })?;
            let mut rest = chunk.bytes();
            while let Some(line) = splitter.next_line(&mut rest) {
                if interruption.has_come() {
                    return Ok(());
                }
                self.pass(line, interruption).await?;
            }
            progress.inc(chunk.bytes().len() as u64);
            chunks.recycle(chunk);
        }
        Ok(())
    }

    /// Hands one line to everyone.
    async fn pass(
        &mut self,
        Line { bytes: line, is_cut }: Line,
        interruption: &Interruption,
    ) -> Result<(), FeedError> {
        let accepted = match self.first.reference.send(MessagePayload::new(line.clone())) {
            Err(Undelivered { error: SendError::Full, payload }) => tokio::select! {
                accepted = self.first.reference.send_waiting(payload) => accepted,
                // The line in hand was not accepted, and reading has ended before it.
                () = interruption.come() => return Ok(()),
            },
            accepted => accepted,
        };
        if let Err(Undelivered { error: source, .. }) = accepted {
            return Err(FeedError::Target { target: self.first.reference.address().clone(), source });
        }
        self.lines += 1;
        self.cut += u64::from(is_cut);
        for target in &mut self.others {
            target.copy(&line);
        }
        Ok(())
    }

    /// What was fed, successfully or not.
    pub(crate) fn finish(self) -> Fed {
        let refused = self.others.into_iter().filter(|target| target.refused > 0);
        Fed {
            began: self.began,
            lines: self.lines,
            cut: self.cut,
            refused: refused.map(|target| (target.reference.address().clone(), target.refused)).collect(),
        }
    }
}

impl Target {
    /// Offers a line, cut to what this target takes, and never waits.
    fn copy(&mut self, line: &Bytes) {
        let line = line.slice(..line.len().min(self.max_bytes));
        if self.reference.send(MessagePayload::new(line)).is_err() {
            self.refused += 1;
        }
    }
}
