//! Values of a manifest: how they are named, and how they become JSON.

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::DeValue;

use super::document::{Report, Span};
use crate::id::shorten;

/// How deep `[config]` may nest; common JSON readers stop at 128.
const MAX_DEPTH: usize = 64;

/// A key, fit to be shown.
pub(super) fn quoted(key: &str) -> String {
    format!("`{}`", shorten(key).escape_debug())
}

/// What kind of value it is, with its article.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a datetime",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// The value as JSON; reports what JSON cannot hold, and leaves it out.
pub(super) fn json(value: &Spanned<DeValue<'_>>, report: &mut Report) -> Option<Value> {
    json_at(value, report, MAX_DEPTH)
}

fn json_at(value: &Spanned<DeValue<'_>>, report: &mut Report, depth: usize) -> Option<Value> {
    let span = value.span();
    if depth == 0 {
        let reason = format!("`config` nests deeper than {MAX_DEPTH} levels");
        report.error(span, reason, "make it flatter");
        return None;
    }
    match value.get_ref() {
        DeValue::String(text) => Some(Value::String(text.as_ref().into())),
        DeValue::Boolean(truth) => Some(Value::Bool(*truth)),
        DeValue::Datetime(time) => Some(Value::String(time.to_string())),
        DeValue::Integer(integer) => {
            let (text, radix) = (integer.as_str(), integer.radix());
            let number = i64::from_str_radix(text, radix).map(Number::from);
            match number.or_else(|_| u64::from_str_radix(text, radix).map(Number::from)) {
                Ok(number) => Some(Value::Number(number)),
                Err(_) => unfit(report, span, format!("{} does not fit 64 bits", shorten(text))),
            }
        }
        DeValue::Float(float) => match float.as_str().parse().ok().and_then(Number::from_f64) {
            Some(number) => Some(Value::Number(number)),
            None => unfit(report, span, format!("{} is not a finite number", shorten(float.as_str()))),
        },
        DeValue::Array(array) => {
            let values = array.iter().filter_map(|element| json_at(element, report, depth - 1)).collect();
            Some(Value::Array(values))
        }
        DeValue::Table(table) => {
            let member = |(key, value): (&Spanned<toml::de::DeString<'_>>, _)| {
                Some((key.get_ref().to_string(), json_at(value, report, depth - 1)?))
            };
            Some(Value::Object(table.iter().filter_map(member).collect::<Map<_, _>>()))
        }
    }
}

fn unfit(report: &mut Report, span: Span, reason: String) -> Option<Value> {
    report.error(span, reason, "`config` is handed over as JSON: write it as a string");
    None
}
