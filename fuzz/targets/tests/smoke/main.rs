//! The fuzz targets on seeds, and on what is made of them, for a bounded number of rounds and a bounded time.
//!
//! `AIRSSYS_FUZZ_SECONDS` gives each target that long, for a search by hand. The rounds are the same each time.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]
#![expect(clippy::print_stdout, reason = "a search by hand wants to know how far it came")]

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{env, fs};

use airssys_wasm_fuzz_targets::{Mutator, Target, Told, built_guests};

/// What each target may take where nothing else is asked for.
const SMOKE_TIME: Duration = Duration::from_secs(3);

/// Rounds beyond the seeds that a target is given in that time at most.
const SMOKE_ROUNDS: u64 = 4_000;

/// Rounds that are run however slow the machine is.
const LEAST_ROUNDS: u64 = 20;

/// Guests among the seeds of the loader.
const MAX_GUEST_BYTES: u64 = 8 * 1024;

fn seeds(target: Target) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../seeds")).join(target.name());
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut seeds: Vec<_> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    if target == Target::Loader {
        seeds.extend(built_guests(MAX_GUEST_BYTES).unwrap());
    }
    assert!(!seeds.is_empty(), "{} has no seeds", target.name());
    seeds
}

async fn run(target: Target, input: &[u8], what: &str) -> Told {
    target.run(input).await.unwrap_or_else(|broken| {
        panic!("{}, {what}: {broken:#}\ninput: {}", target.name(), input.escape_ascii())
    })
}

/// Runs a target; both outcomes have to occur, or its seeds and its mutator reach too little.
async fn check(target: Target) {
    let seeds = seeds(target);
    let mut outcomes: HashMap<Told, u64> = HashMap::new();
    for (number, seed) in seeds.iter().enumerate() {
        *outcomes.entry(run(target, seed, &format!("seed {number}")).await).or_default() += 1;
    }
    let asked = env::var("AIRSSYS_FUZZ_SECONDS").ok().map(|seconds| seconds.parse().unwrap());
    let time = asked.map_or(SMOKE_TIME, Duration::from_secs);
    let most = if asked.is_some() { u64::MAX } else { SMOKE_ROUNDS };
    let began = Instant::now();
    let mut round = 0;
    while round < most && (round < LEAST_ROUNDS || began.elapsed() < time) {
        // Each round has a generator of its own, so that one that fails can be had again alone.
        let input = Mutator::new(round).change(&seeds);
        *outcomes.entry(run(target, &input, &format!("round {round}")).await).or_default() += 1;
        round += 1;
    }
    println!("{}: {} seeds and {round} rounds, {outcomes:?}", target.name(), seeds.len());
    assert!(outcomes.contains_key(&Told::Accepted), "nothing was accepted: {outcomes:?}");
    assert!(outcomes.contains_key(&Told::Refused), "nothing was refused: {outcomes:?}");
}

#[tokio::test]
async fn component_manifests() {
    check(Target::ComponentManifest).await;
}

#[tokio::test]
async fn system_manifests() {
    check(Target::SystemManifest).await;
}

#[tokio::test]
async fn names() {
    check(Target::Names).await;
}

#[tokio::test]
async fn the_loader() {
    check(Target::Loader).await;
}

#[tokio::test]
async fn changed_guests() {
    check(Target::ChangedGuest).await;
}

#[test]
fn the_same_number_makes_the_same_input() {
    let seeds = [b"one".to_vec(), b"another".to_vec()];
    for round in 0..100 {
        assert_eq!(Mutator::new(round).change(&seeds), Mutator::new(round).change(&seeds));
    }
    let different: std::collections::HashSet<_> =
        (0..100).map(|round| Mutator::new(round).change(&seeds)).collect();
    assert!(different.len() > 50, "{}", different.len());
}

#[test]
fn each_target_has_a_fuzz_target_that_runs_it() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    for target in Target::ALL {
        let name = target.name();
        let source = fs::read_to_string(folder.join("fuzz_targets").join(name).with_extension("rs")).unwrap();
        assert!(source.contains(&format!("Target::{target:?}")), "{name} runs another");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} is not built");
    }
}
