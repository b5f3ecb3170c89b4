//! A system read from disk.

use std::fs;
use std::path::PathBuf;

use airssys_wasm_core::Ceilings;
use airssys_wasm_runtime::RuntimeError;
use airssys_wasm_system::{Component, LaunchStep, StoreError, SystemError, SystemFiles};

use crate::support::file;

/// A folder of its own for one test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::remove_dir_all(&path).ok();
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn component(&self, folder: &str, name: &str) -> &Self {
        let manifest = format!(
            "[component]\nname = \"{name}\"\nversion = \"1.0.0\"\n[resources.memory]\nmax_bytes = 1048576\n"
        );
        self.write(&format!("{folder}/Component.toml"), &manifest);
        fs::copy(file("echo"), self.0.join(folder).join(format!("{name}.wasm"))).unwrap();
        self
    }

    fn check_error(&self, expected: &[&str]) {
        let error = SystemFiles::read(&self.0).unwrap_err();
        let text = error.to_string();
        for part in expected {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

#[tokio::test]
async fn a_system_is_launched_in_the_order_of_its_manifest() {
    let folder = Folder::new("launch");
    folder.component("b", "second").component("a", "first").write(
        "airssys.toml",
        "[[component]]\nmanifest = \"a/Component.toml\"\n[[component]]\nmanifest = \"b/Component.toml\"\n\
         instances = 2\n[io]\ninput = [\"default/second\"]\noutput = \"default/first\"\n",
    );
    let files = SystemFiles::read(&folder.0).unwrap();
    let host = files.host_builder().build().unwrap();
    let mut steps = Vec::new();
    files.launch(&host, |step| steps.push(step)).await.unwrap();
    let (first, second) = ("default/first".parse().unwrap(), "default/second".parse().unwrap());
    let compiled = |address: &airssys_wasm_core::Address| LaunchStep::Compiling(address.clone());
    let started = |address: &airssys_wasm_core::Address| LaunchStep::Starting(address.clone());
    assert_eq!(steps, [compiled(&first), compiled(&second), started(&first), started(&second)]);
    let ids: Vec<String> = host.statuses().iter().map(|status| status.id.to_string()).collect();
    assert_eq!(ids, ["default/first/0", "default/second/0", "default/second/1"]);
    host.shutdown().await;
}

#[tokio::test]
async fn a_launch_that_fails_leaves_nothing_running() {
    let folder = Folder::new("launch-fails");
    folder.component("a", "first").component("b", "second").write(
        "airssys.toml",
        "[[component]]\nmanifest = \"a/Component.toml\"\n[[component]]\nmanifest = \"b/Component.toml\"\n",
    );
    folder.write("b/second.wasm", "garbage");
    let files = SystemFiles::read(&folder.0).unwrap();
    let host = files.host_builder().build().unwrap();
    let error = files.launch(&host, |_| {}).await.unwrap_err();
    assert!(matches!(error, SystemError::Start { .. }), "{error:?}");
    assert!(host.statuses().is_empty());
}

#[test]
fn what_a_manifest_names_must_be_there() {
    let folder = Folder::new("absent");
    folder.write("airssys.toml", "[[component]]\nmanifest = \"a/Component.toml\"\n");
    folder.check_error(&["there is no file", "manifest = \"a/Component.toml\"", "^"]);
    folder.component("a", "first").write(
        "airssys.toml",
        "[[component]]\nmanifest = \"a/Component.toml\"\n[io]\ninput = [\"default/frist\"]\noutput = \"default/first\"\n",
    );
    folder.check_error(&["there is no component default/frist", "airssys.toml:4"]);
    folder.write(
        "airssys.toml",
        "[[component]]\nmanifest = \"a/Component.toml\"\n[io]\ninput = [\"default/first\"]\noutput = \"default/last\"\n",
    );
    folder.check_error(&["there is no component default/last", "airssys.toml:5"]);
    folder.component("b", "first").write(
        "airssys.toml",
        "[[component]]\nmanifest = \"a/Component.toml\"\n[[component]]\nmanifest = \"b/Component.toml\"\n",
    );
    folder.check_error(&["default/first is listed twice", "airssys.toml:4"]);
}

#[test]
fn one_instance_alone_can_answer_at_the_end_of_input() {
    let folder = Folder::new("several-outputs");
    folder.component("a", "first").write(
        "airssys.toml",
        "[[component]]\nmanifest = \"a/Component.toml\"\ninstances = 2\n[io]\ninput = [\"default/first\"]\noutput = \"default/first\"\n",
    );
    folder.check_error(&["default/first has 2 instances", "airssys.toml:6"]);
}

#[test]
fn who_demands_codecs_takes_no_lines() {
    let folder = Folder::new("codecs-of-input");
    for name in ["first", "second"] {
        folder.component(name, name);
    }
    let manifest = fs::read_to_string(folder.0.join("first/Component.toml")).unwrap();
    let demanding = format!("{manifest}[capabilities.messaging]\ncodecs = [\"json\"]\n");
    folder.write("first/Component.toml", &demanding);
    let listed = "[[component]]\nmanifest = \"first/Component.toml\"\n[[component]]\nmanifest = \"second/Component.toml\"\n";
    for (input, output, line) in [("second", "first", 7), ("first", "second", 6)] {
        let io = format!("[io]\ninput = [\"default/{input}\"]\noutput = \"default/{output}\"\n");
        folder.write("airssys.toml", &format!("{listed}{io}"));
        folder.check_error(&["default/first demands `codecs`", &format!("airssys.toml:{line}")]);
    }
    folder.write("airssys.toml", listed);
    SystemFiles::read(&folder.0).unwrap();
}

#[test]
fn the_log_lies_apart_from_what_components_keep() {
    let folder = Folder::new("log-in-data");
    folder.component("a", "first").write("data/other", "");
    for (path, is_apart) in [("data/audit.jsonl", false), ("data/store.lock", false), ("a/audit.jsonl", true)]
    {
        let host = format!("[host]\ndata_dir = \"data\"\n[audit]\npath = \"{path}\"\n");
        folder.write("airssys.toml", &format!("{host}[[component]]\nmanifest = \"a/Component.toml\"\n"));
        if is_apart {
            SystemFiles::read(&folder.0).unwrap();
        } else {
            folder.check_error(&["data lies in the host's `data_dir`", "airssys.toml:4"]);
        }
    }
}

#[test]
fn a_component_must_lie_in_the_folder_of_its_manifest() {
    let folder = Folder::new("outside");
    folder.component("a", "first");
    fs::remove_file(folder.0.join("a/first.wasm")).unwrap();
    std::os::unix::fs::symlink(file("echo"), folder.0.join("a/first.wasm")).unwrap();
    let error = Component::from_manifest_file(&folder.0.join("a/Component.toml"), &Ceilings::default());
    assert!(matches!(error, Err(SystemError::OutsideFolder { .. })), "{error:?}");
    fs::remove_file(folder.0.join("a/first.wasm")).unwrap();
    let error = Component::from_manifest_file(&folder.0.join("a/Component.toml"), &Ceilings::default());
    assert!(matches!(error, Err(SystemError::File { .. })), "{error:?}");
}

#[test]
fn the_ceiling_of_one_component_is_raised_for_it_alone() {
    let folder = Folder::new("raised");
    folder.component("a", "first").write(
        "a/Component.toml",
        "[component]\nname = \"first\"\nversion = \"1.0.0\"\n[resources.memory]\nmax_bytes = 16777216\n",
    );
    folder.write("airssys.toml", "[[component]]\nmanifest = \"a/Component.toml\"\n");
    folder.check_error(&["16777216", "max_memory_bytes"]);
    folder.write(
        "airssys.toml",
        "[[component]]\nmanifest = \"a/Component.toml\"\nmax_memory_bytes = 16777216\n",
    );
    SystemFiles::read(&folder.0).unwrap();
}

#[test]
fn all_quotas_fit_what_the_host_allows() {
    let folder = Folder::new("quotas");
    for name in ["a", "b"] {
        folder.component(name, name);
        let manifest = fs::read_to_string(folder.0.join(name).join("Component.toml")).unwrap();
        folder.write(
            &format!("{name}/Component.toml"),
            &format!("{manifest}[capabilities.storage]\nquota_bytes = 100\n"),
        );
    }
    // Instances share, so that each component counts once.
    let listed = "[[component]]\nmanifest = \"a/Component.toml\"\ninstances = 3\n[[component]]\nmanifest = \"b/Component.toml\"\n";
    let system = |ceiling: &str, bytes: u64| {
        folder.write("airssys.toml", &format!("[host.ceilings]\n{ceiling} = {bytes}\n{listed}"));
    };
    system("total_storage_bytes", 200);
    assert_eq!(SystemFiles::read(&folder.0).unwrap().components().len(), 2);
    system("total_storage_bytes", 199);
    folder.check_error(&[
        "with this component 200 bytes of storage are declared in all; at most 199 are allowed",
        "airssys.toml:7:12",
        "lower their quota_bytes, or raise [host.ceilings] total_storage_bytes",
    ]);
    system("max_storage_bytes", 99);
    folder.check_error(&["`quota_bytes` is 100, outside 1 to 99 bytes", "`max_storage_bytes`"]);
}

#[tokio::test]
async fn what_components_keep_lies_in_the_folder_of_the_manifest() {
    let folder = Folder::new("data");
    let listed = "[[component]]\nmanifest = \"a/Component.toml\"\n";
    folder.component("a", "first");
    let system = |path: &str| {
        folder.write("airssys.toml", &format!("[host]\ndata_dir = \"{path}\"\n{listed}"));
    };
    system("data");
    let files = SystemFiles::read(&folder.0).unwrap();
    assert_eq!(files.data_dir(), Some(folder.0.join("data")));
    assert!(!folder.0.join("data").exists(), "reading makes nothing");
    let host = files.host_builder().build().unwrap();
    assert!(folder.0.join("data").is_dir() && host.storage_status().is_some());
    files.launch(&host, |_| {}).await.unwrap();
    let error = files.host_builder().build().unwrap_err();
    assert!(matches!(error, SystemError::Storage(StoreError::Locked { .. })), "{error:?}");
    host.shutdown().await;
    files.host_builder().build().unwrap().shutdown().await;

    system("not/there");
    folder.check_error(&["there is no folder", "airssys.toml:2:12"]);
    for file in ["a/Component.toml", "a/Component.toml/data"] {
        system(file);
        folder.check_error(&["a/Component.toml is no folder", "airssys.toml:2:12"]);
    }
    for (link, path) in [("out", "out"), ("out", "out/data")] {
        std::os::unix::fs::symlink("/tmp", folder.0.join(link)).unwrap();
        system(path);
        folder.check_error(&["leads outside of the folder of this manifest", "airssys.toml:2:12"]);
        fs::remove_file(folder.0.join(link)).unwrap();
    }
}

/// Whether a component of these files may be granted to write in this folder.
async fn check_link(folder: &Folder, granted: &str, is_held: bool) {
    let manifest =
        "[component]\nname = \"first\"\nversion = \"1.0.0\"\n[resources.memory]\nmax_bytes = 1048576\n";
    let root = fs::canonicalize(&folder.0).unwrap();
    let right = format!("[capabilities.filesystem]\nwrite = [\"{}\"]\n", root.join(granted).display());
    fs::write(folder.0.join("manifests/first.toml"), format!("{manifest}{right}")).unwrap();
    let files = SystemFiles::read(&folder.0.join("link/airssys.toml")).unwrap();
    let host = files.host_builder().build().unwrap();
    let launched = files.launch(&host, |_| {}).await;
    let refused =
        matches!(&launched, Err(SystemError::Start { source: RuntimeError::FolderOfManifests { .. }, .. }));
    assert_eq!(refused, is_held, "{granted}: {launched:?}");
    host.shutdown().await;
}

#[tokio::test]
async fn no_component_writes_where_links_to_the_files_of_the_system_lead() {
    let folder = Folder::new("unwritable-links");
    for inner in ["link", "system", "a/build", "manifests", "free"] {
        fs::create_dir_all(folder.0.join(inner)).unwrap();
    }
    let root = fs::canonicalize(&folder.0).unwrap();
    let system = "[[component]]\nmanifest = \"a/Component.toml\"\n";
    fs::write(folder.0.join("system/airssys.toml"), system).unwrap();
    let link = std::os::unix::fs::symlink::<PathBuf, PathBuf>;
    link(root.join("system/airssys.toml"), root.join("link/airssys.toml")).unwrap();
    link("../a".into(), root.join("link/a")).unwrap();
    link("../manifests/first.toml".into(), root.join("a/Component.toml")).unwrap();
    link("build/first.wasm".into(), root.join("a/first.wasm")).unwrap();
    fs::copy(file("echo"), root.join("a/build/first.wasm")).unwrap();
    for (granted, is_held) in [
        ("link", true),
        ("system", true),
        ("a", true),
        ("a/build", true),
        ("manifests", true),
        ("free", false),
    ] {
        check_link(&folder, granted, is_held).await;
    }
}

#[tokio::test]
async fn no_component_writes_where_the_files_of_the_system_are() {
    let folder = Folder::new("unwritable");
    let root = fs::canonicalize(&folder.0).unwrap();
    folder.component("a", "first");
    fs::create_dir_all(folder.0.join("a/data")).unwrap();
    let manifest = fs::read_to_string(folder.0.join("a/Component.toml")).unwrap();
    folder.write("airssys.toml", "[[component]]\nmanifest = \"a/Component.toml\"\n");
    for (granted, held) in [("", Some("")), ("a", Some("a")), ("a/data", None)] {
        for key in ["read", "write"] {
            let granted = root.join(granted);
            let right = format!("[capabilities.filesystem]\n{key} = [\"{}\"]\n", granted.to_str().unwrap());
            folder.write("a/Component.toml", &format!("{manifest}{}", right.replace("/\"]", "\"]")));
            let files = SystemFiles::read(&folder.0).unwrap();
            let host = files.host_builder().build().unwrap();
            let launched = files.launch(&host, |_| {}).await;
            match held.filter(|_| key == "write") {
                None => launched.unwrap(),
                Some(expected) => {
                    let error = launched.unwrap_err();
                    let SystemError::Start { source, .. } = error else { panic!("{error}") };
                    let RuntimeError::FolderOfManifests { held, .. } = source else { panic!("{source}") };
                    assert_eq!(held, root.join(expected));
                }
            }
            host.shutdown().await;
        }
    }
}
