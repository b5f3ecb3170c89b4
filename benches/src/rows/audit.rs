//! What a record of the audit log costs whoever is refused: the refusal with a log against the same without.

use std::time::{Duration, Instant};

use airssys_wasm_core::MessagePayload;
use airssys_wasm_system::{AuditLocation, Component, ComponentRef, Host};
use anyhow::{Context, Result, ensure};

use crate::files::guest;
use crate::measure::Samples;
use crate::report::Figure;
use crate::rows::two_workers;

const ROUNDS: u32 = 100;
/// Refusals in a round: fewer than may wait, so that each of them is recorded.
const REFUSALS: u32 = 512;
/// Senders that take turns, so that none of them comes beyond its rate.
const SENDERS: usize = 100;
/// What the component takes, in bytes; the messages have one more.
const MAX_MESSAGE_BYTES: usize = 63;
const PAYLOAD: [u8; MAX_MESSAGE_BYTES + 1] = [b'x'; MAX_MESSAGE_BYTES + 1];

pub(crate) fn measure() -> Result<Vec<Figure>> {
    two_workers()?.block_on(async { tokio::spawn(async { run().await }).await? })
}

async fn run() -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let location = AuditLocation::new(folder.path().join("audit.jsonl"));
    let plain = Host::builder().max_instances(4).build()?;
    let audited = Host::builder().max_instances(4).audit(location).build()?;
    let (of_plain, of_audited) = (senders(&plain).await?, senders(&audited).await?);
    let (mut without, mut with, mut beyond) = (Samples::default(), Samples::default(), Samples::default());
    for _ in 0..ROUNDS {
        without.add(refuse(&of_plain)?, REFUSALS);
        with.add(refuse(&of_audited)?, REFUSALS);
        written(&audited).await?;
    }
    let status = audited.audit_status().context("it has a log")?;
    ensure!(status.lost == 0, "{} records were only counted", status.lost);
    ensure!(status.written > u64::from(ROUNDS * REFUSALS), "{} records were written", status.written);
    // One sender alone is soon beyond its rate: its refusals are counted.
    let one = of_audited.get(..1).context("there is a sender")?;
    for _ in 0..ROUNDS {
        beyond.add(refuse(one)?, REFUSALS);
    }
    let lost = audited.audit_status().context("it has a log")?.lost;
    ensure!(lost > u64::from(ROUNDS * REFUSALS / 2), "only {lost} refusals were beyond the rate");
    audited.shutdown().await;
    plain.shutdown().await;
    let (refusal, against) = (without.median(), "the refusal itself");
    Ok(vec![
        Figure::new("audit record at the caller", with.median() - refusal, "ns", "≤ 1,000")
            .beside(refusal, against),
        Figure::new(
            "denial beyond its rate, counted at the caller",
            beyond.median() - refusal,
            "ns",
            "≤ 1,000",
        )
        .beside(refusal, against),
    ])
}

async fn senders(host: &Host) -> Result<Vec<ComponentRef>> {
    let target = "bench/echo".parse()?;
    let echo = Component::from_file("bench/echo".parse()?, guest("echo"), 2 << 20);
    host.start(echo.max_message_bytes(MAX_MESSAGE_BYTES)).await?;
    (0..SENDERS).map(|number| Ok(host.reference(&format!("bench{number}"), &target)?)).collect()
}

/// The time of a round of refusals.
fn refuse(senders: &[ComponentRef]) -> Result<Duration> {
    let payload = MessagePayload::new(&PAYLOAD[..]);
    let began = Instant::now();
    for (sender, _) in senders.iter().cycle().zip(0..REFUSALS) {
        let refused = sender.send(payload.clone());
        ensure!(refused.is_err(), "a message that is too large was taken");
    }
    Ok(began.elapsed())
}

async fn written(host: &Host) -> Result<()> {
    while host.audit_status().context("it has a log")?.waiting > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}
