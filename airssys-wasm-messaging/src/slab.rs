//! Numbered places for values, in chunks that are given back when they are empty.
//!
//! Numbers stay with their values, so that they can be linked by them; and what a flood leaves behind is a chunk for
//! each of its values that is still there, at most.

use std::collections::BTreeSet;

/// Places of one chunk.
pub(crate) const CHUNK: usize = 64;

/// Values by number.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    /// Empty where nothing of a chunk is in use.
    chunks: Vec<Chunk<T>>,
    /// The chunks that have room, the lowest first, so that the others can empty.
    with_room: BTreeSet<usize>,
}

#[derive(Debug)]
struct Chunk<T> {
    places: Vec<Option<T>>,
    free: Vec<u8>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), with_room: BTreeSet::new() }
    }
}

impl<T> Slab<T> {
    /// Keeps a value, and gives its number, which may have been another's that is gone.
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        let number = match self.with_room.first() {
            Some(number) => *number,
            None => {
                self.chunks.push(Chunk { places: Vec::new(), free: Vec::new() });
                self.with_room.insert(self.chunks.len() - 1);
                self.chunks.len() - 1
            }
        };
        let Some(chunk) = self.chunks.get_mut(number) else { return u32::MAX };
        let place = match chunk.free.pop() {
            Some(place) => usize::from(place),
            None => {
                chunk.places.push(None);
                chunk.places.len() - 1
            }
        };
        if let Some(free) = chunk.places.get_mut(place) {
            *free = Some(value);
        }
        if chunk.free.is_empty() && chunk.places.len() == CHUNK {
            self.with_room.remove(&number);
        }
        u32::try_from(number * CHUNK + place).unwrap_or(u32::MAX)
    }

    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        let (chunk, place) = parts(number);
        self.chunks.get(chunk)?.places.get(place)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let (chunk, place) = parts(number);
        self.chunks.get_mut(chunk)?.places.get_mut(place)?.as_mut()
    }

    /// Takes a value out, and gives its chunk back where it was the last one there.
    pub(crate) fn remove(&mut self, number: u32) -> Option<T> {
        let (number, place) = parts(number);
        let chunk = self.chunks.get_mut(number)?;
        let value = chunk.places.get_mut(place)?.take()?;
        chunk.free.push(u8::try_from(place).unwrap_or(u8::MAX));
        self.with_room.insert(number);
        // One chunk is kept, so that a single timer that comes and goes allocates nothing.
        if chunk.free.len() == chunk.places.len() && number > 0 {
            *chunk = Chunk { places: Vec::new(), free: Vec::new() };
            while self.chunks.len() > 1 && self.chunks.last().is_some_and(|last| last.places.is_empty()) {
                self.chunks.pop();
                self.with_room.remove(&self.chunks.len());
            }
        }
        Some(value)
    }

    /// Values that are kept.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.chunks.iter().flat_map(|chunk| &chunk.places).flatten().count()
    }

    /// Places that there is memory for.
    #[cfg(test)]
    pub(crate) fn room(&self) -> usize {
        let places: usize = self.chunks.iter().map(|chunk| chunk.places.capacity()).sum();
        places + self.chunks.len()
    }
}

fn parts(number: u32) -> (usize, usize) {
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    (number / CHUNK, number % CHUNK)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_keeps_what_a_map_keeps(steps in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 0..600)) {
            let mut slab = Slab::default();
            let mut model: BTreeMap<u32, usize> = BTreeMap::new();
            for (step, (inserts, which)) in steps.into_iter().enumerate() {
                if inserts || model.is_empty() {
                    prop_assert_eq!(model.insert(slab.insert(step), step), None, "a number is one value's");
                } else {
                    let number = *model.keys().nth(which.index(model.len())).unwrap();
                    prop_assert_eq!(slab.remove(number), model.remove(&number));
                    prop_assert_eq!(slab.remove(number), None);
                }
                prop_assert_eq!(slab.len(), model.len());
                prop_assert!(model.iter().all(|(number, value)| slab.get(*number) == Some(value)));
            }
        }
    }

    #[test]
    fn empty_chunks_are_given_back() {
        let mut slab = Slab::default();
        let numbers: Vec<_> = (0..10 * CHUNK).map(|value| slab.insert(value)).collect();
        let kept = numbers.iter().copied().filter(|number| *number % 512 == 511);
        let kept: Vec<_> = kept.collect();
        let mut others = numbers.iter().filter(|number| !kept.contains(number));
        assert!(others.all(|number| slab.remove(*number).is_some()));
        assert!(slab.room() <= (kept.len() + 1) * CHUNK + 10, "{}", slab.room());
        assert!(kept.iter().all(|number| slab.remove(*number).is_some()));
        assert!(slab.room() <= CHUNK + 1, "{}", slab.room());
    }
}
