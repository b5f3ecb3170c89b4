//! The functions of a component that can be called by name.

use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex};

use airssys_wasm_core::CallError;

use super::named::Named;
use super::shape::{Shaping, ValueType};
use crate::text::cut;

/// Functions that an error lists.
const MAX_LISTED: usize = 32;

/// Of a name that an error lists, at most this much, in bytes.
const MAX_LISTED_BYTES: usize = 128;

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
struct Candidate {
    interface: Option<String>,
    name: String,
}

impl Candidate {
    fn full_name(&self) -> String {
        match &self.interface {
            Some(interface) => format!("{interface}#{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// Finds the function that a name means: `interface#function`, where the interface may be without its version
/// or by its last name alone, or the function's name alone; as long as one function only is meant.
pub(crate) fn find(component: &Component, name: &str) -> Result<Function, CallError> {
    let (interface, function) = match name.rsplit_once('#') {
        Some((interface, function)) => (Some(interface), function),
        None => (None, name),
    };
    let all = candidates(component);
    let is_exact =
        |candidate: &&Candidate| candidate.name == function && candidate.interface.as_deref() == interface;
    let mut meant: Vec<&Candidate> = all.iter().filter(is_exact).collect();
    if meant.is_empty() {
        let is_short_for = |own: &Candidate| match (interface, &own.interface) {
            (Some(interface), Some(own)) => is_short_for(interface, own),
            // A name alone means a function of the host's interfaces only where it is exact.
            (None, Some(own)) => !own.starts_with(RESERVED),
            _ => false,
        };
        meant = all.iter().filter(|own| own.name == function && is_short_for(own)).collect();
    }
    match *meant {
        [] => Err(unknown(name, function, &all)),
        [one] => load(component, one),
        _ => Err(CallError::AmbiguousFunction {
            function: name.to_owned(),
            candidates: meant.iter().take(MAX_LISTED).map(|own| listed(&own.full_name())).collect(),
        }),
    }
}

/// Whether `short` is the interface's name without its version, or its last name with or without it.
fn is_short_for(short: &str, full: &str) -> bool {
    let without_version = |name: &str| name.split_once('@').map_or(name, |(name, _)| name).to_owned();
    let last = full.rsplit_once('/').map_or(full, |(_, last)| last);
    short == without_version(full) || short == last || short == without_version(last)
}

/// All exported functions, those of interfaces and those on their own.
fn candidates(component: &Component) -> Vec<Candidate> {
    let engine = component.engine();
    let mut found = Vec::new();
    for (export, item) in component.component_type().exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(_) => {
                found.push(Candidate { interface: None, name: export.to_owned() });
            }
            ComponentItem::ComponentInstance(instance) => {
                for name in functions(component, &instance) {
                    found.push(Candidate { interface: Some(export.to_owned()), name });
                }
            }
            _ => {}
        }
    }
    found
}

fn functions(component: &Component, instance: &ComponentInstance) -> Vec<String> {
    instance
        .exports(component.engine())
        .filter(|(_, item)| matches!(item.ty, ComponentItem::ComponentFunc(_)))
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn load(component: &Component, candidate: &Candidate) -> Result<Function, CallError> {
    let name = candidate.full_name();
    if name.starts_with(RESERVED) {
        return Err(CallError::Reserved { function: listed(&name) });
    }
    let interface = match &candidate.interface {
        Some(interface) => component.get_export_index(None, interface),
        None => None,
    };
    match component.get_export(interface.as_ref(), &candidate.name) {
        Some((ComponentItem::ComponentFunc(ty), index)) => {
            Ok(Function { index, signature: signature(name, &ty)? })
        }
        // It was among the exports a moment ago.
        _ => Err(unknown(&name, &candidate.name, &[])),
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

fn unknown(name: &str, function: &str, all: &[Candidate]) -> CallError {
    let callable = || {
        let is_reserved = |interface: &String| interface.starts_with(RESERVED);
        all.iter().filter(move |own| !own.interface.as_ref().is_some_and(is_reserved))
    };
    let distance = |own: &&Candidate| match strsim::damerau_levenshtein(&own.name, function) {
        near if near <= MAX_DISTANCE && near < own.name.len() => Some(near),
        _ => None,
    };
    let spelled =
        callable().filter(|own| own.name.len() <= MAX_LISTED_BYTES && function.len() <= MAX_LISTED_BYTES);
    let nearest =
        spelled.filter_map(|own| Some((distance(&own)?, own))).min_by_key(|(distance, _)| *distance);
    CallError::UnknownFunction {
        function: listed(name),
        nearest: nearest.map(|(_, own)| listed(&own.full_name())),
        available: callable().take(MAX_LISTED).map(|own| listed(&own.full_name())).collect(),
    }
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
