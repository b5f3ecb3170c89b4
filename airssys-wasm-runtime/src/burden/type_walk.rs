//! How deep the types of a component are written within each other, and how large they are.
//!
//! The reader of types calls itself for each type within a type, so that three kilobytes of them are more than the
//! stack of a thread holds. This walk keeps its place on the heap. And validation follows a type through all its
//! parts, each as often as it is used: eighteen lines of types that share their parts are half a million.
//!
//! Invariant: it goes as far into a section as any reader does, and takes no type for smaller than it is.

use engine_wasmparser::{
    BinaryReader, ComponentAlias, ComponentDefinedType, ComponentExternalKind, ComponentOuterAliasKind,
    ComponentType, ComponentTypeDeclaration, ComponentTypeRef, ComponentValType, CoreType,
    ModuleTypeDeclaration, RecGroup, Result, TypeBounds,
};

use super::type_size::RESOURCE_PARTS;
use crate::bounds::MAX_TYPE_WORK;

/// Types of components and of instances; all others hold no type, but name it.
const COMPONENT: u8 = 0x41;
const INSTANCE: u8 = 0x42;

/// The declaration of a type within a type of these two.
const TYPE: u8 = 0x01;

/// What is known of the types that a section may name, and of those that are in it.
pub(super) trait KnownTypes {
    /// How large a type is that was declared before, by its index in the component that is so many levels further
    /// out; none where there is none.
    fn size(&mut self, outward: u32, index: u32) -> Option<u64>;

    /// How large a core module of a type is at most.
    fn module(&self) -> u64;

    /// Types of core modules that are declared in a type.
    fn add_core(&mut self, group: &RecGroup);
}

/// What a section of component types is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Walked {
    /// How many levels of types there are at most.
    pub(super) depth: u64,
    /// Parts of its types, each as often as it is used.
    pub(super) parts: u64,
    /// Those of the largest.
    pub(super) largest: u64,
}

/// What this section of component types is, as far as it can be read. It ends where there are more than `max_depth`
/// levels. `first` is how many types the component has before it, and `largest` how large any in the file is.
pub(super) fn walk(
    section: &[u8],
    max_depth: u64,
    first: u32,
    largest: u64,
    known: &mut impl KnownTypes,
) -> Walked {
    let walked = Walked { largest, ..Walked::default() };
    let mut walk = Walk { known, first, scopes: Vec::new(), walked };
    // What is not valid is refused by validation, which reads no further than this.
    let _ = walk.section(BinaryReader::new(section, 0), max_depth);
    walk.walked
}

/// A type of a component or of an instance that is not at its end, or the section itself.
struct Scope {
    /// What is still to be read of it.
    left: u32,
    /// How large the types are that it declares.
    types: Vec<u64>,
    /// How large it is itself.
    size: u64,
}

impl Scope {
    fn new(left: u32) -> Self {
        Self { left, types: Vec::new(), size: 1 }
    }
}

struct Walk<'k, K> {
    known: &'k mut K,
    first: u32,
    scopes: Vec<Scope>,
    walked: Walked,
}

impl<K: KnownTypes> Walk<'_, K> {
    fn section(&mut self, mut reader: BinaryReader<'_>, max_depth: u64) -> Result<()> {
        self.scopes.push(Scope::new(reader.read_var_u32()?));
        while let Some(scope) = self.scopes.last_mut() {
            if scope.left == 0 {
                let size = scope.size;
                self.scopes.pop();
                self.declare(size);
                continue;
            }
            scope.left -= 1;
            if self.scopes.len() > 1 {
                if peek(&reader)? != TYPE {
                    let declaration = reader.read()?;
                    self.declaration(&declaration);
                    continue;
                }
                reader.read_u8()?;
            }
            self.walked.depth = self.walked.depth.max(self.scopes.len() as u64);
            if self.walked.depth > max_depth || self.walked.parts > MAX_TYPE_WORK {
                return Ok(());
            }
            if matches!(peek(&reader)?, COMPONENT | INSTANCE) {
                reader.read_u8()?;
                self.scopes.push(Scope::new(reader.read_var_u32()?));
            } else {
                let ty = reader.read()?;
                let size = self.size(&ty);
                self.declare(size);
            }
        }
        Ok(())
    }

    fn declaration(&mut self, declaration: &ComponentTypeDeclaration<'_>) {
        match declaration {
            ComponentTypeDeclaration::CoreType(ty) => add_core(self.known, ty),
            ComponentTypeDeclaration::Alias(ComponentAlias::Outer {
                kind: ComponentOuterAliasKind::Type,
                count,
                index,
            }) => {
                let size = self.at(*count, *index);
                self.declare(size);
            }
            // Of which instance is not followed up.
            ComponentTypeDeclaration::Alias(ComponentAlias::InstanceExport {
                kind: ComponentExternalKind::Type,
                ..
            }) => self.declare(self.walked.largest),
            ComponentTypeDeclaration::Export { ty, .. } => self.item(*ty),
            ComponentTypeDeclaration::Import(import) => self.item(import.ty),
            ComponentTypeDeclaration::Alias(_) | ComponentTypeDeclaration::Type(_) => {}
        }
    }

    /// Something that a type of a component or of an instance takes or gives.
    fn item(&mut self, ty: ComponentTypeRef) {
        let size = size_of_ref(ty, self.known.module(), |index| self.at(0, index));
        if matches!(ty, ComponentTypeRef::Type(_)) {
            self.declare(size);
        } else {
            self.walked.parts = self.walked.parts.saturating_add(size);
        }
        if let Some(scope) = self.scopes.last_mut() {
            scope.size = scope.size.saturating_add(size);
        }
    }

    /// The next type of what is open.
    fn declare(&mut self, size: u64) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.types.push(size);
            self.walked.parts = self.walked.parts.saturating_add(size);
            self.walked.largest = self.walked.largest.max(size);
        }
    }

    /// How large a type is that is named where this is read.
    fn at(&mut self, outward: u32, index: u32) -> u64 {
        let levels = usize::try_from(outward).unwrap_or(usize::MAX);
        let known = match self.scopes.len().checked_sub(1).and_then(|last| last.checked_sub(levels)) {
            Some(0) if index < self.first => self.known.size(0, index),
            Some(scope) => {
                let index = if scope == 0 { index.saturating_sub(self.first) } else { index };
                let types = self.scopes.get(scope).map(|scope| &scope.types);
                usize::try_from(index).ok().and_then(|index| types?.get(index).copied())
            }
            None => {
                let inward = u32::try_from(self.scopes.len()).unwrap_or(u32::MAX).saturating_sub(1);
                self.known.size(outward.saturating_sub(inward), index)
            }
        };
        known.unwrap_or(self.walked.largest)
    }

    fn size(&mut self, ty: &ComponentType<'_>) -> u64 {
        let parts = match ty {
            ComponentType::Defined(ty) => self.defined(ty),
            ComponentType::Func(ty) => {
                let values = ty.params.iter().map(|(_, value)| value).chain(&ty.result);
                self.sum(values)
            }
            ComponentType::Resource { .. } => RESOURCE_PARTS,
            // They are walked through.
            ComponentType::Component(_) | ComponentType::Instance(_) => 0,
        };
        parts.saturating_add(1)
    }

    fn defined(&mut self, ty: &ComponentDefinedType<'_>) -> u64 {
        match ty {
            ComponentDefinedType::Record(fields) => self.sum(fields.iter().map(|(_, value)| value)),
            ComponentDefinedType::Variant(cases) => {
                let values = self.sum(cases.iter().filter_map(|case| case.ty.as_ref()));
                values.saturating_add(cases.len() as u64)
            }
            ComponentDefinedType::Tuple(values) => self.sum(values.iter()),
            ComponentDefinedType::Flags(names) | ComponentDefinedType::Enum(names) => names.len() as u64,
            ComponentDefinedType::Map(key, value) => self.sum([key, value].into_iter()),
            ComponentDefinedType::Result { ok, err } => self.sum(ok.iter().chain(err)),
            ComponentDefinedType::List(value)
            | ComponentDefinedType::FixedLengthList(value, _)
            | ComponentDefinedType::Option(value)
            | ComponentDefinedType::Future(Some(value))
            | ComponentDefinedType::Stream(Some(value)) => self.value(*value),
            ComponentDefinedType::Primitive(_)
            | ComponentDefinedType::Own(_)
            | ComponentDefinedType::Borrow(_)
            | ComponentDefinedType::Future(None)
            | ComponentDefinedType::Stream(None) => 0,
        }
    }

    fn sum<'a>(&mut self, values: impl Iterator<Item = &'a ComponentValType>) -> u64 {
        values.fold(0, |sum: u64, value| sum.saturating_add(self.value(*value)))
    }

    fn value(&mut self, value: ComponentValType) -> u64 {
        match value {
            ComponentValType::Primitive(_) => 1,
            ComponentValType::Type(index) => self.at(0, index),
        }
    }
}

/// How large what this names is, where `at` tells it of a type and a core module is as large as `module`.
pub(super) fn size_of_ref(ty: ComponentTypeRef, module: u64, mut at: impl FnMut(u32) -> u64) -> u64 {
    match ty {
        ComponentTypeRef::Module(_) => module,
        ComponentTypeRef::Func(index)
        | ComponentTypeRef::Instance(index)
        | ComponentTypeRef::Component(index)
        | ComponentTypeRef::Value(ComponentValType::Type(index))
        | ComponentTypeRef::Type(TypeBounds::Eq(index)) => at(index),
        ComponentTypeRef::Value(ComponentValType::Primitive(_)) => 1,
        ComponentTypeRef::Type(TypeBounds::SubResource) => RESOURCE_PARTS,
    }
}

/// The core types of this one, those of a module among them.
pub(super) fn add_core(known: &mut impl KnownTypes, ty: &CoreType<'_>) {
    match ty {
        CoreType::Rec(group) => known.add_core(group),
        CoreType::Module(declarations) => {
            for declaration in declarations {
                if let ModuleTypeDeclaration::Type(group) = declaration {
                    known.add_core(group);
                }
            }
        }
    }
}

fn peek(reader: &BinaryReader<'_>) -> Result<u8> {
    reader.clone().read_u8()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As if the component had two types before the section, of which the second has a hundred parts.
    struct Two;

    impl KnownTypes for Two {
        fn size(&mut self, outward: u32, index: u32) -> Option<u64> {
            [1, 100].get(index as usize).map(|size| size + u64::from(outward) * 1_000)
        }

        fn module(&self) -> u64 {
            7
        }

        fn add_core(&mut self, _: &RecGroup) {}
    }

    fn walked(section: &[u8]) -> Walked {
        walk(section, 100, 2, 100, &mut Two)
    }

    #[track_caller]
    fn check(section: &[u8], expected: u64) {
        assert_eq!(walked(section).depth, expected, "{section:x?}");
    }

    #[test]
    fn levels_are_counted_and_not_types() {
        check(&[0], 0);
        check(&[2, 0x7f, 0x40, 0, 1, 0], 1);
        // Two component types beside each other in an instance type, then a name for one of them.
        check(&[1, 0x42, 3, 1, 0x41, 0, 1, 0x41, 0, 4, 0, 1, b'x', 5, 0], 2);
        check(&[2, 0x41, 1, 1, 0x42, 1, 1, 0x7f, 0x7f], 3);
    }

    #[test]
    fn what_is_too_deep_or_broken_is_not_read_to_its_end() {
        let deep = [&[1][..], &[COMPONENT, 1, TYPE].repeat(100_000)].concat();
        check(&deep, 101);
        let broken = [&[1][..], &[INSTANCE, 1, TYPE].repeat(50), &[0xff]].concat();
        check(&broken, 51);
        check(&[], 0);
    }

    #[test]
    fn shared_parts_count_as_often_as_they_are_used() {
        // Tuples of two: numbers, then twice the one before.
        assert_eq!(walked(&[2, 0x6f, 2, 0x7d, 0x7d, 0x6f, 2, 2, 2]).parts, 3 + 7);
        // Of the component around.
        assert_eq!(walked(&[1, 0x6f, 2, 1, 1]).parts, 201);
        // Of one further out, by an alias in a type of an instance, which is of one type and an export of it.
        let aliased = [1, 0x42, 2, 2, 3, 2, 2, 1, 4, 0, 1, b'x', 3, 0, 0];
        assert_eq!(walked(&aliased).largest, 1_101);
        assert_eq!(walked(&aliased).parts, 1_100 + 1_100 + 1_101);
        // What cannot be followed up is as large as anything is.
        assert_eq!(walked(&[1, 0x6f, 1, 9]).parts, 101);
    }
}
