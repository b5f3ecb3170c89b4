//! The one thread that writes. Everything that waits goes into one transaction, and is answered when that lasts.

use std::sync::mpsc::Receiver;

use redb::Database;
use tokio::sync::oneshot;

use airssys_wasm_core::StorageError;

use crate::change::{Change, Decision, Order, Records};
use crate::engine::Engine;
use crate::error::{FailureKind, StoreFailure};
use crate::health::Part;
use crate::schema;
use crate::ticket::{Job, Ticket};

/// How often a transaction is tried: once more after an earlier failure was in the way, or with less in it.
const ATTEMPTS: usize = 3;

/// A change that somebody waits for.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) order: Order,
    pub(crate) answer: oneshot::Sender<(Result<bool, StorageError>, Ticket)>,
    pub(crate) ticket: Ticket,
}

impl Write {
    fn answer(self, answer: Result<bool, StorageError>) {
        // Who has stopped waiting frees the place all the same.
        let _ = self.answer.send((answer, self.ticket));
    }
}

/// Writes until it is stopped.
pub(crate) fn run(engine: &Engine, jobs: &Receiver<Job<Write>>) {
    while let Ok(Job::Work(first)) = jobs.recv() {
        // What waits has room in the queue until it is answered, which bounds what can be there.
        let mut batch = vec![first];
        let mut is_stopped = false;
        while let Ok(job) = jobs.try_recv() {
            match job {
                Job::Work(write) => batch.push(write),
                Job::Stop => {
                    is_stopped = true;
                    break;
                }
            }
        }
        write(engine, batch);
        if is_stopped {
            break;
        }
    }
}

/// How far a transaction has come.
#[derive(Debug, Default)]
struct Attempt {
    /// What was decided, in the order of the batch.
    decisions: Vec<Decision>,
    /// The count by which the transaction is known, and that of the medium before it, once it may have been committed.
    begun: Option<(u64, u64)>,
}

/// Writes and answers a batch. Each change in it is another component's, so that none depends on another.
fn write(engine: &Engine, mut batch: Vec<Write>) {
    for left in (0..ATTEMPTS).rev() {
        let mut attempt = Attempt::default();
        let Err(failed) = engine.with(|database| transact(engine, database, &batch, &mut attempt)) else {
            return succeed(engine, batch, attempt);
        };
        let reopened = engine.reopen(failed.generation);
        let failure = failed.failure;
        if let Some((sequence, syncs)) = attempt.begun
            && engine.syncs() != syncs
        {
            match engine.with(schema::sequence) {
                Ok(found) if found >= sequence => return succeed(engine, batch, attempt),
                Ok(_) => {}
                Err(_) => return fail(engine, batch, attempt, &failure, is_unknown),
            }
        }
        if failure.is_stale() && left > 0 {
            match reopened {
                Ok(()) => continue,
                Err(cause) => return fail(engine, batch, attempt, &cause, StoreFailure::told),
            }
        }
        if matches!(failure.kind(), FailureKind::Damaged | FailureKind::Internal) && batch.len() > 1 {
            // One record that is damaged fails those alone who ask for it.
            return batch.into_iter().for_each(|one| self::write(engine, vec![one]));
        }
        let is_removal = |write: &Write| matches!(write.order.change, Change::Delete);
        if failure.kind() == FailureKind::Full && left > 0 && batch.iter().any(is_removal) {
            let (removals, others): (Vec<_>, Vec<_>) = batch.into_iter().partition(is_removal);
            if !others.is_empty() {
                // Whoever makes room must not wait until those who ask for more give up.
                fail(engine, others, Attempt::default(), &failure, StoreFailure::told);
                batch = removals;
                continue;
            }
            batch = removals;
        }
        return fail(engine, batch, attempt, &failure, StoreFailure::told);
    }
}

/// Does the changes of a batch in one transaction, which is committed where it changes anything.
fn transact(
    engine: &Engine,
    database: &Database,
    batch: &[Write],
    attempt: &mut Attempt,
) -> Result<(), StoreFailure> {
    let transaction = schema::begin(database)?;
    let mut records = Records::new(&transaction)?;
    for write in batch {
        attempt.decisions.push(records.apply(&write.order)?);
    }
    if !attempt.decisions.iter().any(Decision::is_change) {
        return Ok(());
    }
    let sequence = records.count()?;
    drop(records);
    attempt.begun = Some((sequence, engine.syncs()));
    Ok(transaction.commit()?)
}

fn succeed(engine: &Engine, batch: Vec<Write>, attempt: Attempt) {
    let changes = attempt.decisions.iter().filter(|decision| decision.is_change()).count();
    if changes > 0 {
        engine.health.committed(u64::try_from(changes).unwrap_or(u64::MAX));
    }
    for (write, decision) in batch.into_iter().zip(attempt.decisions) {
        write.answer(decision.answer());
    }
}

/// Answers a batch of which nothing was changed. What would have changed nothing is answered as ever.
fn fail(
    engine: &Engine,
    batch: Vec<Write>,
    attempt: Attempt,
    failure: &StoreFailure,
    told: impl Fn(&StoreFailure) -> StorageError,
) {
    engine.health.failed(Part::Writing, failure);
    let mut decisions = attempt.decisions.into_iter();
    for write in batch {
        match decisions.next() {
            Some(decision) if !decision.is_change() => write.answer(decision.answer()),
            _ => write.answer(Err(told(failure))),
        }
    }
}

/// Of a full disk it is said that nothing was changed, which is not known here.
fn is_unknown(failure: &StoreFailure) -> StorageError {
    StorageError::Failed(Box::new(failure.clone()))
}
