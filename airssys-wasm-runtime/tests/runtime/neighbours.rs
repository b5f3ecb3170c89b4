//! What a guest makes the host do for many others at once: its neighbours in a list, and the targets of a broadcast.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use airssys_wasm_core::{
    Address, ComponentDirectory, ComponentId, ComponentState, ComponentSummary, EncodedValues, EndCause,
    MessageLink, MessageRouter, ResourceLimits, SendError, ValueFormat, VisiblePart,
};
use airssys_wasm_runtime::{
    ComponentInstance, InstancePorts, LISTED_COMPONENT_BYTES, MAX_BROADCAST_TARGETS, MAX_COMPONENT_LIST_BYTES,
};
use semver::Version;

use crate::guests::{engine, guest, limits, setup};

/// A component whose `count` tells how many components it is shown.
const COUNTER: &str = r#"(component
  (import "airssys:core/services@0.1.0" (instance $services
    (type $states (enum "installed" "starting" "running" "draining" "stopped" "failed"))
    (export "component-state" (type $state (eq $states)))
    (type $fields (record (field "id" string) (field "state" $state) (field "version" string)
      (field "handled" u64) (field "restarts" u64)))
    (export "component-summary" (type $summary (eq $fields)))
    (export "list-components" (func (result (list $summary))))))
  (core module $allocator
    (memory (export "memory") 8)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096)))
  (core instance $libc (instantiate $allocator))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "realloc" (core func $realloc))
  (core func $list
    (canon lower (func $services "list-components") (memory $memory) (realloc $realloc)))
  (core module $module
    (import "libc" "memory" (memory 8))
    (import "host" "list" (func $list (param i32)))
    (func (export "count") (result i32)
      (call $list (i32.const 16))
      (i32.load (i32.const 20))))
  (core instance $main (instantiate $module
    (with "libc" (instance $libc))
    (with "host" (instance (export "list" (func $list))))))
  (func (export "count") (result u32) (canon lift (core func $main "count"))))"#;

async fn start(wasm: &[u8], limits: ResourceLimits, ports: InstancePorts) -> ComponentInstance {
    let engine = engine();
    let component = engine.verify(wasm).unwrap();
    let mut setup = setup(limits);
    setup.ports = ports;
    engine.start(&component, setup).await.unwrap().value
}

/// The first of two parts has as many as a list may hold and one more, or not that one.
#[derive(Debug)]
struct Crowd {
    beyond: bool,
}

const ID_BYTES: usize = 190;
const VERSION: Version = Version::new(1, 0, 0);

impl Crowd {
    const FITS: usize = MAX_COMPONENT_LIST_BYTES / (ID_BYTES + 5 + LISTED_COMPONENT_BYTES);

    fn summary(number: usize) -> ComponentSummary {
        let (long, name) = ("n".repeat(64), format!("n{number:063}"));
        let id = ComponentId::new(&long, &name, &"0".repeat(ID_BYTES - 64 - 64 - 2)).unwrap();
        assert_eq!(id.as_str().len(), ID_BYTES);
        let state = ComponentState::Running;
        ComponentSummary { id, state, version: VERSION, handled: 0, restarts: 0 }
    }
}

impl ComponentDirectory for Crowd {
    fn visible_to(&self, _viewer: &ComponentId) -> Vec<ComponentSummary> {
        unreachable!("a guest is shown parts")
    }

    fn next_visible_to(&self, _viewer: &ComponentId, after: Option<&ComponentId>) -> VisiblePart {
        let all: Vec<_> = (0..Self::FITS + usize::from(self.beyond)).map(Self::summary).collect();
        let (first, second) = all.split_at(100);
        let (summaries, looked_at) = match after {
            None => (first.to_vec(), first.last().map(|summary| summary.id.clone())),
            Some(_) => (second.to_vec(), None),
        };
        VisiblePart { summaries, looked_at }
    }

    fn state(&self, _id: &ComponentId) -> Option<ComponentState> {
        None
    }
}

#[tokio::test]
async fn a_list_of_components_ends_at_its_bound() {
    let wasm = wat::parse_str(COUNTER).unwrap();
    for beyond in [false, true] {
        let ports = InstancePorts { directory: Arc::new(Crowd { beyond }), ..InstancePorts::isolated() };
        let mut instance = start(&wasm, limits(), ports).await;
        let told = instance.invoke("count", &EncodedValues::wave(""), ValueFormat::Wave).await.unwrap();
        assert_eq!(told.value.unwrap().text(), Some(Crowd::FITS.to_string().as_str()), "{beyond}");
    }
}

/// Nobody who may be seen, and for two seconds always somebody more to look at.
#[derive(Debug)]
struct Endless(Instant);

impl ComponentDirectory for Endless {
    fn visible_to(&self, _viewer: &ComponentId) -> Vec<ComponentSummary> {
        unreachable!("a guest is shown parts")
    }

    fn next_visible_to(&self, viewer: &ComponentId, _after: Option<&ComponentId>) -> VisiblePart {
        let looked_at = (self.0.elapsed() < Duration::from_secs(2)).then(|| viewer.clone());
        VisiblePart { summaries: Vec::new(), looked_at }
    }

    fn state(&self, _id: &ComponentId) -> Option<ComponentState> {
        None
    }
}

#[tokio::test]
async fn a_list_of_components_takes_no_longer_than_its_call_may() {
    let wasm = wat::parse_str(COUNTER).unwrap();
    let ports = InstancePorts { directory: Arc::new(Endless(Instant::now())), ..InstancePorts::isolated() };
    let short = ResourceLimits { max_execution_time_ms: 30, ..limits() };
    let mut instance = start(&wasm, short, ports).await;
    let began = Instant::now();
    let ended = instance.invoke("count", &EncodedValues::wave(""), ValueFormat::Wave).await.unwrap_err();
    assert!(matches!(ended.cause, EndCause::Timeout { timeout_ms: 30, .. }), "{ended:?}");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

/// Knows nobody, and counts how often it was told of refusals, and of how many.
#[derive(Debug, Default)]
struct Refusals {
    opened: AtomicU64,
    told: AtomicU64,
    refused: AtomicU64,
}

impl MessageRouter for Refusals {
    fn open(&self, _sender: &Address, _target: &Address) -> Result<Arc<dyn MessageLink>, SendError> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        Err(SendError::NotFound)
    }

    fn count_refusals(&self, _sender: &ComponentId, error: &SendError, times: u64) {
        assert_eq!(*error, SendError::QuotaExceeded);
        self.told.fetch_add(1, Ordering::Relaxed);
        self.refused.fetch_add(times, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn what_a_broadcast_has_too_much_is_counted_at_once() {
    let router = Arc::new(Refusals::default());
    let ports = InstancePorts { router: router.clone(), ..InstancePorts::isolated() };
    let mut flooder = start(&guest("broadcast_flood"), limits(), ports).await;
    let most = MAX_BROADCAST_TARGETS as u64;
    let mut refused = 0;
    for (round, count) in [most, most + 1, 2 * most + 7].into_iter().enumerate() {
        let order = format!("{count} test/nobody");
        let reply = flooder.handle_message("host/test", None, &order.as_str().into()).await.unwrap().value;
        let reply = reply.unwrap().unwrap();
        refused += count - most;
        assert_eq!(reply.bytes()[..], *format!("0 {} {count}", count - most).as_bytes());
        let counted =
            [&router.opened, &router.told, &router.refused].map(|count| count.load(Ordering::Relaxed));
        let rounds = round as u64;
        assert_eq!(counted, [(rounds + 1) * most, rounds, refused]);
    }
}
