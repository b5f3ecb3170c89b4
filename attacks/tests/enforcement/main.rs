//! Every limit holds against its attack, and every hostile guest is an attack.

#![expect(clippy::unwrap_used, reason = "sources that cannot be read fail the test")]

mod rights;

use std::collections::BTreeSet;
use std::path::Path;

use airssys_wasm_attacks::{DECLARED_BOUNDS, DECLARED_KEYS, attacks, measurements, run_floods_with, to_text};
use airssys_wasm_core::{
    AuditConfig, Backoff, Ceilings, ComponentManifest, CpuConfig, EnvironmentCapabilities,
    FilesystemCapabilities, HostCapabilities, LifecycleConfig, MailboxConfig, MemoryConfig,
    MessagingCapabilities, NetworkCapabilities, StorageCapabilities, SupervisionConfig, SystemManifest,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_limit_holds_against_its_attack() {
    // This binary is a harness of tests, which runs no flood.
    run_floods_with(Path::new(env!("CARGO_BIN_EXE_airssys-wasm-attacks")));
    let mut rows = Vec::new();
    for attack in attacks() {
        rows.push(attack.run().await);
    }
    assert!(rows.iter().all(|row| row.verdict.is_enforced()), "\n{}", to_text(&rows));
    assert!(rows.iter().all(|row| !row.samples.is_empty()), "a row without figures proves nothing");
}

#[test]
fn every_hostile_guest_is_used_by_a_row() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guests/hostile");
    let guests: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    let rows = [attacks(), measurements()].concat();
    let used: BTreeSet<String> = rows.iter().map(|row| row.guest.to_owned()).collect();
    assert!(!guests.is_empty());
    assert_eq!(guests, used, "left: in guests/hostile, right: used by a row");
}

#[test]
fn a_row_is_told_apart_from_every_other() {
    let rows = [attacks(), measurements()].concat();
    let limits: BTreeSet<_> = rows.iter().map(|row| row.limit).collect();
    assert_eq!(limits.len(), rows.len());
}

#[test]
fn a_measurement_has_a_key_that_there_is() {
    for measurement in measurements().iter().filter(|measurement| measurement.key.contains('.')) {
        assert!(
            DECLARED_KEYS.iter().any(|declared| declared.key == measurement.key),
            "{}: {} is no key",
            measurement.limit,
            measurement.key
        );
    }
}

#[test]
fn every_row_can_be_turned_red_or_there_is_a_reason_why_not() {
    let table: toml::Table = include_str!("../../mutations.toml").parse().unwrap();
    let entries = |name: &str| table.get(name).and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let red: BTreeSet<_> = entries("mutation")
        .iter()
        .flat_map(|mutation| mutation["red"].as_array().unwrap().clone())
        .map(|limit| limit.as_str().unwrap().to_owned())
        .collect();
    let mut covered = red.clone();
    for exemption in entries("exemption") {
        let limit = exemption["limit"].as_str().unwrap().to_owned();
        assert!(!exemption["reason"].as_str().unwrap().is_empty(), "{limit}");
        assert!(covered.insert(limit.clone()), "{limit} can be turned red, or is there twice");
    }
    let limits: BTreeSet<_> = attacks().iter().map(|attack| attack.limit.to_owned()).collect();
    let missing: Vec<_> = limits.difference(&covered).collect();
    assert!(missing.is_empty(), "not in attacks/mutations.toml: {missing:?}");
    // Other systems have fewer rows.
    if cfg!(target_os = "linux") {
        assert_eq!(covered, limits, "left: in attacks/mutations.toml, right: rows");
    }
}

#[test]
fn every_declared_key_has_an_attack_or_a_reason() {
    let attacked: BTreeSet<_> = attacks().iter().map(|attack| attack.key).collect();
    for declared in DECLARED_KEYS {
        assert_eq!(
            attacked.contains(declared.key),
            declared.exemption.is_none(),
            "{}: left is whether a row has it, right whether one must",
            declared.key
        );
        assert!(declared.exemption.is_none_or(|reason| !reason.is_empty()), "{}", declared.key);
    }
    let declared: BTreeSet<_> = DECLARED_KEYS.iter().map(|declared| declared.key).collect();
    assert_eq!(declared.len(), DECLARED_KEYS.len(), "a key is listed twice");
    let unknown: Vec<_> =
        attacked.iter().filter(|key| key.contains('.') && !declared.contains(*key)).collect();
    assert!(unknown.is_empty(), "attacked, but not declared: {unknown:?}");
}

/// The fields of a section as keys. A field more in the section does not compile until it is named here.
macro_rules! keys {
    ($section:literal, $type:ident { $($field:ident),+ }) => {{
        let _all = |$type { $($field: _),+ }: $type| ();
        [$(concat!($section, ".", stringify!($field)).to_owned()),+]
    }};
}

#[test]
fn every_section_of_limits_and_rights_is_listed_whole() {
    let mut keys = BTreeSet::new();
    keys.extend(keys!("resources.memory", MemoryConfig { max_bytes }));
    keys.extend(keys!("resources.cpu", CpuConfig { max_fuel, timeout_ms }));
    keys.extend(keys!("lifecycle", LifecycleConfig { start_timeout_ms, start_fuel, stop_grace_ms }));
    keys.extend(keys!("mailbox", MailboxConfig { capacity, max_bytes, overflow }));
    keys.extend(keys!(
        "capabilities.messaging",
        MessagingCapabilities {
            send_to,
            receive_from,
            publish,
            subscribe,
            max_message_bytes,
            codecs,
            rate_per_second,
            burst
        }
    ));
    keys.extend(keys!("capabilities.network", NetworkCapabilities { connect }));
    keys.extend(keys!("supervision", SupervisionConfig { policy, max_restarts, window_seconds, backoff }));
    keys.extend(keys!("supervision.backoff", Backoff { initial_ms, max_ms, factor, jitter }));
    keys.extend(keys!(
        "host.ceilings",
        Ceilings {
            max_memory_bytes,
            max_fuel,
            max_timeout_ms,
            max_component_bytes,
            total_memory_bytes,
            max_storage_bytes,
            total_storage_bytes,
            broad_rights
        }
    ));
    // A table of its own, with a key of another name.
    assert!(keys.remove("host.ceilings.broad_rights"));
    keys.insert("host.policy.allow_broad".to_owned());
    let _whole =
        |HostCapabilities { filesystem: _, network: _, environment: _, storage: _ }: HostCapabilities| ();
    keys.extend(keys!("capabilities.storage", StorageCapabilities { quota_bytes }));
    keys.extend(keys!("capabilities.filesystem", FilesystemCapabilities { read, write }));
    keys.extend(keys!("capabilities.environment", EnvironmentCapabilities { variables }));
    keys.extend(keys!("audit", AuditConfig { path, max_file_bytes, keep_files }));
    // The policy's key is `restart`, and the backoff is a table of its own.
    assert!(keys.remove("supervision.policy") && keys.remove("supervision.backoff"));
    keys.insert("supervision.restart".to_owned());
    keys.extend(["component.instances".to_owned(), "component.max_memory_bytes".to_owned()]);
    let listed: BTreeSet<_> = DECLARED_KEYS.iter().map(|declared| declared.key.to_owned()).collect();
    assert_eq!(keys, listed, "left: what the manifests can say, right: the table");
}

#[test]
fn the_manifests_have_every_declared_key() {
    const HEAD: &str = "[component]\nname = \"a\"\nversion = \"0.1.0\"\n";
    const MEMORY: &str = "[resources.memory]\nmax_bytes = 1048576\n";
    for declared in DECLARED_KEYS {
        let (section, key) = declared.key.rsplit_once('.').unwrap();
        let value = match key {
            "overflow" => "\"wait\"",
            "send_to" | "receive_from" => "[\"a/*\"]",
            "connect" => "[\"a.example.com:443\"]",
            "publish" | "subscribe" => "[\"a.#\"]",
            "read" | "write" => "[\"/var/log\"]",
            "variables" => "[\"TZ\"]",
            "allow_broad" => "[\"messaging.publish\"]",
            "restart" => "\"transient\"",
            "factor" | "jitter" => "1.0",
            "instances" | "max_restarts" => "2",
            _ => "1048576",
        };
        // Any number will do: one that is out of range is still no unknown key.
        let error = match section {
            "host.ceilings" | "host.policy" | "audit" => {
                SystemManifest::parse("a", &format!("[{section}]\n{key} = {value}\n")).err()
            }
            "component" => {
                let text = format!("[[component]]\nmanifest = \"a.toml\"\n{key} = {value}\n");
                SystemManifest::parse("a", &text).err()
            }
            "resources.memory" => {
                ComponentManifest::parse("a", &format!("{HEAD}{MEMORY}"), &Ceilings::default()).err()
            }
            _ => {
                let text = format!("{HEAD}{MEMORY}[{section}]\n{key} = {value}\n");
                ComponentManifest::parse("a", &text, &Ceilings::default()).err()
            }
        };
        let told = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(!told.contains("unknown") && !told.contains("not supported"), "{}: {told}", declared.key);
    }
}

/// The names of the constants of a source, of those that are declared with this keyword or another.
fn constants(source: &str, keywords: &[&str]) -> BTreeSet<String> {
    let declared = source.lines().filter_map(|line| {
        keywords.iter().find_map(|keyword| line.strip_prefix(keyword)).and_then(|rest| rest.split_once(':'))
    });
    // Texts and tables are no bounds.
    declared.filter(|(_, rest)| !rest.trim().starts_with('&')).map(|(name, _)| name.to_owned()).collect()
}

/// All sources of a crate.
fn sources(krate: &str) -> Vec<String> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(krate).join("src")];
    let mut all = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.is_dir() {
                true => folders.push(entry),
                false => all.push(std::fs::read_to_string(entry).unwrap()),
            }
        }
    }
    assert!(all.len() > 5, "{krate} has no sources");
    all
}

#[test]
fn every_fixed_bound_has_an_attack_or_a_reason() {
    let attacks = attacks();
    let keys = attacks.iter().flat_map(|attack| attack.key.split(", "));
    let attacked: BTreeSet<_> =
        keys.filter(|key| key.chars().all(|c| c.is_ascii_uppercase() || c == '_')).collect();
    let mut listed = BTreeSet::new();
    for bound in DECLARED_BOUNDS {
        assert!(listed.insert(bound.key), "{} is listed twice", bound.key);
        assert_eq!(
            attacked.contains(bound.key),
            bound.exemption.is_none(),
            "{}: left is whether a row has it, right whether one must",
            bound.key
        );
        assert!(bound.exemption.is_none_or(|reason| !reason.is_empty()), "{}", bound.key);
    }
    let unknown: Vec<_> = attacked.difference(&listed).collect();
    assert!(unknown.is_empty(), "attacked, but not declared: {unknown:?}");
}

#[test]
fn every_fixed_bound_of_the_sources_is_listed() {
    const PUBLIC: &str = "pub const ";
    const SHARED: &str = "pub(crate) const ";
    const PRIVATE: &str = "const ";
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../airssys-wasm-runtime/src/bounds.rs");
    let mut must = constants(&std::fs::read_to_string(table).unwrap(), &[PUBLIC, SHARED, PRIVATE]);
    assert!(must.contains("MAX_RESOURCES") && must.contains("HTTP_BUFFERED_CHUNKS"), "read {must:?}");
    let mut there = BTreeSet::new();
    for krate in ["core", "security", "runtime", "messaging", "storage", "system"] {
        for source in sources(&format!("airssys-wasm-{krate}")) {
            must.extend(constants(&source, &[PUBLIC]));
            there.extend(constants(&source, &[PUBLIC, SHARED, PRIVATE]));
        }
    }
    let listed: BTreeSet<_> = DECLARED_BOUNDS.iter().map(|bound| bound.key.to_owned()).collect();
    let missing: Vec<_> = must.difference(&listed).collect();
    assert!(missing.is_empty(), "bounds without a row or a reason: {missing:?}");
    let gone: Vec<_> = listed.difference(&there).collect();
    assert!(gone.is_empty(), "listed, but not in the sources: {gone:?}");
}
