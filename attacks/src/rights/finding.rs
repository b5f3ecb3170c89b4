//! What is wrong with the matrix.

use std::collections::BTreeSet;

/// Everything that does not hold, a sentence each.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<String>);

impl Findings {
    pub(super) fn add(&mut self, finding: impl Into<String>) {
        self.0.push(finding.into());
    }

    /// What is in one set of names and not in the other.
    pub(super) fn compare(
        &mut self,
        (ours, in_ours_only): (&BTreeSet<String>, &str),
        (theirs, in_theirs_only): (&BTreeSet<String>, &str),
    ) {
        ours.difference(theirs).for_each(|name| self.add(format!("{name} {in_ours_only}")));
        theirs.difference(ours).for_each(|name| self.add(format!("{name} {in_theirs_only}")));
    }

    pub(super) fn into_sentences(self) -> Vec<String> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_are_told() {
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
        let mut findings = Findings::default();
        findings.compare((&set(&["a", "b"]), "has no row"), (&set(&["b", "c"]), "is not linked"));
        assert_eq!(findings.into_sentences(), ["a has no row", "c is not linked"]);
    }
}
