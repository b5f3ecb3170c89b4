//! The threads that read, each with a transaction of its own for each question.

#![expect(
    clippy::disallowed_types,
    reason = "hands a queue from one thread of the store to the next; no task waits for it"
)]

use std::fmt;
use std::sync::mpsc::{Receiver, RecvError};
use std::sync::{Mutex, PoisonError};

use redb::{ReadTransaction, ReadableDatabase};

use airssys_wasm_core::StorageError;

use crate::engine::Engine;
use crate::error::FailureKind;
use crate::health::Part;
use crate::query::Reply;
use crate::ticket::Job;

/// How often something is read: once more after a failure.
const ATTEMPTS: usize = 2;

/// A question that somebody waits for; it answers by itself.
pub(crate) struct Read(pub(crate) Box<dyn FnOnce(&Engine) + Send>);

impl fmt::Debug for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Read").finish_non_exhaustive()
    }
}

/// The queue of questions, for all threads that read.
pub(crate) type Questions = Mutex<Receiver<Job<Read>>>;

/// Reads until it is stopped.
pub(crate) fn run(engine: &Engine, questions: &Questions) {
    while let Ok(Job::Work(Read(answer))) = next(questions) {
        answer(engine);
    }
}

fn next(questions: &Questions) -> Result<Job<Read>, RecvError> {
    questions.lock().unwrap_or_else(PoisonError::into_inner).recv()
}

/// Asks the records, and once more when the database had to be opened again.
pub(crate) fn ask<T>(
    engine: &Engine,
    question: impl Fn(&ReadTransaction) -> Reply<T>,
) -> Result<T, StorageError> {
    for left in (0..ATTEMPTS).rev() {
        let failed = match engine.with(|database| question(&database.begin_read()?)) {
            Ok(reply) => {
                engine.health.read();
                return reply;
            }
            Err(failed) => failed,
        };
        // Opened again, a damaged record is as damaged as before.
        let is_damaged = failed.failure.kind() == FailureKind::Damaged && !failed.failure.is_stale();
        let reopened = if is_damaged { Ok(()) } else { engine.reopen(failed.generation) };
        if let (Ok(()), false, 1..) = (&reopened, is_damaged, left) {
            continue;
        }
        let failure = reopened.err().unwrap_or(failed.failure);
        engine.health.failed(Part::Reading, &failure);
        return Err(failure.told());
    }
    Err(crate::error::StoreFailure::not_open().told())
}
