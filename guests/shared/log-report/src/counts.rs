//! What is counted of each record.

use std::collections::BTreeMap;

use log_line::Record;

use crate::report::Report;
use crate::tally::Tally;

/// Statuses are below this.
const STATUSES: usize = 600;

/// Methods that make up most logs have counters of their own, which need no look-up.
const COMMON_METHODS: [&str; 4] = ["GET", "POST", "HEAD", "PUT"];

/// The counts of all records so far.
#[derive(Debug)]
pub struct Counts {
    lines: u64,
    malformed: u64,
    bytes: u128,
    statuses: Box<[u64; STATUSES]>,
    common_methods: [u64; COMMON_METHODS.len()],
    other_methods: Tally,
    paths: Tally,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            lines: 0,
            malformed: 0,
            bytes: 0,
            statuses: Box::new([0; STATUSES]),
            common_methods: [0; COMMON_METHODS.len()],
            other_methods: Tally::default(),
            paths: Tally::default(),
        }
    }
}

impl Counts {
    /// Counts one record. A status that no line can have counts as malformed.
    pub fn add(&mut self, record: &Record<'_>) {
        self.lines += 1;
        if let Record::WellFormed { status, size, method, path } = *record
            && let Some(count) = self.statuses.get_mut(usize::from(status))
        {
            *count += 1;
            self.bytes += u128::from(size);
            match method {
                b"GET" => self.common_methods[0] += 1,
                b"POST" => self.common_methods[1] += 1,
                b"HEAD" => self.common_methods[2] += 1,
                b"PUT" => self.common_methods[3] += 1,
                _ => self.other_methods.add(method),
            }
            self.paths.add(path);
        } else {
            self.malformed += 1;
        }
    }

    /// The report over everything counted.
    pub fn report(&self) -> Report {
        let statuses = self.statuses.iter().enumerate().filter(|&(_, &count)| count > 0);
        let common = COMMON_METHODS.into_iter().zip(self.common_methods).filter(|&(_, count)| count > 0);
        let mut methods: BTreeMap<_, _> =
            self.other_methods.iter().map(|(method, count)| (text(method), count)).collect();
        methods.extend(common.map(|(method, count)| (method.to_owned(), count)));
        Report::new(
            [self.lines, self.malformed],
            self.bytes,
            statuses.map(|(status, &count)| (status.to_string(), count)).collect(),
            methods,
            self.paths.iter(),
        )
    }
}

/// Methods and paths are parts of valid UTF-8; a foreign sender's bytes are shown as well as can be.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
