//! What one core module is for the compiler.

use engine_wasmparser::{CompositeInnerType, Payload, Result, TypeRef};

use super::Burden;
use crate::config::WASM_PAGE_BYTES;
use crate::function_work::{Signature, Signatures};

/// The engine writes out the beginning of a table of up to so many elements when it compiles, whatever few of them
/// are set.
const WRITTEN_TABLE_ELEMENTS: u64 = 1024 * 1024;

/// A module that is not at its end yet.
#[derive(Default)]
pub(super) struct OpenModule {
    signatures: Signatures,
    /// Functions that are imported, and those whose body was read.
    seen: usize,
    /// Everything that it imports.
    pub(super) imports: u64,
}

impl OpenModule {
    pub(super) fn add(&mut self, burden: &mut Burden, payload: Payload<'_>) -> Result<()> {
        match payload {
            Payload::TypeSection(section) => {
                for group in section {
                    for ty in group?.types() {
                        self.signatures.types.push(match &ty.composite_type.inner {
                            CompositeInnerType::Func(function) => Some(Signature {
                                parameters: function.params().len() as u64,
                                results: function.results().len() as u64,
                            }),
                            _ => None,
                        });
                    }
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    self.imports += 1;
                    if let TypeRef::Func(of) | TypeRef::FuncExact(of) = import?.ty {
                        self.signatures.functions.push(of);
                        self.seen += 1;
                    }
                }
            }
            Payload::FunctionSection(section) => {
                for of in section {
                    self.signatures.functions.push(of?);
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    let elements = table?.ty.initial;
                    burden.largest_table = burden.largest_table.max(elements);
                    if elements <= WRITTEN_TABLE_ELEMENTS {
                        burden.table_elements = burden.table_elements.saturating_add(elements);
                    }
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    let memory = memory?;
                    let page = memory.page_size_log2.map_or(WASM_PAGE_BYTES, |log2| 1 << log2.min(16));
                    burden.largest_memory = burden.largest_memory.max(memory.initial.saturating_mul(page));
                }
            }
            Payload::CodeSectionEntry(body) => {
                let of = self.signatures.functions.get(self.seen).copied().unwrap_or(u32::MAX);
                self.seen += 1;
                let work = self.signatures.work(of, &body);
                burden.functions += 1;
                burden.work = burden.work.saturating_add(work);
                burden.heaviest = burden.heaviest.max(work);
            }
            _ => {}
        }
        Ok(())
    }
}
