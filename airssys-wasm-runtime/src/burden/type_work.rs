//! How much validation does for the types that a section names.
//!
//! Types are compared part by part, each part as often as it is used, wherever an instance is made, a function is
//! lifted or lowered and something is taken or given: a line of the file that stands for half a million steps. What a
//! section would take is told here before it is validated.
//!
//! Invariant: what is declared in the same section, and so is not known yet, counts as the largest of the file.

use std::cell::Cell;

use engine_wasmparser::types::TypesRef;
use engine_wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    Instance, Payload, RecGroup, Result, Validator,
};

use super::Burden;
use super::module::signature;
use super::type_size::TypeSizes;
use super::type_walk::{KnownTypes, Walked, add_core, size_of_ref, walk};
use crate::bounds::{MAX_TYPE_DEPTH, MAX_TYPE_WORK};

/// The largest that was met in a file.
#[derive(Debug, Default)]
pub(super) struct TypeWork {
    ty: u64,
    module: u64,
}

/// A section that is about to be validated.
struct Section<'a> {
    validator: &'a Validator,
    sizes: &'a mut TypeSizes,
    burden: &'a mut Burden,
    largest_module: u64,
}

impl TypeWork {
    /// Adds what this part of a file will take.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub(super) fn add(
        &mut self,
        payload: &Payload<'_>,
        wasm: &[u8],
        validator: &Validator,
        sizes: &mut TypeSizes,
        burden: &mut Burden,
    ) -> Result<()> {
        let Some(types) = validator.types(0) else { return Ok(()) };
        let largest_module = self.module;
        let mut section = Section { validator, sizes, burden, largest_module };
        let parts = match payload {
            Payload::ComponentTypeSection(reader) => {
                let bytes = wasm.get(reader.range()).unwrap_or_default();
                let first = types.component_type_count();
                let Walked { depth, parts, largest } =
                    walk(bytes, MAX_TYPE_DEPTH, first, self.ty, &mut section);
                section.burden.type_depth = section.burden.type_depth.max(depth);
                self.ty = largest;
                parts
            }
            Payload::CoreTypeSection(reader) => {
                for ty in reader.clone() {
                    let ty = ty?;
                    if let engine_wasmparser::CoreType::Module(declarations) = &ty {
                        self.module = self.module.max(declarations.len() as u64);
                    }
                    add_core(&mut section, &ty);
                }
                0
            }
            Payload::InstanceSection(reader) => {
                let mut parts: u64 = 0;
                for instance in reader.clone() {
                    parts = parts.saturating_add(match instance? {
                        Instance::Instantiate { module_index, args } => {
                            let size = section.module(types, module_index);
                            self.module = self.module.max(size);
                            size.saturating_add(args.len() as u64)
                        }
                        Instance::FromExports(exports) => exports.len() as u64,
                    });
                }
                parts
            }
            _ => section.parts(types, payload, &mut self.ty)?,
        };
        burden.type_work = burden.type_work.saturating_add(parts);
        Ok(())
    }
}

impl Section<'_> {
    fn parts(&mut self, types: TypesRef<'_>, payload: &Payload<'_>, largest: &mut u64) -> Result<u64> {
        let sum = Cell::new(0u64);
        let add = |parts: u64| sum.set(sum.get().saturating_add(parts));
        // What is too much already is looked at no further.
        let is_bearable = || sum.get() <= MAX_TYPE_WORK;
        match payload {
            Payload::ComponentImportSection(reader) => {
                for import in reader.clone().into_iter().take_while(|_| is_bearable()) {
                    let module = self.largest_module;
                    add(size_of_ref(import?.ty, module, |index| self.ty(types, index, *largest)));
                }
            }
            Payload::ComponentExportSection(reader) => {
                for export in reader.clone().into_iter().take_while(|_| is_bearable()) {
                    let export = export?;
                    add(self.item(types, export.kind, export.index, *largest));
                    if let Some(ty) = export.ty {
                        let module = self.largest_module;
                        add(size_of_ref(ty, module, |index| self.ty(types, index, *largest)));
                    }
                }
            }
            Payload::ComponentInstanceSection(reader) => {
                for instance in reader.clone().into_iter().take_while(|_| is_bearable()) {
                    let size = match instance? {
                        ComponentInstance::Instantiate { component_index, args } => {
                            let kind = ComponentExternalKind::Component;
                            let size = self.item(types, kind, component_index, *largest);
                            size.saturating_add(args.len() as u64)
                        }
                        ComponentInstance::FromExports(exports) => {
                            exports.iter().fold(1, |sum: u64, export| {
                                sum.saturating_add(self.item(types, export.kind, export.index, *largest))
                            })
                        }
                    };
                    *largest = size.max(*largest);
                    add(size);
                }
            }
            Payload::ComponentCanonicalSection(reader) => {
                for function in reader.clone().into_iter().take_while(|_| is_bearable()) {
                    add(match function? {
                        CanonicalFunction::Lift { type_index, .. } => self.ty(types, type_index, *largest),
                        CanonicalFunction::Lower { func_index, .. } => {
                            self.item(types, ComponentExternalKind::Func, func_index, *largest)
                        }
                        CanonicalFunction::ResourceNew { .. }
                        | CanonicalFunction::ResourceDrop { .. }
                        | CanonicalFunction::ResourceRep { .. } => 1,
                        _ => *largest,
                    });
                }
            }
            Payload::ComponentAliasSection(reader) => {
                for alias in reader.clone().into_iter().take_while(|_| is_bearable()) {
                    add(match alias? {
                        ComponentAlias::Outer { kind: ComponentOuterAliasKind::Type, count, index } => {
                            self.size(count, index).unwrap_or(*largest)
                        }
                        _ => 1,
                    });
                }
            }
            _ => {}
        }
        Ok(sum.get())
    }

    fn module(&self, types: TypesRef<'_>, index: u32) -> u64 {
        if index < types.module_count() {
            TypeSizes::module(types, types.module_at(index))
        } else {
            self.largest_module
        }
    }

    /// How large a type of the component at hand is.
    fn ty(&mut self, types: TypesRef<'_>, index: u32, largest: u64) -> u64 {
        if index < types.component_type_count() {
            self.sizes.any(types, types.component_any_type_at(index))
        } else {
            largest
        }
    }

    /// How large the type of something in the component at hand is.
    fn item(&mut self, types: TypesRef<'_>, kind: ComponentExternalKind, index: u32, largest: u64) -> u64 {
        match kind {
            ComponentExternalKind::Module => self.module(types, index),
            ComponentExternalKind::Func if index < types.component_function_count() => {
                self.sizes.function(types, types.component_function_at(index)).saturating_add(1)
            }
            ComponentExternalKind::Type => self.ty(types, index, largest),
            ComponentExternalKind::Instance if index < types.component_instance_count() => {
                self.sizes.whole_instance(types, types.component_instance_at(index))
            }
            ComponentExternalKind::Component if index < types.component_count() => {
                self.sizes.component(types, types.component_at(index))
            }
            _ => largest,
        }
    }
}

impl KnownTypes for Section<'_> {
    fn size(&mut self, outward: u32, index: u32) -> Option<u64> {
        let types = self.validator.types(usize::try_from(outward).ok()?)?;
        let is_known = index < types.component_type_count();
        is_known.then(|| self.sizes.any(types, types.component_any_type_at(index)))
    }

    fn module(&self) -> u64 {
        self.largest_module
    }

    fn add_core(&mut self, group: &RecGroup) {
        for signature in group.types().filter_map(signature) {
            self.burden.add_function(signature.entry());
        }
    }
}
