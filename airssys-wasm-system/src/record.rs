//! What the host keeps of one instance, from its first start to its removal.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use semver::Version;
use tokio::sync::watch;

use airssys_wasm_core::{Address, ComponentId, ComponentState, ComponentSummary, EndCause, MemoryMetrics};
use airssys_wasm_messaging::{DeskView, MailboxSender, TrafficCounters};
use airssys_wasm_runtime::{MemoryGauge, PoolShare};

use crate::actor_state::ActorState;
use crate::control::Control;
use crate::guest_log::LogVolume;
use crate::status::{ComponentStatus, Kills};

/// One instance, shared by its actor and everyone who looks at it. The actor alone writes the counts.
#[derive(Debug)]
pub(crate) struct InstanceRecord {
    pub(crate) id: ComponentId,
    pub(crate) version: Version,
    /// Its declared memory limit in bytes, held against the host's total until it is over.
    pub(crate) declared_memory: u64,
    /// What its component may keep, in bytes, all instances together; held against the host's total until all of
    /// them are over.
    pub(crate) storage_quota: u64,
    /// What it takes of the engine's pool, likewise.
    pub(crate) pool_share: PoolShare,
    pub(crate) mailbox: MailboxSender,
    /// What it sends; given by the router when it is registered.
    traffic: OnceLock<Arc<TrafficCounters>>,
    /// What it has under way with others; likewise.
    desk: OnceLock<DeskView>,
    stop_grace: Duration,
    pub(crate) control: Control,
    pub(crate) counts: Counts,
    pub(crate) log_volume: LogVolume,
    state: watch::Sender<Standing>,
}

/// What changes seldom: the state, why the last instance ended, and the memory of the present one.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) state: ActorState,
    pub(crate) last_end: Option<EndCause>,
    pub(crate) memory: Memory,
}

/// The memory of the present instance, or of the last one at its end.
#[derive(Debug, Clone)]
pub(crate) enum Memory {
    Never,
    Live(MemoryGauge),
    Last(MemoryMetrics),
}

impl Memory {
    /// The instance is gone, and holds nothing any more.
    pub(crate) fn end(&mut self) {
        if let Self::Live(gauge) = self {
            *self = Self::Last(MemoryMetrics { current_bytes: 0, ..gauge.read() });
        }
    }

    fn read(&self) -> Option<MemoryMetrics> {
        match self {
            Self::Never => None,
            Self::Live(gauge) => Some(gauge.read()),
            Self::Last(metrics) => Some(*metrics),
        }
    }
}

/// Counts that the actor writes and others read.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) handled: Count,
    pub(crate) handler_errors: Count,
    /// Answers to its own requests that its handler completed.
    pub(crate) callbacks: Count,
    /// Messages and answers taken from the mailbox and done with, well or badly.
    pub(crate) finished: Count,
    pub(crate) restarts: Count,
    /// Messages that it was given and did not handle after all.
    pub(crate) buried: Count,
    /// Replies that nobody waited for, or waited for any more.
    pub(crate) unwanted_replies: Count,
    pub(crate) log_dropped: Count,
    /// What it wanted of the host and was refused.
    pub(crate) access_denied: Count,
    out_of_fuel: Count,
    timeout: Count,
    out_of_memory: Count,
    trap: Count,
    host_limit: Count,
}

/// One count.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add_one(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Release);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

impl InstanceRecord {
    pub(crate) fn new(
        id: ComponentId,
        version: Version,
        declared_memory: u64,
        storage_quota: u64,
        pool_share: PoolShare,
        mailbox: MailboxSender,
        stop_grace: Duration,
    ) -> Self {
        let standing = Standing { state: ActorState::new(), last_end: None, memory: Memory::Never };
        Self {
            id,
            version,
            declared_memory,
            storage_quota,
            pool_share,
            mailbox,
            traffic: OnceLock::new(),
            desk: OnceLock::new(),
            stop_grace,
            control: Control::default(),
            counts: Counts::default(),
            log_volume: LogVolume::new(),
            state: watch::Sender::new(standing),
        }
    }

    /// What it sends is counted here from now on. A second call changes nothing.
    pub(crate) fn set_traffic(&self, traffic: Arc<TrafficCounters>) {
        self.traffic.get_or_init(|| traffic);
    }

    /// What it has under way is seen here from now on. A second call changes nothing.
    pub(crate) fn set_desk(&self, desk: DeskView) {
        self.desk.get_or_init(|| desk);
    }

    /// What it has under way with others; none before it is registered.
    pub(crate) fn desk(&self) -> Option<&DeskView> {
        self.desk.get()
    }

    /// Messages and answers that its mailbox has taken so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.mailbox.accepted().saturating_add(self.mailbox.answers())
    }

    /// How long it may take to drain and shut down.
    pub(crate) fn stop_grace(&self) -> Duration {
        self.stop_grace
    }

    /// Whether the address means this instance, or its component.
    pub(crate) fn is_named(&self, address: &Address) -> bool {
        match address.instance() {
            Some(_) => self.id.address() == address,
            None => self.id.component() == *address,
        }
    }

    /// Whether it runs and has nothing left to do, or does nothing any more.
    pub(crate) fn is_quiet(&self) -> bool {
        match self.state() {
            ComponentState::Stopped | ComponentState::Failed | ComponentState::Installed => true,
            ComponentState::Running => self.is_idle(),
            ComponentState::Starting | ComponentState::Draining => false,
        }
    }

    pub(crate) fn state(&self) -> ComponentState {
        self.state.borrow().state.component_state()
    }

    /// Changes the standing; everyone who waits for it is told.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Standing)) {
        self.state.send_modify(change);
    }

    /// Resolves when the actor is over.
    pub(crate) async fn over(&self) {
        let mut standing = self.state.subscribe();
        // The sender lives in this record, so that the wait cannot end without its condition.
        drop(standing.wait_for(|standing| standing.state.is_over()).await);
    }

    /// Whether everything that was accepted so far has been done with. Read in this order: what is
    /// finished first, so that equality means that there was nothing left at the second look.
    fn is_idle(&self) -> bool {
        let finished = self.counts.finished.get();
        finished.saturating_add(self.mailbox.overflowed()) >= self.accepted()
    }

    pub(crate) fn count_end(&self, cause: &EndCause) {
        let count = match cause {
            EndCause::OutOfFuel(_) => &self.counts.out_of_fuel,
            EndCause::Timeout { .. } => &self.counts.timeout,
            EndCause::OutOfMemory { .. } => &self.counts.out_of_memory,
            EndCause::Trap { .. } => &self.counts.trap,
            EndCause::HostLimit { .. } => &self.counts.host_limit,
            _ => return,
        };
        count.add_one();
    }

    pub(crate) fn summary(&self) -> ComponentSummary {
        ComponentSummary {
            id: self.id.clone(),
            state: self.state(),
            version: self.version.clone(),
            handled: self.counts.handled.get(),
            restarts: self.counts.restarts.get(),
        }
    }

    pub(crate) fn status(&self) -> ComponentStatus {
        let standing = self.state.borrow().clone();
        let traffic = self.traffic.get().map(|traffic| traffic.snapshot()).unwrap_or_default();
        let desk = self.desk.get().map(DeskView::snapshot).unwrap_or_default();
        let counts = &self.counts;
        ComponentStatus {
            id: self.id.clone(),
            state: standing.state.component_state(),
            last_end: standing.last_end,
            handled: counts.handled.get(),
            handler_errors: counts.handler_errors.get(),
            callbacks: counts.callbacks.get(),
            discarded_answers: desk.discarded_answers,
            pending_requests: desk.pending_requests,
            unread_answers: desk.unread_answers,
            unread_answer_bytes: desk.unread_answer_bytes,
            timers: desk.timers,
            timer_bytes: desk.timer_bytes,
            subscriptions: desk.subscriptions,
            restarts: counts.restarts.get(),
            unwanted_replies: counts.unwanted_replies.get(),
            kills: Kills {
                out_of_fuel: counts.out_of_fuel.get(),
                timeout: counts.timeout.get(),
                out_of_memory: counts.out_of_memory.get(),
                trap: counts.trap.get(),
                host_limit: counts.host_limit.get(),
            },
            denied: traffic.denied.saturating_add(traffic.rate_limited).saturating_add(traffic.too_large),
            rejected_full: traffic.rejected_full,
            quota_exceeded: traffic.quota_exceeded,
            would_deadlock: traffic.would_deadlock,
            sent: traffic.sent,
            dropped: self.mailbox.overflowed(),
            dead_letters: counts.buried.get().saturating_add(self.mailbox.overflowed()),
            waiting: self.mailbox.depth(),
            log_dropped: counts.log_dropped.get(),
            access_denied: counts.access_denied.get(),
            memory: standing.memory.read(),
        }
    }
}
