//! Exported functions are called by name with values of their own types, under the limits of any call.

use std::time::{Duration, Instant};

use airssys_wasm_core::{CallError, EncodedValues, EndCause, ResourceLimits, ValueFormat};
use airssys_wasm_runtime::{
    CallFailure, ComponentInstance, MAX_COMPONENT_EXPORTS, MAX_TYPED_RESULT_BYTES, WasmtimeEngine,
};

use crate::guests::{engine, guest, limits, setup};

async fn start(engine: &WasmtimeEngine, name: &str, limits: ResourceLimits) -> ComponentInstance {
    let component = engine.verify(&guest(name)).unwrap();
    engine.start(&component, setup(limits)).await.unwrap().value
}

/// A running guest of all types.
async fn typed() -> ComponentInstance {
    start(&engine(), "typed", limits()).await
}

async fn invoke(
    instance: &mut ComponentInstance,
    function: &str,
    arguments: EncodedValues,
) -> Result<EncodedValues, CallError> {
    let format = arguments.format();
    let done = instance.invoke(function, &arguments, format).await.unwrap();
    assert!(instance.is_live());
    done.value
}

/// The result of a call in WAVE, or its error.
async fn wave(instance: &mut ComponentInstance, function: &str, arguments: &str) -> Result<String, String> {
    let result = invoke(instance, function, EncodedValues::wave(arguments)).await;
    result.map(|result| result.text().unwrap().to_owned()).map_err(|error| error.to_string())
}

/// Values that the guest gives back as it got them, by the function that takes them, in WAVE and in JSON.
const ECHOED: &[(&str, &str, &str)] = &[
    ("bool", "true", "true"),
    ("s8", "-128", "-128"),
    ("u8", "255", "255"),
    ("s16", "-32768", "-32768"),
    ("u16", "65535", "65535"),
    ("s32", "-2147483648", "-2147483648"),
    ("u32", "4294967295", "4294967295"),
    ("s64", "-9223372036854775808", "\"-9223372036854775808\""),
    ("u64", "18446744073709551615", "\"18446744073709551615\""),
    ("f32", "0.1", "0.1"),
    ("f32", "nan", "\"nan\""),
    ("f64", "-1.5", "-1.5"),
    ("f64", "-inf", "\"-inf\""),
    ("char", "'\u{1f980}'", "\"\u{1f980}\""),
    ("string", "\"a \\\"b\\\"\"", "\"a \\\"b\\\"\""),
    ("string", "\"\"", "\"\""),
    ("bytes", "[0, 127, 255]", "[0,127,255]"),
    ("bytes", "[]", "[]"),
    ("nested", "[[(1, \"a\"), (2, \"b\")], []]", "[[[1,\"a\"],[2,\"b\"]],[]]"),
    ("point", "{x: -1, y: 1}", "{\"x\":-1,\"y\":1}"),
    ("tuple", "(true, \"t\", 9)", "[true,\"t\",9]"),
    ("shape", "circle(2.5)", "{\"circle\":2.5}"),
    ("shape", "path([{x: 0, y: 0}, {x: 3, y: 4}])", "{\"path\":[{\"x\":0,\"y\":0},{\"x\":3,\"y\":4}]}"),
    ("shape", "empty", "\"empty\""),
    ("colour", "green", "\"green\""),
    ("colour", "%none", "\"none\""),
    ("option", "none", "null"),
    ("option", "some(7)", "7"),
    ("maybe", "{inner: some(none), checked: none}", "{\"inner\":{\"some\":null},\"checked\":null}"),
    (
        "maybe",
        "{inner: some(some(1)), checked: some(err)}",
        "{\"inner\":{\"some\":1},\"checked\":{\"err\":null}}",
    ),
    ("outcome", "err(\"no\")", "{\"err\":\"no\"}"),
    ("plain-result", "ok", "{\"ok\":null}"),
    ("permissions", "{read, grant}", "[\"read\",\"grant\"]"),
    ("permissions", "{}", "[]"),
    (
        "order",
        "{id: 7, items: [{name: \"tea\", count: 2, price: 3.5}], note: some(\"soon\"), colour: red}",
        "{\"id\":7,\"items\":[{\"name\":\"tea\",\"count\":2,\"price\":3.5}],\"note\":\"soon\",\"colour\":\"red\"}",
    ),
    (
        "wide",
        "{least: -1, most: 1, letters: ['a', 'ß'], raw: [1, 2]}",
        "{\"least\":-1,\"most\":1,\"letters\":[\"a\",\"ß\"],\"raw\":[1,2]}",
    ),
];

#[tokio::test]
async fn every_type_goes_in_and_out_in_every_form() {
    let mut instance = typed().await;
    for (name, wave, json) in ECHOED {
        let function = format!("test:typed/shapes@1.2.0#echo-{name}");
        let result = invoke(&mut instance, &function, EncodedValues::wave(*wave)).await.unwrap();
        assert_eq!(result.text(), Some(*wave), "{function}");
        let result =
            invoke(&mut instance, &function, EncodedValues::json(format!("[{json}]"))).await.unwrap();
        assert_eq!(result.text(), Some(*json), "{function}");
        for format in [ValueFormat::Cbor, ValueFormat::Borsh] {
            if (format, *wave) == (ValueFormat::Borsh, "nan") {
                continue;
            }
            // From one form to the other through the guest, and back.
            let arguments = EncodedValues::wave(*wave);
            let coded = instance.invoke(&function, &arguments, format).await.unwrap().value.unwrap();
            let bytes = coded.bytes().to_vec();
            let prefix = if format == ValueFormat::Cbor { vec![0x81] } else { Vec::new() };
            let arguments = EncodedValues::new(format, [prefix, bytes].concat());
            let back =
                instance.invoke(&function, &arguments, ValueFormat::Wave).await.unwrap().value.unwrap();
            assert_eq!(back.text(), Some(*wave), "{function}: {format}");
        }
    }
}

#[tokio::test]
async fn every_function_that_takes_values_is_called() {
    let engine = engine();
    let report = engine.inspect(&guest("typed")).unwrap();
    let shapes = report.exports.iter().find(|export| export.name.contains("/shapes@")).unwrap();
    for function in &shapes.functions {
        let name = function.strip_prefix("echo-").unwrap();
        assert!(ECHOED.iter().any(|(echoed, _, _)| *echoed == name), "{name}");
    }
}

#[tokio::test]
async fn a_function_is_found_by_its_full_name_or_in_short() {
    let mut instance = typed().await;
    for name in ["test:typed/alpha@1.2.0#same", "test:typed/alpha#same", "alpha@1.2.0#same", "alpha#same"] {
        assert_eq!(wave(&mut instance, name, "").await.as_deref(), Ok("\"alpha\""), "{name}");
    }
    assert_eq!(wave(&mut instance, "only-alpha", "").await.as_deref(), Ok("\"alpha alone\""));
    assert_eq!(wave(&mut instance, "add", "1, 2").await.as_deref(), Ok("3"));
    let ambiguous =
        "same can mean each of test:typed/alpha@1.2.0#same, test:typed/beta@1.2.0#same; name one in full";
    assert_eq!(wave(&mut instance, "same", "").await, Err(ambiguous.to_owned()));
}

#[tokio::test]
async fn an_unknown_function_is_told_with_its_neighbours() {
    let mut instance = typed().await;
    for (name, near) in
        [("ad", Some("add")), ("alpha#sane", Some("test:typed/alpha@1.2.0#same")), ("zzzzzzzz", None)]
    {
        let error = invoke(&mut instance, name, EncodedValues::wave("")).await.unwrap_err();
        let CallError::UnknownFunction { function, nearest, available } = error else { panic!("{error:?}") };
        assert_eq!((function.as_str(), nearest.as_deref()), (name, near));
        assert!(available.contains(&"add".to_owned()), "{available:?}");
    }
    for name in ["", "#", "#add", "add#", "gamma#same", "test:typed/alpha@2.0.0#same"] {
        let error = invoke(&mut instance, name, EncodedValues::wave("")).await.unwrap_err();
        assert!(matches!(error, CallError::UnknownFunction { .. }), "{name}: {error:?}");
    }
}

#[tokio::test]
async fn what_the_host_calls_itself_is_reserved() {
    let mut echo = start(&engine(), "echo", limits()).await;
    let name = "airssys:core/lifecycle@0.1.0#shutdown";
    let error = invoke(&mut echo, name, EncodedValues::wave("")).await.unwrap_err();
    assert_eq!(error, CallError::Reserved { function: name.to_owned() });
    let error = invoke(&mut echo, "shutdown", EncodedValues::wave("")).await.unwrap_err();
    let CallError::UnknownFunction { available, .. } = error else { panic!("{error:?}") };
    assert!(available.is_empty(), "{available:?}");
}

#[tokio::test]
async fn resources_have_no_form() {
    let mut instance = typed().await;
    let told = |function: &str, place: &str| {
        Err(format!(
            "test:typed/counters@1.2.0#{function} cannot be called from outside: {place} has a resource, which no \
             value can be given for"
        ))
    };
    assert_eq!(wave(&mut instance, "make", "").await, told("make", "the result"));
    assert_eq!(wave(&mut instance, "total", "[]").await, told("total", "the parameter counters"));
    let method = wave(&mut instance, "counters#[method]counter.next", "1").await;
    assert_eq!(method, told("[method]counter.next", "the parameter self"));
}

#[tokio::test]
async fn a_wrong_argument_is_named_and_nothing_is_called() {
    let mut instance = typed().await;
    assert_eq!(wave(&mut instance, "remember", "7").await.as_deref(), Ok(""));
    let order = "{id: 7, items: [{name: \"tea\", count: 300, price: 1}], colour: red}";
    let told = "wrong argument value at .items[0].count: 300 is out of range for u8 (0 to 255)";
    assert_eq!(wave(&mut instance, "echo-order", order).await, Err(told.to_owned()));
    let json = EncodedValues::json("[\"x\"]");
    let error = invoke(&mut instance, "remember", json).await.unwrap_err();
    let CallError::Argument { parameter, path, .. } = error else { panic!("{error:?}") };
    assert_eq!((parameter.as_str(), path.as_str()), ("value", ""));
    assert_eq!(
        wave(&mut instance, "remember", "1, 2").await,
        Err("remember takes 1 argument (value), and 2 were given".to_owned())
    );
    assert_eq!(wave(&mut instance, "remembered", "").await.as_deref(), Ok("7"));
}

#[tokio::test]
async fn parameters_of_an_option_type_may_be_left_out() {
    let mut instance = typed().await;
    assert_eq!(wave(&mut instance, "greet", "\"Ada\"").await.as_deref(), Ok("\"hello, Ada\""));
    assert_eq!(wave(&mut instance, "greet", "\"Ada\", \"hi\"").await.as_deref(), Ok("\"hi, Ada\""));
    let named = EncodedValues::json("{\"greeting\": \"good day\", \"name\": \"Ada\"}");
    let result = invoke(&mut instance, "greet", named).await.unwrap();
    assert_eq!(result.text(), Some("\"good day, Ada\""));
}

#[tokio::test]
async fn a_result_that_is_too_large_is_an_error_and_the_component_goes_on() {
    let limits = ResourceLimits { max_memory_bytes: 4 << 20, ..limits() };
    let mut instance = start(&engine(), "typed", limits).await;
    let most = MAX_TYPED_RESULT_BYTES - 2;
    let repeated = wave(&mut instance, "repeat", &format!("\"x\", {most}")).await.unwrap();
    assert_eq!(repeated.len(), MAX_TYPED_RESULT_BYTES);
    let error = wave(&mut instance, "repeat", &format!("\"x\", {}", most + 1)).await;
    assert_eq!(
        error,
        Err(format!("the result takes more than the {MAX_TYPED_RESULT_BYTES} bytes that it may"))
    );
    // A megabyte of numbers, each of which takes forty times as much in the host.
    let bytes = EncodedValues::borsh([&1_000_000_u32.to_le_bytes()[..], &[7; 1_000_000]].concat());
    let back = invoke(&mut instance, "echo-bytes", bytes.clone()).await.unwrap();
    assert_eq!(back, bytes);
    assert_eq!(wave(&mut instance, "add", "1, 2").await.as_deref(), Ok("3"));
}

#[tokio::test]
async fn a_result_of_too_many_values_ends_the_call() {
    let mut instance = start(&engine(), "huge_result", limits()).await;
    assert_eq!(wave(&mut instance, "answer", "").await.as_deref(), Ok("42"));
    let ended = instance.invoke("flood", &EncodedValues::wave(""), ValueFormat::Wave).await;
    let Err(CallFailure { cause: EndCause::HostLimit { detail }, .. }) = ended else { panic!("{ended:?}") };
    assert!(detail.contains("between the host and the guest"), "{detail}");
    assert!(!instance.is_live(), "a failed call leaves nothing");
}

#[tokio::test]
async fn a_function_has_the_limits_of_a_message() {
    let engine = engine();
    let short = ResourceLimits { max_execution_time_ms: 30, max_fuel: None, ..limits() };
    let mut instance = start(&engine, "spin_in_function", short).await;
    assert_eq!(wave(&mut instance, "answer", "").await.as_deref(), Ok("42"));
    let ended = instance.invoke("spin", &EncodedValues::wave(""), ValueFormat::Wave).await.unwrap_err();
    assert!(matches!(ended.cause, EndCause::Timeout { timeout_ms: 30, fuel_consumed: 1.. }), "{ended:?}");
    assert!(!instance.is_live());
    let little = ResourceLimits { max_fuel: Some(100_000), ..limits() };
    let mut instance = start(&engine, "spin_in_function", little).await;
    let ended = instance.invoke("spin", &EncodedValues::wave(""), ValueFormat::Wave).await.unwrap_err();
    assert!(matches!(ended.cause, EndCause::OutOfFuel(fuel) if fuel.max_fuel() == 100_000), "{ended:?}");
    let again = instance.invoke("answer", &EncodedValues::wave(""), ValueFormat::Wave).await.unwrap_err();
    assert_eq!(again.cause, EndCause::Killed, "it is never entered again");
}

#[tokio::test]
async fn a_trap_in_a_function_is_told() {
    let mut instance = typed().await;
    let ended = instance.invoke("give-up", &EncodedValues::wave(""), ValueFormat::Wave).await.unwrap_err();
    assert!(matches!(ended.cause, EndCause::Trap { .. }), "{ended:?}");
}

/// Types that share their parts: thirty levels of a pair of the level before.
#[tokio::test]
async fn types_that_are_too_large_written_out_are_refused() {
    let mut types = "(type $t0 (tuple u8 u8))".to_owned();
    for level in 1..12 {
        types.push_str(&format!("(type $t{level} (tuple $t{0} $t{0}))", level - 1));
    }
    let component = format!(
        r#"(component {types}
            (core module $m (memory (export "m") 1) (func (export "f") (result i32) (i32.const 0)))
            (core instance $i (instantiate $m))
            (func (export "f") (result $t11)
                (canon lift (core func $i "f") (memory (core memory $i "m")))))"#
    );
    let engine = engine();
    let component = engine.verify(&wat::parse_str(&component).unwrap()).unwrap();
    let mut instance = engine.start(&component, setup(limits())).await.unwrap().value;
    let error = invoke(&mut instance, "f", EncodedValues::wave("")).await.unwrap_err();
    let CallError::UnsupportedType { kind, .. } = error else { panic!("{error:?}") };
    assert_eq!(kind, "a type that is too large when it is written out");
}

/// An interface with many functions, each of whose names has to be compared with an unknown one letter by letter, and
/// as many exports beside it as are allowed.
#[tokio::test]
async fn a_name_is_looked_for_among_many_in_no_time() {
    let name = |number| format!("{}-x{number:06}", "f".repeat(50));
    let functions: String =
        (0..100_000).map(|number| format!(r#"(export "{}" (func $f))"#, name(number))).collect();
    let exports: String =
        (0..MAX_COMPONENT_EXPORTS - 1).map(|number| format!(r#"(export "e{number}" (func $f))"#)).collect();
    let component = format!(
        r#"(component
            (core module $m (func (export "f")))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (instance $many {functions})
            (export "acme:many/many" (instance $many))
            {exports})"#
    );
    let engine = engine();
    let component = engine.verify(&wat::parse_str(&component).unwrap()).unwrap();
    let mut instance = engine.start(&component, setup(limits())).await.unwrap().value;
    let began = Instant::now();
    let wrong = format!("{}-y000003", "f".repeat(50));
    let error = invoke(&mut instance, &wrong, EncodedValues::wave("")).await.unwrap_err();
    let CallError::UnknownFunction { nearest, available, .. } = error else { panic!("{error:?}") };
    let full = |number| format!("acme:many/many#{}", name(number));
    assert_eq!((nearest, available.len()), (Some(full(3)), 32));
    for found in [name(99_999), format!("many#{}", name(99_998)), full(99_997), "e7".to_owned()] {
        assert_eq!(wave(&mut instance, &found, "").await.as_deref(), Ok(""), "{found}");
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}
