//! Manifests as their readers meet them: what is accepted, what is refused, and in what words.

mod component;
mod hostile;
mod keys;
mod rendering;
mod system;

use airssys_wasm_core::{Ceilings, ComponentManifest, ManifestError, SystemManifest};

/// The least that a component's manifest holds; what is tested begins at line 6.
const HEAD: &str = "[component]
name = \"parser\"
version = \"0.3.1\"
[resources.memory]
max_bytes = 1048576
";

/// Every section and key of `Component.toml`, one key to a line.
const WHOLE_COMPONENT: &str = r##"[component]
name = "parser"
namespace = "logs"
version = "0.3.1"
wasm = "parser.wasm"
description = "Parses lines"
authors = ["A", "B"]
license = "MIT"
[resources.memory]
max_bytes = 1048576
[resources.cpu]
max_fuel = 2000000
timeout_ms = 200
[lifecycle]
start_timeout_ms = 5001
start_fuel = 100000001
stop_grace_ms = 5002
[mailbox]
capacity = 1001
max_bytes = 4194305
overflow = "drop-oldest"
[capabilities.messaging]
send_to = ["logs/*"]
receive_from = ["logs/tail"]
publish = ["logs.parsed"]
subscribe = ["logs.raw.#"]
max_message_bytes = 65537
codecs = ["cbor", "borsh"]
rate_per_second = 1001
burst = 101
[capabilities.storage]
quota_bytes = 1048576
[capabilities.filesystem]
read = ["/var/log/nginx"]
write = ["/var/tmp"]
[capabilities.network]
connect = ["api.example.com:443"]
[capabilities.environment]
variables = ["TZ"]
[supervision]
restart = "transient"
max_restarts = 4
window_seconds = 61
[supervision.backoff]
initial_ms = 101
max_ms = 30001
factor = 2.5
jitter = 0.2
[health]
interval_ms = 5000
timeout_ms = 1000
unhealthy_after = 3
[config]
threshold = 20
"##;

/// Every section and key of `airssys.toml`, one key to a line.
const WHOLE_SYSTEM: &str = r#"[host]
name = "node-1"
data_dir = "data"
[host.ceilings]
max_memory_bytes = 4194305
max_fuel = 10000000001
max_timeout_ms = 60001
max_component_bytes = 33554433
total_memory_bytes = 2147483649
max_storage_bytes = 268435457
total_storage_bytes = 2147483649
[host.policy]
allow_broad = ["messaging.send_to", "network.connect"]
[[component]]
manifest = "parser/Component.toml"
instances = 2
group = "pipeline"
max_memory_bytes = 16777216
[[group]]
name = "pipeline"
strategy = "rest-for-one"
parent = "root"
max_restarts = 10
window_seconds = 60
[io]
input = ["logs/parser", "logs/mischief"]
output = "logs/stats"
[audit]
path = "audit.jsonl"
max_file_bytes = 67108864
keep_files = 8
"#;

fn component(text: &str) -> Result<ComponentManifest, ManifestError> {
    ComponentManifest::parse("Component.toml", text, &Ceilings::default())
}

fn system(text: &str) -> Result<SystemManifest, ManifestError> {
    SystemManifest::parse("airssys.toml", text)
}

/// What is wrong, one `line:column reason` to a line; empty where nothing is.
fn complaints<T>(parsed: Result<T, ManifestError>) -> String {
    let lines = |error: ManifestError| {
        let line = |wrong: &airssys_wasm_core::ManifestDiagnostic| {
            format!("{}:{} {}", wrong.line(), wrong.column(), wrong.reason())
        };
        error.diagnostics().iter().map(line).collect::<Vec<_>>().join("\n")
    };
    parsed.err().map(lines).unwrap_or_default()
}

/// The same without what this version refuses although it is well formed.
fn mistakes<T>(parsed: Result<T, ManifestError>) -> String {
    let all = complaints(parsed);
    all.lines()
        .filter(|line| !line.ends_with("is not supported by this version"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The `key = value` lines of a manifest: line number, section, key, value.
fn keys_of(text: &'static str) -> impl Iterator<Item = (usize, &'static str, &'static str, &'static str)> {
    let mut section = "";
    text.lines().enumerate().filter_map(move |(number, line)| {
        if line.starts_with('[') {
            section = line;
        }
        let (key, value) = line.split_once(" = ")?;
        Some((number + 1, section, key, value))
    })
}

/// The text with another line in place of one.
fn with_line(text: &str, number: usize, line: &str) -> String {
    let replaced = |(at, old): (usize, &str)| if at + 1 == number { line.to_owned() } else { old.to_owned() };
    let mut lines: Vec<String> = text.lines().enumerate().map(replaced).collect();
    lines.push(String::new());
    lines.join("\n")
}
