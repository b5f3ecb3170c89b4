//! What a component is for the compiler, counted before it is compiled.
//!
//! A few kilobytes can make the compiler hold gigabytes, or keep it busy for hours: a component within a component
//! that is instantiated again and again, a function whose calls carry a thousand values each, a hundred thousand
//! functions of nothing. What would is refused here.
//!
//! Invariant: nothing here takes more time or memory than a small multiple of the file's size. What is not valid
//! is left to validation, which says more.

use engine_wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ComponentTypeRef,
    CompositeInnerType, Encoding, Instance, Parser, Payload, TypeRef,
};

use crate::bounds::{MAX_COMPONENT_FUNCTIONS, MAX_FUNCTION_WORK, MAX_NAME_BYTES, MAX_NESTED_INSTANCES};
use crate::error::RuntimeError;
use crate::function_work::{Signature, Signatures};
use crate::names::longest_name;

/// What a component is for the compiler.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Burden {
    /// Functions of all its modules.
    functions: u64,
    /// The work of all of them together.
    work: u64,
    /// The work of the heaviest: so much is held while it is compiled.
    heaviest: u64,
    /// Instances that it is made of, however deep they are nested.
    instances: u64,
    /// Bytes of its longest name: no work for the compiler, but so much is held for each frame of a trap.
    longest_name: usize,
}

impl Burden {
    /// Counts until the file ends, until it turns out not to be valid, or until it is beyond a bound. `max_work` is
    /// that of all functions together.
    ///
    /// # Errors
    ///
    /// [`RuntimeError::TooMuchToCompile`] or [`RuntimeError::NameTooLong`] with the bound.
    pub(crate) fn within(wasm: &[u8], max_work: u64) -> Result<Self, RuntimeError> {
        let mut count = Count::default();
        for payload in Parser::new(0).parse_all(wasm) {
            // What is not valid is refused where it is compiled.
            if payload.and_then(|payload| count.add(payload)).is_err() {
                break;
            }
            count.burden.check(max_work)?;
        }
        Ok(count.burden)
    }

    /// The work of its heaviest function.
    pub(crate) fn heaviest(&self) -> u64 {
        self.heaviest
    }

    fn check(&self, max_work: u64) -> Result<(), RuntimeError> {
        for (what, found, max) in [
            ("functions", self.functions, MAX_COMPONENT_FUNCTIONS),
            ("nested instances", self.instances, MAX_NESTED_INSTANCES),
            ("units of work in its largest function", self.heaviest, MAX_FUNCTION_WORK),
            ("units of work in all functions together", self.work, max_work),
        ] {
            if found > max {
                return Err(RuntimeError::TooMuchToCompile { what, found, max });
            }
        }
        if self.longest_name > MAX_NAME_BYTES {
            return Err(RuntimeError::NameTooLong { bytes: self.longest_name, max_bytes: MAX_NAME_BYTES });
        }
        Ok(())
    }
}

/// A component or a core module that is not at its end yet.
enum Open {
    Module {
        signatures: Signatures,
        /// Functions that are imported, and those whose body was read.
        seen: usize,
    },
    Component {
        /// Instances that each component of its index space is made of.
        components: Vec<u64>,
        /// Instances that it is made of itself.
        instances: u64,
    },
}

#[derive(Default)]
struct Count {
    open: Vec<Open>,
    burden: Burden,
    /// The most instances that any component is made of: what stands for one that cannot be told.
    most_instances: u64,
}

impl Count {
    fn add(&mut self, payload: Payload<'_>) -> engine_wasmparser::Result<()> {
        self.burden.longest_name = self.burden.longest_name.max(longest_name(&payload)?);
        match payload {
            Payload::Version { encoding: Encoding::Module, .. } => {
                self.open.push(Open::Module { signatures: Signatures::default(), seen: 0 });
            }
            Payload::Version { encoding: Encoding::Component, .. } => {
                self.open.push(Open::Component { components: Vec::new(), instances: 1 });
            }
            Payload::End(_) => self.close(),
            payload => match self.open.last_mut() {
                Some(Open::Module { signatures, seen }) => {
                    add_to_module(&mut self.burden, signatures, seen, payload)?;
                }
                Some(Open::Component { .. }) => self.add_to_component(payload)?,
                None => {}
            },
        }
        Ok(())
    }

    fn close(&mut self) {
        let Some(Open::Component { instances, .. }) = self.open.pop() else { return };
        self.most_instances = self.most_instances.max(instances);
        self.burden.instances = self.most_instances;
        if let Some(Open::Component { components, .. }) = self.open.last_mut() {
            components.push(instances);
        }
    }

    fn add_to_component(&mut self, payload: Payload<'_>) -> engine_wasmparser::Result<()> {
        let unknown = self.most_instances;
        let mut more_components = Vec::new();
        let mut more_instances = 0u64;
        match payload {
            Payload::InstanceSection(section) => {
                for instance in section {
                    more_instances += u64::from(matches!(instance?, Instance::Instantiate { .. }));
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    if let ComponentInstance::Instantiate { component_index, .. } = instance? {
                        let nested = self.component(0, component_index).unwrap_or(unknown);
                        more_instances = more_instances.saturating_add(nested);
                    }
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    match alias? {
                        ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => {
                            more_components.push(unknown);
                        }
                        ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                            more_components.push(self.component(count, index).unwrap_or(unknown));
                        }
                        _ => {}
                    }
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    if matches!(import?.ty, ComponentTypeRef::Component(_)) {
                        more_components.push(unknown);
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.kind == ComponentExternalKind::Component {
                        more_components.push(self.component(0, export.index).unwrap_or(unknown));
                    }
                }
            }
            _ => {}
        }
        if let Some(Open::Component { components, instances }) = self.open.last_mut() {
            components.append(&mut more_components);
            *instances = instances.saturating_add(more_instances);
        }
        Ok(())
    }

    /// Instances that a component is made of, by its index in the `outward`-th component around this place.
    fn component(&self, outward: u32, index: u32) -> Option<u64> {
        let outward = usize::try_from(outward).ok()?;
        match self.open.iter().rev().nth(outward)? {
            Open::Component { components, .. } => components.get(usize::try_from(index).ok()?).copied(),
            Open::Module { .. } => None,
        }
    }
}

fn add_to_module(
    burden: &mut Burden,
    signatures: &mut Signatures,
    seen: &mut usize,
    payload: Payload<'_>,
) -> engine_wasmparser::Result<()> {
    match payload {
        Payload::TypeSection(section) => {
            for group in section {
                for ty in group?.types() {
                    signatures.types.push(match &ty.composite_type.inner {
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
                if let TypeRef::Func(of) | TypeRef::FuncExact(of) = import?.ty {
                    signatures.functions.push(of);
                    *seen += 1;
                }
            }
        }
        Payload::FunctionSection(section) => {
            for of in section {
                signatures.functions.push(of?);
            }
        }
        Payload::CodeSectionEntry(body) => {
            let of = signatures.functions.get(*seen).copied().unwrap_or(u32::MAX);
            *seen += 1;
            let work = signatures.work(of, &body);
            burden.functions += 1;
            burden.work = burden.work.saturating_add(work);
            burden.heaviest = burden.heaviest.max(work);
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_WORK: u64 = 40 << 20;

    fn burden(text: &str) -> Burden {
        Burden::within(&wat::parse_str(text).unwrap(), MAX_WORK).unwrap()
    }

    /// The work of the one function with this body, in a module with these fields.
    fn work(fields: &str, body: &str) -> u64 {
        let burden = burden(&format!("(component (core module {fields} (func (param i32) {body})))"));
        assert_eq!((burden.functions, burden.heaviest), (1, burden.work));
        burden.work
    }

    #[track_caller]
    fn check_between(work: u64, least: u64, most: u64) {
        assert!((least..=most).contains(&work), "{work}, not {least} to {most}");
    }

    #[test]
    fn ordinary_code_weighs_what_it_is_long() {
        check_between(work("", ""), 1, 8);
        check_between(work("(memory 1)", &"(drop (i32.load (local.get 0)))".repeat(1_000)), 6_000, 6_100);
    }

    #[test]
    fn what_carries_many_values_weighs_as_much_as_they() {
        let values = "i32 ".repeat(500);
        let fields = format!(
            r#"(type $many (func (param {values}) (result {values}))) (type $make (func (result {values})))
               (import "a" "many" (func $many (type $many))) (import "a" "make" (func $make (type $make)))
               (table 1 funcref)"#
        );
        let with = |carrier: &str| {
            let body = format!("call $make {} {}", carrier.repeat(10), "drop ".repeat(500));
            work(&fields, &body)
        };
        check_between(with("call $many "), 10_000, 12_000);
        check_between(with("i32.const 0 call_indirect (type $many) "), 10_000, 12_000);
        check_between(with("block (type $many) end "), 20_000, 30_000);
        check_between(with("loop (type $many) end "), 20_000, 30_000);
        check_between(with("local.get 0 if (type $many) else end "), 20_000, 40_000);
        let branches = "local.get 0 br_if 0 ".repeat(10);
        let body = format!("block (type $make) call $make {branches} end {}", "drop ".repeat(500));
        check_between(work(&fields, &body), 5_000, 8_000);
        let table = format!("local.get 0 br_table {} ", "0 ".repeat(10));
        let body = format!("block (type $make) call $make {table} end {}", "drop ".repeat(500));
        check_between(work(&fields, &body), 5_500, 8_500);
    }

    #[test]
    fn locals_weigh_by_the_joins_that_they_are_looked_up_through() {
        let uses: String = (1..=100).map(|local| format!("local.get {local} drop ")).collect();
        let with = |joins: &str, ends: &str| {
            work("", &format!("(local {}) {joins} {uses} {ends}", "i32 ".repeat(100)))
        };
        let alone = with("", "");
        check_between(with(&"loop ".repeat(600), &"end ".repeat(600)) - alone, 60_000, 64_000);
        check_between(with(&"local.get 0 if end ".repeat(600), "") - alone, 5_000, 10_000);
        let twice = work("", &format!("(local {}) {uses} {uses}", "i32 ".repeat(100)));
        check_between(twice - alone, 300, 400);
    }

    #[test]
    fn nested_instances_multiply() {
        let mut text = "(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
        for (level, expected) in [(1, 7), (2, 22), (3, 67)] {
            let instance = format!("(instance (instantiate $c{}))", level - 1);
            text = format!("(component $c{level} {text} {})", instance.repeat(3));
            assert_eq!(burden(&text).instances, expected);
        }
        let aliased = r#"(component
            (component $a (core module $m) (core instance (instantiate $m)) (core instance (instantiate $m)))
            (component $b (alias outer 1 $a (component $inner))
              (instance (instantiate $inner)) (instance (instantiate $inner)) (export "again" (component $inner)))
            (instance $one (instantiate $b))
            (alias export $one "again" (component $exported))
            (instance (instantiate $exported)))"#;
        // What is taken from an instance counts as the largest that there is: seven.
        assert_eq!(burden(aliased).instances, 1 + 7 + 7);
    }

    #[test]
    fn each_bound_lets_its_value_pass_and_no_more() {
        let within = Burden {
            functions: MAX_COMPONENT_FUNCTIONS,
            work: MAX_WORK,
            heaviest: MAX_FUNCTION_WORK,
            instances: MAX_NESTED_INSTANCES,
            longest_name: MAX_NAME_BYTES,
        };
        within.check(MAX_WORK).unwrap();
        for over in [
            Burden { functions: MAX_COMPONENT_FUNCTIONS + 1, ..within },
            Burden { work: MAX_WORK + 1, ..within },
            Burden { heaviest: MAX_FUNCTION_WORK + 1, ..within },
            Burden { instances: MAX_NESTED_INSTANCES + 1, ..within },
        ] {
            let error = over.check(MAX_WORK).unwrap_err();
            assert!(
                matches!(error, RuntimeError::TooMuchToCompile { found, max, .. } if found == max + 1),
                "{error:?}"
            );
        }
    }

    /// The bytes of a custom section "name" which names function 0, then ends in the middle of the next name.
    fn broken_names(bytes: usize) -> String {
        let leb = |number: usize| {
            let byte = |shift: usize, more: usize| (number >> shift) & 0x7f | more;
            format!("\\{:02x}\\{:02x}\\{:02x}", byte(0, 0x80), byte(7, 0x80), byte(14, 0))
        };
        let size = 1 + 1 + 3 + bytes + 1;
        format!(r#""\01{}\02\00{}{}\01""#, leb(size), leb(bytes), "n".repeat(bytes))
    }

    #[test]
    fn names_are_measured_wherever_they_are() {
        let name = "n".repeat(1_000);
        for text in [
            format!("(component (core module $m (func ${name})))"),
            format!("(component (core module ${name}))"),
            format!(r#"(component (core module (import "a" "{name}" (func))))"#),
            format!(r#"(component (core module (import "{name}" "a" (func))))"#),
            format!(r#"(component (core module (func (export "{name}"))))"#),
            format!(r#"(component (import "{name}" (func)))"#),
            format!(r#"(component (component) (component (import "{name}" (func))))"#),
            format!(r#"(component (import "a" (func $a)) (export "{name}" (func $a)))"#),
            format!(r#"(component (core module (func) (@custom "name" {})))"#, broken_names(1_000)),
        ] {
            assert_eq!(burden(&text).longest_name, 1_000, "{text}");
        }
    }

    #[test]
    fn a_name_over_the_bound_is_refused_even_in_a_broken_section() {
        let with = |bytes| {
            let text =
                format!(r#"(component (core module (func) (@custom "name" {})))"#, broken_names(bytes));
            Burden::within(&wat::parse_str(text).unwrap(), MAX_WORK)
        };
        with(MAX_NAME_BYTES).unwrap();
        let error = with(MAX_NAME_BYTES + 1).unwrap_err();
        assert!(
            matches!(error, RuntimeError::NameTooLong { bytes, max_bytes: MAX_NAME_BYTES } if bytes == MAX_NAME_BYTES + 1),
            "{error:?}"
        );
    }

    #[test]
    fn exponential_nesting_is_refused_before_it_is_unfolded() {
        let mut text = "(component $c0)".to_owned();
        for level in 1..60 {
            let instance = format!("(instance (instantiate $c{}))", level - 1);
            text = format!("(component $c{level} {text} {})", instance.repeat(8));
        }
        let error = Burden::within(&wat::parse_str(&text).unwrap(), MAX_WORK).unwrap_err();
        assert!(
            matches!(error, RuntimeError::TooMuchToCompile { what: "nested instances", .. }),
            "{error:?}"
        );
    }

    #[test]
    fn what_is_not_valid_is_left_to_validation() {
        for wasm in [&b""[..], b"\0asm", b"\0asm\x0d\0\x01\0\xff\x01\0", &[0xff; 64]] {
            assert_eq!(Burden::within(wasm, MAX_WORK).unwrap(), Burden::default(), "{wasm:?}");
        }
    }
}
