//! Types and values of all kinds, for tests.

use proptest::collection::vec;
use proptest::prelude::*;
use wasmtime::component::Val;

use super::named::Named;
use super::shape::{Integer, ValueType};

/// Names with those among them that WAVE has a meaning for.
const NAMES: [&str; 9] = ["a", "none", "some-thing", "ok", "true", "nan", "inf", "x1", "HTTP-get"];

const INTEGERS: [Integer; 8] = [
    Integer::S8,
    Integer::U8,
    Integer::S16,
    Integer::U16,
    Integer::S32,
    Integer::U32,
    Integer::S64,
    Integer::U64,
];

fn names() -> impl Strategy<Value = Vec<String>> {
    let all: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    (Just(all).prop_shuffle(), 1..=NAMES.len()).prop_map(|(mut names, count)| {
        names.truncate(count);
        names
    })
}

/// A type, nested a few levels deep.
pub(super) fn types() -> impl Strategy<Value = ValueType> {
    let leaf = prop_oneof![
        Just(ValueType::Bool),
        prop::sample::select(&INTEGERS[..]).prop_map(ValueType::Integer),
        Just(ValueType::Float32),
        Just(ValueType::Float64),
        Just(ValueType::Char),
        Just(ValueType::String),
        names().prop_map(|names| ValueType::Enum(names.into_iter().collect())),
        names().prop_map(|names| ValueType::Flags(names.into_iter().collect())),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let payload = || prop::option::of(inner.clone().prop_map(Box::new));
        prop_oneof![
            inner.clone().prop_map(|ty| ValueType::List(Box::new(ty))),
            Just(ValueType::List(Box::new(ValueType::Integer(Integer::U8)))),
            vec(inner.clone(), 1..4).prop_map(ValueType::Tuple),
            inner.clone().prop_map(|ty| ValueType::Option(Box::new(ty))),
            (payload(), payload()).prop_map(|(ok, err)| ValueType::Result { ok, err }),
            (names(), vec(inner.clone(), NAMES.len()))
                .prop_map(|(names, types)| ValueType::Record(names.into_iter().zip(types).collect())),
            (names(), vec(prop::option::of(inner.clone()), NAMES.len()))
                .prop_map(|(names, types)| ValueType::Variant(names.into_iter().zip(types).collect())),
        ]
    })
}

/// A value of this type.
pub(super) fn values(ty: &ValueType) -> BoxedStrategy<Val> {
    match ty {
        ValueType::Bool => any::<bool>().prop_map(Val::Bool).boxed(),
        ValueType::Integer(Integer::S8) => any::<i8>().prop_map(Val::S8).boxed(),
        ValueType::Integer(Integer::U8) => any::<u8>().prop_map(Val::U8).boxed(),
        ValueType::Integer(Integer::S16) => any::<i16>().prop_map(Val::S16).boxed(),
        ValueType::Integer(Integer::U16) => any::<u16>().prop_map(Val::U16).boxed(),
        ValueType::Integer(Integer::S32) => any::<i32>().prop_map(Val::S32).boxed(),
        ValueType::Integer(Integer::U32) => any::<u32>().prop_map(Val::U32).boxed(),
        ValueType::Integer(Integer::S64) => any::<i64>().prop_map(Val::S64).boxed(),
        ValueType::Integer(Integer::U64) => any::<u64>().prop_map(Val::U64).boxed(),
        ValueType::Float32 => any::<u32>().prop_map(|bits| Val::Float32(f32::from_bits(bits))).boxed(),
        ValueType::Float64 => any::<u64>().prop_map(|bits| Val::Float64(f64::from_bits(bits))).boxed(),
        ValueType::Char => any::<char>().prop_map(Val::Char).boxed(),
        ValueType::String => texts().prop_map(Val::String).boxed(),
        ValueType::List(element) => vec(values(element), 0..5).prop_map(Val::List).boxed(),
        ValueType::Record(types) => {
            let names: Vec<String> = types.names().map(str::to_owned).collect();
            let fields: Vec<_> = types.iter().map(|(_, ty)| values(ty)).collect();
            fields.prop_map(move |fields| Val::Record(names.iter().cloned().zip(fields).collect())).boxed()
        }
        ValueType::Tuple(types) => types.iter().map(values).collect::<Vec<_>>().prop_map(Val::Tuple).boxed(),
        ValueType::Variant(cases) => {
            let cases = cases.iter().map(|(name, ty)| {
                let name = name.to_owned();
                inside(ty.as_ref()).prop_map(move |payload| Val::Variant(name.clone(), payload)).boxed()
            });
            prop::strategy::Union::new(cases.collect::<Vec<_>>()).boxed()
        }
        ValueType::Enum(names) => prop::sample::select(owned(names)).prop_map(Val::Enum).boxed(),
        ValueType::Option(inner) => {
            prop::option::of(values(inner)).prop_map(|value| Val::Option(value.map(Box::new))).boxed()
        }
        ValueType::Result { ok, err } => prop_oneof![
            inside(ok.as_deref()).prop_map(|payload| Val::Result(Ok(payload))),
            inside(err.as_deref()).prop_map(|payload| Val::Result(Err(payload))),
        ]
        .boxed(),
        ValueType::Flags(names) => {
            prop::sample::subsequence(owned(names), 0..=names.len()).prop_map(Val::Flags).boxed()
        }
    }
}

fn inside(ty: Option<&ValueType>) -> BoxedStrategy<Option<Box<Val>>> {
    match ty {
        Some(ty) => values(ty).prop_map(|value| Some(Box::new(value))).boxed(),
        None => Just(None).boxed(),
    }
}

fn owned(names: &Named<()>) -> Vec<String> {
    names.names().map(str::to_owned).collect()
}

fn texts() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..8).prop_map(String::from_iter)
}

/// A type, and a value of it.
pub(super) fn typed() -> impl Strategy<Value = (ValueType, Val)> {
    types().prop_flat_map(|ty| {
        let values = values(&ty);
        (Just(ty), values)
    })
}

/// Whether there is a NaN in a value, which Borsh has no form for.
pub(super) fn has_nan(value: &Val) -> bool {
    match value {
        Val::Float32(number) => number.is_nan(),
        Val::Float64(number) => number.is_nan(),
        Val::List(values) | Val::Tuple(values) => values.iter().any(has_nan),
        Val::Record(fields) => fields.iter().any(|(_, value)| has_nan(value)),
        Val::Variant(_, Some(value))
        | Val::Option(Some(value))
        | Val::Result(Ok(Some(value)) | Err(Some(value))) => has_nan(value),
        _ => false,
    }
}
