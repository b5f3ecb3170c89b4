//! Which subscribers a topic has: patterns in the order of their texts, searched by the prefixes of the topic.
//!
//! A look-up follows the topic's own segments and the wildcards beside them, however many other patterns there
//! are, and can be interrupted after each step: whoever holds the index locked gives it back in between, and what
//! many have subscribed to keeps nobody from subscribing.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use airssys_wasm_core::{Topic, TopicPattern};

/// Subscriptions by their patterns. A subscriber is told from others by its number.
#[derive(Debug)]
pub(crate) struct TopicIndex<S> {
    patterns: BTreeMap<Arc<str>, BTreeMap<u64, S>>,
}

impl<S> Default for TopicIndex<S> {
    fn default() -> Self {
        Self { patterns: BTreeMap::new() }
    }
}

/// A look-up on its way. Whoever is subscribed from its beginning to its end is found, once for each of its
/// patterns.
#[derive(Debug)]
pub(crate) struct Search {
    segments: Vec<Box<str>>,
    /// What is still to be looked at, the next last.
    left: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    /// Patterns that begin with these segments.
    Branch { prefix: String, depth: usize },
    /// The subscribers of one pattern behind this number.
    Pattern { text: String, after: Option<u64> },
}

impl Search {
    pub(crate) fn new(topic: &Topic) -> Self {
        let segments = topic.segments().map(Box::from).collect();
        Self { segments, left: vec![Step::Branch { prefix: String::new(), depth: 0 }] }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.left.is_empty()
    }
}

impl<S: Clone> TopicIndex<S> {
    /// Adds a subscription, in place of the same subscriber's one to the same pattern.
    pub(crate) fn insert(&mut self, pattern: &TopicPattern, number: u64, subscriber: S) {
        match self.patterns.get_mut(pattern.as_str()) {
            Some(subscribers) => subscribers.insert(number, subscriber),
            None => {
                self.patterns.insert(pattern.as_str().into(), BTreeMap::from([(number, subscriber)]));
                None
            }
        };
    }

    /// Removes a subscription, and the pattern with its last subscriber.
    pub(crate) fn remove(&mut self, pattern: &TopicPattern, number: u64) {
        if let Some(subscribers) = self.patterns.get_mut(pattern.as_str()) {
            subscribers.remove(&number);
            if subscribers.is_empty() {
                self.patterns.remove(pattern.as_str());
            }
        }
    }

    /// Goes on with a look-up for so many steps, of which each subscriber that is found is one. Those found, with
    /// their numbers.
    pub(crate) fn search(&self, search: &mut Search, steps: usize) -> Vec<(u64, S)> {
        let mut found = Vec::new();
        let mut looked = 0;
        while looked + found.len() < steps
            && let Some(step) = search.left.pop()
        {
            looked += 1;
            match step {
                Step::Branch { prefix, depth } => self.branch(search, &prefix, depth),
                Step::Pattern { text, after } => {
                    let Some(subscribers) = self.patterns.get(text.as_str()) else { continue };
                    let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
                    let mut behind = subscribers.range((begin, Bound::Unbounded));
                    // At least one, so that every step comes nearer to the end.
                    let room = steps.saturating_sub(looked + found.len()).max(1);
                    found.extend(behind.by_ref().take(room).map(|(number, one)| (*number, one.clone())));
                    if behind.next().is_some() {
                        let after = found.last().map(|(number, _)| *number);
                        search.left.push(Step::Pattern { text, after });
                    }
                }
            }
        }
        found
    }

    /// What follows after the first segments of the topic.
    fn branch(&self, search: &mut Search, prefix: &str, depth: usize) {
        let longer = |segment: &str| match depth {
            0 => segment.to_owned(),
            _ => format!("{prefix}.{segment}"),
        };
        let Search { segments, left } = search;
        let rest = longer("#");
        if self.patterns.contains_key(rest.as_str()) {
            left.push(Step::Pattern { text: rest, after: None });
        }
        let Some(segment) = segments.get(depth) else {
            // All segments are there. A pattern is never empty, as a topic is not.
            if self.patterns.contains_key(prefix) {
                left.push(Step::Pattern { text: prefix.to_owned(), after: None });
            }
            return;
        };
        for next in [&**segment, "*"] {
            let prefix = longer(next);
            if self.has_any(&prefix) {
                left.push(Step::Branch { prefix, depth: depth + 1 });
            }
        }
    }

    /// Whether any pattern begins with these segments.
    fn has_any(&self, prefix: &str) -> bool {
        let behind = format!("{prefix}.");
        let first = (Bound::Included(behind.as_str()), Bound::Unbounded);
        self.patterns.contains_key(prefix)
            || self.patterns.range::<str, _>(first).next().is_some_and(|(text, _)| text.starts_with(&behind))
    }

    /// Whether nobody is subscribed and nothing is kept.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn patterns() -> impl Strategy<Value = TopicPattern> {
        let segment = prop_oneof![Just("a"), Just("b"), Just("a-b"), Just("*")];
        (prop::collection::vec(segment, 0..4), any::<bool>()).prop_map(|(mut segments, rest)| {
            if rest || segments.is_empty() {
                segments.push("#");
            }
            segments.join(".").parse().unwrap()
        })
    }

    fn topics() -> impl Strategy<Value = Topic> {
        let segment = prop_oneof![Just("a"), Just("b"), Just("a-b"), Just("c")];
        prop::collection::vec(segment, 1..5).prop_map(|segments| segments.join(".").parse().unwrap())
    }

    proptest! {
        #[test]
        fn it_finds_what_the_patterns_mean(
            steps in prop::collection::vec((patterns(), 0_u64..5, any::<bool>()), 0..40),
            topics in prop::collection::vec(topics(), 1..8),
            steps_at_once in 1_usize..5,
        ) {
            let mut index = TopicIndex::default();
            let mut model: BTreeSet<(u64, TopicPattern)> = BTreeSet::new();
            for (pattern, number, subscribes) in steps {
                if subscribes {
                    index.insert(&pattern, number, number);
                    model.insert((number, pattern));
                } else {
                    index.remove(&pattern, number);
                    model.remove(&(number, pattern));
                }
            }
            for topic in topics {
                let mut expected: Vec<u64> =
                    model.iter().filter(|(_, pattern)| pattern.matches(&topic)).map(|(number, _)| *number).collect();
                expected.sort_unstable();
                let mut search = Search::new(&topic);
                let mut found = Vec::new();
                while !search.is_over() {
                    let some = index.search(&mut search, steps_at_once);
                    prop_assert!(some.len() <= steps_at_once);
                    prop_assert!(some.iter().all(|(number, subscriber)| number == subscriber));
                    found.extend(some.into_iter().map(|(number, _)| number));
                }
                found.sort_unstable();
                prop_assert_eq!(found, expected, "{}", topic);
            }
            for (number, pattern) in &model {
                index.remove(pattern, *number);
            }
            prop_assert!(index.is_empty(), "nothing stays behind");
        }
    }

    #[test]
    fn who_stays_is_found_whatever_others_do_meanwhile() {
        let mut index = TopicIndex::default();
        let (pattern, other): (TopicPattern, TopicPattern) = ("a.*".parse().unwrap(), "a.#".parse().unwrap());
        for number in 0..100_u64 {
            index.insert(if number % 3 == 0 { &other } else { &pattern }, number, ());
        }
        let mut search = Search::new(&"a.b".parse().unwrap());
        let mut found = BTreeSet::new();
        let mut round = 0;
        while !search.is_over() {
            found.extend(index.search(&mut search, 4).into_iter().map(|(number, ())| number));
            // The even ones stay.
            index.remove(&pattern, 2 * round + 1);
            index.remove(&other, 2 * round + 1);
            index.insert(&pattern, 1_000 + round, ());
            round += 1;
            assert!(round < 1_000, "newcomers do not hold it up for ever");
        }
        assert!((0..100).step_by(2).all(|number| found.contains(&number)));
    }
}
