//! Counts over access log records, and the report made of them at the end.
//!
//! Every distinct path and method is kept, exactly: [`Tally`] stores its keys end to end and
//! twenty-some bytes beside each, so that the memory of a small component lasts for many.
//!
//! ```
//! use log_line::Record;
//!
//! let mut counts = log_report::Counts::default();
//! counts.add(&Record::WellFormed { status: 200, size: 7, method: b"GET", path: b"/a" });
//! counts.add(&Record::Malformed);
//! assert_eq!(
//!     String::from_utf8(counts.report().to_json()).unwrap(),
//!     r#"{"lines":2,"malformed":1,"bytes":7,"by_status":{"200":1},"by_method":{"GET":1},"top_paths":[["/a",1]]}"#
//! );
//! ```
#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod counts;
mod report;
mod tally;

pub use counts::Counts;
pub use report::{Report, TOP_PATHS};
pub use tally::Tally;
