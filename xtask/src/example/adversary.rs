//! Files that try to make the pipeline and the count disagree.
//!
//! Every file follows from its seed alone, so that a difference can be looked at again.

/// Named files: the edges of what a file can be, and lines at random that are almost well formed.
pub(super) fn inputs(lines: u64, seed: u64) -> Vec<(String, Vec<u8>)> {
    let named = |name: &str, bytes: Vec<u8>| (name.to_owned(), bytes);
    let line = line_of(b"/x");
    vec![
        named("empty", Vec::new()),
        named("only-line-feeds", b"\n".repeat(1_000)),
        named("only-a-carriage-return", b"\r".to_vec()),
        named("no-last-newline", [line.clone(), b"\n".to_vec(), line].concat()),
        named("very-long-lines", very_long_lines()),
        named("not-utf-8", not_utf_8(seed)),
        named("near-misses", near_misses(lines, seed)),
        named("near-misses-again", near_misses(lines, seed.wrapping_add(1))),
    ]
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `bound`, which is above zero; the slight bias does not matter here.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap_or(u64::MAX)).unwrap_or_default()
    }

    fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> Option<&'a T> {
        choices.get(self.below(choices.len())).copied()
    }
}

fn line_of(target: &[u8]) -> Vec<u8> {
    let mut line = b"h - - [10/Oct/2000:13:55:36 -0700] \"GET ".to_vec();
    line.extend_from_slice(target);
    line.extend_from_slice(b" HTTP/1.1\" 200 5");
    line
}

/// Around the longest line that is well formed, around the length at which the host cuts, and far above.
fn very_long_lines() -> Vec<u8> {
    let bare = line_of(b"").len();
    let mut file = Vec::new();
    for length in [65_535_usize, 65_536, 65_537, 65_538, 65_539, 131_072, 1_048_576, 5_000_000] {
        for ending in [&b"\n"[..], b"\r\n", b"\r\r\n"] {
            file.extend_from_slice(&line_of(&b"a".repeat(length.saturating_sub(bare))));
            file.extend_from_slice(ending);
        }
        // Well formed up to the cut: it must not become so by being cut.
        file.extend_from_slice(&line_of(b"/short"));
        file.extend_from_slice(&b" ".repeat(length));
        file.extend_from_slice(&b"\n".repeat(2));
    }
    file.extend_from_slice(&b"x".repeat(2_000_000));
    file
}

fn not_utf_8(seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let mut file = Vec::new();
    for bad in [&b"\xff"[..], b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xe2\x82"] {
        file.extend_from_slice(&line_of(bad));
        file.push(b'\n');
    }
    for _ in 0..2_000 {
        let length = random.below(120);
        file.extend((0..length).map(|_| random.next().to_le_bytes().first().copied().unwrap_or_default()));
        file.push(b'\n');
    }
    file
}

/// Every field is mostly right and sometimes a little wrong; some lines have a few bytes changed.
fn near_misses(lines: u64, seed: u64) -> Vec<u8> {
    const FIELDS: &[&str] =
        &["-", "-", "-", "h", "::1", "10.0.0.1", "frank", "[", "\"", "a\tb", "é", "", "a b"];
    const DATES: &[&str] = &[
        "10/Oct/2000:13:55:36 -0700",
        "29/Feb/2024:23:59:59 +0000",
        "31/Dec/1999:00:00:00 +1400",
        "28/Feb/1900:12:30:00 +0530",
        "29/Feb/1900:12:30:00 +0530",
        "29/Feb/2023:12:30:00 +0530",
        "31/Jun/2024:12:30:00 +0530",
        "00/Jan/2024:12:30:00 +0530",
        "01/Jan/2024:24:00:00 +0000",
        "01/Jan/2024:00:60:00 +0000",
        "01/Jan/2024:00:00:60 +0000",
        "01/jan/2024:00:00:00 +0000",
        "1/Jan/2024:00:00:00 +0000",
        "01/Jan/2024:00:00:00 0000",
        "01/Jan/2024:00:00:00 +00:00",
        "",
    ];
    const METHODS: &[&str] =
        &["GET", "GET", "POST", "get", "M-SEARCH", "!#$%&'*+.^_`|~", "{", "GE T", "G\\\\T", "É", ""];
    const TARGETS: &[&str] = &[
        "/",
        "/",
        "/a",
        "/a?x=1",
        "/a?x?y",
        "/a/b",
        "/c",
        "/d",
        "/e",
        "/f",
        "/g",
        "/h",
        "/i",
        "/j",
        "/k",
        "?",
        "?a",
        "*",
        "/é",
        "/\\\"q\\\"",
        "/\\\\",
        "/\t",
        "/\u{1f980}",
        "/\\x",
        "/a b",
        "/\"",
        "",
    ];
    const PROTOCOLS: &[&str] = &[
        "HTTP/1.1",
        "HTTP/1.1",
        "HTTP/1.0",
        "HTTP/2",
        "HTTP/3",
        "HTTP/9.9",
        "HTTP/1.12",
        "HTTP/12",
        "http/1.1",
        "HTTP/1.",
        "HTTP/",
        "HTTP/٣",
        "",
    ];
    const STATUSES: &[&str] =
        &["200", "200", "100", "404", "500", "599", "099", "600", "0200", "20", "-", "+20", "2x0", ""];
    const SIZES: &[&str] = &[
        "0",
        "-",
        "17",
        "123456",
        "999999999999999999",
        "000000000000000001",
        "1000000000000000000",
        "9999999999999999999",
        "-1",
        "+1",
        "1.0",
        "--",
        "",
    ];
    const ENDS: &[&str] = &[
        "",
        "",
        " \"-\" \"-\"",
        " \"http://e.org/?q=\\\"x\\\"\" \"Mozilla/5.0 (X11)\"",
        " \"\" \"\\\\\"",
        " \"-\"",
        " \"-\" ",
        " \"-\" \"-\" ",
        " \"-\"  \"-\"",
        " \"-\" \"\\x\"",
        " \"-\" \"-",
        " - -",
        " ",
    ];
    const ENDINGS: &[&str] = &["\n", "\n", "\n", "\r\n", "\r\r\n"];
    const NOISE: &[u8] = b" \"\\[]/:+-.?\t\r\x00\xff\xc3\xa90aZ";
    let mut random = Random(seed);
    let mut file = Vec::new();
    for _ in 0..lines {
        // The first choices of each list are right: most lines take one of them in most fields.
        let mut field = |choices: &[&'static str]| {
            let right = if random.below(12) == 0 { choices.len() } else { choices.len().min(5) };
            choices.get(..right).and_then(|choices| random.pick(choices)).unwrap_or_default()
        };
        let mut line = format!(
            "{} {} {} [{}] \"{} {} {}\" {} {}{}",
            field(FIELDS),
            field(FIELDS),
            field(FIELDS),
            field(DATES),
            field(METHODS),
            field(TARGETS),
            field(PROTOCOLS),
            field(STATUSES),
            field(SIZES),
            field(ENDS),
        )
        .into_bytes();
        if random.below(5) == 0 {
            for _ in 0..=random.below(2) {
                let at = random.below(line.len());
                let noise = NOISE.get(random.below(NOISE.len())).copied().unwrap_or_default();
                match random.below(3) {
                    0 => line.insert(at, noise),
                    1 => drop(line.remove(at)),
                    _ => line.iter_mut().skip(at).take(1).for_each(|byte| *byte = noise),
                }
            }
        }
        file.extend_from_slice(&line);
        file.extend_from_slice(random.pick(ENDINGS).unwrap_or_default().as_bytes());
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::count;

    #[test]
    fn near_misses_are_of_both_kinds_and_follow_from_their_seed() {
        let file = near_misses(5_000, 7);
        let report = count::count(&file);
        assert!(report.malformed > 1_000, "{}", report.malformed);
        assert!(report.lines - report.malformed > 500, "{}", report.lines - report.malformed);
        assert!(report.top_paths.len() == 10 && report.by_status.len() > 3 && report.by_method.len() > 3);
        assert_eq!(file, near_misses(5_000, 7));
        assert_ne!(file, near_misses(5_000, 8));
    }

    #[test]
    fn very_long_lines_hold_well_formed_ones_too() {
        let report = count::count(&very_long_lines());
        assert!(report.malformed > 20 && report.malformed < report.lines);
    }
}
