//! What an engine asks of the system is known before it asks, and is enough for what then runs.

use airssys_wasm_core::{ResourceLimits, WasmError};
use airssys_wasm_runtime::{EngineConfig, MAX_ADDRESS_SPACE_BYTES, RuntimeError, WasmtimeEngine};

use crate::guests::{guest, limits, setup};

const GIB: u64 = 1 << 30;

fn sized(max_memory_bytes: u64, max_instances: u32) -> EngineConfig {
    EngineConfig { max_memory_bytes, max_instances, ..EngineConfig::default() }
}

#[test]
fn an_engine_that_is_too_vast_is_refused_and_told_how_much_it_needs() {
    for config in [sized(64 * GIB, 100_000), sized(u64::MAX, 1), sized(4 * GIB, u32::MAX)] {
        let needed = config.reservation().address_space_bytes;
        assert!(needed > MAX_ADDRESS_SPACE_BYTES, "{config:?}");
        let error = WasmtimeEngine::new(config.clone()).unwrap_err();
        assert!(
            matches!(error, RuntimeError::AddressSpace { needed_bytes, max_bytes, max_instances, max_memory_bytes }
                if needed_bytes == needed
                    && max_bytes == MAX_ADDRESS_SPACE_BYTES
                    && max_instances == config.max_instances
                    && max_memory_bytes == config.max_memory_bytes),
            "{error:?}"
        );
        let text = error.to_string();
        assert!(text.contains(&needed.to_string()) && text.contains("lower max_instances"), "{text}");
        assert!(matches!(WasmError::from(error), WasmError::InvalidConfiguration { .. }));
    }
}

#[test]
fn the_largest_that_is_allowed_is_made() {
    // A few large ones, as many as fit into the bound.
    let fits =
        |instances| sized(16 * GIB, instances).reservation().address_space_bytes <= MAX_ADDRESS_SPACE_BYTES;
    let most = (1..10_000).take_while(|instances| fits(*instances)).last().unwrap();
    WasmtimeEngine::new(sized(16 * GIB, most)).unwrap();
    assert!(WasmtimeEngine::new(sized(16 * GIB, most + 1)).is_err());
}

#[cfg(target_os = "linux")]
mod of_the_process {
    use super::*;

    /// Runs a test in a process that does nothing else; true in that process.
    fn is_alone(name: &str) -> bool {
        const ALONE: &str = "AIRSSYS_TEST_ALONE";
        if std::env::var(ALONE).is_ok_and(|alone| alone == name) {
            return true;
        }
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("reservation::of_the_process::{name}"), "--nocapture"])
            .env(ALONE, name)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
        false
    }

    /// Address space of this process in bytes.
    fn address_space() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    fn mappings() -> u64 {
        std::fs::read_to_string("/proc/self/maps").unwrap().lines().count() as u64
    }

    #[test]
    fn no_engine_takes_more_than_was_said() {
        if !is_alone("no_engine_takes_more_than_was_said") {
            return;
        }
        for config in [sized(4 << 20, 1), sized(4 << 20, 1_000), sized(1 << 20, 10_000), sized(GIB, 100)] {
            let said = config.reservation();
            let (space, maps) = (address_space(), mappings());
            let engine = WasmtimeEngine::new(config.clone()).unwrap();
            let (space, maps) = (address_space() - space, mappings() - maps);
            assert!(space <= said.address_space_bytes, "{config:?}: {space} of {said:?}");
            assert!(space >= said.address_space_bytes / 10 * 9, "{config:?}: {space} of {said:?}");
            assert!(maps <= said.mappings, "{config:?}: {maps} of {said:?}");
            assert!(maps >= (said.mappings / 10 * 9).saturating_sub(64), "{config:?}: {maps} of {said:?}");
            drop(engine);
        }
    }

    #[test]
    fn an_engine_that_needs_more_mappings_than_there_are_is_refused() {
        let max: u64 = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap().trim().parse().unwrap();
        let config = sized(1 << 20, u32::try_from(max / 2).unwrap());
        if config.reservation().address_space_bytes > MAX_ADDRESS_SPACE_BYTES {
            // This machine allows more mappings than any engine can need.
            return;
        }
        let needs = config.reservation().mappings;
        let error = WasmtimeEngine::new(config).unwrap_err();
        assert!(
            matches!(error, RuntimeError::Mappings { needed, max: told, .. } if needed == needs && told == max),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn a_thousand_instances_leave_most_mappings_to_others() {
        const DEFAULT_MAX: u64 = 65_530;
        let name = "a_thousand_instances_leave_most_mappings_to_others";
        if !is_alone(name) {
            return;
        }
        let engine = WasmtimeEngine::new(EngineConfig::default()).unwrap();
        let component = engine.verify(&guest("grow_tolerant")).unwrap();
        let limits = ResourceLimits { max_memory_bytes: 2 << 20, ..limits() };
        let mut instances = Vec::new();
        for _ in 0..1_000 {
            let mut instance = engine.start(&component, setup(limits)).await.unwrap().value;
            instance.handle_message("host/test", None, &"attack".into()).await.unwrap();
            assert_eq!(instance.memory_bytes(), 2 << 20, "it has grown as far as it may");
            instances.push(instance);
        }
        let full = mappings();
        assert!(full < DEFAULT_MAX / 8, "{full}");
        drop(instances);
        assert!(mappings() <= full);
    }
}
