//! What a guest can make the audit log hold, in memory and on disk, and that it hides nothing by it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use airssys_wasm_core::Address;
use airssys_wasm_system::{AuditLocation, AuditStatus, AuditVerifier, Component, Host};

use crate::attack::Attack;
use crate::guests::{self, MEMORY_BYTES};
use crate::observation::Observation;
use crate::siege::{Field, ROUNDS, SIBLING, sibling};

const MAX_FILE_BYTES: u64 = 10_000;
const KEEP_FILES: u32 = 2;

/// What the log declares, repeated here so that a change of it is seen.
const DENIALS_BURST: u64 = 1_000;
const DENIALS_PER_SECOND: u64 = 100;
const MAX_WAITING_DENIALS: u64 = 3_072;
const MAX_WAITING_BYTES: u64 = 2_097_152;
/// Entries that the thread that writes takes at a time, and what the host does for each component.
const BESIDE: u64 = 256 + 8 * (FLOODERS as u64 + 1);

/// Messages that `forbidden_send` tries to send for each request.
const ATTEMPTS: u64 = 2_000;

/// So many fill the backlog, each at its full burst.
const FLOODERS: usize = 5;

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
        key: "DENIALS_BURST, DENIALS_PER_SECOND",
        guest: "forbidden_send",
        unit: "records since the start",
        measure: || Box::pin(recorded()),
    },
    Attack {
        limit: "denials that wait for the audit log",
        key: "MAX_WAITING_DENIALS",
        guest: "forbidden_send",
        unit: "entries while the log cannot be written",
        measure: || Box::pin(waiting("short", |status| status.waiting as u64, MAX_WAITING_DENIALS, BESIDE)),
    },
    Attack {
        limit: "bytes that wait for the audit log",
        key: "MAX_WAITING_BYTES",
        guest: "forbidden_send",
        unit: "bytes while the log cannot be written",
        measure: || {
            let long = "a-name-as-long-as-any-that-a-component-may-have-in-this-host-abc";
            Box::pin(waiting(long, |status| status.waiting_bytes as u64, MAX_WAITING_BYTES, 0))
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

    /// Ends the host, and holds its whole log against what was tried.
    async fn end(self, attempts: u64) -> Result<Ended> {
        let Self { field, folder } = self;
        let host = field.host().clone();
        field.clear().await;
        let status = host.audit_status().context("the host has no log")?;
        ensure!(status.failing.is_none() && status.waiting == 0, "the log was not finished: {status:?}");
        let full = full_files(folder.path())?;
        let mut files = full.clone();
        files.push(folder.path().join("audit.jsonl"));
        let mut verifier = AuditVerifier::new();
        let (mut denied, mut largest) = (0, 0);
        for path in &files {
            let bytes = fs::read(path)?;
            verifier.feed(&bytes).and_then(|()| verifier.end_file())?;
            denied += String::from_utf8(bytes)?.matches("\"kind\":\"denied\"").count() as u64;
            largest = largest.max(fs::metadata(path)?.len());
        }
        let first = verifier.first_sequence().context("the log is empty")?;
        ensure!(
            first > 0 || denied + status.lost == attempts,
            "{attempts} denials, {denied} recorded and {} counted",
            status.lost
        );
        Ok(Ended { full: full.len() as u64, largest, denied, first, lost: status.lost })
    }
}

/// What a host left behind.
struct Ended {
    full: u64,
    /// Bytes of the largest file.
    largest: u64,
    denied: u64,
    /// The number of the first record that is still there.
    first: u64,
    lost: u64,
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
        ensure!(ended.first > DENIALS_BURST / 2, "hardly a file was removed");
        observation.add(ended.full);
    }
    Ok(observation.noting("the chain over the files that are kept is whole"))
}

async fn recorded() -> Result<Observation> {
    let mut observation = Observation::of(DENIALS_BURST);
    let mut slowest = 0;
    for _ in 0..ROUNDS {
        let ground = Ground::new(1 << 30, 1).await?;
        let began = Instant::now();
        ground.flood("flood", SIBLING).await?;
        slowest = slowest.max(began.elapsed().as_secs() + 1);
        let ended = ground.end(ATTEMPTS).await?;
        ensure!(ended.denied >= DENIALS_BURST && ended.lost > 0, "{} were recorded", ended.denied);
        observation.add(ended.denied);
    }
    let earned = slowest * DENIALS_PER_SECOND;
    let note =
        format!("of {ATTEMPTS} a round, the others counted; verdict allows {earned} more, earned meanwhile");
    Ok(observation.tolerating(earned).noting(note))
}

/// Fills the backlog by senders of this name, while the log cannot be written.
async fn waiting(
    name: &'static str,
    read: fn(&AuditStatus) -> u64,
    declared: u64,
    beside: u64,
) -> Result<Observation> {
    let mut observation = Observation::of(declared).tolerating(beside);
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
        let by_rate = FLOODERS as u64 * (ATTEMPTS - DENIALS_BURST);
        ensure!(status.lost > by_rate, "the backlog was not full: {status:?}");
        observation.add(read(&status));
        fs::remove_dir(&obstacle)?;
        ground.end(FLOODERS as u64 * ATTEMPTS).await?;
    }
    let more = match beside {
        0 => String::new(),
        _ => {
            format!("; verdict allows {beside} more, which the thread has in hand and the host did meanwhile")
        }
    };
    Ok(observation.noting(format!("of {FLOODERS} components{more}")))
}
