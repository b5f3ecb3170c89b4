//! What guests make the host log, within a volume for each instance: their own records, and that they failed.

#![expect(clippy::disallowed_types, reason = "two numbers of one instance, held for a few instructions")]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use airssys_wasm_core::{AuditReason, ComponentId, EndCause, LogRecord, LogSink};
use airssys_wasm_runtime::TracingLog;

use crate::record::InstanceRecord;

/// Bytes of log records that an instance may write per second.
const LOG_BYTES_PER_SECOND: u64 = 64 * 1024;

/// Bytes that it may write at once.
const LOG_BURST_BYTES: u64 = 256 * 1024;

/// What a record costs beside its texts, so that a flood of empty ones is bounded as well.
const LOG_RECORD_BYTES: u64 = 64;

/// Takes the records of one instance.
#[derive(Debug)]
pub(crate) struct GuestLog {
    record: Arc<InstanceRecord>,
}

impl GuestLog {
    pub(crate) fn new(record: &Arc<InstanceRecord>) -> Self {
        Self { record: Arc::clone(record) }
    }
}

/// What one instance may make the host log, its restarts included.
#[derive(Debug)]
pub(crate) struct LogVolume {
    began: Instant,
    volume: Mutex<Volume>,
}

impl LogVolume {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), volume: Mutex::new(Volume::full()) }
    }

    /// Takes so many bytes of text, where they are left.
    fn admits(&self, text_bytes: usize) -> bool {
        let bytes = text_bytes as u64 + LOG_RECORD_BYTES;
        self.volume.lock().unwrap_or_else(PoisonError::into_inner).take(bytes, self.began.elapsed())
    }
}

/// Logs that an instance ended and will be started again. A guest says why and how often, so that it is part of what
/// the guest may log.
pub(crate) fn log_restart(record: &InstanceRecord, cause: &EndCause, delay: Duration, attempt: u32) {
    let cause = AuditReason::of_end(cause);
    if record.log_volume.admits(record.id.as_str().len() + cause.weight()) {
        tracing::info!(component = %record.id, %cause, ?delay, attempt, "ended, will be restarted");
    } else {
        record.counts.log_dropped.add_one();
    }
}

impl LogSink for GuestLog {
    fn log(&self, component: &ComponentId, record: LogRecord) {
        // What is charged is what is written, escapes included.
        let line = TracingLog::line(&record);
        if self.record.log_volume.admits(line.len()) {
            TracingLog::write(component, record.level, &line);
        } else {
            self.record.counts.log_dropped.add_one();
        }
    }
}

/// A bucket of bytes that fills with time.
#[derive(Debug)]
struct Volume {
    left: u64,
    filled_at: Duration,
}

impl Volume {
    fn full() -> Self {
        Self { left: LOG_BURST_BYTES, filled_at: Duration::ZERO }
    }

    fn take(&mut self, bytes: u64, now: Duration) -> bool {
        let passed = now.saturating_sub(self.filled_at);
        let gained = passed.as_micros().saturating_mul(u128::from(LOG_BYTES_PER_SECOND)) / 1_000_000;
        if gained > 0 {
            let gained = u64::try_from(gained).unwrap_or(u64::MAX);
            self.left = self.left.saturating_add(gained).min(LOG_BURST_BYTES);
            self.filled_at = now;
        }
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use airssys_wasm_core::MailboxConfig;
    use airssys_wasm_messaging::Mailbox;
    use airssys_wasm_runtime::PoolShare;

    use super::*;

    #[test]
    fn a_crash_loop_logs_no_more_than_its_volume() {
        const CRASHES: u64 = 20_000;
        let (mailbox, _) = Mailbox::new(&MailboxConfig::default());
        let id = "test/crash/0".parse().unwrap();
        let version = semver::Version::new(0, 0, 0);
        let record = InstanceRecord::new(id, version, 0, 0, PoolShare::default(), mailbox, Duration::ZERO);
        let cause = EndCause::InitialiseFailed { detail: "x".repeat(1_024) };
        let began = Instant::now();
        for _ in 0..CRASHES {
            log_restart(&record, &cause, Duration::ZERO, 1);
        }
        let logged = CRASHES - record.counts.log_dropped.get();
        let declared = LOG_BURST_BYTES + LOG_BYTES_PER_SECOND * (began.elapsed().as_secs() + 1);
        // Each of them is cut, and is not more than all that it may log.
        let each = LOG_RECORD_BYTES + 200;
        assert!(logged > 500 && logged * each <= declared, "{logged} were logged");
    }

    #[test]
    fn the_volume_is_what_it_says() {
        let mut volume = Volume::full();
        assert!(volume.take(LOG_BURST_BYTES, Duration::ZERO));
        assert!(!volume.take(1, Duration::ZERO));
        let second = Duration::from_secs(1);
        assert!(volume.take(LOG_BYTES_PER_SECOND, second));
        assert!(!volume.take(1, second));
        assert!(!volume.take(LOG_BURST_BYTES + 1, Duration::from_secs(1_000_000)), "never more than a burst");
    }
}
