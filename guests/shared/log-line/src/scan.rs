//! Finding bytes eight at a time.
//!
//! A guest pays for each instruction, and has none for many bytes unless its host offers vectors;
//! a 64-bit word it always has.

const ONES: u64 = u64::from_le_bytes([0x01; 8]);
const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);

/// Where one of two bytes is first, from `start` on.
#[inline]
pub(crate) fn find_either(text: &[u8], start: usize, a: u8, b: u8) -> Option<usize> {
    let (words_a, words_b) = (ONES * u64::from(a), ONES * u64::from(b));
    find(text, start, |word| zeros(word ^ words_a) | zeros(word ^ words_b), |byte| byte == a || byte == b)
}

/// Where a byte is first, from `start` on.
#[inline]
pub(crate) fn find_byte(text: &[u8], start: usize, byte: u8) -> Option<usize> {
    let words = ONES * u64::from(byte);
    find(text, start, |word| zeros(word ^ words), |other| other == byte)
}

/// Whether no byte is above 127.
#[inline]
pub(crate) fn is_ascii(text: &[u8]) -> bool {
    let (blocks, rest) = text.as_chunks::<32>();
    let (words, rest) = rest.as_chunks::<8>();
    let mut all = 0;
    for block in blocks {
        for word in block.as_chunks::<8>().0 {
            all |= u64::from_le_bytes(*word);
        }
    }
    for word in words {
        all |= u64::from_le_bytes(*word);
    }
    for &byte in rest {
        all |= u64::from(byte);
    }
    all & HIGHS == 0
}

/// `marks` sets the high bit of the first byte of a word that is wanted, and of none before it.
#[inline]
fn find(
    text: &[u8],
    start: usize,
    marks: impl Fn(u64) -> u64,
    is_wanted: impl Fn(u8) -> bool,
) -> Option<usize> {
    let rest = text.get(start..)?;
    let (words, tail) = rest.as_chunks::<8>();
    let mut at = start;
    for word in words {
        let marks = marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return Some(at + (marks.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    tail.iter().position(|&byte| is_wanted(byte)).map(|offset| at + offset)
}

/// The high bit of each byte that is zero. A borrow can mark bytes after the first one, never before.
#[inline]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_a_loop_finds(
            text in prop::collection::vec(prop::sample::select(&b"ab\x00\x01\x7f\x80\x81\xff\"!\\]"[..]), 0..80),
            start in 0_usize..90,
            a in prop::sample::select(&b"ab\x00\x80\"\\"[..]),
            b in prop::sample::select(&b"ab\x01\xff\"\\"[..]),
        ) {
            let expected = |wanted: &dyn Fn(u8) -> bool| (start..text.len()).find(|&at| wanted(text[at]));
            prop_assert_eq!(find_byte(&text, start, a), expected(&|byte| byte == a));
            prop_assert_eq!(find_either(&text, start, a, b), expected(&|byte| byte == a || byte == b));
        }

        #[test]
        fn ascii_is_what_std_says(mut text in prop::collection::vec(0..0x80_u8, 0..100), at: prop::sample::Index) {
            prop_assert!(is_ascii(&text));
            if !text.is_empty() {
                let at = at.index(text.len());
                text[at] |= 0x80;
                prop_assert!(!is_ascii(&text));
            }
        }
    }
}
