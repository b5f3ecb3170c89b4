//! Every import that there is a description of: those of the project's own WIT package, and those of WASI as the
//! engine describes them.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use wit_parser::{
    Function, FunctionKind, Handle, Interface, InterfaceId, Resolve, Type, TypeDefKind, TypeId, WorldItem,
};

use crate::rights::engine::Descriptions;

/// The resource that a function asks for or gives, as `INTERFACE#RESOURCE`.
pub(super) type ResourceName = String;

/// The descriptions, and all functions in them.
#[derive(Debug)]
pub(super) struct Surface {
    pub(super) resolve: Resolve,
    pub(super) functions: Vec<Described>,
}

/// A function that a component can import.
#[derive(Debug)]
pub(super) struct Described {
    /// Its interface, without the version.
    pub(super) interface: String,
    /// Its interface, with the version where it has one.
    pub(super) versioned: String,
    /// Its name in the interface.
    pub(super) name: String,
    /// None where it lets a handle go.
    pub(super) signature: Option<Function>,
    /// Resources that it needs a handle of.
    pub(super) takes: BTreeSet<ResourceName>,
    /// Resources that it may give a handle of, be it in an error.
    pub(super) gives: BTreeSet<ResourceName>,
}

impl Described {
    pub(super) fn full_name(&self) -> String {
        format!("{}#{}", self.interface, self.name)
    }
}

impl Surface {
    /// Reads all descriptions.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let engine = Descriptions::find(root)?;
        let resolve = resolved(&[&engine.http, &root.join("wit")])?;
        let surface = Self { functions: functions(&resolve), resolve };
        // The engine describes WASI twice; the one must hold what the other does.
        let known: BTreeSet<String> = surface.functions.iter().map(Described::full_name).collect();
        let other = functions(&resolved(&[&engine.command])?);
        let left_out: Vec<String> =
            other.iter().map(Described::full_name).filter(|name| !known.contains(name)).collect();
        ensure!(left_out.is_empty(), "only in {}: {left_out:?}", engine.command.display());
        surface.exports_take_no_handles()?;
        Ok(surface)
    }

    /// The host hands components nothing but through imports: else a handle could come through an export.
    fn exports_take_no_handles(&self) -> Result<()> {
        let own = self.resolve.worlds.iter().filter(|(_, world)| {
            let package = world.package.and_then(|package| self.resolve.packages.get(package));
            package.is_some_and(|package| package.name.namespace == "airssys")
        });
        for (_, world) in own {
            for item in world.exports.values() {
                let WorldItem::Interface { id, .. } = item else { continue };
                let interface = self.resolve.interfaces.get(*id).context("an export without interface")?;
                for function in interface.functions.values() {
                    let mut taken = Found::default();
                    function.params.iter().for_each(|param| taken.collect(&self.resolve, &param.ty));
                    ensure!(
                        taken.owned.is_empty() && taken.borrowed.is_empty(),
                        "{} hands a component a handle",
                        function.name
                    );
                }
            }
        }
        Ok(())
    }
}

fn resolved(folders: &[&Path]) -> Result<Resolve> {
    // What is not stable yet is listed as well, and must then not be linked.
    let mut resolve = Resolve { all_features: true, ..Resolve::default() };
    for folder in folders {
        resolve.push_dir(folder).with_context(|| format!("no WIT in {}", folder.display()))?;
    }
    Ok(resolve)
}

fn functions(resolve: &Resolve) -> Vec<Described> {
    let mut all = Vec::new();
    for (id, interface) in resolve.interfaces.iter() {
        let Some(versioned) = resolve.id_of(id) else { continue };
        let name = versioned.split('@').next().unwrap_or_default().to_owned();
        for function in interface.functions.values() {
            all.push(described(resolve, &name, &versioned, function));
        }
        for resource in resources(resolve, interface) {
            all.push(Described {
                interface: name.clone(),
                versioned: versioned.clone(),
                name: format!("[resource-drop]{resource}"),
                signature: None,
                takes: BTreeSet::from([format!("{name}#{resource}")]),
                gives: BTreeSet::new(),
            });
        }
    }
    all
}

fn resources<'a>(resolve: &'a Resolve, interface: &'a Interface) -> impl Iterator<Item = &'a String> {
    interface.types.iter().filter_map(|(name, id)| {
        let kind = &resolve.types.get(*id)?.kind;
        matches!(kind, TypeDefKind::Resource).then_some(name)
    })
}

fn described(resolve: &Resolve, interface: &str, versioned: &str, function: &Function) -> Described {
    let mut taken = Found::default();
    function.params.iter().for_each(|param| taken.collect(resolve, &param.ty));
    let mut given = Found::default();
    function.result.iter().for_each(|result| given.collect(resolve, result));
    if let FunctionKind::Constructor(resource) = function.kind {
        given.owned.extend(name_of(resolve, resource));
    }
    taken.owned.append(&mut taken.borrowed);
    Described {
        interface: interface.to_owned(),
        versioned: versioned.to_owned(),
        name: function.name.clone(),
        signature: Some(function.clone()),
        takes: taken.owned,
        gives: given.owned,
    }
}

/// Resources in a type, however deep.
#[derive(Default)]
struct Found {
    owned: BTreeSet<ResourceName>,
    borrowed: BTreeSet<ResourceName>,
}

impl Found {
    fn collect(&mut self, resolve: &Resolve, ty: &Type) {
        let Type::Id(id) = ty else { return };
        let Some(definition) = resolve.types.get(*id) else { return };
        let mut all = |types: &mut dyn Iterator<Item = &Type>| {
            types.for_each(|ty| self.collect(resolve, ty));
        };
        match &definition.kind {
            TypeDefKind::Handle(Handle::Own(id)) => self.owned.extend(name_of(resolve, *id)),
            TypeDefKind::Handle(Handle::Borrow(id)) => self.borrowed.extend(name_of(resolve, *id)),
            TypeDefKind::Record(record) => all(&mut record.fields.iter().map(|field| &field.ty)),
            TypeDefKind::Tuple(tuple) => all(&mut tuple.types.iter()),
            TypeDefKind::Variant(variant) => {
                all(&mut variant.cases.iter().filter_map(|case| case.ty.as_ref()));
            }
            TypeDefKind::Result(result) => all(&mut [&result.ok, &result.err].into_iter().flatten()),
            TypeDefKind::Map(key, value) => all(&mut [key, value].into_iter()),
            TypeDefKind::Option(ty)
            | TypeDefKind::List(ty)
            | TypeDefKind::FixedLengthList(ty, _)
            | TypeDefKind::Type(ty)
            | TypeDefKind::Future(Some(ty))
            | TypeDefKind::Stream(Some(ty)) => all(&mut [ty].into_iter()),
            TypeDefKind::Resource
            | TypeDefKind::Flags(_)
            | TypeDefKind::Enum(_)
            | TypeDefKind::Future(None)
            | TypeDefKind::Stream(None)
            | TypeDefKind::Unknown => {}
        }
    }
}

/// The name of a resource where it was made, whatever it is called where it is used.
fn name_of(resolve: &Resolve, mut id: TypeId) -> Option<ResourceName> {
    loop {
        let definition = resolve.types.get(id)?;
        if let TypeDefKind::Type(Type::Id(original)) = definition.kind {
            id = original;
            continue;
        }
        let wit_parser::TypeOwner::Interface(owner) = definition.owner else { return None };
        let interface = unversioned(resolve, owner)?;
        return Some(format!("{interface}#{}", definition.name.as_ref()?));
    }
}

fn unversioned(resolve: &Resolve, interface: InterfaceId) -> Option<String> {
    let versioned = resolve.id_of(interface)?;
    versioned.split('@').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What one function takes and gives.
    fn check(surface: &Surface, name: &str, takes: &[&str], gives: &[&str]) {
        let found: Vec<_> = surface.functions.iter().filter(|one| one.full_name() == name).collect();
        assert_eq!(found.len(), 1, "{name}");
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
        assert_eq!((&found[0].takes, &found[0].gives), (&names(takes), &names(gives)), "{name}");
    }

    #[test]
    fn handles_are_found_wherever_they_are() {
        let surface = Surface::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
        let (poll, input, error) =
            ("wasi:io/poll#pollable", "wasi:io/streams#input-stream", "wasi:io/error#error");
        check(&surface, "wasi:io/poll#poll", &[poll], &[]);
        check(&surface, "wasi:io/streams#[method]input-stream.read", &[input], &[error]);
        check(&surface, "wasi:cli/stdin#get-stdin", &[], &[input]);
        check(&surface, "wasi:http/types#[constructor]fields", &[], &["wasi:http/types#fields"]);
        check(&surface, "wasi:http/types#http-error-code", &[error], &[]);
        check(&surface, "wasi:io/poll#[resource-drop]pollable", &[poll], &[]);
        let descriptor = "wasi:filesystem/types#descriptor";
        check(&surface, "wasi:filesystem/preopens#get-directories", &[], &[descriptor]);
        let peer = "airssys:core/messaging#peer";
        check(&surface, "airssys:core/messaging#[static]peer.resolve", &[], &[peer]);
        // Described, and not linked: the list must tell the two apart.
        check(&surface, "wasi:sockets/network#network-error-code", &[error], &[]);
    }
}
