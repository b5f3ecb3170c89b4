//! Which subscribers a topic has: a tree of patterns, one level for each segment.
//!
//! A look-up walks the topic's own path and the wildcards beside it, however many other patterns there are.

use std::collections::HashMap;

use airssys_wasm_core::{Topic, TopicPattern, TopicSegment};

/// Subscriptions by their patterns. A subscriber is told from others by its number.
#[derive(Debug)]
pub(crate) struct TopicIndex<S> {
    root: Node<S>,
}

#[derive(Debug)]
struct Node<S> {
    /// Boxed: a map has room for a few more than it holds.
    literals: HashMap<Box<str>, Box<Self>>,
    any: Option<Box<Self>>,
    /// Those whose pattern ends here.
    here: Vec<(u64, S)>,
    /// Those whose pattern ends here with `#`.
    rest: Vec<(u64, S)>,
}

impl<S> Default for Node<S> {
    fn default() -> Self {
        Self { literals: HashMap::new(), any: None, here: Vec::new(), rest: Vec::new() }
    }
}

impl<S> Default for TopicIndex<S> {
    fn default() -> Self {
        Self { root: Node::default() }
    }
}

impl<S: Clone> TopicIndex<S> {
    /// Adds a subscription, in place of the same subscriber's one to the same pattern.
    pub(crate) fn insert(&mut self, pattern: &TopicPattern, number: u64, subscriber: S) {
        let mut node = &mut self.root;
        for segment in pattern.segments() {
            node = match segment {
                TopicSegment::Literal(text) => node.literals.entry(text.into()).or_default(),
                TopicSegment::Any => node.any.get_or_insert_default(),
                // Always the last.
                TopicSegment::Rest => return add(&mut node.rest, number, subscriber),
            };
        }
        add(&mut node.here, number, subscriber);
    }

    /// Removes a subscription, and every branch that nobody needs any more.
    pub(crate) fn remove(&mut self, pattern: &TopicPattern, number: u64) {
        self.root.remove(&mut pattern.segments(), number);
    }

    /// The subscribers of a topic, each once, in the order of their numbers.
    pub(crate) fn matching(&self, topic: &Topic) -> Vec<S> {
        let mut found = Vec::new();
        let mut level = vec![&self.root];
        for segment in topic.segments() {
            let mut next = Vec::new();
            for node in level {
                found.extend(&node.rest);
                next.extend(node.literals.get(segment).map(Box::as_ref));
                next.extend(node.any.as_deref());
            }
            level = next;
        }
        found.extend(level.iter().flat_map(|node| node.rest.iter().chain(&node.here)));
        found.sort_by_key(|(number, _)| *number);
        found.dedup_by_key(|(number, _)| *number);
        found.into_iter().map(|(_, subscriber)| subscriber.clone()).collect()
    }

    /// Whether nobody is subscribed and nothing is kept.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.root.is_empty()
    }
}

impl<S> Node<S> {
    fn remove<'a>(&mut self, segments: &mut impl Iterator<Item = TopicSegment<'a>>, number: u64) {
        match segments.next() {
            None => take_out(&mut self.here, number),
            Some(TopicSegment::Rest) => take_out(&mut self.rest, number),
            Some(TopicSegment::Any) => {
                if let Some(any) = &mut self.any {
                    any.remove(segments, number);
                    if any.is_empty() {
                        self.any = None;
                    }
                }
            }
            Some(TopicSegment::Literal(text)) => {
                if let Some(node) = self.literals.get_mut(text) {
                    node.remove(segments, number);
                    if node.is_empty() {
                        self.literals.remove(text);
                    }
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.literals.is_empty() && self.any.is_none() && self.here.is_empty() && self.rest.is_empty()
    }
}

fn add<S>(subscribers: &mut Vec<(u64, S)>, number: u64, subscriber: S) {
    take_out(subscribers, number);
    subscribers.push((number, subscriber));
}

fn take_out<S>(subscribers: &mut Vec<(u64, S)>, number: u64) {
    subscribers.retain(|(other, _)| *other != number);
    if subscribers.is_empty() {
        subscribers.shrink_to_fit();
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
                let expected: BTreeSet<u64> =
                    model.iter().filter(|(_, pattern)| pattern.matches(&topic)).map(|(number, _)| *number).collect();
                prop_assert_eq!(index.matching(&topic), expected.into_iter().collect::<Vec<_>>(), "{}", topic);
            }
            for (number, pattern) in &model {
                index.remove(pattern, *number);
            }
            prop_assert!(index.is_empty(), "nothing stays behind");
        }
    }
}
