//! What a component is for the compiler, counted before it is compiled.
//!
//! A few kilobytes can make the compiler hold gigabytes, keep it busy for hours or use up its stack: a component
//! within a component that is instantiated again and again, a function whose calls carry a thousand values each,
//! types within types. What would is refused here, and so is what is not valid, but for the bodies of functions.
//!
//! Invariant: nothing here takes more time or memory than validation does, which comes first for each part of a file;
//! what validation itself could not bear is looked at before. Whatever passes is counted to its end.

mod module;
mod parts;
mod startup;
mod type_size;
mod type_walk;
mod type_work;

use std::collections::HashMap;

use engine_wasmparser::component_types::ComponentCoreModuleTypeId;
use engine_wasmparser::{Encoding, Parser, Payload, Validator, WasmFeatures};
use thiserror::Error;

use crate::bounds::{
    MAX_COMPONENT_DEPTH, MAX_COMPONENT_EXPORTS, MAX_COMPONENT_FUNCTIONS, MAX_COMPONENT_PARTS,
    MAX_COMPONENT_STATE_BYTES, MAX_COMPONENT_TABLE_ELEMENTS, MAX_FUNCTION_WORK, MAX_NAME_BYTES,
    MAX_NESTED_INSTANCES, MAX_TYPE_DEPTH, MAX_TYPE_WORK,
};
use crate::error::RuntimeError;
use crate::header::check_header;
use crate::names::longest_name;

use module::{OpenModule, Share};
use parts::{Across, OpenComponent};
use type_size::TypeSizes;
use type_work::TypeWork;

/// What a component is for the compiler.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Burden {
    /// Functions of all its modules, those that lead from one component within it to another, and those that the
    /// engine adds: for each type of function, each function that can be reached from elsewhere, the beginning of
    /// each module.
    functions: u64,
    /// The work of all of them together.
    work: u64,
    /// The work of the heaviest: so much is held while it is compiled.
    heaviest: u64,
    /// Instances that it is made of, however deep they are nested.
    instances: u64,
    /// Modules and components in it, itself included.
    parts: u64,
    /// Names that it exports.
    exports: u64,
    /// Components within components.
    depth: u64,
    /// Types within types.
    type_depth: u64,
    /// Parts of types that validation looks at, each as often as it does.
    type_work: u64,
    /// Bytes that the host holds for the core instances of one instance of it, beside memories and tables.
    held: u64,
    /// Elements that all tables of its modules begin with, and those of the largest.
    table_elements: u64,
    pub(crate) largest_table: u64,
    /// Bytes that the largest memory of its modules begins with.
    pub(crate) largest_memory: u64,
    /// Bytes that all memories of one instance of it begin with, at least.
    pub(crate) memory: u64,
    /// Bytes of its longest name: no work for the compiler, but so much is held for each frame of a trap.
    longest_name: usize,
}

impl Burden {
    /// Counts until the file ends or is beyond a bound. `max_work` is that of all functions together.
    ///
    /// # Errors
    ///
    /// [`RuntimeError::TooMuchToCompile`] or [`RuntimeError::NameTooLong`] with the bound,
    /// [`RuntimeError::HandsOnComponents`], and [`RuntimeError::InvalidComponent`] for what cannot be counted.
    pub(crate) fn within(wasm: &[u8], max_work: u64) -> Result<Self, RuntimeError> {
        check_header(wasm)?;
        let mut count = Count::new();
        for payload in Parser::new(0).parse_all(wasm) {
            payload.map_err(Refusal::NotValid).and_then(|payload| count.add(wasm, payload))?;
            count.burden.check(max_work)?;
        }
        Ok(count.burden)
    }

    /// The work of its heaviest function.
    pub(crate) fn heaviest(&self) -> u64 {
        self.heaviest
    }

    /// A function that is compiled.
    fn add_function(&mut self, work: u64) {
        self.functions = self.functions.saturating_add(1);
        self.work = self.work.saturating_add(work);
        self.heaviest = self.heaviest.max(work);
    }

    fn check(&self, max_work: u64) -> Result<(), RuntimeError> {
        for (what, found, max) in [
            ("modules and components", self.parts, MAX_COMPONENT_PARTS),
            ("levels of components within components", self.depth, MAX_COMPONENT_DEPTH),
            ("levels of types within types", self.type_depth, MAX_TYPE_DEPTH),
            ("parts of types that are looked at", self.type_work, MAX_TYPE_WORK),
            ("bytes that the host holds for its instances", self.held, MAX_COMPONENT_STATE_BYTES),
            ("exports", self.exports, MAX_COMPONENT_EXPORTS),
            ("functions", self.functions, MAX_COMPONENT_FUNCTIONS),
            ("nested instances", self.instances, MAX_NESTED_INSTANCES),
            ("table elements", self.table_elements, MAX_COMPONENT_TABLE_ELEMENTS),
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

/// Why a part of a file cannot be counted.
#[derive(Debug, Error)]
enum Refusal {
    #[error(transparent)]
    NotValid(#[from] engine_wasmparser::Error),
    #[error("a component is handed on")]
    HandsOnComponents { how: &'static str },
}

impl From<Refusal> for RuntimeError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotValid(error) => Self::InvalidComponent(Box::new(error)),
            Refusal::HandsOnComponents { how } => Self::HandsOnComponents { how },
        }
    }
}

/// A component or a core module that is not at its end yet.
enum Open {
    Module(OpenModule),
    Component(OpenComponent),
}

struct Count {
    validator: Validator,
    open: Vec<Open>,
    burden: Burden,
    sizes: TypeSizes,
    type_work: TypeWork,
    /// Modules that are at their end, and the largest shares of all.
    modules: HashMap<ComponentCoreModuleTypeId, Share>,
    largest_share: Share,
}

impl Count {
    fn new() -> Self {
        Self {
            // What this host has switched off is refused where it is compiled.
            validator: Validator::new_with_features(WasmFeatures::all()),
            open: Vec::new(),
            burden: Burden::default(),
            sizes: TypeSizes::default(),
            type_work: TypeWork::default(),
            modules: HashMap::new(),
            largest_share: Share::default(),
        }
    }

    fn add(&mut self, wasm: &[u8], payload: Payload<'_>) -> Result<(), Refusal> {
        self.type_work.add(&payload, wasm, &self.validator, &mut self.sizes, &mut self.burden)?;
        if self.burden.type_depth > MAX_TYPE_DEPTH || self.burden.type_work > MAX_TYPE_WORK {
            return Ok(());
        }
        // Each may be a type of a function: a million of them are not validated to be refused.
        if let Payload::TypeSection(section) = &payload {
            let functions = self.burden.functions.saturating_add(u64::from(section.count()));
            if functions > MAX_COMPONENT_FUNCTIONS {
                self.burden.functions = functions;
                return Ok(());
            }
        }
        // Of the component itself, whose exports are what is called by name.
        if let Payload::ComponentExportSection(section) = &payload
            && self.open.len() == 1
        {
            self.burden.exports = self.burden.exports.saturating_add(u64::from(section.count()));
            if self.burden.exports > MAX_COMPONENT_EXPORTS {
                return Ok(());
            }
        }
        self.validator.payload(&payload)?;
        self.burden.longest_name = self.burden.longest_name.max(longest_name(&payload)?);
        match payload {
            Payload::Version { encoding, .. } => self.begin(encoding),
            Payload::End(_) => self.close(),
            payload => match self.open.split_last_mut() {
                Some((Open::Module(module), _)) => module.add(&mut self.burden, payload)?,
                Some((Open::Component(component), around)) => {
                    let Some(types) = self.validator.types(0) else { return Ok(()) };
                    let (sizes, modules) = (&mut self.sizes, &self.modules);
                    component.add(payload, &mut Across { around, types, sizes, modules })?;
                }
                None => {}
            },
        }
        Ok(())
    }

    fn begin(&mut self, encoding: Encoding) {
        self.burden.parts += 1;
        self.burden.depth = self.burden.depth.max(self.open.len() as u64);
        self.open.push(match encoding {
            Encoding::Module => Open::Module(OpenModule::default()),
            Encoding::Component => Open::Component(OpenComponent::new()),
        });
    }

    fn close(&mut self) {
        match self.open.pop() {
            Some(Open::Module(module)) => {
                let share = module.close(&mut self.burden);
                self.largest_share = self.largest_share.max(share);
                let types = self.validator.types(0);
                if let Some(last) =
                    types.and_then(|types| types.module_count().checked_sub(1).zip(Some(types)))
                {
                    let (index, types) = last;
                    self.modules.insert(types.module_at(index), share);
                }
            }
            Some(Open::Component(component)) => {
                let parts = component.parts;
                self.burden.instances = self.burden.instances.max(parts.instances);
                match self.open.last_mut() {
                    Some(Open::Component(outer)) => outer.holds(parts),
                    // The whole file: what is not instantiated in it costs nothing more.
                    _ => {
                        let parts = parts.with_given(self.largest_share);
                        self.burden.held = parts.held;
                        self.burden.memory = parts.memory;
                        self.burden.functions = self.burden.functions.saturating_add(parts.adapters);
                        self.burden.work = self.burden.work.saturating_add(parts.work);
                    }
                }
            }
            None => {}
        }
    }
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
        burden(&format!("(component (core module {fields} (func (param i32) {body})))")).heaviest
    }

    /// The work of the beginning of a module with these fields, beside what is in it without.
    #[track_caller]
    fn check_startup(without: &str, fields: &str, least: u64, most: u64) {
        let module = |fields: &str| burden(&format!("(component (core module {fields}))"));
        let (all, base) = (module(&format!("{without} {fields}")), module(without));
        check_between(all.work - base.work, least, most);
        assert_eq!(all.functions > base.functions, most > 0, "{fields}");
    }

    #[track_caller]
    fn check_between(work: u64, least: u64, most: u64) {
        assert!((least..=most).contains(&work), "{work}, not {least} to {most}");
    }

    #[test]
    fn ordinary_code_weighs_what_it_is_long() {
        check_between(work("", ""), 16, 24);
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
        check_between(with(&"loop ".repeat(600), &"end ".repeat(600)) - alone, 72_000, 76_000);
        check_between(with(&"local.get 0 if end ".repeat(600), "") - alone, 8_000, 12_000);
        let twice = work("", &format!("(local {}) {uses} {uses}", "i32 ".repeat(100)));
        check_between(twice - alone, 300, 400);
    }

    #[test]
    fn what_begins_a_module_weighs_unless_it_is_written_out_beforehand() {
        let functions = "(func $f) (elem declare func $f)";
        let items = "$f ".repeat(100);
        check_startup(functions, &format!("(elem func {items})"), 430, 430);
        check_startup(functions, &format!("(elem funcref {})", "(ref.func $f) ".repeat(100)), 730, 740);
        let tables = format!(
            r#"(import "a" "g" (global $g i32)) (import "a" "t" (table $i 9 funcref))
            {functions} (table $t 100 funcref) (table $other 100 externref)"#
        );
        check_startup(&tables, &format!("(elem (table $t) (i32.const 0) func {items})"), 0, 0);
        check_startup(&tables, &format!("(elem (table $t) (i32.const 1) func {items})"), 1_433, 1_435);
        check_startup(&tables, &format!("(elem (table $t) (global.get $g) func {items})"), 1_433, 1_435);
        check_startup(&tables, &format!("(elem (table $i) (i32.const 0) func {items})"), 1_433, 1_435);
        let after =
            format!("(elem (table $i) (i32.const 0) func) (elem (table $t) (i32.const 0) func {items})");
        check_startup(&tables, &after, 1_460, 1_470);

        let begins = |begin: &str| format!("(global i32 {begin})").repeat(100);
        check_startup(&tables, &begins("(i32.const 7)"), 0, 0);
        check_startup(&tables, &begins("(global.get $g)"), 1_300, 1_330);
        check_startup(functions, &"(global funcref (ref.func $f))".repeat(100), 1_300, 1_330);
        check_startup(functions, "(table 5 funcref (ref.func $f))", 0, 0);
        check_startup("", "(table 5 externref (ref.null extern))", 12, 14);

        let data =
            |memory: &str, at: &str| format!(r#"{memory} {}"#, format!(r#"(data {at} "x")"#).repeat(100));
        check_startup("", &data("(memory 1)", "(i32.const 7)"), 300, 380);
        check_startup("", &data(r#"(import "a" "m" (memory 1))"#, "(i32.const 7)"), 6_200, 6_320);
        check_startup("", &data("(memory 1)", "(i32.const 65536)"), 6_200, 6_520);
        check_startup("", r#"(memory 1) (data (i32.const 0) "a") (data (i32.const 9) "b")"#, 124, 130);
        check_startup("", &"(data \"x\")".repeat(100), 0, 0);
    }

    #[test]
    fn each_way_into_a_function_weighs_as_much_as_its_type() {
        let values = "i32 ".repeat(500);
        let with = |field: &str| {
            let ty = format!("(type $many (func (param {values}) (result {values})))");
            let text = format!("(component (core module {ty} (func $f (type $many) unreachable) {field}))");
            burden(&text)
        };
        let alone = with("");
        assert_eq!(alone.functions, 2, "itself, and one for its type");
        check_between(alone.work, 2_000, 2_050);
        for field in [
            r#"(export "f" (func $f)) (export "g" (func $f))"#,
            "(elem declare func $f $f)",
            "(elem declare funcref (ref.func $f))",
            "(table 1 (ref null func) (ref.func $f))",
        ] {
            let entered = with(field);
            assert_eq!(entered.functions, 3, "{field}");
            check_between(entered.work - alone.work, 1_000, 1_030);
        }
        check_between(with("(global funcref (ref.func $f))").work - alone.work, 1_000, 1_050);
        assert_eq!(burden("(component (core type (func)) (core type (module (type (func)))))").functions, 2);
        let declared = "(component (type (instance (core type (module (type (func)) (type (func)))))))";
        assert_eq!(burden(declared).functions, 2);
    }

    #[test]
    fn each_core_instance_holds_what_its_module_takes() {
        let with = |fields: &str, instances: usize| {
            let instances = "(core instance (instantiate $m))".repeat(instances);
            burden(&format!("(component (core module $m (func $f) {fields}) (core module) {instances})")).held
        };
        let passive = format!("(elem func {})", "$f ".repeat(100));
        assert_eq!((with("", 3), with(&passive, 0)), (0, 0));
        assert_eq!(with(&passive, 3), 3 * (100 * 16 + 48 + 48));
        assert_eq!(with(&"(global i32 (i32.const 0))".repeat(10), 3), 3 * 160);
        assert_eq!(with("(table 1 funcref) (elem (i32.const 0) func $f)", 1), 48 + 48);
        // Which module is meant cannot be told from the inner component.
        let given = format!(
            r#"(component
              (component $inner (import "m" (core module $m)) (core instance (instantiate $m)))
              (core module $large (func $f) {passive})
              (instance (instantiate $inner (with "m" (core module $large)))))"#
        );
        assert_eq!(burden(&given).held, 100 * 16 + 48 + 48);
    }

    #[test]
    fn too_many_types_are_refused_before_they_are_validated() {
        let types = |count: u64| {
            let text = format!(
                "(component (core module {}))",
                "(type (func))".repeat(usize::try_from(count).unwrap())
            );
            Burden::within(&wat::parse_str(text).unwrap(), MAX_WORK)
        };
        assert_eq!(types(MAX_COMPONENT_FUNCTIONS).unwrap().functions, MAX_COMPONENT_FUNCTIONS);
        let error = types(MAX_COMPONENT_FUNCTIONS + 1).unwrap_err();
        assert!(
            matches!(error, RuntimeError::TooMuchToCompile { what: "functions", found, max } if found == max + 1),
            "{error:?}"
        );
    }

    #[test]
    fn exports_are_counted_across_sections_and_those_of_inner_components_are_not() {
        let exports = |text: &str| {
            Burden::within(&wat::parse_str(text).unwrap(), MAX_WORK).map(|burden| burden.exports)
        };
        let many = |count: u64| -> String {
            (0..count).map(|number| format!(r#"(export "x{number}" (func $f))"#)).collect()
        };
        let with = |all: &str| format!(r#"(component (import "f" (func $f)) {all})"#);
        let apart = with(r#"(export "a" (func $f)) (type (func)) (export "b" (func $f))"#);
        assert_eq!(exports(&apart).unwrap(), 2);
        assert_eq!(exports(&format!("(component {apart})")).unwrap(), 0);
        assert_eq!(exports(&with(&many(MAX_COMPONENT_EXPORTS))).unwrap(), MAX_COMPONENT_EXPORTS);
        let error = exports(&with(&many(MAX_COMPONENT_EXPORTS + 1))).unwrap_err();
        assert!(
            matches!(error, RuntimeError::TooMuchToCompile { what: "exports", found, max } if found == max + 1),
            "{error:?}"
        );
    }

    /// The work for types of a component that has a function `$f` of a type `$t` of so many levels, each twice the one
    /// before, and what is in `rest`.
    fn shared(levels: usize, rest: &str) -> u64 {
        let doubled: String =
            (1..levels).map(|level| format!("(type $t{level} (tuple $t{0} $t{0}))", level - 1)).collect();
        let text = format!(
            r#"(component (type $t0 (tuple u8 u8)) {doubled} (alias outer 0 {last} (type $t))
              (import "f" (func $f (param "n" $t))) {rest})"#,
            last = levels - 1
        );
        burden(&text).type_work
    }

    #[test]
    fn types_weigh_as_often_as_validation_looks_at_them() {
        let component = r#"(component $c (alias outer 1 $t (type $t)) (import "f" (func (param "n" $t))))"#;
        let instance = r#"(instance (instantiate $c (with "f" (func $f))))"#;
        let core = r#"(core module $m (memory (export "m") 1) (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
            (func (export "f") (param i32))) (core instance $i (instantiate $m))"#;
        for (base, one) in [
            (component.to_owned(), instance),
            (String::new(), r#"(export "e" (func $f))"#),
            (String::new(), r#"(component (alias outer 1 $t (type $t)))"#),
            (
                String::new(),
                r#"(type (component (alias outer 1 $t (type $t)) (import "a" (func (param "n" $t)))))"#,
            ),
            (String::new(), r#"(type (instance (alias outer 1 $t (type $t))))"#),
            (core.to_owned(), r#"(core func (canon lower (func $f) (memory (core memory $i "m"))))"#),
            (
                core.to_owned(),
                r#"(func (param "n" $t) (canon lift (core func $i "f") (memory (core memory $i "m")) (realloc (core func $i "realloc"))))"#,
            ),
        ] {
            let with = |levels| shared(levels, &format!("{base} {one}")) - shared(levels, &base);
            let (small, large) = (with(5), with(10));
            assert!(large > small + 900, "{one}: {small} and {large}");
        }
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
              (instance (instantiate $inner)) (instance (instantiate $inner)))
            (instance (instantiate $b)))"#;
        assert_eq!(burden(aliased).instances, 1 + 7);
    }

    /// A component whose function takes `values` numbers and is called by another one, of which there are
    /// `instances`.
    fn linked(values: usize, instances: usize) -> Burden {
        let ty = format!(r#"(param "n" (tuple {}))"#, "u32 ".repeat(values));
        burden(&format!(
            r#"(component
              (component $callee
                (core module $m (func (export "f") (param {})))
                (core instance $i (instantiate $m))
                (func (export "f") {ty} (canon lift (core func $i "f"))))
              (component $caller
                (import "f" (func $f {ty}))
                (core func $lowered (canon lower (func $f))))
              (instance $callee (instantiate $callee))
              (alias export $callee "f" (func $f))
              {})"#,
            "i32 ".repeat(values),
            r#"(instance (instantiate $caller (with "f" (func $f))))"#.repeat(instances)
        ))
    }

    #[test]
    fn functions_between_components_multiply_with_instances_and_weigh_as_much_as_their_types() {
        assert_eq!(linked(1, 3).functions - linked(1, 1).functions, 2);
        let each = |values| (linked(values, 11).work - linked(values, 1).work) / 10;
        check_between(each(1), 160, 220);
        check_between(each(16) - each(1), 15 * 16, 15 * 17);
    }

    #[test]
    fn types_that_share_their_parts_weigh_as_if_each_were_written_out() {
        let doubled: String =
            (1..10).map(|level| format!("(type $t{level} (tuple $t{0} $t{0}))", level - 1)).collect();
        let text = format!(
            r#"(component (type $t0 (tuple u8 u8)) {doubled}
              (import "f" (func $f (param "n" $t9)))
              (core module $memory (memory (export "m") 1))
              (core instance $memory (instantiate $memory))
              (core func (canon lower (func $f) (memory (core memory $memory "m")))))"#
        );
        check_between(burden(&text).work, 2 * 512 * 16, 4 * 512 * 16 + 400);
    }

    #[test]
    fn a_component_that_is_handed_on_is_refused_however_it_is() {
        for (how, text) in [
            ("import", r#"(component (component (import "c" (component))))"#),
            (
                "argument",
                r#"(component (component $a) (component $b) (instance (instantiate $b (with "a" (component $a)))))"#,
            ),
            ("export", r#"(component (component $a) (component (export "a" (component $a))))"#),
            ("export", r#"(component (component $a) (instance (export "a" (component $a))))"#),
            (
                "alias",
                r#"(component
                  (import "i" (instance $i (export "c" (component)))) (alias export $i "c" (component $c)))"#,
            ),
        ] {
            let error = Burden::within(&wat::parse_str(text).unwrap(), MAX_WORK).unwrap_err();
            assert!(
                matches!(error, RuntimeError::HandsOnComponents { how: found } if found == how),
                "{text}: {error:?}"
            );
        }
    }

    #[test]
    fn what_is_not_instantiated_is_looked_at_all_the_same() {
        let burden = burden(
            "(component (component (core module (memory 3) (memory 1) (table 7 funcref) (table 2 funcref))))",
        );
        assert_eq!((burden.parts, burden.depth), (3, 2));
        assert_eq!((burden.largest_memory, burden.largest_table, burden.table_elements), (3 << 16, 7, 9));
    }

    #[test]
    fn each_bound_lets_its_value_pass_and_no_more() {
        let within = Burden {
            functions: MAX_COMPONENT_FUNCTIONS,
            work: MAX_WORK,
            heaviest: MAX_FUNCTION_WORK,
            instances: MAX_NESTED_INSTANCES,
            parts: MAX_COMPONENT_PARTS,
            exports: MAX_COMPONENT_EXPORTS,
            depth: MAX_COMPONENT_DEPTH,
            type_depth: MAX_TYPE_DEPTH,
            type_work: MAX_TYPE_WORK,
            held: MAX_COMPONENT_STATE_BYTES,
            table_elements: MAX_COMPONENT_TABLE_ELEMENTS,
            largest_table: u64::MAX,
            largest_memory: u64::MAX,
            memory: u64::MAX,
            longest_name: MAX_NAME_BYTES,
        };
        within.check(MAX_WORK).unwrap();
        for over in [
            Burden { functions: MAX_COMPONENT_FUNCTIONS + 1, ..within },
            Burden { work: MAX_WORK + 1, ..within },
            Burden { heaviest: MAX_FUNCTION_WORK + 1, ..within },
            Burden { instances: MAX_NESTED_INSTANCES + 1, ..within },
            Burden { parts: MAX_COMPONENT_PARTS + 1, ..within },
            Burden { exports: MAX_COMPONENT_EXPORTS + 1, ..within },
            Burden { depth: MAX_COMPONENT_DEPTH + 1, ..within },
            Burden { type_depth: MAX_TYPE_DEPTH + 1, ..within },
            Burden { type_work: MAX_TYPE_WORK + 1, ..within },
            Burden { held: MAX_COMPONENT_STATE_BYTES + 1, ..within },
            Burden { table_elements: MAX_COMPONENT_TABLE_ELEMENTS + 1, ..within },
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
    fn what_is_not_valid_is_refused_before_it_is_counted() {
        for wasm in [&b"\0asm\x0d\0\x01\0\xff\x01\0"[..], b"\0asm\x0d\0\x01\0\x06\x04\x01\x01\0\x07"] {
            let error = Burden::within(wasm, MAX_WORK).unwrap_err();
            assert!(matches!(error, RuntimeError::InvalidComponent(_)), "{wasm:?}: {error:?}");
        }
    }

    #[test]
    fn ways_weigh_as_their_square() {
        let with = |ways: usize| work("", &"local.get 0 br_if 0 ".repeat(ways));
        check_between(with(2_000), 20_000, 21_000);
        check_between(with(20_000), 560_000, 580_000);
        check_between(work("", &"loop end ".repeat(20_000)), 840_000, 880_000);
    }
}
