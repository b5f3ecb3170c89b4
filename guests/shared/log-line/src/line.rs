//! The grammar of one line.

use std::borrow::Cow;

use crate::date::{DATE_BYTES, Date};
use crate::scan::{find_byte, find_either, is_ascii};

/// The longest well-formed line, in bytes, its line ending not counted.
pub const MAX_LINE_BYTES: usize = 65_536;

/// The longest size field, in digits.
const MAX_SIZE_DIGITS: usize = 18;

/// What a well-formed line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// When the request came.
    pub date: Date,
    /// An RFC 9110 token.
    pub method: &'a [u8],
    /// The target up to its first `?`, unescaped; valid UTF-8.
    pub path: Cow<'a, [u8]>,
    /// 100 to 599.
    pub status: u16,
    /// Bytes of the response; 0 for `-`.
    pub size: u64,
}

/// Reads a line without its LF; one CR at its end is ignored. None means malformed.
///
/// A line is `HOST IDENT USER [DATE] "METHOD TARGET PROTOCOL" STATUS SIZE`, optionally followed
/// by ` "REFERER" "AGENT"`, in UTF-8, with single spaces. In quotes `\"` and `\\` are the only
/// escapes.
pub fn parse(line: &[u8]) -> Option<Entry<'_>> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > MAX_LINE_BYTES || (!is_ascii(line) && std::str::from_utf8(line).is_err()) {
        return None;
    }
    let mut rest = line;
    for _ in ["host", "ident", "user"] {
        rest = skip_word(rest)?;
    }
    rest = rest.strip_prefix(b"[")?;
    let (date, after) = rest.split_first_chunk::<DATE_BYTES>()?;
    let date = Date::parse(date)?;
    rest = after.strip_prefix(b"] \"")?;

    let (request, escaped, after) = quoted(rest)?;
    let (method, path) = read_request(request, escaped)?;
    let [b' ', a @ b'1'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ', after @ ..] = after else {
        return None;
    };
    let status = u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0');

    let (size, after) = read_size(after)?;
    if !after.is_empty() {
        let (_referer, _, after) = quoted(after.strip_prefix(b" \"")?)?;
        let (_agent, _, after) = quoted(after.strip_prefix(b" \"")?)?;
        if !after.is_empty() {
            return None;
        }
    }
    Some(Entry { date, method, path, status, size })
}

/// What follows a word and the one space after it.
fn skip_word(text: &[u8]) -> Option<&[u8]> {
    if let [b'-', b' ', rest @ ..] = text {
        return Some(rest);
    }
    let end = find_byte(text, 0, b' ')?;
    if end == 0 { None } else { text.get(end + 1..) }
}

/// Splits the text after an opening quote into what is quoted, as written, and what follows the
/// closing quote; and says whether there are escapes in it.
fn quoted(text: &[u8]) -> Option<(&[u8], bool, &[u8])> {
    let mut escaped = false;
    let mut from = 0;
    loop {
        let at = find_either(text, from, b'"', b'\\')?;
        if *text.get(at)? == b'"' {
            return Some((text.get(..at)?, escaped, text.get(at + 1..)?));
        }
        if !matches!(text.get(at + 1)?, b'"' | b'\\') {
            return None;
        }
        escaped = true;
        from = at + 2;
    }
}

/// Reads `METHOD TARGET PROTOCOL` as written in quotes. Neither a method nor a protocol holds a
/// quote or a backslash, so that only a path can need its escapes undone.
fn read_request(request: &[u8], escaped: bool) -> Option<(&[u8], Cow<'_, [u8]>)> {
    let method_end = request.iter().position(|&byte| !is_token(byte))?;
    let (method, rest) = request.split_at(method_end);
    let rest = rest.strip_prefix(b" ")?;
    let path_end = find_either(rest, 0, b' ', b'?')?;
    let target_end = match rest.get(path_end)? {
        b' ' => path_end,
        _ => find_byte(rest, path_end, b' ')?,
    };
    let (path, protocol) = (rest.get(..path_end)?, rest.get(target_end..)?);
    if method.is_empty() || target_end == 0 || !is_protocol(protocol) {
        return None;
    }
    Some((method, if escaped { unescape(path) } else { Cow::Borrowed(path) }))
}

/// `HTTP/` and a digit, optionally `.` and a digit, after one space.
fn is_protocol(text: &[u8]) -> bool {
    match text.strip_prefix(b" HTTP/") {
        Some([major]) => major.is_ascii_digit(),
        Some([major, b'.', minor]) => major.is_ascii_digit() && minor.is_ascii_digit(),
        _ => false,
    }
}

fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        // `quoted` has seen that a backslash is followed by what it stands for.
        plain.push(if byte == b'\\' { bytes.next().copied().unwrap_or(byte) } else { byte });
    }
    Cow::Owned(plain)
}

fn read_size(text: &[u8]) -> Option<(u64, &[u8])> {
    if let [b'-', after @ ..] = text {
        return Some((0, after));
    }
    let mut size = 0;
    let mut digits = 0;
    while let Some(digit @ b'0'..=b'9') = text.get(digits) {
        if digits == MAX_SIZE_DIGITS {
            return None;
        }
        size = size * 10 + u64::from(digit - b'0');
        digits += 1;
    }
    if digits == 0 { None } else { Some((size, &text[digits..])) }
}

/// A character of an RFC 9110 token.
fn is_token(byte: u8) -> bool {
    const TOKEN: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0;
        while byte < 256 {
            table[byte] = (byte as u8).is_ascii_alphanumeric();
            byte += 1;
        }
        let mut rest: &[u8] = b"!#$%&'*+-.^_`|~";
        while let [byte, after @ ..] = rest {
            table[*byte as usize] = true;
            rest = after;
        }
        table
    };
    TOKEN[usize::from(byte)]
}
