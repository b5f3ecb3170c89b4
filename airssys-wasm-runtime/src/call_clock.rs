//! The wall clock of a call, over guest code and over host functions.
//!
//! A call that ends within one tick never reads a clock. Time is counted from the first tick or the first
//! suspension that the call meets, so that what is measured is never more than what has passed: no call
//! is ended before its time.
//!
//! Compiled code looks for a tick where functions and loops begin, and not after it has called the host: a guest could
//! call in one stretch of instructions, or on the way back from a deep recursion, as often as it likes. So each host
//! function looks as well. What none of them sees is judged when the call is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::{Store, UpdateDeadline};

use crate::deadline::{Interruption, KillSwitch};
use crate::scheduling::{CallLane, Conduct};
use crate::state::HostState;
use crate::ticker::{Ticker, Ticks};

/// What is left of a call's time to a guest that waited in a host function, at least: timers and ticks are a
/// millisecond coarse, and a wait that ended at the deadline would end the guest.
const LEAST_LEFT_TO_GUEST: Duration = Duration::from_millis(5);

/// Ticks that a call meets before it counts as long. The first may come at once, so that it tells nothing; a
/// call that meets two has computed for a tick at least.
const LONG_CALL_TICKS: u32 = 2;

/// The clock of one store, started anew for each call.
#[derive(Debug)]
pub(crate) struct CallClock {
    timeout: Duration,
    seen: Option<Instant>,
    /// Those that were met.
    ticks: u32,
    /// How many the engine had counted when the call began.
    begun: u64,
    /// How many when a tick was last met.
    looked: u64,
    /// How many when a host function that cannot give way last looked.
    checked: u64,
    /// Why the call is over, although the guest may not have heard of it.
    interruption: Option<Interruption>,
    switch: KillSwitch,
    lane: CallLane,
    conduct: Conduct,
    /// Held, so that it ticks as long as there is something to end.
    ticker: Option<Arc<Ticker>>,
    /// Those of the ticker, at hand: they are read twice in each call.
    ticks_of_engine: Option<Arc<Ticks>>,
}

/// How a call ended, as far as its time goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ending {
    /// How long it took at least, where anything ever asked for the time.
    pub(crate) time: Option<Duration>,
    /// Whether somebody was told before that it ran past its time.
    pub(crate) was_given_up: bool,
    /// Why it was over before it ended, as is known now.
    pub(crate) interruption: Option<Interruption>,
    /// Whether it ran past its time, although nobody saw it before.
    pub(crate) is_late: bool,
}

impl Ending {
    /// What the call came to: whoever was told that it ran past its time was told the truth, and whatever comes after
    /// its time, a success or a trap, is late.
    /// Where it is the host that could not go on, that is no matter of the call's time.
    pub(crate) fn settle<T, E>(
        self,
        outcome: Result<Result<T, E>, Interruption>,
        is_of_the_host: impl FnOnce(&E) -> bool,
    ) -> Result<Result<T, E>, Interruption> {
        if self.was_given_up {
            return Err(Interruption::Timeout);
        }
        match (self.interruption, &outcome) {
            // What failed then failed by it.
            (Some(interruption), Ok(_)) => Err(interruption),
            (None, Ok(Err(error))) if is_of_the_host(error) => outcome,
            // What came after the time without anybody having seen it is late before it is anything else.
            (None, Ok(_)) if self.is_late => Err(Interruption::Timeout),
            _ => outcome,
        }
    }
}

impl CallClock {
    pub(crate) fn new(switch: KillSwitch, lane: CallLane) -> Self {
        Self {
            timeout: Duration::MAX,
            seen: None,
            ticks: 0,
            begun: 0,
            looked: 0,
            checked: 0,
            interruption: None,
            switch,
            lane,
            conduct: Conduct::default(),
            ticker: None,
            ticks_of_engine: None,
        }
    }

    /// What tells it that time passes.
    pub(crate) fn ticked_by(&mut self, ticker: Option<Arc<Ticker>>) {
        if let Some(ticker) = &ticker {
            self.switch.counts(ticker.ticks());
            self.ticks_of_engine = Some(Arc::clone(ticker.ticks()));
        }
        self.ticker = ticker;
    }

    pub(crate) fn begin(&mut self, timeout: Duration) {
        self.timeout = timeout;
        self.seen = None;
        self.ticks = 0;
        self.interruption = None;
        self.goes_on();
        self.begun = self.looked;
    }

    /// The call has ended; the next one begins where this one belonged.
    pub(crate) fn end(&mut self) -> Ending {
        let unseen = self.ticks_of_turn();
        match (self.ticks, unseen) {
            (0, 0) => self.conduct.was_quiet(),
            (0, _) => {
                let (now, periods) = (Instant::now(), as_factor(unseen - 1));
                let before = self.period().saturating_mul(periods);
                self.has_computed(self.since_tick(now).saturating_add(before), now);
            }
            (1, _) => {
                let now = Instant::now();
                self.has_computed(self.lane.since_resumed(now), now);
            }
            _ => {}
        }
        self.ticks = self.ticks.saturating_add(as_factor(unseen));
        if self.conduct.is_greedy() || self.ticks >= LONG_CALL_TICKS {
            self.lane.mark_long();
        } else {
            self.lane.mark_short();
        }
        self.end_start()
    }

    /// Ticks since the guest last began to run, or went on after it had waited: it has computed through all of them.
    fn ticks_of_turn(&self) -> u64 {
        let counted = self.counted();
        // Most calls meet none, and wait for nothing.
        if counted == self.begun { 0 } else { counted.saturating_sub(self.switch.turn().max(self.begun)) }
    }

    /// A start has ended. One that was short says nothing of the messages that follow: whose last message was
    /// long begins the next one with the long calls, however quickly it was started again between them.
    pub(crate) fn end_start(&self) -> Ending {
        let time = match self.seen {
            Some(seen) => {
                self.lane.expires_never();
                Some(seen.elapsed())
            }
            None => self.unseen_time(),
        };
        // What was never seen was given up only where a timer watched it, which has ended by now.
        let was_given_up = self.lane.take_given_up();
        let is_late = time.is_some_and(|time| time >= self.timeout);
        Ending { time, was_given_up, interruption: self.interruption, is_late }
    }

    /// What a call that nobody looked at took at least: the first tick may have come right after its beginning.
    fn unseen_time(&self) -> Option<Duration> {
        let periods = as_factor(self.counted().saturating_sub(self.begun)).saturating_sub(1);
        (periods > 0).then(|| self.period().saturating_mul(periods))
    }

    /// How many ticks the engine has counted.
    fn counted(&self) -> u64 {
        self.ticks_of_engine.as_ref().map_or(0, |ticks| ticks.count())
    }

    fn period(&self) -> Duration {
        self.ticks_of_engine.as_ref().map_or(Duration::ZERO, |ticks| ticks.period())
    }

    fn since_tick(&self, now: Instant) -> Duration {
        self.ticks_of_engine.as_ref().map_or(Duration::ZERO, |ticks| ticks.since_last(now))
    }

    /// The call met a tick, and went on for so long.
    fn has_computed(&mut self, after_tick: Duration, now: Instant) {
        self.conduct.met_tick(after_tick, self.period(), now);
    }

    /// When the call was first seen to run: now where nobody looked before, but for what the ticks say that it took
    /// until then.
    fn seen(&mut self, now: Instant) -> Instant {
        let before = if self.seen.is_some() { None } else { self.unseen_time() };
        *self.seen.get_or_insert_with(|| {
            let seen = before.and_then(|before| now.checked_sub(before)).unwrap_or(now);
            self.lane.expires(seen, self.timeout);
            seen
        })
    }

    /// The guest is about to wait in a host function, which is the moment to look at the time.
    pub(crate) fn waits(&mut self) {
        if self.seen.is_none() {
            self.seen(Instant::now());
        }
    }

    pub(crate) fn lane(&self) -> &CallLane {
        &self.lane
    }

    /// Whether there was a tick that was not met yet.
    fn has_ticked(&self) -> bool {
        self.counted() != self.looked
    }

    /// Asked by a host function that can give way. Whether it has to: a tick came while the guest had its turn.
    pub(crate) fn is_turn_over(&mut self) -> Result<bool, Interruption> {
        // What passed while it waited was the time of others.
        let is_over = self.has_ticked() && self.ticks_of_turn() > 0;
        if is_over {
            self.tick(Instant::now())?;
        }
        Ok(is_over)
    }

    /// The guest has its turn again, or its first.
    pub(crate) fn goes_on(&mut self) {
        self.looked = self.counted();
        self.checked = self.looked;
    }

    /// Asked by a host function that cannot give way: the tick is still to be met.
    pub(crate) fn check(&mut self) -> Result<(), Interruption> {
        let counted = self.counted();
        if counted != self.checked {
            self.checked = counted;
            return self.check_at(Instant::now());
        }
        self.interruption.map_or(Ok(()), Err)
    }

    fn check_at(&mut self, now: Instant) -> Result<(), Interruption> {
        if self.switch.is_killed() {
            self.interruption = Some(Interruption::Killed);
        } else {
            let seen = self.seen(now);
            if now.saturating_duration_since(seen) >= self.timeout {
                self.interruption = Some(Interruption::Timeout);
            }
        }
        self.interruption.map_or(Ok(()), Err)
    }

    /// Asked at a tick of a running guest.
    fn tick(&mut self, now: Instant) -> Result<(), Interruption> {
        self.looked = self.counted();
        self.check_at(now)?;
        if self.ticks == 1 {
            self.has_computed(self.lane.since_resumed(now), now);
        }
        self.ticks = self.ticks.saturating_add(1);
        if self.ticks >= LONG_CALL_TICKS {
            self.lane.mark_long();
        }
        Ok(())
    }

    /// How long a host function may still wait so that the guest hears of it before its own time is up: a
    /// tenth of the call's time is left to the guest, and never less than timers are coarse.
    pub(crate) fn patience(&mut self) -> Duration {
        let now = Instant::now();
        let seen = self.seen(now);
        let used = now.saturating_duration_since(seen);
        let left_to_guest = (self.timeout / 10).max(LEAST_LEFT_TO_GUEST);
        self.timeout.saturating_sub(left_to_guest).saturating_sub(used)
    }
}

fn as_factor(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Lets a store's own clock decide at each tick. A shared deadline would end siblings as well.
pub(crate) fn watch_ticks(store: &mut Store<HostState>) {
    store.epoch_deadline_callback(|mut context| {
        let clock = context.data_mut().clock_mut();
        if clock.ticker.is_some() && !clock.has_ticked() {
            // A host function has met it.
            return Ok(UpdateDeadline::Continue(1));
        }
        clock.tick(Instant::now())?;
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(clock.lane().give_way())))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_counts_from_the_first_tick_that_the_call_meets() {
        let mut clock = CallClock::new(KillSwitch::new(), CallLane::new());
        let start = Instant::now();
        clock.begin(Duration::from_millis(10));
        assert_eq!(clock.tick(start + Duration::from_secs(5)), Ok(()), "the call may have begun just now");
        assert_eq!(clock.tick(start + Duration::from_millis(5_009)), Ok(()));
        assert_eq!(clock.tick(start + Duration::from_millis(5_010)), Err(Interruption::Timeout));
        clock.begin(Duration::from_millis(10));
        assert_eq!(clock.tick(start + Duration::from_secs(9)), Ok(()), "a new call has all its time");
    }

    #[test]
    fn the_longest_time_does_not_overflow() {
        let mut clock = CallClock::new(KillSwitch::new(), CallLane::new());
        clock.begin(Duration::from_millis(u64::MAX));
        let now = Instant::now();
        assert_eq!(clock.tick(now), Ok(()));
        assert_eq!(clock.tick(now + Duration::from_secs(1 << 30)), Ok(()));
        assert!(clock.patience() > Duration::from_secs(1 << 30));
    }

    #[test]
    fn a_short_call_waits_for_nothing() {
        let mut clock = CallClock::new(KillSwitch::new(), CallLane::new());
        clock.begin(Duration::from_millis(5));
        assert_eq!(clock.patience(), Duration::ZERO);
        clock.begin(Duration::from_millis(100));
        assert!((Duration::from_millis(50)..=Duration::from_millis(90)).contains(&clock.patience()));
    }

    const MS: Duration = Duration::from_millis(1);

    /// The clock of a call that is about to begin with this time, and what ticks it.
    fn ticked(timeout: Duration) -> (CallClock, Arc<Ticker>) {
        let ticker = Arc::new(Ticker::by_hand(MS));
        let lane = CallLane::new();
        lane.make_movable();
        let mut clock = CallClock::new(KillSwitch::new(), lane);
        clock.ticked_by(Some(Arc::clone(&ticker)));
        clock.begin(timeout);
        (clock, ticker)
    }

    fn settled(ending: Ending) -> Result<(), Interruption> {
        ending.settle::<(), ()>(Ok(Ok(())), |()| false).map(|_| ())
    }

    #[test]
    fn a_call_that_nobody_looked_at_is_no_success_after_its_time() {
        // The first tick may have come right after the beginning.
        for (ticks, time, settles) in
            [(1, None, Ok(())), (3, Some(2 * MS), Ok(())), (4, Some(3 * MS), Err(Interruption::Timeout))]
        {
            let (mut clock, ticker) = ticked(3 * MS);
            (0..ticks).for_each(|_| ticker.ticks().add(Instant::now()));
            let ending = clock.end();
            assert_eq!((ending.time, settled(ending)), (time, settles), "after {ticks} ticks");
            assert_eq!(clock.lane().is_long(), ticks >= 2, "after {ticks} ticks");
        }
    }

    #[test]
    fn the_first_look_counts_what_passed_before_it() {
        for (ticks, looks) in [(1, Ok(())), (3, Ok(())), (4, Err(Interruption::Timeout))] {
            let (mut clock, ticker) = ticked(3 * MS);
            (0..ticks).for_each(|_| ticker.ticks().add(Instant::now()));
            assert_eq!(clock.check(), looks, "after {ticks} ticks");
        }
    }

    #[test]
    fn what_fails_after_its_time_is_late_and_before_it_failed_by_itself() {
        for (ticks, settles) in [(3, Ok(Err("a trap"))), (9, Err(Interruption::Timeout))] {
            let (mut clock, ticker) = ticked(3 * MS);
            (0..ticks).for_each(|_| ticker.ticks().add(Instant::now()));
            let ending = clock.end();
            assert_eq!(ending.settle::<(), _>(Ok(Err("a trap")), |_| false), settles);
            let of_the_host = Ok(Err("no memory"));
            assert_eq!(ending.settle::<(), _>(of_the_host, |_| true), of_the_host);
        }
    }

    #[test]
    fn what_passes_while_a_call_waits_makes_it_no_long_one() {
        let (mut clock, ticker) = ticked(9 * MS);
        (0..5).for_each(|_| ticker.ticks().add(Instant::now()));
        clock.switch.begins_turn();
        assert_eq!(settled(clock.end()), Ok(()));
        assert!(!clock.lane().is_long());
    }

    #[test]
    fn a_tick_is_met_once_and_only_in_a_turn() {
        let (mut clock, ticker) = ticked(Duration::MAX);
        assert_eq!(clock.is_turn_over(), Ok(false));
        ticker.ticks().add(Instant::now());
        assert_eq!(clock.check(), Ok(()));
        assert_eq!(clock.is_turn_over(), Ok(true), "who cannot give way leaves it to others");
        assert_eq!(clock.is_turn_over(), Ok(false));
        ticker.ticks().add(Instant::now());
        clock.switch.begins_turn();
        assert_eq!(clock.is_turn_over(), Ok(false), "it waited");
        ticker.ticks().add(Instant::now());
        assert_eq!(clock.is_turn_over(), Ok(true));
    }

    #[test]
    fn a_host_function_that_cannot_give_way_tells_of_the_end_from_then_on() {
        let (mut clock, ticker) = ticked(Duration::ZERO);
        assert_eq!(clock.check(), Ok(()));
        ticker.ticks().add(Instant::now());
        for _ in 0..2 {
            assert_eq!(clock.check(), Err(Interruption::Timeout));
        }
        let ending = clock.end();
        assert_eq!(ending.settle::<(), _>(Ok(Err("a closed table")), |_| false), Err(Interruption::Timeout));
        clock.begin(9 * MS);
        assert_eq!(clock.check(), Ok(()));
        clock.switch.kill();
        ticker.ticks().add(Instant::now());
        assert_eq!(clock.check(), Err(Interruption::Killed));
        assert_eq!(settled(clock.end()), Err(Interruption::Killed));
        clock.begin(9 * MS);
        assert_eq!(clock.check(), Ok(()), "a new call");
    }
}
