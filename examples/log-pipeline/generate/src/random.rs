//! Numbers at random.

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
///
/// Written out here, because the sample must stay the same to the byte and the generators of
/// the `rand` crate may change from version to version.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `bound`; 0 where that is 0. The slight bias does not matter here.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }

    pub(crate) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    /// One of the choices, the earlier ones more often; empty where there are none.
    pub(crate) fn skewed<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        let count = choices.len() as u64;
        let bound = self.below(count) + 1;
        self.pick(choices.get(..bound as usize).unwrap_or_default())
    }

    /// One of the choices; empty where there are none.
    pub(crate) fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        let at = self.below(choices.len() as u64);
        choices.get(at as usize).copied().unwrap_or_default()
    }
}
