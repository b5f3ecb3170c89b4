//! The functions of a component that can be called by name.

use std::ops::ControlFlow;

use wasmtime::component::types::{Component as Exports, ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex};

use airssys_wasm_core::CallError;

use super::named::Named;
use super::shape::{Shaping, ValueType};
use crate::bounds::MAX_COMPONENT_EXPORTS;
use crate::text::cut;

/// Functions that an error lists.
const MAX_LISTED: usize = 32;

/// Of a name that an error lists, at most this much, in bytes.
const MAX_LISTED_BYTES: usize = 128;

/// Functions that an unknown name is compared with, and the longest name that is, in bytes: each comparison takes as
/// many steps as the one name has letters, times those of the other.
const MAX_COMPARED: usize = 1_000;
const MAX_COMPARED_BYTES: usize = 64;

/// Exports that are looked through for these.
const MAX_SEEN: u64 = MAX_COMPONENT_EXPORTS;

/// Differences in spelling that a near name may have.
const MAX_DISTANCE: usize = 3;

/// Interfaces that the host calls by itself.
const RESERVED: &str = "airssys:core/";

/// A function, found.
pub(crate) struct Function {
    pub(crate) index: ComponentExportIndex,
    pub(crate) signature: Signature,
}

/// What a function takes and gives.
#[derive(Debug)]
pub(crate) struct Signature {
    name: String,
    pub(super) parameters: Named<ValueType>,
    pub(super) result: Option<ValueType>,
}

impl Signature {
    /// How many results the engine is to make room for.
    pub(crate) fn results(&self) -> usize {
        usize::from(self.result.is_some())
    }

    pub(super) fn wrong_count(&self, given: usize) -> CallError {
        CallError::WrongArgumentCount {
            function: self.name.clone(),
            expected: self.parameters.names().map(listed).collect(),
            given,
        }
    }

    #[cfg(test)]
    pub(super) fn of(parameters: Vec<(String, ValueType)>, result: Option<ValueType>) -> Self {
        Self { name: "f".to_owned(), parameters: parameters.into_iter().collect(), result }
    }
}

/// An exported function, as the component has it.
struct Candidate<'n> {
    interface: Option<&'n str>,
    name: &'n str,
}

impl Candidate<'_> {
    fn full_name(&self) -> String {
        match self.interface {
            Some(interface) => format!("{interface}#{}", self.name),
            None => self.name.to_owned(),
        }
    }

    /// Whether the host calls it by itself, and nobody else.
    fn is_reserved(&self) -> bool {
        self.interface.is_some_and(|interface| interface.starts_with(RESERVED))
    }
}

/// Finds the function that a name means: `interface#function`, where the interface may be without its version
/// or by its last name alone, or the function's name alone; as long as one function only is meant.
///
/// This is the host's own time, in the turn of the component: what is exported is looked up and never copied, and of a
/// component with many exports only some are looked at for a hint.
pub(crate) fn find(component: &Component, name: &str) -> Result<Function, CallError> {
    let (interface, function) = match name.rsplit_once('#') {
        Some((interface, function)) => (Some(interface), function),
        None => (None, name),
    };
    let exports = component.component_type();
    if is_exported(component, &exports, interface, function) {
        return load(component, &Candidate { interface, name: function });
    }
    let engine = component.engine();
    let mut meant = exports.exports(engine).filter(|(own, item)| {
        let is_meant = match interface {
            Some(interface) => is_short_for(interface, own),
            // A name alone means a function of the host's interfaces only where it is exact.
            None => !own.starts_with(RESERVED),
        };
        is_meant && has_function(component, &item.ty, function)
    });
    let candidate = |(own, _)| Candidate { interface: Some(own), name: function };
    let Some(one) = meant.next().map(candidate) else {
        return Err(unknown(component, &exports, name, function));
    };
    let Some(another) = meant.next().map(candidate) else { return load(component, &one) };
    let all = [one, another].into_iter().chain(meant.map(candidate));
    Err(CallError::AmbiguousFunction {
        function: name.to_owned(),
        candidates: all.take(MAX_LISTED).map(|own| listed(&own.full_name())).collect(),
    })
}

/// Whether exactly this is an exported function.
fn is_exported(component: &Component, exports: &Exports, interface: Option<&str>, function: &str) -> bool {
    let found = exports.get_export(component.engine(), interface.unwrap_or(function));
    found.is_some_and(|item| match interface {
        Some(_) => has_function(component, &item.ty, function),
        None => matches!(item.ty, ComponentItem::ComponentFunc(_)),
    })
}

/// Whether this is an interface with such a function.
fn has_function(component: &Component, item: &ComponentItem, function: &str) -> bool {
    let ComponentItem::ComponentInstance(interface) = item else { return false };
    let found = interface.get_export(component.engine(), function);
    found.is_some_and(|item| matches!(item.ty, ComponentItem::ComponentFunc(_)))
}

/// Whether `short` is the interface's name without its version, or its last name with or without it.
fn is_short_for(short: &str, full: &str) -> bool {
    let without_version = |name| str::split_once(name, '@').map_or(name, |(name, _)| name);
    let last = full.rsplit_once('/').map_or(full, |(_, last)| last);
    short == without_version(full) || short == last || short == without_version(last)
}

/// Shows exported functions, those of interfaces and those on their own, until there is no more to see, or
/// [`MAX_SEEN`] exports were seen.
fn visit(
    component: &Component,
    exports: &Exports,
    mut see: impl FnMut(Candidate<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let engine = component.engine();
    let mut left = MAX_SEEN;
    let mut count = || match left.checked_sub(1) {
        Some(fewer) => {
            left = fewer;
            ControlFlow::Continue(())
        }
        None => ControlFlow::Break(()),
    };
    for (export, item) in exports.exports(engine) {
        count()?;
        match item.ty {
            ComponentItem::ComponentFunc(_) => see(Candidate { interface: None, name: export })?,
            ComponentItem::ComponentInstance(interface) => {
                for (name, item) in interface.exports(engine) {
                    count()?;
                    if matches!(item.ty, ComponentItem::ComponentFunc(_)) {
                        see(Candidate { interface: Some(export), name })?;
                    }
                }
            }
            _ => {}
        }
    }
    ControlFlow::Continue(())
}

fn load(component: &Component, candidate: &Candidate<'_>) -> Result<Function, CallError> {
    let name = candidate.full_name();
    if name.starts_with(RESERVED) {
        return Err(CallError::Reserved { function: listed(&name) });
    }
    let interface = match candidate.interface {
        Some(interface) => component.get_export_index(None, interface),
        None => None,
    };
    match component.get_export(interface.as_ref(), candidate.name) {
        Some((ComponentItem::ComponentFunc(ty), index)) => {
            Ok(Function { index, signature: signature(name, &ty)? })
        }
        // It was among the exports a moment ago.
        _ => {
            Err(CallError::UnknownFunction { function: listed(&name), nearest: None, available: Vec::new() })
        }
    }
}

fn signature(name: String, ty: &ComponentFunc) -> Result<Signature, CallError> {
    let unsupported =
        |place: String, kind| CallError::UnsupportedType { function: listed(&name), place, kind };
    let mut shaping = Shaping::new();
    let mut parameters = Vec::new();
    for (parameter, ty) in ty.params() {
        let place = |kind| unsupported(format!("the parameter {}", listed(parameter)), kind);
        parameters.push((shaping.name(parameter).map_err(place)?, shaping.shape(&ty).map_err(place)?));
    }
    let result = ty.results().next().map(|ty| shaping.shape(&ty)).transpose();
    let result = result.map_err(|kind| unsupported("the result".to_owned(), kind))?;
    Ok(Signature { name, parameters: parameters.into_iter().collect(), result })
}

fn unknown(component: &Component, exports: &Exports, name: &str, function: &str) -> CallError {
    let mut available = Vec::new();
    let mut nearest: Option<(usize, String)> = None;
    let mut compared = 0;
    let _all_or_some = visit(component, exports, |own| {
        if own.is_reserved() {
            return ControlFlow::Continue(());
        }
        if available.len() < MAX_LISTED {
            available.push(listed(&own.full_name()));
        }
        let best = nearest.as_ref().map_or(MAX_DISTANCE + 1, |(distance, _)| *distance);
        if let Some(near) = distance(own.name, function).filter(|near| *near < best) {
            nearest = Some((near, listed(&own.full_name())));
        }
        compared += 1;
        if compared < MAX_COMPARED { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    let nearest = nearest.map(|(_, own)| own);
    CallError::UnknownFunction { function: listed(name), nearest, available }
}

/// In how much two names differ, where that is little.
fn distance(own: &str, other: &str) -> Option<usize> {
    if own.len().max(other.len()) > MAX_COMPARED_BYTES {
        return None;
    }
    let near = strsim::damerau_levenshtein(own, other);
    (near <= MAX_DISTANCE && near < own.len()).then_some(near)
}

/// A component's name as an error shows it.
fn listed(name: &str) -> String {
    let mut text = name.to_owned();
    if cut(&mut text, MAX_LISTED_BYTES) {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::is_short_for;

    #[test]
    fn an_interface_may_be_named_in_short() {
        let full = "acme:calc/math@1.2.0";
        for short in ["acme:calc/math", "math@1.2.0", "math"] {
            assert!(is_short_for(short, full), "{short}");
        }
        for other in ["calc/math", "mat", "acme:calc", "acme:calc/math@1.2", ""] {
            assert!(!is_short_for(other, full), "{other}");
        }
        assert!(is_short_for("math", "math"));
    }
}
