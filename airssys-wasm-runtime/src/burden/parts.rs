//! What a component is made of once everything in it is instantiated.

use std::collections::HashMap;

use engine_wasmparser::component_types::ComponentCoreModuleTypeId;
use engine_wasmparser::types::TypesRef;
use engine_wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentInstantiationArg,
    ComponentOuterAliasKind, ComponentTypeRef, Instance, Payload,
};

use super::module::Share;
use super::type_size::TypeSizes;
use super::{Open, Refusal};

/// A function through which one component calls another, or the host, beside its values: the engine writes it as a
/// module of its own would be, and compiles it.
const ADAPTER_WORK: u64 = 160;

/// Each value that such a function hands over, checked and copied.
const VALUE_WORK: u64 = 16;

/// What one component is made of, with everything that is instantiated in it, as often as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts {
    /// Instances, of core modules and of components, itself included.
    pub(super) instances: u64,
    /// Functions that are made to lead from one component into another or into the host.
    pub(super) adapters: u64,
    /// The work of these, and of what else is looked at once for each instance.
    pub(super) work: u64,
    /// Bytes that the host holds for its core instances, beside their memories and tables.
    pub(super) held: u64,
    /// Bytes that their memories begin with, as far as their modules are known.
    pub(super) memory: u64,
    /// Core instances of modules that it is given, of which any in the file may be meant.
    pub(super) given: u64,
}

impl Parts {
    /// A component with nothing in it.
    const NOTHING: Self = Self { instances: 1, adapters: 0, work: 0, held: 0, memory: 0, given: 0 };

    /// What stands for a component that is not there, which validation has refused.
    const UNKNOWN: Self = Self { instances: u64::MAX, ..Self::NOTHING };

    fn add(&mut self, more: Self) {
        self.instances = self.instances.saturating_add(more.instances);
        self.adapters = self.adapters.saturating_add(more.adapters);
        self.work = self.work.saturating_add(more.work);
        self.held = self.held.saturating_add(more.held);
        self.memory = self.memory.saturating_add(more.memory);
        self.given = self.given.saturating_add(more.given);
    }

    /// An instance of a core module.
    fn add_core_instance(&mut self, share: Option<Share>) {
        self.instances = self.instances.saturating_add(1);
        match share {
            Some(share) => {
                self.take(1, share);
                self.memory = self.memory.saturating_add(share.memory);
            }
            None => self.given = self.given.saturating_add(1),
        }
    }

    /// So many core instances that take this share each.
    fn take(&mut self, instances: u64, share: Share) {
        self.look_at(share.imports.saturating_mul(instances));
        self.held = self.held.saturating_add(share.held.saturating_mul(instances));
    }

    /// The same, where no module in the file takes a larger share than this.
    pub(super) fn with_given(mut self, largest: Share) -> Self {
        self.take(self.given, largest);
        self
    }

    /// So many items of a list, each of which is looked at for each instance.
    fn look_at(&mut self, items: u64) {
        self.work = self.work.saturating_add(items);
    }
}

/// A component that is not at its end yet.
pub(super) struct OpenComponent {
    /// Those of its index space.
    components: Vec<Parts>,
    pub(super) parts: Parts,
}

/// What is counted across the components of a file.
pub(super) struct Across<'a> {
    /// The components around the one at hand, the outermost first.
    pub(super) around: &'a [Open],
    pub(super) types: TypesRef<'a>,
    pub(super) sizes: &'a mut TypeSizes,
    /// The modules of the file that are at their end.
    pub(super) modules: &'a HashMap<ComponentCoreModuleTypeId, Share>,
}

impl OpenComponent {
    pub(super) fn new() -> Self {
        Self { components: Vec::new(), parts: Parts::NOTHING }
    }

    /// A component within it is at its end.
    pub(super) fn holds(&mut self, inner: Parts) {
        self.components.push(inner);
    }

    /// What this part of it adds.
    ///
    /// # Errors
    ///
    /// Where a component is handed on, and where it cannot be read.
    pub(super) fn add(&mut self, payload: Payload<'_>, across: &mut Across<'_>) -> Result<(), Refusal> {
        match payload {
            Payload::InstanceSection(section) => {
                for instance in section {
                    match instance? {
                        Instance::Instantiate { module_index, .. } => {
                            let module = across.types.module_at(module_index);
                            self.parts.add_core_instance(across.modules.get(&module).copied());
                        }
                        Instance::FromExports(exports) => self.parts.look_at(exports.len() as u64),
                    }
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    self.add_instance(instance?, across)?;
                }
            }
            Payload::ComponentAliasSection(section) => {
                self.parts.look_at(u64::from(section.count()));
                for alias in section {
                    self.add_alias(alias?, across)?;
                }
            }
            Payload::ComponentImportSection(section) => {
                self.parts.look_at(u64::from(section.count()));
                for import in section {
                    refuse_if(matches!(import?.ty, ComponentTypeRef::Component(_)), "import")?;
                }
            }
            Payload::ComponentExportSection(section) => {
                self.parts.look_at(u64::from(section.count()));
                for export in section {
                    refuse_if(export?.kind == ComponentExternalKind::Component, "export")?;
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section {
                    self.add_function(&function?, across);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn add_instance(
        &mut self,
        instance: ComponentInstance<'_>,
        across: &mut Across<'_>,
    ) -> Result<(), Refusal> {
        match instance {
            ComponentInstance::Instantiate { component_index, args } => {
                for ComponentInstantiationArg { kind, index, .. } in args {
                    refuse_if(kind == ComponentExternalKind::Component, "argument")?;
                    // What is handed to an instance is copied, with all that is in it.
                    self.parts.look_at(match kind {
                        ComponentExternalKind::Instance => {
                            let ty = across.types.component_instance_at(index);
                            across.sizes.instance(across.types, ty)
                        }
                        _ => 1,
                    });
                }
                self.parts.add(at(&self.components, component_index));
            }
            ComponentInstance::FromExports(exports) => {
                self.parts.look_at(exports.len() as u64);
                for export in exports {
                    refuse_if(export.kind == ComponentExternalKind::Component, "export")?;
                }
            }
        }
        Ok(())
    }

    fn add_alias(&mut self, alias: ComponentAlias<'_>, across: &Across<'_>) -> Result<(), Refusal> {
        match alias {
            ComponentAlias::InstanceExport { kind, .. } => {
                refuse_if(kind == ComponentExternalKind::Component, "alias")?;
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                let outer = match count.checked_sub(1) {
                    None => at(&self.components, index),
                    Some(outward) => {
                        let outward = usize::try_from(outward).unwrap_or(usize::MAX);
                        match across.around.iter().rev().nth(outward) {
                            Some(Open::Component(outer)) => at(&outer.components, index),
                            _ => Parts::UNKNOWN,
                        }
                    }
                };
                self.components.push(outer);
            }
            _ => {}
        }
        Ok(())
    }

    fn add_function(&mut self, function: &CanonicalFunction, across: &mut Across<'_>) {
        let values = match function {
            // It is compiled where it is lowered, if anywhere.
            CanonicalFunction::Lift { .. } => return self.parts.look_at(1),
            CanonicalFunction::Lower { func_index, .. } => {
                let ty = across.types.component_function_at(*func_index);
                across.sizes.function(across.types, ty)
            }
            _ => 0,
        };
        let work = values.saturating_mul(VALUE_WORK).saturating_add(ADAPTER_WORK);
        self.parts.add(Parts { instances: 0, adapters: 1, work, ..Parts::NOTHING });
    }
}

fn at(components: &[Parts], index: u32) -> Parts {
    let known = usize::try_from(index).ok().and_then(|index| components.get(index));
    known.copied().unwrap_or(Parts::UNKNOWN)
}

/// A component that is handed on is instantiated where nobody could count it beforehand.
fn refuse_if(is_component: bool, how: &'static str) -> Result<(), Refusal> {
    if is_component { Err(Refusal::HandsOnComponents { how }) } else { Ok(()) }
}
