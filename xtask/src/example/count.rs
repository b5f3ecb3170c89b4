//! The independent count: the grammar of a log line and the report, written for the eye and not for
//! speed, and on purpose unlike the guests. It shares no code with them.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

/// Longest line that can be well formed, in bytes, without its LF and one CR.
const MAX_LINE_BYTES: usize = 65_536;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// What the pipeline reports at the end of its input.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Report {
    pub(super) lines: u64,
    pub(super) malformed: u64,
    pub(super) bytes: u128,
    pub(super) by_status: BTreeMap<String, u64>,
    pub(super) by_method: BTreeMap<String, u64>,
    pub(super) top_paths: Vec<(String, u64)>,
}

/// What the report needs of one well-formed line.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    method: String,
    path: String,
    status: String,
    size: u64,
}

/// The report over a whole file.
pub(super) fn count(input: &[u8]) -> Report {
    let mut report = Report::default();
    let mut paths: HashMap<String, u64> = HashMap::new();
    for line in input.split_inclusive(|byte| *byte == b'\n') {
        report.lines += 1;
        let Some(entry) = entry(line) else {
            report.malformed += 1;
            continue;
        };
        report.bytes += u128::from(entry.size);
        *report.by_status.entry(entry.status).or_default() += 1;
        *report.by_method.entry(entry.method).or_default() += 1;
        *paths.entry(entry.path).or_default() += 1;
    }
    report.top_paths = paths.into_iter().collect();
    report.top_paths.sort_by(|(a, times_a), (b, times_b)| {
        times_b.cmp(times_a).then_with(|| a.as_bytes().cmp(b.as_bytes()))
    });
    report.top_paths.truncate(10);
    report
}

/// A line with its ending, if it is well formed.
fn entry(line: &[u8]) -> Option<Entry> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > MAX_LINE_BYTES {
        return None;
    }
    let mut rest = str::from_utf8(line).ok()?;
    for _host_ident_user in 0..3 {
        let (field, after) = rest.split_once(' ')?;
        if field.is_empty() {
            return None;
        }
        rest = after;
    }
    let (date, rest) = rest.strip_prefix('[')?.split_once("] ")?;
    if !is_date(date) {
        return None;
    }
    let (request, rest) = quoted(rest)?;
    let words: Vec<&str> = request.split(' ').collect();
    let &[method, target, protocol] = words.as_slice() else { return None };
    if !is_token(method) || target.is_empty() || !is_protocol(protocol) {
        return None;
    }
    let (status, rest) = rest.strip_prefix(' ')?.split_once(' ')?;
    let number = digits(status, 3)?;
    if !(100..=599).contains(&number) {
        return None;
    }
    let (size, rest) = match rest.split_once(' ') {
        Some((size, rest)) => (size, Some(rest)),
        None => (rest, None),
    };
    let size = if size == "-" {
        0
    } else if (1..=18).contains(&size.len()) {
        digits(size, size.len())?
    } else {
        return None;
    };
    if let Some(rest) = rest {
        let (_referer, rest) = quoted(rest)?;
        let (_agent, rest) = quoted(rest.strip_prefix(' ')?)?;
        if !rest.is_empty() {
            return None;
        }
    }
    Some(Entry {
        method: method.to_owned(),
        path: target.split('?').next().unwrap_or_default().to_owned(),
        status: status.to_owned(),
        size,
    })
}

/// The text between quotes, with its escapes undone, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut plain = String::new();
    let mut characters = text.strip_prefix('"')?.chars();
    loop {
        match characters.next()? {
            '"' => return Some((plain, characters.as_str())),
            '\\' => match characters.next()? {
                escaped @ ('"' | '\\') => plain.push(escaped),
                _ => return None,
            },
            other => plain.push(other),
        }
    }
}

/// Exactly `length` ASCII digits.
fn digits(text: &str, length: usize) -> Option<u64> {
    let good = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    good.then(|| text.parse().ok()).flatten()
}

/// `dd/Mon/yyyy:HH:MM:SS +hhmm`
fn is_date(text: &str) -> bool {
    let parse = || {
        let (clock_and_day, zone) = text.split_once(' ')?;
        digits(zone.strip_prefix('+').or_else(|| zone.strip_prefix('-'))?, 4)?;
        let parts: Vec<&str> = clock_and_day.split(':').collect();
        let &[day, hour, minute, second] = parts.as_slice() else { return None };
        let parts: Vec<&str> = day.split('/').collect();
        let &[day, month, year] = parts.as_slice() else { return None };
        let month = MONTHS.iter().position(|name| *name == month)?;
        let year = digits(year, 4)?;
        let leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
        let last = match month {
            1 if leap => 29,
            1 => 28,
            3 | 5 | 8 | 10 => 30,
            _ => 31,
        };
        let exists = (1..=last).contains(&digits(day, 2)?);
        Some(exists && digits(hour, 2)? <= 23 && digits(minute, 2)? <= 59 && digits(second, 2)? <= 59)
    };
    parse().unwrap_or(false)
}

/// A token of RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

/// `HTTP/` and a digit, optionally `.` and a digit.
fn is_protocol(text: &str) -> bool {
    text.strip_prefix("HTTP/").is_some_and(|version| {
        let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
        digits(major, 1).is_some() && digits(minor, 1).is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "10/Oct/2000:13:55:36 -0700";

    fn check(line: impl AsRef<[u8]>, well_formed: bool) {
        let line = line.as_ref();
        let short: String = String::from_utf8_lossy(line).chars().take(200).collect();
        assert_eq!(entry(line).is_some(), well_formed, "{short:?}");
    }

    fn with_date(date: &str) -> String {
        format!("h - - [{date}] \"GET / HTTP/1.1\" 200 1")
    }

    fn with_request(request: &str) -> String {
        format!("h - - [{DATE}] \"{request}\" 200 1")
    }

    fn with_end(end: &str) -> String {
        format!("h - - [{DATE}] \"GET / HTTP/1.1\" {end}")
    }

    #[test]
    fn the_two_formats_are_well_formed() {
        check(with_end("200 2326"), true);
        check(with_end("200 2326 \"http://example.com/\" \"Mozilla/4.08\""), true);
        check("2001:db8::1 - frank [10/Oct/2000:13:55:36 -0700] \"GET /a HTTP/2\" 200 -", true);
        check("", false);
        check("\n", false);
        check("garbage", false);
    }

    #[test]
    fn fields_are_runs_of_anything_but_spaces() {
        for (fields, good) in [
            ("a b c", true),
            ("\t \u{1} [", true),
            ("\" \" \"", true),
            ("h\tx i\ty u\tz", true),
            ("h  -", false),
            (" h - -", false),
            ("h - ", false),
            ("h -", false),
            ("h - - -", false),
            ("é ü ñ", true),
            ("h\r i\r u\r", true),
        ] {
            check(format!("{fields} [{DATE}] \"GET / HTTP/1.1\" 200 1"), good);
        }
        check(format!("h\t-\t- [{DATE}] \"GET / HTTP/1.1\" 200 1"), false);
        check(format!("h - -  [{DATE}] \"GET / HTTP/1.1\" 200 1"), false);
        check(format!("h - - [{DATE}]  \"GET / HTTP/1.1\" 200 1"), false);
        check(format!("h - - [{DATE}]\"GET / HTTP/1.1\" 200 1"), false);
        check(format!("h - - {DATE} \"GET / HTTP/1.1\" 200 1"), false);
    }

    #[test]
    fn the_day_exists() {
        for (day, good) in [
            ("29/Feb/2024", true),
            ("29/Feb/2000", true),
            ("29/Feb/2023", false),
            ("29/Feb/1900", false),
            ("28/Feb/1900", true),
            ("30/Feb/2024", false),
            ("31/Apr/2024", false),
            ("30/Apr/2024", true),
            ("31/Dec/9999", true),
            ("00/Jan/2024", false),
            ("32/Jan/2024", false),
            ("1/Jan/2024", false),
            ("001/Jan/2024", false),
            ("01/jan/2024", false),
            ("01/JAN/2024", false),
            ("01/January/2024", false),
            ("01/01/2024", false),
            ("01/Jan/24", false),
            ("01/Jan/+024", false),
            ("01-Jan-2024", false),
            ("01/Jan/2024/", false),
        ] {
            check(with_date(&format!("{day}:00:00:00 +0000")), good);
        }
    }

    #[test]
    fn the_clock_is_in_range() {
        for (time, good) in [
            ("23:59:59 +0000", true),
            ("00:00:00 -9999", true),
            ("24:00:00 +0000", false),
            ("00:60:00 +0000", false),
            ("23:59:60 +0000", false),
            ("0:00:00 +0000", false),
            ("00:00 +0000", false),
            ("00:00:00:00 +0000", false),
            ("00:00:00 0000", false),
            ("00:00:00 +000", false),
            ("00:00:00 +00000", false),
            ("00:00:00 +00:00", false),
            ("00:00:00 ++000", false),
            ("00:00:00  +0000", false),
            ("00:00:00", false),
            ("00:00:00 +0000 ", false),
            ("٠٠:00:00 +0000", false),
        ] {
            check(with_date(&format!("01/Jan/2024:{time}")), good);
        }
    }

    #[test]
    fn the_request_is_three_words() {
        for (request, good) in [
            ("GET / HTTP/1.1", true),
            ("GET / HTTP/2", true),
            ("GET / HTTP/9.9", true),
            ("GET / HTTP/1.12", false),
            ("GET / HTTP/12", false),
            ("GET / HTTP/1.", false),
            ("GET / HTTP/.1", false),
            ("GET / HTTP/", false),
            ("GET / HTTP/1,1", false),
            ("GET / HTTP/1.1.1", false),
            ("GET / http/1.1", false),
            ("GET / HTTPS/1.1", false),
            ("GET /", false),
            ("GET", false),
            ("", false),
            ("-", false),
            ("GET  HTTP/1.1", false),
            ("GET  / HTTP/1.1", false),
            ("GET /  HTTP/1.1", false),
            (" GET / HTTP/1.1", false),
            ("GET / HTTP/1.1 ", false),
            ("GET /a b HTTP/1.1", false),
            ("GET /\t HTTP/1.1", true),
            ("GET\t/ HTTP/1.1", false),
            ("get / HTTP/1.1", true),
            ("{ET / HTTP/1.1", false),
            ("GE(T / HTTP/1.1", false),
            ("G\u{c9}T / HTTP/1.1", false),
            ("!#$%&'*+-.^_`|~09azAZ / HTTP/1.1", true),
            ("GET * HTTP/1.1", true),
            ("GET /\u{e9}\u{1f980} HTTP/1.1", true),
            ("GET /[x] HTTP/1.1", true),
        ] {
            check(with_request(request), good);
        }
    }

    #[test]
    fn two_escapes_and_no_other() {
        for (request, good) in [
            (r#"GET /\"a\" HTTP/1.1"#, true),
            (r"GET /\\ HTTP/1.1", true),
            (r#"GET /\\\" HTTP/1.1"#, true),
            (r"GET /\x22 HTTP/1.1", false),
            (r"GET /\n HTTP/1.1", false),
            (r"GET /\ HTTP/1.1", false),
            (r"GET / HTTP/1.1\", false),
            (r#"GET /" HTTP/1.1"#, false),
            (r"G\\T / HTTP/1.1", false),
        ] {
            check(with_request(request), good);
        }
        check(with_end(r#"200 1 "\"" "\\""#), true);
        check(with_end(r#"200 1 "\x" "a""#), false);
        check(with_end(r#"200 1 "a" "\""#), false);
    }

    #[test]
    fn status_and_size_are_in_range() {
        for (end, good) in [
            ("100 0", true),
            ("599 0", true),
            ("099 0", false),
            ("600 0", false),
            ("0200 0", false),
            ("20 0", false),
            ("+20 0", false),
            ("2٠0 0", false),
            ("- 0", false),
            ("200 -", true),
            ("200 --", false),
            ("200 -1", false),
            ("200 +1", false),
            ("200 000", true),
            ("200 999999999999999999", true),
            ("200 0000000000000000000", false),
            ("200 1000000000000000000", false),
            ("200 ", false),
            ("200", false),
            ("200  1", false),
            (" 200 1", false),
            ("200 1.0", false),
            ("200\t1", false),
        ] {
            check(with_end(end), good);
        }
    }

    #[test]
    fn referer_and_agent_come_together_or_not_at_all() {
        for (end, good) in [
            ("200 1 \"\" \"\"", true),
            ("200 1 \"a b\" \"c  d\"", true),
            ("200 1 \"a\"", false),
            ("200 1 \"a\" ", false),
            ("200 1 \"a\" \"b", false),
            ("200 1 \"a\" b", false),
            ("200 1 - \"b\"", false),
            ("200 1 \"a\"\"b\"", false),
            ("200 1 \"a\"  \"b\"", false),
            ("200 1  \"a\" \"b\"", false),
            ("200 1 \"a\" \"b\" ", false),
            ("200 1 \"a\" \"b\" \"c\"", false),
            ("200 1 \"a\" \"b\"c", false),
            ("200 1 ", false),
            ("200 1\t", false),
        ] {
            check(with_end(end), good);
        }
    }

    #[test]
    fn one_ending_is_removed_and_no_more() {
        let line = with_end("200 1");
        for (ending, good) in
            [("", true), ("\n", true), ("\r", true), ("\r\n", true), ("\r\r\n", false), ("\r\r", false)]
        {
            check(format!("{line}{ending}"), good);
        }
    }

    #[test]
    fn the_longest_line_is_well_formed_and_one_byte_more_is_not() {
        let of_length = |length: usize| {
            let bare = with_request("GET / HTTP/1.1").len();
            with_request(&format!("GET /{} HTTP/1.1", "a".repeat(length - bare)))
        };
        assert_eq!(of_length(MAX_LINE_BYTES).len(), 65_536);
        check(of_length(65_536), true);
        check(of_length(65_536) + "\r\n", true);
        check(of_length(65_537), false);
        check(of_length(65_535) + "\r\r\n", false);
    }

    #[test]
    fn what_is_not_utf_8_is_malformed() {
        for bad in [&b"\xff"[..], b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80"] {
            let mut line = with_end("200 1 \"a\" \"").into_bytes();
            line.extend_from_slice(bad);
            line.push(b'"');
            check(line, false);
        }
    }

    #[test]
    fn a_path_ends_at_the_first_question_mark() {
        for (target, path) in [
            ("/a?b?c", "/a"),
            ("?", ""),
            ("?/x", ""),
            ("/", "/"),
            (r#"/\"?x"#, "/\""),
            (r"/\\", "/\\"),
            ("/%3F", "/%3F"),
        ] {
            let found = entry(with_request(&format!("GET {target} HTTP/1.1")).as_bytes());
            assert_eq!(found.map(|entry| entry.path).as_deref(), Some(path), "{target}");
        }
    }

    #[test]
    fn the_report_counts_every_line_once() {
        let line = with_end("200 999999999999999999");
        let report = count(format!("{line}\n\n{line}\r\nx\n{}", with_end("404 -")).as_bytes());
        assert_eq!((report.lines, report.malformed, report.bytes), (5, 2, 1_999_999_999_999_999_998));
        assert_eq!(report.by_status, [("200".to_owned(), 2), ("404".to_owned(), 1)].into());
        assert_eq!(report.by_method, [("GET".to_owned(), 3)].into());
        assert_eq!(report.top_paths, [("/".to_owned(), 3)]);
        for (input, lines) in [("", 0), ("\n", 1), ("\n\n", 2), ("x", 1), ("x\n", 1), ("x\ny", 2)] {
            assert_eq!(count(input.as_bytes()).lines, lines, "{input:?}");
        }
    }

    #[test]
    fn the_top_ten_are_ordered_by_count_and_then_by_bytes() {
        let mut log = String::new();
        for path in ["/z", "/z", "/é", "/~", "/B", "/a", "/1", "/2", "/3", "/4", "/5", "/6", "/7"] {
            log.push_str(&with_request(&format!("GET {path} HTTP/1.1")));
            log.push('\n');
        }
        let found: Vec<_> = count(log.as_bytes()).top_paths.into_iter().map(|(path, _)| path).collect();
        assert_eq!(found, ["/z", "/1", "/2", "/3", "/4", "/5", "/6", "/7", "/B", "/a"]);
    }

    #[test]
    fn the_sum_of_sizes_goes_past_64_bits() {
        let log = format!("{}\n", with_end("200 999999999999999999")).repeat(20);
        assert_eq!(count(log.as_bytes()).bytes, 19_999_999_999_999_999_980);
    }
}
