//! How often each of many byte strings was seen.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// The bytes of keys are stored in pieces of this size: large enough for any key of a line, small
/// enough that the unused end of the last piece does not matter.
const PIECE_BYTES: usize = 128 * 1024;

/// Counts of byte strings, each at most 65,535 bytes long.
#[derive(Debug, Default)]
pub struct Tally {
    table: HashTable<Slot>,
    pieces: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Slot {
    /// Where the key starts, were all pieces one.
    start: usize,
    length: u16,
    count: u64,
}

impl Tally {
    /// Counts a key once more. Its bytes beyond the 65,535th are ignored.
    pub fn add(&mut self, key: &[u8]) {
        let length = key.len().min(usize::from(u16::MAX)) as u16;
        let key = &key[..usize::from(length)];
        let Self { table, pieces } = self;
        let found = table.find_mut(hash(key), |slot| slot.key(pieces) == key);
        if let Some(slot) = found {
            slot.count += 1;
            return;
        }
        let start = store(pieces, key);
        table.insert_unique(hash(key), Slot { start, length, count: 1 }, |slot| hash(slot.key(pieces)));
    }

    /// Every key with its count, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.table.iter().map(|slot| (slot.key(&self.pieces), slot.count))
    }
}

impl Slot {
    fn key<'a>(&self, pieces: &'a [Vec<u8>]) -> &'a [u8] {
        let at = self.start % PIECE_BYTES;
        &pieces[self.start / PIECE_BYTES][at..at + usize::from(self.length)]
    }
}

fn store(pieces: &mut Vec<Vec<u8>>, key: &[u8]) -> usize {
    if pieces.last().is_none_or(|piece| piece.len() + key.len() > PIECE_BYTES) {
        pieces.push(Vec::with_capacity(PIECE_BYTES));
    }
    let index = pieces.len() - 1;
    let piece = &mut pieces[index];
    let start = index * PIECE_BYTES + piece.len();
    piece.extend_from_slice(key);
    start
}

/// The seed is fixed: whoever makes collisions slows down the count of the own log, no more.
fn hash(key: &[u8]) -> u64 {
    let mut hasher = FixedState::with_seed(0x10c).build_hasher();
    hasher.write(key);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn counts_as_a_map_does(keys in prop::collection::vec("[a-c]{0,4}|[a-z]{0,40}", 0..300)) {
            let mut tally = Tally::default();
            let mut expected: HashMap<&[u8], u64> = HashMap::new();
            for key in &keys {
                tally.add(key.as_bytes());
                *expected.entry(key.as_bytes()).or_default() += 1;
            }
            let counted: Vec<_> = tally.iter().collect();
            prop_assert_eq!(counted.len(), expected.len());
            prop_assert_eq!(counted.into_iter().collect::<HashMap<_, _>>(), expected);
        }
    }

    #[test]
    fn keys_of_any_length_over_many_pieces() {
        let keys: Vec<Vec<u8>> =
            (0..200_usize).map(|n| n.to_string().repeat(n * n % 25_000 + 1).into_bytes()).collect();
        let mut tally = Tally::default();
        for key in keys.iter().chain(&keys) {
            tally.add(key);
        }
        assert!(tally.pieces.len() > 10);
        let expected: HashMap<_, _> = keys.iter().map(|key| (&key[..key.len().min(65_535)], 2)).collect();
        assert_eq!(tally.iter().collect::<HashMap<_, _>>(), expected);
    }
}
