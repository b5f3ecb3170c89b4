//! A timer wheel: deadlines in ticks, without a clock and without I/O.
//!
//! Hierarchical and hashed, as in Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (SOSP 1987), scheme
//! 7: setting and stopping a timer takes a fixed time however many there are, which matters because nearly every
//! deadline of a request is stopped by its answer.

use crate::slab::Slab;

/// Ticks of one level are the slots of the level below.
const SLOT_BITS: u32 = 6;
const SLOTS: u64 = 1 << SLOT_BITS;
/// So many that every tick of 64 bits has its slot.
const LEVELS: u32 = 11;

/// Timers, each with a value that is given back when its time has come.
///
/// Timers of one tick come in the order in which they were set.
#[derive(Debug)]
pub(crate) struct TimerWheel<T> {
    now: u64,
    /// The first entry of each slot, of all levels.
    slots: Box<[Option<u32>]>,
    /// A bit for each slot of a level that is not empty.
    occupied: [u64; LEVELS as usize],
    entries: Slab<Entry<T>>,
    sequence: u64,
}

/// The entries of a slot are linked with one another, so that they take no memory but their own.
#[derive(Debug)]
struct Entry<T> {
    at: u64,
    sequence: u64,
    slot: usize,
    before: Option<u32>,
    after: Option<u32>,
    value: T,
}

/// Names a timer that was set. One that is over is never mistaken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimerKey {
    index: u32,
    sequence: u64,
}

impl<T> TimerWheel<T> {
    /// A wheel at tick 0.
    pub(crate) fn new() -> Self {
        Self {
            now: 0,
            slots: (0..SLOTS * u64::from(LEVELS)).map(|_| None).collect(),
            occupied: [0; LEVELS as usize],
            entries: Slab::default(),
            sequence: 0,
        }
    }

    /// Sets a timer that is due at the tick `at`, or at the next one where that has passed.
    pub(crate) fn insert(&mut self, at: u64, value: T) -> TimerKey {
        let at = at.max(self.now.saturating_add(1));
        let sequence = self.sequence;
        self.sequence += 1;
        let index = self.entries.insert(Entry { at, sequence, slot: 0, before: None, after: None, value });
        self.place(index);
        TimerKey { index, sequence }
    }

    /// Stops a timer; none where it is over already.
    pub(crate) fn cancel(&mut self, key: TimerKey) -> Option<T> {
        if self.entries.get(key.index)?.sequence != key.sequence {
            return None;
        }
        self.unlink(key.index);
        self.entries.remove(key.index).map(|entry| entry.value)
    }

    /// The first tick at which [`advance`](Self::advance) may have something to do; none while no timer is set.
    pub(crate) fn next_wake(&self) -> Option<u64> {
        self.next_slot().map(|(_, start)| start)
    }

    /// Goes on to a tick, and gives what was due until then, in the order of the deadlines. Going back does
    /// nothing.
    pub(crate) fn advance(&mut self, to: u64) -> Vec<T> {
        let mut due = Vec::new();
        while let Some((slot, start)) = self.next_slot().filter(|(_, start)| *start <= to) {
            self.now = self.now.max(start);
            let mut next = self.slots.get_mut(slot).and_then(Option::take);
            self.mark(slot, false);
            while let Some(index) = next {
                let Some(entry) = self.entries.get(index) else { break };
                next = entry.after;
                if entry.at > self.now {
                    self.place(index);
                } else if let Some(entry) = self.entries.remove(index) {
                    due.push((entry.at, entry.sequence, entry.value));
                }
            }
        }
        self.now = self.now.max(to);
        due.sort_unstable_by_key(|(at, sequence, _)| (*at, *sequence));
        due.into_iter().map(|(_, _, value)| value).collect()
    }

    /// Timers that are set.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Puts an entry where it belongs, seen from now: a level for the highest digit in which its deadline
    /// differs from now.
    fn place(&mut self, index: u32) {
        let Some(entry) = self.entries.get_mut(index) else { return };
        let level = (entry.at ^ self.now).checked_ilog2().unwrap_or(0) / SLOT_BITS;
        let slot = (entry.at >> (level * SLOT_BITS)) % SLOTS + u64::from(level) * SLOTS;
        let slot = usize::try_from(slot).unwrap_or(0);
        let first = self.slots.get_mut(slot).and_then(|first| first.replace(index));
        (entry.slot, entry.before, entry.after) = (slot, None, first);
        if let Some(second) = first.and_then(|first| self.entries.get_mut(first)) {
            second.before = Some(index);
        }
        self.mark(slot, true);
    }

    /// Takes an entry out of its slot.
    fn unlink(&mut self, index: u32) {
        let Some(entry) = self.entries.get(index) else { return };
        let (slot, before, after) = (entry.slot, entry.before, entry.after);
        if let Some(after) = after.and_then(|after| self.entries.get_mut(after)) {
            after.before = before;
        }
        if let Some(before) = before.and_then(|before| self.entries.get_mut(before)) {
            before.after = after;
        } else {
            if let Some(first) = self.slots.get_mut(slot) {
                *first = after;
            }
            self.mark(slot, after.is_some());
        }
    }

    /// The next slot that holds anything, and the tick at which it begins. The levels follow one another: what
    /// lies in a higher one comes after all that lies in a lower one.
    fn next_slot(&self) -> Option<(usize, u64)> {
        (0..LEVELS).zip(self.occupied).find(|(_, occupied)| *occupied != 0).map(|(level, occupied)| {
            let here = self.now >> (level * SLOT_BITS);
            let turned = occupied.rotate_right(u32::try_from(here % SLOTS).unwrap_or(0));
            let next = here.saturating_add(u64::from(turned.trailing_zeros()));
            let slot = next % SLOTS + u64::from(level) * SLOTS;
            (usize::try_from(slot).unwrap_or(0), next.saturating_mul(1 << (level * SLOT_BITS)))
        })
    }

    fn mark(&mut self, slot: usize, is_occupied: bool) {
        let slots = usize::try_from(SLOTS).unwrap_or(usize::MAX);
        if let Some(occupied) = self.occupied.get_mut(slot / slots) {
            let bit = 1_u64 << (slot % slots);
            *occupied = if is_occupied { *occupied | bit } else { *occupied & !bit };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::mem;

    use proptest::prelude::*;

    use super::*;
    use crate::slab::CHUNK;

    #[derive(Debug, Clone)]
    enum Step {
        Set(u64),
        Stop(prop::sample::Index),
        Pass(u64),
    }

    /// Times near and far, and the edges of the levels.
    fn ticks() -> impl Strategy<Value = u64> {
        let edge = (0_u32..40, 0_u64..3).prop_map(|(bits, off)| ((1_u64 << bits) + off).saturating_sub(1));
        prop_oneof![0_u64..5, 0_u64..200, edge, Just(u64::MAX), any::<u64>()]
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => ticks().prop_map(Step::Set),
            2 => any::<prop::sample::Index>().prop_map(Step::Stop),
            3 => prop_oneof![0_u64..70, 0_u64..10_000, ticks()].prop_map(Step::Pass),
        ];
        prop::collection::vec(step, 0..120)
    }

    proptest! {
        #[test]
        fn it_does_what_a_sorted_map_does(steps in steps()) {
            let mut wheel = TimerWheel::new();
            let mut model: BTreeMap<(u64, u64), TimerKey> = BTreeMap::new();
            let (mut now, mut set) = (0_u64, 0_u64);
            let mut over = Vec::new();
            for step in steps {
                match step {
                    Step::Set(delay) => {
                        let at = now.saturating_add(delay);
                        let key = wheel.insert(at, set);
                        model.insert((at.max(now.saturating_add(1)), set), key);
                        set += 1;
                    }
                    Step::Stop(which) if !model.is_empty() => {
                        let (at, key) = model.iter().nth(which.index(model.len())).map(|(at, key)| (*at, *key)).unwrap();
                        prop_assert_eq!(wheel.cancel(key), Some(at.1));
                        model.remove(&at);
                        over.push(key);
                    }
                    Step::Stop(_) => {}
                    Step::Pass(ticks) => {
                        now = now.saturating_add(ticks);
                        let (due, later): (BTreeMap<_, _>, _) =
                            mem::take(&mut model).into_iter().partition(|((at, _), _)| *at <= now);
                        model = later;
                        let expected: Vec<u64> = due.keys().map(|(_, value)| *value).collect();
                        over.extend(due.into_values());
                        prop_assert_eq!(wheel.advance(now), expected);
                    }
                }
                prop_assert_eq!(wheel.len(), model.len());
                let first = model.keys().next().map(|(at, _)| *at);
                // Waking early is allowed, late is not.
                prop_assert!(wheel.next_wake().is_some() == first.is_some());
                prop_assert!(wheel.next_wake() <= first.or(wheel.next_wake()));
                for key in &over {
                    prop_assert_eq!(wheel.cancel(*key), None, "what is over cannot be stopped");
                }
            }
        }
    }

    #[test]
    fn memory_is_given_back_with_the_timers() {
        let mut wheel = TimerWheel::new();
        // From slot to slot, and most of them are over before the last ones.
        for round in 0..20_u64 {
            let keys: Vec<_> = (0..10_000_u64).map(|at| wheel.insert(round * 1_000 + at, at)).collect();
            assert!(keys.into_iter().all(|key| wheel.cancel(key).is_some()));
        }
        let left = wheel.insert(5, 5);
        assert!(wheel.entries.room() <= 3 * CHUNK, "{} places are kept for one timer", wheel.entries.room());
        assert_eq!(wheel.cancel(left), Some(5));
        assert!(wheel.slots.iter().all(Option::is_none));
    }
}
