//! Writes values as JSON or CBOR, as their types say.

use serde::ser::{Error, SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use wasmtime::component::Val;

use super::shape::{Integer, ValueType};
use super::value::number;

/// The largest whole number that every reader of JSON keeps exactly: 2^53 − 1.
const MAX_EXACT: i128 = (1 << 53) - 1;

/// A value and its type.
#[derive(Clone, Copy)]
pub(super) struct Written<'v> {
    pub(super) ty: &'v ValueType,
    pub(super) value: &'v Val,
    pub(super) is_json: bool,
}

impl<'v> Written<'v> {
    fn of(self, ty: &'v ValueType, value: &'v Val) -> Self {
        Self { ty, value, ..self }
    }

    /// A map of one case and its payload.
    fn case<S: Serializer>(self, name: &str, payload: &impl Serialize, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(Some(1))?;
        map.serialize_entry(name, payload)?;
        map.end()
    }

    fn result_case<S: Serializer>(
        self,
        name: &str,
        ty: Option<&'v ValueType>,
        payload: Option<&'v Val>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        match (ty, payload) {
            (Some(ty), Some(value)) => self.case(name, &self.of(ty, value), out),
            (None, None) => self.case(name, &(), out),
            _ => Err(mixed_up()),
        }
    }

    fn sequence<S: Serializer>(
        self,
        length: usize,
        elements: impl Iterator<Item = (&'v ValueType, &'v Val)>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        let mut sequence = out.serialize_seq(Some(length))?;
        for (ty, value) in elements {
            sequence.serialize_element(&self.of(ty, value))?;
        }
        sequence.end()
    }

    fn float<S: Serializer>(self, number: f64, out: S) -> Result<S::Ok, S::Error> {
        match number {
            _ if !self.is_json || number.is_finite() => out.serialize_f64(number),
            _ if number.is_nan() => out.serialize_str("nan"),
            _ if number > 0.0 => out.serialize_str("inf"),
            _ => out.serialize_str("-inf"),
        }
    }
}

/// The engine gives only values of the types that it told; this is for the compiler.
fn mixed_up<E: Error>() -> E {
    E::custom("the value is not of its type")
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match (self.ty, self.value) {
            (ValueType::Bool, Val::Bool(value)) => out.serialize_bool(*value),
            (ValueType::Integer(_), value) => match number(value) {
                Some(number) if self.is_json && number.abs() > MAX_EXACT => out.collect_str(&number),
                Some(number) => match (u64::try_from(number), i64::try_from(number)) {
                    (Ok(number), _) => out.serialize_u64(number),
                    (_, Ok(number)) => out.serialize_i64(number),
                    _ => Err(mixed_up()),
                },
                None => Err(mixed_up()),
            },
            (ValueType::Float32, Val::Float32(number)) if self.is_json => self.float(shortest(*number), out),
            (ValueType::Float32, Val::Float32(number)) => self.float((*number).into(), out),
            (ValueType::Float64, Val::Float64(number)) => self.float(*number, out),
            (ValueType::Char, Val::Char(character)) => out.serialize_char(*character),
            (ValueType::String, Val::String(text)) => out.serialize_str(text),
            (ValueType::List(element), Val::List(list)) => match **element {
                ValueType::Integer(Integer::U8) if !self.is_json => {
                    let bytes = list.iter().map(|value| match value {
                        Val::U8(byte) => Ok(*byte),
                        _ => Err(mixed_up()),
                    });
                    out.serialize_bytes(&bytes.collect::<Result<Vec<u8>, _>>()?)
                }
                _ => self.sequence(list.len(), list.iter().map(|value| (&**element, value)), out),
            },
            (ValueType::Record(types), Val::Record(fields)) => {
                let mut map = out.serialize_map(Some(fields.len()))?;
                for ((name, ty), (_, value)) in types.iter().zip(fields) {
                    map.serialize_entry(name, &self.of(ty, value))?;
                }
                map.end()
            }
            (ValueType::Tuple(types), Val::Tuple(parts)) => {
                self.sequence(parts.len(), types.iter().zip(parts), out)
            }
            (ValueType::Variant(cases), Val::Variant(name, payload)) => {
                let ty = cases.find(name).and_then(|case| case.what.as_ref());
                match (ty, payload) {
                    (Some(ty), Some(value)) => self.case(name, &self.of(ty, value), out),
                    (None, None) => out.serialize_str(name),
                    _ => Err(mixed_up()),
                }
            }
            (ValueType::Enum(_), Val::Enum(name)) => out.serialize_str(name),
            (ValueType::Option(_), Val::Option(None)) => out.serialize_unit(),
            (ValueType::Option(inner), Val::Option(Some(value))) => match **inner {
                ValueType::Option(_) => self.case("some", &self.of(inner, value), out),
                _ => self.of(inner, value).serialize(out),
            },
            (ValueType::Result { ok, .. }, Val::Result(Ok(payload))) => {
                self.result_case("ok", ok.as_deref(), payload.as_deref(), out)
            }
            (ValueType::Result { err, .. }, Val::Result(Err(payload))) => {
                self.result_case("err", err.as_deref(), payload.as_deref(), out)
            }
            (ValueType::Flags(_), Val::Flags(names)) => out.collect_seq(names),
            _ => Err(mixed_up()),
        }
    }
}

/// The double whose shortest text is that of this float, so that 0.1 stays 0.1; the float itself where that
/// double would not be read back as it.
#[expect(clippy::cast_possible_truncation, reason = "reading it back is what is tried")]
fn shortest(number: f32) -> f64 {
    match number.to_string().parse::<f64>() {
        Ok(wide) if wide as f32 == number => wide,
        _ => number.into(),
    }
}
