//! The rights matrix holds, and is what is committed.

use std::path::Path;

use airssys_wasm_attacks::{imports, prove, to_markdown};

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

/// What the host links by hand and not from a description: without it a name of its own would be in no list.
#[test]
fn every_function_that_is_linked_by_hand_has_a_row() {
    const CALLS: [&str; 9] = [
        ".func_wrap(",
        ".func_wrap_async(",
        ".func_wrap_concurrent(",
        ".func_new(",
        ".func_new_async(",
        ".func_new_concurrent(",
        ".resource(",
        ".resource_async(",
        ".resource_concurrent(",
    ];
    let names: Vec<&str> = imports().iter().map(|import| import.function).collect();
    let mut found = 0;
    for source in crate::sources("airssys-wasm-runtime") {
        // What is in a test of the source is not linked.
        let source = source.split("#[cfg(test)]").next().unwrap_or_default();
        for call in CALLS {
            for rest in source.split(call).skip(1) {
                let name = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                let name = name.unwrap_or_else(|| panic!("{call} without a name: {rest:.60}"));
                let is_resource = call.starts_with(".resource");
                let name = if is_resource { format!("[resource-drop]{name}") } else { name.to_owned() };
                assert!(names.contains(&name.as_str()), "{name} is linked and has no row");
                found += 1;
            }
        }
    }
    assert!(found >= 3, "{found} functions are linked by hand; those of requests are");
}
