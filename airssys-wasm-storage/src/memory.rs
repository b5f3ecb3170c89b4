//! A medium in memory, which lasts as long as its store.

#![expect(
    clippy::disallowed_types,
    reason = "held for the copy of one page, on the store's own threads, never across an await"
)]

use std::fmt;
use std::io;
use std::sync::{PoisonError, RwLock};

use crate::bounds::MEMORY_CHUNK_BYTES;
use crate::medium::Medium;

/// Memory in pieces, each taken when it is first written: a database makes its file much longer than it needs at
/// once.
#[derive(Default)]
pub(crate) struct Memory(RwLock<Chunks>);

#[derive(Default)]
struct Chunks {
    len: u64,
    chunks: Vec<Option<Box<[u8]>>>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chunks = self.0.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Memory").field("len", &chunks.len).finish_non_exhaustive()
    }
}

/// Where a piece of a range lies: the chunk, where in it, and how many bytes.
fn pieces(offset: u64, bytes: usize) -> io::Result<impl Iterator<Item = (usize, usize, usize)>> {
    let mut at = usize::try_from(offset).map_err(|_| beyond())?;
    let end = at.checked_add(bytes).ok_or_else(beyond)?;
    Ok(std::iter::from_fn(move || {
        let start = at % MEMORY_CHUNK_BYTES;
        let many = (end - at).min(MEMORY_CHUNK_BYTES - start);
        let piece = (at / MEMORY_CHUNK_BYTES, start, many);
        at += many;
        (many > 0).then_some(piece)
    }))
}

fn beyond() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "beyond the end")
}

impl Chunks {
    fn check(&self, offset: u64, bytes: usize) -> io::Result<()> {
        let end = u64::try_from(bytes).ok().and_then(|bytes| offset.checked_add(bytes));
        end.filter(|end| *end <= self.len).map(|_| ()).ok_or_else(beyond)
    }
}

impl Medium for Memory {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.read().unwrap_or_else(PoisonError::into_inner).len)
    }

    fn read(&self, offset: u64, mut into: &mut [u8]) -> io::Result<()> {
        let chunks = self.0.read().unwrap_or_else(PoisonError::into_inner);
        chunks.check(offset, into.len())?;
        for (chunk, start, many) in pieces(offset, into.len())? {
            let (piece, rest) = into.split_at_mut_checked(many).ok_or_else(beyond)?;
            match chunks.chunks.get(chunk).ok_or_else(beyond)? {
                Some(bytes) => {
                    piece.copy_from_slice(bytes.get(start..start + many).ok_or_else(beyond)?);
                }
                None => piece.fill(0),
            }
            into = rest;
        }
        Ok(())
    }

    fn write(&self, offset: u64, mut bytes: &[u8]) -> io::Result<()> {
        let mut chunks = self.0.write().unwrap_or_else(PoisonError::into_inner);
        chunks.check(offset, bytes.len())?;
        for (chunk, start, many) in pieces(offset, bytes.len())? {
            let (piece, rest) = bytes.split_at_checked(many).ok_or_else(beyond)?;
            let chunk = chunks.chunks.get_mut(chunk).ok_or_else(beyond)?;
            let chunk = chunk.get_or_insert_with(|| vec![0; MEMORY_CHUNK_BYTES].into_boxed_slice());
            chunk.get_mut(start..start + many).ok_or_else(beyond)?.copy_from_slice(piece);
            bytes = rest;
        }
        Ok(())
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let mut chunks = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let len = usize::try_from(bytes).map_err(|_| beyond())?;
        chunks.chunks.resize_with(len.div_ceil(MEMORY_CHUNK_BYTES), || None);
        let kept = len % MEMORY_CHUNK_BYTES;
        if kept > 0
            && let Some(Some(last)) = chunks.chunks.last_mut()
        {
            // What is cut off must not come back when it grows again.
            last.get_mut(kept..).ok_or_else(beyond)?.fill(0);
        }
        chunks.len = bytes;
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK: u64 = MEMORY_CHUNK_BYTES as u64;

    fn read(memory: &Memory, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let mut into = vec![0xee; bytes];
        memory.read(offset, &mut into).map(|()| into)
    }

    #[test]
    fn what_is_written_across_pieces_is_read_again() -> io::Result<()> {
        let memory = Memory::default();
        memory.set_len(3 * CHUNK)?;
        let bytes: Vec<u8> = (0..MEMORY_CHUNK_BYTES + 20).map(|at| (at % 251) as u8).collect();
        memory.write(CHUNK - 10, &bytes)?;
        assert_eq!(read(&memory, CHUNK - 10, bytes.len())?, bytes);
        assert_eq!(read(&memory, CHUNK - 12, 3)?, [0, 0, 0]);
        assert_eq!(read(&memory, 3 * CHUNK - 1, 1)?, [0]);
        Ok(())
    }

    #[test]
    fn nothing_lies_beyond_the_end() -> io::Result<()> {
        let memory = Memory::default();
        memory.set_len(10)?;
        assert!(memory.write(9, &[1, 2]).is_err());
        assert!(read(&memory, 9, 2).is_err());
        assert!(read(&memory, u64::MAX, 2).is_err());
        assert!(read(&memory, 10, 0)?.is_empty());
        Ok(())
    }

    #[test]
    fn what_was_cut_off_is_zero_when_it_grows_again() -> io::Result<()> {
        let memory = Memory::default();
        memory.set_len(CHUNK + 10)?;
        memory.write(0, &vec![7; MEMORY_CHUNK_BYTES + 10])?;
        memory.set_len(5)?;
        memory.set_len(CHUNK + 10)?;
        assert_eq!(read(&memory, 0, 7)?, [7, 7, 7, 7, 7, 0, 0]);
        assert_eq!(read(&memory, CHUNK, 10)?, [0; 10]);
        Ok(())
    }
}
