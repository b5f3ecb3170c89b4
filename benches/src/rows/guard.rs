//! What the guard costs each message: its whole decision for a pair that is known, and the one that makes it known.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use airssys_wasm_core::{Address, Codec, CodecSet, Guard, MessagePayload, MessagingCapabilities};
use airssys_wasm_security::{CapabilityGuard, CapabilitySet, MonotonicClock};
use anyhow::{Context, Result, ensure};

use crate::measure::Samples;
use crate::report::Figure;

const ROUNDS: u32 = 51;
const DECISIONS: u32 = 100_000;
/// The most that a manifest can say, and more than is asked for here at once: nobody comes beyond it.
const RATE: u32 = 100_000_000;
/// Content in the codec that the receiver demands, all in all as long as the payloads of the other rows.
const CONTENT: [u8; 62] = [b'x'; 62];

pub(crate) fn measure() -> Result<Vec<Figure>> {
    let guard = CapabilityGuard::new(Arc::new(MonotonicClock::new()));
    let (sender, receiver): (Address, Address) = ("bench/sender/0".parse()?, "bench/receiver/0".parse()?);
    let rights = |send_to: &[&str], receive_from: &[&str], codecs| {
        let patterns = |texts: &[&str]| texts.iter().map(|text| text.parse()).collect::<Result<_, _>>();
        anyhow::Ok(Arc::new(CapabilitySet::new(&MessagingCapabilities {
            send_to: patterns(send_to)?,
            receive_from: patterns(receive_from)?,
            codecs,
            rate_per_second: RATE,
            burst: RATE,
            ..MessagingCapabilities::default()
        })))
    };
    let codecs = CodecSet::of(Codec::Json);
    guard.grant(&sender, rights(&["bench/*", "logs/*", "metrics/store"], &[], None)?);
    guard.grant(&receiver, rights(&[], &["metrics/*", "bench/sender"], Some(codecs))?);
    let payload = MessagePayload::from([Codec::Json.prefix(), &CONTENT].concat());

    let (mut known, mut opened) = (Samples::default(), Samples::default());
    let source = guard.generation_source();
    for _ in 0..ROUNDS {
        // As a link keeps it: the decision, and the number that the guard had when it was made.
        let (generation, admission) = (guard.generation(), guard.authorise(&sender, &receiver)?);
        let began = Instant::now();
        for _ in 0..DECISIONS {
            ensure!(source.load(Ordering::Acquire) == black_box(generation), "rights have changed");
            black_box(&admission).admit_message(black_box(&payload)).context("a message was refused")?;
        }
        known.add(began.elapsed(), DECISIONS);
        let began = Instant::now();
        for _ in 0..DECISIONS {
            let admission = guard.authorise(black_box(&sender), black_box(&receiver))?;
            admission.admit_message(black_box(&payload)).context("a message was refused")?;
        }
        opened.add(began.elapsed(), DECISIONS);
    }
    Ok(vec![
        Figure::new("full guard, of a pair that is known", known.median(), "ns", "≤ 60"),
        Figure::new("full guard, asked anew for each message", opened.median(), "ns", ""),
    ])
}
