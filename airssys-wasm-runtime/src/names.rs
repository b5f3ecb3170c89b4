//! How long the names are that a component gives to what it is made of.
//!
//! The engine copies the name of a function into each frame of a trap, whole, and names of imports and exports into
//! what it says of them.

use engine_wasmparser::{CustomSectionReader, KnownCustom, Name, NameMap, Payload};

/// Bytes of the longest name in this part of a file; 0 where it names nothing.
pub(crate) fn longest_name(payload: &Payload<'_>) -> engine_wasmparser::Result<usize> {
    let mut longest = 0;
    match payload {
        Payload::CustomSection(section) => longest = longest_debug_name(section),
        Payload::ImportSection(section) => {
            for import in section.clone().into_imports() {
                let import = import?;
                longest = longest.max(import.module.len()).max(import.name.len());
            }
        }
        Payload::ExportSection(section) => {
            for export in section.clone() {
                longest = longest.max(export?.name.len());
            }
        }
        Payload::ComponentImportSection(section) => {
            for import in section.clone() {
                longest = longest.max(import?.name.name.len());
            }
        }
        Payload::ComponentExportSection(section) => {
            for export in section.clone() {
                longest = longest.max(export?.name.name.len());
            }
        }
        _ => {}
    }
    Ok(longest)
}

/// Of the module and its functions. A section that is not valid in the middle is no error: the engine keeps what
/// comes before, and the component is valid all the same.
fn longest_debug_name(section: &CustomSectionReader<'_>) -> usize {
    let KnownCustom::Name(names) = section.as_known() else { return 0 };
    let mut longest = 0;
    for name in names.map_while(Result::ok) {
        match name {
            Name::Module { name, .. } => longest = longest.max(name.len()),
            Name::Function(names) => longest = longest.max(longest_in(names)),
            _ => {}
        }
    }
    longest
}

fn longest_in(names: NameMap<'_>) -> usize {
    names.into_iter().map_while(Result::ok).map(|naming| naming.name.len()).max().unwrap_or(0)
}
