//! What the forms look like for each type, that they read back what they write, and that garbage is an error.

use proptest::prelude::*;
use wasmtime::component::Val;

use airssys_wasm_core::{CallError, EncodedValues, ValueFormat};

use super::arbitrary::{has_nan, typed, types};
use super::function::Signature;
use super::shape::{Integer, ValueType};
use super::{read_arguments, write_result};
use crate::bounds::{MAX_TYPED_ARGUMENT_BYTES, MAX_TYPED_RESULT_BYTES, MAX_TYPED_VALUE_BYTES};

const FORMATS: [ValueFormat; 4] =
    [ValueFormat::Wave, ValueFormat::Json, ValueFormat::Cbor, ValueFormat::Borsh];

fn echo(ty: &ValueType) -> Signature {
    Signature::of(vec![("value".to_owned(), ty.clone())], Some(ty.clone()))
}

/// A result as the one argument of a call.
fn as_arguments(result: &EncodedValues) -> EncodedValues {
    let bytes = result.bytes();
    let bytes = match result.format() {
        ValueFormat::Json => [b"[", &bytes[..], b"]"].concat(),
        ValueFormat::Cbor => [&[0x81], &bytes[..]].concat(),
        _ => bytes.to_vec(),
    };
    EncodedValues::new(result.format(), bytes)
}

fn read_one(ty: &ValueType, arguments: &EncodedValues) -> Result<Val, CallError> {
    let mut values = read_arguments(&echo(ty), arguments)?;
    assert_eq!(values.len(), 1);
    Ok(values.remove(0))
}

/// The value in each form: WAVE, JSON, CBOR and Borsh in hexadecimal digits.
#[track_caller]
fn check(ty: &ValueType, value: &Val, forms: [&str; 4]) {
    for (format, form) in FORMATS.into_iter().zip(forms) {
        let written = write_result(&echo(ty), Some(value), format).unwrap();
        let shown = match written.text() {
            Some(text) => text.to_owned(),
            None => written.bytes().iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        assert_eq!(shown, form, "{format}");
        assert_eq!(read_one(ty, &as_arguments(&written)).as_ref(), Ok(value), "{format}: {shown}");
    }
}

fn list(ty: ValueType) -> ValueType {
    ValueType::List(Box::new(ty))
}

fn option(ty: ValueType) -> ValueType {
    ValueType::Option(Box::new(ty))
}

fn some(value: Val) -> Val {
    Val::Option(Some(Box::new(value)))
}

fn text(text: &str) -> Val {
    Val::String(text.to_owned())
}

fn named<T>(entries: &[(&str, T)]) -> super::named::Named<T>
where
    T: Clone,
{
    entries.iter().map(|(name, what)| ((*name).to_owned(), what.clone())).collect()
}

fn names(names: &[&str]) -> super::named::Named<()> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

const U8: ValueType = ValueType::Integer(Integer::U8);
const U64: ValueType = ValueType::Integer(Integer::U64);
const S64: ValueType = ValueType::Integer(Integer::S64);

#[test]
fn plain_types_have_their_forms() {
    check(&ValueType::Bool, &Val::Bool(true), ["true", "true", "f5", "01"]);
    check(&U8, &Val::U8(200), ["200", "200", "18c8", "c8"]);
    let s16 = ValueType::Integer(Integer::S16);
    check(&s16, &Val::S16(-2), ["-2", "-2", "21", "feff"]);
    check(&ValueType::Char, &Val::Char('é'), ["'é'", "\"é\"", "62c3a9", "e9000000"]);
    check(&ValueType::String, &text("a\"\n"), ["\"a\\\"\\n\"", "\"a\\\"\\n\"", "6361220a", "0300000061220a"]);
}

#[test]
fn wide_numbers_stay_exact_in_json() {
    let largest = ["9007199254740991", "9007199254740991", "1b001fffffffffffff", "ffffffffffff1f00"];
    check(&U64, &Val::U64((1 << 53) - 1), largest);
    let beyond = ["9007199254740992", "\"9007199254740992\"", "1b0020000000000000", "0000000000002000"];
    check(&U64, &Val::U64(1 << 53), beyond);
    let least =
        ["-9223372036854775808", "\"-9223372036854775808\"", "3b7fffffffffffffff", "0000000000000080"];
    check(&S64, &Val::S64(i64::MIN), least);
    let read = |text: &str| read_one(&U64, &EncodedValues::json(format!("[{text}]")));
    assert_eq!(read("18446744073709551615"), Ok(Val::U64(u64::MAX)), "as a number as well");
    assert_eq!(read("\"7\""), Ok(Val::U64(7)));
    for wrong in ["\"07\"", "\"+7\"", "\" 7\"", "\"\"", "\"7.0\"", "7.0", "1e2", "\"18446744073709551616\""] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    assert!(read_one(&U8, &EncodedValues::json("[\"7\"]")).is_err(), "only where it is needed");
}

#[test]
fn floats_have_their_forms() {
    let (f32, f64) = (ValueType::Float32, ValueType::Float64);
    check(&f32, &Val::Float32(0.1), ["0.1", "0.1", "fa3dcccccd", "cdcccc3d"]);
    check(&f64, &Val::Float64(-0.0), ["-0", "-0.0", "f98000", "0000000000000080"]);
    check(
        &f64,
        &Val::Float64(1e300),
        [&format!("{}", 1e300), "1e+300", "fb7e37e43c8800759c", "9c7500883ce4377e"],
    );
    check(&f64, &Val::Float64(f64::INFINITY), ["inf", "\"inf\"", "f97c00", "000000000000f07f"]);
    check(&f32, &Val::Float32(f32::NEG_INFINITY), ["-inf", "\"-inf\"", "f9fc00", "000080ff"]);
    let json = |text: &str| read_one(&f32, &EncodedValues::json(format!("[{text}]")));
    assert_eq!(json("\"nan\""), Ok(Val::Float32(f32::NAN)));
    assert_eq!(json("2"), Ok(Val::Float32(2.0)));
    for wrong in ["1e39", "-1e39", "16777217", "\"NaN\"", "\"1\"", "null"] {
        assert!(json(wrong).is_err(), "{wrong}");
    }
    assert!(read_one(&f32, &EncodedValues::wave("1e39")).is_err());
    assert!(read_one(&f64, &EncodedValues::wave("1e999")).is_err());
}

#[test]
fn nan_has_a_form_in_all_but_borsh() {
    let ty = list(ValueType::Float64);
    let value = Val::List(vec![Val::Float64(0.0), Val::Float64(f64::NAN)]);
    for format in FORMATS {
        let written = write_result(&echo(&ty), Some(&value), format);
        if format == ValueFormat::Borsh {
            let Err(CallError::Unwritable { path, .. }) = written else { panic!("{written:?}") };
            assert_eq!(path, "[1]");
        } else {
            assert_eq!(read_one(&ty, &as_arguments(&written.unwrap())), Ok(value.clone()), "{format}");
        }
    }
}

#[test]
fn compound_types_have_their_forms() {
    let bytes = Val::List(vec![Val::U8(1), Val::U8(255)]);
    check(&list(U8), &bytes, ["[1, 255]", "[1,255]", "4201ff", "0200000001ff"]);
    let array = EncodedValues::cbor(vec![0x81, 0x82, 0x01, 0x18, 0xff]);
    assert_eq!(read_one(&list(U8), &array), Ok(bytes), "an array of numbers as well");
    let pair = ValueType::Tuple(vec![U8, ValueType::String]);
    let value = Val::Tuple(vec![Val::U8(1), text("a")]);
    check(&pair, &value, ["(1, \"a\")", "[1,\"a\"]", "82016161", "010100000061"]);
    let record = ValueType::Record(named(&[("x", U8), ("note", option(ValueType::String))]));
    let value = Val::Record(vec![("x".into(), Val::U8(1)), ("note".into(), Val::Option(None))]);
    let forms = ["{x: 1, note: none}", "{\"x\":1,\"note\":null}", "a2617801646e6f7465f6", "0100"];
    check(&record, &value, forms);
    for absent in [EncodedValues::wave("{x: 1}"), EncodedValues::json("[{\"x\": 1}]")] {
        assert_eq!(read_one(&record, &absent).as_ref(), Ok(&value));
    }
}

#[test]
fn cases_have_their_forms() {
    let shape = ValueType::Variant(named(&[("circle", Some(U8)), ("none", None)]));
    let circle = Val::Variant("circle".into(), Some(Box::new(Val::U8(3))));
    check(&shape, &circle, ["circle(3)", "{\"circle\":3}", "a166636972636c6503", "0003"]);
    check(&shape, &Val::Variant("none".into(), None), ["%none", "\"none\"", "646e6f6e65", "01"]);
    let colour = ValueType::Enum(names(&["red", "green"]));
    check(&colour, &Val::Enum("green".into()), ["green", "\"green\"", "65677265656e", "01"]);
    let outcome = ValueType::Result { ok: Some(Box::new(U8)), err: None };
    let ok = Val::Result(Ok(Some(Box::new(Val::U8(3)))));
    check(&outcome, &ok, ["ok(3)", "{\"ok\":3}", "a1626f6b03", "0103"]);
    check(&outcome, &Val::Result(Err(None)), ["err", "{\"err\":null}", "a163657272f6", "00"]);
    let nine: Vec<String> = (0..9).map(|number| format!("f{number}")).collect();
    let flags = ValueType::Flags(nine.iter().cloned().collect());
    let set = Val::Flags(vec!["f0".into(), "f8".into()]);
    check(&flags, &set, ["{f0, f8}", "[\"f0\",\"f8\"]", "82626630626638", "0101"]);
    check(&flags, &Val::Flags(Vec::new()), ["{}", "[]", "80", "0000"]);
}

#[test]
fn options_in_options_are_told_apart() {
    let ty = option(option(U8));
    check(&ty, &Val::Option(None), ["none", "null", "f6", "00"]);
    check(&ty, &some(Val::Option(None)), ["some(none)", "{\"some\":null}", "a164736f6d65f6", "0100"]);
    check(&ty, &some(some(Val::U8(7))), ["some(some(7))", "{\"some\":7}", "a164736f6d6507", "010107"]);
}

#[test]
fn nothing_is_the_result_of_a_function_without_one() {
    let signature = Signature::of(Vec::new(), None);
    for (format, none) in FORMATS.into_iter().zip([&b""[..], b"null", &[0xf6], b""]) {
        assert_eq!(write_result(&signature, None, format).unwrap().bytes(), none, "{format}");
    }
}

/// Two parameters, the second of which may be left out.
fn greeting() -> Signature {
    let parameters = vec![("times".to_owned(), U8), ("greeting".to_owned(), option(list(ValueType::String)))];
    Signature::of(parameters, None)
}

#[track_caller]
fn check_error(arguments: &EncodedValues, error: &str) {
    assert_eq!(read_arguments(&greeting(), arguments).unwrap_err().to_string(), error);
}

#[test]
fn arguments_may_be_given_by_name_and_left_out_at_the_end() {
    let all = Ok(vec![Val::U8(2), some(Val::List(vec![text("hi")]))]);
    for arguments in [
        EncodedValues::wave(" 2, some([\"hi\"]) // both"),
        EncodedValues::wave("2, [\"hi\"],"),
        EncodedValues::json("[2, [\"hi\"]]"),
        EncodedValues::json("{\"greeting\": [\"hi\"], \"times\": 2}"),
        EncodedValues::cbor(vec![0x82, 0x02, 0x81, 0x62, b'h', b'i']),
        EncodedValues::borsh(vec![2, 1, 1, 0, 0, 0, 2, 0, 0, 0, b'h', b'i']),
    ] {
        assert_eq!(read_arguments(&greeting(), &arguments), all, "{arguments:?}");
    }
    let first = Ok(vec![Val::U8(2), Val::Option(None)]);
    for arguments in [
        EncodedValues::wave("2"),
        EncodedValues::json("[2]"),
        EncodedValues::json("{\"times\": 2}"),
        EncodedValues::cbor(vec![0x81, 0x02]),
        EncodedValues::cbor(vec![0xa1, 0x65, b't', b'i', b'm', b'e', b's', 0x02]),
    ] {
        assert_eq!(read_arguments(&greeting(), &arguments), first, "{arguments:?}");
    }
    let none = Signature::of(Vec::new(), None);
    for arguments in [
        EncodedValues::wave(" "),
        EncodedValues::json("[]"),
        EncodedValues::json("{}"),
        EncodedValues::cbor(vec![0x80]),
        EncodedValues::borsh(Vec::new()),
    ] {
        assert_eq!(read_arguments(&none, &arguments), Ok(Vec::new()), "{arguments:?}");
    }
}

#[test]
fn a_wrong_argument_is_named_with_the_way_to_it() {
    check_error(&EncodedValues::wave("300"), "wrong argument times: 300 is out of range for u8 (0 to 255)");
    check_error(
        &EncodedValues::wave("1, some([\"a\", 7])"),
        "wrong argument greeting at .some[1]: expected string, found a number",
    );
    check_error(
        &EncodedValues::json("[1, [\"a\", 7]]"),
        "wrong argument greeting at [1]: invalid type: integer `7`, expected string at line 1 column 11",
    );
    check_error(
        &EncodedValues::json("{\"times\": -1}"),
        "wrong argument times: -1 is out of range for u8 (0 to 255) at line 1 column 12",
    );
    check_error(
        &EncodedValues::cbor(vec![0x82, 0x01, 0x81, 0x07]),
        "wrong argument greeting at [0]: invalid type: integer `7`, expected string",
    );
    check_error(
        &EncodedValues::borsh(vec![1, 1, 1, 0, 0, 0, 9, 0, 0, 0]),
        "wrong argument greeting at .some[0]: Unexpected length of input",
    );
}

#[test]
fn a_wrong_number_of_arguments_is_told() {
    const TOLD: &str = "f takes 2 arguments (times, greeting), and";
    check_error(&EncodedValues::wave(""), &format!("{TOLD} 0 were given"));
    check_error(&EncodedValues::json("[]"), &format!("{TOLD} 0 were given"));
    check_error(&EncodedValues::wave("1, none, 3"), &format!("{TOLD} 3 were given"));
    check_error(&EncodedValues::json("[1, null, 3, {\"a\": []}]"), &format!("{TOLD} 4 were given"));
    check_error(&EncodedValues::cbor(vec![0x83, 0x01, 0xf6, 0x80]), &format!("{TOLD} 3 were given"));
    let json = |text: &str| EncodedValues::json(text);
    let reason = "the arguments are not valid JSON: the parameter times is missing at line 1 column 2";
    check_error(&json("{}"), reason);
    let reason = "the arguments are not valid JSON: there is no parameter time; there is times, greeting at \
                  line 1 column 7";
    check_error(&json("{\"time\": 1}"), reason);
    let twice = read_arguments(&greeting(), &json("{\"times\": 1, \"times\": 1}")).unwrap_err();
    assert!(twice.to_string().contains("the parameter times comes twice"), "{twice}");
}

#[test]
fn what_is_no_value_at_all_is_malformed() {
    for arguments in [
        EncodedValues::wave("1)"),
        EncodedValues::wave("1), (2"),
        EncodedValues::wave("1, ["),
        EncodedValues::new(ValueFormat::Wave, vec![0xff]),
        EncodedValues::json("[1"),
        EncodedValues::json("[1] 2"),
        EncodedValues::json(""),
        EncodedValues::json("1"),
        EncodedValues::cbor(vec![0x81, 0x01, 0x00]),
        EncodedValues::cbor(vec![0x81]),
        EncodedValues::cbor(vec![0x01]),
        EncodedValues::borsh(vec![1, 0, 0]),
    ] {
        let error = read_arguments(&greeting(), &arguments).unwrap_err();
        assert!(matches!(error, CallError::Malformed { .. }), "{arguments:?}: {error:?}");
    }
    assert_eq!(
        read_arguments(&greeting(), &EncodedValues::wave("1, [")).unwrap_err().to_string(),
        "the arguments are not valid WAVE: it ends too early"
    );
}

#[test]
fn what_a_type_does_not_have_is_refused() {
    let record = ValueType::Record(named(&[("x", U8)]));
    let shape = ValueType::Variant(named(&[("dot", None), ("circle", Some(U8))]));
    let outcome = ValueType::Result { ok: None, err: Some(Box::new(U8)) };
    let flags = ValueType::Flags(names(&["r", "w"]));
    let pair = ValueType::Tuple(vec![U8, U8]);
    for (ty, wave, json) in [
        (&record, "{y: 1}", "{\"y\": 1}"),
        (&record, "{x: 1, y: 1}", "{\"x\": 1, \"y\": 1}"),
        (&record, "{x: 1, x: 1}", "{\"x\": 1, \"x\": 1}"),
        (&record, "{:}", "{}"),
        (&shape, "square", "\"square\""),
        (&shape, "dot(1)", "{\"dot\": null}"),
        (&shape, "circle", "\"circle\""),
        (&shape, "circle(1, 2)", "{\"circle\": 1, \"dot\": null}"),
        (&outcome, "ok(1)", "{\"ok\": 1}"),
        (&outcome, "err", "{\"err\": null}"),
        (&outcome, "7", "7"),
        (&flags, "{r, x}", "[\"r\", \"x\"]"),
        (&flags, "{r, r}", "[\"r\", \"r\"]"),
        (&pair, "(1, 2, 3)", "[1, 2, 3]"),
        (&pair, "[1, 2]", "[1]"),
        (&option(option(U8)), "7", "7"),
        (&ValueType::Char, "'ab'", "\"ab\""),
        (&ValueType::Char, "\"a\"", "\"\""),
    ] {
        assert!(read_one(ty, &EncodedValues::wave(wave)).is_err(), "{wave}");
        assert!(read_one(ty, &EncodedValues::json(format!("[{json}]"))).is_err(), "{json}");
    }
    // A tag, undefined bytes, a number beyond 64 bits and a text that is none.
    for cbor in [
        &[0x81, 0xc1, 0x01][..],
        &[0x81, 0x1c],
        &[0x81, 0xc2, 0x49, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x81, 0x61, 0xff],
    ] {
        assert!(read_one(&U64, &EncodedValues::cbor(cbor.to_vec())).is_err(), "{cbor:x?}");
    }
    for (ty, borsh) in [
        (&ValueType::Bool, &[2][..]),
        (&shape, &[2]),
        (&outcome, &[2, 0]),
        (&option(U8), &[2, 0]),
        (&flags, &[0b100]),
        (&ValueType::Char, &[0, 0xd8, 0, 0]),
        (&ValueType::String, &[1, 0, 0, 0, 0xff]),
        (&list(U8), &[0xff, 0xff, 0xff, 0xff, 1]),
    ] {
        assert!(read_one(ty, &EncodedValues::borsh(borsh.to_vec())).is_err(), "{ty:?} {borsh:x?}");
    }
}

#[test]
fn sizes_are_bounded_before_and_after() {
    let long = "1".repeat(MAX_TYPED_ARGUMENT_BYTES + 1);
    let error = read_arguments(&greeting(), &EncodedValues::wave(long)).unwrap_err();
    assert_eq!(error, CallError::ArgumentsTooLarge { max_bytes: MAX_TYPED_ARGUMENT_BYTES });
    let largest = |more: usize| text(&"x".repeat(MAX_TYPED_RESULT_BYTES - 2 + more));
    for (format, around) in [(ValueFormat::Wave, 0), (ValueFormat::Json, 0)] {
        let write = |more| write_result(&echo(&ValueType::String), Some(&largest(more)), format);
        assert_eq!(write(around).unwrap().bytes().len(), MAX_TYPED_RESULT_BYTES);
        let error = write(around + 1).unwrap_err();
        assert_eq!(error, CallError::ResultTooLarge { max_bytes: MAX_TYPED_RESULT_BYTES }, "{format}");
    }
    for format in [ValueFormat::Cbor, ValueFormat::Borsh] {
        let error = write_result(&echo(&ValueType::String), Some(&largest(2)), format).unwrap_err();
        assert_eq!(error, CallError::ResultTooLarge { max_bytes: MAX_TYPED_RESULT_BYTES }, "{format}");
    }
}

/// Two bytes that stand for a record of a thousand fields, many times over.
#[test]
fn small_bytes_for_large_values_are_refused() {
    let fields = (0..1_000).map(|number| (format!("field-{number}"), option(U8)));
    let ty = list(ValueType::Record(fields.collect()));
    let overdrawn = Err(CallError::ArgumentsTooLarge { max_bytes: MAX_TYPED_VALUE_BYTES });
    let many = 100_000;
    let wave = EncodedValues::wave(format!("[{}]", "{:}, ".repeat(many)));
    assert_eq!(read_one(&ty, &wave), overdrawn);
    let json = EncodedValues::json(format!("[[{}{{}}]]", "{},".repeat(many)));
    assert_eq!(read_one(&ty, &json), overdrawn);
    let cbor = EncodedValues::cbor([&[0x81, 0x99, 0xff, 0xff][..], &[0xa0; 0xffff]].concat());
    assert_eq!(read_one(&ty, &cbor), overdrawn);
    let borsh = [&1_000_u32.to_le_bytes()[..], &[0; 1_000_000]].concat();
    assert_eq!(read_one(&ty, &EncodedValues::borsh(borsh)), overdrawn);
}

#[test]
fn texts_that_nest_without_end_are_refused() {
    let ty = list(list(U8));
    let deep = MAX_TYPED_ARGUMENT_BYTES;
    for arguments in [
        EncodedValues::wave("[".repeat(deep)),
        EncodedValues::json("[".repeat(deep)),
        EncodedValues::cbor(vec![0x81; deep]),
        EncodedValues::borsh(vec![0xff; deep]),
    ] {
        assert!(read_one(&ty, &arguments).is_err(), "{arguments:?}");
        // One argument too many is skipped, however deep it is.
        assert!(read_arguments(&Signature::of(Vec::new(), None), &arguments).is_err(), "{arguments:?}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back((ty, value) in typed()) {
        for format in FORMATS {
            let written = match write_result(&echo(&ty), Some(&value), format) {
                Ok(written) => written,
                Err(error) => {
                    prop_assert!(format == ValueFormat::Borsh && has_nan(&value), "{format}: {error}");
                    continue;
                }
            };
            let read = read_one(&ty, &as_arguments(&written));
            prop_assert_eq!(read.as_ref(), Ok(&value), "{}: {:?}", format, written.text());
        }
    }

    /// From form to form and back to the first.
    #[test]
    fn a_value_goes_through_all_forms((ty, value) in typed()) {
        prop_assume!(!has_nan(&value));
        let mut held = value.clone();
        for format in FORMATS.into_iter().chain(FORMATS.into_iter().rev()) {
            let written = write_result(&echo(&ty), Some(&held), format).unwrap();
            held = read_one(&ty, &as_arguments(&written)).unwrap();
        }
        prop_assert_eq!(held, value);
    }

    #[test]
    fn garbage_is_an_error_and_no_panic(ty in types(), bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        for format in FORMATS {
            if let Ok(value) = read_one(&ty, &EncodedValues::new(format, bytes.clone())) {
                let written = write_result(&echo(&ty), Some(&value), format).unwrap();
                prop_assert_eq!(read_one(&ty, &as_arguments(&written)), Ok(value));
            }
        }
    }

    /// What is nearly right reaches further than garbage does.
    #[test]
    fn a_changed_byte_is_a_value_or_an_error(
        (ty, value) in typed(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        for format in FORMATS {
            let Ok(written) = write_result(&echo(&ty), Some(&value), format) else { continue };
            let mut bytes = as_arguments(&written).bytes().to_vec();
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            if let Ok(value) = read_one(&ty, &EncodedValues::new(format, bytes)) {
                prop_assert!(write_result(&echo(&ty), Some(&value), format).is_ok());
            }
        }
    }
}
