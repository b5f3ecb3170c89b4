//! The guest that was granted nothing, on a real host with an audit log, and what it was told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::time::timeout;

use airssys_wasm_core::RequestError;
use airssys_wasm_system::{AuditLocation, AuditVerifier, Component, ComponentRef, Event, Host};

use crate::guests;
use crate::rights::finding::Findings;

/// The guest without rights, and the one that it asks for. That one would take everything from it.
const PROBE: &str = "rights/probe";
const NEIGHBOUR: &str = "rights/neighbour";

/// Calls of a guest that do not wait are far below it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Memory of the probe, in bytes.
const MEMORY_BYTES: u64 = 2 << 20;

/// What the guest was told, and what the host wrote down.
#[derive(Debug)]
pub(super) struct Testimony {
    /// By the whole name of the import.
    pub(super) answers: BTreeMap<String, String>,
    /// How often each import was called.
    pub(super) calls: BTreeMap<String, u64>,
    /// How many denials of each rule the audit log has of it.
    pub(super) recorded: BTreeMap<String, u64>,
    /// What it did besides, and should not have.
    pub(super) misdeeds: Findings,
}

/// Runs the guest.
pub(super) async fn testify() -> Result<Testimony> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("audit.jsonl");
    let host = Host::builder().max_instances(4).audit(AuditLocation::new(&path)).build()?;
    let neighbour = component("echo", NEIGHBOUR)?.receive_from(PROBE.parse()?);
    host.start(neighbour).await?;
    let probe = host.start(component("rights_probe", PROBE)?).await?;
    let mut events = host.events();
    let (mut answers, mut calls) = (BTreeMap::new(), BTreeMap::new());
    let mut misdeeds = Findings::default();
    for order in [&format!("own {NEIGHBOUR}"), "command", "http"] {
        for (name, answer) in ask(&probe, order).await.with_context(|| format!("order `{order}`"))? {
            *calls.entry(name.clone()).or_insert(0) += 1;
            if let Some(other) = answers.insert(name.clone(), answer.clone())
                && other != answer
            {
                misdeeds.add(format!("{name} is answered now with {other}, now with {answer}"));
            }
        }
    }
    // What was to be sent later is refused when its time has come.
    let refused = timeout(PATIENCE, async {
        while !matches!(events.next().await, Some(Event::DeadLetter { .. }) | None) {}
    });
    refused.await.context("a timer does not fire")?;
    for function in ["exit", "exit-with-code"] {
        answers.insert(format!("wasi:cli/exit#{function}"), leave(&probe, function).await?);
    }
    let of_neighbour = host.status_of(&NEIGHBOUR.parse()?);
    if of_neighbour.iter().any(|status| status.handled > 0 || status.restarts > 0) {
        misdeeds.add("the neighbour heard of a component without rights, or was harmed by it");
    }
    host.shutdown().await;
    Ok(Testimony { answers, calls, recorded: denials(&std::fs::read(&path)?)?, misdeeds })
}

fn component(guest: &str, address: &str) -> Result<Component> {
    let component = Component::from_file(address.parse()?, guests::file(guest), MEMORY_BYTES);
    Ok(component.max_fuel(1_000_000_000).timeout_ms(20_000))
}

async fn ask(probe: &ComponentRef, order: &str) -> Result<Vec<(String, String)>> {
    let reply = probe.request_within(order, PATIENCE).await?;
    let text = String::from_utf8(reply.bytes().to_vec())?;
    let line = |line: &str| {
        let (name, answer) = line.split_once(' ').with_context(|| format!("`{line}` is no line"))?;
        Ok((name.to_owned(), answer.to_owned()))
    };
    text.lines().map(line).collect()
}

/// Orders what ends the instance. The next one must be as good as it.
async fn leave(probe: &ComponentRef, order: &str) -> Result<String> {
    match probe.request_within(order, PATIENCE).await {
        Err(RequestError::ReceiverEnded { .. }) => {}
        other => bail!("`{order}` is answered with {other:?}"),
    }
    ask(probe, "none").await.context("the next instance does not answer")?;
    Ok("the instance ends".to_owned())
}

/// The rules of the denials of the probe, in a log that is whole.
fn denials(log: &[u8]) -> Result<BTreeMap<String, u64>> {
    let mut verifier = AuditVerifier::new();
    verifier.feed(log).and_then(|()| verifier.end_file())?;
    let mut recorded = BTreeMap::new();
    let mut senders = BTreeSet::new();
    for line in log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let record: Value = serde_json::from_slice(line)?;
        let text = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        ensure!(text("kind") != "lost", "denials were lost");
        if text("kind") == "denied" {
            senders.insert(text("sender"));
            *recorded.entry(text("rule")).or_insert(0) += 1;
        }
    }
    ensure!(senders == BTreeSet::from([format!("{PROBE}/0")]), "denials of {senders:?}");
    Ok(recorded)
}
