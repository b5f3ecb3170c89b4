//! Lines out of chunks of bytes.
//!
//! Invariant: what is kept of an unfinished line is never longer than the limit, however long the line is.

use bytes::Bytes;
use memchr::memchr;

/// One line, without its LF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) bytes: Bytes,
    /// Whether it was longer than the limit.
    pub(crate) is_cut: bool,
}

/// Splits chunks into lines without their LF. A line beyond the limit is cut at it.
#[derive(Debug)]
pub(crate) struct LineSplitter {
    max_bytes: usize,
    /// The beginning of a line that earlier chunks did not finish.
    begun: Vec<u8>,
    /// Whether a line is begun: one of no bytes so far is not, because it may be the end of the input.
    is_begun: bool,
    /// Whether the begun line is longer than the limit.
    is_cut: bool,
}

impl LineSplitter {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, begun: Vec::new(), is_begun: false, is_cut: false }
    }

    /// The next line that ends in `chunk`, which is left with what comes after it. None when no more lines
    /// end in it; then all of it has been taken.
    pub(crate) fn next_line(&mut self, chunk: &mut &[u8]) -> Option<Line> {
        let rest = *chunk;
        let Some((line, after)) = memchr(b'\n', rest).and_then(|at| rest.split_at_checked(at)) else {
            self.begin(rest);
            *chunk = &[];
            return None;
        };
        *chunk = after.get(1..).unwrap_or_default();
        if self.is_begun {
            self.begin(line);
            return Some(self.take());
        }
        let bytes = Bytes::copy_from_slice(line.get(..self.max_bytes).unwrap_or(line));
        Some(Line { is_cut: bytes.len() < line.len(), bytes })
    }

    /// The last line, where the input does not end with an LF.
    pub(crate) fn finish(&mut self) -> Option<Line> {
        self.is_begun.then(|| self.take())
    }

    fn begin(&mut self, part: &[u8]) {
        let room = self.max_bytes.saturating_sub(self.begun.len());
        self.begun.extend_from_slice(part.get(..room).unwrap_or(part));
        self.is_cut |= part.len() > room;
        self.is_begun |= !part.is_empty();
    }

    fn take(&mut self) -> Line {
        let bytes = Bytes::copy_from_slice(&self.begun);
        self.begun.clear();
        self.is_begun = false;
        Line { bytes, is_cut: std::mem::take(&mut self.is_cut) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The lines of `input`, and which were cut, when it comes in chunks of these lengths, over and over.
    fn split(input: &[u8], chunks: &[usize], max_bytes: usize) -> Vec<(Vec<u8>, bool)> {
        let mut splitter = LineSplitter::new(max_bytes);
        let mut lines = Vec::new();
        let mut rest = input;
        let mut lengths = chunks.iter().cycle();
        while !rest.is_empty() {
            let (mut chunk, after) = rest.split_at((*lengths.next().unwrap()).min(rest.len()));
            rest = after;
            while let Some(line) = splitter.next_line(&mut chunk) {
                lines.push((line.bytes.to_vec(), line.is_cut));
                assert!(splitter.begun.is_empty());
            }
            assert!(chunk.is_empty());
            assert!(splitter.begun.len() <= max_bytes);
        }
        lines.extend(splitter.finish().map(|line| (line.bytes.to_vec(), line.is_cut)));
        assert_eq!(splitter.finish(), None);
        lines
    }

    fn naively(input: &[u8], max_bytes: usize) -> Vec<(Vec<u8>, bool)> {
        let mut lines: Vec<_> = input.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        if lines.last().is_some_and(Vec::is_empty) {
            lines.pop();
        }
        let cut = |line: Vec<u8>| (line.iter().copied().take(max_bytes).collect(), line.len() > max_bytes);
        lines.into_iter().map(cut).collect()
    }

    #[track_caller]
    fn check(input: &[u8], expected: &[&[u8]]) {
        for length in 1..=input.len().max(1) {
            let lines = split(input, &[length], 5);
            let bytes: Vec<_> = lines.iter().map(|(bytes, _)| bytes.as_slice()).collect();
            assert_eq!(bytes, expected, "chunks of {length}");
        }
    }

    #[test]
    fn lines_are_what_lies_between_line_feeds() {
        check(b"", &[]);
        check(b"\n", &[b""]);
        check(b"\n\n", &[b"", b""]);
        check(b"a", &[b"a"]);
        check(b"a\nb", &[b"a", b"b"]);
        check(b"a\nb\n", &[b"a", b"b"]);
        check(b"a\r\n\r\nb\r", &[b"a\r", b"\r", b"b\r"]);
        check(b"\xff\0\n\xfe", &[b"\xff\0", b"\xfe"]);
    }

    #[test]
    fn a_long_line_is_cut_at_the_limit() {
        check(b"12345\n123456\n1234567890123\n1", &[b"12345", b"12345", b"12345", b"1"]);
        check(b"1234567890", &[b"12345"]);
        let cut: Vec<_> =
            split(b"12345\n123456\n1\n", &[3], 5).into_iter().map(|(_, is_cut)| is_cut).collect();
        assert_eq!(cut, [false, true, false]);
    }

    proptest! {
        #[test]
        fn chunks_make_no_difference(
            input in vec(prop_oneof![3 => Just(b'\n'), 2 => Just(b'\r'), 9 => any::<u8>()], 0..400),
            chunks in vec(1usize..70, 1..20),
            max_bytes in 1usize..40,
        ) {
            prop_assert_eq!(split(&input, &chunks, max_bytes), naively(&input, max_bytes));
        }
    }
}
