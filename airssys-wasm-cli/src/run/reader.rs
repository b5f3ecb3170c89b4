//! Reads the input on a thread of its own, so that a source that stalls holds up nothing else.
//!
//! Invariant: a fixed number of chunks exists, so that memory is the same for an input of any length.

use std::io::{self, Read};
use std::sync::mpsc as blocking;
use std::thread;

use tokio::sync::mpsc;

/// Bytes that are read at a time: enough that switching threads costs nothing beside the lines in them.
const CHUNK_BYTES: usize = 256 * 1024;

/// Chunks that are read ahead, so that reading and splitting overlap.
const CHUNKS_AHEAD: usize = 4;

/// A part of the input.
#[derive(Debug)]
pub(crate) struct Chunk {
    buffer: Vec<u8>,
    filled: usize,
}

impl Chunk {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }
}

/// The chunks of an input, in their order.
#[derive(Debug)]
pub(crate) struct Chunks {
    read: mpsc::Receiver<io::Result<Chunk>>,
    used: blocking::SyncSender<Vec<u8>>,
}

impl Chunks {
    /// Begins to read. The thread ends with its input, with an error, or when nobody wants more.
    pub(crate) fn of(reader: Box<dyn Read + Send>) -> io::Result<Self> {
        let (chunks, read) = mpsc::channel(CHUNKS_AHEAD);
        let (used, free) = blocking::sync_channel(CHUNKS_AHEAD);
        thread::Builder::new().name("input".into()).spawn(move || read_all(reader, &chunks, &free))?;
        Ok(Self { read, used })
    }

    /// The next chunk, none at the end of input.
    pub(crate) async fn next(&mut self) -> Option<io::Result<Chunk>> {
        self.read.recv().await
    }

    /// Gives a chunk back, so that its buffer is filled again.
    pub(crate) fn recycle(&self, chunk: Chunk) {
        // Where enough buffers are there already, this one goes.
        drop(self.used.try_send(chunk.buffer));
    }
}

fn read_all(
    mut reader: Box<dyn Read + Send>,
    chunks: &mpsc::Sender<io::Result<Chunk>>,
    free: &blocking::Receiver<Vec<u8>>,
) {
    loop {
        let mut buffer = free.try_recv().unwrap_or_default();
        buffer.resize(CHUNK_BYTES, 0);
        let chunk = match reader.read(&mut buffer) {
            Ok(0) => return,
            Ok(filled) => Ok(Chunk { buffer, filled }),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let is_over = chunk.is_err();
        if chunks.blocking_send(chunk).is_err() || is_over {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Failing(usize);

    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            match self.0 {
                1 => Err(io::ErrorKind::Interrupted.into()),
                2 => Ok(buffer.len()),
                _ => Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }

    #[tokio::test]
    async fn an_error_comes_after_what_was_read() {
        let mut chunks = Chunks::of(Box::new(Failing(0))).unwrap();
        let chunk = chunks.next().await.unwrap().unwrap();
        assert_eq!(chunk.bytes().len(), CHUNK_BYTES);
        chunks.recycle(chunk);
        assert_eq!(chunks.next().await.unwrap().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(chunks.next().await.is_none());
    }
}
