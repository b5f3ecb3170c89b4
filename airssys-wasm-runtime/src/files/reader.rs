//! A file that is read as a stream.

use bytes::Bytes;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::types::HostDescriptor;
use wasmtime_wasi::p2::{FsResult, InputStream, Pollable, StreamError, StreamResult};

use super::error::{stream_error, unfinished_stream};
use super::handle::{FileAccess, Room};
use super::sandbox::{Sandbox, done};
use super::work::UnderWay;
use crate::bounds::MAX_FILE_CHUNK_BYTES;

/// Bytes that are read where the guest has not said how many it wants.
const UNASKED_BYTES: usize = 4_096;

/// A file that is read from a position on: one operation at a time, and one part held.
pub(super) struct FileReader {
    file: Descriptor,
    position: u64,
    state: State,
    access: FileAccess,
    _room: Room,
}

enum State {
    Idle,
    Reading(UnderWay<FsResult<Vec<u8>>>),
    Ready(Bytes),
    Failed(StreamError),
    Over,
}

impl FileReader {
    pub(super) fn new(file: Descriptor, position: u64, access: FileAccess, room: Room) -> Self {
        Self { file, position, state: State::Idle, access, _room: room }
    }

    fn operation(&self, bytes: usize) -> impl FnOnce() -> FsResult<Vec<u8>> + Send + use<> {
        let (file, position) = (self.file.clone(), self.position);
        move || {
            let mut sandbox = Sandbox::new();
            let file = sandbox.enter(file)?;
            let length = bytes.min(MAX_FILE_CHUNK_BYTES) as u64;
            Ok(done(HostDescriptor::read(&mut sandbox.view(), file, length, position))?.0)
        }
    }

    /// What was read is ready.
    fn take(&mut self, read: FsResult<Vec<u8>>) {
        self.state = match read {
            Ok(bytes) if bytes.is_empty() => State::Over,
            Ok(bytes) => State::Ready(bytes.into()),
            Err(error) => State::Failed(stream_error(error)),
        };
    }
}

#[async_trait]
impl InputStream for FileReader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        match &mut self.state {
            State::Idle => {
                if size > 0
                    && let Some(reading) = self.access.begin_now(self.operation(size))
                {
                    self.state = State::Reading(reading);
                }
                Ok(Bytes::new())
            }
            State::Reading(_) => Ok(Bytes::new()),
            State::Ready(bytes) => {
                let part = bytes.split_to(bytes.len().min(size));
                self.position = self.position.saturating_add(part.len() as u64);
                if bytes.is_empty() {
                    self.state = State::Idle;
                }
                Ok(part)
            }
            State::Failed(_) => match std::mem::replace(&mut self.state, State::Over) {
                State::Failed(error) => Err(error),
                _ => Err(StreamError::Closed),
            },
            State::Over => Err(StreamError::Closed),
        }
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        if let State::Idle = self.state
            && size > 0
        {
            self.state =
                State::Reading(self.access.begin(self.operation(size)).await.map_err(unfinished_stream)?);
        }
        self.ready().await;
        self.read(size)
    }
}

#[async_trait]
impl Pollable for FileReader {
    async fn ready(&mut self) {
        if let State::Idle = self.state {
            match self.access.begin(self.operation(UNASKED_BYTES)).await {
                Ok(reading) => self.state = State::Reading(reading),
                Err(unfinished) => self.state = State::Failed(unfinished_stream(unfinished)),
            }
        }
        if let State::Reading(reading) = &mut self.state {
            match reading.result().await {
                Ok(read) => self.take(read),
                Err(unfinished) => self.state = State::Failed(unfinished_stream(unfinished)),
            }
        }
    }
}
