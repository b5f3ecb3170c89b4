//! What all forms share: numbers in their range, names of a type, and records put in order.

use wasmtime::component::Val;

use super::named::{Entry, Named};
use super::shape::{Integer, ValueType};
use super::trail::Trail;

/// Names that an error lists; the rest is only counted.
const LISTED_NAMES: usize = 12;

/// The whole number as a value of its type.
pub(super) fn integer(ty: Integer, number: i128) -> Result<Val, String> {
    let (least, most) = ty.range();
    ty.value(number).ok_or_else(|| format!("{number} is out of range for {} ({least} to {most})", ty.name()))
}

/// The number of a value of a type of whole numbers.
pub(super) fn number(value: &Val) -> Option<i128> {
    Some(match *value {
        Val::S8(number) => number.into(),
        Val::U8(number) => number.into(),
        Val::S16(number) => number.into(),
        Val::U16(number) => number.into(),
        Val::S32(number) => number.into(),
        Val::U32(number) => number.into(),
        Val::S64(number) => number.into(),
        Val::U64(number) => number.into(),
        _ => return None,
    })
}

/// The float as a value of its type, rounded to the nearest; a finite number stays finite.
#[expect(clippy::cast_possible_truncation, reason = "rounding to the nearest is what is wanted")]
pub(super) fn float(ty: &ValueType, number: f64) -> Result<Val, String> {
    match ty {
        ValueType::Float32 => match number as f32 {
            narrow if narrow.is_infinite() && number.is_finite() => {
                Err(format!("{number:e} is out of range for f32"))
            }
            narrow => Ok(Val::Float32(narrow)),
        },
        _ => Ok(Val::Float64(number)),
    }
}

/// The whole number as a float, where that changes nothing.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "checked by casting back")]
pub(super) fn whole_float(ty: &ValueType, number: i128) -> Result<Val, String> {
    let value = match ty {
        ValueType::Float32 if (number as f32) as i128 == number => Val::Float32(number as f32),
        ValueType::Float64 if (number as f64) as i128 == number => Val::Float64(number as f64),
        _ => return Err(format!("{number} cannot be kept exactly in {}", ty.kind())),
    };
    Ok(value)
}

/// The one character of a text.
pub(super) fn one_char(text: &str) -> Option<char> {
    let mut characters = text.chars();
    characters.next().filter(|_| characters.next().is_none())
}

/// That a name is none of those that a type has.
pub(super) fn unknown<T>(what: &str, name: &str, own: &Named<T>) -> String {
    let more = own.len().saturating_sub(LISTED_NAMES);
    let listed: Vec<_> = own.names().take(LISTED_NAMES).collect();
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("there is no {what} {name}; there is {}{rest}", listed.join(", "))
}

/// What was found is not what the type wants.
pub(super) fn mismatch(ty: &ValueType, found: &str) -> String {
    format!("expected {}, found {found}", ty.kind())
}

/// The fields of a record, or the arguments of a call, as they come: to be put in the order of their types.
pub(super) struct Fields<'t> {
    types: &'t Named<ValueType>,
    values: Vec<Option<Val>>,
}

impl<'t> Fields<'t> {
    pub(super) fn new(types: &'t Named<ValueType>) -> Self {
        Self { types, values: vec![None; types.len()] }
    }

    /// The field of this name. An error where there is none, or where it has come already.
    pub(super) fn find(&self, what: &str, name: &str) -> Result<Entry<'t, ValueType>, String> {
        let entry = self.types.find(name).ok_or_else(|| unknown(what, name, self.types))?;
        match self.values.get(entry.number) {
            Some(None) => Ok(entry),
            _ => Err(format!("the {what} {name} comes twice")),
        }
    }

    pub(super) fn set(&mut self, number: usize, value: Val) {
        if let Some(place) = self.values.get_mut(number) {
            *place = Some(value);
        }
    }

    /// All fields in order. What is absent is none where its type is an option, else an error.
    pub(super) fn finish(self, what: &str) -> Result<Vec<Val>, String> {
        let all = self.types.iter().zip(self.values).map(|((name, ty), value)| match (value, ty) {
            (Some(value), _) => Ok(value),
            (None, ValueType::Option(_)) => Ok(Val::Option(None)),
            (None, _) => Err(format!("the {what} {name} is missing")),
        });
        all.collect()
    }
}

/// A record of these fields.
pub(super) fn record(types: &Named<ValueType>, values: Vec<Val>) -> Val {
    Val::Record(types.names().map(str::to_owned).zip(values).collect())
}

/// What the names of a record's fields take, and the fields that may be absent.
pub(super) fn record_bytes(types: &Named<ValueType>) -> usize {
    let each = size_of::<String>() + size_of::<Val>();
    types.names().map(|name| name.len().saturating_add(each)).sum()
}

/// The names that are set, each of them once and one of the type's, in the order of the type.
pub(super) fn flags<'n>(
    own: &Named<()>,
    given: impl Iterator<Item = &'n str>,
    trail: &Trail<'_>,
) -> Result<Val, String> {
    let mut is_set = vec![false; own.len()];
    for name in given {
        let entry = own.find(name).ok_or_else(|| unknown("flag", name, own))?;
        match is_set.get_mut(entry.number) {
            Some(place) if !*place => *place = true,
            _ => return Err(format!("the flag {name} comes twice")),
        }
        trail.charge(name.len())?;
    }
    let set = own.names().zip(is_set).filter(|(_, is_set)| *is_set);
    Ok(Val::Flags(set.map(|(name, _)| name.to_owned()).collect()))
}

/// The case of this name among those of a variant.
pub(super) fn case<'t>(
    cases: &'t Named<Option<ValueType>>,
    name: &str,
    trail: &Trail<'_>,
) -> Result<Entry<'t, Option<ValueType>>, String> {
    trail.charge(name.len())?;
    cases.find(name).ok_or_else(|| unknown("case", name, cases))
}

/// The case of this name among those of an enum.
pub(super) fn enum_case(own: &Named<()>, name: &str, trail: &Trail<'_>) -> Result<Val, String> {
    trail.charge(name.len())?;
    own.find(name).map(|entry| Val::Enum(entry.name.to_owned())).ok_or_else(|| unknown("case", name, own))
}
