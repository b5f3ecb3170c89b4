//! Typed calls: any exported function of a component by its name, with values in one of four forms.
//!
//! The runtime converts the values (`docs/typed-calls.md` tells what each form looks like for each type); here is
//! only what travels between the layers.

use std::fmt;

use bytes::Bytes;
use thiserror::Error;

/// Longest name of a function that can be called, its interface included, in bytes.
pub const MAX_FUNCTION_NAME_BYTES: usize = 1_024;

/// The form that the arguments and the result of a typed call are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ValueFormat {
    /// WAVE, the text form of values of the component model.
    Wave,
    /// JSON, RFC 8259.
    Json,
    /// CBOR, RFC 8949.
    Cbor,
    /// Borsh, version 1.
    Borsh,
}

impl ValueFormat {
    /// Its name, as people write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wave => "WAVE",
            Self::Json => "JSON",
            Self::Cbor => "CBOR",
            Self::Borsh => "Borsh",
        }
    }
}

impl fmt::Display for ValueFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The arguments of a typed call, or its result.
///
/// ```
/// use airssys_wasm_core::{EncodedValues, ValueFormat};
///
/// let arguments = EncodedValues::wave("1, [2, 3]");
/// assert_eq!(arguments.format(), ValueFormat::Wave);
/// assert_eq!(arguments.text(), Some("1, [2, 3]"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct EncodedValues {
    format: ValueFormat,
    bytes: Bytes,
}

impl EncodedValues {
    /// Values in this form. The bytes are not looked at.
    #[must_use]
    pub fn new(format: ValueFormat, bytes: impl Into<Bytes>) -> Self {
        Self { format, bytes: bytes.into() }
    }

    /// Arguments as WAVE text: values with commas between, without parentheses around them.
    #[must_use]
    pub fn wave(text: impl Into<String>) -> Self {
        Self::new(ValueFormat::Wave, text.into())
    }

    /// Arguments as JSON text: an array in their order, or an object by their names.
    #[must_use]
    pub fn json(text: impl Into<String>) -> Self {
        Self::new(ValueFormat::Json, text.into())
    }

    /// Arguments as CBOR: an array in their order, or a map by their names.
    #[must_use]
    pub fn cbor(bytes: impl Into<Bytes>) -> Self {
        Self::new(ValueFormat::Cbor, bytes)
    }

    /// Arguments as Borsh: one after the other.
    #[must_use]
    pub fn borsh(bytes: impl Into<Bytes>) -> Self {
        Self::new(ValueFormat::Borsh, bytes)
    }

    /// The form that they are in.
    #[must_use]
    pub fn format(&self) -> ValueFormat {
        self.format
    }

    /// The values in that form.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The values in that form, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// The values as text, where their form is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self.format {
            ValueFormat::Wave | ValueFormat::Json => std::str::from_utf8(&self.bytes).ok(),
            ValueFormat::Cbor | ValueFormat::Borsh => None,
        }
    }
}

impl fmt::Debug for EncodedValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodedValues")
            .field("format", &self.format)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

/// What a typed call asks for, besides its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    function: String,
    arguments: ValueFormat,
    result: ValueFormat,
}

impl Invocation {
    /// A call of `function` (`interface#function`, or a name alone), with arguments in one form and the result
    /// in another or the same.
    ///
    /// # Errors
    ///
    /// [`CallError::NameTooLong`] past [`MAX_FUNCTION_NAME_BYTES`].
    pub fn new(function: &str, arguments: ValueFormat, result: ValueFormat) -> Result<Self, CallError> {
        match function.len() {
            bytes if bytes > MAX_FUNCTION_NAME_BYTES => Err(CallError::NameTooLong { bytes }),
            _ => Ok(Self { function: function.to_owned(), arguments, result }),
        }
    }

    /// The function as the caller named it.
    #[must_use]
    pub fn function(&self) -> &str {
        &self.function
    }

    /// The form of its arguments.
    #[must_use]
    pub fn arguments(&self) -> ValueFormat {
        self.arguments
    }

    /// The form that its result is wanted in.
    #[must_use]
    pub fn result(&self) -> ValueFormat {
        self.result
    }
}

/// Why a typed call was not made, or its result cannot be handed over. The component goes on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CallError {
    /// No name of a function is as long.
    #[error("a function's name of {bytes} bytes; at most {MAX_FUNCTION_NAME_BYTES} are allowed")]
    NameTooLong {
        /// How long it is.
        bytes: usize,
    },
    /// The component exports no such function.
    #[error("the component exports no function {function}{}", hint(nearest.as_deref(), available))]
    UnknownFunction {
        /// The function as the caller named it.
        function: String,
        /// The exported function whose name is nearest, where one is near.
        nearest: Option<String>,
        /// The functions that can be called, in the order of the component; the first of them where there
        /// are many.
        available: Vec<String>,
    },
    /// More than one exported function is meant by this name.
    #[error("{function} can mean each of {}; name one in full", candidates.join(", "))]
    AmbiguousFunction {
        /// The function as the caller named it.
        function: String,
        /// The full names of those that it can mean; the first of them where there are many.
        candidates: Vec<String>,
    },
    /// The function belongs to an interface of `airssys:core`, which the host alone calls.
    #[error("{function} is called by the host itself, as part of a component's life")]
    Reserved {
        /// The function's full name.
        function: String,
    },
    /// A type in the signature has no form as a value outside of the component.
    #[error("{function} cannot be called from outside: {place} has {kind}, which no value can be given for")]
    UnsupportedType {
        /// The function's full name.
        function: String,
        /// Which parameter, or the result.
        place: String,
        /// What kind of type it is.
        kind: &'static str,
    },
    /// Too many arguments, or too few.
    #[error("{function} takes {}, and {given} {} given", count(expected), if *given == 1 { "was" } else { "were" })]
    WrongArgumentCount {
        /// The function's full name.
        function: String,
        /// The names of its parameters.
        expected: Vec<String>,
        /// How many arguments were given.
        given: usize,
    },
    /// An argument is not of its parameter's type.
    #[error("wrong argument {parameter}{}: {reason}", place(path))]
    Argument {
        /// The parameter's name.
        parameter: String,
        /// The way to the part that is wrong, such as `.items[3].price`; empty where it is all of it.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The arguments are malformed as a whole.
    #[error("the arguments are not valid {format}: {reason}")]
    Malformed {
        /// The form that they should be in.
        format: ValueFormat,
        /// What is wrong.
        reason: String,
    },
    /// The arguments are too large, as they came or as the values that they stand for.
    #[error("the arguments take more than the {max_bytes} bytes that they may")]
    ArgumentsTooLarge {
        /// The bound in bytes.
        max_bytes: usize,
    },
    /// The function returned, and its result has no form in the format of the call.
    #[error("the result{} cannot be written as {format}: {reason}", place(path))]
    Unwritable {
        /// The format of the call.
        format: ValueFormat,
        /// The way to the part that cannot be written; empty where it is all of it.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The function returned, and its result is larger than any may be.
    #[error("the result takes more than the {max_bytes} bytes that it may")]
    ResultTooLarge {
        /// The bound in bytes.
        max_bytes: usize,
    },
}

fn hint(nearest: Option<&str>, available: &[String]) -> String {
    let nearest = nearest.map(|name| format!(" (did you mean {name}?)")).unwrap_or_default();
    match available {
        [] => format!("{nearest}; it exports none that can be called"),
        names => format!("{nearest}; it exports {}", names.join(", ")),
    }
}

fn count(parameters: &[String]) -> String {
    match parameters {
        [] => "no arguments".to_owned(),
        [one] => format!("1 argument ({one})"),
        more => format!("{} arguments ({})", more.len(), more.join(", ")),
    }
}

fn place(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(" at {path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: &CallError, text: &str) {
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn texts_say_what_to_change() {
        check(
            &CallError::UnknownFunction {
                function: "ad".into(),
                nearest: Some("add".into()),
                available: vec!["add".into(), "a:b/c#sub".into()],
            },
            "the component exports no function ad (did you mean add?); it exports add, a:b/c#sub",
        );
        check(
            &CallError::UnknownFunction { function: "ad".into(), nearest: None, available: Vec::new() },
            "the component exports no function ad; it exports none that can be called",
        );
        check(
            &CallError::WrongArgumentCount {
                function: "add".into(),
                expected: vec!["left".into(), "right".into()],
                given: 1,
            },
            "add takes 2 arguments (left, right), and 1 was given",
        );
        let argument = |path: &str| CallError::Argument {
            parameter: "order".into(),
            path: path.into(),
            reason: "300 is out of range for u8".into(),
        };
        check(
            &argument(".items[3].count"),
            "wrong argument order at .items[3].count: 300 is out of range for u8",
        );
        check(&argument(""), "wrong argument order: 300 is out of range for u8");
    }

    #[test]
    fn a_name_is_bounded() {
        let longest = "f".repeat(MAX_FUNCTION_NAME_BYTES);
        let call = |name: &str| Invocation::new(name, ValueFormat::Wave, ValueFormat::Json);
        assert_eq!(call(&longest).map(|call| call.function), Ok(longest.clone()));
        let error = call(&format!("{longest}f"));
        assert_eq!(error, Err(CallError::NameTooLong { bytes: MAX_FUNCTION_NAME_BYTES + 1 }));
    }

    #[test]
    fn only_texts_are_shown_as_text() {
        assert_eq!(EncodedValues::json("[1]").text(), Some("[1]"));
        assert_eq!(EncodedValues::cbor(vec![0x81, 1]).text(), None);
        assert_eq!(EncodedValues::new(ValueFormat::Wave, vec![0xff]).text(), None);
    }
}
