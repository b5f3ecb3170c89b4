//! The types of values, apart from the engine.
//!
//! A component's types share their parts, so that a small one can stand for a type of astronomical size when
//! it is written out; writing out is therefore bounded.

use wasmtime::component::{Type, Val};

use super::named::Named;
use crate::bounds::MAX_SIGNATURE_BYTES;

/// A type of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ValueType {
    Bool,
    Integer(Integer),
    Float32,
    Float64,
    Char,
    String,
    List(Box<ValueType>),
    Record(Named<ValueType>),
    Tuple(Vec<ValueType>),
    Variant(Named<Option<ValueType>>),
    Enum(Named<()>),
    Option(Box<ValueType>),
    Result { ok: Option<Box<ValueType>>, err: Option<Box<ValueType>> },
    Flags(Named<()>),
}

/// A type of whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Integer {
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
}

impl ValueType {
    /// What it is called in errors.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Integer(integer) => integer.name(),
            Self::Float32 => "f32",
            Self::Float64 => "f64",
            Self::Char => "char",
            Self::String => "string",
            Self::List(_) => "list",
            Self::Record(_) => "record",
            Self::Tuple(_) => "tuple",
            Self::Variant(_) => "variant",
            Self::Enum(_) => "enum",
            Self::Option(_) => "option",
            Self::Result { .. } => "result",
            Self::Flags(_) => "flags",
        }
    }
}

impl Integer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::S8 => "s8",
            Self::U8 => "u8",
            Self::S16 => "s16",
            Self::U16 => "u16",
            Self::S32 => "s32",
            Self::U32 => "u32",
            Self::S64 => "s64",
            Self::U64 => "u64",
        }
    }

    pub(crate) fn range(self) -> (i128, i128) {
        match self {
            Self::S8 => (i8::MIN.into(), i8::MAX.into()),
            Self::U8 => (u8::MIN.into(), u8::MAX.into()),
            Self::S16 => (i16::MIN.into(), i16::MAX.into()),
            Self::U16 => (u16::MIN.into(), u16::MAX.into()),
            Self::S32 => (i32::MIN.into(), i32::MAX.into()),
            Self::U32 => (u32::MIN.into(), u32::MAX.into()),
            Self::S64 => (i64::MIN.into(), i64::MAX.into()),
            Self::U64 => (u64::MIN.into(), u64::MAX.into()),
        }
    }

    /// The value of this type with this number, where it is in range.
    pub(crate) fn value(self, number: i128) -> Option<Val> {
        match self {
            Self::S8 => number.try_into().ok().map(Val::S8),
            Self::U8 => number.try_into().ok().map(Val::U8),
            Self::S16 => number.try_into().ok().map(Val::S16),
            Self::U16 => number.try_into().ok().map(Val::U16),
            Self::S32 => number.try_into().ok().map(Val::S32),
            Self::U32 => number.try_into().ok().map(Val::U32),
            Self::S64 => number.try_into().ok().map(Val::S64),
            Self::U64 => number.try_into().ok().map(Val::U64),
        }
    }

    /// How many bytes a number of it has.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::S8 | Self::U8 => 1,
            Self::S16 | Self::U16 => 2,
            Self::S32 | Self::U32 => 4,
            Self::S64 | Self::U64 => 8,
        }
    }

    /// Whether its numbers may be too large for a double.
    pub(crate) fn is_wide(self) -> bool {
        matches!(self, Self::S64 | Self::U64)
    }
}

/// Writes the engine's types out, as far as their bound.
pub(super) struct Shaping {
    left: usize,
}

impl Shaping {
    pub(super) fn new() -> Self {
        Self { left: MAX_SIGNATURE_BYTES }
    }

    /// The type written out; else what of it has no values, or that it is too large.
    pub(super) fn shape(&mut self, ty: &Type) -> Result<ValueType, &'static str> {
        self.spend(size_of::<ValueType>())?;
        Ok(match ty {
            Type::Bool => ValueType::Bool,
            Type::S8 => ValueType::Integer(Integer::S8),
            Type::U8 => ValueType::Integer(Integer::U8),
            Type::S16 => ValueType::Integer(Integer::S16),
            Type::U16 => ValueType::Integer(Integer::U16),
            Type::S32 => ValueType::Integer(Integer::S32),
            Type::U32 => ValueType::Integer(Integer::U32),
            Type::S64 => ValueType::Integer(Integer::S64),
            Type::U64 => ValueType::Integer(Integer::U64),
            Type::Float32 => ValueType::Float32,
            Type::Float64 => ValueType::Float64,
            Type::Char => ValueType::Char,
            Type::String => ValueType::String,
            Type::List(list) => ValueType::List(self.boxed(&list.ty())?),
            Type::Record(record) => {
                let fields =
                    record.fields().map(|field| Ok((self.name(field.name)?, self.shape(&field.ty)?)));
                ValueType::Record(fields.collect::<Result<_, &'static str>>()?)
            }
            Type::Tuple(tuple) => {
                ValueType::Tuple(tuple.types().map(|ty| self.shape(&ty)).collect::<Result<_, _>>()?)
            }
            Type::Variant(variant) => {
                let cases = variant.cases().map(|case| {
                    let payload = case.ty.map(|ty| self.shape(&ty)).transpose()?;
                    Ok((self.name(case.name)?, payload))
                });
                ValueType::Variant(cases.collect::<Result<_, &'static str>>()?)
            }
            Type::Enum(names) => {
                ValueType::Enum(names.names().map(|name| self.name(name)).collect::<Result<_, _>>()?)
            }
            Type::Option(option) => ValueType::Option(self.boxed(&option.ty())?),
            Type::Result(result) => ValueType::Result {
                ok: result.ok().map(|ty| self.boxed(&ty)).transpose()?,
                err: result.err().map(|ty| self.boxed(&ty)).transpose()?,
            },
            Type::Flags(flags) => {
                ValueType::Flags(flags.names().map(|name| self.name(name)).collect::<Result<_, _>>()?)
            }
            Type::Own(_) | Type::Borrow(_) => return Err("a resource"),
            Type::Stream(_) => return Err("a stream"),
            Type::Future(_) => return Err("a future"),
            Type::ErrorContext => return Err("an error context"),
            Type::Map(_) => return Err("a map"),
            Type::FixedLengthList(_) => return Err("a list of fixed length"),
        })
    }

    pub(super) fn name(&mut self, name: &str) -> Result<String, &'static str> {
        self.spend(size_of::<String>().saturating_add(name.len()))?;
        Ok(name.to_owned())
    }

    fn boxed(&mut self, ty: &Type) -> Result<Box<ValueType>, &'static str> {
        self.shape(ty).map(Box::new)
    }

    fn spend(&mut self, bytes: usize) -> Result<(), &'static str> {
        self.left = self.left.checked_sub(bytes).ok_or("a type that is too large when it is written out")?;
        Ok(())
    }
}
