//! The records that travel between the components of the pipeline.
//!
//! All numbers are little-endian. A `stats` record is one byte 0 for a malformed line, or a byte
//! 1, the status (2 bytes), the length of the method (2), the size (8), the method, the path. A
//! server error is the log time (8 bytes), the status (2), the path.

use crate::Entry;

const MALFORMED: u8 = 0;
const WELL_FORMED: u8 = 1;

/// What one line adds to the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// The line did not parse.
    Malformed,
    /// The line parsed.
    WellFormed {
        /// 100 to 599.
        status: u16,
        /// Bytes of the response.
        size: u64,
        /// At most 65,535 bytes.
        method: &'a [u8],
        /// In UTF-8.
        path: &'a [u8],
    },
}

impl<'a> Record<'a> {
    /// The record of what [`parse`](crate::parse) made of a line.
    pub fn of(entry: Option<&'a Entry<'_>>) -> Self {
        match entry {
            None => Self::Malformed,
            Some(entry) => Self::WellFormed {
                status: entry.status,
                size: entry.size,
                method: entry.method,
                path: &entry.path,
            },
        }
    }

    /// Writes the record in place of what `buffer` holds.
    pub fn write(&self, buffer: &mut Vec<u8>) {
        buffer.clear();
        match *self {
            Self::Malformed => buffer.push(MALFORMED),
            Self::WellFormed { status, size, method, path } => {
                let method_bytes = method.len() as u16;
                debug_assert_eq!(usize::from(method_bytes), method.len());
                let mut head = [WELL_FORMED; 13];
                head[1..3].copy_from_slice(&status.to_le_bytes());
                head[3..5].copy_from_slice(&method_bytes.to_le_bytes());
                head[5..].copy_from_slice(&size.to_le_bytes());
                buffer.reserve(head.len() + method.len() + path.len());
                buffer.extend_from_slice(&head);
                buffer.extend_from_slice(method);
                buffer.extend_from_slice(path);
            }
        }
    }

    /// Reads a record, none where it is not one.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        match *bytes {
            [MALFORMED] => Some(Self::Malformed),
            [WELL_FORMED, s0, s1, m0, m1, ref rest @ ..] => {
                let (size, rest) = rest.split_first_chunk::<8>()?;
                let (method, path) = rest.split_at_checked(usize::from(u16::from_le_bytes([m0, m1])))?;
                let status = u16::from_le_bytes([s0, s1]);
                Some(Self::WellFormed { status, size: u64::from_le_bytes(*size), method, path })
            }
            _ => None,
        }
    }
}

/// An answer of the server's that says that the server failed: a status of 500 and more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerError<'a> {
    /// Log time, in seconds since 1970-01-01T00:00:00Z.
    pub time: i64,
    /// 500 to 599.
    pub status: u16,
    /// In UTF-8.
    pub path: &'a [u8],
}

impl<'a> ServerError<'a> {
    /// The record of a line, where it tells of a server error.
    pub fn of(entry: &'a Entry<'_>) -> Option<Self> {
        let (status, path) = (entry.status, &*entry.path);
        (status >= 500).then(|| Self { time: entry.date.epoch_seconds(), status, path })
    }

    /// Writes the record in place of what `buffer` holds.
    pub fn write(&self, buffer: &mut Vec<u8>) {
        buffer.clear();
        buffer.extend_from_slice(&self.time.to_le_bytes());
        buffer.extend_from_slice(&self.status.to_le_bytes());
        buffer.extend_from_slice(self.path);
    }

    /// Reads a record, none where it is not one.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (time, rest) = bytes.split_first_chunk::<8>()?;
        let (status, path) = rest.split_first_chunk::<2>()?;
        Some(Self { time: i64::from_le_bytes(*time), status: u16::from_le_bytes(*status), path })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            status: u16, size: u64, time: i64, method in vec(any::<u8>(), 0..300), path in vec(any::<u8>(), 0..300),
        ) {
            let mut buffer = vec![7; 3];
            let record = Record::WellFormed { status, size, method: &method, path: &path };
            record.write(&mut buffer);
            prop_assert_eq!(Record::read(&buffer), Some(record));
            let error = ServerError { time, status, path: &path };
            error.write(&mut buffer);
            prop_assert_eq!(ServerError::read(&buffer), Some(error));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in vec(any::<u8>(), 0..40)) {
            if let Some(record) = Record::read(&bytes) {
                let mut buffer = Vec::new();
                record.write(&mut buffer);
                prop_assert_eq!(buffer, bytes);
            }
        }
    }

    #[test]
    fn the_longest_method_fits() {
        let method = vec![b'M'; crate::MAX_LINE_BYTES - 1];
        let record = Record::WellFormed { status: 200, size: 1, method: &method, path: b"/" };
        let mut buffer = Vec::new();
        record.write(&mut buffer);
        assert_eq!(Record::read(&buffer), Some(record));
        Record::Malformed.write(&mut buffer);
        assert_eq!(Record::read(&buffer), Some(Record::Malformed));
    }
}
