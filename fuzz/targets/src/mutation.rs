//! Changes inputs at random, and the same way each time.

use rand::rngs::SmallRng;
use rand::{Rng, RngCore, SeedableRng};

/// Most changes of one input.
const MAX_CHANGES: u32 = 6;

/// Longest piece that is inserted, removed or repeated.
const MAX_PIECE: usize = 32;

/// Pieces that mean something to one of the readers.
const WORDS: &[&[u8]] = &[
    b"[",
    b"]",
    b"{",
    b"}",
    b"=",
    b".",
    b",",
    b"\"",
    b"'''",
    b"#",
    b"\n",
    b"\r\n",
    b"\\u0000",
    b"nan",
    b"-1",
    b"0x",
    b"1e999",
    b"18446744073709551616",
    b"true",
    b"[[component]]\n",
    b"[resources.memory]\n",
    b"max_bytes",
    b"name",
    b"/",
    b"*",
    b"--",
    b"host/",
    b"logs/*",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xae",
    b"\xff",
    b"\0asm",
    b"\x0d\0\x01\0",
    b"\x80\x80\x80\x80\x80\x01",
    b"\xff\xff\xff\xff\x0f",
    b"\x7f",
    b"\0",
];

/// Makes inputs from seeds. The same number makes the same inputs.
#[derive(Debug)]
pub struct Mutator(SmallRng);

impl Mutator {
    /// A mutator with this beginning.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    /// One of the seeds, changed in a few places.
    pub fn change(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut input = self.pick(seeds).cloned().unwrap_or_default();
        // Mostly few, so that much of what a seed says still holds.
        let most = self.0.random_range(1..=MAX_CHANGES);
        for _ in 0..self.0.random_range(1..=most) {
            self.change_once(&mut input, seeds);
        }
        input
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = self.below(from.len());
        from.get(at)
    }

    /// A number below `end`, or zero.
    fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { self.0.random_range(0..end) }
    }

    /// Where a piece of at most [`MAX_PIECE`] bytes lies.
    fn piece(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length);
        let end = (start + 1 + self.below(MAX_PIECE)).min(length);
        start..end
    }

    fn change_once(&mut self, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.below(input.len() + 1);
        match self.0.random_range(0..8) {
            0 => {
                let bit = self.0.random_range(0..8);
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            1 => {
                let value = self.0.next_u32().to_le_bytes();
                if let Some(byte) = input.get_mut(at) {
                    [*byte, ..] = value;
                }
            }
            2 => {
                let word = self.pick(WORDS).copied().unwrap_or_default();
                input.splice(at..at, word.iter().copied());
            }
            3 => {
                let piece = self.piece(input.len());
                input.drain(piece);
            }
            4 => {
                let piece = self.piece(input.len());
                let copy = input.get(piece).unwrap_or_default().to_vec();
                input.splice(at..at, copy);
            }
            5 => input.truncate(at),
            6 => {
                let other = self.pick(seeds).cloned().unwrap_or_default();
                let piece = self.piece(other.len());
                input.splice(at..at, other.get(piece).unwrap_or_default().iter().copied());
            }
            _ => {
                // A small step from what was there reaches neighbours of counts and kinds.
                let step = self.0.random_range(1..=3_u8);
                if let Some(byte) = input.get_mut(at) {
                    *byte = byte.wrapping_add(step);
                }
            }
        }
    }

    /// `input` with bytes overwritten as `changes` say, three bytes for each: where, in two, and what.
    pub(crate) fn overwritten(input: &[u8], changes: &[u8]) -> Vec<u8> {
        let mut changed = input.to_vec();
        for change in changes.chunks_exact(3) {
            let [low, high, value] = *change else { continue };
            let at = usize::from(u16::from_le_bytes([low, high])) % changed.len().max(1);
            if let Some(byte) = changed.get_mut(at) {
                *byte = value;
            }
        }
        changed
    }
}
