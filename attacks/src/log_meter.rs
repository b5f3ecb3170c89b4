//! Measures guests' log records: each of them at a sink of our own, and the volume of a host where it
//! writes its lines to `tracing`.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use airssys_wasm_core::{ComponentId, LogRecord, LogSink};

/// Where the host writes guests' records.
const TARGET: &str = "airssys_wasm::guest";

static BYTES: AtomicU64 = AtomicU64::new(0);
static INSTALLED: OnceLock<bool> = OnceLock::new();

/// The largest records that came to this sink, and how many.
#[derive(Debug, Default)]
pub(crate) struct RecordMeter {
    records: AtomicU64,
    marked: AtomicU64,
    longest_message: AtomicU64,
    most_pairs: AtomicU64,
    longest_text: AtomicU64,
}

impl RecordMeter {
    pub(crate) fn records(&self) -> u64 {
        self.records.load(Ordering::SeqCst)
    }

    /// Records that say that something was cut off.
    pub(crate) fn marked(&self) -> u64 {
        self.marked.load(Ordering::SeqCst)
    }

    /// Bytes of the longest message.
    pub(crate) fn longest_message(&self) -> u64 {
        self.longest_message.load(Ordering::SeqCst)
    }

    /// Context pairs of the record that has most of them.
    pub(crate) fn most_pairs(&self) -> u64 {
        self.most_pairs.load(Ordering::SeqCst)
    }

    /// Bytes of the longest key or value of a context pair.
    pub(crate) fn longest_text(&self) -> u64 {
        self.longest_text.load(Ordering::SeqCst)
    }
}

impl LogSink for RecordMeter {
    fn log(&self, _: &ComponentId, record: LogRecord) {
        self.records.fetch_add(1, Ordering::SeqCst);
        self.marked.fetch_add(u64::from(record.truncated), Ordering::SeqCst);
        self.longest_message.fetch_max(record.message.len() as u64, Ordering::SeqCst);
        self.most_pairs.fetch_max(record.context.len() as u64, Ordering::SeqCst);
        for (key, value) in &record.context {
            self.longest_text.fetch_max(key.len().max(value.len()) as u64, Ordering::SeqCst);
        }
    }
}

/// Bytes of the lines that hosts of this process have written for guests until now, or none where another
/// subscriber was there first.
///
/// The subscriber of a process can be set once, so that all attacks share it; one that logs runs alone.
pub(crate) fn bytes_written() -> Option<u64> {
    let installed = *INSTALLED.get_or_init(|| tracing::subscriber::set_global_default(Meter).is_ok());
    installed.then(|| BYTES.load(Ordering::SeqCst))
}

struct Meter;

impl Subscriber for Meter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == TARGET
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        BYTES.fetch_add(line.bytes, Ordering::SeqCst);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The length of a line, all its fields included.
#[derive(Default)]
struct Line {
    bytes: u64,
}

impl Visit for Line {
    fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
        self.bytes += format!("{value:?}").len() as u64;
    }
}
