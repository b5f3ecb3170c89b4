//! What one instance has under way on files.

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::threads::FileThreads;
use crate::bounds::MAX_FILE_WORK;

/// What an instance has under way on files, its restarts included: an operation that nobody waits for any more goes
/// on until the system is done with it, and until then it takes one of the places.
///
/// Whoever restarts an instance gives it the same one again.
#[derive(Debug, Clone)]
pub struct FileWork(Arc<Semaphore>);

impl FileWork {
    /// With nothing under way.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_FILE_WORK)))
    }

    /// Operations that are under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        MAX_FILE_WORK.saturating_sub(self.0.available_permits())
    }

    /// Waits for a place.
    pub(super) async fn place(&self) -> Result<Place, Unfinished> {
        Arc::clone(&self.0).acquire_owned().await.map(Place).map_err(|_| Unfinished)
    }

    /// A place, where there is one now.
    pub(super) fn place_now(&self) -> Option<Place> {
        Arc::clone(&self.0).try_acquire_owned().ok().map(Place)
    }
}

impl Default for FileWork {
    fn default() -> Self {
        Self::new()
    }
}

/// A place for one operation, given back when the operation itself has ended.
#[derive(Debug)]
pub(super) struct Place(OwnedSemaphorePermit);

impl Place {
    /// Begins an operation. It is not even begun where nobody waits for it any more.
    pub(super) fn begin<R: Send + 'static>(
        self,
        threads: &FileThreads,
        operation: impl FnOnce() -> R + Send + 'static,
    ) -> UnderWay<R> {
        let Self(permit) = self;
        let (tell, told) = oneshot::channel();
        threads.submit(Box::new(move || {
            if !tell.is_closed() {
                let result = operation();
                drop(permit);
                // Whoever waited may have gone meanwhile.
                drop(tell.send(result));
            }
        }));
        UnderWay(told)
    }
}

/// An operation that was begun.
#[derive(Debug)]
pub(super) struct UnderWay<R>(oneshot::Receiver<R>);

impl<R> UnderWay<R> {
    /// Its result. Nothing is lost where the future is dropped.
    pub(super) async fn result(&mut self) -> Result<R, Unfinished> {
        (&mut self.0).await.map_err(|_| Unfinished)
    }
}

/// The operation did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the operation on a file did not come to its end")]
pub(super) struct Unfinished;

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Barrier};

    use super::*;
    use crate::bounds::MAX_FILE_THREADS;

    #[tokio::test]
    async fn an_operation_takes_its_place_until_it_has_ended_whoever_waits_for_it() {
        let (threads, work) = (FileThreads::default(), FileWork::new());
        let release = Arc::new(Barrier::new(MAX_FILE_WORK + 1));
        for _ in 0..MAX_FILE_WORK {
            let release = Arc::clone(&release);
            let (began, has_begun) = oneshot::channel();
            let operation = work.place_now().unwrap().begin(&threads, move || {
                began.send(()).unwrap();
                release.wait();
            });
            has_begun.await.unwrap();
            drop(operation);
        }
        assert_eq!(work.under_way(), MAX_FILE_WORK);
        assert!(work.place_now().is_none(), "who waited is gone, and the operations are not");
        release.wait();
        let mut last = work.place().await.unwrap().begin(&threads, || 7);
        assert_eq!(last.result().await, Ok(7));
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_not_begun() {
        let (threads, work) = (FileThreads::default(), FileWork::new());
        let release = Arc::new(Barrier::new(MAX_FILE_THREADS + 1));
        let mut all = Vec::new();
        for _ in 0..MAX_FILE_THREADS {
            let release = Arc::clone(&release);
            let (began, has_begun) = oneshot::channel();
            all.push(FileWork::new().place_now().unwrap().begin(&threads, move || {
                began.send(()).unwrap();
                release.wait();
            }));
            has_begun.await.unwrap();
        }
        // Every thread is taken, so that this one waits.
        drop(work.place_now().unwrap().begin(&threads, || panic!("nobody waits for it")));
        assert_eq!(work.under_way(), 1);
        release.wait();
        let mut last = work.place().await.unwrap().begin(&threads, || 7);
        assert_eq!(last.result().await, Ok(7));
        let mut places = Vec::new();
        for _ in 0..MAX_FILE_WORK {
            places.push(work.place().await.unwrap());
        }
    }
}
