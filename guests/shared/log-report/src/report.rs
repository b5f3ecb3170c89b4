//! The report and its form in JSON.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};

use serde::Serialize;

use crate::counts::text;

/// How many paths a report names.
pub const TOP_PATHS: usize = 10;

/// What is said at the end of input.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    lines: u64,
    malformed: u64,
    bytes: u128,
    by_status: BTreeMap<String, u64>,
    by_method: BTreeMap<String, u64>,
    top_paths: Vec<(String, u64)>,
}

impl Report {
    pub(crate) fn new<'a>(
        [lines, malformed]: [u64; 2],
        bytes: u128,
        by_status: BTreeMap<String, u64>,
        by_method: BTreeMap<String, u64>,
        paths: impl Iterator<Item = (&'a [u8], u64)>,
    ) -> Self {
        Self { lines, malformed, bytes, by_status, by_method, top_paths: top(paths) }
    }

    /// The report as one JSON object without white space. `bytes` can exceed 64 bits.
    pub fn to_json(&self) -> Vec<u8> {
        // Maps with text keys, text and numbers: there is nothing here that JSON cannot say.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The most frequent paths, ties in the order of their bytes.
fn top<'a>(paths: impl Iterator<Item = (&'a [u8], u64)>) -> Vec<(String, u64)> {
    // The greatest of the heap is the last of the ranking: the one that a better one replaces.
    let mut best: BinaryHeap<Rank<'a>> = BinaryHeap::with_capacity(TOP_PATHS + 1);
    for (path, count) in paths {
        let rank = Rank { count, path };
        if best.len() < TOP_PATHS {
            best.push(rank);
        } else if let Some(mut last) = best.peek_mut()
            && rank < *last
        {
            *last = rank;
        }
    }
    best.into_sorted_vec().into_iter().map(|rank| (text(rank.path), rank.count)).collect()
}

/// Ordered as in the ranking: the most frequent is the least.
#[derive(PartialEq, Eq)]
struct Rank<'a> {
    count: u64,
    path: &'a [u8],
}

impl Ord for Rank<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        (Reverse(self.count), self.path).cmp(&(Reverse(other.count), other.path))
    }
}

impl PartialOrd for Rank<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
