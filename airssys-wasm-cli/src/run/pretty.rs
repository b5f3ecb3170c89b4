//! JSON laid out for people, character for character what it was: numbers of any length, the order of keys.

/// Widest container that stays on one line, in bytes.
const MAX_LINE_BYTES: usize = 72;

/// Lays out a valid JSON text.
pub(crate) fn pretty(json: &str) -> String {
    let compact = compact(json);
    let mut out = String::with_capacity(compact.len() * 2);
    let mut rest = compact.as_str();
    let mut depth = 0usize;
    while let Some(first) = rest.chars().next() {
        let (token, after) = rest.split_at(token_bytes(rest, first));
        rest = after;
        match first {
            '{' | '[' => match one_line(token, rest) {
                Some((line, after)) => {
                    out.push_str(&line);
                    rest = after;
                }
                None => {
                    depth += 1;
                    out.push(first);
                    new_line(&mut out, depth);
                }
            },
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(first);
            }
            ',' => {
                out.push(',');
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => out.push_str(token),
        }
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// The container that begins with `open`, where it holds no other one and is short, and what follows it.
fn one_line<'t>(open: &str, inside: &'t str) -> Option<(String, &'t str)> {
    let mut line = String::from(open);
    let mut rest = inside;
    while let Some(first) = rest.chars().next() {
        let (token, after) = rest.split_at(token_bytes(rest, first));
        rest = after;
        match first {
            '{' | '[' => return None,
            ',' => line.push_str(", "),
            ':' => line.push_str(": "),
            _ => line.push_str(token),
        }
        if line.len() > MAX_LINE_BYTES {
            return None;
        }
        if matches!(first, '}' | ']') {
            return Some((line, rest));
        }
    }
    None
}

/// Length of the token that `text` begins with: a text as a whole, else one character.
fn token_bytes(text: &str, first: char) -> usize {
    if first != '"' {
        return first.len_utf8();
    }
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Without the blanks between tokens.
fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(first) = rest.chars().next() {
        let (token, after) = rest.split_at(token_bytes(rest, first));
        rest = after;
        if !first.is_ascii_whitespace() {
            out.push_str(token);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: &str) {
        assert_eq!(pretty(json), expected);
        assert_eq!(compact(expected), compact(json), "nothing but blanks may differ");
    }

    #[test]
    fn small_containers_stay_on_one_line() {
        check("{}", "{}");
        check("[ 1 ,2]", "[1, 2]");
        check(r#"{"b":1,"a":[]}"#, "{\n  \"b\": 1,\n  \"a\": []\n}");
        check(r#"{"t":[["/x",2],["/y",1]]}"#, "{\n  \"t\": [\n    [\"/x\", 2],\n    [\"/y\", 1]\n  ]\n}");
    }

    #[test]
    fn long_containers_are_broken() {
        let long = format!("[{}]", ["123456789"; 9].join(","));
        let expected = format!("[\n  {}\n]", ["123456789"; 9].join(",\n  "));
        check(&long, &expected);
    }

    #[test]
    fn texts_and_numbers_are_what_they_were() {
        check(r#""a, \" [ \\""#, r#""a, \" [ \\""#);
        check("123456789012345678901234567890", "123456789012345678901234567890");
    }
}
