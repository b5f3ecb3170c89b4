//! JSON and CBOR as wholes: what comes before the first value and after the last.

use std::io::Write;

use ciborium::{Value, de, ser};
use serde::Serialize;
use serde::de::value::{self, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, Visitor};
use serde_json::error::Category;

use super::document_reader::{Arguments, Found};

/// Levels that a CBOR document may nest: more than any type of the engine does, with the map around each
/// option that lies in another.
const CBOR_DEPTH: usize = 256;

/// What is wrong with a document.
pub(super) enum Wrong {
    /// It is not of its form at all.
    Form(String),
    /// What it says is not what the types want.
    Value(String),
}

/// Reads arguments out of JSON.
pub(super) fn read_json(text: &[u8], arguments: Arguments<'_, '_>) -> Result<Found, Wrong> {
    let wrong = |error: serde_json::Error| match error.classify() {
        Category::Data => Wrong::Value(error.to_string()),
        Category::Io | Category::Syntax | Category::Eof => Wrong::Form(error.to_string()),
    };
    let mut document = serde_json::Deserializer::from_slice(text);
    let found = arguments.deserialize(&mut document).map_err(wrong)?;
    document.end().map_err(wrong)?;
    Ok(found)
}

/// Reads arguments out of CBOR.
pub(super) fn read_cbor(bytes: &[u8], arguments: Arguments<'_, '_>) -> Result<Found, Wrong> {
    let mut rest = bytes;
    let document: Value =
        de::from_reader_with_recursion_limit(&mut rest, CBOR_DEPTH).map_err(|error| match error {
            de::Error::Io(_) => Wrong::Form("it ends in the middle of a value".to_owned()),
            de::Error::Syntax(offset) => Wrong::Form(format!("it is malformed at byte {offset}")),
            de::Error::Semantic(_, reason) => Wrong::Form(reason),
            de::Error::RecursionLimitExceeded => {
                Wrong::Form(format!("it nests deeper than {CBOR_DEPTH} levels"))
            }
        })?;
    match rest.len() {
        0 => arguments.deserialize(Item(&document)).map_err(|error| Wrong::Value(error.to_string())),
        more => Err(Wrong::Form(format!("{more} bytes follow the arguments"))),
    }
}

/// Writes a result as JSON.
pub(super) fn write_json(written: &impl Serialize, out: impl Write) -> Result<(), String> {
    serde_json::to_writer(out, written).map_err(|error| error.to_string())
}

/// Writes a result as CBOR.
pub(super) fn write_cbor(written: &impl Serialize, out: impl Write) -> Result<(), String> {
    ser::into_writer(written, out).map_err(|error| error.to_string())
}

/// A part of a CBOR document that is read as the types say. The library reads only types that know by
/// themselves what they are.
struct Item<'v>(&'v Value);

impl<'de> Deserializer<'de> for Item<'de> {
    type Error = value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, value::Error> {
        match self.0 {
            Value::Integer(number) => {
                let number = i128::from(*number);
                match (u64::try_from(number), i64::try_from(number)) {
                    (Ok(number), _) => visitor.visit_u64(number),
                    (_, Ok(number)) => visitor.visit_i64(number),
                    _ => Err(value::Error::custom(format_args!("{number} is out of every range"))),
                }
            }
            Value::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Null => visitor.visit_unit(),
            Value::Array(elements) => visitor.visit_seq(SeqDeserializer::new(elements.iter().map(Item))),
            Value::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| (Item(key), Item(value)));
                visitor.visit_map(MapDeserializer::new(entries))
            }
            Value::Tag(tag, _) => {
                Err(value::Error::custom(format_args!("a tag ({tag}) has no meaning here")))
            }
            _ => Err(value::Error::custom("a value of an unknown kind")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, value::Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, value::Error> for Item<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
