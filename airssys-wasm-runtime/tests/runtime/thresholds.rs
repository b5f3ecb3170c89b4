//! Shares of a budget, from what calls of a guest really consumed.

use airssys_wasm_core::{FuelMetrics, ResourceLimits};

use crate::guests::{engine, guest, limits, setup};

/// What a call of a fresh instance with this budget consumed.
async fn call(max_fuel: u64) -> FuelMetrics {
    let engine = engine();
    let component = engine.verify(&guest("unreachable")).unwrap();
    let limits = ResourceLimits { max_fuel: Some(max_fuel), ..limits() };
    let mut instance = engine.start(&component, setup(limits)).await.unwrap().value;
    instance.handle_message("host/test", None, &"ping".into()).await.unwrap().fuel
}

#[tokio::test]
async fn thresholds_are_passed_by_what_was_consumed() {
    let cost = call(1_000_000).await.consumed();
    assert!(cost > 20, "{cost}");
    for percent in [50, 75, 90, 95] {
        // The largest budget of which the call takes more than this share, and the next one.
        let above = (cost * 100).div_ceil(percent) - 1;
        let share = f64::from(u32::try_from(percent).unwrap());
        for (max_fuel, exceeds) in [(cost, true), (above, true), (above + 1, false), (above * 2, false)] {
            let fuel = call(max_fuel).await;
            assert_eq!(fuel, FuelMetrics::new(max_fuel, cost));
            assert_eq!(fuel.exceeds_threshold(share), exceeds, "{percent} %: {fuel:?}");
            assert_eq!(fuel.remaining(), max_fuel - cost);
            assert_eq!(fuel.is_exhausted(), max_fuel == cost);
        }
    }
}

#[tokio::test]
async fn a_share_that_is_met_exactly_is_not_exceeded() {
    let cost = call(1_000_000).await.consumed();
    for (percent, max_fuel) in [(50.0, cost * 2), (25.0, cost * 4), (100.0, cost), (10.0, cost * 10)] {
        let fuel = call(max_fuel).await;
        assert!(!fuel.exceeds_threshold(percent) && fuel.exceeds_threshold(percent - 0.01), "{fuel:?}");
    }
}

#[tokio::test]
async fn memory_is_told_at_every_share_of_its_limit() {
    let engine = engine();
    // What the tolerant guest finds is what it is given: all of it.
    let component = engine.verify(&guest("grow_tolerant")).unwrap();
    for pages in [8, 15, 16, 32] {
        let limits = ResourceLimits { max_memory_bytes: pages * 65_536, ..limits() };
        let mut instance = engine.start(&component, setup(limits)).await.unwrap().value;
        let before = instance.memory();
        assert!(before.current_bytes < before.max_bytes, "{before:?}");
        instance.handle_message("host/test", None, &"attack".into()).await.unwrap();
        let after = instance.memory();
        assert_eq!((after.current_bytes, after.max_bytes), (pages * 65_536, pages * 65_536));
        assert!(after.denied_growths >= 1 && after.taken_at >= before.taken_at, "{after:?}");
    }
}
