//! What components may do with the host through the standard interfaces: folders, variables, and who hears of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use airssys_wasm_core::{Address, BadGrants, BroadRight, Ceilings, HostCapabilities, MAX_GRANTED_FOLDERS};
use airssys_wasm_runtime::RuntimeError;
use airssys_wasm_system::{AuditLocation, Component, ComponentRef, Event, Host, SystemError};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{at_once, file, guest, host, make_pipe};

const OUTSIDE: &str = "it leads outside of what was granted, or the system itself forbids it";
const READ_ONLY: &str = "the folder was granted to be read and no more";

/// A folder to read, two to write and a secret beside them, none of them under a link.
struct Ground {
    folder: TempDir,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["read", "read/below", "write", "more", "log"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("secret"), "secret").unwrap();
        fs::write(folder.path().join("read/file"), "content").unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        fs::canonicalize(&self.folder).unwrap().join(name).to_str().unwrap().to_owned()
    }

    fn capabilities(&self) -> HostCapabilities {
        let mut capabilities = HostCapabilities::default();
        capabilities.filesystem.read.push(self.path("read").parse().unwrap());
        capabilities.filesystem.write.push(self.path("write").parse().unwrap());
        capabilities.filesystem.write.push(self.path("more").parse().unwrap());
        capabilities
    }

    fn component(&self) -> Component {
        files(self.capabilities())
    }

    /// A host with an audit log beside the granted folders.
    fn host(&self) -> Host {
        let location = AuditLocation::new(self.path("log/audit.jsonl"));
        Host::builder().max_instances(16).audit(location).build().unwrap()
    }

    /// What the log says was denied, as `target | rule | reason`.
    fn denials(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("log/audit.jsonl")).unwrap();
        let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let line = |record: Value| {
            let part = |key| record.get(key).and_then(Value::as_str).unwrap().to_owned();
            assert_eq!(part("sender"), "test/files/0");
            [part("target"), part("rule"), part("reason")].join(" | ")
        };
        records.filter(|record| record["kind"] == "denied").map(line).collect()
    }
}

/// The guest that does what it is told, with time for a busy machine.
fn files(capabilities: HostCapabilities) -> Component {
    guest("files")
        .host_capabilities(capabilities)
        .max_fuel(100_000_000)
        .timeout_ms(20_000)
        .supervision(at_once(10))
}

/// The same guest under another name and without any right.
fn poor() -> Component {
    let wasm = fs::read(file("files")).unwrap();
    Component::from_bytes("test/poor".parse().unwrap(), wasm, 2 << 20).max_fuel(100_000_000)
}

async fn ask(component: &ComponentRef, order: &str) -> String {
    let reply = component.request(order.to_owned()).await.unwrap();
    String::from_utf8(reply.bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn what_is_granted_is_there_and_nothing_else() {
    let ground = Ground::new();
    let host = host();
    let component = host.start(ground.component()).await.unwrap();
    let (read, write, more) = (ground.path("read"), ground.path("write"), ground.path("more"));
    let folders: BTreeSet<_> = ask(&component, "folders").await.lines().map(str::to_owned).collect();
    assert_eq!(folders, BTreeSet::from([read.clone(), write.clone(), more.clone()]));
    for (order, expected) in [
        (format!("read {read} file"), "content"),
        (format!("stream {read} file"), "7 bytes"),
        (format!("stat {read} file"), "DescriptorType::RegularFile 7"),
        (format!("list {read} ."), "DescriptorType::Directory below\nDescriptorType::RegularFile file"),
        (format!("read {read} missing"), "no-entry"),
        (format!("list {read} file"), "not-directory"),
        (format!("write {write} new text"), "4"),
        (format!("append {write} new more"), "ok"),
        (format!("read {write} new"), "textmore"),
        (format!("drop {write} dropped accepted"), "ok"),
        (format!("read {write} dropped"), "accepted"),
        (format!("mkdir {write} made"), "ok"),
        (format!("rename {write} new {more} moved"), "ok"),
        (format!("link {more} moved {more} linked"), "ok"),
        (format!("same {more} moved linked"), "true"),
        (format!("symlink {more} moved pointer"), "ok"),
        (format!("readlink {more} pointer"), "moved"),
        (format!("read {more} pointer"), "textmore"),
        (format!("nofollow {more} pointer"), "loop"),
        (format!("unlink {more} moved"), "ok"),
        (format!("rmdir {write} made"), "ok"),
        (format!("touch {more} linked"), "ok"),
        (format!("truncate {more} linked"), "ok"),
        (format!("stat {more} linked"), "DescriptorType::RegularFile 0"),
        (format!("read {} secret", ground.path("")), "no such folder"),
    ] {
        assert_eq!(ask(&component, &order).await, expected, "{order}");
    }
    let status = host.statuses().pop().unwrap();
    assert_eq!((status.access_denied, status.restarts), (0, 0));
    let nothing = host.start(poor()).await.unwrap();
    assert_eq!(ask(&nothing, "folders").await, "");
    host.shutdown().await;
}

#[tokio::test]
async fn a_folder_that_is_read_is_not_changed_and_each_attempt_is_recorded() {
    let ground = Ground::new();
    let host = ground.host();
    let component = host.start(ground.component()).await.unwrap();
    let (read, write) = (ground.path("read"), ground.path("write"));
    fs::write(ground.path("write/own"), "own").unwrap();
    let mut expected = Vec::new();
    for (order, target) in [
        (format!("write {read} file text"), "read/file"),
        (format!("write {read} new text"), "read/new"),
        (format!("append {read} file text"), "read/file"),
        (format!("truncate {read} file"), "read/file"),
        (format!("resize {read} file"), "read/file"),
        (format!("touch {read} file"), "read/file"),
        (format!("mkdir {read} new"), "read/new"),
        (format!("rmdir {read} below"), "read/below"),
        (format!("unlink {read} file"), "read/file"),
        (format!("symlink {read} file new"), "read/new"),
        (format!("link {read} file {read} new"), "read/file -> read/new"),
        (format!("link {read} file {write} new"), "read/file -> write/new"),
        (format!("rename {read} file {write} new"), "read/file -> write/new"),
        (format!("rename {write} own {read} new"), "write/own -> read/new"),
    ] {
        assert_eq!(ask(&component, &order).await, "not-permitted", "{order}");
        let target: Vec<_> = target.split(" -> ").map(|name| ground.path(name)).collect();
        expected.push(format!("{} | capabilities.filesystem | {READ_ONLY}", target.join(" -> ")));
    }
    let status = host.statuses().pop().unwrap();
    assert_eq!(status.access_denied, expected.len() as u64);
    host.shutdown().await;
    assert_eq!(ground.denials(), expected);
    assert_eq!(fs::read_to_string(ground.path("read/file")).unwrap(), "content");
    assert_eq!(fs::read_dir(ground.path("read")).unwrap().count(), 2);
    assert!(Path::new(&ground.path("write/own")).exists());
}

#[tokio::test]
async fn no_path_leads_out_of_a_granted_folder() {
    let ground = Ground::new();
    let host = ground.host();
    let component = host.start(ground.component()).await.unwrap();
    let mut events = host.events();
    let write = ground.path("write");
    // Made by the host's own side, as an operator might have.
    symlink(ground.path("secret"), ground.path("write/file-link")).unwrap();
    symlink(ground.path(""), ground.path("write/folder-link")).unwrap();
    symlink("..", ground.path("write/up-link")).unwrap();
    let mut denied = Vec::new();
    for path in [
        "../secret",
        "..",
        "below/../../secret",
        "/etc/passwd",
        &ground.path("secret"),
        "file-link",
        "folder-link/secret",
        "up-link/secret",
        "up-link/up-link/etc/passwd",
    ] {
        fs::create_dir_all(ground.path("write/below")).unwrap();
        let target = if path.starts_with('/') { path.to_owned() } else { format!("{write}/{path}") };
        for verb in ["read", "list", "stat"] {
            let answer = ask(&component, &format!("{verb} {write} {path}")).await;
            assert_eq!(answer, "not-permitted", "{verb} {path}");
            denied.push(format!("{target} | capabilities.filesystem | {OUTSIDE}"));
        }
        if !["..", "file-link"].contains(&path) {
            for verb in ["mkdir", "unlink", "write"] {
                let text = if verb == "write" { " text" } else { "" };
                let answer = ask(&component, &format!("{verb} {write} {path}{text}")).await;
                assert_eq!(answer, "not-permitted", "{verb} {path}");
                denied.push(format!("{target} | capabilities.filesystem | {OUTSIDE}"));
            }
        }
    }
    // By links of its own: made or not, they lead nowhere.
    for (target, link) in [("..", "own-up"), ("/", "own-root"), ("../secret", "own-file")] {
        ask(&component, &format!("symlink {write} {target} {link}")).await;
    }
    for path in ["own-up/secret", "own-root/etc/passwd", "own-file"] {
        let answer = ask(&component, &format!("read {write} {path}")).await;
        assert!(["not-permitted", "no-entry"].contains(&answer.as_str()), "{path}: {answer}");
    }
    let status = host.statuses().pop().unwrap();
    assert!(status.access_denied >= denied.len() as u64, "{status:?}");
    let Some(Event::AccessDenied { id, rule, target }) = events.next().await else { panic!("an event") };
    assert_eq!((id.to_string().as_str(), rule), ("test/files/0", "capabilities.filesystem"));
    assert_eq!(target, format!("{write}/../secret"));
    host.shutdown().await;
    let recorded = ground.denials();
    assert_eq!(recorded.get(..denied.len()).unwrap(), denied);
    assert_eq!(fs::read_to_string(ground.path("secret")).unwrap(), "secret");
    assert!(!Path::new(&ground.path("../new")).exists());
}

#[tokio::test]
async fn a_folder_that_is_swapped_for_a_link_leads_nowhere_either() {
    const READS: usize = 2_000;
    let ground = Ground::new();
    let host = host();
    let component = host.start(ground.component()).await.unwrap();
    fs::create_dir(ground.path("write/inner")).unwrap();
    fs::write(ground.path("write/inner/secret"), "inside").unwrap();
    symlink("..", ground.path("write/up")).unwrap();
    symlink(ground.path(""), ground.path("write/away")).unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let swapper = {
        let (is_over, write) = (Arc::clone(&is_over), ground.path("write"));
        std::thread::spawn(move || {
            let rename = |from: &str, to: &str| {
                fs::rename(format!("{write}/{from}"), format!("{write}/{to}")).unwrap()
            };
            while !is_over.load(Ordering::Acquire) {
                for link in ["up", "away"] {
                    rename("inner", "aside");
                    rename(link, "inner");
                    rename("inner", link);
                    rename("aside", "inner");
                }
            }
        })
    };
    let order = format!("read {} inner/secret", ground.path("write"));
    let mut answers = BTreeMap::new();
    for _ in 0..READS {
        *answers.entry(ask(&component, &order).await).or_insert(0) += 1;
    }
    is_over.store(true, Ordering::Release);
    swapper.join().unwrap();
    assert!(answers.contains_key("inside"), "{answers:?}");
    assert!(!answers.contains_key("secret"), "{answers:?}");
    host.shutdown().await;
}

#[tokio::test]
async fn what_is_no_file_is_not_opened_and_keeps_nobody_waiting() {
    let ground = Ground::new();
    let host = ground.host();
    for folder in ["read", "write"] {
        let pipe = ground.path(&format!("{folder}/pipe"));
        make_pipe(pipe);
    }
    let socket = std::os::unix::net::UnixListener::bind(ground.path("read/socket")).unwrap();
    let component = host.start(ground.component()).await.unwrap();
    let (read, write) = (ground.path("read"), ground.path("write"));
    for order in [
        format!("read {read} pipe"),
        format!("read {write} pipe"),
        format!("write {write} pipe text"),
        format!("read {read} socket"),
    ] {
        assert_eq!(ask(&component, &order).await, "not-permitted", "{order}");
    }
    drop(socket);
    host.shutdown().await;
    let denials = ground.denials();
    assert_eq!(denials.len(), 4);
    assert!(
        denials.iter().all(|line| line.ends_with("it is neither a regular file nor a folder")),
        "{denials:?}"
    );
}

#[tokio::test]
async fn a_pipe_that_takes_the_place_of_a_file_keeps_nobody_waiting() {
    const OPENINGS: usize = 2_000;
    let ground = Ground::new();
    fs::write(ground.path("write/file"), "content").unwrap();
    make_pipe(ground.path("write/pipe"));
    let host = host();
    let component = host.start(ground.component()).await.unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let swapper = {
        let (is_over, write) = (Arc::clone(&is_over), ground.path("write"));
        std::thread::spawn(move || {
            let rename = |from: &str, to: &str| {
                fs::rename(format!("{write}/{from}"), format!("{write}/{to}")).unwrap()
            };
            while !is_over.load(Ordering::Acquire) {
                rename("file", "aside");
                rename("pipe", "file");
                rename("file", "pipe");
                rename("aside", "file");
            }
        })
    };
    let order = format!("read {} file", ground.path("write"));
    let mut answers = BTreeMap::new();
    for _ in 0..OPENINGS {
        *answers.entry(ask(&component, &order).await).or_insert(0) += 1;
    }
    is_over.store(true, Ordering::Release);
    swapper.join().unwrap();
    assert!(answers.contains_key("content") && answers.contains_key("not-permitted"), "{answers:?}");
    assert_eq!(host.statuses().pop().unwrap().restarts, 0);
    host.shutdown().await;
}

#[tokio::test]
async fn a_large_folder_is_read_in_parts() {
    const ENTRIES: usize = 1_000;
    let ground = Ground::new();
    for number in 0..ENTRIES {
        fs::write(ground.path(&format!("more/{number}")), "").unwrap();
    }
    let host = host();
    let component = host.start(ground.component()).await.unwrap();
    let more = ground.path("more");
    assert_eq!(ask(&component, &format!("count {more} .")).await, ENTRIES.to_string());
    host.shutdown().await;
}

#[tokio::test]
async fn a_large_file_is_read_whole_through_a_stream() {
    let ground = Ground::new();
    fs::write(ground.path("read/large"), vec![b'x'; 300_001]).unwrap();
    let host = host();
    let component = host.start(ground.component()).await.unwrap();
    assert_eq!(ask(&component, &format!("stream {} large", ground.path("read"))).await, "300001 bytes");
    host.shutdown().await;
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_error_of_the_start() {
    let ground = Ground::new();
    let host = host();
    for (path, reason) in [("missing", "No such file or directory"), ("secret", "Not a directory")] {
        let mut capabilities = HostCapabilities::default();
        capabilities.filesystem.write.push(ground.path(path).parse().unwrap());
        let error = host.start(files(capabilities)).await.unwrap_err();
        let SystemError::Start { source, .. } = error else { panic!("{error}") };
        let shown = format!(
            "capabilities.filesystem.write names {}, which cannot be opened as a folder",
            ground.path(path)
        );
        assert_eq!(source.to_string(), shown);
        let cause = std::error::Error::source(&source).unwrap().to_string();
        assert!(cause.starts_with(reason), "{cause}");
    }
    assert!(host.statuses().is_empty());
    host.shutdown().await;
}

#[tokio::test]
async fn folders_are_opened_again_at_every_start() {
    let ground = Ground::new();
    let host = host();
    let component = host.start(ground.component()).await.unwrap();
    fs::rename(ground.path("read"), ground.path("old")).unwrap();
    fs::create_dir(ground.path("read")).unwrap();
    fs::write(ground.path("read/file"), "other").unwrap();
    let order = format!("read {} file", ground.path("read"));
    assert_eq!(ask(&component, &order).await, "content", "what was opened, whatever its name is now");
    component.request("trap").await.unwrap_err();
    assert_eq!(ask(&component, &order).await, "other");
    host.shutdown().await;
}

async fn check_protected(host: &Host, granted: &str, protected: &str) {
    for key in ["read", "write"] {
        let mut capabilities = HostCapabilities::default();
        let filesystem = &mut capabilities.filesystem;
        let folders = if key == "read" { &mut filesystem.read } else { &mut filesystem.write };
        folders.push(granted.parse().unwrap());
        let error = host.start(files(capabilities)).await.unwrap_err();
        assert!(
            matches!(&error, SystemError::Start { source: RuntimeError::ProtectedFolder { .. }, .. }),
            "{error:?}"
        );
        let expected = format!(
            "capabilities.filesystem.{key} names {granted}, and no component may be granted {protected}, what holds it, \
             or what lies in it"
        );
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), expected);
    }
}

#[tokio::test]
async fn some_folders_are_for_no_component() {
    let ground = Ground::new();
    let own = ground.path("own");
    fs::create_dir(&own).unwrap();
    let location = AuditLocation::new(ground.path("log/audit.jsonl"));
    let host = Host::builder().max_instances(16).audit(location).protect_folder(&own).build().unwrap();
    symlink("/proc/self", ground.path("link")).unwrap();
    check_protected(&host, "/", "/proc").await;
    check_protected(&host, "/sys/kernel", "/sys").await;
    check_protected(&host, "/dev", "/dev").await;
    check_protected(&host, &ground.path("link"), "/proc").await;
    check_protected(&host, &ground.path("log"), &ground.path("log")).await;
    check_protected(&host, &own, &own).await;
    // What holds one, by a link within what could be granted.
    fs::create_dir_all(ground.path("apart/own")).unwrap();
    symlink(ground.path("apart"), ground.path("read/up")).unwrap();
    let apart = Host::builder().max_instances(4).protect_folder(ground.path("apart/own")).build().unwrap();
    check_protected(&apart, &ground.path("read/up"), &ground.path("apart/own")).await;
    assert!(host.statuses().is_empty());
    host.start(ground.component()).await.unwrap();
    host.shutdown().await;
}

#[tokio::test]
async fn what_components_keep_is_granted_to_none_of_them_as_a_folder() {
    let ground = Ground::new();
    fs::create_dir_all(ground.path("more/up")).unwrap();
    // One that is there already, and one that the host makes, by a path with a link in it.
    fs::create_dir(ground.path("more/up/there")).unwrap();
    symlink(ground.path("more/up"), ground.path("by")).unwrap();
    for (given, data) in [("more/up/there", "more/up/there"), ("by/made", "more/up/made")] {
        let host = Host::builder().max_instances(16).data_dir(ground.path(given)).build().unwrap();
        let data = ground.path(data);
        check_protected(&host, &data, &data).await;
        check_protected(&host, &ground.path("more/up"), &data).await;
        check_protected(&host, &ground.path("more"), &data).await;
        // A link to it, and one to what holds it, in what could be granted.
        let (link, above) = (ground.path("read/link"), ground.path("read/above"));
        symlink(&data, &link).unwrap();
        symlink(ground.path("more"), &above).unwrap();
        check_protected(&host, &link, &data).await;
        check_protected(&host, &above, &data).await;
        for link in [link, above] {
            fs::remove_file(link).unwrap();
        }
        fs::create_dir_all(format!("{data}/inside")).unwrap();
        check_protected(&host, &format!("{data}/inside"), &data).await;
        let beside = host.start(poor()).await.unwrap();
        assert_eq!(ask(&beside, "folders").await, "");
        host.shutdown().await;
    }
}

#[tokio::test]
async fn a_folder_is_named_where_it_is_and_not_by_a_link() {
    let ground = Ground::new();
    symlink(ground.path("read"), ground.path("link")).unwrap();
    fs::create_dir(ground.path("read/below/folder")).unwrap();
    let host = host();
    for (granted, real) in [("link", "read"), ("link/below/folder", "read/below/folder")] {
        let mut capabilities = HostCapabilities::default();
        capabilities.filesystem.read.push(ground.path(granted).parse().unwrap());
        let error = host.start(files(capabilities)).await.unwrap_err();
        let SystemError::Start { source, .. } = error else { panic!("{error}") };
        let (granted, real) = (ground.path(granted), ground.path(real));
        let expected =
            format!("capabilities.filesystem.read names {granted}, which is a link to {real}: name {real}");
        assert_eq!(source.to_string(), expected);
    }
    assert!(host.statuses().is_empty());
    host.shutdown().await;
}

/// A guest replaces a folder that is granted, and that lies in one that it may write, by a link; then whoever was
/// granted it is started again.
async fn check_planted(writer: &str, victim: &str) {
    let ground = Ground::new();
    let (write, inner) = (ground.path("write"), ground.path("write/inner"));
    fs::create_dir(&inner).unwrap();
    fs::create_dir(ground.path("outside")).unwrap();
    let host = host();
    let mut started = BTreeMap::new();
    for name in BTreeSet::from([writer, victim]) {
        let mut capabilities = HostCapabilities::default();
        let mut grant = |folder: &str| capabilities.filesystem.write.push(folder.parse().unwrap());
        if name == writer {
            grant(&write);
        }
        if name == victim {
            grant(&inner);
        }
        let wasm = fs::read(file("files")).unwrap();
        let component = Component::from_bytes(name.parse().unwrap(), wasm, 2 << 20)
            .host_capabilities(capabilities)
            .max_fuel(100_000_000)
            .timeout_ms(20_000)
            .supervision(at_once(1));
        started.insert(name, host.start(component).await.unwrap());
    }
    let (writer, victim) = (started.get(writer).unwrap(), started.get(victim).unwrap());
    assert_eq!(ask(writer, &format!("rmdir {write} inner")).await, "ok");
    assert_eq!(ask(writer, &format!("symlink {write} ../outside inner")).await, "ok");
    let mut events = host.events();
    victim.request("trap").await.unwrap_err();
    let cause = loop {
        match events.next().await.unwrap() {
            Event::Ended { cause, .. } if !cause.to_string().contains("trap") => break cause.to_string(),
            Event::Started { id } => break format!("{id} was started again"),
            _ => {}
        }
    };
    assert!(cause.contains(&format!("{inner}, which is a link to {}", ground.path("outside"))), "{cause}");
    host.shutdown().await;
}

#[tokio::test]
async fn a_folder_that_was_replaced_by_a_link_is_not_opened_at_a_restart() {
    check_planted("test/files", "test/files").await;
    check_planted("test/writer", "test/victim").await;
}

/// What code grants is held to what a manifest is held to.
#[tokio::test]
async fn rights_that_code_grants_are_checked_as_those_of_a_manifest() {
    let ground = Ground::new();
    let host = host();
    let mut repeated = ground.capabilities();
    for _ in 0..MAX_GRANTED_FOLDERS {
        repeated.filesystem.read.push(ground.path("read").parse().unwrap());
        repeated.environment.variables.push("PATH".parse().unwrap());
    }
    let component = host.start(files(repeated)).await.unwrap();
    assert_eq!(ask(&component, "environment").await.lines().count(), 1);
    host.stop(component.address()).await.unwrap();
    let mut nested = ground.capabilities();
    nested.filesystem.write.push(ground.path("read").parse().unwrap());
    nested.filesystem.read.push(ground.path("read/below").parse().unwrap());
    let Err(SystemError::Start { source: RuntimeError::BadGrants(error), .. }) =
        host.start(files(nested)).await
    else {
        panic!("the wider right would win");
    };
    assert!(matches!(error, BadGrants::ReadWithinWrite { .. }), "{error}");
    host.shutdown().await;
}

#[tokio::test]
async fn variables_are_those_that_were_granted_with_the_host_s_values() {
    let mut capabilities = HostCapabilities::default();
    for name in ["CARGO_PKG_NAME", "AIRSSYS_SURELY_NOT_SET"] {
        capabilities.environment.variables.push(name.parse().unwrap());
    }
    let host = host();
    let component = host.start(files(capabilities)).await.unwrap();
    assert_eq!(ask(&component, "environment").await, "CARGO_PKG_NAME=airssys-wasm-system");
    assert_eq!(ask(&component, "arguments").await, "");
    assert_eq!(ask(&component, "cwd").await, "");
    assert_eq!(ask(&component, "input").await, "closed");
    let none = host.start(poor()).await.unwrap();
    assert_eq!(ask(&none, "environment").await, "");
    host.shutdown().await;
}

#[tokio::test]
async fn a_right_that_means_everything_is_refused_unless_it_is_allowed_by_name() {
    let broad = |right| {
        let component = guest("echo");
        match right {
            BroadRight::SendTo => component.send_to("*/*".parse().unwrap()),
            BroadRight::ReceiveFrom => component.receive_from("*/*/*".parse().unwrap()),
            BroadRight::Publish => component.publish("#".parse().unwrap()),
            BroadRight::Subscribe => component.subscribe("*.#".parse().unwrap()),
            BroadRight::Connect => {
                let mut capabilities = HostCapabilities::default();
                capabilities.network.connect.push("*.com:443".parse().unwrap());
                component.host_capabilities(capabilities)
            }
        }
    };
    use BroadRight::{Connect, Publish, ReceiveFrom, SendTo, Subscribe};
    for right in [SendTo, ReceiveFrom, Publish, Subscribe, Connect] {
        let host = host();
        let error = host.start(broad(right)).await.unwrap_err();
        let SystemError::TooBroad { component, source } = error else { panic!("{error}") };
        assert_eq!((component, source.right), ("test/echo".parse::<Address>().unwrap(), right));
        assert!(
            source.to_string().contains(&format!("add \"{right}\" to `allow_broad` in [host.policy]")),
            "{source}"
        );
        host.shutdown().await;
        let host = Host::builder()
            .max_instances(4)
            .ceilings(Ceilings::default())
            .allow_broad(right)
            .build()
            .unwrap();
        host.start(broad(right)).await.unwrap();
        host.shutdown().await;
    }
}
