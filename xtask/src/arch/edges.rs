//! Which crate may use which: the one table, and the graph that Cargo resolves held against it.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, Package, PackageId, TargetKind};

use super::{DEPTH, EDGES, Violation, is_engine};

/// One line of the table.
#[derive(Debug)]
struct Row {
    name: &'static str,
    folder: &'static str,
    /// Internal crates that it may use, whether to build, to run or to test.
    may_use: &'static [&'static str],
    /// Whether it may depend on the engine directly.
    engine: bool,
    /// Outside crates that it must not reach, however deep.
    must_not_reach: &'static [&'static str],
}

const CORE: &str = "airssys-wasm-core";
const SECURITY: &str = "airssys-wasm-security";
pub(super) const RUNTIME: &str = "airssys-wasm-runtime";
const MESSAGING: &str = "airssys-wasm-messaging";
const STORAGE: &str = "airssys-wasm-storage";
const SYSTEM: &str = "airssys-wasm-system";

/// Arrows point down only. A crate that is not here does not belong to the workspace.
const TABLE: &[Row] = &[
    Row { name: CORE, folder: CORE, may_use: &[], engine: false, must_not_reach: &["wasmtime", "tokio"] },
    Row {
        name: SECURITY,
        folder: SECURITY,
        may_use: &[CORE],
        engine: false,
        must_not_reach: &["wasmtime", "tokio"],
    },
    Row { name: RUNTIME, folder: RUNTIME, may_use: &[CORE, SECURITY], engine: true, must_not_reach: &[] },
    Row {
        name: MESSAGING,
        folder: MESSAGING,
        may_use: &[CORE],
        engine: false,
        must_not_reach: &["wasmtime"],
    },
    Row { name: STORAGE, folder: STORAGE, may_use: &[CORE], engine: false, must_not_reach: &["wasmtime"] },
    Row {
        name: SYSTEM,
        folder: SYSTEM,
        may_use: &[CORE, SECURITY, RUNTIME, MESSAGING, STORAGE],
        engine: false,
        must_not_reach: &[],
    },
    Row {
        name: "airssys-wasm-cli",
        folder: "airssys-wasm-cli",
        may_use: &[SYSTEM, CORE],
        engine: false,
        must_not_reach: &[],
    },
    Row {
        name: "xtask",
        folder: "xtask",
        may_use: &[],
        engine: false,
        must_not_reach: &["wasmtime", "tokio"],
    },
    Row {
        name: "airssys-wasm-attacks",
        folder: "attacks",
        may_use: &[SYSTEM, RUNTIME, CORE, SECURITY, MESSAGING, STORAGE],
        engine: false,
        must_not_reach: &[],
    },
    Row {
        name: "airssys-wasm-benches",
        folder: "benches",
        may_use: &[
            SYSTEM,
            RUNTIME,
            CORE,
            SECURITY,
            MESSAGING,
            STORAGE,
            "log-bursts",
            "log-line",
            "log-report",
        ],
        engine: true,
        must_not_reach: &[],
    },
    Row {
        name: "airssys-wasm-fuzz-targets",
        folder: "fuzz/targets",
        may_use: &[RUNTIME, CORE, SECURITY],
        engine: false,
        must_not_reach: &[],
    },
    Row {
        name: "log-generator",
        folder: "examples/log-pipeline/generate",
        may_use: &[],
        engine: false,
        must_not_reach: &["wasmtime", "tokio"],
    },
];

/// Logic of guests that lives in the guests' own workspace and is measured natively too. Each with its
/// folder, so that nothing else can come under its name.
const GUEST_LOGIC: &[(&str, &str)] = &[
    ("log-bursts", "guests/shared/log-bursts"),
    ("log-line", "guests/shared/log-line"),
    ("log-report", "guests/shared/log-report"),
];

/// A member of the workspace, as the other checks need it. Paths are relative to the root.
#[derive(Debug)]
pub(super) struct Crate {
    pub(super) name: String,
    pub(super) folder: String,
    pub(super) library: Option<String>,
    /// Roots of libraries, binaries, examples, benches and build scripts.
    pub(super) roots: Vec<String>,
    pub(super) engine: bool,
    /// How its sources call its dependencies, where that is not the package's own name.
    pub(super) renamed: BTreeMap<String, String>,
}

/// The members of the workspace.
pub(super) fn crates(metadata: &Metadata, root: &Path) -> Vec<Crate> {
    let members = metadata.workspace_packages();
    members.into_iter().map(|package| member(package, root)).collect()
}

fn member(package: &Package, root: &Path) -> Crate {
    let kind = |target: &cargo_metadata::Target, kinds: &[TargetKind]| {
        target.kind.iter().any(|kind| kinds.contains(kind))
    };
    let source = |target: &cargo_metadata::Target| relative(target.src_path.as_std_path(), root);
    let libraries = [TargetKind::Lib, TargetKind::RLib, TargetKind::CDyLib, TargetKind::ProcMacro];
    let programs = [TargetKind::Bin, TargetKind::Example, TargetKind::Bench, TargetKind::CustomBuild];
    let targets = &package.targets;
    Crate {
        name: package.name.to_string(),
        folder: folder(package, root),
        library: targets.iter().find(|target| kind(target, &libraries)).map(source),
        roots: targets
            .iter()
            .filter(|target| kind(target, &libraries) || kind(target, &programs))
            .map(source)
            .collect(),
        engine: row(&package.name).is_some_and(|row| row.engine),
        renamed: package
            .dependencies
            .iter()
            .filter_map(|dependency| {
                let rename = dependency.rename.as_ref()?;
                Some((rename.replace('-', "_"), dependency.name.replace('-', "_")))
            })
            .collect(),
    }
}

fn row(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name == name)
}

fn folder(package: &Package, root: &Path) -> String {
    package.manifest_path.as_std_path().parent().map(|folder| relative(folder, root)).unwrap_or_default()
}

fn relative(path: &Path, root: &Path) -> String {
    let root = root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().replace('\\', "/")
}

/// Holds the graph against the table.
pub(super) fn check(metadata: &Metadata, root: &Path) -> Vec<Violation> {
    let mut found = Vec::new();
    let members = metadata.workspace_packages();
    for package in &members {
        let place = format!("{}/Cargo.toml", folder(package, root));
        match row(&package.name) {
            None => found.push(Violation {
                wall: EDGES,
                place,
                what: format!("the crate {} is not in the table of permitted edges", package.name),
                mend: "add it to TABLE in xtask/src/arch/edges.rs, with what it may use, or remove it"
                    .to_owned(),
            }),
            Some(row) => {
                direct(package, row, &place, &mut found);
                if folder(package, root) != row.folder {
                    found.push(Violation {
                        wall: EDGES,
                        place,
                        what: format!("{} belongs into the folder {}", package.name, row.folder),
                        mend: "move it; the layers are read off the folder listing".to_owned(),
                    });
                }
                deep(metadata, package, row, root, &mut found);
            }
        }
    }
    for package in &metadata.packages {
        let is_member = members.iter().any(|member| member.id == package.id);
        let place = folder(package, root);
        let is_guest_logic = GUEST_LOGIC.contains(&(package.name.as_str(), place.as_str()));
        if package.source.is_none() && !is_member && !is_guest_logic {
            found.push(Violation {
                wall: EDGES,
                place: "Cargo.toml".to_owned(),
                what: format!("{} is a path dependency that is no member of the workspace", package.name),
                mend: "take it from crates.io, or make it a member with a line in the table".to_owned(),
            });
        }
    }
    found
}

/// What the manifest names, for building, running and testing alike: tests that use more than their
/// crate may are how a layer comes to depend on the one above.
fn direct(package: &Package, row: &Row, place: &str, found: &mut Vec<Violation>) {
    for dependency in &package.dependencies {
        let name = dependency.name.as_str();
        let kind = match dependency.kind {
            DependencyKind::Development => " for its tests",
            DependencyKind::Build => " for its build script",
            _ => "",
        };
        let what = format!("{} depends on {name}{kind}", row.name);
        if row.must_not_reach.iter().any(|forbidden| belongs(name, forbidden)) {
            found.push(Violation {
                wall: DEPTH,
                place: place.to_owned(),
                what: what.clone(),
                mend: format!("remove it: {} must not know {name}, not even in its tests", row.name),
            });
        }
        if is_engine(name) && !row.engine {
            found.push(Violation {
                wall: EDGES,
                place: place.to_owned(),
                what,
                mend: format!("use what {RUNTIME} offers; only {} may name the engine", engine_users()),
            });
        } else if row_or_internal(name, dependency.path.is_some()) && !row.may_use.contains(&name) {
            let may =
                if row.may_use.is_empty() { "no internal crate".to_owned() } else { row.may_use.join(", ") };
            found.push(Violation {
                wall: EDGES,
                place: place.to_owned(),
                what,
                mend: format!("{} may use {may}: put a port into {CORE} and implement it above", row.name),
            });
        }
    }
}

fn row_or_internal(name: &str, is_path: bool) -> bool {
    is_path || row(name).is_some() || name.starts_with("airssys-wasm-")
}

fn engine_users() -> String {
    TABLE.iter().filter(|row| row.engine).map(|row| row.name).collect::<Vec<_>>().join(" and ")
}

/// `tokio` stands for itself and for its companions, such as `tokio-util`.
fn belongs(name: &str, family: &str) -> bool {
    name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// The shortest way from a crate to something that it must not reach, for what is built into it, for what
/// its build needs and for what its own tests use. The tests of others are not compiled with it.
fn deep(metadata: &Metadata, package: &Package, row: &Row, root: &Path, found: &mut Vec<Violation>) {
    let Some(resolve) = &metadata.resolve else { return };
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let names: BTreeMap<&PackageId, &str> =
        metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
    let mut ways: BTreeMap<&PackageId, Vec<&str>> = BTreeMap::from([(&package.id, vec![row.name])]);
    let mut queue = VecDeque::from([&package.id]);
    while let Some(id) = queue.pop_front() {
        let way = ways.get(id).cloned().unwrap_or_default();
        for dependency in nodes.get(id).into_iter().flat_map(|node| &node.deps) {
            let only_tests = dependency.dep_kinds.iter().all(|kind| kind.kind == DependencyKind::Development);
            let anothers_tests = only_tests && *id != package.id;
            if anothers_tests || ways.contains_key(&dependency.pkg) {
                continue;
            }
            let name = names.get(&dependency.pkg).copied().unwrap_or_default();
            let way: Vec<&str> = way.iter().copied().chain([name]).collect();
            if let Some(forbidden) = row.must_not_reach.iter().find(|forbidden| belongs(name, forbidden)) {
                found.push(Violation {
                    wall: DEPTH,
                    place: format!("{}/Cargo.toml", folder(package, root)),
                    what: way.join(" -> "),
                    mend: format!(
                        "{} must not reach {forbidden}: drop the dependency or the feature",
                        row.name
                    ),
                });
            } else {
                queue.push_back(&dependency.pkg);
            }
            ways.insert(&dependency.pkg, way);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_no_cycle() {
        // Each row uses rows above it only, but for the deliberately unordered top.
        for row in TABLE {
            let is_guest_logic = |name: &&&str| GUEST_LOGIC.iter().any(|(logic, _)| logic == *name);
            for used in row.may_use.iter().filter(|name| !is_guest_logic(name)) {
                let back = TABLE.iter().find(|other| other.name == *used);
                assert!(
                    back.is_some_and(|back| !back.may_use.contains(&row.name)),
                    "{} <-> {used}",
                    row.name
                );
            }
        }
    }

    #[test]
    fn the_bans_of_the_first_wall_say_the_same() -> anyhow::Result<()> {
        let text = std::fs::read_to_string(crate::workspace::root().join("deny.toml"))?;
        let bans: toml::Table = text.parse()?;
        let bans =
            bans.get("bans").and_then(|bans| bans.get("deny")?.as_array()).cloned().unwrap_or_default();
        let name = |ban: &toml::Value| Some(ban.get("crate")?.as_str()?.to_owned());
        let engine: Vec<_> =
            bans.iter().filter(|ban| name(ban).is_some_and(|name| is_engine(&name))).collect();
        assert!(engine.iter().any(|ban| name(ban).as_deref() == Some("wasmtime")));
        assert!(engine.iter().any(|ban| name(ban).as_deref() == Some("wasmtime-wasi")));
        for ban in engine {
            let wrappers = ban.get("wrappers").and_then(toml::Value::as_array).into_iter().flatten();
            let ours: Vec<_> =
                wrappers.filter_map(toml::Value::as_str).filter(|name| !is_engine(name)).collect();
            let table: Vec<_> = TABLE.iter().filter(|row| row.engine).map(|row| row.name).collect();
            assert_eq!(ours, table, "{ban}");
        }
        Ok(())
    }

    #[test]
    fn a_family_is_its_name_and_its_companions() {
        assert!(
            belongs("tokio", "tokio")
                && belongs("tokio-util", "tokio")
                && belongs("wasmtime-wasi", "wasmtime")
        );
        assert!(!belongs("tokiox", "tokio") && !belongs("wasm", "wasmtime"));
    }
}
