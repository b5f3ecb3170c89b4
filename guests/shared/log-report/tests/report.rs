//! The report over records, to the byte.

use std::collections::BTreeMap;

use log_line::Record;
use log_report::Counts;
use proptest::prelude::*;

fn check(records: &[Record<'_>], expected: &str) {
    let mut counts = Counts::default();
    for record in records {
        counts.add(record);
    }
    assert_eq!(String::from_utf8(counts.report().to_json()).unwrap(), expected);
}

fn get(path: &str) -> Record<'_> {
    Record::WellFormed { status: 200, size: 1, method: b"GET", path: path.as_bytes() }
}

#[test]
fn nothing() {
    check(&[], r#"{"lines":0,"malformed":0,"bytes":0,"by_status":{},"by_method":{},"top_paths":[]}"#);
}

#[test]
fn keys_are_sorted_and_text_is_escaped() {
    let record = |status, method: &'static [u8], path: &'static [u8]| Record::WellFormed {
        status,
        size: 0,
        method,
        path,
    };
    check(
        &[
            record(599, b"b", b"/\"\\\x01\t"),
            record(100, b"B", "/é".as_bytes()),
            Record::Malformed,
            record(200, b"!", b""),
            record(600, b"X", b"/no-such-status"),
        ],
        concat!(
            r#"{"lines":5,"malformed":2,"bytes":0,"by_status":{"100":1,"200":1,"599":1},"#,
            r#""by_method":{"!":1,"B":1,"b":1},"top_paths":[["",1],["/\"\\\u0001\t",1],["/é",1]]}"#
        ),
    );
}

#[test]
fn every_method_has_its_own_count() {
    let methods: [&[u8]; 9] = [b"GET", b"PUT", b"POST", b"HEAD", b"GE", b"GETS", b"HEAD", b"put", b"GE"];
    check(
        &methods.map(|method| Record::WellFormed { status: 200, size: 0, method, path: b"/" }),
        concat!(
            r#"{"lines":9,"malformed":0,"bytes":0,"by_status":{"200":9},"by_method":"#,
            r#"{"GE":2,"GET":1,"GETS":1,"HEAD":2,"POST":1,"PUT":1,"put":1},"top_paths":[["/",9]]}"#
        ),
    );
}

#[test]
fn sums_exceed_64_bits() {
    let record =
        Record::WellFormed { status: 200, size: 999_999_999_999_999_999, method: b"GET", path: b"/" };
    check(
        &[record; 30],
        concat!(
            r#"{"lines":30,"malformed":0,"bytes":29999999999999999970,"by_status":{"200":30},"#,
            r#""by_method":{"GET":30},"top_paths":[["/",30]]}"#
        ),
    );
}

#[test]
fn ties_are_broken_by_bytes() {
    // U+FF5E sorts before U+1F600 in bytes, and behind it in UTF-16.
    let paths = [
        "/b",
        "/a",
        "/\u{1f600}",
        "/\u{ff5e}",
        "/B",
        "/a/",
        "/ab",
        "/a-",
        "/1",
        "/2",
        "/3",
        "/4",
        "/b",
        "/4",
    ];
    check(
        &paths.map(get),
        concat!(
            r#"{"lines":14,"malformed":0,"bytes":14,"by_status":{"200":14},"by_method":{"GET":14},"top_paths":"#,
            r#"[["/4",2],["/b",2],["/1",1],["/2",1],["/3",1],["/B",1],["/a",1],["/a-",1],["/a/",1],["/ab",1]]}"#
        ),
    );
}

proptest! {
    #[test]
    fn the_top_is_the_head_of_the_sorted_list(paths in prop::collection::vec("/[a-e]{0,3}", 0..400)) {
        let mut counts = Counts::default();
        let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
        for path in &paths {
            counts.add(&get(path));
            *expected.entry(path).or_default() += 1;
        }
        let mut expected: Vec<_> = expected.into_iter().collect();
        expected.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        expected.truncate(10);
        let report: serde_json::Value = serde_json::from_slice(&counts.report().to_json()).unwrap();
        prop_assert_eq!(&report["top_paths"], &serde_json::to_value(expected).unwrap());
    }
}
