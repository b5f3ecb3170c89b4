//! The rights matrix holds, and is what is committed.

use std::path::Path;

use airssys_wasm_attacks::{prove, to_markdown};

#[tokio::test]
async fn every_import_of_the_host_is_what_its_row_says() {
    let findings = prove().await.unwrap();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn the_committed_matrix_is_the_one_that_is_proved() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rights.md");
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(committed == to_markdown(), "`cargo xtask rights --write` renews docs/rights.md");
}
