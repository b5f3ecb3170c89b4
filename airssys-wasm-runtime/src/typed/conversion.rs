//! Arguments in, result out, whatever the form.

use std::fmt;
use std::io::{self, Write};

use wasmtime::component::Val;

use airssys_wasm_core::{CallError, EncodedValues, ValueFormat};

use super::document::{Wrong, read_cbor, read_json, write_cbor, write_json};
use super::document_reader::{Arguments, Found};
use super::document_writer::Written;
use super::function::Signature;
use super::shape::ValueType;
use super::trail::{Step, Trail};
use super::{binary, wave};
use crate::bounds::{MAX_TYPED_ARGUMENT_BYTES, MAX_TYPED_RESULT_BYTES, MAX_TYPED_VALUE_BYTES};
use crate::text::cut;

/// What an error says of one value at most, in bytes: it may quote what was given.
const MAX_REASON_BYTES: usize = 512;

/// Reads the arguments of a call.
pub(crate) fn read_arguments(
    signature: &Signature,
    arguments: &EncodedValues,
) -> Result<Vec<Val>, CallError> {
    let (format, bytes) = (arguments.format(), arguments.bytes());
    if bytes.len() > MAX_TYPED_ARGUMENT_BYTES {
        return Err(CallError::ArgumentsTooLarge { max_bytes: MAX_TYPED_ARGUMENT_BYTES });
    }
    let trail = Trail::new();
    let document =
        Arguments { parameters: &signature.parameters, trail: &trail, is_json: format == ValueFormat::Json };
    let found = match format {
        ValueFormat::Wave => read_wave(signature, bytes, &trail),
        ValueFormat::Json => read_json(bytes, document),
        ValueFormat::Cbor => read_cbor(bytes, document),
        ValueFormat::Borsh => read_borsh(signature, bytes, &trail),
        other => Err(Wrong::Form(format!("{other} is not known here"))),
    };
    match found {
        Ok(Found::All(values)) => Ok(values),
        Ok(Found::Count(given)) => Err(signature.wrong_count(given)),
        Err(_) if trail.is_overdrawn() => {
            Err(CallError::ArgumentsTooLarge { max_bytes: MAX_TYPED_VALUE_BYTES })
        }
        Err(Wrong::Value(reason)) => Err(match trail.parameter() {
            Some(parameter) => CallError::Argument {
                parameter: parameter.to_owned(),
                path: trail.path(),
                reason: bounded(reason),
            },
            None => CallError::Malformed { format, reason: bounded(reason) },
        }),
        Err(Wrong::Form(reason)) => Err(CallError::Malformed { format, reason: bounded(reason) }),
    }
}

fn bounded(mut reason: String) -> String {
    if cut(&mut reason, MAX_REASON_BYTES) {
        reason.push('…');
    }
    reason
}

fn read_wave<'t>(signature: &'t Signature, bytes: &[u8], trail: &Trail<'t>) -> Result<Found, Wrong> {
    let text = std::str::from_utf8(bytes).map_err(|error| Wrong::Form(error.to_string()))?;
    let parsed = wave::parse(text).map_err(Wrong::Form)?;
    let nodes = parsed.nodes().map_err(Wrong::Form)?;
    if nodes.len() > signature.parameters.len() {
        return Ok(Found::Count(nodes.len()));
    }
    let mut values = Vec::new();
    for (number, (name, ty)) in signature.parameters.iter().enumerate() {
        let value = match (nodes.get(number), ty) {
            (Some(node), _) => trail.within(Step::Parameter(name), || parsed.read(ty, node, trail)),
            (None, ValueType::Option(_)) => Ok(Val::Option(None)),
            (None, _) => return Ok(Found::Count(nodes.len())),
        };
        values.push(value.map_err(Wrong::Value)?);
    }
    Ok(Found::All(values))
}

fn read_borsh<'t>(signature: &'t Signature, bytes: &[u8], trail: &Trail<'t>) -> Result<Found, Wrong> {
    let mut rest = bytes;
    let mut values = Vec::new();
    for (name, ty) in signature.parameters.iter() {
        let value = trail.within(Step::Parameter(name), || binary::read(ty, &mut rest, trail));
        values.push(value.map_err(Wrong::Value)?);
    }
    match rest.len() {
        0 => Ok(Found::All(values)),
        more => Err(Wrong::Form(format!("{more} bytes follow the arguments"))),
    }
}

/// Writes the result of a call in the form of its arguments. A function without a result has none.
pub(crate) fn write_result(
    signature: &Signature,
    result: Option<&Val>,
    format: ValueFormat,
) -> Result<EncodedValues, CallError> {
    let trail = Trail::new();
    let mut out = Bounded { bytes: Vec::new(), is_full: false };
    let typed = signature.result.as_ref().zip(result);
    let written = typed.map(|(ty, value)| Written { ty, value, is_json: format == ValueFormat::Json });
    let outcome = match format {
        ValueFormat::Wave => match typed {
            Some((_, value)) => wave::write(value, &mut out).map_err(|error| error.to_string()),
            None => Ok(()),
        },
        ValueFormat::Json => write_json(&written, &mut out),
        ValueFormat::Cbor => write_cbor(&written, &mut out),
        ValueFormat::Borsh => match typed {
            Some((ty, value)) => binary::write(ty, value, &mut out, &trail),
            None => Ok(()),
        },
        other => Err(format!("{other} is not known here")),
    };
    match outcome {
        Ok(()) => Ok(EncodedValues::new(format, out.bytes)),
        Err(_) if out.is_full => Err(CallError::ResultTooLarge { max_bytes: MAX_TYPED_RESULT_BYTES }),
        Err(reason) => Err(CallError::Unwritable { format, path: trail.path(), reason: bounded(reason) }),
    }
}

/// Takes no more than a result may have.
struct Bounded {
    bytes: Vec<u8>,
    is_full: bool,
}

impl Bounded {
    fn take(&mut self, bytes: &[u8]) -> Result<(), ()> {
        if self.bytes.len().saturating_add(bytes.len()) > MAX_TYPED_RESULT_BYTES {
            self.is_full = true;
            return Err(());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes).map(|()| bytes.len()).map_err(|()| io::ErrorKind::FileTooLarge.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.take(text.as_bytes()).map_err(|()| fmt::Error)
    }
}
