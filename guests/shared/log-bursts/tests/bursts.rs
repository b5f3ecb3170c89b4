//! When a burst is told.

use log_bursts::{Bursts, MAX_WINDOW_SECONDS, Rule};
use log_line::ServerError;
use proptest::prelude::*;

/// The indices of the times at which a burst of more than 3 in 10 seconds is told.
fn told(times: &[i64]) -> Vec<usize> {
    let mut bursts = Bursts::new(Rule::new(3, 10).unwrap());
    let mut at = |time| bursts.add(&ServerError { time, status: 500, path: b"/" }).is_some();
    (0..times.len()).filter(|&index| at(times[index])).collect()
}

fn check(times: &[i64], expected: &[usize]) {
    assert_eq!(told(times), expected, "{times:?}");
}

#[test]
fn more_than_the_threshold_within_the_window() {
    check(&[0, 0, 0], &[]);
    check(&[0, 0, 0, 0], &[3]);
    check(&[0, 3, 6, 9], &[3]);
    check(&[0, 4, 8, 10], &[]);
    check(&[0, 4, 8, 10, 11], &[4]);
}

#[test]
fn once_per_burst() {
    check(&[0; 50], &[3]);
    // A steady stream that stays above the threshold is one burst however long it lasts.
    check(&(0..100).map(|n| n * 2).collect::<Vec<_>>(), &[3]);
    // At the threshold it is the same burst still, below it the next can begin.
    check(&[0, 0, 0, 5, 9, 9, 11, 11], &[3]);
    check(&[0, 0, 0, 0, 10, 10, 10, 10], &[3, 7]);
    check(&[0, 0, 0, 0, 100, 101, 102, 103], &[3, 7]);
}

#[test]
fn log_time_may_go_back() {
    // Late, but within the window.
    check(&[9, 8, 7, 6], &[3]);
    check(&[9, 0, 5, 3], &[3]);
    // From before the window: another log begins, and what was counted is gone.
    check(&[10, 10, 10, 0], &[]);
    check(&[10, 10, 10, 10, 0, 0, 0, 0], &[3, 7]);
    check(&[10, 10, 10, i64::MIN, i64::MAX, 10, 10, 10, 10], &[8]);
}

#[test]
fn a_burst_says_where_it_is() {
    let mut bursts = Bursts::new(Rule::new(1, 60).unwrap());
    assert_eq!(bursts.add(&ServerError { time: 100, status: 500, path: b"/a" }), None);
    let burst = bursts.add(&ServerError { time: 90, status: 502, path: b"/b" }).unwrap();
    assert_eq!(
        (burst.count, burst.window_seconds, burst.first, burst.last, burst.path),
        (2, 60, 90, 100, &b"/b"[..])
    );
}

#[test]
fn rules_have_bounds() {
    assert!(Rule::new(0, 60).is_err());
    assert!(Rule::new(1, 0).is_err());
    assert!(Rule::new(1, MAX_WINDOW_SECONDS + 1).is_err());
    assert!(Rule::new(u64::MAX, MAX_WINDOW_SECONDS).is_ok());
}

proptest! {
    #[test]
    fn in_order_it_is_told_when_the_count_passes(steps in prop::collection::vec(0_i64..6, 0..200)) {
        let times: Vec<i64> = steps.iter().scan(0, |time, step| { *time += step; Some(*time) }).collect();
        let mut expected = Vec::new();
        let mut armed = true;
        for (index, &now) in times.iter().enumerate() {
            let before = times[..index].iter().filter(|&&time| time > now - 10).count();
            armed |= before < 3;
            if before + 1 > 3 && armed {
                armed = false;
                expected.push(index);
            }
        }
        prop_assert_eq!(told(&times), expected);
    }

    #[test]
    fn any_times_are_taken(times in prop::collection::vec(any::<i64>(), 0..100)) {
        let _: Vec<usize> = told(&times);
    }
}
