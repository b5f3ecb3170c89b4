//! Holds the table against the linker and against what a guest without rights was told.
//!
//! That a handle cannot be had follows from the descriptions: whatever function could give one is denied itself,
//! needs a handle that cannot be had, or was called and gave none. That it cannot be guessed is tried besides, with
//! every number of a small table and with a handle of another kind.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};

use airssys_wasm_core::{ComponentId, EncodedValues, EndCause, ResourceLimits, ValueFormat};
use airssys_wasm_runtime::{
    CallFailure, EngineConfig, InstanceSetup, RuntimeError, VerifiedComponent, WasmtimeEngine,
    offered_interfaces,
};

use crate::rights::class::{Class, Import};
use crate::rights::finding::Findings;
use crate::rights::lone;
use crate::rights::probe::{self, Testimony};
use crate::rights::sources::Definitions;
use crate::rights::surface::{Described, Surface};
use crate::rights::table::imports;

/// What a function answers that gave no handle.
const NONE: &str = "none";

/// The rule by which the message that was to be sent later is refused when its time has come.
const REFUSED_LATER: &str = "capabilities.messaging.send_to";

/// Gives a handle and needs none: what guesses are mistaken for.
const ANY_HANDLE: &str = "wasi:clocks/monotonic-clock#subscribe-duration";

/// Handles that are guessed.
const GUESSES: std::ops::RangeInclusive<i32> = 0..=2;

/// Everything in which the matrix is not what the host does, a sentence each; none where it holds.
///
/// # Errors
///
/// Where it could not be tried.
pub async fn prove() -> Result<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let surface = Surface::read(&root)?;
    let engine = WasmtimeEngine::new(EngineConfig { max_instances: 4, ..EngineConfig::default() })?;
    let table = imports();
    let mut findings = Findings::default();
    let mut linked = linked(&engine, &surface)?;
    // A function that nobody describes cannot be asked for.
    let definitions = Definitions::read(&root)?;
    linked.extend(definitions.names);
    definitions.riddles.into_iter().for_each(|riddle| findings.add(riddle));
    compare_linker(&table, &linked, &mut findings);
    let testimony = probe::testify().await?;
    compare_answers(&table, &testimony, &mut findings);
    compare_records(&table, &testimony, &mut findings);
    compare_handles(&table, &surface, &mut findings);
    guess(&engine, &surface, &table, &mut findings).await?;
    let mut sentences = findings.into_sentences();
    sentences.extend(testimony.misdeeds.into_sentences());
    Ok(sentences)
}

/// The described functions that the linker holds, by the one thing that it tells: whether it takes a component that needs
/// nothing else.
fn linked(engine: &WasmtimeEngine, surface: &Surface) -> Result<BTreeSet<String>> {
    let mut linked = BTreeSet::new();
    for function in &surface.functions {
        let component = lone::component(&surface.resolve, function, None, 0)
            .with_context(|| format!("a component that imports {}", function.full_name()))?;
        match engine.verify(&component) {
            Ok(_) => {
                linked.insert(function.full_name());
            }
            Err(RuntimeError::MissingImports(_) | RuntimeError::IncompatibleInterface { .. }) => {}
            Err(error) => {
                return Err(error).with_context(|| format!("{} is not verified", function.full_name()));
            }
        }
    }
    Ok(linked)
}

fn compare_linker(table: &[Import], linked: &BTreeSet<String>, findings: &mut Findings) {
    let rows: BTreeSet<String> = table.iter().map(Import::name).collect();
    if rows.len() != table.len() {
        findings.add("an import has two rows");
    }
    findings.compare((linked, "is linked and has no row"), (&rows, "has a row and is not linked"));
    let interface = |name: &String| name.split('#').next().unwrap_or_default().to_owned();
    let interfaces: BTreeSet<String> = linked.iter().map(interface).collect();
    // The types alone have no functions.
    let offered =
        offered_interfaces().filter(|name| *name != "airssys:core/types").map(str::to_owned).collect();
    findings.compare(
        (&interfaces, "is linked, and not listed among what is offered"),
        (&offered, "is listed among what is offered, and has no function that is linked"),
    );
}

fn compare_answers(table: &[Import], testimony: &Testimony, findings: &mut Findings) {
    let mut answers = testimony.answers.clone();
    for import in table {
        let name = import.name();
        match (import.class.answer(), answers.remove(&name)) {
            (Some(expected), Some(answer)) if expected == answer => {}
            (None, None) => {}
            (Some(expected), Some(answer)) => {
                findings.add(format!("{name} is answered with `{answer}`, not with `{expected}`"));
            }
            (Some(_), None) => findings.add(format!("{name} was not called")),
            (None, Some(answer)) => findings.add(format!("{name} was reached: `{answer}`")),
        }
    }
    for (name, answer) in answers {
        findings.add(format!("{name} was called, answered `{answer}`, and has no row"));
    }
}

/// As many records of each rule as calls were denied by it.
fn compare_records(table: &[Import], testimony: &Testimony, findings: &mut Findings) {
    let mut expected = BTreeMap::from([(REFUSED_LATER.to_owned(), 1)]);
    for import in table {
        if let Class::Denied { rule, .. } = import.class {
            let calls = testimony.calls.get(&import.name()).copied().unwrap_or(0);
            *expected.entry(rule.to_owned()).or_insert(0) += calls;
        }
    }
    if expected != testimony.recorded {
        findings.add(format!("recorded denials: {:?}, expected {expected:?}", testimony.recorded));
    }
}

/// Whether what is called unreachable is, and nothing else.
fn compare_handles(table: &[Import], surface: &Surface, findings: &mut Findings) {
    let classes: BTreeMap<String, Class> = table.iter().map(|row| (row.name(), row.class)).collect();
    let gives_none = |function: &Described| match classes.get(&function.full_name()) {
        // What is not linked gives nothing.
        None | Some(Class::Denied { .. } | Class::Unreachable { .. }) => true,
        Some(Class::Harmless { answer, .. }) => *answer == NONE,
    };
    let given: BTreeSet<&String> =
        surface.functions.iter().filter(|one| !gives_none(one)).flat_map(|one| &one.gives).collect();
    for function in &surface.functions {
        let name = function.full_name();
        match classes.get(&name) {
            Some(Class::Unreachable { handle }) => {
                let needed = format!("{}#{handle}", function.interface);
                if !function.takes.contains(&needed) {
                    findings.add(format!("{name} needs no handle of {needed}"));
                } else if given.contains(&needed) {
                    findings
                        .add(format!("{name} is called unreachable, but a handle of {needed} can be had"));
                }
            }
            Some(_) => {
                let missing: Vec<_> =
                    function.takes.iter().filter(|needed| !given.contains(needed)).collect();
                if !missing.is_empty() {
                    findings.add(format!("{name} cannot be reached: nobody gives {missing:?}"));
                }
            }
            None => {}
        }
    }
}

/// Calls every unreachable import with handles that were never given.
async fn guess(
    engine: &WasmtimeEngine,
    surface: &Surface,
    table: &[Import],
    findings: &mut Findings,
) -> Result<()> {
    let any = surface.functions.iter().find(|function| function.full_name() == ANY_HANDLE);
    let any = any.with_context(|| format!("there is no {ANY_HANDLE}"))?;
    let is_handle_taken = attempt(engine, &verified(engine, surface, any, None, 0)?).await?;
    if !is_handle_taken {
        findings.add(format!("{ANY_HANDLE} cannot be called, so that guesses prove nothing"));
    }
    let unreachable: BTreeSet<String> = table
        .iter()
        .filter(|import| matches!(import.class, Class::Unreachable { .. }))
        .map(Import::name)
        .collect();
    for function in surface.functions.iter().filter(|one| unreachable.contains(&one.full_name())) {
        for handle in GUESSES {
            let component = verified(engine, surface, function, Some(any), handle)?;
            if attempt(engine, &component).await? {
                findings.add(format!("{} took the handle {handle}, which was guessed", function.full_name()));
            }
        }
    }
    Ok(())
}

fn verified(
    engine: &WasmtimeEngine,
    surface: &Surface,
    function: &Described,
    first: Option<&Described>,
    handle: i32,
) -> Result<VerifiedComponent> {
    let component = lone::component(&surface.resolve, function, first, handle)?;
    engine.verify(&component).with_context(|| format!("{} is not verified", function.full_name()))
}

/// Whether the call came back; false where the engine ended it, as it ends a call with a handle that is none.
async fn attempt(engine: &WasmtimeEngine, component: &VerifiedComponent) -> Result<bool> {
    let limits = ResourceLimits { max_memory_bytes: 1 << 20, ..ResourceLimits::default() };
    let setup = InstanceSetup::new(ComponentId::new("rights", "lone", "0")?, limits);
    let mut instance = engine.start(component, setup).await?.value;
    match instance.invoke(lone::ATTEMPT, &EncodedValues::wave(""), ValueFormat::Wave).await {
        Ok(called) => called.value.map(|_| true).context("the attempt is not made"),
        Err(CallFailure { cause: EndCause::Trap { .. } | EndCause::HostLimit { .. }, .. }) => Ok(false),
        Err(other) => Err(other).context("the attempt ends for another reason"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surface() -> Surface {
        Surface::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap()
    }

    /// The table with another class for one import.
    fn altered(name: &str, class: Class) -> Vec<Import> {
        let mut table = imports();
        let row = table.iter_mut().find(|import| import.name() == name).unwrap();
        row.class = class;
        table
    }

    fn told(compare: impl FnOnce(&mut Findings)) -> Vec<String> {
        let mut findings = Findings::default();
        compare(&mut findings);
        findings.into_sentences()
    }

    #[test]
    fn an_import_without_a_row_and_a_row_without_an_import_are_told() {
        let table = imports();
        let mut linked: BTreeSet<String> = table.iter().map(Import::name).collect();
        assert_eq!(told(|findings| compare_linker(&table, &linked, findings)), [""; 0]);
        linked.remove("wasi:io/poll#poll");
        linked.insert("wasi:io/poll#more".to_owned());
        linked.insert("wasi:new/interface#function".to_owned());
        assert_eq!(
            told(|findings| compare_linker(&table, &linked, findings)),
            [
                "wasi:io/poll#more is linked and has no row",
                "wasi:new/interface#function is linked and has no row",
                "wasi:io/poll#poll has a row and is not linked",
                "wasi:new/interface is linked, and not listed among what is offered",
            ]
        );
    }

    #[test]
    fn a_function_that_nobody_describes_is_told() {
        let table = imports();
        let known: BTreeSet<String> = table.iter().map(Import::name).collect();
        let linked_beside = |source: &str| {
            let definitions = Definitions::of_file("a.rs", source).unwrap();
            assert_eq!(definitions.riddles, [""; 0]);
            let linked = known.union(&definitions.names).cloned().collect();
            told(|findings| compare_linker(&table, &linked, findings))
        };
        let known_interface =
            r#"fn f() { linker.instance("wasi:io/poll@0.2.12")?.func_wrap("invented", g) }"#;
        assert_eq!(linked_beside(known_interface), ["wasi:io/poll#invented is linked and has no row"]);
        let new_interface = r#"const NEW: &str = "acme:new/things@1.0.0";
            fn f() { let mut new = linker.instance(NEW)?; new.func_wrap_async("invented", g) }"#;
        assert_eq!(
            linked_beside(new_interface),
            [
                "acme:new/things#invented is linked and has no row",
                "acme:new/things is linked, and not listed among what is offered",
            ]
        );
    }

    #[test]
    fn a_handle_that_can_be_had_is_told() {
        let surface = surface();
        assert_eq!(told(|findings| compare_handles(&imports(), &surface, findings)), [""; 0]);
        let given = Class::Harmless { answer: "1", reason: "" };
        let table = altered("wasi:filesystem/preopens#get-directories", given);
        let findings = told(|findings| compare_handles(&table, &surface, findings));
        let of_descriptors = imports()
            .iter()
            .filter(|import| import.class == Class::Unreachable { handle: "descriptor" })
            .count();
        assert_eq!(findings.len(), of_descriptors, "{findings:?}");
        // A handle in an error is one as well.
        let table =
            altered("wasi:io/error#[method]error.to-debug-string", Class::Unreachable { handle: "error" });
        let findings = told(|findings| compare_handles(&table, &surface, findings));
        assert_eq!(findings.len(), 1, "{findings:?}");
    }

    #[test]
    fn a_function_that_nobody_can_call_is_not_harmless() {
        let class = Class::Harmless { answer: "done", reason: "" };
        let table = altered("wasi:filesystem/types#[method]descriptor.stat", class);
        let findings = told(|findings| compare_handles(&table, &surface(), findings));
        let expected = "wasi:filesystem/types#[method]descriptor.stat cannot be reached: nobody gives \
                        [\"wasi:filesystem/types#descriptor\"]";
        assert_eq!(findings, [expected]);
    }

    #[test]
    fn another_answer_another_record_and_none_are_told() {
        let table: Vec<Import> =
            imports().into_iter().filter(|row| row.interface == "wasi:sockets/tcp").collect();
        let mut testimony = Testimony {
            answers: BTreeMap::from([(
                "wasi:sockets/tcp#[resource-drop]tcp-socket".to_owned(),
                "done".to_owned(),
            )]),
            calls: BTreeMap::new(),
            recorded: BTreeMap::from([(REFUSED_LATER.to_owned(), 1)]),
            misdeeds: Findings::default(),
        };
        let told_answers = |table: &[Import], testimony: &Testimony| {
            told(|findings| compare_answers(table, testimony, findings))
        };
        let reached = "wasi:sockets/tcp#[resource-drop]tcp-socket was reached: `done`";
        assert_eq!(told_answers(&table, &testimony), [reached]);
        let name = "wasi:sockets/udp-create-socket#create-udp-socket";
        let table: Vec<Import> = imports().into_iter().filter(|row| row.name() == name).collect();
        testimony.answers.clear();
        assert_eq!(told_answers(&table, &testimony), [format!("{name} was not called")]);
        testimony.answers.insert(name.to_owned(), "a handle".to_owned());
        let expected = format!("{name} is answered with `a handle`, not with `access-denied`");
        assert_eq!(told_answers(&table, &testimony), [expected]);
        testimony.calls.insert(name.to_owned(), 1);
        let records = told(|findings| compare_records(&table, &testimony, findings));
        assert_eq!(records.len(), 1, "the denial is in no record: {records:?}");
    }
}
