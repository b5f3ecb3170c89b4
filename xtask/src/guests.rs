//! `cargo xtask guests`: builds the guest programs, and `--check` proves without a wasm toolchain
//! that what is committed was built from the sources beside it.
//!
//! A guest is a folder `guests/<family>/<name>`: a Rust crate, or one file `<name>.wat`. A WAT
//! file holds a component, or a core module whose first line `;;! world = NAME` names the world
//! of `wit/` by which it is turned into one; a module without that line stays a module. A line
//! `;;! include = FILE` stands for a file of `guests/shared/wat`, and what is between `;;! repeat = COUNT` and
//! `;;! end` for as many times the same.
//! `guests/guests.lock` ties the hash of a guest's sources (its folder, the crates it depends on
//! by path, `wit/` and the lock file of the guests' workspace) to the hash of its result.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wasm_encoder::RawSection;
use wasmparser::{Parser, Payload, Validator, WasmFeatures};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::workspace;

const TARGET: &str = "wasm32-unknown-unknown";
/// The folders of `guests/` that hold guests.
const FAMILIES: [&str; 3] = ["pipeline", "test", "hostile"];
/// The family whose components are also committed beside their manifests in the example.
const EXAMPLE_FAMILY: &str = "pipeline";
const EXAMPLE: &str = "examples/log-pipeline";
/// Files that say how all Rust guests are built.
const RUST_WORKSPACE: [&str; 2] = ["guests/Cargo.toml", "guests/Cargo.lock"];
/// Directives of guests in the text format.
const WORLD: &str = ";;! world = ";
const INCLUDE: &str = ";;! include = ";
const REPEAT: &str = ";;! repeat = ";
const END: &str = ";;! end";
/// What such guests include.
const WAT_PARTS: &str = "guests/shared/wat";
/// Where a guest can be named besides the folders `tests`: what is run to attack and to measure. A name in
/// a source, be it in a unit test of it, does not run a guest.
const RUN: [&str; 4] =
    ["attacks/src/contention/", "attacks/src/rights/", "attacks/src/rows/", "benches/src/rows/"];
/// The guests' own tests are native and run no guest.
const GUESTS: &str = "guests/";
/// A shadow stack of 64 KiB instead of the toolchain's 1 MiB, so that a guest fits in the
/// smallest memory a manifest may declare.
const STACK: &str = "-Clink-arg=-zstack-size=65536";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
/// What cargo sets for `cargo xtask` and the other toolchain's cargo must not see.
const INHERITED: [&str; 9] = [
    "CARGO",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "LD_LIBRARY_PATH",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

/// Builds every guest and writes the lock file, or with `check` verifies both.
pub(crate) fn run(check: bool) -> Result<()> {
    let root = workspace_root()?;
    if check { verify(&root) } else { build(&root) }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Language {
    Rust,
    Wat,
}

#[derive(Debug)]
struct Guest {
    name: String,
    family: &'static str,
    language: Language,
    folder: PathBuf,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lock {
    #[serde(default)]
    guest: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    language: Language,
    source_sha256: String,
    result_sha256: String,
}

fn build(root: &Path) -> Result<()> {
    let guests = discover(root)?;
    let modules = compile_rust(root, &guests)?;
    let built = root.join("guests/built");
    fs::create_dir_all(&built)?;
    let mut lock = Lock::default();
    let mut total = 0;
    for guest in &guests {
        let component = match guest.language {
            Language::Rust => {
                let module = modules.join(format!("{}.wasm", guest.name));
                let module =
                    fs::read(&module).with_context(|| format!("cannot read {}", module.display()))?;
                strip(&module).and_then(|module| encode(&module))
            }
            Language::Wat => assemble(root, &guest.wat()),
        }
        .with_context(|| format!("guest `{}`", guest.name))?;
        for path in guest.results(root) {
            fs::write(&path, &component).with_context(|| format!("cannot write {}", path.display()))?;
        }
        total += component.len();
        println!("{:>9} bytes  {}/{}", component.len(), guest.family, guest.name);
        lock.guest.push(Entry {
            name: guest.name.clone(),
            language: guest.language,
            source_sha256: source_hash(root, guest)?,
            result_sha256: hex(&Sha256::digest(&component)),
        });
    }
    let expected: BTreeSet<_> = guests.iter().map(Guest::file_name).collect();
    for name in file_names(&built)? {
        if !expected.contains(&name) {
            fs::remove_file(built.join(&name))?;
            println!("  removed  guests/built/{name}: no such guest");
        }
    }
    let text = format!(
        "# Written by `cargo xtask guests`; `cargo xtask guests --check` compares it with the files.\n\n{}",
        toml::to_string(&lock)?
    );
    fs::write(root.join("guests/guests.lock"), text)?;
    println!("{} guests, {total} bytes", guests.len());
    Ok(())
}

fn verify(root: &Path) -> Result<()> {
    let guests = discover(root)?;
    let text = fs::read_to_string(root.join("guests/guests.lock"))
        .context("cannot read guests/guests.lock; `cargo xtask guests` writes it")?;
    let lock: Lock = toml::from_str(&text).context("guests/guests.lock is not what xtask writes")?;
    let faults = faults(root, &guests, &lock)?;
    if faults.is_empty() {
        println!("{} guests are what their sources say", guests.len());
        return Ok(());
    }
    bail!("{}\n`cargo xtask guests` rebuilds the components", faults.join("\n"))
}

/// Everything that is wrong with the committed components, one sentence each.
fn faults(root: &Path, guests: &[Guest], lock: &Lock) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let mut entries = BTreeMap::new();
    for entry in &lock.guest {
        if entries.insert(entry.name.as_str(), entry).is_some() {
            faults.push(format!("guests.lock lists `{}` twice", entry.name));
        }
    }
    let tests = Corpus::read(root)?;
    for guest in guests {
        let name = &guest.name;
        let Some(entry) = entries.remove(name.as_str()) else {
            faults.push(format!("guest `{name}` is not in guests.lock: it was never built"));
            continue;
        };
        if entry.language != guest.language {
            faults.push(format!("guest `{name}` is in another language than guests.lock says"));
        }
        if entry.source_sha256 != source_hash(root, guest)? {
            faults.push(format!("the sources of `{name}` changed after it was built"));
        }
        for path in guest.results(root) {
            let shown = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            match fs::read(&path) {
                Err(_) => faults.push(format!("{shown} is missing")),
                Ok(bytes) if hex(&Sha256::digest(&bytes)) != entry.result_sha256 => {
                    faults.push(format!("{shown} is not what was built"));
                }
                Ok(_) => {}
            }
        }
        if !tests.name(guest) {
            faults.push(format!("no test names guest `{name}` (as \"{name}\" or {name}.wasm)"));
        }
    }
    for name in entries.keys() {
        faults.push(format!("guests.lock lists `{name}`, which has no folder"));
    }
    let expected: BTreeSet<_> = guests.iter().map(Guest::file_name).collect();
    for name in file_names(&root.join("guests/built"))? {
        if !expected.contains(&name) {
            faults.push(format!("guests/built/{name} belongs to no guest"));
        }
    }
    Ok(faults)
}

impl Guest {
    fn file_name(&self) -> String {
        format!("{}.wasm", self.name)
    }

    fn wat(&self) -> PathBuf {
        self.folder.join(format!("{}.wat", self.name))
    }

    /// Where the component is committed.
    fn results(&self, root: &Path) -> Vec<PathBuf> {
        let mut paths = vec![root.join("guests/built").join(self.file_name())];
        if self.family == EXAMPLE_FAMILY {
            paths.push(root.join(EXAMPLE).join(&self.name).join(self.file_name()));
        }
        paths
    }
}

fn workspace_root() -> Result<PathBuf> {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = xtask.parent().context("xtask has no parent folder")?;
    ensure!(root.join("guests").is_dir(), "there is no folder guests in {}", root.display());
    Ok(root.to_path_buf())
}

fn discover(root: &Path) -> Result<Vec<Guest>> {
    let mut guests: Vec<Guest> = Vec::new();
    for family in FAMILIES {
        let parent = root.join("guests").join(family);
        for name in folder_names(&parent)? {
            let folder = parent.join(&name);
            let language = if folder.join("Cargo.toml").is_file() {
                Language::Rust
            } else if folder.join(format!("{name}.wat")).is_file() {
                Language::Wat
            } else {
                bail!("guests/{family}/{name} has neither Cargo.toml nor {name}.wat");
            };
            if let Some(other) = guests.iter().find(|guest| guest.name == name) {
                bail!("there are two guests `{name}`, in {} and {family}", other.family);
            }
            guests.push(Guest { name, family, language, folder });
        }
    }
    guests.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(guests)
}

/// Compiles all Rust guests to core modules and returns the folder that holds them.
fn compile_rust(root: &Path, guests: &[Guest]) -> Result<PathBuf> {
    let target_dir = root.join("guests/target");
    let modules = target_dir.join(TARGET).join("release");
    let rust: Vec<_> = guests.iter().filter(|guest| guest.language == Language::Rust).collect();
    if rust.is_empty() {
        return Ok(modules);
    }
    let mut cargo = toolchain(root)?;
    cargo.current_dir(root.join("guests")).args(["build", "--release", "--target", TARGET, "--target-dir"]);
    cargo.arg(&target_dir);
    for guest in rust {
        cargo.args(["--package", &guest.name]);
    }
    let status = cargo.status().context("cannot start cargo")?;
    ensure!(status.success(), "the guests do not compile");
    Ok(modules)
}

/// The cargo that can compile for WebAssembly on this machine.
fn toolchain(root: &Path) -> Result<Command> {
    let mut flags = vec![STACK.to_owned()];
    // Panic messages hold paths: they must not depend on whose machine built the component.
    flags.push(format!("--remap-path-prefix={}=/project", root.display()));
    if let Some(home) = cargo_home() {
        flags.push(format!("--remap-path-prefix={}=/cargo", home.display()));
    }

    let libraries = output(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]));
    if libraries.is_ok_and(|path| Path::new(&path).is_dir()) {
        let mut cargo = Command::new("cargo");
        cargo.env_remove("CARGO_TARGET_DIR").env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
        return Ok(cargo);
    }

    let linker = output(Command::new("rustc").args(["--print", "sysroot"])).and_then(|sysroot| {
        let host = output(Command::new("rustc").arg("-vV"))?;
        let host =
            host.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
        Ok(Path::new(&sysroot).join("lib/rustlib").join(host).join("bin/rust-lld"))
    });
    let debian = |path: &[&str]| path.iter().all(|path| Path::new(path).exists());
    match linker {
        Ok(linker) if linker.is_file() && debian(&[DEBIAN_CARGO, DEBIAN_RUSTC]) && debian_has_std() => {
            let mut cargo = Command::new(DEBIAN_CARGO);
            for name in INHERITED {
                cargo.env_remove(name);
            }
            if let Ok(sysroot) = output(Command::new(DEBIAN_RUSTC).args(["--print", "sysroot"])) {
                flags.push(format!("--remap-path-prefix={sysroot}/lib/rustlib/src/rust=/rust"));
            }
            cargo
                .env("RUSTC_BOOTSTRAP", "1")
                .env("RUSTC", DEBIAN_RUSTC)
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
                .args(["-Zbuild-std=std,panic_abort"]);
            Ok(cargo)
        }
        _ => Err(anyhow!(
            "no toolchain here compiles for {TARGET}; install one of\n  \
             rustup target add {TARGET}\n  \
             apt-get install rustc-web cargo-web rust-web-src   (Debian; with rustup's rust-lld as linker)"
        )),
    }
}

fn debian_has_std() -> bool {
    let mut rustc = Command::new(DEBIAN_RUSTC);
    rustc.env_remove("LD_LIBRARY_PATH").args(["--print", "sysroot"]);
    output(&mut rustc).is_ok_and(|sysroot| {
        Path::new(&sysroot).join("lib/rustlib/src/rust/library/std/Cargo.toml").is_file()
    })
}

fn cargo_home() -> Option<PathBuf> {
    std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?} failed");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Turns a core module that carries its world into a component.
fn encode(module: &[u8]) -> Result<Vec<u8>> {
    let component = ComponentEncoder::default().module(module)?.validate(true).encode()?;
    validate(&component)?;
    Ok(component)
}

/// Drops the custom sections but the world that the bindings left: the linker keeps the names of
/// functions, which are half of a small guest.
fn strip(module: &[u8]) -> Result<Vec<u8>> {
    let mut stripped = wasm_encoder::Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if let Payload::CustomSection(section) = &payload
            && !section.name().starts_with("component-type")
        {
            continue;
        }
        if let Some((id, range)) = payload.as_section() {
            let range = usize::try_from(range.start)?..usize::try_from(range.end)?;
            let data = module.get(range).context("a section ends after the file")?;
            stripped.section(&RawSection { id, data });
        }
    }
    Ok(stripped.finish())
}

/// Turns a guest in the text format into what is committed for it.
fn assemble(root: &Path, path: &Path) -> Result<Vec<u8>> {
    let text = fs::read_to_string(path)?;
    let mut binary = wat::parse_str(expanded(root, &mut text.lines(), Depth::Outermost)?)
        .map_err(|error| anyhow!("{error}"))?;
    let Some(world) = text.lines().next().and_then(|line| line.strip_prefix(WORLD)) else {
        validate(&binary)?;
        return Ok(binary);
    };
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(root.join("wit"))?;
    let world = resolve.select_world(&[package], Some(world))?;
    embed_component_metadata(&mut binary, &resolve, world, StringEncoding::UTF8)?;
    encode(&binary)
}

/// Where lines are that are expanded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Outermost,
    Repeated,
}

/// The lines up to the end of the text, or of what is repeated, with all directives carried out.
fn expanded(root: &Path, lines: &mut std::str::Lines<'_>, depth: Depth) -> Result<String> {
    let mut whole = String::new();
    while let Some(line) = lines.next() {
        let directive = line.trim();
        if let Some(file) = directive.strip_prefix(INCLUDE) {
            whole += &fs::read_to_string(root.join(WAT_PARTS).join(file))?;
        } else if let Some(count) = directive.strip_prefix(REPEAT) {
            let count: usize = count.parse().with_context(|| format!("`{directive}` is no count"))?;
            whole += &expanded(root, lines, Depth::Repeated)?.repeat(count);
        } else if directive == END {
            ensure!(depth == Depth::Repeated, "`{END}` without `{REPEAT}`");
            return Ok(whole);
        } else {
            whole += line;
        }
        whole.push('\n');
    }
    ensure!(depth == Depth::Outermost, "`{REPEAT}` without `{END}`");
    Ok(whole)
}

/// A guest that a host must refuse may need a feature that no host here enables; it still has to
/// be well formed with all of them.
fn validate(binary: &[u8]) -> Result<()> {
    Validator::new_with_features(WasmFeatures::all()).validate_all(binary)?;
    Ok(())
}

/// The hash over the names and contents of everything that a guest is made of.
fn source_hash(root: &Path, guest: &Guest) -> Result<String> {
    let mut files = BTreeSet::new();
    let mut folders = vec![root.join("wit"), guest.folder.clone()];
    match guest.language {
        Language::Rust => {
            files.extend(RUST_WORKSPACE.map(|path| root.join(path)));
            dependencies(root, &guest.folder, &mut folders)?;
        }
        Language::Wat => folders.push(root.join(WAT_PARTS)),
    }
    for folder in folders {
        collect(&folder, &|_| true, &mut files)?;
    }
    let mut hash = Sha256::new();
    for path in files {
        let name = path.strip_prefix(root)?.components();
        let name: Vec<_> = name.map(|part| part.as_os_str().to_string_lossy()).collect();
        let name = name.join("/");
        let bytes = fs::read(&path).with_context(|| format!("cannot read {name}"))?;
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    Ok(hex(&hash.finalize()))
}

/// Adds the folders of the crates that the crate in `folder` depends on by path, directly or not.
fn dependencies(root: &Path, folder: &Path, folders: &mut Vec<PathBuf>) -> Result<()> {
    let manifest = |path: &Path| -> Result<toml::Table> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(text.parse()?)
    };
    let workspace = manifest(&root.join("guests/Cargo.toml"))?;
    let shared = workspace.get("workspace").and_then(|table| table.get("dependencies"));
    let own = manifest(&folder.join("Cargo.toml"))?;
    let Some(table) = own.get("dependencies").and_then(toml::Value::as_table) else { return Ok(()) };
    for (name, dependency) in table {
        let inherited = dependency.get("workspace").and_then(toml::Value::as_bool) == Some(true);
        let (base, dependency) = if inherited {
            (root.join("guests"), shared.and_then(|table| table.get(name)))
        } else {
            (folder.to_path_buf(), Some(dependency))
        };
        let path = dependency.and_then(|dependency| dependency.get("path")).and_then(toml::Value::as_str);
        if let Some(path) = path {
            let path = normalise(&base.join(path));
            if !folders.contains(&path) {
                folders.push(path.clone());
                dependencies(root, &path, folders)?;
            }
        }
    }
    Ok(())
}

fn normalise(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            clean.pop();
        } else {
            clean.push(part);
        }
    }
    clean
}

/// The sources that can name a guest in a test, and the example's system manifest.
struct Corpus {
    sources: Vec<String>,
    example: String,
}

impl Corpus {
    fn read(root: &Path) -> Result<Self> {
        let runs_guests = |path: &String| {
            let in_tests = path.split('/').rev().skip(1).any(|folder| folder == "tests");
            let is_run = RUN.iter().any(|folder| path.starts_with(folder));
            path.ends_with(".rs") && !path.starts_with(GUESTS) && (in_tests || is_run)
        };
        let mut sources = Vec::new();
        for path in workspace::files(root)?.into_iter().filter(runs_guests) {
            let bytes = fs::read(root.join(&path)).with_context(|| format!("cannot read {path}"))?;
            sources.push(String::from_utf8_lossy(&bytes).into_owned());
        }
        let example = fs::read_to_string(root.join(EXAMPLE).join("airssys.toml")).unwrap_or_default();
        Ok(Self { sources, example })
    }

    /// Whether a test runs the guest: by its name, or through the example, whose report
    /// `cargo xtask ci` checks.
    fn name(&self, guest: &Guest) -> bool {
        let quoted = format!("\"{}\"", guest.name);
        let file = guest.file_name();
        let alone = |text: &str| {
            text.match_indices(&file).any(|(at, _)| {
                let before = text.get(..at).and_then(|before| before.chars().next_back());
                !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
            })
        };
        self.sources.iter().any(|text| text.contains(&quoted) || alone(text))
            || guest.family == EXAMPLE_FAMILY
                && self.example.contains(&format!("\"{}/Component.toml\"", guest.name))
    }
}

fn collect(folder: &Path, wanted: &dyn Fn(&Path) -> bool, files: &mut BTreeSet<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if entry.file_name() != "target" {
                collect(&path, wanted, files)?;
            }
        } else if wanted(&path) {
            files.insert(path);
        }
    }
    Ok(())
}

fn folder_names(folder: &Path) -> Result<Vec<String>> {
    names(folder, true)
}

fn file_names(folder: &Path) -> Result<Vec<String>> {
    names(folder, false)
}

/// The names in a folder, hidden ones left out; none where there is no such folder.
fn names(folder: &Path, folders: bool) -> Result<Vec<String>> {
    let mut names = Vec::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() == folders && !name.starts_with('.') {
                names.push(name);
            }
        }
    }
    names.sort();
    Ok(names)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const ANSWER: &str = "(module (func (export \"answer\") (result i32) (i32.const 42)))";

    /// A workspace with two guests that need no toolchain, built, and named by a test.
    fn workspace() -> TempDir {
        let folder = TempDir::new().unwrap();
        write(&folder, "wit/x.wit", "package x:y;\nworld w { export f: func() -> u32; }\n");
        write(&folder, "guests/shared/wat/part.wat", "(func (export \"f\") (result i32) (i32.const 1))\n");
        write(&folder, "guests/test/plain/plain.wat", ANSWER);
        let typed = ";;! world = w\n(module\n  ;;! include = part.wat\n)\n";
        write(&folder, "guests/pipeline/typed/typed.wat", typed);
        write(&folder, "examples/log-pipeline/airssys.toml", "manifest = \"typed/Component.toml\"\n");
        write(&folder, "examples/log-pipeline/typed/Component.toml", "");
        write(&folder, "crate/tests/all.rs", "run(\"guests/built/plain.wasm\");");
        write(&folder, "xtask/src/main.rs", "");
        build(folder.path()).unwrap();
        folder
    }

    #[test]
    fn what_is_repeated_may_hold_what_is_repeated() {
        let text = |text: &str| expanded(Path::new("."), &mut text.lines(), Depth::Outermost);
        let nested = "a\n;;! repeat = 2\nb\n  ;;! repeat = 3\n c\n  ;;! end\n;;! end\nd\n";
        let words: Vec<String> = text(nested).unwrap().split_whitespace().map(str::to_owned).collect();
        assert_eq!(words.concat(), "abcccbcccd");
        for broken in ["a\n;;! repeat = 2\nb\n", ";;! end\n", ";;! repeat = x\n;;! end\n"] {
            assert!(text(broken).is_err(), "{broken}");
        }
    }

    fn write(folder: &TempDir, path: &str, text: &str) {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn check(change: impl FnOnce(&TempDir), expected: &[&str]) {
        let folder = workspace();
        change(&folder);
        let found = verify(folder.path()).map_err(|error| error.to_string());
        match (found, expected) {
            (Ok(()), []) => {}
            (Err(text), [_, ..]) => {
                for part in expected {
                    assert!(text.contains(part), "{text}");
                }
                assert_eq!(text.lines().count(), expected.len() + 1, "{text}");
            }
            (found, _) => panic!("{found:?}, not {expected:?}"),
        }
    }

    #[test]
    fn what_was_built_is_what_the_sources_say() {
        check(|_| {}, &[]);
    }

    #[test]
    fn a_guest_with_a_world_becomes_a_component() {
        let folder = workspace();
        let read = |name: &str| fs::read(folder.path().join("guests/built").join(name)).unwrap();
        assert!(Parser::is_component(&read("typed.wasm")));
        assert!(Parser::is_core_wasm(&read("plain.wasm")));
    }

    #[test]
    fn sources_that_changed_are_found() {
        check(|folder| write(folder, "guests/test/plain/plain.wat", "(module)"), &["sources of `plain`"]);
        check(|folder| write(folder, "guests/test/plain/more.txt", "x"), &["sources of `plain`"]);
        check(|folder| write(folder, "wit/y.wit", "// x"), &["sources of `plain`", "sources of `typed`"]);
        check(
            |folder| write(folder, "guests/shared/wat/part.wat", ""),
            &["sources of `plain`", "sources of `typed`"],
        );
    }

    #[test]
    fn results_that_changed_are_found() {
        check(|folder| write(folder, "guests/built/plain.wasm", "x"), &["plain.wasm is not what was built"]);
        check(
            |folder| write(folder, "examples/log-pipeline/typed/typed.wasm", "x"),
            &["log-pipeline/typed/typed.wasm is not what was built"],
        );
        let remove =
            |folder: &TempDir| fs::remove_file(folder.path().join("guests/built/typed.wasm")).unwrap();
        check(remove, &["guests/built/typed.wasm is missing"]);
        check(|folder| write(folder, "guests/built/new.wasm", "x"), &["new.wasm belongs to no guest"]);
    }

    #[test]
    fn folders_and_lock_must_agree() {
        check(|folder| write(folder, "guests/hostile/new/new.wat", ANSWER), &["`new` is not in guests.lock"]);
        let remove = |folder: &TempDir| fs::remove_dir_all(folder.path().join("guests/test/plain")).unwrap();
        check(remove, &["`plain`, which has no folder", "plain.wasm belongs to no guest"]);
    }

    #[test]
    fn a_guest_that_no_test_names_is_found() {
        check(
            |folder| write(folder, "crate/tests/all.rs", "explain.wasm; plain"),
            &["no test names guest `plain`"],
        );
        check(|folder| write(folder, "crate/tests/all.rs", "load(\"plain\")"), &[]);
        let only_in = |path: &'static str| {
            move |folder: &TempDir| {
                write(folder, "crate/tests/all.rs", "");
                write(folder, path, "#[cfg(test)]\nmod tests { /* \"plain\" */ }");
            }
        };
        for path in ["crate/tests/all/inner.rs", "attacks/src/rows/trap.rs", "benches/src/rows/echo.rs"] {
            check(only_in(path), &[]);
        }
        for path in
            ["crate/src/load.rs", "crate/src/tests.rs", "attacks/src/main.rs", "guests/shared/a/tests/b.rs"]
        {
            check(only_in(path), &["no test names guest `plain`"]);
        }
        let path = "examples/log-pipeline/airssys.toml";
        check(|folder| write(folder, path, ""), &["no test names guest `typed`"]);
    }

    #[test]
    fn the_crates_of_a_guest_are_part_of_its_sources() {
        let folder = workspace();
        let workspace = "[workspace.dependencies]\na = { path = \"shared/a\" }\n";
        write(&folder, "guests/Cargo.toml", workspace);
        write(&folder, "guests/Cargo.lock", "");
        write(&folder, "guests/test/rusty/Cargo.toml", "[dependencies]\na = { workspace = true }\n");
        write(&folder, "guests/shared/a/Cargo.toml", "[dependencies]\nb = { path = \"../b\" }\n");
        write(&folder, "guests/shared/b/Cargo.toml", "");
        write(&folder, "guests/shared/c/Cargo.toml", "");
        let hash = || {
            let guests = discover(folder.path()).unwrap();
            source_hash(folder.path(), guests.iter().find(|guest| guest.name == "rusty").unwrap()).unwrap()
        };
        let mut seen = BTreeSet::from([hash()]);
        write(&folder, "guests/shared/c/x.rs", "");
        assert!(!seen.insert(hash()), "nothing depends on c");
        for path in ["guests/shared/a/x.rs", "guests/shared/b/x.rs", "wit/x.wit", "guests/Cargo.lock"] {
            write(&folder, path, "changed");
            assert!(seen.insert(hash()), "{path}");
        }
    }
}
