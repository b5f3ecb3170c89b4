//! The grammar of a line, clause by clause, and against a second reading of it.

use log_line::{MAX_LINE_BYTES, parse};
use proptest::prelude::*;

const HEAD: &str = "h - - [10/Oct/2000:13:55:36 -0700] ";

fn check(line: impl AsRef<[u8]>, expected: Option<(&str, &str, u16, u64)>) {
    let line = line.as_ref();
    let entry = parse(line);
    let found = entry.as_ref().map(|entry| {
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        (text(entry.method), text(&entry.path), entry.status, entry.size)
    });
    assert_eq!(found, expected, "{}", String::from_utf8_lossy(line));
    assert_eq!(entry.is_some(), slow::is_well_formed(line), "{}", String::from_utf8_lossy(line));
}

fn good(line: impl AsRef<[u8]>) {
    assert!(parse(line.as_ref()).is_some(), "{}", String::from_utf8_lossy(line.as_ref()));
    assert!(slow::is_well_formed(line.as_ref()));
}

fn bad(line: impl AsRef<[u8]>) {
    check(line, None);
}

#[test]
fn common_and_combined() {
    check(
        r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326"#,
        Some(("GET", "/apache_pb.gif", 200, 2326)),
    );
    check(
        r#"2001:db8::1 - - [10/Oct/2000:13:55:36 +0000] "POST /a?b=c?d HTTP/2" 503 - "https://x/" "Moz \"5\" \\""#,
        Some(("POST", "/a", 503, 0)),
    );
}

#[test]
fn words_are_runs_of_anything_but_spaces() {
    good("\u{a0}é\t \"[ ]\\ [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.1\" 200 1");
    bad(r#" - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 1"#);
    bad(r#"h  - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 1"#);
    bad(r#"h - -  [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 1"#);
    bad(r#"h - - x [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 1"#);
    bad(r#"h - - [10/Oct/2000:13:55:36 -0700]  "GET / HTTP/1.1" 200 1"#);
    bad(r#" h - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 1"#);
}

#[test]
fn line_endings() {
    let line = format!("{HEAD}\"GET / HTTP/1.1\" 200 1");
    good(&line);
    good(format!("{line}\r"));
    bad(format!("{line}\r\r"));
    bad(format!("{line}\n"));
    bad(format!("{line} "));
    bad("");
    bad("\r");
    bad("-");
}

#[test]
fn lengths() {
    let head = format!("{HEAD}\"GET /");
    let tail = " HTTP/1.1\" 200 1";
    let line = |length: usize| format!("{head}{}{tail}", "x".repeat(length - head.len() - tail.len()));
    good(line(MAX_LINE_BYTES));
    good(line(MAX_LINE_BYTES) + "\r");
    bad(line(MAX_LINE_BYTES + 1));
    bad(line(MAX_LINE_BYTES + 1) + "\r");
    bad(&line(200_000)[..MAX_LINE_BYTES + 2]);
}

#[test]
fn utf8() {
    check(format!("{HEAD}\"GET /é/日本 HTTP/1.1\" 200 1"), Some(("GET", "/é/日本", 200, 1)));
    let mut line = format!("{HEAD}\"GET / HTTP/1.1\" 200 1 \"-\" \"x\"").into_bytes();
    let at = line.len() - 2;
    good(&line);
    for byte in [0x80, 0xc3, 0xff] {
        line[at] = byte;
        bad(&line);
    }
    // A surrogate, an overlong slash, beyond the last character.
    for bytes in [&b"\xed\xa0\x80"[..], b"\xc0\xaf", b"\xf4\x90\x80\x80"] {
        let mut line = line[..at].to_vec();
        line.extend_from_slice(bytes);
        line.push(b'"');
        bad(&line);
    }
}

#[test]
fn requests() {
    let request = |request: &str| format!("{HEAD}\"{request}\" 200 1");
    check(request("GET /a\\\"b\\\\c?d HTTP/1.1"), Some(("GET", "/a\"b\\c", 200, 1)));
    check(request("GET /a?\\\" HTTP/1.1"), Some(("GET", "/a", 200, 1)));
    check(request("GET ?x HTTP/1.1"), Some(("GET", "", 200, 1)));
    check(request("OPTIONS * HTTP/1.1"), Some(("OPTIONS", "*", 200, 1)));
    check(request("!#$%&'*+-.^_`|~aZ09 / HTTP/9.9"), Some(("!#$%&'*+-.^_`|~aZ09", "/", 200, 1)));
    check(request("GET \t\r HTTP/1"), Some(("GET", "\t\r", 200, 1)));
    for malformed in [
        "",
        "-",
        "GET",
        "GET ",
        "GET /",
        "GET / ",
        "GET  HTTP/1.1",
        "GET / / HTTP/1.1",
        " / HTTP/1.1",
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        " GET / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "G{T / HTTP/1.1",
        "G\u{e9}T / HTTP/1.1",
        "G(T / HTTP/1.1",
        "G\\\"T / HTTP/1.1",
        "G\\\\T / HTTP/1.1",
        "GET / HTTP/1.12",
        "GET / HTTP/11.1",
        "GET / HTTP/1.",
        "GET / HTTP/",
        "GET / HTTP/.1",
        "GET / http/1.1",
        "GET / HTTPS/1.1",
        "GET / HTTP/x",
        "GET / HTTP/1.x",
        "GET / HTTP/1.1\\\"",
        "GET /\\x HTTP/1.1",
        "GET /\\ HTTP/1.1",
        "GET /\" HTTP/1.1",
        "GET\t/ HTTP/1.1",
    ] {
        bad(request(malformed));
    }
}

#[test]
fn statuses_and_sizes() {
    let tail = |tail: &str| format!("{HEAD}\"GET / HTTP/1.1\" {tail}");
    check(tail("100 007"), Some(("GET", "/", 100, 7)));
    check(tail("599 999999999999999999"), Some(("GET", "/", 599, 999_999_999_999_999_999)));
    check(tail("200 000000000000000000"), Some(("GET", "/", 200, 0)));
    check(tail("200 -"), Some(("GET", "/", 200, 0)));
    for malformed in [
        "099 1",
        "600 1",
        "99 1",
        "1000 1",
        "0200 1",
        "+20 1",
        "2x0 1",
        " 1",
        "- 1",
        "200",
        "200 ",
        "200 +1",
        "200 -1",
        "200 1-",
        "200 --",
        "200 1000000000000000000",
        "200 0000000000000000000",
        "200 1x",
        "200 1 ",
        "200  1",
        "200 1.5",
    ] {
        bad(tail(malformed));
    }
}

#[test]
fn referer_and_agent_come_together() {
    let tail = |tail: &str| format!("{HEAD}\"GET / HTTP/1.1\" 200 1{tail}");
    for well_formed in [r#" "" """#, r#" "-" "-""#, r#" "a b" "\"\\""#, " \"\t\" \"\r\""] {
        good(tail(well_formed));
    }
    for malformed in [
        " ",
        r#" """#,
        r#" "a""#,
        r#" "a" "#,
        r#" "a" "b"#,
        r#" "a"  "b""#,
        r#" "a" "b" "#,
        r#" "a" "b" "c""#,
        r#"  "a" "b""#,
        r#" "a""b""#,
        r#" a "b""#,
        r#" "a" "b\""#,
        r#" "a" "b\\\""#,
        r#" "a" "\n""#,
        r#" "\x41" "b""#,
    ] {
        bad(tail(malformed));
    }
}

proptest! {
    #[test]
    fn agrees_with_the_second_reading(line in near_misses()) {
        prop_assert_eq!(parse(&line).is_some(), slow::is_well_formed(&line), "{}", String::from_utf8_lossy(&line));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(parse(&line).is_some(), slow::is_well_formed(&line));
    }
}

/// Well-formed lines of which a byte or two may be replaced, removed or doubled.
fn near_misses() -> impl Strategy<Value = Vec<u8>> {
    let line = (
        "[a-z:.0-9é\"]{1,8}",
        "[0-2][0-9]|3[01]",
        "Jan|Feb|Dec|Apr|may",
        "[0-2]0(0|2)[034]",
        "[0-2][0-9]",
        "[A-Z]{1,3}",
        r#"[a-z/? ]{1,6}|/a\\"?b|\\\\"#,
        r"HTTP/[0-9](\.[0-9])?",
        "[0-6][0-9]{2}",
        r"-|[0-9]{1,19}",
        r#"| "[a-z]*" "([a-z ]|\\"|\\\\)*""#,
        "|\r",
    )
        .prop_map(
            |(host, day, month, year, hour, method, target, protocol, status, size, combined, end)| {
                format!(
                    "{host} - - [{day}/{month}/{year}:{hour}:00:59 +0130] \
                 \"{method} {target} {protocol}\" {status} {size}{combined}{end}"
                )
                .into_bytes()
            },
        );
    let edit = (any::<prop::sample::Index>(), 0..5_u8, prop::sample::select(&b" \"\\[]:-/?1aA\r\x80"[..]));
    (line, prop::collection::vec(edit, 0..3)).prop_map(|(mut line, edits)| {
        for (at, kind, byte) in edits {
            let at = at.index(line.len().max(1));
            match kind {
                0 if at < line.len() => line[at] = byte,
                1 => line.insert(at, byte),
                2 if at < line.len() => drop(line.remove(at)),
                3 if at < line.len() => line.insert(at, line[at]),
                _ => {}
            }
        }
        line
    })
}

/// The grammar read a second time, by characters and without regard to speed.
mod slow {
    pub fn is_well_formed(line: &[u8]) -> bool {
        let Ok(text) = std::str::from_utf8(line) else { return false };
        let text = text.strip_suffix('\r').unwrap_or(text);
        text.len() <= 65_536 && fields(text).is_some_and(|fields| check(&fields))
    }

    /// Splits at spaces outside brackets (in the fourth field) and quotes (from the fifth on).
    fn fields(text: &str) -> Option<Vec<String>> {
        let mut fields = Vec::new();
        let mut characters = text.chars().peekable();
        loop {
            let mut field = String::new();
            match fields.len() {
                3 => {
                    for character in characters.by_ref() {
                        field.push(character);
                        if character == ']' {
                            break;
                        }
                    }
                }
                4 | 7 | 8 => {
                    field.push(characters.next().filter(|&first| first == '"')?);
                    loop {
                        match characters.next()? {
                            '"' => break,
                            '\\' => field.push(characters.next().filter(|next| ['"', '\\'].contains(next))?),
                            character => field.push(character),
                        }
                    }
                }
                _ => {
                    while let Some(character) = characters.next_if(|&character| character != ' ') {
                        field.push(character);
                    }
                }
            }
            fields.push(field);
            match characters.next() {
                None => return Some(fields),
                Some(' ') => {}
                Some(_) => return None,
            }
        }
    }

    fn check(fields: &[String]) -> bool {
        if ![7, 9].contains(&fields.len()) || fields[..3].iter().any(String::is_empty) {
            return false;
        }
        let status: Option<u16> = digits(&fields[5], 3..=3).then(|| fields[5].parse().unwrap());
        date(&fields[3])
            && request(&fields[4][1..])
            && status.is_some_and(|status| (100..600).contains(&status))
            && (fields[6] == "-" || digits(&fields[6], 1..=18))
    }

    fn digits(text: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
        lengths.contains(&text.len()) && text.chars().all(|character| character.is_ascii_digit())
    }

    fn date(text: &str) -> bool {
        let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        let Some((time, zone)) = inner.and_then(|text| text.split_once(' ')) else { return false };
        if !zone.starts_with(['+', '-']) || !digits(&zone[1..], 4..=4) {
            return false;
        }
        let parts: Vec<_> = time.split([':', '/']).collect();
        let [day, month, year, hours, minutes, seconds] = parts[..] else { return false };
        if time.chars().filter(|&c| c == '/' || c == ':').collect::<String>() != "//:::"
            || ![day, hours, minutes, seconds].iter().all(|text| digits(text, 2..=2))
            || !digits(year, 4..=4)
        {
            return false;
        }
        let number = |text: &str| text.parse::<u32>().unwrap();
        let (day, year) = (number(day), number(year));
        let leap = year % 400 == 0 || year % 4 == 0 && year % 100 != 0;
        let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let Some(month) = names.iter().position(|&name| name == month) else { return false };
        (1..=days[month]).contains(&day) && number(hours) < 24 && number(minutes) < 60 && number(seconds) < 60
    }

    fn request(text: &str) -> bool {
        let parts: Vec<_> = text.split(' ').collect();
        let [method, target, protocol] = parts[..] else { return false };
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let version: Option<Vec<char>> =
            protocol.strip_prefix("HTTP/").map(|version| version.chars().collect());
        !method.is_empty()
            && method.chars().all(token)
            && !target.is_empty()
            && match version.as_deref() {
                Some([major]) => major.is_ascii_digit(),
                Some([major, '.', minor]) => major.is_ascii_digit() && minor.is_ascii_digit(),
                _ => false,
            }
    }
}
