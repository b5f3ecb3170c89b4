//! The audit log of a host: what it says, and what becomes of it where it cannot be written.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use airssys_wasm_core::{MailboxConfig, MessagePayload, Overflow};
use airssys_wasm_system::{
    AuditHead, AuditLocation, AuditLogError, AuditStatus, AuditVerifier, Component, Event, Host, SystemError,
    SystemFiles,
};
use serde_json::Value;

use crate::support::{at_once, file, guest};

/// When something that must happen counts as never happening.
const GIVE_UP: Duration = Duration::from_secs(30);

/// Messages that `forbidden_send` tries to send for each request.
const ATTEMPTS: u64 = 2_000;

fn location(folder: &Path) -> AuditLocation {
    AuditLocation::new(folder.join("audit.jsonl"))
}

fn host(location: AuditLocation) -> Host {
    Host::builder().max_instances(16).audit(location).build().unwrap()
}

/// The files of the log in the order of the chain.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut full: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("audit.jsonl."))
        .collect();
    full.sort();
    full.push(folder.join("audit.jsonl"));
    full
}

/// The records of a log that is whole.
fn read(folder: &Path) -> (Vec<Value>, AuditHead) {
    let mut verifier = AuditVerifier::new();
    let mut records = Vec::new();
    for path in files(folder) {
        let bytes = fs::read(&path).unwrap();
        verifier.feed(&bytes).and_then(|()| verifier.end_file()).unwrap();
        records
            .extend(bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()));
    }
    assert_eq!(records.len() as u64, verifier.records());
    (records, verifier.head().unwrap())
}

/// Kind, sender or target, rule and reason of each record that matches.
fn lines(records: &[Value], keep: impl Fn(&Value) -> bool) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let line = |record: &Value| {
        let parts = ["kind", "sender", "target", "rule", "reason"].map(|key| text(&record[key]));
        parts.join(" | ")
    };
    records.iter().filter(|record| keep(record)).map(line).collect()
}

fn count(records: &[Value], kind: &str) -> u64 {
    records.iter().filter(|record| record["kind"] == kind).count() as u64
}

/// What the log says was lost, for senders of this name.
fn lost(records: &[Value]) -> u64 {
    let number = |record: &Value| {
        let reason = record["reason"].as_str().unwrap();
        assert!(reason.ends_with(" not written"), "{reason}");
        reason.split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    records.iter().filter(|record| record["kind"] == "lost").map(number).sum()
}

/// Waits for what the log must come to.
async fn until(host: &Host, holds: impl Fn(&AuditStatus) -> bool) -> AuditStatus {
    let began = Instant::now();
    loop {
        let status = host.audit_status().unwrap();
        if holds(&status) {
            return status;
        }
        assert!(began.elapsed() < GIVE_UP, "{status:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_life_is_recorded_from_its_grant_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(location(folder.path()));
    let component = guest("echo").receive_from("logs/*".parse().unwrap()).rate(7, 3);
    let component = component.publish("a.b".parse().unwrap()).publish("c.*".parse().unwrap());
    host.start(component.subscribe("d.#".parse().unwrap())).await.unwrap();
    host.start(guest("divide_by_zero")).await.unwrap().request("attack").await.unwrap_err();
    let echo = "test/echo".parse().unwrap();
    host.stop(&echo).await.unwrap();
    host.start(guest("echo")).await.unwrap();
    host.kill(&echo).await.unwrap();
    let gone = Component::from_file("test/gone".parse().unwrap(), file("no_such_guest"), 1 << 20);
    assert!(host.start(gone).await.is_err());
    let written = host.audit_status().unwrap();
    assert_eq!(written.failing, None);
    host.shutdown().await;
    let status = host.audit_status().unwrap();
    let (records, head) = read(folder.path());
    assert!(head.is_closed);
    assert_eq!((status.records, status.last_hash, status.lost), (head.sequence + 1, head.hash, 0));
    assert_eq!((status.written, status.waiting, status.waiting_bytes), (status.records, 0, 0));

    let of_echo =
        lines(&records, |record| record["target"].as_str().is_some_and(|it| it.starts_with("test/echo")));
    let loaded = of_echo[0].strip_prefix("loaded | - | test/echo | - | sha256:").unwrap();
    let wasm = fs::read(file("echo")).unwrap();
    let (digest, bytes) = loaded.split_once(" of ").unwrap();
    assert_eq!(bytes, format!("{} bytes", wasm.len()));
    assert_eq!(digest, airssys_wasm_system::AuditHash::of(&wasm).to_string());
    assert_eq!(
        of_echo[1..],
        [
            "granted | - | test/echo | - | send_to =; receive_from = \"logs/*\"; publish = \"a.b\" \"c.*\"; \
             subscribe = \"d.#\"; read =; write =; connect =; variables =; quota_bytes =; \
             max_message_bytes = 65536; rate_per_second = 7; burst = 3",
            "started | - | test/echo/0 | - | -",
            "stopped | - | test/echo/0 | - | stopped",
            "removed | - | test/echo/0 | - | stopped",
            "revoked | - | test/echo | - | its last instance is gone",
            &of_echo[0],
            "granted | - | test/echo | - | send_to =; receive_from =; publish =; subscribe =; read =; write =; \
             connect =; variables =; quota_bytes =; max_message_bytes = 65536; rate_per_second = 1000; burst = 100",
            "started | - | test/echo/0 | - | -",
            "killed | - | test/echo/0 | - | killed",
            "removed | - | test/echo/0 | - | stopped",
            "revoked | - | test/echo | - | its last instance is gone",
        ]
    );
    let failed = lines(&records, |record| record["kind"] == "failed");
    assert_eq!(failed, ["failed | - | test/divide-by-zero/0 | - | trap (arithmetic)"]);
    let refused = lines(&records, |record| record["kind"] == "load-refused");
    assert!(refused[0].contains("test/gone") && refused[0].contains("No such file"), "{refused:?}");
    assert_eq!((count(&records, "begun"), count(&records, "closed")), (1, 1));
}

#[tokio::test]
async fn a_limit_that_ends_a_component_is_recorded_as_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(location(folder.path()));
    let hostile = host.start(guest("loop_forever").timeout_ms(50).max_fuel(1_000_000)).await.unwrap();
    hostile.request("attack").await.unwrap_err();
    host.shutdown().await;
    let (records, _) = read(folder.path());
    let killed = lines(&records, |record| record["kind"] == "killed");
    assert_eq!(killed, ["killed | - | test/loop-forever/0 | - | out of fuel (1000000 of 1000000 units)"]);
}

/// What the log says of the forwarder's one message to this receiver.
async fn check_denial(sender: Component, receiver: Component, text: &str, times: usize, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let host = host(location(folder.path()));
    host.start(receiver).await.unwrap();
    let sender = host.start(sender).await.unwrap();
    for _ in 0..times {
        let order = MessagePayload::from(format!("test/receiver\0{text}").as_str());
        sender.request(order.with_content_type("name")).await.unwrap();
    }
    host.shutdown().await;
    let (records, _) = read(folder.path());
    let denied = lines(&records, |record| record["kind"] == "denied");
    assert_eq!(denied, [format!("denied | test/forwarder/0 | test/receiver | {expected}")]);
}

fn receiver(guest: &str) -> Component {
    let address = "test/receiver".parse().unwrap();
    Component::from_file(address, file(guest), 2 << 20).receive_from("test/forwarder".parse().unwrap())
}

#[tokio::test]
async fn each_rule_of_the_guard_is_recorded() {
    let granted = || guest("forwarder").send_to("test/receiver".parse().unwrap());
    let send_to = "capabilities.messaging.send_to | denied by capabilities.messaging.send_to";
    check_denial(guest("forwarder"), receiver("echo"), "x", 1, send_to).await;
    let receive_from = "capabilities.messaging.receive_from | denied by capabilities.messaging.receive_from";
    let deaf = Component::from_file("test/receiver".parse().unwrap(), file("echo"), 2 << 20);
    check_denial(granted(), deaf, "x", 1, receive_from).await;
    let size = "capabilities.messaging.max_message_bytes | larger than the 100 bytes that the receiver takes";
    let small = receiver("echo").max_message_bytes(100);
    check_denial(granted(), small, &"x".repeat(101), 1, size).await;
    let rate = "capabilities.messaging.rate_per_second | more messages than the receiver's rate allows";
    check_denial(granted(), receiver("echo").rate(1, 1), "x", 2, rate).await;
}

#[tokio::test]
async fn want_of_room_is_recorded() {
    for overflow in [Overflow::Reject, Overflow::Wait] {
        let folder = tempfile::tempdir().unwrap();
        let host = host(location(folder.path()));
        let mailbox = MailboxConfig { capacity: 1, overflow, ..MailboxConfig::default() };
        // It sleeps at its first message, so that the second waits and the third finds no room.
        let slow = receiver("park_in_host_call").mailbox(mailbox).timeout_ms(20_000);
        let slow = host.start(slow).await.unwrap();
        let asleep = slow.start_request("sleep").unwrap();
        let began = Instant::now();
        while host.statuses().iter().any(|status| status.waiting > 0) {
            assert!(began.elapsed() < GIVE_UP);
            tokio::task::yield_now().await;
        }
        let sender = guest("forwarder").send_to("test/receiver".parse().unwrap()).timeout_ms(300);
        let sender = host.start(sender).await.unwrap();
        let mut answers = Vec::new();
        for _ in 0..2 {
            let order = MessagePayload::from("test/receiver\0x").with_content_type("name");
            let answer = sender.request(order).await.unwrap();
            answers.push(String::from_utf8(answer.bytes().to_vec()).unwrap());
        }
        assert_eq!(answers, ["ok", "full"], "{overflow:?}");
        host.kill_all().await;
        drop(asleep);
        let (records, _) = read(folder.path());
        let denied = lines(&records, |record| record["kind"] == "denied");
        let expected = "denied | test/forwarder/0 | test/receiver | mailbox.overflow | mailbox is full";
        assert_eq!(denied, [expected], "{overflow:?}");
    }
}

/// A hostile component that floods the log with its denials.
async fn flood(host: &Host, name: &str, requests: u64) {
    let address = format!("test/{name}").parse().unwrap();
    let component = Component::from_file(address, file("forbidden_send"), 2 << 20);
    let hostile = host.start(component.max_fuel(1_000_000_000).timeout_ms(20_000)).await.unwrap();
    for _ in 0..requests {
        let denied = hostile.request("test/echo").await.unwrap();
        assert_eq!(denied.bytes().as_ref(), ATTEMPTS.to_string().as_bytes());
    }
}

#[tokio::test]
async fn a_flood_is_counted_and_hides_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(location(folder.path()));
    host.start(guest("echo")).await.unwrap();
    flood(&host, "flood", 10).await;
    let sender = host.start(guest("forwarder")).await.unwrap();
    let order = MessagePayload::from("test/echo\0x").with_content_type("name");
    sender.request(order).await.unwrap();
    host.shutdown().await;
    let (records, _) = read(folder.path());
    let status = host.audit_status().unwrap();
    assert_eq!(count(&records, "denied") + lost(&records), 10 * ATTEMPTS + 1);
    assert_eq!(lost(&records), status.lost);
    assert!(status.lost > 9 * ATTEMPTS - 1_000, "{status:?}");
    let of_forwarder = |record: &Value| record["sender"] == "test/forwarder/0";
    assert_eq!(records.iter().filter(|record| of_forwarder(record)).count(), 1);
    let names: Vec<_> = records.iter().filter(|record| record["kind"] == "lost").collect();
    assert!(names.iter().all(|record| record["sender"] == "test/flood"), "{names:?}");
}

/// A component that fails as often as it may be told to, without any pause.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_loop_is_counted_and_hides_nobody() {
    const CRASHES: u64 = 1_500;
    let folder = tempfile::tempdir().unwrap();
    let host = host(location(folder.path()));
    let crash = guest("divide_by_zero").supervision(at_once(1_000_000));
    let crash = crash.mailbox(MailboxConfig { capacity: 10_000, ..MailboxConfig::default() });
    let crash = host.start(crash.rate(1_000_000, 1_000_000)).await.unwrap();
    let address = "test/divide-by-zero".parse().unwrap();
    for _ in 0..CRASHES {
        crash.send("attack").unwrap();
    }
    let began = Instant::now();
    while host.status_of(&address)[0].restarts < CRASHES {
        assert!(began.elapsed() < GIVE_UP);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let elapsed = began.elapsed();
    // What others do is recorded meanwhile, and what somebody asked for of this one as well.
    host.start(guest("echo")).await.unwrap();
    host.stop(&address).await.unwrap();
    host.shutdown().await;
    let (records, _) = read(folder.path());
    let of_crash = |record: &&Value| record["target"] == "test/divide-by-zero/0";
    let mut bytes = 0;
    let (mut unasked, mut asked) = (0, Vec::new());
    for record in records.iter().filter(of_crash) {
        let kind = record["kind"].as_str().unwrap().to_owned();
        if kind == "failed" || (kind == "started" && unasked > 0) {
            unasked += 1;
            bytes += record.to_string().len() as u64 + 1;
        } else {
            asked.push(kind);
        }
    }
    assert_eq!(asked, ["started", "stopped", "removed"]);
    let declared = 524_288 + 40_960 * (elapsed.as_secs() + 1);
    assert!(unasked > 500 && bytes <= declared, "{unasked} records of {bytes} bytes");
    assert_eq!(unasked + lost(&records), 2 * CRASHES);
    let names: Vec<_> = records.iter().filter(|record| record["kind"] == "lost").collect();
    assert!(names.iter().all(|record| record["sender"] == "test/divide-by-zero"), "{names:?}");
    let of_echo = lines(&records, |record| record["target"] == "test/echo");
    assert!(of_echo[1].starts_with("granted | - | test/echo"), "{of_echo:?}");
}

#[tokio::test]
async fn a_log_whose_last_file_was_removed_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let small = || AuditLocation { max_file_bytes: 4_096, keep_files: 10_000, ..location(folder.path()) };
    let first = host(small());
    flood(&first, "flood", 1).await;
    first.shutdown().await;
    drop(first);
    let found = files(folder.path());
    let before = found[found.len() - 2].file_name().unwrap().to_str().unwrap().to_owned();
    let current = folder.path().join("audit.jsonl");
    for (left, said) in [(None, "is gone"), (Some(""), "was empty"), (Some("{\"sequence\":9"), "")] {
        fs::remove_file(&current).unwrap();
        if let Some(left) = left {
            fs::write(&current, left).unwrap();
        }
        host(small()).shutdown().await;
        let (records, _) = read(folder.path());
        let begun = lines(&records, |record| record["kind"] == "begun");
        let expected = match said {
            "" => format!("goes on after {before}; 13 bytes of an unfinished record cut off"),
            _ => format!("goes on after {before}; the file that followed it {said}"),
        };
        assert_eq!(begun.last().unwrap(), &format!("begun | - | - | - | {expected}"));
    }
}

#[tokio::test]
async fn full_files_are_put_aside_and_the_oldest_removed() {
    let folder = tempfile::tempdir().unwrap();
    let small = AuditLocation { max_file_bytes: 4_096, keep_files: 3, ..location(folder.path()) };
    let host = host(small);
    flood(&host, "flood", 1).await;
    host.shutdown().await;
    let found = files(folder.path());
    assert_eq!(found.len(), 4);
    for path in &found {
        let bytes = fs::metadata(path).unwrap().len();
        assert!((1..=4_096).contains(&bytes), "{} has {bytes} bytes", path.display());
    }
    let (records, _) = read(folder.path());
    let first = records[0]["sequence"].as_u64().unwrap();
    assert!(first > 1_000, "{first}");
    let name = found[0].file_name().unwrap().to_str().unwrap();
    assert_eq!(name, format!("audit.jsonl.{first:020}"));
    let begun = lines(&records, |record| record["kind"] == "begun");
    assert_eq!(begun.len(), 4);
    let reason = begun[3].split(" | ").last().unwrap();
    let before = found[2].file_name().unwrap().to_str().unwrap();
    assert!(reason.starts_with(&format!("goes on after {before}; removed audit.jsonl.0")), "{reason}");
}

#[tokio::test]
async fn a_log_that_cannot_be_written_stops_nobody_and_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    // What stands where the first full file is to go is in the way until it is removed.
    let obstacle = folder.path().join("audit.jsonl.00000000000000000000");
    fs::create_dir(&obstacle).unwrap();
    let small = AuditLocation { max_file_bytes: 4_096, keep_files: 10_000, ..location(folder.path()) };
    let host = host(small);
    // Taken beside the flood, whose own events would push these out.
    let mut events = host.events();
    let told = tokio::spawn(async move {
        let mut told = Vec::new();
        while told.len() < 2 {
            match events.next().await.unwrap() {
                Event::AuditFailing { error } => told.push(error),
                Event::AuditRestored { lost } => told.push(format!("{} lost", lost > 0)),
                _ => {}
            }
        }
        told
    });
    let echo = host.start(guest("echo")).await.unwrap();
    flood(&host, "flood", 1).await;
    let status = until(&host, |status| status.failing.is_some()).await;
    assert!(status.failing.is_some_and(|error| error.contains("is there already")));
    // The backlog is full as well before it is over.
    for number in 0..4 {
        flood(&host, &format!("flood-{number}"), 1).await;
    }
    let full = host.audit_status().unwrap();
    assert!(full.lost >= 5 * ATTEMPTS - 4_352 && full.waiting > 2_000, "{full:?}");
    assert!(full.waiting_bytes <= 2_097_152, "{full:?}");
    assert_eq!(echo.request("still here").await.unwrap().bytes().as_ref(), b"still here");

    fs::remove_dir(&obstacle).unwrap();
    until(&host, |status| status.failing.is_none() && status.waiting == 0).await;
    let told = tokio::time::timeout(GIVE_UP, told).await.unwrap().unwrap();
    assert!(told[0].contains("is there already") && told[1] == "true lost", "{told:?}");
    host.shutdown().await;
    let (records, head) = read(folder.path());
    assert!(head.is_closed);
    assert_eq!(count(&records, "denied") + lost(&records), 5 * ATTEMPTS);
    assert_eq!(lost(&records), host.audit_status().unwrap().lost);
    // None of what the host did is lost to a flood of denials.
    assert_eq!((count(&records, "started"), count(&records, "removed")), (6, 6));
}

#[tokio::test]
async fn the_end_of_a_host_does_not_wait_for_a_better_disk() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("audit.jsonl.00000000000000000000")).unwrap();
    let host = host(AuditLocation { max_file_bytes: 4_096, ..location(folder.path()) });
    flood(&host, "flood", 1).await;
    until(&host, |status| status.failing.is_some()).await;
    let began = Instant::now();
    host.shutdown().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let status = host.audit_status().unwrap();
    let bytes = fs::read(folder.path().join("audit.jsonl")).unwrap();
    let mut verifier = AuditVerifier::new();
    verifier.feed(&bytes).unwrap();
    let denied = String::from_utf8(bytes).unwrap().matches("\"kind\":\"denied\"").count() as u64;
    let others = verifier.records() - denied - 1;
    assert_eq!(status.records, verifier.records());
    // Loaded, granted, started, ended, removed and revoked, as far as they are not in the file.
    assert_eq!(status.lost, ATTEMPTS - denied + 6 - others, "{status:?}");
}

#[tokio::test]
async fn a_log_goes_on_over_hosts() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let host = host(location(folder.path()));
        let second = Host::builder().max_instances(1).audit(location(folder.path())).build();
        assert!(matches!(second, Err(SystemError::Audit(AuditLogError::InUse { .. }))));
        host.shutdown().await;
        drop(host);
    }
    let path = folder.path().join("audit.jsonl");
    let mut torn = fs::read(&path).unwrap();
    torn.extend_from_slice(b"{\"sequence\":4");
    fs::write(&path, torn).unwrap();
    let host = host(location(folder.path()));
    host.shutdown().await;
    let (records, _) = read(folder.path());
    let expected = [
        "begun | - | - | - | -",
        "closed | - | - | - | -",
        "resumed | - | - | - | -",
        "closed | - | - | - | -",
        "resumed | - | - | - | 13 bytes of an unfinished record cut off",
        "closed | - | - | - | -",
    ];
    assert_eq!(lines(&records, |_| true), expected);
}

#[tokio::test]
async fn a_host_that_is_dropped_still_writes_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(location(folder.path()));
    host.start(guest("echo")).await.unwrap();
    drop(host);
    let began = Instant::now();
    // Its lock is free when it is done.
    while Host::builder().max_instances(1).audit(location(folder.path())).build().is_err() {
        assert!(began.elapsed() < GIVE_UP);
        tokio::task::yield_now().await;
    }
    let (records, _) = read(folder.path());
    let of_instance = lines(&records, |record| record["target"] == "test/echo/0");
    assert_eq!(of_instance, ["started | - | test/echo/0 | - | -", "killed | - | test/echo/0 | - | killed"]);
}

#[tokio::test]
async fn without_a_log_nothing_is_recorded() {
    let host = Host::builder().max_instances(4).build().unwrap();
    flood(&host, "flood", 1).await;
    assert_eq!(host.audit_status(), None);
    assert_eq!(host.statuses()[0].denied, ATTEMPTS);
    host.shutdown().await;
}

/// What is wrong with the place of the log.
#[track_caller]
fn check_place(folder: &Path, path: &str, expected: Option<&str>) {
    fs::write(folder.join("airssys.toml"), format!("[audit]\npath = \"{path}\"\n")).unwrap();
    let reason = match SystemFiles::read(folder) {
        Ok(files) => {
            assert_eq!(files.audit(), Some(AuditLocation::new(folder.join(path))));
            None
        }
        Err(SystemError::Manifest(error)) => {
            error.diagnostics().first().map(|wrong| wrong.reason().to_owned())
        }
        Err(other) => Some(format!("{other:?}")),
    };
    let expected = expected.map(|expected| expected.replace("FOLDER", folder.to_str().unwrap()));
    assert_eq!(reason, expected);
}

#[test]
fn the_folder_of_the_log_is_there_and_within_that_of_the_manifest() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("logs")).unwrap();
    check_place(folder.path(), "audit.jsonl", None);
    check_place(folder.path(), "logs/audit.jsonl", None);
    check_place(folder.path(), "gone/audit.jsonl", Some("there is no folder FOLDER/gone"));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/tmp", folder.path().join("link")).unwrap();
        let outside = "FOLDER/link leads outside of the folder of this manifest";
        check_place(folder.path(), "link/audit.jsonl", Some(outside));
    }
}
