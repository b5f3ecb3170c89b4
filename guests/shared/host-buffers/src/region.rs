//! Which part of a region is taken.

/// Hands out offsets in rising order and starts anew when all of them were given back.
#[derive(Debug, Default)]
pub(crate) struct Region {
    next: usize,
    live: usize,
}

impl Region {
    /// A region of which nothing is taken.
    pub(crate) const fn new() -> Self {
        Self { next: 0, live: 0 }
    }

    /// Takes `size` bytes at a multiple of `align`, a power of two, where the first `capacity` bytes
    /// have room for them.
    #[inline]
    pub(crate) fn take(&mut self, size: usize, align: usize, capacity: usize) -> Option<usize> {
        let start = (self.next + (align - 1)) & !(align - 1);
        if start > capacity || size > capacity - start {
            return None;
        }
        self.next = start + size;
        self.live += 1;
        Some(start)
    }

    /// Gives one of the parts back, whichever it is.
    #[inline]
    pub(crate) fn give_back(&mut self) {
        self.live -= 1;
        if self.live == 0 {
            self.next = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn live_parts_never_overlap(
            steps in prop::collection::vec((0_usize..300, 0_u32..5, any::<prop::sample::Index>(), any::<bool>()), 0..200),
        ) {
            const CAPACITY: usize = 1000;
            let mut region = Region::new();
            let mut live: Vec<(usize, usize)> = Vec::new();
            for (size, align, which, take) in steps {
                if take {
                    let align = 1 << align;
                    if let Some(start) = region.take(size, align, CAPACITY) {
                        prop_assert_eq!(start % align, 0);
                        prop_assert!(start + size <= CAPACITY);
                        prop_assert!(live.iter().all(|&(at, length)| start >= at + length || at >= start + size));
                        live.push((start, size));
                    } else {
                        prop_assert!(!live.is_empty() || size > CAPACITY);
                    }
                } else if !live.is_empty() {
                    live.swap_remove(which.index(live.len()));
                    region.give_back();
                }
            }
        }
    }

    #[test]
    fn a_size_near_the_largest_is_refused() {
        let mut region = Region::new();
        assert_eq!(region.take(usize::MAX, 1, 100), None);
        assert_eq!(region.take(100, 1, 100), Some(0));
        assert_eq!(region.take(1, 8, 100), None);
        region.give_back();
        assert_eq!(region.take(1, 8, 100), Some(0));
    }
}
