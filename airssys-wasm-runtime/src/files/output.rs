//! A file that is written as a stream.

use bytes::Bytes;
use wasmtime::component::Resource;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::types::{ErrorCode, HostDescriptor};
use wasmtime_wasi::p2::{DynOutputStream, FsError, OutputStream, Pollable, StreamError, StreamResult};
use wasmtime_wasi::runtime::poll_noop;

use super::error::{StreamFault, stream_error, unfinished_stream};
use super::handle::{FileAccess, Room};
use super::sandbox::Sandbox;
use super::work::{UnderWay, Unfinished};
use crate::bounds::MAX_FILE_CHUNK_BYTES;

/// A file that is written from a position on, or at its end: one operation at a time, and one part held.
pub(super) struct FileWriter {
    file: Descriptor,
    /// None where every part goes to the end of the file.
    position: Option<u64>,
    state: State,
    access: FileAccess,
    _room: Room,
}

enum State {
    Idle,
    /// Waits for a place.
    Waiting(Bytes),
    Writing(UnderWay<StreamResult<u64>>),
    Failed(StreamError),
    Closed,
}

impl FileWriter {
    pub(super) fn new(file: Descriptor, position: Option<u64>, access: FileAccess, room: Room) -> Self {
        Self { file, position, state: State::Idle, access, _room: room }
    }

    fn operation(&self, bytes: Bytes) -> impl FnOnce() -> StreamResult<u64> + Send + use<> {
        let (file, position) = (self.file.clone(), self.position);
        move || write(file, position, bytes)
    }

    /// A failure that was not told yet.
    fn check(&mut self) -> StreamResult<()> {
        match &self.state {
            State::Failed(_) => match std::mem::replace(&mut self.state, State::Closed) {
                State::Failed(error) => Err(error),
                _ => Err(StreamError::Closed),
            },
            State::Closed => Err(StreamError::Closed),
            _ => Ok(()),
        }
    }

    fn take(&mut self, written: Result<StreamResult<u64>, Unfinished>) {
        self.state = match written {
            Ok(Ok(bytes)) => {
                self.position = self.position.map(|position| position.saturating_add(bytes));
                State::Idle
            }
            Ok(Err(error)) => State::Failed(error),
            Err(unfinished) => State::Failed(unfinished_stream(unfinished)),
        };
    }
}

/// Writes all of it, and tells how much that was. This blocks.
fn write(file: Descriptor, position: Option<u64>, bytes: Bytes) -> StreamResult<u64> {
    let length = bytes.len() as u64;
    let mut sandbox = Sandbox::new();
    let file = sandbox.enter(file).map_err(stream_error)?;
    let mut view = sandbox.view();
    let stream: Result<Resource<DynOutputStream>, FsError> = match position {
        Some(position) => view.write_via_stream(file, position),
        None => view.append_via_stream(file),
    };
    let stream = sandbox.table.get_mut(&stream.map_err(stream_error)?)?;
    let writing = std::pin::pin!(stream.blocking_write_and_flush(bytes));
    let pending = || Err(StreamError::LastOperationFailed(StreamFault(ErrorCode::WouldBlock).into()));
    poll_noop(writing).unwrap_or_else(pending)?;
    Ok(length)
}

#[async_trait]
impl OutputStream for FileWriter {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.check()?;
        if !matches!(self.state, State::Idle) || bytes.len() > MAX_FILE_CHUNK_BYTES {
            return Err(StreamError::trap("more was written to a file than was permitted"));
        }
        if bytes.is_empty() {
            return Ok(());
        }
        self.state = match self.access.begin_now(self.operation(bytes.clone())) {
            Some(writing) => State::Writing(writing),
            None => State::Waiting(bytes),
        };
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        // Whatever was written is under way already.
        self.check()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.check()?;
        Ok(if matches!(self.state, State::Idle) { MAX_FILE_CHUNK_BYTES } else { 0 })
    }

    async fn cancel(&mut self) {
        // What was accepted is written, as it would be to a file that is closed.
        self.ready().await;
        self.state = State::Closed;
    }
}

#[async_trait]
impl Pollable for FileWriter {
    async fn ready(&mut self) {
        if let State::Waiting(bytes) = &self.state {
            match self.access.begin(self.operation(bytes.clone())).await {
                Ok(writing) => self.state = State::Writing(writing),
                Err(unfinished) => self.state = State::Failed(unfinished_stream(unfinished)),
            }
        }
        if let State::Writing(writing) = &mut self.state {
            let written = writing.result().await;
            self.take(written);
        }
    }
}
