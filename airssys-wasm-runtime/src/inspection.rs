//! What can be told of a component without running it.

use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::component::initial_memory_bytes;

/// What a component imports, exports and needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentReport {
    /// Size of the file in bytes.
    pub size_bytes: u64,
    /// Its imports, in the order of the component.
    pub imports: Vec<InterfaceReport>,
    /// Its exports, in the order of the component.
    pub exports: Vec<InterfaceReport>,
    /// Those imports that this host does not offer, sorted; it cannot be loaded when there are any.
    pub missing_imports: Vec<String>,
    /// Number of linear memories, where it can be told.
    pub memories: Option<u32>,
    /// Bytes that its largest memory has at its start, where it can be told.
    pub initial_memory_bytes: Option<u64>,
    /// Elements that its largest table has at its start, where it can be told.
    pub initial_table_elements: Option<u64>,
}

/// One import or export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceReport {
    /// Its name, such as `airssys:core/handler@0.1.0`.
    pub name: String,
    /// The functions in it; for a plain function, none.
    pub functions: Vec<String>,
}

impl ComponentReport {
    pub(crate) fn of(component: &Component, size_bytes: u64, missing_imports: Vec<String>) -> Self {
        let engine = component.engine();
        let ty = component.component_type();
        let needs = component.resources_required();
        let report = |name: &str, item: &ComponentItem| InterfaceReport {
            name: name.to_owned(),
            functions: functions(component, item),
        };
        Self {
            size_bytes,
            imports: ty.imports(engine).map(|(name, item)| report(name, &item.ty)).collect(),
            exports: ty.exports(engine).map(|(name, item)| report(name, &item.ty)).collect(),
            missing_imports,
            memories: needs.as_ref().map(|needs| needs.num_memories),
            initial_memory_bytes: initial_memory_bytes(component),
            initial_table_elements: needs.as_ref().and_then(|needs| needs.max_initial_table_size),
        }
    }
}

fn functions(component: &Component, item: &ComponentItem) -> Vec<String> {
    let ComponentItem::ComponentInstance(instance) = item else { return Vec::new() };
    instance
        .exports(component.engine())
        .filter(|(_, export)| matches!(export.ty, ComponentItem::ComponentFunc(_)))
        .map(|(name, _)| name.to_owned())
        .collect()
}
