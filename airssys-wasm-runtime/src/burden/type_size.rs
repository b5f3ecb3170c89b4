//! How large types are when each part is written out where it is used.
//!
//! A function that one component calls in another is compiled anew for each pair of them, as large as its types: a
//! few types that share their parts can stand for very large ones.

use std::collections::HashMap;

use engine_wasmparser::component_types::{
    ComponentAnyTypeId, ComponentCoreModuleTypeId, ComponentDefinedType, ComponentDefinedTypeId,
    ComponentEntityType, ComponentFuncTypeId, ComponentInstanceTypeId, ComponentItem, ComponentTypeId,
    ComponentValType,
};
use engine_wasmparser::types::TypesRef;

/// Parts that a type of a resource stands for: each use of it is a type of its own, by which others are replaced.
pub(super) const RESOURCE_PARTS: u64 = 16;

/// Sizes of types, each counted once however often it is used.
#[derive(Debug, Default)]
pub(super) struct TypeSizes {
    defined: HashMap<ComponentDefinedTypeId, u64>,
    functions: HashMap<ComponentFuncTypeId, u64>,
    /// Exports of instances.
    instances: HashMap<ComponentInstanceTypeId, u64>,
    /// All parts of these.
    whole_instances: HashMap<ComponentInstanceTypeId, u64>,
    components: HashMap<ComponentTypeId, u64>,
}

impl TypeSizes {
    /// Values in the parameters and the result of a function.
    pub(super) fn function(&mut self, types: TypesRef<'_>, id: ComponentFuncTypeId) -> u64 {
        if let Some(known) = self.functions.get(&id) {
            return *known;
        }
        let Some(function) = types.get(id) else { return 0 };
        let values = function.params.iter().map(|(_, ty)| ty).chain(&function.result);
        let size = self.sum(types, values);
        self.functions.insert(id, size);
        size
    }

    /// Exports of an instance, those of the instances in it included.
    pub(super) fn instance(&mut self, types: TypesRef<'_>, id: ComponentInstanceTypeId) -> u64 {
        if let Some(known) = self.instances.get(&id) {
            return *known;
        }
        let Some(instance) = types.get(id) else { return 0 };
        let size = instance.exports.values().fold(1u64, |sum, export| {
            let more = match export.ty {
                ComponentEntityType::Instance(inner) => self.instance(types, inner),
                _ => 1,
            };
            sum.saturating_add(more)
        });
        self.instances.insert(id, size);
        size
    }

    /// All parts of a type.
    pub(super) fn any(&mut self, types: TypesRef<'_>, id: ComponentAnyTypeId) -> u64 {
        match id {
            ComponentAnyTypeId::Resource(_) => RESOURCE_PARTS,
            ComponentAnyTypeId::Defined(id) => self.value(types, ComponentValType::Type(id)),
            ComponentAnyTypeId::Func(id) => self.function(types, id).saturating_add(1),
            ComponentAnyTypeId::Instance(id) => self.whole_instance(types, id),
            ComponentAnyTypeId::Component(id) => self.component(types, id),
        }
    }

    /// All parts of what an instance exports.
    pub(super) fn whole_instance(&mut self, types: TypesRef<'_>, id: ComponentInstanceTypeId) -> u64 {
        if let Some(known) = self.whole_instances.get(&id) {
            return *known;
        }
        let Some(instance) = types.get(id) else { return 0 };
        let size = self.items(types, instance.exports.values());
        self.whole_instances.insert(id, size);
        size
    }

    /// All parts of what a component imports and exports.
    pub(super) fn component(&mut self, types: TypesRef<'_>, id: ComponentTypeId) -> u64 {
        if let Some(known) = self.components.get(&id) {
            return *known;
        }
        let Some(component) = types.get(id) else { return 0 };
        let size = self.items(types, component.imports.values().chain(component.exports.values()));
        self.components.insert(id, size);
        size
    }

    /// What a core module imports and exports.
    pub(super) fn module(types: TypesRef<'_>, id: ComponentCoreModuleTypeId) -> u64 {
        types.get(id).map_or(0, |module| 1 + (module.imports.len() + module.exports.len()) as u64)
    }

    fn items<'a>(&mut self, types: TypesRef<'_>, items: impl Iterator<Item = &'a ComponentItem>) -> u64 {
        items.fold(1, |sum: u64, item| {
            sum.saturating_add(match item.ty {
                ComponentEntityType::Module(id) => Self::module(types, id),
                ComponentEntityType::Func(id) => self.function(types, id).saturating_add(1),
                ComponentEntityType::Value(value) => self.value(types, value),
                ComponentEntityType::Type { referenced, .. } => self.any(types, referenced),
                ComponentEntityType::Instance(id) => self.whole_instance(types, id),
                ComponentEntityType::Component(id) => self.component(types, id),
            })
        })
    }

    fn sum<'a>(&mut self, types: TypesRef<'_>, values: impl Iterator<Item = &'a ComponentValType>) -> u64 {
        values.fold(0, |sum: u64, value| sum.saturating_add(self.value(types, *value)))
    }

    /// Calls itself no deeper than validation lets types nest.
    fn value(&mut self, types: TypesRef<'_>, value: ComponentValType) -> u64 {
        let ComponentValType::Type(id) = value else { return 1 };
        if let Some(known) = self.defined.get(&id) {
            return *known;
        }
        let parts = match types.get(id) {
            Some(ComponentDefinedType::Record(record)) => self.sum(types, record.fields.values()),
            Some(ComponentDefinedType::Variant(variant)) => {
                let cases = variant.cases.len() as u64;
                self.sum(types, variant.cases.values().filter_map(|case| case.ty.as_ref()))
                    .saturating_add(cases)
            }
            Some(ComponentDefinedType::Tuple(tuple)) => self.sum(types, tuple.types.iter()),
            Some(ComponentDefinedType::Flags(names) | ComponentDefinedType::Enum(names)) => {
                names.len() as u64
            }
            Some(ComponentDefinedType::Option { ty, .. }) => self.value(types, *ty),
            Some(ComponentDefinedType::Result { ok, err, .. }) => self.sum(types, ok.iter().chain(err)),
            Some(
                ComponentDefinedType::List { element, .. }
                | ComponentDefinedType::FixedLengthList { element, .. },
            ) => self.value(types, *element),
            Some(ComponentDefinedType::Map { key, value, .. }) => self.sum(types, [key, value].into_iter()),
            _ => 0,
        };
        let size = parts.saturating_add(1);
        self.defined.insert(id, size);
        size
    }
}
