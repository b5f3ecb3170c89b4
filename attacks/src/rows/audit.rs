//! What a guest can make the audit log hold, in memory and on disk, and that it hides nothing by it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use airssys_wasm_core::{Address, Backoff};
use airssys_wasm_system::{AuditLocation, AuditStatus, AuditVerifier, Component, Host};

use crate::attack::Attack;
use crate::guests::{self, MEMORY_BYTES};
use crate::observation::Observation;
use crate::siege::{Field, GIVE_UP, ROUNDS, SIBLING, sibling};

const MAX_FILE_BYTES: u64 = 10_000;
const KEEP_FILES: u32 = 2;

/// What the log declares, repeated here so that a change of it is seen.
const AUDIT_BURST_BYTES: u64 = 524_288;
const AUDIT_BYTES_PER_SECOND: u64 = 40_960;
const MAX_WAITING_BY_GUESTS: u64 = 3_072;
/// What guests bring about may take three quarters of `MAX_WAITING_BYTES`.
const WAITING_BYTES_BY_GUESTS: u64 = 2_097_152 / 4 * 3;
/// What the host does for each component.
const BY_HOST: u64 = 8 * (FLOODERS as u64 + 1);
/// Entries that the thread that writes takes at a time, and what the host does.
const BESIDE: u64 = 256 + BY_HOST;
/// Bytes of an entry about what the host does at most, with the texts that it has here.
const BY_HOST_BYTES: u64 = BY_HOST * 768;

/// Messages that `forbidden_send` tries to send for each request.
const ATTEMPTS: u64 = 2_000;

/// So many fill the backlog, each at its full burst.
const FLOODERS: usize = 6;

/// Failures of one component in a round: more records than its burst.
const CRASHES: u64 = 3_000;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        limit: "size of a file of the audit log",
        key: "audit.max_file_bytes",
        guest: "forbidden_send",
        unit: "bytes of the largest",
        measure: || Box::pin(file_bytes()),
    },
    Attack {
        limit: "files of the audit log",
        key: "audit.keep_files",
        guest: "forbidden_send",
        unit: "full files beside the one that is written",
        measure: || Box::pin(kept_files()),
    },
    Attack {
        limit: "denials of one component in the audit log",
        key: "AUDIT_BURST_BYTES, AUDIT_BYTES_PER_SECOND",
        guest: "forbidden_send",
        unit: "bytes of records since the start",
        measure: || Box::pin(recorded()),
    },
    Attack {
        limit: "starts and ends of one component in the audit log",
        key: "AUDIT_BURST_BYTES, AUDIT_BYTES_PER_SECOND",
        guest: "unreachable",
        unit: "bytes of records since the start",
        measure: || Box::pin(crash_loop()),
    },
    Attack {
        limit: "denials that wait for the audit log",
        key: "MAX_WAITING_BY_GUESTS",
        guest: "forbidden_send",
        unit: "entries while the log cannot be written",
        measure: || Box::pin(waiting("short", |status| status.waiting as u64, MAX_WAITING_BY_GUESTS, BESIDE)),
    },
    Attack {
        limit: "bytes that wait for the audit log",
        key: "MAX_WAITING_BYTES",
        guest: "forbidden_send",
        unit: "bytes while the log cannot be written",
        measure: || {
            let long = "a-name-as-long-as-any-that-a-component-may-have-in-this-host-abc";
            let read: fn(&AuditStatus) -> u64 = |status| status.waiting_bytes as u64;
            Box::pin(waiting(long, read, WAITING_BYTES_BY_GUESTS, BY_HOST_BYTES))
        },
    },
];

/// A field whose host keeps a log in a folder of its own.
struct Ground {
    field: Field,
    folder: TempDir,
}

impl Ground {
    async fn new(max_file_bytes: u64, keep_files: u32) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("audit.jsonl");
        let location = AuditLocation { max_file_bytes, keep_files, ..AuditLocation::new(path) };
        let host = Host::builder().max_instances(16).audit(location).build()?;
        Ok(Self { field: Field::on(host, sibling("attack/*")?).await?, folder })
    }

    fn status(&self) -> Result<AuditStatus> {
        self.field.host().audit_status().context("the host has no log")
    }

    /// Lets a component of this name be denied whatever it sends to this target.
    async fn flood(&self, name: &str, target: &str) -> Result<()> {
        let address: Address = format!("{name}/{name}").parse()?;
        let component = Component::from_bytes(address, guests::bytes("forbidden_send")?, MEMORY_BYTES);
        let hostile = self.field.host().start(component.max_fuel(1_000_000_000).timeout_ms(20_000)).await?;
        let denied = self.field.ask(&hostile, target).await?;
        ensure!(denied == ATTEMPTS.to_string(), "the guest was told otherwise: {denied}");
        self.field.host().kill(hostile.address()).await?;
        self.field.sibling_lives().await
    }

    /// Ends the host, and holds its whole log against the denials that were tried.
    async fn end(self, attempts: u64) -> Result<Ended> {
        let ended = self.finish().await?;
        let denied = ended.of_kind("denied").count() as u64;
        ensure!(
            ended.first > 0 || denied + ended.lost == attempts,
            "{attempts} denials, {denied} recorded and {} counted",
            ended.lost
        );
        Ok(ended)
    }

    /// Ends the host, and verifies its whole log.
    async fn finish(self) -> Result<Ended> {
        let Self { field, folder } = self;
        let host = field.host().clone();
        field.clear().await;
        let status = host.audit_status().context("the host has no log")?;
        ensure!(status.failing.is_none() && status.waiting == 0, "the log was not finished: {status:?}");
        let full = full_files(folder.path())?;
        let mut files = full.clone();
        files.push(folder.path().join("audit.jsonl"));
        let mut verifier = AuditVerifier::new();
        let (mut lines, mut largest) = (Vec::new(), 0);
        for path in &files {
            let bytes = fs::read(path)?;
            verifier.feed(&bytes).and_then(|()| verifier.end_file())?;
            largest = largest.max(bytes.len() as u64);
            lines.extend(String::from_utf8(bytes)?.split_inclusive('\n').map(str::to_owned));
        }
        let first = verifier.first_sequence().context("the log is empty")?;
        Ok(Ended { full: full.len() as u64, largest, lines, first, lost: status.lost })
    }
}

/// What a host left behind.
struct Ended {
    full: u64,
    /// Bytes of the largest file.
    largest: u64,
    lines: Vec<String>,
    /// The number of the first record that is still there.
    first: u64,
    lost: u64,
}

impl Ended {
    /// The lines of one kind.
    fn of_kind(&self, kind: &str) -> impl Iterator<Item = &String> {
        let mark = format!("\"kind\":\"{kind}\"");
        self.lines.iter().filter(move |line| line.contains(&mark))
    }
}

fn bytes<'l>(lines: impl Iterator<Item = &'l String>) -> u64 {
    lines.map(|line| line.len() as u64).sum()
}

fn full_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_full = entry.file_name().to_str().is_some_and(|name| name.starts_with("audit.jsonl."));
        if is_full && entry.file_type()?.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

async fn file_bytes() -> Result<Observation> {
    let mut observation = Observation::of(MAX_FILE_BYTES);
    for _ in 0..ROUNDS {
        let ground = Ground::new(MAX_FILE_BYTES, 10_000).await?;
        ground.flood("flood", SIBLING).await?;
        let ended = ground.end(ATTEMPTS).await?;
        ensure!(ended.full > 10, "only {} files were filled", ended.full);
        observation.add(ended.largest);
    }
    Ok(observation.noting("the chain over all files is whole, and every denial recorded or counted"))
}

async fn kept_files() -> Result<Observation> {
    let mut observation = Observation::of(u64::from(KEEP_FILES)).never_less();
    for _ in 0..ROUNDS {
        let ground = Ground::new(MAX_FILE_BYTES, KEEP_FILES).await?;
        ground.flood("flood", SIBLING).await?;
        let ended = ground.end(ATTEMPTS).await?;
        ensure!(ended.first > ATTEMPTS / 4, "hardly a file was removed");
        observation.add(ended.full);
    }
    Ok(observation.noting("the chain over the files that are kept is whole"))
}

async fn recorded() -> Result<Observation> {
    let mut observation = Observation::of(AUDIT_BURST_BYTES);
    let mut slowest = 0;
    for _ in 0..ROUNDS {
        let ground = Ground::new(1 << 30, 1).await?;
        let began = Instant::now();
        ground.flood("flood", SIBLING).await?;
        slowest = slowest.max(began.elapsed().as_secs() + 1);
        let ended = ground.end(ATTEMPTS).await?;
        let recorded = bytes(ended.of_kind("denied"));
        ensure!(recorded >= AUDIT_BURST_BYTES / 4 * 3 && ended.lost > 0, "{recorded} bytes were recorded");
        observation.add(recorded);
    }
    Ok(earning(observation, slowest, ATTEMPTS))
}

/// What a component's rate gives it while it attacks.
fn earning(observation: Observation, seconds: u64, attempts: u64) -> Observation {
    let earned = seconds * AUDIT_BYTES_PER_SECOND;
    let note =
        format!("of {attempts} a round, the others counted; verdict allows {earned} more, earned meanwhile");
    observation.tolerating(earned).noting(note)
}

/// One that fails at every message, and may be restarted for ever, beside a sibling whose grant is on record.
async fn crash_loop() -> Result<Observation> {
    let mut manifest = guests::manifest("unreachable")?;
    manifest.supervision.max_restarts = 1_000_000;
    manifest.supervision.window_seconds = 1;
    manifest.supervision.backoff = Backoff { initial_ms: 0, max_ms: 0, ..Backoff::default() };
    manifest.mailbox.capacity = usize::try_from(CRASHES)?;
    (manifest.messaging.rate_per_second, manifest.messaging.burst) = (1_000_000, 1_000_000);
    let component = Component::from_manifest(manifest, guests::file("unreachable"));
    let address = component.address();
    let mut observation = Observation::of(AUDIT_BURST_BYTES);
    let mut slowest = 0;
    for _ in 0..ROUNDS {
        // Without a rate the log would be overwritten.
        let ground = Ground::new(1 << 20, 1).await?;
        let began = Instant::now();
        let hostile = ground.field.host().start(component.clone()).await?;
        for _ in 0..CRASHES {
            hostile.send("attack")?;
        }
        while ground.field.status(&address)?.restarts < CRASHES {
            ensure!(began.elapsed() < GIVE_UP, "the failures do not come to an end");
            tokio::task::yield_now().await;
        }
        slowest = slowest.max(began.elapsed().as_secs() + 1);
        ground.field.sibling_lives().await?;
        let ended = ground.finish().await?;
        let target = format!("\"target\":\"{address}/0\"");
        let about = |line: &&String| line.contains(&target);
        let failed: Vec<_> = ended.of_kind("failed").filter(about).collect();
        // The first start is the host's doing.
        let started: Vec<_> = ended.of_kind("started").filter(about).skip(1).collect();
        let recorded = (failed.len() + started.len()) as u64;
        ensure!(ended.first == 0, "the first {} records are gone", ended.first);
        ensure!(recorded + ended.lost == 2 * CRASHES, "{recorded} recorded and {} counted", ended.lost);
        let sibling = format!("\"target\":\"{SIBLING}\"");
        ensure!(ended.of_kind("granted").any(|line| line.contains(&sibling)), "a grant is not on record");
        observation.add(bytes(failed.into_iter().chain(started)));
    }
    Ok(earning(observation, slowest, 2 * CRASHES))
}

/// Fills the backlog by senders of this name, while the log cannot be written.
async fn waiting(
    name: &'static str,
    read: fn(&AuditStatus) -> u64,
    declared: u64,
    beside: u64,
) -> Result<Observation> {
    let mut observation = Observation::of(declared + beside);
    for _ in 0..ROUNDS {
        let ground = Ground::new(MAX_FILE_BYTES, 10_000).await?;
        // In the way of the first full file.
        let obstacle = ground.folder.path().join("audit.jsonl.00000000000000000000");
        fs::create_dir(&obstacle)?;
        let target = format!("{name}/{name}/{name}");
        for number in 0..FLOODERS {
            let cut = name.len().min(62);
            let sender = format!("{}{number}", name.get(..cut).unwrap_or(name).trim_end_matches('-'));
            ground.flood(&sender, &target).await?;
        }
        let status = ground.status()?;
        ensure!(status.failing.is_some(), "the log was written all the same");
        ensure!(read(&status) >= declared / 10 * 9, "the backlog was not full: {status:?}");
        observation.add(read(&status));
        fs::remove_dir(&obstacle)?;
        ground.end(FLOODERS as u64 * ATTEMPTS).await?;
    }
    Ok(observation.noting(format!(
        "of {FLOODERS} components: {declared} that wait, and {beside} that the thread has in hand or the host did meanwhile"
    )))
}
