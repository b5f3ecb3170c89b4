//! Whose turn it is: one operation of a component at a time, and bounded queues to the store's threads.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::StoreFailure;

/// The place of one operation: its component's turn and its room in a queue. It goes with the operation and comes back
/// with the answer, so that whoever stops waiting frees nothing that is still held for it.
#[derive(Debug)]
pub(crate) struct Ticket {
    _turn: OwnedSemaphorePermit,
    _room: OwnedSemaphorePermit,
}

/// What a thread of the store takes out of its queue.
#[derive(Debug)]
pub(crate) enum Job<T> {
    Work(T),
    /// Nothing comes after it.
    Stop,
}

/// A queue to threads of the store. Who waits for room in it waits in order, whoever it is.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    room: Arc<Semaphore>,
    jobs: SyncSender<Job<T>>,
}

impl<T> Queue<T> {
    /// A queue with room for `room` units, of which a job takes `least` at least, and for `threads` threads.
    pub(crate) fn new(room: usize, least: usize, threads: usize) -> (Self, Receiver<Job<T>>) {
        // Whoever has room finds a place at once, and so does the word to stop.
        let (jobs, taken) = sync_channel(room / least + threads);
        (Self { room: Arc::new(Semaphore::new(room)), jobs }, taken)
    }

    /// Waits for the turn of a component and then for room.
    pub(crate) async fn ticket(&self, turns: &Arc<Semaphore>, units: usize) -> Result<Ticket, StoreFailure> {
        let closed = |_| StoreFailure::closed();
        let turn = Arc::clone(turns).acquire_owned().await.map_err(closed)?;
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(units).await.map_err(closed)?;
        Ok(Ticket { _turn: turn, _room: room })
    }

    /// Hands over work for which there is a ticket.
    pub(crate) fn put(&self, work: T) -> Result<(), StoreFailure> {
        self.jobs.try_send(Job::Work(work)).map_err(|_| StoreFailure::closed())
    }

    /// Gives out no more tickets, and stops so many threads when they come to it.
    pub(crate) fn stop(&self, threads: usize) {
        if self.room.is_closed() {
            return;
        }
        self.room.close();
        for _ in 0..threads {
            // It fails where the thread has ended already.
            let _ = self.jobs.try_send(Job::Stop);
        }
    }
}
