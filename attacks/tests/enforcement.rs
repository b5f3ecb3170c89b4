//! Every limit holds against its attack, and every hostile guest is an attack.

use std::collections::BTreeSet;
use std::path::Path;

use airssys_wasm_attacks::{attacks, to_text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_limit_holds_against_its_attack() {
    let mut rows = Vec::new();
    for attack in attacks() {
        rows.push(attack.run().await);
    }
    assert!(rows.iter().all(|row| row.verdict.is_enforced()), "\n{}", to_text(&rows));
    assert!(rows.iter().all(|row| !row.samples.is_empty()), "a row without figures proves nothing");
}

#[test]
fn every_hostile_guest_is_used_by_a_row() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guests/hostile");
    let guests: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    let used: BTreeSet<String> = attacks().iter().map(|attack| attack.guest.to_owned()).collect();
    assert!(!guests.is_empty());
    assert_eq!(guests, used, "left: in guests/hostile, right: used by a row");
}

#[test]
fn a_row_is_told_apart_from_every_other() {
    let attacks = attacks();
    let names: BTreeSet<_> = attacks.iter().map(|attack| (attack.limit, attack.key, attack.guest)).collect();
    assert_eq!(names.len(), attacks.len());
}
