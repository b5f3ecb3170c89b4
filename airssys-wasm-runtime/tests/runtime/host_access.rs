//! Folders, variables and outputs of components whose embedder uses this crate alone.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use airssys_wasm_core::{
    AccessDenial, AccessObserver, AccessRight, BadGrants, ComponentId, EndCause, HostCapabilities, LogLevel,
    LogRecord, LogSink, MAX_GRANTED_FOLDERS,
};
use airssys_wasm_runtime::{
    ComponentExecutor, ComponentInstance, ExecutionResult, InstancePorts, MAX_LOG_MESSAGE_BYTES,
    MAX_VARIABLE_BYTES, RuntimeError,
};
use tokio::sync::mpsc;

use crate::guests::{engine, guest, limits, setup};

/// Tells of everything that an instance was refused, and of every record of its log.
#[derive(Debug)]
struct Told {
    denials: mpsc::Sender<(ComponentId, AccessRight, String)>,
    records: mpsc::Sender<LogRecord>,
}

impl AccessObserver for Told {
    fn denied(&self, component: &ComponentId, denial: &AccessDenial<'_>) {
        self.denials.try_send((component.clone(), denial.right, denial.to_string())).unwrap();
    }
}

impl LogSink for Told {
    fn log(&self, _: &ComponentId, record: LogRecord) {
        self.records.try_send(record).unwrap();
    }
}

async fn ask(instance: &mut ComponentInstance, order: &str) -> String {
    let done = instance.handle_message("host/test", None, &order.to_owned().into()).await.unwrap();
    String::from_utf8(done.value.unwrap().unwrap().bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn an_instance_has_what_its_setup_grants() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "content").unwrap();
    let path = folder.path().to_str().unwrap();
    let engine = engine();
    let component = engine.verify(&guest("files")).unwrap();
    let (denials, mut denied) = mpsc::channel(8);
    let (records, mut logged) = mpsc::channel(8);
    let told = Arc::new(Told { denials, records });
    let mut setup = setup(limits());
    let mut capabilities = HostCapabilities::default();
    // The same folder twice is one, by the right that includes the other.
    capabilities.filesystem.read.push(path.parse().unwrap());
    capabilities.filesystem.write.push(path.parse().unwrap());
    capabilities.environment.variables.push("CARGO_PKG_NAME".parse().unwrap());
    setup.capabilities = Arc::new(capabilities);
    setup.ports = InstancePorts { log: told.clone(), access: told, ..InstancePorts::isolated() };
    let work = setup.file_work.clone();
    let mut instance = engine.start(&component, setup).await.unwrap().value;
    assert_eq!(ask(&mut instance, "folders").await, path);
    assert_eq!(ask(&mut instance, &format!("read {path} file")).await, "content");
    assert_eq!(ask(&mut instance, &format!("write {path} file changed")).await, "7");
    assert_eq!(fs::read_to_string(folder.path().join("file")).unwrap(), "changed");
    assert_eq!(ask(&mut instance, "environment").await, "CARGO_PKG_NAME=airssys-wasm-runtime");
    assert_eq!(ask(&mut instance, &format!("read {path} ../file")).await, "not-permitted");
    let (id, right, text) = denied.recv().await.unwrap();
    assert_eq!((id.as_str(), right), ("test/guest/0", AccessRight::Filesystem));
    assert!(
        text.starts_with(&format!("{path}/../file denied by capabilities.filesystem: it leads")),
        "{text}"
    );
    assert_eq!(work.under_way(), 0);

    assert_eq!(ask(&mut instance, "output one\\ntwo").await, "ok");
    assert_eq!(ask(&mut instance, "output , still\\nlast").await, "ok");
    assert_eq!(ask(&mut instance, &format!("error {}\\n", "e".repeat(4_000))).await, "ok");
    let mut next = async || {
        let LogRecord { level, message, context, truncated } = logged.recv().await.unwrap();
        assert!(context.is_empty() && !truncated);
        (level, message)
    };
    let info = |text: &str| (LogLevel::Info, text.to_owned());
    assert_eq!(next().await, info("one"));
    assert_eq!(next().await, info("two, still"));
    assert_eq!(next().await, (LogLevel::Warn, "e".repeat(4_000)));
    instance.shutdown().await.unwrap();
    assert_eq!(next().await, info("last"), "the end of a life ends the last line");
}

#[tokio::test]
async fn what_was_written_before_a_trap_is_logged() {
    let engine = engine();
    let component = engine.verify(&guest("files")).unwrap();
    let (denials, _denied) = mpsc::channel(1);
    let (records, mut logged) = mpsc::channel(8);
    let told = Arc::new(Told { denials, records });
    let mut setup = setup(limits());
    setup.ports = InstancePorts { log: told, ..InstancePorts::isolated() };
    let mut instance = engine.start(&component, setup).await.unwrap().value;
    for _ in 0..3 {
        assert_eq!(ask(&mut instance, &format!("output {}", "l".repeat(4_000))).await, "ok");
    }
    let failure = instance.handle_message("host/test", None, &"trap !".into()).await.unwrap_err();
    assert!(matches!(failure.cause, EndCause::Trap { .. }), "{failure:?}");
    let LogRecord { message, truncated, .. } = logged.recv().await.unwrap();
    assert_eq!((message, truncated), ("l".repeat(MAX_LOG_MESSAGE_BYTES), true));
}

#[tokio::test]
async fn an_executor_grants_as_well() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "content").unwrap();
    let path = folder.path().to_str().unwrap();
    let engine = engine();
    let component = engine.verify(&guest("files")).unwrap();
    let mut capabilities = HostCapabilities::default();
    capabilities.filesystem.read.push(path.parse().unwrap());
    let id = ComponentId::new("test", "files", "0").unwrap();
    let order = format!("read {path} file").into();
    for (executor, expected) in [
        (ComponentExecutor::new(Arc::clone(&engine)).granting(capabilities), "content"),
        (ComponentExecutor::new(Arc::clone(&engine)), "no such folder"),
    ] {
        let result = executor.execute_with_limits(id.clone(), &component, &limits(), &order).await.unwrap();
        let ExecutionResult::Success { output: Some(output), .. } = result else { panic!("{result:?}") };
        assert_eq!(output.bytes().as_ref(), expected.as_bytes());
    }
}

#[tokio::test]
async fn more_rights_than_can_be_granted_are_an_error_of_the_start() {
    let engine = engine();
    let component = engine.verify(&guest("files")).unwrap();
    let mut capabilities = HostCapabilities::default();
    for number in 0..=MAX_GRANTED_FOLDERS {
        capabilities.filesystem.read.push(format!("/not-there/{number}").parse().unwrap());
    }
    assert!(matches!(engine.check_folders(&capabilities), Err(RuntimeError::BadGrants(_))));
    let mut setup = setup(limits());
    setup.capabilities = Arc::new(capabilities);
    let error = engine.start(&component, setup).await.unwrap_err();
    let RuntimeError::BadGrants(BadGrants::TooMany { granted, .. }) = error else { panic!("{error}") };
    assert_eq!(granted, MAX_GRANTED_FOLDERS + 1);
}

/// The environment is that of the process, so that the test runs itself once more with one that is too long.
#[tokio::test]
async fn variables_that_are_too_long_are_an_error_of_the_start() {
    const NAMES: [&str; 3] = ["AIRSSYS_LONG_A", "AIRSSYS_LONG_B", "AIRSSYS_LONG_C"];
    const NAME: &str = "host_access::variables_that_are_too_long_are_an_error_of_the_start";
    let value = "v".repeat(MAX_VARIABLE_BYTES / NAMES.len());
    if std::env::var_os(NAMES[0]).is_none() {
        let again = std::env::current_exe().unwrap();
        let again =
            Command::new(again).args([NAME, "--exact"]).envs(NAMES.map(|name| (name, &value))).output();
        let again = again.unwrap();
        let told = String::from_utf8_lossy(&again.stdout);
        assert!(again.status.success() && told.contains("1 passed"), "{told}");
        return;
    }
    let engine = engine();
    let component = engine.verify(&guest("files")).unwrap();
    for (names, is_too_long) in [(&NAMES[..2], false), (&NAMES[..], true)] {
        let mut capabilities = HostCapabilities::default();
        capabilities.environment.variables.extend(names.iter().map(|name| name.parse().unwrap()));
        let mut setup = setup(limits());
        setup.capabilities = Arc::new(capabilities);
        match engine.start(&component, setup).await {
            Ok(_) => assert!(!is_too_long),
            Err(RuntimeError::LongVariables { bytes, max }) => {
                assert!(is_too_long && bytes > max && max == MAX_VARIABLE_BYTES);
            }
            Err(other) => panic!("{other}"),
        }
    }
}
