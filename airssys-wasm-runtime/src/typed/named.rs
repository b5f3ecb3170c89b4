//! Things that a type knows by name, in their order: fields, cases, flags.

/// Named things in order, and found by name without a look at each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named<T> {
    entries: Vec<(String, T)>,
    /// Numbers of the entries, sorted by their names.
    sorted: Vec<usize>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Entry<'t, T> {
    pub(crate) number: usize,
    pub(crate) name: &'t str,
    pub(crate) what: &'t T,
}

impl<T> Named<T> {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &T)> {
        self.entries.iter().map(|(name, what)| (name.as_str(), what))
    }

    pub(crate) fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_str())
    }

    pub(crate) fn get(&self, number: usize) -> Option<Entry<'_, T>> {
        self.entries.get(number).map(|(name, what)| Entry { number, name, what })
    }

    pub(crate) fn find(&self, name: &str) -> Option<Entry<'_, T>> {
        let found = self.sorted.binary_search_by(|number| {
            self.entries.get(*number).map_or("", |(own, _)| own.as_str()).cmp(name)
        });
        self.get(self.sorted.get(found.ok()?).copied()?)
    }
}

impl<T> FromIterator<(String, T)> for Named<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(entries: I) -> Self {
        let entries: Vec<(String, T)> = entries.into_iter().collect();
        let mut sorted: Vec<usize> = (0..entries.len()).collect();
        sorted.sort_by_key(|number| entries.get(*number).map_or("", |(name, _)| name.as_str()));
        Self { entries, sorted }
    }
}

impl FromIterator<String> for Named<()> {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        names.into_iter().map(|name| (name, ())).collect()
    }
}
