//! How an instance stands, as operators see it.

use airssys_wasm_core::{ComponentId, ComponentState, EndCause, MemoryMetrics};

/// Ends by force, by their causes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kills {
    /// Calls that used up their fuel.
    pub out_of_fuel: u64,
    /// Calls that ran past their time.
    pub timeout: u64,
    /// Traps after a denied growth of memory.
    pub out_of_memory: u64,
    /// All other traps.
    pub trap: u64,
    /// Calls that a bound of the engine on host memory ended.
    pub host_limit: u64,
}

/// One instance at one moment.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ComponentStatus {
    /// Which instance.
    pub id: ComponentId,
    /// Its state.
    pub state: ComponentState,
    /// Why its last instance ended, where one did.
    pub last_end: Option<EndCause>,
    /// Messages that its handler completed, over all restarts.
    pub handled: u64,
    /// Messages that its handler answered with an error of its own.
    pub handler_errors: u64,
    /// Answers to its own requests that its handler completed.
    pub callbacks: u64,
    /// Answers to its own requests that were discarded: late, or for an instance that had ended.
    pub discarded_answers: u64,
    /// Its requests that wait for their answers.
    pub pending_requests: usize,
    /// Answers to its requests that it has not read yet.
    pub unread_answers: usize,
    /// What they hold, in bytes.
    pub unread_answer_bytes: usize,
    /// Its timers that have not fired.
    pub timers: usize,
    /// What they hold, in bytes.
    pub timer_bytes: usize,
    /// Patterns that it is subscribed to.
    pub subscriptions: usize,
    /// Times that it was started again.
    pub restarts: u64,
    /// Replies of its handler that nobody waited for, or waited for any more.
    pub unwanted_replies: u64,
    /// Ends by force.
    pub kills: Kills,
    /// Messages of its own that were refused for want of a right, by size or by rate.
    pub denied: u64,
    /// Messages of its own that found a full mailbox.
    pub rejected_full: u64,
    /// Requests, timers, subscriptions and targets of a broadcast that were refused because it had as many as it may
    /// have.
    pub quota_exceeded: u64,
    /// Waits of its own that were refused because they would have closed a cycle.
    pub would_deadlock: u64,
    /// Messages of its own that were accepted.
    pub sent: u64,
    /// Messages pushed out of its mailbox by newer ones.
    pub dropped: u64,
    /// Messages accepted for it and not handled after all, those pushed out by newer ones included.
    pub dead_letters: u64,
    /// Messages that wait for it.
    pub waiting: usize,
    /// Log records of its own beyond its volume.
    pub log_dropped: u64,
    /// What it wanted of the host and was refused: through the standard interfaces for want of a right, or of its
    /// storage for want of that right or beyond its quota.
    pub access_denied: u64,
    /// The memory of its present instance, or of the last one at its end; none where none was ever made.
    pub memory: Option<MemoryMetrics>,
}
