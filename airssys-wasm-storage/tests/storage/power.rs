//! A loss of power: of what was not synced, any part may be on the disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{TestDisk, contents, on, orders};

#[derive(Debug, Clone)]
struct Step {
    key: u8,
    bytes: usize,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let bytes = prop_oneof![Just(0), 1..200_usize, 4_060..4_070_usize, Just(60_000)];
    prop::collection::vec((0..6_u8, bytes).prop_map(|(key, bytes)| Step { key, bytes }), 1..8)
}

/// The power fails in the middle of a change, at some write or sync, several times over. What was acknowledged is
/// there, the change is there or not, and nothing else.
#[test]
fn everything_acknowledged_outlives_a_loss_of_power() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    let lives = prop::collection::vec((steps(), 0..60_usize, any::<u64>()), 1..4);
    let result = runner.run(&lives, |lives| {
        runtime.block_on(live(lives));
        Ok(())
    });
    result.unwrap();
}

async fn live(lives: Vec<(Vec<Step>, usize, u64)>) {
    use crate::support::{Act, Fault, Wrong};

    let mut disk = TestDisk::with_power();
    let mut model = BTreeMap::new();
    for (steps, after, seed) in lives {
        let store = on(&disk);
        let namespace = orders(&store);
        assert_eq!(contents(&*namespace).await, model);
        for step in &steps {
            apply(&*namespace, step).await.unwrap();
            change(&mut model, step);
        }
        // From some point on nothing reaches the disk any more.
        let (acts, after): (&'static [Act], _) = if seed.is_multiple_of(2) {
            (&[Act::Write, Act::WriteFirst, Act::SetLen], after)
        } else {
            (&[Act::Sync], after % 3)
        };
        let wrong = Wrong::Error(std::io::ErrorKind::Other);
        disk.fail(Fault { acts, after, times: usize::MAX, wrong });
        let last = Step { key: (seed % 6) as u8, bytes: (seed % 50_000) as usize };
        let is_acknowledged = apply(&*namespace, &last).await.is_ok();
        let mut random = seed;
        let after_it = disk.without_power(|| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33).is_multiple_of(2)
        });
        drop((namespace, store));
        disk = after_it;
        let mut changed = model.clone();
        change(&mut changed, &last);
        let store = on(&disk);
        let found = contents(&*orders(&store)).await;
        store.close().await;
        assert!(found == changed || (found == model && !is_acknowledged), "{found:?}");
        model = found;
    }
    let _: Arc<TestDisk> = disk;
}

async fn apply(
    namespace: &dyn airssys_wasm_core::KeyValueStore,
    step: &Step,
) -> Result<(), airssys_wasm_core::StorageError> {
    let key = format!("key/{}", step.key);
    if step.bytes == 0 {
        namespace.delete(&key).await.map(|_| ())
    } else {
        namespace.set(&key, vec![step.key; step.bytes]).await
    }
}

fn change(model: &mut BTreeMap<String, Vec<u8>>, step: &Step) {
    let key = format!("key/{}", step.key);
    if step.bytes == 0 {
        model.remove(&key);
    } else {
        model.insert(key, vec![step.key; step.bytes]);
    }
}
