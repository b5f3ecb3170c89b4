//! What the README promises of this crate.

use airssys_wasm_system::UNSUPPORTED_IMPORTS;

#[test]
fn the_readme_lists_the_imports_that_are_not_supported_and_no_others() {
    let readme = include_str!("../../../README.md");
    let section = readme.split("## What this version does not do yet").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let names: Vec<&str> = section.split('`').skip(1).step_by(2).collect();
    let imports = |name: &&str| ["messaging.", "peer.", "storage."].iter().any(|part| name.starts_with(part));
    let listed: Vec<&str> = names.into_iter().filter(imports).collect();
    assert_eq!(listed, UNSUPPORTED_IMPORTS);
}
