//! What cannot run is refused at load, each kind with an error of its own.

use airssys_wasm_core::{MAX_MEMORY_BYTES, WasmError};
use airssys_wasm_runtime::{
    ComponentExecutor, EngineConfig, MAX_MISSING_NAMES_BYTES, RuntimeError, WasmtimeEngine,
};

use crate::guests::{engine, guest, limits, setup};
use crate::health::health_component;

#[track_caller]
fn check(wasm: &[u8], is_expected: impl Fn(&RuntimeError) -> bool) {
    let error = engine().verify(wasm).unwrap_err();
    assert!(is_expected(&error), "{error:?}");
}

/// Where the outermost sections of a component end, its header among them.
#[expect(clippy::indexing_slicing, reason = "a component that cannot be walked fails the test")]
fn section_ends(wasm: &[u8]) -> Vec<usize> {
    let mut ends = vec![8];
    let mut at = 8;
    while at < wasm.len() {
        at += 1;
        let (mut length, mut shift) = (0, 0);
        loop {
            let byte = wasm[at];
            at += 1;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        at += length;
        ends.push(at);
    }
    ends
}

#[test]
fn what_is_no_component_is_told_apart() {
    check(&guest("core_module"), |error| matches!(error, RuntimeError::CoreModule));
    check(b"", |error| matches!(error, RuntimeError::NotWasm));
    check(b"(component)", |error| matches!(error, RuntimeError::NotWasm));
    check(&[0xff; 4096], |error| matches!(error, RuntimeError::NotWasm));
    check(b"\0asm\x0d\0\x01\0\xff\x01\0", |error| matches!(error, RuntimeError::InvalidComponent(_)));
}

#[test]
fn no_prefix_of_a_component_passes_for_it() {
    let wasm = guest("echo");
    let ends = section_ends(&wasm);
    assert_eq!(ends.last(), Some(&wasm.len()), "the test's own walk of the sections");
    let engine = engine();
    let sampled = (0..64).chain((64..wasm.len()).step_by(211)).chain(wasm.len() - 16..wasm.len());
    for bytes in sampled.filter(|bytes| !ends.contains(bytes)) {
        let error = engine.verify(&wasm[..bytes]).unwrap_err();
        match bytes {
            0 => assert!(matches!(error, RuntimeError::NotWasm), "{error:?}"),
            _ => assert!(
                matches!(error, RuntimeError::Truncated { bytes: told } if told == bytes),
                "{bytes}: {error:?}"
            ),
        }
    }
    // Cut between two sections nothing shows that something is missing, save that it is missing. What only
    // lacks custom sections at its end lacks nothing.
    let is_custom = |&end: &usize| wasm.get(end) == Some(&0);
    let whole = ends.iter().rev().skip(1).take_while(|end| is_custom(end)).count();
    for &bytes in &ends[..ends.len() - 1 - whole] {
        if let Ok(component) = engine.verify(&wasm[..bytes]) {
            assert!(!component.has_handler() || !component.has_health(), "{bytes} bytes pass for all of it");
        }
    }
}

#[test]
fn a_damaged_component_never_takes_the_host_along() {
    let wasm = guest("unreachable");
    let engine = engine();
    let mut refused = 0;
    for at in (8..wasm.len()).step_by(61) {
        let mut damaged = wasm.clone();
        damaged[at] ^= 0xff;
        refused += usize::from(engine.verify(&damaged).is_err());
    }
    assert!(refused > 10, "only {refused} were refused");
}

#[test]
fn every_missing_import_is_listed() {
    check(&guest("unknown_imports"), |error| {
        matches!(error, RuntimeError::MissingImports(missing)
            if missing.names() == ["acme:weather/forecast@1.2.0", "acme:weather/history@1.2.0"])
    });
    let newer = r#"(component (import "airssys:core/services@0.2.0" (instance
        (export "monotonic-now" (func (result u64))))))"#;
    check(
        &wat::parse_str(newer).unwrap(),
        |error| matches!(error, RuntimeError::MissingImports(missing) if missing.names() == ["airssys:core/services@0.2.0"]),
    );
}

#[test]
fn a_refusal_of_a_thousand_imports_is_no_longer_than_its_bound() {
    let import = |number| format!(r#"(import "x{number}-{}" (func))"#, "y".repeat(200));
    let imports: String = (0..1_000).map(import).collect();
    check(&wat::parse_str(format!("(component {imports})")).unwrap(), |error| {
        let RuntimeError::MissingImports(missing) = error else { return false };
        let told = error.to_string();
        assert!(told.len() < MAX_MISSING_NAMES_BYTES + 200, "{} bytes", told.len());
        assert!(told.ends_with(&format!(" and {} more", missing.more())), "{told}");
        missing.names().len() + missing.more() == 1_000
    });
}

#[tokio::test]
async fn a_known_interface_with_other_types_is_incompatible() {
    let import = r#"(component (import "airssys:core/services@0.1.0" (instance
        (export "monotonic-now" (func (result string))))))"#;
    check(&wat::parse_str(import).unwrap(), |error| {
        matches!(error, RuntimeError::IncompatibleInterface { .. })
    });
    let with = |function: &str| {
        let text = format!(
            r#"(component
              (core module $module (func (export "health") (result i32) (i32.const 0)))
              (core instance $main (instantiate $module))
              (func $health (result u32) (canon lift (core func $main "health")))
              (instance $interface (export "{function}" (func $health)))
              (export "airssys:core/health@0.1.0" (instance $interface)))"#
        );
        wat::parse_str(text).unwrap()
    };
    let is_expected = |error: &RuntimeError| {
        matches!(error, RuntimeError::IncompatibleInterface { interface, .. }
            if interface == "the exported interface airssys:core/health@0.1.0")
    };
    // A function that is not there is seen at load, one of another type at the start.
    check(&with("another"), is_expected);
    let engine = engine();
    let component = engine.verify(&with("health")).unwrap();
    let error = engine.start(&component, setup(limits())).await.unwrap_err();
    assert!(is_expected(&error), "{error:?}");
}

#[test]
fn a_component_may_be_as_large_as_the_host_allows_and_no_larger() {
    let wasm = guest("unreachable");
    let with = |max_component_bytes| {
        WasmtimeEngine::new(EngineConfig { max_instances: 1, max_component_bytes, ..EngineConfig::default() })
            .unwrap()
    };
    let size = wasm.len() as u64;
    assert!(with(size).verify(&wasm).is_ok());
    let error = with(size - 1).verify(&wasm).unwrap_err();
    assert!(
        matches!(error, RuntimeError::TooLarge { bytes, max_bytes } if bytes == size && max_bytes == size - 1),
        "{error:?}"
    );
}

#[test]
fn shared_memory_is_refused() {
    check(&guest("shared_memory"), |error| matches!(error, RuntimeError::InvalidComponent(_)));
}

#[test]
fn what_does_not_fit_the_pool_is_told_how_much_it_needs() {
    let wasm = guest("initial_memory_too_big");
    check(&wasm, |error| {
        matches!(
            error,
            RuntimeError::NeedsMoreMemory { needed_bytes: 67_108_864, max_bytes: MAX_MEMORY_BYTES }
        )
    });
    let report = engine().inspect(&wasm).unwrap();
    assert_eq!(report.initial_memory_bytes, Some(67_108_864), "it can be inspected all the same");
    let table = health_component(
        r#"(memory (export "memory") 1) (table 10001 funcref)
           (func (export "health") (result i32) (i32.const 16))"#,
    );
    check(&table, |error| {
        matches!(error, RuntimeError::NeedsLargerTable { needed_elements: 10_001, max_elements: 10_000 })
    });
}

#[tokio::test]
async fn a_component_without_handler_runs_and_takes_no_message() {
    let engine = engine();
    let wasm = health_component(
        r#"(memory (export "memory") 1) (func (export "health") (result i32) (i32.const 16))"#,
    );
    let component = engine.verify(&wasm).unwrap();
    assert!(component.has_health() && !component.has_handler() && !component.has_lifecycle());
    let id = setup(limits()).id;
    let error = ComponentExecutor::new(engine)
        .execute_with_limits(id, &component, &limits(), &"hello".into())
        .await
        .unwrap_err();
    let expected = RuntimeError::MissingExport("handler").to_string();
    assert!(matches!(&error, WasmError::Unsupported { reason } if *reason == expected), "{error:?}");
}
