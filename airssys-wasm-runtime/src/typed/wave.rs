//! WAVE text: the library parses it, and the types decide what it means.
//!
//! Values are written here and not by the library, whose writer wants a type of values that panics where two
//! kinds of them are mixed up; what is written is held to the library's parser by tests.

use std::fmt::{self, Write};

use wasm_wave::ast::{Node, NodeType};
use wasm_wave::lex::Keyword;
use wasm_wave::parser::{ParserError, ParserErrorKind};
use wasm_wave::untyped::UntypedValue;
use wasmtime::component::Val;

use super::shape::ValueType;
use super::trail::{Step, Trail};
use super::value::{Fields, case, enum_case, flags, float, integer, mismatch, number, record, record_bytes};

/// Arguments that are parsed and have no types yet.
pub(super) struct Parsed {
    source: String,
    /// None where there are no arguments.
    node: Option<Node>,
}

/// Parses values with commas between.
pub(super) fn parse(text: &str) -> Result<Parsed, String> {
    // On a line of its own, so that a comment at the end does not take it along.
    let source = format!("({text}\n)");
    let node = match UntypedValue::parse(&source) {
        Ok(value) => Some(value.node().clone()),
        Err(error) if error.kind() == ParserErrorKind::EmptyTuple && error.span().start == 0 => None,
        Err(error) if error.span().start > text.len() => return Err("it ends too early".to_owned()),
        Err(error) => return Err(told(&error)),
    };
    Ok(Parsed { source, node })
}

/// What the parser says, at the place in the text as it was given.
fn told(error: &ParserError) -> String {
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("{}{detail} at byte {}", error.kind(), error.span().start.saturating_sub(1))
}

impl Parsed {
    /// The arguments' nodes in order.
    pub(super) fn nodes(&self) -> Result<Vec<&Node>, String> {
        match &self.node {
            None => Ok(Vec::new()),
            Some(node) => Ok(node.as_tuple().map_err(|error| told(&error))?.collect()),
        }
    }

    /// The value that a node stands for.
    pub(super) fn read<'t>(&self, ty: &'t ValueType, node: &Node, trail: &Trail<'t>) -> Result<Val, String> {
        trail.charge(0)?;
        let wrong = |_: ParserError| mismatch(ty, found(node.ty()));
        let source = self.source.as_str();
        Ok(match ty {
            ValueType::Bool => Val::Bool(node.as_bool().map_err(wrong)?),
            ValueType::Integer(width) => {
                let text: String = node.as_number(source).map_err(wrong)?;
                integer(*width, text.parse().map_err(|_| format!("{text} is no whole number"))?)?
            }
            ValueType::Float32 | ValueType::Float64 => {
                let text: String = node.as_number(source).map_err(wrong)?;
                self.float(ty, &text)?
            }
            ValueType::Char => Val::Char(node.as_char(source).map_err(wrong)?),
            ValueType::String => {
                let text = match node.ty() {
                    NodeType::String | NodeType::MultilineString => {
                        node.as_str(source).map_err(|error| told(&error))?
                    }
                    other => return Err(mismatch(ty, found(other))),
                };
                trail.charge(text.len())?;
                Val::String(text.into_owned())
            }
            ValueType::List(element) => {
                let mut list = Vec::new();
                for (number, node) in node.as_list().map_err(wrong)?.enumerate() {
                    list.push(trail.within(Step::Element(number), || self.read(element, node, trail))?);
                }
                Val::List(list)
            }
            ValueType::Record(types) => {
                trail.charge(record_bytes(types))?;
                let mut fields = Fields::new(types);
                for (name, node) in node.as_record(source).map_err(wrong)? {
                    let field = fields.find("field", name)?;
                    let value =
                        trail.within(Step::Name(field.name), || self.read(field.what, node, trail))?;
                    fields.set(field.number, value);
                }
                record(types, fields.finish("field")?)
            }
            ValueType::Tuple(types) => {
                let nodes = node.as_tuple().map_err(wrong)?;
                if nodes.len() != types.len() {
                    return Err(format!("expected {} parts, found {}", types.len(), nodes.len()));
                }
                let mut parts = Vec::new();
                for (number, (ty, node)) in types.iter().zip(nodes).enumerate() {
                    parts.push(trail.within(Step::Part(number), || self.read(ty, node, trail))?);
                }
                Val::Tuple(parts)
            }
            ValueType::Variant(cases) => {
                let (name, node) = node.as_variant(source).map_err(wrong)?;
                let case = case(cases, name, trail)?;
                Val::Variant(case.name.to_owned(), self.payload(case.name, case.what.as_ref(), node, trail)?)
            }
            ValueType::Enum(names) => enum_case(names, node.as_enum(source).map_err(wrong)?, trail)?,
            ValueType::Option(inner) => match node.ty() {
                NodeType::OptionNone => Val::Option(None),
                NodeType::OptionSome => {
                    let inside = node.as_option().map_err(wrong)?;
                    Val::Option(self.payload("some", Some(inner), inside, trail)?)
                }
                _ if is_flattened(inner) => Val::Option(Some(Box::new(self.read(inner, node, trail)?))),
                other => return Err(mismatch(ty, found(other))),
            },
            ValueType::Result { ok, err } => match node.ty() {
                NodeType::ResultOk => {
                    let inside = node.as_result().map_err(wrong)?.unwrap_or_default();
                    Val::Result(Ok(self.payload("ok", ok.as_deref(), inside, trail)?))
                }
                NodeType::ResultErr => {
                    let inside = node.as_result().map_err(wrong)?.err().flatten();
                    Val::Result(Err(self.payload("err", err.as_deref(), inside, trail)?))
                }
                other => match ok.as_deref() {
                    Some(ok) if is_flattened(ok) => {
                        Val::Result(Ok(Some(Box::new(self.read(ok, node, trail)?))))
                    }
                    _ => return Err(mismatch(ty, found(other))),
                },
            },
            ValueType::Flags(own) => {
                let given = node.as_flags(source).map_err(wrong)?;
                flags(own, given.map(|name| name.strip_prefix('%').unwrap_or(name)), trail)?
            }
        })
    }

    fn payload<'t>(
        &self,
        case: &'t str,
        ty: Option<&'t ValueType>,
        node: Option<&Node>,
        trail: &Trail<'t>,
    ) -> Result<Option<Box<Val>>, String> {
        match (ty, node) {
            (None, None) => Ok(None),
            (Some(ty), Some(node)) => trail
                .within(Step::Name(case), || self.read(ty, node, trail))
                .map(|value| Some(Box::new(value))),
            (Some(ty), None) => Err(format!("{case} needs a payload, {}", ty.kind())),
            (None, Some(_)) => Err(format!("{case} takes no payload")),
        }
    }

    fn float(&self, ty: &ValueType, text: &str) -> Result<Val, String> {
        let malformed = |_| format!("{text} is no number");
        let value = match ty {
            // Read as it is meant, so that it is rounded once.
            ValueType::Float32 => Val::Float32(text.parse().map_err(malformed)?),
            _ => float(ty, text.parse().map_err(malformed)?)?,
        };
        let is_infinite = match value {
            Val::Float32(number) => number.is_infinite(),
            Val::Float64(number) => number.is_infinite(),
            _ => false,
        };
        if is_infinite && !text.ends_with("inf") {
            return Err(format!("{text} is out of range for {}", ty.kind()));
        }
        Ok(value)
    }
}

/// Whether WAVE lets a payload of this type stand for `some` or `ok` around it.
fn is_flattened(payload: &ValueType) -> bool {
    !matches!(payload, ValueType::Option(_) | ValueType::Result { .. })
}

fn found(node: NodeType) -> &'static str {
    match node {
        NodeType::BoolTrue | NodeType::BoolFalse => "bool",
        NodeType::Number => "a number",
        NodeType::Char => "char",
        NodeType::String | NodeType::MultilineString => "string",
        NodeType::Tuple => "tuple",
        NodeType::List => "list",
        NodeType::Record => "record",
        NodeType::Label => "a name",
        NodeType::VariantWithPayload => "a case with payload",
        NodeType::OptionSome | NodeType::OptionNone => "option",
        NodeType::ResultOk | NodeType::ResultErr => "result",
        NodeType::Flags => "flags",
    }
}

/// Writes one value.
pub(super) fn write(value: &Val, text: &mut impl Write) -> fmt::Result {
    match value {
        Val::Bool(value) => write!(text, "{value}"),
        Val::Float32(number) if number.is_nan() => text.write_str("nan"),
        Val::Float64(number) if number.is_nan() => text.write_str("nan"),
        Val::Float32(number) => write!(text, "{number}"),
        Val::Float64(number) => write!(text, "{number}"),
        Val::Char(character) => {
            text.write_char('\'')?;
            escaped(*character, text)?;
            text.write_char('\'')
        }
        Val::String(string) => {
            text.write_char('"')?;
            string.chars().try_for_each(|character| escaped(character, text))?;
            text.write_char('"')
        }
        Val::List(list) => sequence('[', ']', list, text),
        Val::Tuple(parts) => sequence('(', ')', parts, text),
        Val::Record(fields) => {
            text.write_char('{')?;
            for (number, (name, value)) in fields.iter().enumerate() {
                text.write_str(if number == 0 { "" } else { ", " })?;
                write!(text, "{name}: ")?;
                write(value, text)?;
            }
            text.write_char('}')
        }
        Val::Variant(name, payload) => {
            label(name, text)?;
            in_parentheses(payload.as_deref(), text)
        }
        Val::Enum(name) => label(name, text),
        Val::Option(None) => text.write_str("none"),
        Val::Option(payload) => {
            text.write_str("some")?;
            in_parentheses(payload.as_deref(), text)
        }
        Val::Result(Ok(payload)) => {
            text.write_str("ok")?;
            in_parentheses(payload.as_deref(), text)
        }
        Val::Result(Err(payload)) => {
            text.write_str("err")?;
            in_parentheses(payload.as_deref(), text)
        }
        Val::Flags(names) => write!(text, "{{{}}}", names.join(", ")),
        other => match number(other) {
            Some(number) => write!(text, "{number}"),
            // No type that a function can be called with has other values.
            None => Err(fmt::Error),
        },
    }
}

fn sequence(open: char, close: char, values: &[Val], text: &mut impl Write) -> fmt::Result {
    text.write_char(open)?;
    for (number, value) in values.iter().enumerate() {
        text.write_str(if number == 0 { "" } else { ", " })?;
        write(value, text)?;
    }
    text.write_char(close)
}

fn in_parentheses(payload: Option<&Val>, text: &mut impl Write) -> fmt::Result {
    let Some(value) = payload else { return Ok(()) };
    text.write_char('(')?;
    write(value, text)?;
    text.write_char(')')
}

/// A name where a value is expected, told apart from a keyword.
fn label(name: &str, text: &mut impl Write) -> fmt::Result {
    if Keyword::decode(name).is_some() {
        text.write_char('%')?;
    }
    text.write_str(name)
}

fn escaped(character: char, text: &mut impl Write) -> fmt::Result {
    match character {
        '\\' | '"' | '\'' | '\t' | '\r' | '\n' => write!(text, "{}", character.escape_default()),
        _ if character.is_control() => write!(text, "{}", character.escape_unicode()),
        _ => write!(text, "{}", character.escape_debug()),
    }
}
