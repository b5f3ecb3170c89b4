//! Starting, stopping, and what neither may leave behind.

use std::sync::Arc;
use std::time::{Duration, Instant};

use airssys_wasm_core::{
    Address, Backoff, BoxFuture, Ceilings, ComponentId, ComponentLoader, ComponentState, EndCause,
    ResourceLimitError, SendError, SupervisionConfig, WasmError, WasmResult,
};
use airssys_wasm_system::{Component, Event, Host, RuntimeError, SystemError};
use serde_json::json;

use crate::support::{self, file, guest, host};

fn with_config(component: Component, config: serde_json::Value) -> Component {
    component.config(config.as_object().unwrap().clone())
}

#[tokio::test]
async fn a_component_that_refuses_its_configuration_is_not_started() {
    let host = host();
    let component = with_config(guest("echo"), json!({ "fail_initialize": "no such region" }));
    let error = host.start(component).await.unwrap_err();
    let SystemError::Start { source: RuntimeError::InstantiationFailed(failure), .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(failure.cause, EndCause::InitialiseFailed { detail: "no such region".into() });
    assert!(host.statuses().is_empty(), "nothing of it stays");
    host.start(guest("echo")).await.unwrap();
}

#[tokio::test]
async fn a_start_that_loops_ends_within_its_own_budget() {
    let host = host();
    for name in ["loop_in_initialize", "start_function_loops"] {
        let began = Instant::now();
        let error = host.start(guest(name)).await.unwrap_err();
        let SystemError::Start { source: RuntimeError::InstantiationFailed(failure), .. } = error else {
            panic!("{error:?}")
        };
        assert!(matches!(failure.cause, EndCause::OutOfFuel(_)), "{name}: {failure:?}");
        assert_eq!(failure.fuel.consumed(), 100_000_000, "the budget of a start");
        assert!(began.elapsed() < Duration::from_secs(30));
    }
}

#[tokio::test]
async fn what_needs_more_memory_than_its_limit_says_how_much() {
    let host = host();
    let error = host.start(guest("initial_memory_too_big")).await.unwrap_err();
    let SystemError::Start { source, .. } = error else { panic!("{error:?}") };
    let RuntimeError::NeedsMoreMemory { needed_bytes, max_bytes } = source else { panic!("{source:?}") };
    assert_eq!(needed_bytes, 64 << 20);
    assert!(max_bytes < needed_bytes, "{max_bytes}");
}

#[tokio::test]
async fn limits_are_held_against_the_ceilings_of_the_host() {
    let host = host();
    let error = host.start(Component::from_file("test/a".parse().unwrap(), file("echo"), 8 << 20)).await;
    let Err(SystemError::Limits { source, .. }) = error else { panic!("{error:?}") };
    assert!(matches!(source, ResourceLimitError::MemoryTooLarge { .. }), "{source:?}");
    for (component, what) in [
        (guest("echo").max_fuel(0), "fuel"),
        (guest("echo").timeout_ms(0), "time"),
        (guest("echo").timeout_ms(60_001), "time"),
        (Component::from_file("test/a".parse().unwrap(), file("echo"), 1), "memory"),
    ] {
        let error = host.start(component).await.unwrap_err();
        assert!(matches!(error, SystemError::Limits { .. }), "{what}: {error:?}");
    }
}

#[tokio::test]
async fn the_declared_memory_of_all_instances_is_bounded() {
    let ceilings = Ceilings { total_memory_bytes: 5 << 20, ..Ceilings::default() };
    let host = Host::builder().ceilings(ceilings).build().unwrap();
    host.start(guest("echo").instances(2)).await.unwrap();
    let error = host.start(guest("pair")).await.unwrap_err();
    let SystemError::TotalMemory { asked_bytes, used_bytes, max_bytes, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!((asked_bytes, used_bytes, max_bytes), (2 << 20, 4 << 20, 5 << 20));
    host.stop(&"test/echo/0".parse().unwrap()).await.unwrap();
    host.start(guest("pair")).await.unwrap();
}

/// A component of this name that ends for good by its first attack.
fn doomed(name: &str) -> Component {
    let address = format!("test/{name}").parse().unwrap();
    let component = Component::from_file(address, file("unreachable"), 2 << 20).timeout_ms(60_000);
    component.storage_quota(100).supervision(support::at_once(0))
}

#[tokio::test]
async fn one_that_has_failed_for_good_gives_back_what_it_declared_once() {
    let large = Ceilings::default();
    for (what, max_instances, ceilings) in [
        ("memory", 16, Ceilings { total_memory_bytes: 4 << 20, ..large }),
        ("storage", 16, Ceilings { total_storage_bytes: 200, ..large }),
        ("places", 2, large),
    ] {
        let host = Host::builder().max_instances(max_instances).ceilings(ceilings).build().unwrap();
        let refused = async |name| match host.start(doomed(name)).await {
            Err(SystemError::TotalMemory { used_bytes, .. }) => used_bytes == 4 << 20 && what == "memory",
            Err(SystemError::TotalStorage { used_bytes, .. }) => used_bytes == 200 && what == "storage",
            Err(SystemError::PoolFull { .. }) => what == "places",
            other => panic!("{what}: {other:?}"),
        };
        let failed = [host.start(doomed("a")).await.unwrap(), host.start(doomed("b")).await.unwrap()];
        assert!(refused("c").await, "{what}");
        for one in &failed {
            one.request("attack").await.unwrap_err();
        }
        assert!(host.settle(Duration::from_secs(30)).await);
        host.start(doomed("c")).await.unwrap();
        host.start(doomed("d")).await.unwrap();
        let status = host.status_of(failed[0].address()).remove(0);
        assert_eq!((status.state, status.kills.trap), (ComponentState::Failed, 1), "{what}");
        // What they gave back is not theirs to give back again.
        for one in &failed {
            assert!(matches!(
                host.start(doomed(one.address().name())).await,
                Err(SystemError::AlreadyThere(_))
            ));
            host.stop(one.address()).await.unwrap();
            assert!(refused("e").await, "{what}");
        }
        host.stop(&"test/c".parse().unwrap()).await.unwrap();
        host.start(doomed("e")).await.unwrap();
        assert!(refused("f").await, "{what}");
        host.shutdown().await;
    }
}

#[tokio::test]
async fn a_quota_is_held_until_the_last_instance_of_its_component_has_failed() {
    let ceilings = Ceilings { total_storage_bytes: 150, ..Ceilings::default() };
    let host = Host::builder().max_instances(16).ceilings(ceilings).build().unwrap();
    host.start(doomed("a").instances(2)).await.unwrap();
    for (instance, fits) in [("test/a/0", false), ("test/a/1", true)] {
        let instance = host.component(&instance.parse().unwrap()).unwrap();
        instance.request("attack").await.unwrap_err();
        assert!(host.settle(Duration::from_secs(30)).await);
        assert_eq!(host.start(doomed("b")).await.is_ok(), fits);
    }
    host.shutdown().await;
}

#[tokio::test]
async fn a_second_component_of_the_same_name_is_refused() {
    let host = host();
    let first = host.start(guest("echo")).await.unwrap();
    assert!(matches!(host.start(guest("echo")).await, Err(SystemError::AlreadyThere(_))));
    first.request("the first one still answers").await.unwrap();
}

#[tokio::test]
async fn a_full_pool_refuses_the_newcomer_alone() {
    let host = Host::builder().max_instances(2).build().unwrap();
    let echo = host.start(guest("echo").instances(2)).await.unwrap();
    let error = host.start(guest("pair")).await.unwrap_err();
    assert!(matches!(error, SystemError::PoolFull { max_instances: 2, .. }), "{error:?}");
    for _ in 0..2 {
        echo.request("x").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_is_free_as_soon_as_its_instance_is_killed() {
    let host = Host::builder().max_instances(2).build().unwrap();
    host.start(guest("echo")).await.unwrap();
    for round in 0..50 {
        // It is killed while it computes, or has just begun to.
        let hostile =
            host.start(guest("loop_forever").max_fuel(10_000_000_000).timeout_ms(20_000)).await.unwrap();
        hostile.send("attack").unwrap();
        let error = host.start(guest("pair")).await.unwrap_err();
        assert!(matches!(error, SystemError::PoolFull { .. }), "{round}: {error:?}");
        host.kill(hostile.address()).await.unwrap();
        let next = host.start(guest("pair")).await.unwrap();
        host.stop(next.address()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memories_count_as_well_and_a_restart_always_finds_room() {
    // Eight memories each: a small pool has room for sixty-four, however many instances it was made for.
    let host = Host::builder().max_instances(100).build().unwrap();
    let many = guest("many_memories").instances(64).supervision(support::at_once(1_000));
    let many = host.start(many).await.unwrap();
    let one_more = Component::from_file("test/more".parse().unwrap(), file("many_memories"), 2 << 20);
    let error = host.start(one_more).await.unwrap_err();
    assert!(matches!(error, SystemError::PoolFull { .. }), "{error:?}");
    for _ in 0..128 {
        many.request("attack").await.unwrap_err();
    }
    assert!(host.settle(Duration::from_secs(30)).await);
    let statuses = host.statuses();
    assert!(statuses.iter().all(|status| status.state == ComponentState::Running), "{statuses:?}");
    assert_eq!(statuses.iter().map(|status| status.restarts).sum::<u64>(), 128);
}

#[tokio::test]
async fn at_least_one_instance_must_be_asked_for() {
    let host = host();
    let error = host.start(guest("echo").instances(0)).await.unwrap_err();
    assert!(matches!(error, SystemError::NoInstances(_)), "{error:?}");
    host.start(guest("echo")).await.unwrap();
}

#[tokio::test]
async fn more_instances_than_the_host_has_room_for_are_refused_before_any_is_made() {
    let host = host();
    let error = host.start(guest("echo").instances(u32::MAX)).await.unwrap_err();
    assert!(matches!(error, SystemError::PoolFull { .. }), "{error:?}");
    host.start(guest("echo")).await.unwrap();
}

#[tokio::test]
async fn while_an_instance_is_there_its_component_cannot_come_again() {
    let host = host();
    host.start(guest("echo").instances(2)).await.unwrap();
    host.stop(&"test/echo/0".parse().unwrap()).await.unwrap();
    let error = host.start(guest("echo").receive_from("test/*".parse().unwrap())).await.unwrap_err();
    assert!(matches!(error, SystemError::AlreadyThere(_)), "{error:?}");
    let statuses = host.statuses();
    assert_eq!(statuses.len(), 1);
    assert_eq!(statuses[0].state, ComponentState::Running, "the other one runs on");
}

#[tokio::test]
async fn a_launch_that_is_given_up_leaves_nothing_that_a_stop_would_wait_for() {
    let host = host();
    {
        let mut start = std::pin::pin!(host.start(guest("echo")));
        // Far enough that its mailbox is there, if the machine is quick; given up in any case.
        tokio::time::timeout(Duration::from_millis(20), &mut start).await.ok();
    }
    host.shutdown().await;
    assert!(host.statuses().is_empty());
    assert!(matches!(host.start(guest("pair")).await, Err(SystemError::ShutDown)));
}

#[tokio::test]
async fn a_host_that_is_dropped_ends_what_runs() {
    let host = host();
    let echo = host.start(guest("echo")).await.unwrap();
    let mut events = host.events();
    drop(host);
    assert!(matches!(events.next().await, Some(Event::Ended { .. })));
    assert!(echo.send("x").is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_handled_even_when_the_stop_comes_in_a_pause() {
    let host = host();
    let pause = Backoff { initial_ms: 600_000, max_ms: 600_000, ..Backoff::default() };
    let supervision = SupervisionConfig { backoff: pause, max_restarts: 10, ..SupervisionConfig::default() };
    let component = guest("unreachable").supervision(supervision);
    let address = component.address();
    let hostile = host.start(component).await.unwrap();
    hostile.request("attack").await.unwrap_err();
    let waiting: Vec<_> = (0..3).map(|_| hostile.start_request("ping").unwrap()).collect();
    let ended = host.stop(&address).await.unwrap();
    assert_eq!((ended[0].state, ended[0].handled), (ComponentState::Stopped, 3));
    assert!(matches!(ended[0].last_end, Some(EndCause::Stopped)));
    for reply in waiting {
        reply.await.unwrap();
    }
}

#[tokio::test]
async fn stopping_handles_what_waits_and_leaves_nothing() {
    let host = host();
    let mut events = host.events();
    let echo = host.start(guest("echo")).await.unwrap();
    let replies: Vec<_> = (0..100).map(|number| echo.start_request(format!("{number}")).unwrap()).collect();
    let ended = host.stop(&"test/echo".parse().unwrap()).await.unwrap();
    assert_eq!((ended[0].state, ended[0].handled), (ComponentState::Stopped, 100));
    assert_eq!(ended[0].last_end, Some(EndCause::Stopped));
    for (number, reply) in replies.into_iter().enumerate() {
        assert_eq!(reply.await.unwrap().bytes().as_ref(), number.to_string().as_bytes());
    }
    assert!(host.statuses().is_empty());
    assert!(matches!(echo.send("x").unwrap_err().error, SendError::NotFound | SendError::Closed));
    assert!(matches!(events.next().await, Some(Event::Started { .. })));
    assert!(matches!(events.next().await, Some(Event::Ended { cause: EndCause::Stopped, .. })));
}

#[tokio::test]
async fn what_is_not_there_cannot_be_stopped() {
    let host = host();
    let nobody = "test/nobody".parse().unwrap();
    assert!(matches!(host.stop(&nobody).await, Err(SystemError::NotFound(_))));
    assert!(matches!(host.kill(&nobody).await, Err(SystemError::NotFound(_))));
    assert_eq!(host.component(&nobody).unwrap_err(), SendError::NotFound);
}

#[tokio::test]
async fn many_starts_and_stops_leave_nothing() {
    let host = Host::builder().max_instances(2).build().unwrap();
    for _ in 0..30 {
        let pair = host.start(guest("pair")).await.unwrap();
        pair.request("test/nobody").await.unwrap_err();
        host.stop(&"test/pair".parse().unwrap()).await.unwrap();
    }
    assert!(host.statuses().is_empty());
}

/// Brings the echo guest, or nothing.
struct Shelf(Option<&'static str>);

impl ComponentLoader for Shelf {
    fn load<'a>(&'a self, id: &'a ComponentId) -> BoxFuture<'a, WasmResult<Vec<u8>>> {
        Box::pin(async move {
            let reason = format!("{id} is not on the shelf");
            let name = self.0.ok_or(WasmError::Storage { reason, source: None })?;
            Ok(std::fs::read(file(name)).unwrap())
        })
    }
}

#[tokio::test]
async fn an_embedders_loader_brings_the_bytes() {
    let host = host();
    let address: Address = "test/shelved".parse().unwrap();
    let empty = Component::from_loader(address.clone(), Arc::new(Shelf(None)), 2 << 20);
    let error = host.start(empty).await.unwrap_err();
    let SystemError::Load { source: WasmError::Storage { reason, .. }, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(reason, "test/shelved/0 is not on the shelf");
    let full = Component::from_loader(address, Arc::new(Shelf(Some("echo"))), 2 << 20);
    let shelved = host.start(full).await.unwrap();
    assert_eq!(shelved.request("x").await.unwrap().bytes().as_ref(), b"x");
}
