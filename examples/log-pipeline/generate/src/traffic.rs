//! What a busy server would log.

use std::fmt;

use crate::calendar::stamp;
use crate::random::Random;

const PAGES: [&str; 14] = [
    "/",
    "/index.html",
    "/products",
    "/cart",
    "/login",
    "/api/v1/orders",
    "/api/v1/items",
    "/static/app.js",
    "/static/style.css",
    "/favicon.ico",
    "/robots.txt",
    "/preise/übersicht",
    "/日本語/案内",
    "/search",
];
const METHODS: [&str; 9] = ["GET", "GET", "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PROPFIND"];
const ODD_METHODS: [&str; 4] = ["M-SEARCH", "get", "X!#$%&'*+.^_`|~9", "BASELINE-CONTROL"];
const PROTOCOLS: [&str; 5] = ["HTTP/1.1", "HTTP/2", "HTTP/1.0", "HTTP/2.0", "HTTP/3"];
const STATUSES: [&str; 10] = ["200", "200", "200", "304", "302", "301", "404", "206", "403", "429"];
const FAILURES: [&str; 4] = ["500", "502", "503", "504"];
const USERS: [&str; 4] = ["frank", "märta", "o\"brien", "svc-backup"];
/// The zone of the server's log in winter and in summer, and of a part of it that runs elsewhere.
const ZONES: [(&str, i64); 3] = [("+0100", 3_600), ("+0200", 7_200), ("-0330", -12_600)];
const REFERERS: [&str; 5] =
    ["-", "https://example.com/", "https://example.org/?q=log+pipeline", "http://[2001:db8::7]/a b", ""];
const AGENTS: [&str; 6] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36",
    "curl/8.9.1",
    "bot \\\"quoted\\\" \\\\backslash\\\\",
    "-",
    "Überwachung/1.0",
];

/// 29 February 2024 is not far from here.
const START: u64 = 58 * 86_400 + 85_000;
/// An incident begins about once in so many lines, and lasts so many.
const CALM_LINES: u64 = 900;
const INCIDENT_LINES: u64 = 120;

/// The fields of a well-formed line, escaped as the line shows them.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) host: String,
    pub(crate) user: String,
    pub(crate) date: String,
    pub(crate) request: String,
    pub(crate) status: String,
    pub(crate) size: String,
    /// Referer and agent.
    pub(crate) combined: Option<(String, String)>,
}

/// The state of the server that is logged.
#[derive(Debug)]
pub(crate) struct Traffic {
    seconds: u64,
    incident_left: u64,
}

impl Traffic {
    pub(crate) fn new() -> Self {
        Self { seconds: START, incident_left: 0 }
    }

    /// The next line.
    pub(crate) fn next(&mut self, random: &mut Random) -> Entry {
        if self.incident_left > 0 {
            self.incident_left -= 1;
            self.seconds += u64::from(random.chance(300));
        } else {
            self.seconds += random.below(3);
            if random.below(CALM_LINES) == 0 {
                self.incident_left = INCIDENT_LINES;
            }
        }
        let failing = random.chance(if self.incident_left > 0 { 700 } else { 5 });
        let status = if failing { random.skewed(&FAILURES) } else { random.skewed(&STATUSES) };
        // Requests are logged when they end, so that time goes back a little now and then.
        let late = if random.chance(20) { random.below(10) } else { 0 };
        Entry {
            host: host(random),
            user: if random.chance(100) { random.pick(&USERS).to_owned() } else { "-".to_owned() },
            date: date(random, self.seconds - late),
            request: request(random),
            status: status.to_owned(),
            size: size(random, status),
            combined: random
                .chance(600)
                .then(|| (random.pick(&REFERERS).to_owned(), random.pick(&AGENTS).to_owned())),
        }
    }
}

/// A point in time as one of the zones shows it.
fn date(random: &mut Random, seconds: u64) -> String {
    let (zone, offset) = match random.below(20) {
        0 => ZONES[2],
        1 => ZONES[1],
        _ => ZONES[0],
    };
    format!("{} {zone}", stamp(seconds.saturating_add_signed(offset)))
}

fn host(random: &mut Random) -> String {
    match random.below(10) {
        0 => format!("2001:db8::{:x}", random.below(0x1_0000)),
        1 => "::1".to_owned(),
        2 => format!("client-{}.example.net", random.below(50)),
        _ => format!("10.{}.{}.{}", random.below(4), random.below(256), random.below(256)),
    }
}

fn request(random: &mut Random) -> String {
    let method = if random.chance(10) { random.pick(&ODD_METHODS) } else { random.skewed(&METHODS) };
    let page = random.skewed(&PAGES);
    let target = match random.below(100) {
        0 => "*".to_owned(),
        1 => "/quote\\\"d/back\\\\slash?x=\\\"1\\\"".to_owned(),
        2 => format!("https://example.com{page}"),
        3..30 => format!("{page}?page={}&sort=a?b", random.below(40)),
        30..50 => format!("{}/{}", page.trim_end_matches('/'), random.below(5_000)),
        _ => page.to_owned(),
    };
    format!("{method} {target} {}", random.skewed(&PROTOCOLS))
}

fn size(random: &mut Random, status: &str) -> String {
    match status {
        "304" => "-".to_owned(),
        _ if random.chance(20) => "-".to_owned(),
        _ if random.chance(2) => "999999999999999999".to_owned(),
        _ => random.below(250_000).to_string(),
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, user, date, request, status, size, combined } = self;
        write!(formatter, "{host} - {user} [{date}] \"{request}\" {status} {size}")?;
        match combined {
            Some((referer, agent)) => write!(formatter, " \"{referer}\" \"{agent}\""),
            None => Ok(()),
        }
    }
}
