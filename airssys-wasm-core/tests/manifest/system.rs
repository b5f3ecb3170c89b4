//! `airssys.toml`: what comes of it, and how others report errors in it.

use airssys_wasm_core::{AuditConfig, BroadRight, BroadRights, Ceilings, ManifestError, SystemManifest};

use crate::{complaints, system};

const PIPELINE: &str = r#"[host]
name = "node-1"
[host.ceilings]
max_memory_bytes = 8388608
max_fuel = 5
[[component]]
manifest = "parser/Component.toml"
[[component]]
manifest = "stats/Component.toml"
instances = 3
max_memory_bytes = 100663296
[io]
input = ["logs/parser", "logs/mischief"]
output = "logs/stats"
"#;

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(complaints(system(text)), expected, "{text}");
}

fn pipeline() -> Result<SystemManifest, ManifestError> {
    system(PIPELINE)
}

#[test]
fn what_is_given_arrives() {
    let manifest = pipeline().expect("the pipeline is valid");
    assert_eq!(manifest.name, "node-1");
    let ceilings = Ceilings { max_memory_bytes: 8_388_608, max_fuel: 5, ..Ceilings::default() };
    assert_eq!(manifest.ceilings, ceilings);
    let entries: Vec<_> =
        manifest.components.iter().map(|entry| (entry.manifest.as_str(), entry.instances)).collect();
    assert_eq!(entries, [("parser/Component.toml", 1), ("stats/Component.toml", 3)]);
    let own: Vec<_> = manifest.components.iter().map(|entry| entry.ceilings(&ceilings)).collect();
    assert_eq!(own, [ceilings, Ceilings { max_memory_bytes: 100_663_296, ..ceilings }]);
    let io = manifest.io.expect("[io] is there");
    let input: Vec<_> = io.input.iter().map(ToString::to_string).collect();
    assert_eq!(input, ["logs/parser", "logs/mischief"]);
    assert_eq!(io.output.as_str(), "logs/stats");
}

#[test]
fn a_policy_names_the_rights_that_may_mean_everything() {
    let manifest = system("[host.policy]\nallow_broad = [\"messaging.subscribe\"]").expect("it is valid");
    let allowed = BroadRights::none().allowing(BroadRight::Subscribe);
    assert_eq!(manifest.ceilings, Ceilings { broad_rights: allowed, ..Ceilings::default() });
    check(
        "[host.policy]\nallow_broad = [\"messaging.subscribe\", \"filesystem.read\"]",
        "2:39 `allow_broad`: \"filesystem.read\" names no right that can be too broad",
    );
    check("[host.policy]\nallow = []", "2:1 unknown key `allow` in [host.policy]");
}

#[test]
fn what_is_absent_has_its_default() {
    let manifest = system("").expect("an empty manifest is valid");
    assert_eq!((manifest.name.as_str(), manifest.ceilings), ("airssys", Ceilings::default()));
    assert!(manifest.components.is_empty() && manifest.io.is_none());
}

#[test]
fn components_are_an_array_of_tables() {
    check(
        "[component]\nmanifest = \"a\"",
        "1:1 `component` must be an array of tables, [[component]], not a table",
    );
    check("component = [5]", "1:14 `component` must be a table, not an integer");
    check("[[component]]\ninstances = 1", "1:1 missing key `manifest` in [[component]]");
    check(
        "[[component]]\nmanifest = \"a\"\n[[component]]\nmanifest = \"a\"",
        "4:12 `manifest` is \"a\", which an earlier [[component]] names",
    );
    check(
        "[[component]]\nmanifest = \"../a\"",
        "2:12 `manifest` is \"../a\", which leaves the folder of the manifest by \"..\"",
    );
    check("[[component]]\nmanifest = \"/a\"", "2:12 `manifest` is \"/a\", which is not relative");
}

#[test]
fn input_and_output_name_components() {
    let address = "is not an address: namespace/name or namespace/name/instance is expected";
    check("[io]", "1:1 missing key `input` in [io]\n1:1 missing key `output` in [io]");
    check("[io]\ninput = []\noutput = \"a/b\"", "2:9 `input` is empty");
    check("[io]\ninput = [\"a/b\", \"a/b\"]\noutput = \"a/b\"", "2:17 `input` names a/b twice");
    check(
        "[io]\ninput = [\"a/b/0\"]\noutput = \"a/b/0\"",
        "2:10 `input`: a/b/0 names an instance, and a component is meant\n\
         3:10 `output`: a/b/0 names an instance, and a component is meant",
    );
    check(
        "[io]\ninput = [\"host/x\"]\noutput = \"host/x\"",
        "2:10 `input`: the namespace \"host\" belongs to the host itself\n\
         3:10 `output`: the namespace \"host\" belongs to the host itself",
    );
    check(
        "[io]\ninput = [\"x\"]\noutput = \"\"",
        &format!("2:10 `input`: \"x\" {address}\n3:10 `output`: \"\" {address}"),
    );
}

#[test]
fn what_is_not_enforced_is_validated_and_refused() {
    let refused = |what: &str| format!("{what} is not supported by this version");
    check("[[component]]\nmanifest = \"a\"\ngroup = \"g\"", &refused("3:1 `group`"));
    check(
        "[[group]]\nname = \"g\"\n[[group]]\nname = \"h\"",
        &format!("{}\n{}", refused("1:1 [[group]]"), refused("3:1 [[group]]")),
    );
    check("[[group]]", &format!("1:1 missing key `name` in [[group]]\n{}", refused("1:1 [[group]]")));
    let strategy = "[[group]]\nname = \"g\"\nstrategy = \"all\"";
    check(
        strategy,
        &format!("{}\n3:12 `strategy` is \"all\", which is no value of it", refused("1:1 [[group]]")),
    );
}

#[test]
fn what_is_kept_has_a_folder_of_its_own() {
    let folder = |text: &str| system(text).expect("the section is valid").data_dir;
    assert_eq!(folder("[host]"), None);
    for (given, found) in [("data", "data"), ("data/", "data"), ("a/b", "a/b"), ("./a", "./a")] {
        assert_eq!(folder(&format!("[host]\ndata_dir = \"{given}\"")).as_deref(), Some(found));
    }
    let refused = |given: &str, reason: &str| {
        check(&format!("[host]\ndata_dir = \"{given}\""), &format!("2:12 `data_dir` {reason}"));
    };
    refused("", "is empty");
    refused("/a", "is \"/a\", which is not relative");
    refused("/", "is \"/\", which is not relative");
    refused("../a", "is \"../a\", which leaves the folder of the manifest by \"..\"");
    for nameless in [".", "./", "a/.", "a//"] {
        let shown = nameless.strip_suffix('/').unwrap_or(nameless);
        refused(nameless, &format!("is {shown:?}, which names no folder of its own"));
    }
    check("[host]\ndata_dir = 5", "2:12 `data_dir` must be a string, not an integer");
}

#[test]
fn the_audit_log_has_a_place_and_sizes() {
    let audit = |text: &str| system(text).expect("the section is valid").audit;
    assert_eq!(audit(""), None);
    assert_eq!(audit("[audit]\npath = \"audit.jsonl\""), Some(AuditConfig::new("audit.jsonl")));
    let given = AuditConfig { path: "logs/a".into(), max_file_bytes: 4_096, keep_files: 1 };
    let text = "[audit]\npath = \"logs/a\"\nmax_file_bytes = 4096\nkeep_files = 1";
    assert_eq!(audit(text), Some(given));
    let default = AuditConfig::new("a");
    assert_eq!((default.max_file_bytes, default.keep_files), (67_108_864, 8));
    check("[audit]", "1:1 missing key `path` in [audit]");
    check("[audit]\npath = \"\"", "2:8 `path` is empty");
    check("[audit]\npath = \"/a\"", "2:8 `path` is \"/a\", which is not relative");
    check(
        "[audit]\npath = \"../a\"",
        "2:8 `path` is \"../a\", which leaves the folder of the manifest by \"..\"",
    );
    check("[audit]\npath = \"a/\"", "2:8 `path` is \"a/\", which names a folder, not a file");
    check("audit = 5", "1:9 `audit` must be a table, not an integer");
}

#[test]
fn names_follow_the_alphabet() {
    check("[host]\nname = \"Node\"", "2:8 `name` is \"Node\", which is not a valid name");
}

#[test]
fn others_report_errors_at_their_place() {
    let manifest = pipeline().expect("the pipeline is valid");
    let place = |error: ManifestError| complaints(Err::<(), _>(error));
    assert_eq!(
        place(manifest.error_at_input(1, "no such component", "name another")),
        "13:25 no such component"
    );
    assert_eq!(
        place(manifest.error_at_output("no such component", "name another")),
        "14:10 no such component"
    );
    assert_eq!(place(manifest.error_at_manifest(1, "no such file", "write it")), "9:12 no such file");
    assert_eq!(place(manifest.error_at_manifest(2, "no such file", "write it")), "1:1 no such file");
    let manifest = system("[audit]\npath = \"a\"").expect("the section is valid");
    assert_eq!(place(manifest.error_at_audit("no such folder", "make it")), "2:8 no such folder");
    let manifest = system("[host]\ndata_dir = \"a\"").expect("the section is valid");
    assert_eq!(place(manifest.error_at_data_dir("no such folder", "make it")), "2:12 no such folder");
}
