//! Imports that nobody offers, as a text of bounded length.

use std::fmt;

use crate::bounds::MAX_MISSING_NAMES_BYTES;
use crate::text::cut;

/// What a component imports and the host does not offer: the names, sorted, and how many more there are than
/// [`MAX_MISSING_NAMES_BYTES`] hold.
///
/// A component may import thousands of names, each as long as a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingImports {
    names: Vec<String>,
    more: usize,
}

impl MissingImports {
    /// Of these, which are sorted, as many as the bound allows, and one at least; that one is cut where it is
    /// longer.
    pub(crate) fn of(mut names: Vec<String>) -> Self {
        let all = names.len();
        if let Some(first) = names.first_mut() {
            cut(first, MAX_MISSING_NAMES_BYTES);
        }
        let mut left = MAX_MISSING_NAMES_BYTES;
        let fitting = names.iter().take_while(|name| {
            let rest = left.checked_sub(name.len());
            left = rest.unwrap_or(0);
            rest.is_some()
        });
        let fitting = fitting.count();
        names.truncate(fitting);
        names.shrink_to_fit();
        Self { names, more: all - fitting }
    }

    /// The names that are held, sorted.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many there are besides.
    #[must_use]
    pub fn more(&self) -> usize {
        self.more
    }
}

impl fmt::Display for MissingImports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names.join(", ");
        match self.more {
            0 => f.write_str(&names),
            // How many there are comes first, for those who show no more than the beginning.
            more => write!(f, "{} imports: {names} and {more} more", self.names.len() + more),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[String], held: usize, more: usize) {
        let missing = MissingImports::of(names.to_vec());
        assert_eq!((missing.names().len(), missing.more()), (held, more));
        let bytes: usize = missing.names().iter().map(String::capacity).sum();
        assert!(bytes <= MAX_MISSING_NAMES_BYTES, "{bytes}");
        let text = missing.to_string();
        assert_eq!(text.ends_with(&format!(" and {more} more")), more > 0, "{text}");
        assert_eq!(text.starts_with(&format!("{} imports: ", held + more)), more > 0, "{text}");
        assert!(names.iter().take(held.saturating_sub(1)).all(|name| text.contains(name.as_str())));
    }

    #[test]
    fn as_many_as_fit_are_held_and_the_others_counted() {
        let name = |bytes: usize| "n".repeat(bytes);
        check(&[name(10), name(20)], 2, 0);
        check(&vec![name(1_024); 8], 8, 0);
        check(&vec![name(1_024); 9], 8, 1);
        check(&[name(MAX_MISSING_NAMES_BYTES), name(1)], 1, 1);
        check(&[name(MAX_MISSING_NAMES_BYTES + 1)], 1, 0);
        check(&[name(1), name(MAX_MISSING_NAMES_BYTES), name(1)], 1, 2);
    }
}
