//! The rate limiter against the exact bound and against a plain token bucket.

use std::thread;

use proptest::prelude::*;

use airssys_wasm_security::MessageRateLimiter;

const SECOND: u64 = 1_000_000_000;

fn admitted(limiter: &MessageRateLimiter, now: u64, attempts: u64) -> u64 {
    (0..attempts).map(|_| u64::from(limiter.try_acquire(now))).sum()
}

/// A token bucket in exact integers: its unit is the thousand-millionth part of a message.
struct Bucket {
    rate: u128,
    capacity: u128,
    level: u128,
    last: u64,
}

impl Bucket {
    fn new(rate: u32, burst: u32) -> Self {
        let capacity = u128::from(burst) * u128::from(SECOND);
        Self { rate: rate.into(), capacity, level: capacity, last: 0 }
    }

    fn try_acquire(&mut self, now: u64) -> bool {
        let refill = u128::from(now - self.last) * self.rate;
        self.level = self.capacity.min(self.level + refill);
        self.last = now;
        let admitted = self.level >= u128::from(SECOND);
        if admitted {
            self.level -= u128::from(SECOND);
        }
        admitted
    }
}

#[test]
fn a_burst_is_exact_and_refills_exactly() {
    for (rate, burst) in [(1, 1), (1, 5), (3, 3), (7, 2), (64, 64), (1_000, 100), (1_000_000, 1_000)] {
        let limiter = MessageRateLimiter::new(rate, burst);
        let burst = u64::from(burst);
        assert_eq!(admitted(&limiter, 0, burst + 1), burst, "{rate}/s, burst {burst}");
        let interval = SECOND.div_ceil(u64::from(rate));
        assert!(!limiter.try_acquire(interval - 1), "{rate}/s just before the interval");
        assert!(limiter.try_acquire(interval), "{rate}/s after the interval");
        assert!(!limiter.try_acquire(interval), "{rate}/s twice");
        assert_eq!(admitted(&limiter, 3_600 * SECOND, burst + 1), burst, "{rate}/s when full again");
    }
}

#[test]
fn many_at_once_are_all_or_none() {
    let limiter = MessageRateLimiter::new(1_000, 100);
    assert!(limiter.try_acquire_many(0, 60));
    assert!(!limiter.try_acquire_many(0, 41), "more than is left, and nothing of it is taken");
    assert!(limiter.try_acquire_many(0, 40));
    assert!(!limiter.try_acquire(0));
    assert!(!limiter.try_acquire_many(SECOND / 20, 51));
    assert!(limiter.try_acquire_many(SECOND / 20, 50));
    assert!(!limiter.try_acquire_many(3_600 * SECOND, 101), "never more than a burst");
    assert!(!limiter.try_acquire_many(3_600 * SECOND, u32::MAX));
}

#[test]
fn a_second_gives_the_declared_rate_without_drift() {
    for rate in [1, 2, 3, 7, 9, 60, 64, 100, 1_000, 100_000] {
        let limiter = MessageRateLimiter::new(rate, rate);
        let rate = u64::from(rate);
        assert_eq!(admitted(&limiter, 0, rate), rate);
        for second in 1..=10 {
            assert_eq!(admitted(&limiter, second * SECOND, rate + 1), rate, "second {second} at {rate}/s");
        }
    }
}

#[test]
fn the_fastest_rate_has_its_interval_of_ten_nanoseconds() {
    let limiter = MessageRateLimiter::new(100_000_000, 1);
    let passed = (0..1_000).filter(|nanos| limiter.try_acquire(*nanos)).count();
    assert_eq!(passed, 100);
}

#[test]
fn a_rate_of_no_whole_interval_falls_short_by_less_than_the_unit() {
    for rate in [997_u32, 99_999_999, 33_333_333, 77_777_777] {
        let limiter = MessageRateLimiter::new(rate, 1);
        let span = 1_000_000;
        let passed = (0..span).filter(|nanos| limiter.try_acquire(*nanos)).count();
        let exact = 1.0 + f64::from(rate) * 1e-3;
        let interval = 1e9 / f64::from(rate);
        // A clock of whole nanoseconds adds no loss, because what is late is not lost: the burst of
        // one does lose it, up to a nanosecond in each interval.
        let least = exact * interval / (interval + 1.0 + 1.0 / 64.0) - 1.0;
        assert!(
            passed as f64 <= exact && passed as f64 >= least,
            "{passed} of {least}..={exact} at {rate}/s"
        );
    }
}

#[test]
fn the_longest_run_of_an_uneven_rate_falls_short_by_less_than_the_unit() {
    let rate = 99_999_999_u32;
    let limiter = MessageRateLimiter::new(rate, 1_000_000);
    assert_eq!(admitted(&limiter, 0, 1_000_001), 1_000_000);
    // Ten milliseconds give 999,999 at most, and one in six hundred is lost to rounding.
    let passed = admitted(&limiter, 10_000_000, 1_000_001);
    assert!((998_000..=999_999).contains(&passed), "{passed}");
}

#[test]
fn the_largest_values_do_not_overflow() {
    for rate in [1, 3, 997, 100_000_000, u32::MAX] {
        for burst in [1, 100_000_000, u32::MAX] {
            let limiter = MessageRateLimiter::new(rate, burst);
            assert!(limiter.try_acquire(0), "{rate}/s, burst {burst}");
            assert!(limiter.try_acquire(u64::MAX), "{rate}/s, burst {burst} at the end of time");
            if burst == 1 {
                assert!(!limiter.try_acquire(u64::MAX));
            }
        }
    }
}

#[test]
fn nothing_is_admitted_without_rate_or_burst() {
    for (rate, burst) in [(0, 1), (1, 0), (0, 0), (0, u32::MAX), (u32::MAX, 0)] {
        let limiter = MessageRateLimiter::new(rate, burst);
        assert!(!limiter.try_acquire(0) && !limiter.try_acquire(u64::MAX), "{rate}/s, burst {burst}");
    }
}

#[test]
fn time_that_goes_back_gives_nothing_and_takes_nothing() {
    let limiter = MessageRateLimiter::new(1_000, 2);
    assert_eq!(admitted(&limiter, SECOND, 3), 2);
    assert_eq!(admitted(&limiter, 0, 3), 0);
    assert_eq!(admitted(&limiter, SECOND + 999_999, 3), 0);
    assert_eq!(admitted(&limiter, SECOND + 1_000_000, 3), 1);
}

#[test]
fn full_means_as_good_as_new() {
    let limiter = MessageRateLimiter::new(1_000, 2);
    assert!(limiter.is_full(0));
    assert_eq!(admitted(&limiter, 0, 2), 2);
    assert!(!limiter.is_full(1_999_999));
    assert!(limiter.is_full(2_000_000));
    assert_eq!(admitted(&limiter, 2_000_000, 3), 2);
}

#[test]
fn threads_share_one_burst() {
    const BURST: u32 = 10_000;
    let limiter = MessageRateLimiter::new(1, BURST);
    let total: u64 = thread::scope(|scope| {
        let takers: Vec<_> =
            (0..4).map(|_| scope.spawn(|| admitted(&limiter, 0, u64::from(BURST)))).collect();
        takers.into_iter().filter_map(|taker| taker.join().ok()).sum()
    });
    assert_eq!(total, u64::from(BURST));
}

fn rates() -> impl Strategy<Value = u32> {
    prop_oneof![1_u32..=100, 1_u32..=100_000_000, Just(100_000_000)]
}

proptest! {
    #[test]
    fn no_window_holds_more_than_burst_and_rate(
        rate in rates(),
        burst in 1_u32..=8,
        start in prop_oneof![Just(0), 0..=u64::MAX / 128],
        // In hundredths of an interval, so that refills lie close together at any rate.
        steps in prop::collection::vec(0_u64..400, 1..120),
    ) {
        let limiter = MessageRateLimiter::new(rate, burst);
        let mut now = start;
        let mut times = Vec::new();
        for step in steps {
            now += step * SECOND / u64::from(rate) / 100 + step % 3;
            while limiter.try_acquire(now) {
                times.push(now);
            }
        }
        for (first, from) in times.iter().enumerate() {
            for (count, to) in (1_u128..).zip(times.iter().skip(first)) {
                let over = count.saturating_sub(burst.into()) * u128::from(SECOND);
                prop_assert!(over <= u128::from(to - from) * u128::from(rate), "{count} in {from}..={to}");
            }
        }
    }

    #[test]
    fn an_exact_rate_decides_as_a_token_bucket(
        rate in prop_oneof![1_u32..=64, Just(1_000), Just(250_000), Just(1_000_000), Just(100_000_000)],
        burst in 1_u32..=8,
        steps in prop::collection::vec(0_u64..400, 1..200),
    ) {
        let limiter = MessageRateLimiter::new(rate, burst);
        let mut bucket = Bucket::new(rate, burst);
        let mut now = 0;
        for step in steps {
            now += step * SECOND / u64::from(rate) / 100 + step % 3;
            prop_assert_eq!(limiter.try_acquire(now), bucket.try_acquire(now), "at {}", now);
        }
    }
}
