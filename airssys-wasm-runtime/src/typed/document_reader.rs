//! Reads values out of JSON and CBOR as the types say, without a tree of the document in between.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Unexpected, Visitor};
use wasmtime::component::Val;

use super::named::Named;
use super::shape::{Integer, ValueType};
use super::trail::{Step, Trail};
use super::value::{
    Fields, case, enum_case, flags, float, integer, one_char, record, record_bytes, unknown, whole_float,
};

/// Reads one value of this type.
#[derive(Clone, Copy)]
pub(super) struct Typed<'t, 'r> {
    pub(super) ty: &'t ValueType,
    pub(super) trail: &'r Trail<'t>,
    /// JSON has forms of its own for what it has no numbers for.
    pub(super) is_json: bool,
}

impl<'t> Typed<'t, '_> {
    fn of(self, ty: &'t ValueType) -> Self {
        Self { ty, ..self }
    }
}

impl<'de> DeserializeSeed<'de> for Typed<'_, '_> {
    type Value = Val;

    fn deserialize<D: Deserializer<'de>>(self, document: D) -> Result<Val, D::Error> {
        self.trail.charge(0).map_err(D::Error::custom)?;
        match self.ty {
            ValueType::Option(inner) => document.deserialize_option(Optional { seed: self, inner }),
            _ => document.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Typed<'_, '_> {
    type Value = Val;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.ty.kind())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Val, E> {
        match self.ty {
            ValueType::Bool => Ok(Val::Bool(value)),
            _ => Err(E::invalid_type(Unexpected::Bool(value), &self)),
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Val, E> {
        self.whole(number.into(), Unexpected::Signed(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Val, E> {
        self.whole(number.into(), Unexpected::Unsigned(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Val, E> {
        match self.ty {
            ValueType::Float32 | ValueType::Float64 => float(self.ty, number).map_err(E::custom),
            _ => Err(E::invalid_type(Unexpected::Float(number), &self)),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Val, E> {
        let wrong = || E::invalid_type(Unexpected::Other("string"), &self);
        match self.ty {
            ValueType::String => {
                self.trail.charge(text.len()).map_err(E::custom)?;
                Ok(Val::String(text.to_owned()))
            }
            ValueType::Char => one_char(text).map(Val::Char).ok_or_else(|| {
                E::custom(format_args!("expected one character, found {}", text.chars().count()))
            }),
            ValueType::Enum(names) => enum_case(names, text, self.trail).map_err(E::custom),
            ValueType::Variant(cases) => {
                let case = case(cases, text, self.trail).map_err(E::custom)?;
                match case.what {
                    None => Ok(Val::Variant(case.name.to_owned(), None)),
                    Some(ty) => Err(E::custom(format_args!("{} needs a payload, {}", case.name, ty.kind()))),
                }
            }
            ValueType::Integer(width) if self.is_json && width.is_wide() => {
                digits(*width, text).map_err(E::custom)
            }
            ValueType::Float32 | ValueType::Float64 if self.is_json => match text {
                "nan" => float(self.ty, f64::NAN).map_err(E::custom),
                "inf" => float(self.ty, f64::INFINITY).map_err(E::custom),
                "-inf" => float(self.ty, f64::NEG_INFINITY).map_err(E::custom),
                _ => Err(wrong()),
            },
            _ => Err(wrong()),
        }
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Val, E> {
        match self.ty {
            ValueType::List(element) if **element == ValueType::Integer(Integer::U8) => {
                let taken = bytes.len().saturating_mul(size_of::<Val>());
                self.trail.charge(taken).map_err(E::custom)?;
                Ok(Val::List(bytes.iter().map(|byte| Val::U8(*byte)).collect()))
            }
            _ => Err(E::invalid_type(Unexpected::Other("bytes"), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Val, A::Error> {
        match self.ty {
            ValueType::List(element) => {
                let mut list = Vec::new();
                while let Some(value) = self
                    .trail
                    .within(Step::Element(list.len()), || elements.next_element_seed(self.of(element)))?
                {
                    list.push(value);
                }
                Ok(Val::List(list))
            }
            ValueType::Tuple(types) => {
                let mut parts = Vec::new();
                for (number, ty) in types.iter().enumerate() {
                    let part =
                        self.trail.within(Step::Part(number), || elements.next_element_seed(self.of(ty)))?;
                    parts.push(part.ok_or_else(|| wrong_length(types.len(), number))?);
                }
                match elements.next_element_seed(Nothing { want: types.len() })? {
                    None => Ok(Val::Tuple(parts)),
                    Some(never) => match never {},
                }
            }
            ValueType::Flags(own) => {
                let mut given = Vec::new();
                while let Some(name) = elements.next_element::<String>()? {
                    self.trail.charge(name.len()).map_err(A::Error::custom)?;
                    given.push(name);
                }
                flags(own, given.iter().map(String::as_str), self.trail).map_err(A::Error::custom)
            }
            _ => Err(A::Error::invalid_type(Unexpected::Seq, &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Val, A::Error> {
        match self.ty {
            ValueType::Record(types) => {
                self.trail.charge(record_bytes(types)).map_err(A::Error::custom)?;
                Ok(record(types, self.fields("field", types, entries)?))
            }
            ValueType::Variant(cases) => {
                let name = only_key(&mut entries)?;
                let case = case(cases, &name, self.trail).map_err(A::Error::custom)?;
                let payload = match case.what {
                    Some(ty) => Some(Box::new(self.within(case.name, ty, &mut entries)?)),
                    None => {
                        return Err(A::Error::custom(format_args!("{} takes no payload", case.name)));
                    }
                };
                no_more(entries)?;
                Ok(Val::Variant(case.name.to_owned(), payload))
            }
            ValueType::Result { ok, err } => {
                let name = only_key(&mut entries)?;
                let value = match name.as_str() {
                    "ok" => Val::Result(Ok(self.payload("ok", ok.as_deref(), &mut entries)?)),
                    "err" => Val::Result(Err(self.payload("err", err.as_deref(), &mut entries)?)),
                    other => {
                        let error = format_args!("there is no case {other}; there is ok, err");
                        return Err(A::Error::custom(error));
                    }
                };
                no_more(entries)?;
                Ok(value)
            }
            _ => Err(A::Error::invalid_type(Unexpected::Map, &self)),
        }
    }
}

impl<'t> Typed<'t, '_> {
    fn whole<E: Error>(self, number: i128, found: Unexpected<'_>) -> Result<Val, E> {
        match self.ty {
            ValueType::Integer(width) => integer(*width, number).map_err(E::custom),
            ValueType::Float32 | ValueType::Float64 => whole_float(self.ty, number).map_err(E::custom),
            _ => Err(E::invalid_type(found, &self)),
        }
    }

    fn within<'de, A: MapAccess<'de>>(
        self,
        name: &'t str,
        ty: &'t ValueType,
        entries: &mut A,
    ) -> Result<Val, A::Error> {
        self.trail.within(Step::Name(name), || entries.next_value_seed(self.of(ty)))
    }

    fn payload<'de, A: MapAccess<'de>>(
        self,
        name: &'t str,
        ty: Option<&'t ValueType>,
        entries: &mut A,
    ) -> Result<Option<Box<Val>>, A::Error> {
        match ty {
            Some(ty) => Ok(Some(Box::new(self.within(name, ty, entries)?))),
            None => self.trail.within(Step::Name(name), || entries.next_value::<()>()).map(|()| None),
        }
    }

    /// The fields of a record in order.
    fn fields<'de, A: MapAccess<'de>>(
        self,
        what: &str,
        types: &'t Named<ValueType>,
        mut entries: A,
    ) -> Result<Vec<Val>, A::Error> {
        let mut fields = Fields::new(types);
        while let Some(name) = entries.next_key::<String>()? {
            let field = fields.find(what, &name).map_err(A::Error::custom)?;
            let value = self.within(field.name, field.what, &mut entries)?;
            fields.set(field.number, value);
        }
        fields.finish(what).map_err(A::Error::custom)
    }
}

/// A decimal number without anything that would make two texts of it.
fn digits(width: Integer, text: &str) -> Result<Val, String> {
    let number: i128 = text.parse().map_err(|_| format!("expected the digits of {}", width.name()))?;
    if number.to_string() != text {
        return Err(format!("expected the digits of {} in their shortest form", width.name()));
    }
    integer(width, number)
}

fn wrong_length<E: Error>(want: usize, found: usize) -> E {
    E::custom(format_args!("expected {want} parts, found {found}"))
}

/// The one key of a map that stands for a case.
fn only_key<'de, A: MapAccess<'de>>(entries: &mut A) -> Result<String, A::Error> {
    entries.next_key()?.ok_or_else(|| A::Error::custom("expected a case, found an empty map"))
}

fn no_more<'de, A: MapAccess<'de>>(mut entries: A) -> Result<(), A::Error> {
    match entries.next_key::<String>()? {
        None => Ok(()),
        Some(name) => Err(A::Error::custom(format_args!("expected one case, found {name} as well"))),
    }
}

/// An option: nothing, or the value itself; in a map of its own where the value may be nothing too.
struct Optional<'t, 'r> {
    seed: Typed<'t, 'r>,
    inner: &'t ValueType,
}

impl<'de> Visitor<'de> for Optional<'_, '_> {
    type Value = Val;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "null or {}", self.inner.kind())
    }

    fn visit_none<E: Error>(self) -> Result<Val, E> {
        Ok(Val::Option(None))
    }

    fn visit_unit<E: Error>(self) -> Result<Val, E> {
        Ok(Val::Option(None))
    }

    fn visit_some<D: Deserializer<'de>>(self, document: D) -> Result<Val, D::Error> {
        let value = match self.inner {
            ValueType::Option(_) => document.deserialize_map(Wrapped(self))?,
            inner => self.seed.of(inner).deserialize(document)?,
        };
        Ok(Val::Option(Some(Box::new(value))))
    }
}

/// An option within an option.
struct Wrapped<'t, 'r>(Optional<'t, 'r>);

impl<'de> Visitor<'de> for Wrapped<'_, '_> {
    type Value = Val;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null or {\"some\": option}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Val, A::Error> {
        let name = only_key(&mut entries)?;
        if name != "some" {
            return Err(A::Error::custom(format_args!("there is no case {name}; there is some")));
        }
        let value = self.0.seed.within("some", self.0.inner, &mut entries)?;
        no_more(entries)?;
        Ok(value)
    }
}

/// The end of a sequence: whatever comes is too much.
struct Nothing {
    want: usize,
}

/// What is never there.
enum Never {}

impl<'de> DeserializeSeed<'de> for Nothing {
    type Value = Never;

    fn deserialize<D: Deserializer<'de>>(self, _: D) -> Result<Never, D::Error> {
        Err(D::Error::custom(format_args!("expected {} parts, found more", self.want)))
    }
}

/// Reads the arguments of a call: in their order, or by their names.
pub(super) struct Arguments<'t, 'r> {
    pub(super) parameters: &'t Named<ValueType>,
    pub(super) trail: &'r Trail<'t>,
    pub(super) is_json: bool,
}

/// Arguments as they were found.
pub(super) enum Found {
    All(Vec<Val>),
    /// Another number than there are parameters.
    Count(usize),
}

impl<'t, 'r> Arguments<'t, 'r> {
    fn seed(&self, ty: &'t ValueType) -> Typed<'t, 'r> {
        Typed { ty, trail: self.trail, is_json: self.is_json }
    }
}

impl<'de> DeserializeSeed<'de> for Arguments<'_, '_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, document: D) -> Result<Found, D::Error> {
        document.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Arguments<'_, '_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of the arguments, or a map of them by name")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Found, A::Error> {
        let mut values = Vec::new();
        for (name, ty) in self.parameters.iter() {
            let value =
                self.trail.within(Step::Parameter(name), || elements.next_element_seed(self.seed(ty)))?;
            match (value, ty) {
                (Some(value), _) => values.push(value),
                (None, ValueType::Option(_)) => values.push(Val::Option(None)),
                (None, _) => return Ok(Found::Count(values.len())),
            }
        }
        let mut more = 0;
        while elements.next_element_seed(Skipped)?.is_some() {
            more += 1;
        }
        Ok(if more == 0 { Found::All(values) } else { Found::Count(values.len() + more) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Found, A::Error> {
        let mut fields = Fields::new(self.parameters);
        while let Some(name) = entries.next_key::<String>()? {
            if self.parameters.find(&name).is_none() {
                return Err(A::Error::custom(unknown("parameter", &name, self.parameters)));
            }
            let field = fields.find("parameter", &name).map_err(A::Error::custom)?;
            let value = self
                .trail
                .within(Step::Parameter(field.name), || entries.next_value_seed(self.seed(field.what)))?;
            fields.set(field.number, value);
        }
        fields.finish("parameter").map(Found::All).map_err(A::Error::custom)
    }
}

/// One argument too many, of whatever type.
struct Skipped;

impl<'de> DeserializeSeed<'de> for Skipped {
    type Value = serde::de::IgnoredAny;

    fn deserialize<D: Deserializer<'de>>(self, document: D) -> Result<Self::Value, D::Error> {
        document.deserialize_ignored_any(serde::de::IgnoredAny)
    }
}
