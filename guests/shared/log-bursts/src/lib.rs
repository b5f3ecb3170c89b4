//! Finds bursts of server errors in log time: more than so many within so many seconds.
//!
//! The window ends at the latest log time and is `window_seconds` long, its start not included.
//! A burst is told once, when it begins; the next can begin when the window holds fewer than
//! `threshold`. Log time may go back: an error that is late but within the window counts where
//! it belongs, and one from before the window means that another log began, or that the clock of
//! the server was set back: the window starts anew there.
#![deny(missing_docs)]
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fmt;

use log_line::ServerError;

/// The longest window: with one counter for each of its seconds, memory stays small.
pub const MAX_WINDOW_SECONDS: u32 = 86_400;

/// What is too many, and how soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    threshold: u64,
    window_seconds: u32,
}

/// A rule that cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRule(&'static str);

/// A burst at its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Burst<'a> {
    /// Errors in the window, this one included.
    pub count: u64,
    /// The length of the window.
    pub window_seconds: u32,
    /// Log time of the first error in the window, in seconds since 1970-01-01T00:00:00Z.
    pub first: i64,
    /// Log time of the last error in the window.
    pub last: i64,
    /// The path of the error that made it a burst.
    pub path: &'a [u8],
}

/// The window and what it holds.
#[derive(Debug)]
pub struct Bursts {
    rule: Rule,
    /// Errors by second, all within the window.
    seconds: BTreeMap<i64, u64>,
    count: u64,
    told: bool,
}

impl Rule {
    /// More than `threshold` errors, 1 or more, within `window_seconds`, 1 to
    /// [`MAX_WINDOW_SECONDS`].
    pub fn new(threshold: u64, window_seconds: u32) -> Result<Self, InvalidRule> {
        if threshold == 0 {
            return Err(InvalidRule("threshold is 1 or more"));
        }
        if window_seconds == 0 || window_seconds > MAX_WINDOW_SECONDS {
            return Err(InvalidRule("window_seconds is 1 to 86400"));
        }
        Ok(Self { threshold, window_seconds })
    }
}

impl Bursts {
    /// An empty window.
    pub fn new(rule: Rule) -> Self {
        Self { rule, seconds: BTreeMap::new(), count: 0, told: false }
    }

    /// Takes an error into the window; a burst where it begins one.
    pub fn add<'a>(&mut self, error: &ServerError<'a>) -> Option<Burst<'a>> {
        let window = i64::from(self.rule.window_seconds);
        let latest = self.seconds.last_key_value().map_or(error.time, |(&latest, _)| latest);
        if error.time <= latest.saturating_sub(window) {
            self.seconds.clear();
            self.count = 0;
        }
        while let Some(first) = self.seconds.first_entry()
            && *first.key() <= error.time.saturating_sub(window)
        {
            self.count -= first.remove();
        }
        // The error itself is no part of what the window has fallen to.
        if self.count < self.rule.threshold {
            self.told = false;
        }
        *self.seconds.entry(error.time).or_default() += 1;
        self.count += 1;
        if self.told || self.count <= self.rule.threshold {
            return None;
        }
        self.told = true;
        let (first, last) = (self.seconds.first_key_value()?, self.seconds.last_key_value()?);
        Some(Burst {
            count: self.count,
            window_seconds: self.rule.window_seconds,
            first: *first.0,
            last: *last.0,
            path: error.path,
        })
    }
}

impl fmt::Display for InvalidRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for InvalidRule {}
