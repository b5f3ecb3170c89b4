//! Everything that can be wrong with a line, in turn.

use crate::random::Random;
use crate::traffic::Entry;

/// One byte more than a line may have.
const TOO_LONG_BYTES: usize = 65_537;

/// How a well-formed line is spoilt; with any byte, so that not all that comes out is UTF-8.
const KINDS: [fn(&Entry) -> Vec<u8>; 29] = [
    |_| Vec::new(),
    |_| b"-".to_vec(),
    |_| b"worker process 4711 exited on signal 9".to_vec(),
    |entry| format!(" {entry}").into(),
    |entry| format!("{entry} ").into(),
    |entry| format!("{entry} trailing").into(),
    |entry| with(entry, |entry| entry.host.clear()),
    |entry| with(entry, |entry| entry.user.push_str(" x")),
    |entry| with(entry, |entry| entry.date = "30/Feb/2024:00:00:00 +0000".into()),
    |entry| with(entry, |entry| entry.date = "29/Feb/2023:00:00:00 +0000".into()),
    |entry| with(entry, |entry| entry.date = "01/Mar/2024:24:00:00 +0000".into()),
    |entry| with(entry, |entry| entry.date = "01/Mar/2024:23:59:60 +0000".into()),
    |entry| with(entry, |entry| entry.date = "01/mar/2024:00:00:00 +0000".into()),
    |entry| with(entry, |entry| entry.date = "2024-03-01T00:00:00Z".into()),
    |entry| with(entry, |entry| entry.request = "-".into()),
    |entry| with(entry, |entry| entry.request = "GET /no-protocol".into()),
    |entry| with(entry, |entry| entry.request = "GET / HTTP/1.12".into()),
    |entry| with(entry, |entry| entry.request = "GET /two words HTTP/1.1".into()),
    |entry| with(entry, |entry| entry.request = "G{T / HTTP/1.1".into()),
    |entry| with(entry, |entry| entry.request = "\\x16\\x03\\x01".into()),
    |entry| with(entry, |entry| entry.request.push('"')),
    |entry| with(entry, |entry| entry.status = "099".into()),
    |entry| with(entry, |entry| entry.status = "600".into()),
    |entry| with(entry, |entry| entry.size = "1234567890123456789".into()),
    |entry| with(entry, |entry| entry.size = "-1".into()),
    |entry| with(entry, |entry| entry.combined = Some(("-".into(), "unfinished \\".into()))),
    |entry| with(entry, |entry| entry.request = "GET /\u{fffd} HTTP/1.1".into()).not_utf8(),
    |entry| {
        let mut line = entry.to_string().into_bytes();
        line.truncate(line.len() / 2);
        line
    },
    |entry| {
        let mut line = entry.to_string().replacen("HTTP/", "HTTP/x", 1).into_bytes();
        line.resize(TOO_LONG_BYTES, b'a');
        line
    },
];

/// Goes through all kinds, in turn.
#[derive(Debug)]
pub(crate) struct Malformed {
    made: usize,
}

impl Malformed {
    pub(crate) fn new() -> Self {
        Self { made: 0 }
    }

    /// A malformed line made of a well-formed one.
    pub(crate) fn next(&mut self, entry: &Entry, random: &mut Random) -> Vec<u8> {
        // Each kind once; then at random, but the long one, which would make most of the log.
        let kind =
            if self.made < KINDS.len() { self.made } else { random.below(KINDS.len() as u64 - 1) as usize };
        self.made += 1;
        KINDS.get(kind).map(|spoil| spoil(entry)).unwrap_or_default()
    }
}

fn with(entry: &Entry, change: impl FnOnce(&mut Entry)) -> Vec<u8> {
    let mut entry = Entry {
        host: entry.host.clone(),
        user: entry.user.clone(),
        date: entry.date.clone(),
        request: entry.request.clone(),
        status: entry.status.clone(),
        size: entry.size.clone(),
        combined: entry.combined.clone(),
    };
    change(&mut entry);
    entry.to_string().into()
}

trait NotUtf8 {
    /// Cuts the replacement characters in two.
    fn not_utf8(self) -> Self;
}

impl NotUtf8 for Vec<u8> {
    fn not_utf8(mut self) -> Self {
        for byte in &mut self {
            if *byte == 0xbf {
                *byte = 0xff;
            }
        }
        self
    }
}
