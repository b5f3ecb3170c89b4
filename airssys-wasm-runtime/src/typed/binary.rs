//! Borsh: values one after the other, as their types say.

use std::io::{self, Write};

use borsh::{BorshDeserialize, BorshSerialize};
use wasmtime::component::Val;

use super::named::Named;
use super::shape::{Integer, ValueType};
use super::trail::{Step, Trail};
use super::value::{integer, number, record, record_bytes};

/// Cases that Borsh can number.
const MAX_CASES: usize = 256;

/// Reads one value off the front of the bytes.
pub(super) fn read<'t>(ty: &'t ValueType, bytes: &mut &[u8], trail: &Trail<'t>) -> Result<Val, String> {
    trail.charge(0)?;
    Ok(match ty {
        ValueType::Bool => Val::Bool(plain(bytes)?),
        ValueType::Integer(width) => {
            let number = match width {
                Integer::S8 => plain::<i8>(bytes)?.into(),
                Integer::U8 => plain::<u8>(bytes)?.into(),
                Integer::S16 => plain::<i16>(bytes)?.into(),
                Integer::U16 => plain::<u16>(bytes)?.into(),
                Integer::S32 => plain::<i32>(bytes)?.into(),
                Integer::U32 => plain::<u32>(bytes)?.into(),
                Integer::S64 => plain::<i64>(bytes)?.into(),
                Integer::U64 => plain::<u64>(bytes)?.into(),
            };
            integer(*width, number)?
        }
        ValueType::Float32 => Val::Float32(plain(bytes)?),
        ValueType::Float64 => Val::Float64(plain(bytes)?),
        ValueType::Char => {
            let number: u32 = plain(bytes)?;
            Val::Char(char::from_u32(number).ok_or_else(|| format!("{number:#x} is no character"))?)
        }
        ValueType::String => {
            let text: String = plain(bytes)?;
            trail.charge(text.len())?;
            Val::String(text)
        }
        ValueType::List(element) => {
            let length: u32 = plain(bytes)?;
            // Each element takes a byte at least, so that a length that lies is found at once.
            if usize::try_from(length).map_or(true, |length| length > bytes.len()) {
                return Err(format!("a list of {length} elements, and {} bytes are left", bytes.len()));
            }
            let mut list = Vec::new();
            for number in 0..length as usize {
                list.push(trail.within(Step::Element(number), || read(element, bytes, trail))?);
            }
            Val::List(list)
        }
        ValueType::Record(types) => {
            trail.charge(record_bytes(types))?;
            let mut values = Vec::new();
            for (name, ty) in types.iter() {
                values.push(trail.within(Step::Name(name), || read(ty, bytes, trail))?);
            }
            record(types, values)
        }
        ValueType::Tuple(types) => {
            let mut parts = Vec::new();
            for (number, ty) in types.iter().enumerate() {
                parts.push(trail.within(Step::Part(number), || read(ty, bytes, trail))?);
            }
            Val::Tuple(parts)
        }
        ValueType::Variant(cases) => {
            let number = case_number(cases, bytes)?;
            let case = cases.get(number).ok_or_else(|| no_case(number, cases.len()))?;
            trail.charge(case.name.len())?;
            let payload = match case.what {
                Some(ty) => Some(Box::new(trail.within(Step::Name(case.name), || read(ty, bytes, trail))?)),
                None => None,
            };
            Val::Variant(case.name.to_owned(), payload)
        }
        ValueType::Enum(names) => {
            let number = case_number(names, bytes)?;
            let case = names.get(number).ok_or_else(|| no_case(number, names.len()))?;
            trail.charge(case.name.len())?;
            Val::Enum(case.name.to_owned())
        }
        ValueType::Option(inner) => match plain::<u8>(bytes)? {
            0 => Val::Option(None),
            1 => Val::Option(Some(Box::new(trail.within(Step::Name("some"), || read(inner, bytes, trail))?))),
            other => return Err(format!("an option begins with 0 or 1, not with {other}")),
        },
        ValueType::Result { ok, err } => match plain::<u8>(bytes)? {
            1 => Val::Result(Ok(payload("ok", ok.as_deref(), bytes, trail)?)),
            0 => Val::Result(Err(payload("err", err.as_deref(), bytes, trail)?)),
            other => return Err(format!("a result begins with 0 or 1, not with {other}")),
        },
        ValueType::Flags(own) => {
            let mut set = Vec::new();
            let mut byte = 0_u8;
            for (number, name) in own.names().enumerate() {
                if number % 8 == 0 {
                    byte = plain(bytes)?;
                }
                if byte & 1 == 1 {
                    trail.charge(name.len())?;
                    set.push(name.to_owned());
                }
                byte >>= 1;
            }
            if byte != 0 {
                return Err(format!("a bit is set past the {} flags", own.len()));
            }
            Val::Flags(set)
        }
    })
}

fn plain<T: BorshDeserialize>(bytes: &mut &[u8]) -> Result<T, String> {
    T::deserialize(bytes).map_err(|error| error.to_string())
}

fn case_number<T>(cases: &Named<T>, bytes: &mut &[u8]) -> Result<usize, String> {
    few_enough(cases)?;
    Ok(plain::<u8>(bytes)?.into())
}

fn few_enough<T>(cases: &Named<T>) -> Result<(), String> {
    match cases.len() {
        0..=MAX_CASES => Ok(()),
        more => Err(format!("Borsh can number {MAX_CASES} cases, and there are {more}")),
    }
}

fn no_case(number: usize, cases: usize) -> String {
    format!("there is no case number {number}; there are {cases}")
}

fn payload<'t>(
    name: &'t str,
    ty: Option<&'t ValueType>,
    bytes: &mut &[u8],
    trail: &Trail<'t>,
) -> Result<Option<Box<Val>>, String> {
    match ty {
        Some(ty) => {
            trail.within(Step::Name(name), || read(ty, bytes, trail)).map(|value| Some(Box::new(value)))
        }
        None => Ok(None),
    }
}

/// Writes one value.
pub(super) fn write<'t>(
    ty: &'t ValueType,
    value: &Val,
    out: &mut impl Write,
    trail: &Trail<'t>,
) -> Result<(), String> {
    match (ty, value) {
        (ValueType::Bool, Val::Bool(value)) => put(value, out),
        (ValueType::Integer(width), value) => match (number(value), width.bytes()) {
            (Some(number), bytes) => {
                let little_endian = number.to_le_bytes();
                out.write_all(little_endian.get(..bytes).unwrap_or_default()).map_err(told)
            }
            (None, _) => Err(mixed_up()),
        },
        (ValueType::Float32, Val::Float32(number)) => put(number, out),
        (ValueType::Float64, Val::Float64(number)) => put(number, out),
        (ValueType::Char, Val::Char(character)) => put(&u32::from(*character), out),
        (ValueType::String, Val::String(text)) => put(text, out),
        (ValueType::List(element), Val::List(list)) => {
            put(&u32::try_from(list.len()).map_err(|error| error.to_string())?, out)?;
            list.iter().enumerate().try_for_each(|(number, value)| {
                trail.within(Step::Element(number), || write(element, value, out, trail))
            })
        }
        (ValueType::Record(types), Val::Record(fields)) => {
            types.iter().zip(fields).try_for_each(|((name, ty), (_, value))| {
                trail.within(Step::Name(name), || write(ty, value, out, trail))
            })
        }
        (ValueType::Tuple(types), Val::Tuple(parts)) => {
            types.iter().zip(parts).enumerate().try_for_each(|(number, (ty, value))| {
                trail.within(Step::Part(number), || write(ty, value, out, trail))
            })
        }
        (ValueType::Variant(cases), Val::Variant(name, inside)) => {
            few_enough(cases)?;
            let case = cases.find(name).ok_or_else(mixed_up)?;
            put(&u8::try_from(case.number).map_err(|error| error.to_string())?, out)?;
            put_payload(case.name, case.what.as_ref(), inside.as_deref(), out, trail)
        }
        (ValueType::Enum(names), Val::Enum(name)) => {
            few_enough(names)?;
            let case = names.find(name).ok_or_else(mixed_up)?;
            put(&u8::try_from(case.number).map_err(|error| error.to_string())?, out)
        }
        (ValueType::Option(inner), Val::Option(inside)) => {
            put(&inside.is_some(), out)?;
            match inside {
                Some(value) => trail.within(Step::Name("some"), || write(inner, value, out, trail)),
                None => Ok(()),
            }
        }
        (ValueType::Result { ok, err }, Val::Result(value)) => {
            put(&value.is_ok(), out)?;
            match value {
                Ok(inside) => put_payload("ok", ok.as_deref(), inside.as_deref(), out, trail),
                Err(inside) => put_payload("err", err.as_deref(), inside.as_deref(), out, trail),
            }
        }
        (ValueType::Flags(own), Val::Flags(set)) => {
            let mut bytes = vec![0_u8; own.len().div_ceil(8)];
            for name in set {
                let flag = own.find(name).ok_or_else(mixed_up)?;
                if let Some(byte) = bytes.get_mut(flag.number / 8) {
                    *byte |= 1 << (flag.number % 8);
                }
            }
            out.write_all(&bytes).map_err(told)
        }
        _ => Err(mixed_up()),
    }
}

fn put(value: &impl BorshSerialize, out: &mut impl Write) -> Result<(), String> {
    value.serialize(out).map_err(told)
}

fn told(error: io::Error) -> String {
    error.to_string()
}

fn put_payload<'t>(
    name: &'t str,
    ty: Option<&'t ValueType>,
    value: Option<&Val>,
    out: &mut impl Write,
    trail: &Trail<'t>,
) -> Result<(), String> {
    match (ty, value) {
        (Some(ty), Some(value)) => trail.within(Step::Name(name), || write(ty, value, out, trail)),
        (None, None) => Ok(()),
        _ => Err(mixed_up()),
    }
}

/// The engine gives only values of the types that it told; this is for the compiler.
fn mixed_up() -> String {
    "the value is not of its type".to_owned()
}
