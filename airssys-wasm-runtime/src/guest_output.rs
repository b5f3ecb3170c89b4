//! The standard output and error of a guest: lines of its log.

#![expect(clippy::disallowed_types, reason = "one unfinished line, held for a few instructions")]

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use airssys_wasm_core::{ComponentId, LogLevel, LogRecord, LogSink};

use crate::bounds::{MAX_LOG_MESSAGE_BYTES, MAX_OUTPUT_CHUNK_BYTES};

/// One of the two outputs; all streams that the guest has of it write the same lines. What is left of the last
/// line is logged when the instance is gone.
#[derive(Debug, Clone)]
pub(crate) struct GuestOutput(Arc<Output>);

#[derive(Debug)]
struct Output {
    component: ComponentId,
    log: Arc<dyn LogSink>,
    level: LogLevel,
    line: Mutex<Line>,
}

/// A line that is not at its end yet, as far as it is kept.
#[derive(Debug, Default)]
struct Line {
    bytes: Vec<u8>,
    is_cut: bool,
}

impl GuestOutput {
    /// An output whose lines are records of this level.
    pub(crate) fn new(component: ComponentId, log: Arc<dyn LogSink>, level: LogLevel) -> Self {
        Self(Arc::new(Output { component, log, level, line: Mutex::default() }))
    }
}

impl Output {
    fn write(&self, bytes: &[u8]) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (part, after) = rest.split_at_checked(end).unwrap_or_default();
            line.extend(part);
            self.log(&mut line);
            rest = after.get(1..).unwrap_or_default();
        }
        line.extend(rest);
    }

    fn log(&self, line: &mut Line) {
        let Line { bytes, is_cut } = std::mem::take(line);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(&bytes);
        let mut message = String::from_utf8_lossy(bytes).into_owned();
        // A byte that is no text takes three as its replacement.
        let is_cut = crate::text::cut(&mut message, MAX_LOG_MESSAGE_BYTES) || is_cut;
        let record = LogRecord { level: self.level, message, context: Vec::new(), truncated: is_cut };
        self.log.log(&self.component, record);
    }
}

impl Line {
    fn extend(&mut self, part: &[u8]) {
        let room = MAX_LOG_MESSAGE_BYTES.saturating_sub(self.bytes.len());
        let (kept, lost) = part.split_at(part.len().min(room));
        self.bytes.extend_from_slice(kept);
        self.is_cut |= !lost.is_empty();
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        let line = self.line.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut line = std::mem::take(line);
        if !line.bytes.is_empty() {
            self.log(&mut line);
        }
    }
}

impl IsTerminal for GuestOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestOutput {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for GuestOutput {
    async fn ready(&mut self) {}
}

impl OutputStream for GuestOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        // Each line of it costs the host a record, and the guest nothing.
        if bytes.len() > MAX_OUTPUT_CHUNK_BYTES {
            return Err(StreamError::trap("more was written to an output than was permitted"));
        }
        self.0.write(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_OUTPUT_CHUNK_BYTES)
    }
}

impl AsyncWrite for GuestOutput {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let part = bytes.get(..MAX_OUTPUT_CHUNK_BYTES).unwrap_or(bytes);
        self.0.write(part);
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Lines(Mutex<Vec<(String, bool)>>);

    impl LogSink for Lines {
        fn log(&self, _: &ComponentId, record: LogRecord) {
            self.0.lock().unwrap().push((record.message, record.truncated));
        }
    }

    #[track_caller]
    fn check(parts: &[&[u8]], expected: &[(&str, bool)]) {
        let lines = Arc::new(Lines::default());
        let id = ComponentId::new("test", "lines", "0").unwrap();
        let output = GuestOutput::new(id, lines.clone(), LogLevel::Info);
        for part in parts {
            output.0.write(part);
        }
        drop(output);
        let expected: Vec<_> = expected.iter().map(|(line, cut)| ((*line).to_owned(), *cut)).collect();
        assert_eq!(*lines.0.lock().unwrap(), expected);
    }

    #[test]
    fn what_is_written_is_logged_line_by_line() {
        check(&[], &[]);
        check(
            &[b"one\n", b"t", b"wo\nthree\r\n", b"fo", b"ur"],
            &[("one", false), ("two", false), ("three", false), ("four", false)],
        );
        check(&[b"\n\n"], &[("", false), ("", false)]);
        check(&[b"\xff\n"], &["\u{fffd}"].map(|line| (line, false)));
        let most = "a".repeat(MAX_LOG_MESSAGE_BYTES);
        check(&[most.as_bytes(), b"\n"], &[(&most, false)]);
        check(&[most.as_bytes(), b"b", b"b\nnext"], &[(&most, true), ("next", false)]);
    }
}
