//! What becomes of messages where no instance runs: in the pause before a restart, and where a task ends before its time.

use std::fs;
use std::time::{Duration, Instant};

use airssys_wasm_core::{
    Address, Backoff, ComponentState, EncodedValues, EndCause, RequestError, SupervisionConfig,
};
use airssys_wasm_system::{
    AuditLocation, Component, ComponentStatus, DeadLetterCause, Event, EventStream, Host,
};
use serde_json::Value;

use crate::support::{guest, host};

const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for ten minutes before it is started again.
fn patient(component: Component) -> Component {
    let backoff = Backoff { initial_ms: 600_000, max_ms: 600_000, jitter: 0.0, ..Backoff::default() };
    component.supervision(SupervisionConfig { backoff, ..SupervisionConfig::default() })
}

fn statuses(host: &Host, address: &Address) -> Vec<ComponentStatus> {
    host.status_of(address)
}

async fn until(holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE);
        tokio::task::yield_now().await;
    }
}

/// The next event that is of interest.
async fn event<T>(events: &mut EventStream, pick: impl Fn(Event) -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = pick(events.next().await.unwrap()) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, found).await.unwrap()
}

fn ended(event: Event) -> Option<EndCause> {
    if let Event::Ended { cause, .. } = event { Some(cause) } else { None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_in_the_pause_before_a_restart_is_told_and_recorded() {
    for (is_kill, expected, kind) in
        [(true, EndCause::Killed, "killed"), (false, EndCause::Stopped, "stopped")]
    {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("audit.jsonl");
        let host = Host::builder().max_instances(4).audit(AuditLocation::new(&log)).build().unwrap();
        let component = patient(guest("unreachable"));
        let address = component.address();
        let hostile = host.start(component).await.unwrap();
        let mut events = host.events();
        hostile.request("attack").await.unwrap_err();
        assert!(matches!(event(&mut events, ended).await, EndCause::Trap { .. }));
        event(&mut events, |event| matches!(event, Event::Restarting { .. }).then_some(())).await;
        let asked = if is_kill { host.kill(&address).await } else { host.stop(&address).await };
        let last = asked.unwrap().remove(0);
        assert_eq!((last.state, last.last_end.as_ref()), (ComponentState::Stopped, Some(&expected)));
        assert_eq!(last.restarts, 0);
        assert_eq!(event(&mut events, ended).await, expected);
        host.shutdown().await;
        let records = fs::read_to_string(&log).unwrap();
        let records = records.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of_end = records.filter(|record| record["kind"] == kind).count();
        assert_eq!(of_end, 1, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_to_a_component_goes_to_its_instances_that_run() {
    let host = host();
    let component = patient(guest("unreachable")).instances(3);
    let address = component.address();
    let hostile = host.start(component).await.unwrap();
    for down in 1..=2 {
        let ended = hostile.request_within("attack", PATIENCE).await.unwrap_err();
        assert!(matches!(ended, RequestError::ReceiverEnded { .. }), "{ended:?}");
        let paused = |status: &ComponentStatus| status.state == ComponentState::Starting;
        until(|| statuses(&host, &address).iter().filter(|status| paused(status)).count() == down).await;
        for _ in 0..9 {
            hostile.request_within("ping", PATIENCE).await.unwrap();
        }
    }
    // Where none runs they wait at one of them.
    hostile.request_within("attack", PATIENCE).await.unwrap_err();
    until(|| statuses(&host, &address).iter().all(|status| status.state == ComponentState::Starting)).await;
    let waiting: Vec<_> = (0..6).map(|_| hostile.start_request("ping").unwrap()).collect();
    let depths = statuses(&host, &address).iter().map(|status| status.waiting).collect::<Vec<_>>();
    assert_eq!(depths, [2, 2, 2], "in turn");
    host.kill_all().await;
    for wait in waiting {
        let cause = "killed".to_owned();
        assert_eq!(wait.await, Err(RequestError::ReceiverEnded { cause }));
    }
}

#[expect(clippy::panic, reason = "that is what is broken about it")]
fn broken() {
    panic!("an extension of the embedder's is broken");
}

/// Calls what the embedder has added, and what was added panics.
const CALLS_BROKEN: &str = r#"(component
    (import "broken" (func $broken))
    (core func $lowered (canon lower (func $broken)))
    (core module $module
        (import "" "broken" (func $broken))
        (func (export "go") (call $broken))
        (func (export "fine")))
    (core instance $instance (instantiate $module
        (with "" (instance (export "broken" (func $lowered))))))
    (func (export "go") (canon lift (core func $instance "go")))
    (func (export "fine") (canon lift (core func $instance "fine"))))"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_hand_when_a_task_panics_is_a_dead_letter_and_its_requester_is_told() {
    let builder = Host::builder().max_instances(4).extend(|engine| {
        let linked = engine.linker_mut().root().func_wrap("broken", |_, (): ()| {
            broken();
            Ok(())
        });
        linked.unwrap();
        Ok(())
    });
    let host = builder.build().unwrap();
    let wasm = wat::parse_str(CALLS_BROKEN).unwrap();
    let component = Component::from_bytes("test/broken".parse().unwrap(), wasm, 1 << 20);
    let address = component.address();
    let component = host.start(component).await.unwrap();
    let mut events = host.events();
    component.invoke("fine", EncodedValues::wave("")).await.unwrap();
    let error = component.invoke("go", EncodedValues::wave("")).await.unwrap_err();
    let RequestError::ReceiverEnded { cause } = error else { panic!("{error:?}") };
    let dead_letter = |event| if let Event::DeadLetter { cause, .. } = event { Some(cause) } else { None };
    assert_eq!(event(&mut events, dead_letter).await, DeadLetterCause::ReceiverEnded(cause));
    until(|| statuses(&host, &address)[0].state == ComponentState::Failed).await;
    let status = statuses(&host, &address).remove(0);
    assert!(matches!(status.last_end, Some(EndCause::HostFailure { .. })), "{status:?}");
    assert_eq!((status.handled, status.dead_letters), (1, 1));
}

#[test]
fn what_is_in_hand_when_the_runtime_ends_is_a_dead_letter() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let host = host();
    let component = guest("park_in_host_call").timeout_ms(60_000);
    let address = component.address();
    runtime.block_on(async {
        let parked = host.start(component).await.unwrap();
        parked.send("attack").unwrap();
        until(|| statuses(&host, &address)[0].waiting == 0).await;
        for _ in 0..3 {
            parked.send("waits").unwrap();
        }
    });
    drop(runtime);
    let status = statuses(&host, &address).remove(0);
    assert_eq!(status.state, ComponentState::Failed);
    assert!(matches!(status.last_end, Some(EndCause::HostFailure { .. })), "{status:?}");
    assert_eq!(status.dead_letters, 4, "three that waited, and the one in hand");
}
