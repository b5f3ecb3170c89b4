//! `Component.toml`: what comes of it, and what holds between its keys.

use airssys_wasm_core::{
    Backoff, BroadRight, BroadRights, Ceilings, Codec, CodecSet, ComponentConfig, ComponentManifest,
    HostCapabilities, LifecycleConfig, MAX_GRANTED_DESTINATIONS, MAX_GRANTED_FOLDERS, MAX_GRANTED_VARIABLES,
    MailboxConfig, MessagingCapabilities, Overflow, ResourceLimits, RestartPolicy, SupervisionConfig,
};

use crate::{HEAD, complaints, component, mistakes};

#[track_caller]
fn check(body: &str, expected: &str) {
    assert_eq!(complaints(component(&format!("{HEAD}{body}\n"))), expected, "{body}");
}

#[test]
fn what_is_absent_has_its_default() {
    let manifest = component(HEAD).expect("the head is a manifest");
    assert_eq!(manifest.address().as_str(), "default/parser");
    assert_eq!(manifest.address().as_str(), "default/parser");
    assert_eq!(manifest.wasm, "parser.wasm");
    assert_eq!((manifest.description, manifest.license), (None, None));
    assert_eq!(manifest.resources.memory.max_bytes, 1_048_576);
    assert_eq!((manifest.resources.cpu.max_fuel, manifest.resources.cpu.timeout_ms), (1_000_000, 100));
    let lifecycle =
        LifecycleConfig { start_timeout_ms: 5_000, start_fuel: 100_000_000, stop_grace_ms: 5_000 };
    assert_eq!(manifest.lifecycle, lifecycle);
    let mailbox = MailboxConfig { capacity: 1_000, max_bytes: 4_194_304, overflow: Overflow::Reject };
    assert_eq!(manifest.mailbox, mailbox);
    let nothing = MessagingCapabilities {
        send_to: vec![],
        receive_from: vec![],
        publish: vec![],
        subscribe: vec![],
        max_message_bytes: 65_536,
        codecs: None,
        rate_per_second: 1_000,
        burst: 100,
    };
    assert_eq!(manifest.messaging, nothing);
    let backoff = Backoff { initial_ms: 100, max_ms: 30_000, factor: 2.0, jitter: 0.1 };
    let policy = RestartPolicy::Permanent;
    assert_eq!(
        manifest.supervision,
        SupervisionConfig { policy, max_restarts: 3, window_seconds: 60, backoff }
    );
    assert!(manifest.config.is_empty());
}

#[test]
fn what_is_given_arrives() {
    let lines = crate::WHOLE_COMPONENT.lines();
    let mut is_enforced = true;
    let enforced = lines.filter(|line| {
        if line.starts_with('[') {
            is_enforced = *line != "[health]";
        }
        is_enforced
    });
    let text = enforced.collect::<Vec<_>>().join("\n");
    let manifest = component(&text).expect("all of it is enforced");
    assert_eq!(manifest.address().as_str(), "logs/parser");
    assert_eq!(manifest.version.to_string(), "0.3.1");
    assert_eq!(manifest.description.as_deref(), Some("Parses lines"));
    assert_eq!(manifest.authors, ["A", "B"]);
    assert_eq!(manifest.license.as_deref(), Some("MIT"));
    let limits =
        ResourceLimits { max_memory_bytes: 1_048_576, max_execution_time_ms: 200, max_fuel: Some(2_000_000) };
    assert_eq!(manifest.limits(), limits);
    let lifecycle =
        LifecycleConfig { start_timeout_ms: 5_001, start_fuel: 100_000_001, stop_grace_ms: 5_002 };
    assert_eq!(manifest.lifecycle, lifecycle);
    let mailbox = MailboxConfig { capacity: 1_001, max_bytes: 4_194_305, overflow: Overflow::DropOldest };
    assert_eq!(manifest.mailbox, mailbox);
    let texts = |patterns: &[airssys_wasm_core::AddressPattern]| {
        patterns.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let host = &manifest.host;
    let folders = |granted: &[airssys_wasm_core::FolderPath]| {
        granted.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(folders(&host.filesystem.read), ["/var/log/nginx"]);
    assert_eq!(folders(&host.filesystem.write), ["/var/tmp"]);
    assert_eq!(host.environment.variables, ["TZ".parse().expect("a name")]);
    assert_eq!(host.storage.quota_bytes, Some(1_048_576));
    assert_eq!(texts(&manifest.messaging.send_to), ["logs/*"]);
    assert_eq!(texts(&manifest.messaging.receive_from), ["logs/tail"]);
    let messaging = &manifest.messaging;
    assert_eq!(manifest.host.network.connect, ["api.example.com:443".parse().expect("a destination")]);
    assert_eq!(messaging.publish, ["logs.parsed".parse().expect("a topic")]);
    assert_eq!(messaging.subscribe, ["logs.raw.#".parse().expect("a pattern")]);
    assert_eq!(
        (messaging.max_message_bytes, messaging.rate_per_second, messaging.burst),
        (65_537, 1_001, 101)
    );
    assert_eq!(messaging.codecs, Some(CodecSet::of(Codec::Borsh).and(Codec::Cbor)));
    let backoff = Backoff { initial_ms: 101, max_ms: 30_001, factor: 2.5, jitter: 0.2 };
    let policy = RestartPolicy::Transient;
    assert_eq!(
        manifest.supervision,
        SupervisionConfig { policy, max_restarts: 4, window_seconds: 61, backoff }
    );
    assert_eq!(manifest.config_json(), r#"{"threshold":20}"#);
}

#[test]
fn a_part_of_a_section_keeps_the_other_defaults() {
    let cpu = |body: &str| component(&format!("{HEAD}{body}\n")).map(|manifest| manifest.resources.cpu);
    assert!(cpu("[resources.cpu]").is_ok_and(|cpu| (cpu.max_fuel, cpu.timeout_ms) == (1_000_000, 100)));
    let body = "[resources.cpu]\nmax_fuel = 5";
    assert!(cpu(body).is_ok_and(|cpu| (cpu.max_fuel, cpu.timeout_ms) == (5, 100)));
    let body = "[resources.cpu]\ntimeout_ms = 5";
    assert!(cpu(body).is_ok_and(|cpu| (cpu.max_fuel, cpu.timeout_ms) == (1_000_000, 5)));
}

#[test]
fn what_must_be_there_is_missed() {
    let check = |text: &str, expected: &str| assert_eq!(complaints(component(text)), expected);
    let memory = "missing section [resources.memory]: no memory limit is declared";
    check("", &format!("1:1 missing section [component]\n1:1 {memory}"));
    check(
        "[component]\n[resources.memory]\nmax_bytes = 1048576\n",
        "1:1 missing key `name` in [component]\n1:1 missing key `version` in [component]",
    );
    check("\n[component]\nname = \"a\"\nversion = \"0.1.0\"\n", &format!("2:1 {memory}"));
    check("[component]\nname = \"a\"\nversion = \"0.1.0\"\n[resources]\n", &format!("4:1 {memory}"));
    check(
        "[component]\nname = \"a\"\nversion = \"0.1.0\"\n[resources.memory]\n",
        "4:1 missing key `max_bytes` in [resources.memory]",
    );
    check(
        "component = 1\nresources.memory = 2\n",
        "1:13 `component` must be a table, not an integer\n2:20 `resources.memory` must be a table, not an integer",
    );
}

#[test]
fn names_follow_the_alphabet() {
    let check = |key: &str, value: &str, expected: &str| {
        let text = format!("[component]\nversion = \"0.1.0\"\n{key} = \"{value}\"\n");
        let name = if key == "name" { "" } else { "name = \"a\"\n" };
        let text = format!("{text}{name}[resources.memory]\nmax_bytes = 1048576\n");
        assert_eq!(complaints(component(&text)), expected, "{key} = {value}");
    };
    let longest = "a".repeat(64);
    for key in ["name", "namespace"] {
        let column = key.len() + 4;
        for good in ["a", "a1", "log-parser", &longest] {
            check(key, good, "");
        }
        for bad in ["", "1a", "-a", "a-", "a--b", "A", "a_b", "a/b", "ä", "a b"] {
            check(key, bad, &format!("3:{column} `{key}` is {bad:?}, which is not a valid name"));
        }
        let long = "a".repeat(65);
        check(key, &long, &format!("3:{column} `{key}` is {long:?}, which is not a valid name"));
    }
    check("namespace", "host", "3:13 the namespace \"host\" belongs to the host itself");
    check("namespace", "hosts", "");
}

#[test]
fn a_version_is_semantic() {
    let check = |value: &str, good: bool| {
        let found = complaints(component(&HEAD.replace("0.3.1", value)));
        let start = format!("3:11 `version` is {value:?}, which is not a semantic version: ");
        assert!(if good { found.is_empty() } else { found.starts_with(&start) }, "{value}: {found}");
    };
    for good in ["0.0.0", "1.2.3-alpha.1+build", "18446744073709551615.0.0"] {
        check(good, true);
    }
    for bad in ["", "1", "1.0", "1.0.0.0", "v1.0.0", "01.0.0", "1.0.x", " 1.0.0", "18446744073709551616.0.0"]
    {
        check(bad, false);
    }
}

#[test]
fn the_file_stays_in_the_folder() {
    let check = |value: &str, expected: &str| {
        let text = HEAD.replace("version", &format!("wasm = '{value}'\nversion"));
        assert_eq!(complaints(component(&text)), expected, "{value}");
    };
    for good in ["a.wasm", "./a.wasm", "out/a.wasm", "a..wasm", "..a/b", "out/.../a", "ä.wasm"] {
        check(good, "");
    }
    check("", "3:8 `wasm` is empty");
    for bad in ["..", "../a.wasm", "out/../../a", "out/..", "a/../b"] {
        check(bad, &format!("3:8 `wasm` is {bad:?}, which leaves the folder of the manifest by \"..\""));
    }
    for bad in ["/a.wasm", "//a", "C:a.wasm", "C:/a.wasm"] {
        check(bad, &format!("3:8 `wasm` is {bad:?}, which is not relative"));
    }
    for bad in [".", "out/", "out/."] {
        check(bad, &format!("3:8 `wasm` is {bad:?}, which names a folder, not a file"));
    }
    for bad in ["..\\a", "a\\b", "\\a"] {
        check(bad, &format!("3:8 `wasm` is {bad:?}, which holds a backslash: parts are joined by '/'"));
    }
    let text = HEAD.replace("version", "wasm = \"a\\u0000\"\nversion");
    assert_eq!(complaints(component(&text)), "3:8 `wasm` is \"a\\0\", which holds a control character");
    check(&"a".repeat(4_096), "");
    check(&"a".repeat(4_097), "3:8 `wasm` has 4097 bytes, and at most 4096 are allowed");
}

#[test]
fn words_are_chosen_from_a_list() {
    for (section, key, words) in [
        ("[mailbox]", "overflow", ["reject", "wait", "drop-oldest"]),
        ("[supervision]", "restart", ["permanent", "transient", "temporary"]),
    ] {
        for word in words {
            check(&format!("{section}\n{key} = \"{word}\""), "");
        }
        let column = key.len() + 4;
        check(
            &format!("{section}\n{key} = \"never\""),
            &format!("7:{column} `{key}` is \"never\", which is no value of it"),
        );
    }
}

#[test]
fn a_message_fits_its_mailbox() {
    let messaging = |body: &str| component(&format!("{HEAD}{body}\n")).map(|manifest| manifest.messaging);
    check("[mailbox]\nmax_bytes = 2048\n[capabilities.messaging]\nmax_message_bytes = 2048", "");
    check(
        "[mailbox]\nmax_bytes = 2048\n[capabilities.messaging]\nmax_message_bytes = 2049",
        "9:21 `max_message_bytes` is 2049, above the 2048 bytes that the mailbox holds",
    );
    let clamped = messaging("[mailbox]\nmax_bytes = 2048");
    assert!(clamped.is_ok_and(|messaging| messaging.max_message_bytes == 2_048));
}

#[test]
fn waits_begin_below_their_end() {
    let backoff =
        |body: &str| component(&format!("{HEAD}{body}\n")).map(|manifest| manifest.supervision.backoff);
    check("[supervision]\nbackoff = { initial_ms = 5, max_ms = 5 }", "");
    check(
        "[supervision]\nbackoff = { initial_ms = 6, max_ms = 5 }",
        "7:26 `initial_ms` is 6, above `max_ms`, which is 5",
    );
    check(
        "[supervision]\nbackoff = { initial_ms = 30001 }",
        "7:26 `initial_ms` is 30001, above `max_ms`, which is 30000",
    );
    let clamped = backoff("[supervision]\nbackoff = { max_ms = 5 }");
    assert!(clamped.is_ok_and(|backoff| (backoff.initial_ms, backoff.max_ms) == (5, 5)));
}

#[test]
fn codecs_are_known_and_one_at_least() {
    check("[capabilities.messaging]\ncodecs = [\"json\"]", "");
    check("[capabilities.messaging]\ncodecs = [\"json\", \"json\"]", "");
    check("[capabilities.messaging]\ncodecs = []", "7:10 `codecs` is empty: no message could arrive");
    check(
        "[capabilities.messaging]\ncodecs = [\"json\", \"JSON\", \"xml\"]",
        "7:19 `codecs`: no codec; known are borsh, cbor and json\n\
         7:27 `codecs`: no codec; known are borsh, cbor and json",
    );
    check(
        "[capabilities.messaging]\ncodecs = \"json\"",
        "7:10 `codecs` must be an array of strings, not a string",
    );
    check(
        "[capabilities.messaging]\ncodecs = [7]",
        "7:11 an element of `codecs` must be a string, not an integer",
    );
    let error =
        component(&format!("{HEAD}[capabilities.messaging]\ncodecs = []\n")).expect_err("it is empty");
    let help = error.diagnostics()[0].help().map(ToString::to_string);
    assert!(help.is_some_and(|help| help.contains("leave the key out")), "{error:?}");
}

#[test]
fn patterns_are_checked_one_by_one() {
    for key in ["send_to", "receive_from"] {
        check(&format!("[capabilities.messaging]\n{key} = []"), "");
        check(&format!("[capabilities.messaging]\n{key} = [\"a/b\", \"a/*/0\"]"), "");
        let found = complaints(component(&format!(
            "{HEAD}[capabilities.messaging]\n{key} = [\"a/b*\", \"c\", \"d/e\"]\n"
        )));
        let column = key.len() + 5;
        let shape = "\"c\" is not an address pattern: namespace/name or namespace/name/instance is expected";
        assert!(found.starts_with(&format!("7:{column} `{key}`: segment \"b*\" is neither")), "{found}");
        assert!(found.ends_with(&format!("\n7:{} `{key}`: {shape}", column + 8)), "{found}");
    }
}

#[test]
fn a_right_that_means_everything_needs_the_host_s_word() {
    let check = |section: &str, right: BroadRight, pattern: &str, narrow: &str| {
        let key = right.as_str().rsplit('.').next().expect("a key");
        let text = format!("{HEAD}[capabilities.{section}]\n{key} = [\"{narrow}\", \"{pattern}\"]\n");
        let expected = format!(
            "7:{} `{key}`: \"{pattern}\" means everything, which this host does not allow; name what is needed, or add \
             \"{right}\" to `allow_broad` in [host.policy] of airssys.toml",
            key.len() + narrow.len() + 9
        );
        assert_eq!(mistakes(component(&text)), expected);
        let ceilings = Ceilings { broad_rights: BroadRights::none().allowing(right), ..Ceilings::default() };
        assert_eq!(mistakes(ComponentManifest::parse("Component.toml", &text, &ceilings)), "");
        let mut manifest = component(HEAD).expect("it is valid");
        manifest.messaging.send_to.push("*/*".parse().expect("a pattern"));
        let broad = BroadRights::none().allowing(BroadRight::SendTo);
        assert!(
            manifest.check_breadth(BroadRights::none()).is_err() && manifest.check_breadth(broad).is_ok()
        );
    };
    check("messaging", BroadRight::SendTo, "*/*", "a/*");
    check("messaging", BroadRight::ReceiveFrom, "*/*/0", "*/a");
    check("messaging", BroadRight::Publish, "#", "a.#");
    check("messaging", BroadRight::Subscribe, "*.#", "*.a");
    check("network", BroadRight::Connect, "*.com:443", "*.a.com:443");
}

#[test]
fn folders_of_the_system_are_for_no_component() {
    for (path, protected) in [("/", "/proc"), ("/proc/self", "/proc"), ("/dev", "/dev"), ("/sys//x/", "/sys")]
    {
        for key in ["read", "write"] {
            let found =
                complaints(component(&format!("{HEAD}[capabilities.filesystem]\n{key} = [\"{path}\"]")));
            let path: airssys_wasm_core::FolderPath = path.parse().expect("a path");
            let expected = format!(
                "7:{} `{key}`: \"{path}\" cannot be granted: it is {protected}, holds it, or lies in it, which is for no \
                 component",
                key.len() + 5
            );
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn so_much_can_be_granted_of_the_host_and_no_more() {
    fn list(count: usize, one: impl Fn(usize) -> String) -> String {
        (0..count).map(|number| format!("\"{}\",", one(number))).collect()
    }
    let check = |section: &str, key: &str, what: &str, max: usize, one: &dyn Fn(usize) -> String| {
        let found = |count: usize| {
            mistakes(component(&format!("{HEAD}[capabilities.{section}]\n{key} = [{}]\n", list(count, one))))
        };
        assert_eq!(found(max), "", "{key}");
        let expected = format!(
            "6:1 [capabilities.{section}] grants {} {what}, and at most {max} can be granted",
            max + 1
        );
        assert_eq!(found(max + 1), expected);
        let twice = list(max, one).repeat(2);
        assert_eq!(mistakes(component(&format!("{HEAD}[capabilities.{section}]\n{key} = [{twice}]\n"))), "");
    };
    check("filesystem", "read", "folders", MAX_GRANTED_FOLDERS, &|number| format!("/var/{number}"));
    check("filesystem", "write", "folders", MAX_GRANTED_FOLDERS, &|number| format!("/var/{number}"));
    check("network", "connect", "destinations", MAX_GRANTED_DESTINATIONS, &|number| {
        format!("a{number}.example.com:443")
    });
    check("environment", "variables", "variables", MAX_GRANTED_VARIABLES, &|number| format!("V{number}"));
    let mut capabilities = HostCapabilities::default();
    for number in 0..MAX_GRANTED_FOLDERS {
        capabilities.filesystem.read.push(format!("/r/{number}").parse().expect("a folder"));
    }
    assert_eq!(capabilities.check(), Ok(()));
    capabilities.filesystem.write.push("/w".parse().expect("a folder"));
    let error = capabilities.check().expect_err("one too many");
    assert_eq!(
        error.to_string(),
        "[capabilities.filesystem] grants 65 folders, and at most 64 can be granted"
    );
    capabilities.filesystem.write.clear();
    let once = capabilities.clone();
    capabilities.filesystem.read.extend(once.filesystem.read.clone());
    assert!(capabilities.check().is_err());
    assert_eq!(capabilities.each_once(), once);
    let mut nested = HostCapabilities::default();
    nested.filesystem.read.push("/data/in".parse().expect("a folder"));
    nested.filesystem.write.push("/data".parse().expect("a folder"));
    let error = nested.check().expect_err("the wider right would win");
    assert_eq!(error.to_string(), "`read` names \"/data/in\", which `write` of \"/data\" allows to change");
}

#[test]
fn what_is_read_does_not_lie_in_what_is_written() {
    let found = |read: &str, write: &str| {
        let text = format!("{HEAD}[capabilities.filesystem]\nread = [\"{read}\"]\nwrite = [\"{write}\"]\n");
        mistakes(component(&text))
    };
    assert_eq!(
        found("/d/x/y", "/d"),
        "7:8 `read` names \"/d/x/y\", which `write` of \"/d\" allows to change"
    );
    for (read, write) in [("/d", "/d/x"), ("/dx", "/d"), ("/d", "/d")] {
        assert_eq!(found(read, write), "", "{read} {write}");
    }
}

#[test]
fn what_is_not_enforced_is_validated_and_refused() {
    let refused = |what: &str| format!("{what} is not supported by this version");
    check("[health]", &refused("6:1 [health]"));
    check(
        "[health]\ninterval_ms = 0",
        &format!("{}\n7:15 `interval_ms` is 0, outside 1 to 3600000 ms", refused("6:1 [health]")),
    );
}

#[test]
fn a_quota_is_named_and_lies_within_the_ceiling() {
    let quota =
        |body: &str| component(&format!("{HEAD}{body}\n")).map(|manifest| manifest.host.storage.quota_bytes);
    assert!(quota("").is_ok_and(|quota| quota.is_none()));
    assert!(quota("[capabilities]\nstorage.quota_bytes = 1").is_ok_and(|quota| quota == Some(1)));
    check("[capabilities.storage]", "6:1 missing key `quota_bytes` in [capabilities.storage]");
    let text = format!("{HEAD}[capabilities.storage]\nquota_bytes = 11\n");
    let low = Ceilings { max_storage_bytes: 10, ..Ceilings::default() };
    let error = ComponentManifest::parse("Component.toml", &text, &low).expect_err("it is above the ceiling");
    assert_eq!(complaints(Err::<(), _>(error.clone())), "7:15 `quota_bytes` is 11, outside 1 to 10 bytes");
    let help =
        "ask for less, or have the operator raise `max_storage_bytes` under [host.ceilings] in airssys.toml";
    assert_eq!(error.diagnostics()[0].help(), Some(help));
    let raised = Ceilings { max_storage_bytes: 11, ..low };
    assert!(ComponentManifest::parse("Component.toml", &text, &raised).is_ok());
}

#[test]
fn what_can_be_granted_of_the_host_is_well_formed() {
    let check = |section: &str, key: &str, value: &str, expected: &str| {
        let found = mistakes(component(&format!("{HEAD}[capabilities.{section}]\n{key} = ['{value}']\n")));
        let expected = if expected.is_empty() {
            String::new()
        } else {
            format!("7:{} `{key}`: {expected}", key.len() + 5)
        };
        assert_eq!(found, expected, "{key} = {value}");
    };
    for good in ["a.example.com:443", "*.example.com:1", "10.0.0.1:65535", "[::1]:80", "localhost:8080"] {
        check("network", "connect", good, "");
    }
    for bad in [
        "a.example.com",
        "a:0",
        "a:65536",
        "a:",
        ":1",
        "a:+1",
        "*:1",
        "a.*.b:1",
        "-a:1",
        "a..b:1",
        "1.2.3:1",
        "[::1:80",
        "::1:80",
        "http://a:1",
        "a b:1",
        "256.0.0.1:1",
    ] {
        check("network", "connect", bad, &format!("{bad:?} is not host:port"));
    }
    for bad in ["0.0.0.0:1", "224.0.0.1:1", "255.255.255.255:1", "[::]:1", "[::ffff:10.0.0.1]:1"] {
        let reason = "is an address that no connection leads to: unspecified, multicast, broadcast, or one of IPv4 \
                      written as IPv6";
        check("network", "connect", bad, &format!("{bad:?} {reason}"));
    }
    for key in ["read", "write"] {
        check("filesystem", key, "/var/log", "");
        for bad in ["", "var/log", "/var/../etc", "/..", "./x", "C:/x", "/a\\b"] {
            check("filesystem", key, bad, &format!("{bad:?} is not an absolute path without \"..\""));
        }
    }
    for good in ["TZ", "_x1", "a"] {
        check("environment", "variables", good, "");
    }
    for bad in ["", "1A", "A-B", "A=B", "A B", "Ä"] {
        check(
            "environment",
            "variables",
            bad,
            &format!("{bad:?} is not the name of a variable: A-Z, a-z, 0-9 and '_'"),
        );
    }
    for key in ["publish", "subscribe"] {
        check(
            "messaging",
            key,
            "a.#.b",
            "\"#\" stands for all the rest of a topic and is allowed only at the end",
        );
    }
}

#[test]
fn config_becomes_json() {
    let json =
        |body: &str| component(&format!("{HEAD}[config]\n{body}\n")).map(|manifest| manifest.config_json());
    let body = "t = \"ä\\n\\\"\"\nb = true\ni = -9223372036854775808\nu = 18446744073709551615\nh = 0xff\nf = 1.5\nd = 2024-02-29T01:02:03Z\nl = [1, [\"x\"], {}]\ne.g = 1";
    let expected = r#"{"b":true,"d":"2024-02-29T01:02:03Z","e":{"g":1},"f":1.5,"h":255,"i":-9223372036854775808,"l":[1,["x"],{}],"t":"ä\n\"","u":18446744073709551615}"#;
    assert!(json(body).is_ok_and(|json| json == expected));
    assert!(json("").is_ok_and(|json| json == "{}"));
    check("[config]\nx = nan", "7:5 nan is not a finite number");
    check("[config]\nx = [1, -inf]", "7:9 -inf is not a finite number");
    check("[config]\nx.y = 18446744073709551616", "7:7 18446744073709551616 does not fit 64 bits");
    assert_eq!(
        complaints(component(&format!("config = 5\n{HEAD}"))),
        "1:10 `config` must be a table, not an integer"
    );
}

#[test]
fn config_nests_no_deeper_than_json_readers_go() {
    let nested = |levels: usize| format!("[config]\nx = {}{}", "[".repeat(levels), "]".repeat(levels));
    check(&nested(64), "");
    check(&nested(65), "7:69 `config` nests deeper than 64 levels");
}

#[test]
fn the_hosts_ceilings_hold() {
    let text = |body: &str| HEAD.replace("1048576", body);
    let ceilings = Ceilings { max_memory_bytes: 16_777_216, max_fuel: u64::MAX, ..Ceilings::default() };
    let parse = |text: &str, ceilings| ComponentManifest::parse("Component.toml", text, ceilings);
    assert!(parse(&text("16777216"), &ceilings).is_ok());
    assert_eq!(
        complaints(parse(&text("16777217"), &ceilings)),
        "5:13 `max_bytes` is 16777217, outside 524288 to 16777216 bytes"
    );
    let metered = format!("{HEAD}[resources.cpu]\nmax_fuel = 18446744073709551615\n");
    assert!(parse(&metered, &ceilings).is_ok_and(|manifest| manifest.limits().max_fuel == Some(u64::MAX)));

    let low = Ceilings { max_fuel: 10, max_timeout_ms: 5, ..Ceilings::default() };
    let manifest = parse(HEAD, &low).expect("defaults follow a lower ceiling");
    assert_eq!((manifest.resources.cpu.max_fuel, manifest.resources.cpu.timeout_ms), (10, 5));
    assert_eq!(manifest.lifecycle.start_fuel, 10);
    assert_eq!(manifest.limits().validate(&low), Ok(()));
}

#[test]
fn limits_can_be_read_with_serde() {
    let parse = |text: &str| toml::from_str::<ComponentConfig>(text).map_err(|error| error.to_string());
    let config = parse("[resources.memory]\nmax_bytes = 1048576\n[resources.cpu]\nmax_fuel = 7\n");
    let limits =
        ResourceLimits { max_memory_bytes: 1_048_576, max_execution_time_ms: 100, max_fuel: Some(7) };
    assert_eq!(config.map(ResourceLimits::try_from), Ok(Ok(limits)));
    for text in ["", "[resources]", "[resources.cpu]\nmax_fuel = 7"] {
        assert!(parse(text).is_err_and(|error| error.contains("there is no default on purpose")), "{text}");
    }
    for text in ["[resources.memory]\nmax_byte = 5", "[resources.disk]", "[limits]"] {
        assert!(parse(text).is_err_and(|error| error.contains("unknown field")), "{text}");
    }
    let large = parse("[resources.memory]\nmax_bytes = 4194305\n").map(ResourceLimits::try_from);
    assert!(large.is_ok_and(|limits| limits.is_err()));
}
