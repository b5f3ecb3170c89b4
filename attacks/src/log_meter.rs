//! Counts what guests' log records come to where the host hands them to `tracing`.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Where the host writes guests' records.
const TARGET: &str = "airssys_wasm::guest";

static BYTES: AtomicU64 = AtomicU64::new(0);
static RECORDS: AtomicU64 = AtomicU64::new(0);
static LONGEST: AtomicU64 = AtomicU64::new(0);
static INSTALLED: OnceLock<bool> = OnceLock::new();

/// What came to the log until now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogVolume {
    /// Bytes of texts as they were written.
    pub(crate) bytes: u64,
    pub(crate) records: u64,
    /// The longest message, in bytes.
    pub(crate) longest: u64,
}

/// What came to the log until now, or none where another subscriber was there first.
///
/// The subscriber of a process can be set once, so that all attacks share it; one that logs runs alone.
pub(crate) fn read() -> Option<LogVolume> {
    let installed = *INSTALLED.get_or_init(|| tracing::subscriber::set_global_default(Meter).is_ok());
    installed.then(|| LogVolume {
        bytes: BYTES.load(Ordering::SeqCst),
        records: RECORDS.load(Ordering::SeqCst),
        longest: LONGEST.load(Ordering::SeqCst),
    })
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
        let mut texts = Texts::default();
        event.record(&mut texts);
        BYTES.fetch_add(texts.message + texts.context, Ordering::SeqCst);
        RECORDS.fetch_add(1, Ordering::SeqCst);
        LONGEST.fetch_max(texts.message, Ordering::SeqCst);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Lengths of the texts of one record, as they are written.
#[derive(Default)]
struct Texts {
    message: u64,
    context: u64,
}

impl Visit for Texts {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let length = format!("{value:?}").len() as u64;
        match field.name() {
            "message" => self.message = length,
            "context" => self.context = length,
            _ => {}
        }
    }
}
