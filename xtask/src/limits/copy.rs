//! A copy of the sources, in which enforcements can be taken out.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::workspace;

/// Makes `copy` the same as the workspace at `root`, whatever was changed in it. A file that is the same already is
/// left alone, so that Cargo sees what has changed and nothing else.
pub(super) fn renew(root: &Path, copy: &Path) -> Result<()> {
    fs::create_dir_all(copy)?;
    let files: BTreeSet<String> = workspace::files(root)?.into_iter().collect();
    for path in workspace::files(copy)?.iter().filter(|path| !files.contains(*path)) {
        // Cargo takes every file of some folders for a program or a test.
        fs::remove_file(copy.join(path)).with_context(|| format!("cannot remove {path} from the copy"))?;
    }
    for path in &files {
        let original = fs::read(root.join(path)).with_context(|| format!("cannot read {path}"))?;
        let place = copy.join(path);
        if fs::read(&place).is_ok_and(|present| present == original) {
            continue;
        }
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&place, original).with_context(|| format!("cannot write the copy of {path}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_becomes_the_same_again() -> Result<()> {
        let (original, copy) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let write = |folder: &Path, path: &str, text: &str| {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
            anyhow::Ok(fs::write(path, text)?)
        };
        write(original.path(), "a.rs", "a")?;
        write(original.path(), "inner/b.rs", "b")?;
        renew(original.path(), copy.path())?;
        let untouched = fs::metadata(copy.path().join("a.rs"))?.modified()?;
        write(copy.path(), "inner/b.rs", "changed")?;
        write(copy.path(), "inner/more.rs", "more")?;
        renew(original.path(), copy.path())?;
        assert_eq!(workspace::files(copy.path())?, ["a.rs", "inner/b.rs"]);
        assert_eq!(fs::read_to_string(copy.path().join("inner/b.rs"))?, "b");
        assert_eq!(fs::metadata(copy.path().join("a.rs"))?.modified()?, untouched);
        Ok(())
    }
}
