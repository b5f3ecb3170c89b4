//! The enforcements that are taken out, and the rows that must turn red by it: `attacks/mutations.toml`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// Where the table is.
const PATH: &str = "attacks/mutations.toml";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mutations {
    pub(super) mutation: Vec<Mutation>,
    /// Rows that no mutation turns red.
    #[serde(default)]
    pub(super) exemption: Vec<Exemption>,
}

/// One enforcement taken out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mutation {
    pub(super) name: String,
    /// What the host does then, in one sentence.
    pub(super) why: String,
    /// The rows that must turn red, by their limit.
    pub(super) red: BTreeSet<String>,
    edit: Vec<Edit>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    file: String,
    /// What is in the file exactly once.
    text: String,
    replacement: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exemption {
    /// The row.
    pub(super) limit: String,
    /// Why its enforcement cannot be taken out by an edit.
    pub(super) reason: String,
}

impl Mutations {
    /// The table of the workspace at `root`.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let text = fs::read_to_string(root.join(PATH)).with_context(|| format!("cannot read {PATH}"))?;
        toml::from_str(&text).with_context(|| format!("{PATH} is not what it should be"))
    }

    /// Those with these names in the order of the table; all of them without names.
    pub(super) fn chosen(&self, names: &[String]) -> Result<Vec<&Mutation>> {
        let unknown = names.iter().find(|name| self.mutation.iter().all(|mutation| mutation.name != **name));
        if let Some(name) = unknown {
            let known: Vec<_> = self.mutation.iter().map(|mutation| mutation.name.as_str()).collect();
            bail!("no mutation is called `{name}`; there are: {}", known.join(", "));
        }
        let is_chosen = |mutation: &&Mutation| names.is_empty() || names.contains(&mutation.name);
        Ok(self.mutation.iter().filter(is_chosen).collect())
    }
}

impl Mutation {
    /// Takes the enforcement out of the sources at `root`.
    pub(super) fn apply(&self, root: &Path) -> Result<()> {
        for Edit { file, text, replacement } in &self.edit {
            let path = root.join(file);
            let source = fs::read_to_string(&path).with_context(|| format!("cannot read {file}"))?;
            let count = source.matches(text.as_str()).count();
            if count != 1 {
                bail!("{}: `{text}` is in {file} {count} times, not once", self.name);
            }
            fs::write(&path, source.replace(text.as_str(), replacement))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn every_enforcement_can_be_taken_out_of_the_sources_as_they_are() -> Result<()> {
        let root = workspace::root();
        let copy = tempfile::tempdir()?;
        for mutation in &Mutations::read(&root)?.mutation {
            assert!(!mutation.edit.is_empty() && !mutation.red.is_empty(), "{}", mutation.name);
            for edit in &mutation.edit {
                assert_ne!(edit.text, edit.replacement, "{}", mutation.name);
                let place = copy.path().join(&edit.file);
                fs::create_dir_all(place.parent().context("a file lies in a folder")?)?;
                fs::copy(root.join(&edit.file), place).with_context(|| edit.file.clone())?;
            }
            mutation.apply(copy.path())?;
        }
        Ok(())
    }

    #[test]
    fn a_name_is_one_mutation_with_a_reason() -> Result<()> {
        let mutations = Mutations::read(&workspace::root())?;
        let names: BTreeSet<_> = mutations.mutation.iter().map(|mutation| &mutation.name).collect();
        assert_eq!(names.len(), mutations.mutation.len());
        for mutation in &mutations.mutation {
            assert!(mutation.why.ends_with('.'), "{}", mutation.name);
        }
        Ok(())
    }

    #[test]
    fn mutations_are_chosen_by_name() -> Result<()> {
        let entry = |name: &str| {
            format!(
                "[[mutation]]\nname = \"{name}\"\nwhy = \".\"\nred = [\"r\"]\n\
                 [[mutation.edit]]\nfile = \"f\"\ntext = \"a\"\nreplacement = \"b\"\n"
            )
        };
        let mutations: Mutations = toml::from_str(&["one", "two", "three"].map(entry).concat())?;
        let names = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            let chosen = mutations.chosen(&names)?;
            anyhow::Ok(chosen.iter().map(|mutation| mutation.name.clone()).collect::<Vec<_>>())
        };
        assert_eq!(names(&[])?, ["one", "two", "three"]);
        assert_eq!(names(&["three", "one"])?, ["one", "three"]);
        assert!(names(&["one", "four"]).is_err_and(|error| error.to_string().contains("`four`")));
        Ok(())
    }

    #[test]
    fn a_text_that_is_not_there_once_is_refused() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let edit = Edit { file: "f".to_owned(), text: "limit".to_owned(), replacement: "none".to_owned() };
        let mutation =
            Mutation { name: "n".to_owned(), why: String::new(), red: BTreeSet::new(), edit: vec![edit] };
        for (source, applied) in [("a limit b", Some("a none b")), ("a b", None), ("limit limit", None)] {
            fs::write(folder.path().join("f"), source)?;
            let expected = applied.unwrap_or(source);
            assert_eq!(mutation.apply(folder.path()).is_ok(), applied.is_some(), "{source}");
            assert_eq!(fs::read_to_string(folder.path().join("f"))?, expected);
        }
        Ok(())
    }
}
