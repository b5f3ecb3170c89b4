//! Long calls leave the threads of short ones, and come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use airssys_wasm_core::{ComponentId, EndCause, LogRecord, LogSink, ResourceLimits, WasmError};
use airssys_wasm_runtime::{
    CallLane, ComponentExecutor, InstancePorts, KillSwitch, OverdueCall, VerifiedComponent, WasmtimeEngine,
};
use tokio::sync::mpsc;

use crate::guests::{engine, guest, limits, setup};

/// How the engine's threads for long calls are called.
const AWAY: &str = "airssys-long";

fn thread_name() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
}

/// Far more than two ticks, without an end of its own.
fn endless(timeout_ms: u64) -> ResourceLimits {
    ResourceLimits { max_fuel: None, max_execution_time_ms: timeout_ms, ..limits() }
}

/// One message to a fresh instance; the cause where it ended, and the thread on which that was seen.
async fn call(
    engine: Arc<WasmtimeEngine>,
    component: VerifiedComponent,
    limits: ResourceLimits,
    lane: CallLane,
) -> (Option<EndCause>, String) {
    let mut setup = setup(limits);
    setup.lane = lane;
    let mut instance = engine.start(&component, setup).await.unwrap().value;
    let outcome = instance.handle_message("host/test", None, &"attack".into()).await;
    (outcome.err().map(|failure| failure.cause), thread_name())
}

#[tokio::test]
async fn a_long_call_moves_and_the_next_short_one_comes_back() {
    let engine = engine();
    let endless_loop = engine.verify(&guest("loop_forever")).unwrap();
    let echo = engine.verify(&guest("echo")).unwrap();
    let lane = CallLane::new();

    let owner = call(engine.clone(), endless_loop.clone(), endless(300), lane.clone());
    let (cause, thread) = engine.in_lane(&lane, owner).await;
    assert!(matches!(cause, Some(EndCause::Timeout { timeout_ms: 300, .. })), "{cause:?}");
    assert_eq!(thread, AWAY);
    assert!(lane.is_long());

    // One owner for both calls, as an actor is: its instance fails there, and the next one starts there.
    let both = {
        let (engine, lane) = (engine.clone(), lane.clone());
        async move {
            let long = call(engine.clone(), endless_loop, endless(300), lane.clone()).await;
            let mut again = setup(limits());
            again.lane = lane.clone();
            engine.start(&echo, again).await.unwrap();
            assert_eq!(thread_name(), AWAY, "a quick start says nothing of the calls that follow");
            let short = call(engine, echo, limits(), lane).await;
            (long, short)
        }
    };
    let ((long, there), (short, back)) = engine.in_lane(&lane, both).await;
    assert!(matches!(long, Some(EndCause::Timeout { .. })), "{long:?}");
    assert_eq!(there, AWAY);
    assert_eq!(short, None);
    assert_eq!(back, thread_name(), "one thread serves this test");
    assert!(!lane.is_long());
}

#[tokio::test]
async fn an_owner_that_is_in_no_lane_stays_where_it_is() {
    let engine = engine();
    let component = engine.verify(&guest("loop_forever")).unwrap();
    let lane = CallLane::new();
    let (cause, thread) = call(engine.clone(), component, endless(300), lane.clone()).await;
    assert!(matches!(cause, Some(EndCause::Timeout { .. })), "{cause:?}");
    assert_eq!(thread, thread_name());
    assert!(!lane.is_long());
}

#[tokio::test]
async fn an_instance_that_outlives_its_engine_is_still_watched() {
    let engine = engine();
    let component = engine.verify(&guest("loop_forever")).unwrap();
    let lane = CallLane::new();
    let mut setup = setup(endless(300));
    setup.lane = lane.clone();
    let mut instance = engine.start(&component, setup).await.unwrap().value;
    let owner = engine.in_lane(&lane, async move {
        let outcome = instance.handle_message("host/test", None, &"attack".into()).await;
        assert!(!instance.is_live());
        (outcome.unwrap_err().cause, thread_name())
    });
    drop((engine, component));
    let (cause, thread) = owner.await;
    assert!(matches!(cause, EndCause::Timeout { timeout_ms: 300, .. }), "{cause:?}");
    assert_eq!(thread, AWAY, "only ticks tell that a call is long");
}

/// Holds up the thread of a guest that writes to its log, once its calls are long, until it is let go.
#[derive(Debug, Default)]
struct Block {
    lane: CallLane,
    is_blocked: AtomicBool,
    is_over: AtomicBool,
}

impl LogSink for Block {
    fn log(&self, _: &ComponentId, _: LogRecord) {
        if self.lane.is_long() && thread_name() == AWAY {
            self.is_blocked.store(true, Ordering::Release);
            while !self.is_over.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
        }
    }
}

#[tokio::test]
async fn a_call_that_nobody_can_end_is_told_to_be_overdue() {
    let engine = engine();
    let component = engine.verify(&guest("bulk_fill")).unwrap();
    for gives_up in [true, false] {
        let block = Arc::new(Block::default());
        let mut setup = setup(endless(2_000));
        setup.ports = InstancePorts { log: block.clone(), ..InstancePorts::isolated() };
        setup.lane = block.lane.clone();
        let mut instance = engine.start(&component, setup).await.unwrap().value;
        let (told, mut telling) = mpsc::channel(2);
        let tell = move |call: OverdueCall<'_>| told.try_send(gives_up && call.give_up()).unwrap();
        let owner = async move {
            let outcome = instance.handle_message("host/test", None, &"attack".into()).await;
            assert!(!instance.is_live());
            outcome.unwrap_err().cause
        };
        let owner = tokio::spawn(engine.in_lane_telling(&block.lane, owner, tell));
        while !block.is_blocked.load(Ordering::Acquire) {
            assert!(!owner.is_finished(), "it ended before it could be held up");
            tokio::task::yield_now().await;
        }
        assert_eq!(telling.recv().await, Some(gives_up), "it was told while its thread was held up");
        assert!(!owner.is_finished());
        block.is_over.store(true, Ordering::Release);
        let cause = owner.await.unwrap();
        assert!(matches!(cause, EndCause::Timeout { timeout_ms: 2_000, .. }), "{cause:?}");
        assert_eq!(telling.recv().await, None, "it was told once");
    }
}

#[tokio::test]
async fn timers_and_tasks_of_an_owner_stay_with_its_runtime() {
    let engine = engine();
    let component = engine.verify(&guest("loop_forever")).unwrap();
    let lane = CallLane::new();
    let owner = {
        let (engine, lane) = (engine.clone(), lane.clone());
        async move {
            call(engine, component, endless(300), lane).await;
            let here = thread_name();
            tokio::time::sleep(Duration::from_millis(1)).await;
            (here, tokio::spawn(async { thread_name() }).await.unwrap())
        }
    };
    let (owner, spawned) = engine.in_lane(&lane, owner).await;
    assert_eq!((owner.as_str(), spawned), (AWAY, thread_name()));
}

#[tokio::test]
async fn a_killed_one_and_a_dropped_one_end_wherever_they_are() {
    struct Ended(Arc<AtomicBool>);
    impl Drop for Ended {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }

    let engine = engine();
    let component = engine.verify(&guest("loop_forever")).unwrap();
    for is_killed in [true, false] {
        let (lane, switch, ended) = (CallLane::new(), KillSwitch::new(), Arc::new(AtomicBool::new(false)));
        let mut setup = setup(endless(u64::MAX));
        (setup.lane, setup.switch) = (lane.clone(), switch.clone());
        let (owner_engine, component, guard) = (engine.clone(), component.clone(), Ended(ended.clone()));
        let owner = engine.in_lane(&lane, async move {
            let _guard = guard;
            let mut instance = owner_engine.start(&component, setup).await.unwrap().value;
            instance.handle_message("host/test", None, &"attack".into()).await.unwrap_err().cause
        });
        let owner = tokio::spawn(owner);
        while !lane.is_long() {
            tokio::task::yield_now().await;
        }
        if is_killed {
            switch.kill();
            assert_eq!(owner.await.unwrap(), EndCause::Killed);
        } else {
            owner.abort();
            assert!(owner.await.unwrap_err().is_cancelled());
        }
        while !ended.load(Ordering::Acquire) {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_panic_of_an_owner_is_told_where_it_is_awaited() {
    let engine = engine();
    let component = engine.verify(&guest("loop_forever")).unwrap();
    let lane = CallLane::new();
    let owner = {
        let (engine, lane) = (engine.clone(), lane.clone());
        async move {
            let (_, thread) = call(engine, component, endless(300), lane).await;
            assert_ne!(thread, AWAY, "this is the panic that the test is about");
        }
    };
    let told = tokio::spawn(engine.in_lane(&lane, owner)).await.unwrap_err();
    assert!(told.is_panic());
    // The thread that it happened on still serves.
    let component = engine.verify(&guest("loop_forever")).unwrap();
    let again = call(engine.clone(), component, endless(300), lane.clone());
    assert_eq!(engine.in_lane(&lane, again).await.1, AWAY);
}

#[tokio::test]
async fn many_endless_executions_leave_one_thread_free_for_others() {
    const EXECUTIONS: usize = 8;
    let engine = engine();
    let component = engine.verify(&guest("loop_forever")).unwrap();
    let executor = ComponentExecutor::new(engine.clone());
    let runs: Vec<_> = (0..EXECUTIONS)
        .map(|_| {
            let (executor, component) = (executor.clone(), component.clone());
            tokio::spawn(async move {
                let id = setup(limits()).id;
                executor.execute_with_limits(id, &component, &endless(300), &"attack".into()).await
            })
        })
        .collect();
    // On one thread, round trips through the executor go on beside them.
    let echo = engine.verify(&guest("echo")).unwrap();
    let mut answered = 0;
    while runs.iter().any(|run| !run.is_finished()) {
        let id = setup(limits()).id;
        executor.execute_with_limits(id, &echo, &limits(), &"ping".into()).await.unwrap();
        answered += 1;
        tokio::task::yield_now().await;
    }
    assert!(answered > EXECUTIONS, "only {answered} answers beside them");
    for run in runs {
        let error = run.await.unwrap().unwrap_err();
        let WasmError::ExecutionTimeout { fuel_consumed, .. } = error else { panic!("{error:?}") };
        assert!(fuel_consumed > 0, "each had its turns");
    }
}
