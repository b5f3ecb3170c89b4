//! What the host offers to guests: services, and nothing of WASI.

use std::sync::Arc;
use std::time::{Duration, Instant};

use airssys_wasm_core::{ComponentId, EndCause, HealthStatus, LogLevel, LogRecord, LogSink, ResourceLimits};
use airssys_wasm_runtime::{
    InstancePorts, MAX_LOG_CONTEXT_BYTES, MAX_LOG_CONTEXT_PAIRS, MAX_LOG_MESSAGE_BYTES,
};
use tokio::sync::mpsc;

use crate::guests::{engine, guest, limits, setup};
use crate::health_export::HEALTH_EXPORT;

const LONG: Duration = Duration::from_secs(20);

/// Passes on the first records; a flood finds no room and is let go.
#[derive(Debug)]
struct FirstRecords(mpsc::Sender<(ComponentId, LogRecord)>);

impl LogSink for FirstRecords {
    fn log(&self, component: &ComponentId, record: LogRecord) {
        drop(self.0.try_send((component.clone(), record)));
    }
}

#[tokio::test]
async fn log_records_are_cut_to_their_bounds() {
    let engine = engine();
    let component = engine.verify(&guest("log_bomb")).unwrap();
    let (sink, mut records) = mpsc::channel(2);
    let mut setup = setup(ResourceLimits { max_fuel: Some(10_000_000), ..limits() });
    setup.ports = InstancePorts { log: Arc::new(FirstRecords(sink)), ..InstancePorts::isolated() };
    let mut instance = engine.start(&component, setup).await.unwrap().value;
    let failure = instance.handle_message("host/test", None, &"attack".into()).await.unwrap_err();
    assert!(matches!(failure.cause, EndCause::OutOfFuel(_)), "{failure:?}");
    let (id, huge) = records.recv().await.unwrap();
    assert_eq!(id.as_str(), "test/guest/0");
    assert_eq!((huge.level, huge.truncated), (LogLevel::Error, true));
    assert_eq!(huge.message, "h".repeat(MAX_LOG_MESSAGE_BYTES));
    assert_eq!(huge.context.len(), MAX_LOG_CONTEXT_PAIRS);
    assert_eq!(huge.context[31], ("31".to_owned(), "c".repeat(MAX_LOG_CONTEXT_BYTES)));
    let (_, large) = records.recv().await.unwrap();
    assert!(!large.truncated, "as large as it may be, and no larger");
    assert_eq!(large.message, "l".repeat(MAX_LOG_MESSAGE_BYTES));
    assert!(large.context.is_empty());
}

/// A component that imports `imports`, lowers them in `lowers`, and has `health` in `fields`, whose memory is
/// `$libc`'s.
pub(crate) fn importing(imports: &str, lowers: &str, arguments: &str, fields: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
          {imports}
          (core module $allocator
            (memory (export "memory") 4)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096)))
          (core instance $libc (instantiate $allocator))
          (alias core export $libc "memory" (core memory $memory))
          (alias core export $libc "realloc" (core func $realloc))
          {lowers}
          (core module $module
            (import "libc" "memory" (memory 4))
            {fields}
            (export "memory" (memory 0)))
          (core instance $main (instantiate $module
            (with "libc" (instance $libc))
            (with "host" (instance {arguments}))))
          {HEALTH_EXPORT})"#
    );
    wat::parse_str(text).unwrap()
}

async fn answer(wasm: &[u8]) -> HealthStatus {
    let engine = engine();
    let component = engine.verify(wasm).unwrap();
    let mut instance = engine.start(&component, setup(limits())).await.unwrap().value;
    instance.health(LONG).await.unwrap().value
}

#[tokio::test]
async fn time_sleep_and_the_own_id_are_what_they_say() {
    let imports = r#"
      (import "airssys:core/services@0.1.0" (instance $services
        (export "monotonic-now" (func (result u64)))
        (export "sleep" (func (param "duration-ms" u64)))
        (type $time (record (field "seconds" u64) (field "nanoseconds" u32)))
        (export "wall-time" (type $wall-time (eq $time)))
        (export "now" (func (result $wall-time)))))
      (import "airssys:core/messaging@0.1.0" (instance $messaging
        (export "self-id" (func (result string)))))"#;
    let lowers = r#"
      (core func $monotonic (canon lower (func $services "monotonic-now")))
      (core func $sleep (canon lower (func $services "sleep")))
      (core func $now (canon lower (func $services "now") (memory $memory)))
      (core func $self-id (canon lower (func $messaging "self-id") (memory $memory) (realloc $realloc)))"#;
    let arguments = r#"(export "monotonic" (func $monotonic)) (export "sleep" (func $sleep))
      (export "now" (func $now)) (export "self-id" (func $self-id))"#;
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    // Traps unless it slept as long as it asked for and the wall clock is of this minute; then says its id.
    let fields = format!(
        r#"(import "host" "monotonic" (func $monotonic (result i64)))
           (import "host" "sleep" (func $sleep (param i64)))
           (import "host" "now" (func $now (param i32)))
           (import "host" "self-id" (func $self-id (param i32)))
           (func (export "health") (result i32)
             (local $began i64)
             (local.set $began (call $monotonic))
             (call $sleep (i64.const 20))
             (if (i64.lt_u (i64.sub (call $monotonic) (local.get $began)) (i64.const 20000000))
               (then (unreachable)))
             (call $now (i32.const 64))
             (if (i64.gt_u (i64.sub (i64.load (i32.const 64)) (i64.const {since_1970})) (i64.const 60))
               (then (unreachable)))
             (if (i32.ge_u (i32.load (i32.const 72)) (i32.const 1000000000)) (then (unreachable)))
             (call $self-id (i32.const 20))
             (i32.store (i32.const 16) (i32.const 1))
             (i32.const 16))"#
    );
    let began = Instant::now();
    let answer = answer(&importing(imports, lowers, arguments, &fields)).await;
    assert_eq!(answer, HealthStatus::Degraded("test/guest/0".to_owned()));
    assert!(began.elapsed() >= Duration::from_millis(20));
}

#[tokio::test]
async fn wasi_grants_no_folder_no_variable_and_no_argument() {
    let imports = r#"
      (import "wasi:cli/environment@0.2.0" (instance $environment
        (export "get-environment" (func (result (list (tuple string string)))))
        (export "get-arguments" (func (result (list string))))))
      (import "wasi:filesystem/types@0.2.0" (instance $types
        (export "descriptor" (type (sub resource)))))
      (alias export $types "descriptor" (type $descriptor))
      (import "wasi:filesystem/preopens@0.2.0" (instance $preopens
        (alias outer 1 $descriptor (type $outer))
        (export "descriptor" (type $own (eq $outer)))
        (export "get-directories" (func (result (list (tuple (own $own) string)))))))"#;
    let lower = |name: &str, of: &str, function: &str| {
        format!(
            r#"(core func ${name} (canon lower (func ${of} "{function}") (memory $memory) (realloc $realloc)))"#
        )
    };
    let lowers = [
        lower("variables", "environment", "get-environment"),
        lower("arguments", "environment", "get-arguments"),
        lower("folders", "preopens", "get-directories"),
    ]
    .concat();
    let arguments = r#"(export "variables" (func $variables)) (export "arguments" (func $arguments))
      (export "folders" (func $folders))"#;
    // Each list is written as its address and length; all lengths together have to be zero.
    let fields = r#"
      (import "host" "variables" (func $variables (param i32)))
      (import "host" "arguments" (func $arguments (param i32)))
      (import "host" "folders" (func $folders (param i32)))
      (func (export "health") (result i32)
        (i64.store (i32.const 64) (i64.const -1))
        (i64.store (i32.const 72) (i64.const -1))
        (i64.store (i32.const 80) (i64.const -1))
        (call $variables (i32.const 64))
        (call $arguments (i32.const 72))
        (call $folders (i32.const 80))
        (if (i32.or (i32.load (i32.const 68)) (i32.or (i32.load (i32.const 76)) (i32.load (i32.const 84))))
          (then (unreachable)))
        (i32.const 16))"#;
    assert_eq!(answer(&importing(imports, &lowers, arguments, fields)).await, HealthStatus::Healthy);
}

#[tokio::test]
async fn wasi_grants_no_socket() {
    let imports = r#"
      (import "wasi:sockets/network@0.2.0" (instance $network
        (type $codes (enum "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory"
          "timeout" "concurrency-conflict" "not-in-progress" "would-block" "invalid-state" "new-socket-limit"
          "address-not-bindable" "address-in-use" "remote-unreachable" "connection-refused"
          "connection-reset" "connection-aborted" "datagram-too-large" "name-unresolvable"
          "temporary-resolver-failure" "permanent-resolver-failure"))
        (export "error-code" (type (eq $codes)))
        (type $families (enum "ipv4" "ipv6"))
        (export "ip-address-family" (type (eq $families)))))
      (alias export $network "error-code" (type $code))
      (alias export $network "ip-address-family" (type $family))
      (import "wasi:sockets/tcp@0.2.0" (instance $tcp (export "tcp-socket" (type (sub resource)))))
      (alias export $tcp "tcp-socket" (type $socket))
      (import "wasi:sockets/tcp-create-socket@0.2.0" (instance $create
        (alias outer 1 $code (type $outer-code))
        (export "error-code" (type $error (eq $outer-code)))
        (alias outer 1 $family (type $outer-family))
        (export "ip-address-family" (type $address-family (eq $outer-family)))
        (alias outer 1 $socket (type $outer-socket))
        (export "tcp-socket" (type $own-socket (eq $outer-socket)))
        (export "create-tcp-socket" (func (param "address-family" $address-family)
          (result (result (own $own-socket) (error $error)))))))"#;
    let lowers = r#"(core func $create (canon lower (func $create "create-tcp-socket") (memory $memory)))"#;
    let arguments = r#"(export "create" (func $create))"#;
    // Traps unless the answer is the error `access-denied`.
    let fields = r#"
      (import "host" "create" (func $create (param i32 i32)))
      (func (export "health") (result i32)
        (call $create (i32.const 0) (i32.const 64))
        (if (i32.ne (i32.load8_u (i32.const 64)) (i32.const 1)) (then (unreachable)))
        (if (i32.ne (i32.load8_u (i32.const 68)) (i32.const 1)) (then (unreachable)))
        (i32.const 16))"#;
    assert_eq!(answer(&importing(imports, lowers, arguments, fields)).await, HealthStatus::Healthy);
}
