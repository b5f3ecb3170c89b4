//! Where a file is found: the folders in which somebody who writes could put another file in its place.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Links that one path may lead through, as many as common systems follow.
const MAX_LINKS: usize = 40;

/// The folder that the file really lies in, and the folder of each link on the way there. What is not there yet is
/// taken as it is written.
pub(crate) fn folders_of(file: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let mut left = steps(&std::path::absolute(file).unwrap_or_else(|_| file.to_owned()));
    let mut here = PathBuf::new();
    let mut links = 0;
    while let Some(step) = left.pop_front() {
        match step {
            // Beside a root there may be the name of a drive, which stays.
            Step::Root(root) => here.push(root),
            Step::Up => drop(here.pop()),
            Step::Down(name) => {
                let next = here.join(name);
                match fs::read_link(&next) {
                    Ok(target) if links < MAX_LINKS => {
                        links += 1;
                        folders.push(here.clone());
                        for step in steps(&target).into_iter().rev() {
                            left.push_front(step);
                        }
                    }
                    _ => here = next,
                }
            }
        }
    }
    folders.extend(here.parent().map(Path::to_owned));
    folders
}

/// One part of a path, as it is walked.
enum Step {
    Root(PathBuf),
    Up,
    Down(OsString),
}

fn steps(path: &Path) -> VecDeque<Step> {
    let step = |component: Component<'_>| match component {
        Component::Prefix(_) | Component::RootDir => Some(Step::Root(component.as_os_str().into())),
        Component::ParentDir => Some(Step::Up),
        Component::Normal(name) => Some(Step::Down(name.to_owned())),
        Component::CurDir => None,
    };
    path.components().filter_map(step).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_found_by_every_link_on_the_way() {
        let ground = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(&ground).unwrap();
        for folder in ["a", "b", "c/inner", "d"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("d/file"), "").unwrap();
        symlink(root.join("d/file"), root.join("c/inner/file")).unwrap();
        symlink("../c/inner", root.join("b/folder")).unwrap();
        symlink("../b/folder/file", root.join("a/file")).unwrap();
        symlink("round", root.join("a/round")).unwrap();
        let check = |file: &str, expected: &[&str]| {
            let expected: Vec<_> = expected.iter().map(|folder| root.join(folder)).collect();
            assert_eq!(folders_of(&root.join(file)), expected, "{file}");
        };
        check("d/file", &["d"]);
        check("d/not-there", &["d"]);
        check("c/inner/file", &["c/inner", "d"]);
        check("b/folder/not-there", &["b", "c/inner"]);
        check("a/file", &["a", "b", "c/inner", "d"]);
        assert_eq!(folders_of(&root.join("a/round")).len(), MAX_LINKS + 1);
    }

    #[test]
    fn a_relative_path_is_meant_from_here() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(folders_of(Path::new("not-there.toml")).last(), Some(&here));
    }
}
