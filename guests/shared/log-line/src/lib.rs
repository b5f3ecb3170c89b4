//! Access log lines in Common and Combined Log Format, and the compact records made of them.
//!
//! [`parse`] reads one line in one pass over its bytes and borrows from it; nothing is copied
//! but a path that holds an escape. [`Record`] is what the `parser` component sends to `stats`,
//! [`ServerError`] what it sends to `alerts`.
//!
//! ```
//! let line = br#"::1 - - [29/Feb/2024:23:59:59 +0100] "GET /a?b HTTP/2" 503 -"#;
//! let entry = log_line::parse(line).unwrap();
//! assert_eq!((entry.method, &*entry.path, entry.status, entry.size), (&b"GET"[..], &b"/a"[..], 503, 0));
//! assert_eq!(entry.date.epoch_seconds(), 1_709_247_599);
//! ```
#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod date;
mod line;
mod record;
mod scan;

pub use date::Date;
pub use line::{Entry, MAX_LINE_BYTES, parse};
pub use record::{Record, ServerError};
