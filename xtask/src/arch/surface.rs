//! The public surface: no type of the engine in what a library offers.
//!
//! Everything that is a bare `pub` counts as offered: the lint `unreachable_pub` sees to it that
//! nothing else is. Runtime may name the engine inside; the others may not name it at all, so that for
//! them it is enough to look at single words and at whether they hand on all of runtime.

use syn::visit::{self, Visit};
use syn::{Attribute, Fields, ImplItem, Item, ItemImpl, Type, TypePath, Visibility};

use super::edges::{Crate, RUNTIME};
use super::files::{Files, lines_naming};
use super::modules::{self, Library, Meaning, Path};
use super::{SURFACE, Violation, is_engine};

/// Items of runtime that may name the engine, each with the reason. The specification, section 13,
/// fixes them.
const ALLOWED: &[(&str, &str)] = &[
    ("WasmtimeEngine::engine", "the specification names it: the engine itself"),
    ("WasmtimeEngine::linker", "the specification names it: what components are linked against"),
    ("WasmtimeEngine::linker_mut", "the specification names it: where host functions are added"),
    ("apply_limits_to_store", "the specification names it: it works on the engine's store"),
    (
        "StoreManager::create",
        "the specification names the type: making the engine's stores is what it is for",
    ),
    ("WasmResourceLimiter::into_store_limits", "the specification names it: it installs into a store"),
    ("impl ResourceLimiter for ComponentResourceLimiter", "the specification asks for the engine's trait"),
    ("HostState::resource_table", "the specification names it: what a store keeps for its guest's handles"),
    ("impl WasiView for HostState", "the state of a store has to show WASI its part of it"),
    ("impl WasiHttpView for HostState", "the same for the HTTP part of WASI"),
];

/// Checks every library.
pub(super) fn check(files: &Files, crates: &[Crate]) -> Vec<Violation> {
    let mut found = Vec::new();
    for krate in crates {
        if !krate.engine {
            words(files, krate, &mut found);
        }
        let library = Library::read(krate, files);
        Surface { krate, library: &library }.check(&mut found);
    }
    found
}

/// A crate that may not depend on the engine has no reason to name it either.
fn words(files: &Files, krate: &Crate, found: &mut Vec<Violation>) {
    let own = format!("{}/", krate.folder);
    for (path, text) in files.with(&["rs"]).filter(|(path, _)| path.starts_with(&own)) {
        for line in text.parse().map(|tokens| lines_naming(tokens, &is_engine)).unwrap_or_default() {
            found.push(Violation {
                wall: SURFACE,
                place: format!("{path}:{line}"),
                what: format!("{} names the engine", krate.name),
                mend: format!(
                    "use what {RUNTIME} offers, or put a port into core and implement it in runtime"
                ),
            });
        }
    }
}

struct Surface<'a> {
    krate: &'a Crate,
    library: &'a Library,
}

/// Takes the name of a public item and what to look at in it.
type Look<'a> = dyn FnMut(String, &dyn Fn(&mut Paths)) + 'a;

/// All paths in a piece of a signature.
#[derive(Default)]
struct Paths(Vec<(Path, bool, usize)>, Vec<(String, usize)>);

impl<'ast> Visit<'ast> for Paths {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Path = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let line = path.segments.first().map_or(0, |segment| segment.ident.span().start().line);
        self.0.push((segments, path.leading_colon.is_some(), line));
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        for line in lines_naming(mac.tokens.clone(), &is_engine) {
            self.1.push((mac.tokens.to_string(), line));
        }
    }

    fn visit_block(&mut self, _: &'ast syn::Block) {
        // A body is nobody's business.
    }

    fn visit_attribute(&mut self, _: &'ast Attribute) {
        // Attributes are looked at apart.
    }
}

impl Surface<'_> {
    fn check(&self, found: &mut Vec<Violation>) {
        for (path, module) in &self.library.modules {
            let mut report = |item: String, line: usize, named: String| {
                let allowed = self.krate.name == RUNTIME && ALLOWED.iter().any(|(name, _)| *name == item);
                if !allowed {
                    found.push(Violation {
                        wall: SURFACE,
                        place: format!("{}:{line}", module.file),
                        what: format!("the public item `{item}` of {} shows the engine: {named}", self.krate.name),
                        mend: format!(
                            "wrap it in a type of its own or make it `pub(crate)`; in {RUNTIME}, a name that the \
                             specification fixes goes into ALLOWED in xtask/src/arch/surface.rs"
                        ),
                    });
                }
            };
            for import in &module.imports {
                let name = import.name.clone().unwrap_or_else(|| format!("{}::*", import.path.join("::")));
                let meaning = self.library.meaning(path, &import.path, import.absolute);
                if import.name.is_none() && self.is_engine_crate(&meaning) {
                    report(
                        format!("use {name}"),
                        import.line,
                        "names from a glob cannot be traced".to_owned(),
                    );
                }
                if import.public
                    && (self.is_engine(&meaning, 0) || self.is_door(&meaning, import.name.is_none()))
                {
                    report(format!("pub use {name}"), import.line, import.path.join("::"));
                }
            }
            for item in &module.items {
                self.item(path, module, item, &mut report);
            }
        }
    }

    fn item(
        &self,
        path: &Path,
        module: &modules::Module,
        item: &Item,
        report: &mut dyn FnMut(String, usize, String),
    ) {
        let mut look = |name: String, look: &dyn Fn(&mut Paths)| {
            if let Some((named, line)) = self.engine_in(path, look) {
                report(name, line, named);
            }
        };
        let public = |visibility: &Visibility| matches!(visibility, Visibility::Public(_));
        match item {
            Item::Fn(item) if public(&item.vis) => {
                look(item.sig.ident.to_string(), &|paths| paths.visit_signature(&item.sig));
            }
            Item::Struct(item) if public(&item.vis) => {
                let name = item.ident.to_string();
                look(name.clone(), &|paths| paths.visit_generics(&item.generics));
                fields(&name, &item.fields, false, &mut look);
                derives(&name, &item.attrs, &mut look);
            }
            Item::Union(item) if public(&item.vis) => {
                let name = item.ident.to_string();
                look(name.clone(), &|paths| paths.visit_generics(&item.generics));
                fields(&name, &Fields::Named(item.fields.clone()), false, &mut look);
            }
            Item::Enum(item) if public(&item.vis) => {
                let name = item.ident.to_string();
                look(name.clone(), &|paths| paths.visit_generics(&item.generics));
                for variant in &item.variants {
                    fields(&format!("{name}::{}", variant.ident), &variant.fields, true, &mut look);
                }
                derives(&name, &item.attrs, &mut look);
            }
            Item::Type(item) if public(&item.vis) => {
                look(item.ident.to_string(), &|paths| paths.visit_item_type(item));
            }
            Item::Const(item) if public(&item.vis) => {
                look(item.ident.to_string(), &|paths| paths.visit_type(&item.ty));
            }
            Item::Static(item) if public(&item.vis) => {
                look(item.ident.to_string(), &|paths| paths.visit_type(&item.ty));
            }
            Item::Trait(item) if public(&item.vis) => {
                look(item.ident.to_string(), &|paths| paths.visit_item_trait(item));
            }
            Item::TraitAlias(item) if public(&item.vis) => {
                look(item.ident.to_string(), &|paths| paths.visit_item_trait_alias(item));
            }
            Item::Impl(item) => self.implementation(path, item, &mut look),
            Item::Macro(item) => {
                let line =
                    item.mac.path.segments.first().map_or(0, |segment| segment.ident.span().start().line);
                let name = item
                    .mac
                    .path
                    .segments
                    .iter()
                    .map(|segment| segment.ident.to_string())
                    .collect::<Vec<_>>();
                if module.public && self.is_engine_path(path, &name, item.mac.path.leading_colon.is_some()) {
                    report(format!("{}!", name.join("::")), line, "what it makes is public here".to_owned());
                }
                let makes_public = item.mac.path.is_ident("macro_rules")
                    && item.mac.tokens.to_string().contains("pub ")
                    && !lines_naming(item.mac.tokens.clone(), &|name| self.is_engine_name(name)).is_empty();
                if makes_public {
                    let name = item.ident.as_ref().map(ToString::to_string).unwrap_or_default();
                    report(format!("{name}!"), line, "it makes public items that name it".to_owned());
                }
            }
            _ => {}
        }
    }

    /// Own methods of a public type, and the traits that it implements. The methods of a trait are the
    /// trait's business: one of ours is looked at where it stands.
    fn implementation(&self, path: &Path, item: &ItemImpl, look: &mut Look<'_>) {
        let own = match &*item.self_ty {
            Type::Path(TypePath { path: own, .. }) => Some(own),
            _ => None,
        };
        let segments = |path: &syn::Path| path.segments.iter().map(|s| s.ident.to_string()).collect::<Path>();
        let meaning = own.map(|own| self.library.meaning(path, &segments(own), own.leading_colon.is_some()));
        let hidden =
            |meaning: &Meaning| matches!(meaning, Meaning::Item(item) if !self.library.is_public(item));
        if meaning.as_ref().is_some_and(hidden) {
            return;
        }
        let name = own.and_then(|own| segments(own).last().cloned()).unwrap_or_else(|| "_".to_owned());
        let Some((_, of, _)) = &item.trait_ else {
            for member in &item.items {
                match member {
                    ImplItem::Fn(method) if matches!(method.vis, Visibility::Public(_)) => {
                        look(format!("{name}::{}", method.sig.ident), &|paths| {
                            paths.visit_generics(&item.generics);
                            paths.visit_type(&item.self_ty);
                            paths.visit_signature(&method.sig);
                        });
                    }
                    ImplItem::Const(constant) if matches!(constant.vis, Visibility::Public(_)) => {
                        look(format!("{name}::{}", constant.ident), &|paths| paths.visit_type(&constant.ty));
                    }
                    _ => {}
                }
            }
            return;
        };
        // A trait that `bindgen!` makes is one of a private module: a public one is refused as a whole.
        let of_meaning = self.library.meaning(path, &segments(of), of.leading_colon.is_some());
        if hidden(&of_meaning) || matches!(of_meaning, Meaning::Unseen { .. }) {
            return;
        }
        let of_name = segments(of).last().cloned().unwrap_or_default();
        look(format!("impl {of_name} for {name}"), &|paths| {
            paths.visit_path(of);
            paths.visit_type(&item.self_ty);
            paths.visit_generics(&item.generics);
            for member in &item.items {
                if let ImplItem::Type(associated) = member {
                    paths.visit_type(&associated.ty);
                }
            }
        });
    }

    /// The first path that leads to the engine, in source order.
    fn engine_in(&self, module: &Path, look: impl Fn(&mut Paths)) -> Option<(String, usize)> {
        let mut paths = Paths::default();
        look(&mut paths);
        let named =
            paths.0.into_iter().find(|(path, absolute, _)| self.is_engine_path(module, path, *absolute));
        named.map(|(path, _, line)| (path.join("::"), line)).or_else(|| paths.1.into_iter().next())
    }

    fn is_engine_path(&self, module: &Path, path: &Path, absolute: bool) -> bool {
        self.is_engine(&self.library.meaning(module, path, absolute), 0)
    }

    /// Whether a name is the engine's, with what the manifest renames.
    fn is_engine_name(&self, name: &str) -> bool {
        is_engine(self.krate.renamed.get(name).map_or(name, String::as_str))
    }

    fn is_engine_crate(&self, meaning: &Meaning) -> bool {
        matches!(meaning, Meaning::Outside(path) if path.first().is_some_and(|first| self.is_engine_name(first)))
    }

    fn is_engine(&self, meaning: &Meaning, depth: usize) -> bool {
        match meaning {
            Meaning::Outside(_) => self.is_engine_crate(meaning),
            Meaning::Item(item) => self.library.alias(item).is_some_and(|(module, alias)| {
                // A chain of aliases that long is a cycle, which the compiler refuses.
                let mut paths = Paths::default();
                paths.visit_type(alias);
                depth < 16
                    && paths.0.iter().any(|(path, absolute, _)| {
                        self.is_engine(&self.library.meaning(&module, path, *absolute), depth + 1)
                    })
            }),
            Meaning::Module(_) => false,
            Meaning::Unseen { module, rest } => self.is_made_by_the_engine(module, rest),
        }
    }

    /// The engine's `bindgen!` makes plain types, which may be offered, and worlds, host traits and
    /// linking functions, whose signatures name the engine.
    fn is_made_by_the_engine(&self, module: &Path, rest: &Path) -> bool {
        let makes = self.library.modules.get(module).is_some_and(|here| {
            here.items.iter().any(|item| {
                let Item::Macro(item) = item else { return false };
                let name: Path =
                    item.mac.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
                let meaning = self.library.meaning(module, &name, item.mac.path.leading_colon.is_some());
                self.is_engine_crate(&meaning)
            })
        });
        let is_glue = |last: &String| {
            last.starts_with("Guest")
                || last.starts_with("Host")
                || last == "add_to_linker"
                || rest.len() == 1
        };
        makes && rest.last().is_some_and(is_glue)
    }

    /// Whether a re-export lets the engine out without naming it: all of runtime, or everything that
    /// `bindgen!` makes.
    fn is_door(&self, meaning: &Meaning, glob: bool) -> bool {
        match meaning {
            Meaning::Outside(path) => is_runtime(path) && path.len() == 1,
            Meaning::Module(module) => glob && self.is_made_by_the_engine(module, &vec!["*".to_owned()]),
            _ => false,
        }
    }
}

fn is_runtime(path: &Path) -> bool {
    path.first().is_some_and(|first| *first == RUNTIME.replace('-', "_"))
}

fn fields(owner: &str, fields: &Fields, all: bool, look: &mut Look<'_>) {
    for (index, field) in fields.iter().enumerate() {
        if all || matches!(field.vis, Visibility::Public(_)) {
            let name = field.ident.as_ref().map_or_else(|| index.to_string(), ToString::to_string);
            look(format!("{owner}.{name}"), &|paths| paths.visit_type(&field.ty));
        }
    }
}

/// A derive of the engine implements one of its traits.
fn derives(owner: &str, attributes: &[Attribute], look: &mut Look<'_>) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
        let Ok(list) = attribute
            .parse_args_with(syn::punctuated::Punctuated::<syn::Path, syn::Token![,]>::parse_terminated)
        else {
            continue;
        };
        for path in &list {
            look(format!("derive for {owner}"), &|paths| paths.visit_path(path));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn member(name: &str, engine: bool) -> Crate {
        Crate {
            name: name.to_owned(),
            folder: name.to_owned(),
            library: Some(format!("{name}/src/lib.rs")),
            roots: Vec::new(),
            engine,
            renamed: BTreeMap::from([("renamed".to_owned(), "wasmtime".to_owned())]),
        }
    }

    fn in_runtime(lib: &str, more: &[(&str, &str)]) -> Vec<String> {
        let path = |file: &str| format!("{RUNTIME}/src/{file}");
        let mut files = vec![(path("lib.rs"), lib)];
        files.extend(more.iter().map(|(file, text)| (path(file), *text)));
        found(&files, &[member(RUNTIME, true)])
    }

    fn in_system(runtime: &str, system: &str) -> Vec<String> {
        let files = [(format!("{RUNTIME}/src/lib.rs"), runtime), ("system/src/lib.rs".to_owned(), system)];
        found(&files, &[member(RUNTIME, true), member("system", false)])
    }

    fn found(files: &[(String, &str)], crates: &[Crate]) -> Vec<String> {
        let files: Files = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        check(&files, crates)
            .into_iter()
            .map(|violation| format!("{}: {}", violation.place, violation.what))
            .collect()
    }

    #[track_caller]
    fn leaks(lib: &str) {
        assert!(!in_runtime(lib, &[]).is_empty(), "not found: {lib}");
    }

    #[track_caller]
    fn is_tight(lib: &str) {
        let found = in_runtime(lib, &[]);
        assert!(found.is_empty(), "{lib}\n{found:?}");
    }

    #[test]
    fn every_kind_of_public_item_is_looked_at() {
        for lib in [
            "pub fn f(e: wasmtime::Engine) {}",
            "pub fn f() -> Result<(), wasmtime::Error> { g() }",
            "pub fn f() -> impl Fn(&wasmtime::Store<()>) { g() }",
            "pub fn f<T: wasmtime::AsContext>(t: T) {}",
            "pub fn f<T>(t: T) where T: Into<wasmtime::Error> {}",
            "pub async fn f(e: &[::wasmtime::Engine]) {}",
            "pub struct S { pub e: wasmtime::Engine }",
            "pub struct S(pub Box<dyn Fn(wasmtime::Engine)>);",
            "pub struct S<T: wasmtime::AsContext>(T);",
            "pub enum E { A(wasmtime::Error) }",
            "pub enum E { A { source: wasmtime::Error } }",
            "pub type T = wasmtime::Engine;",
            "pub const C: Option<wasmtime::Engine> = None;",
            "pub static S: Option<wasmtime::Engine> = None;",
            "pub trait T { fn f(&self) -> wasmtime::Engine; }",
            "pub trait T { type A: wasmtime::AsContext; }",
            "pub trait T: wasmtime::AsContext {}",
            "pub struct S; impl S { pub fn f(&self) -> wasmtime::Engine { g() } }",
            "pub struct S; impl S { pub const C: Option<wasmtime::Engine> = None; }",
            "pub struct S; impl wasmtime::ResourceLimiter for S {}",
            "pub struct S; impl From<wasmtime::Error> for S {}",
            "pub struct S; impl Iterator for S { type Item = wasmtime::Val; }",
            "pub trait T {} impl T for wasmtime::Engine {}",
            "#[derive(Debug, wasmtime::component::ComponentType)] pub struct S;",
            "pub use wasmtime;",
            "pub use wasmtime::Engine;",
            "pub use wasmtime::{component::{self, Linker as L}};",
            "pub use wasmtime::*;",
            "pub extern crate wasmtime;",
            "pub use wasmtime_wasi::WasiCtx;",
            "pub fn f(e: renamed::Engine) {}",
            "pub mod inner { pub fn f(e: wasmtime::Engine) {} }",
            "mod inner { pub fn f(e: wasmtime::Engine) {} } pub use inner::f;",
            "wasmtime::component::bindgen!(\"x\");",
            "macro_rules! m { () => { pub fn f(e: wasmtime::Engine) {} } }",
        ] {
            leaks(lib);
        }
    }

    #[test]
    fn names_are_followed_through_imports_and_aliases() {
        for lib in [
            "use wasmtime::Engine; pub fn f(e: Engine) {}",
            "use wasmtime::Engine as E; pub fn f(e: E) {}",
            "use wasmtime as w; pub fn f(e: w::Engine) {}",
            "use wasmtime::{self}; pub fn f(e: wasmtime::Engine) {}",
            "use wasmtime::component; pub fn f(e: component::Linker<()>) {}",
            "extern crate wasmtime as w; pub fn f(e: w::Engine) {}",
            "use wasmtime::*; pub fn f(e: Engine) {}",
            "type E = wasmtime::Engine; pub fn f(e: E) {}",
            "type E = wasmtime::Engine; type F = Vec<E>; pub fn f(e: F) {}",
            "mod a { pub(crate) use wasmtime::Engine as E; } use a::E; pub fn f(e: E) {}",
            "mod a { pub(crate) use wasmtime::Engine as E; } use crate::a::*; pub fn f(e: E) {}",
            "mod a { pub(crate) type E = wasmtime::Engine; } pub fn f(e: crate::a::E) {}",
            "mod a { pub(crate) type E = wasmtime::Engine; } pub use a::E;",
            "mod a { pub fn f(e: super::E) {} } pub(crate) use wasmtime::Engine as E;",
            "mod a { mod b { pub fn f(e: super::super::E) {} } } use wasmtime::Engine as E;",
            "mod b { wasmtime::component::bindgen!(\"x\"); } pub use b::World;",
            "mod b { wasmtime::component::bindgen!(\"x\"); } pub use b::*;",
            "mod b { wasmtime::component::bindgen!(\"x\"); } pub use b::a::c::add_to_linker;",
            "mod b { use wasmtime::component::bindgen; bindgen!(\"x\"); } pub fn f(w: b::World) {}",
        ] {
            leaks(lib);
        }
    }

    #[test]
    fn what_is_not_offered_may_name_the_engine() {
        for lib in [
            "use wasmtime::Engine; fn f(e: Engine) {}",
            "pub(crate) fn f(e: wasmtime::Engine) {}",
            "pub struct S { e: wasmtime::Engine }",
            "pub struct S(wasmtime::Engine);",
            "pub struct S { pub(crate) e: wasmtime::Engine }",
            "pub struct S; impl S { fn f(e: wasmtime::Engine) {} pub(crate) fn g(e: wasmtime::Engine) {} }",
            "struct S; impl S { pub fn f(e: wasmtime::Engine) {} } impl From<wasmtime::Error> for S {}",
            "trait T { fn f(e: wasmtime::Engine); } impl T for wasmtime::Engine {}",
            "pub struct S; trait T<A> {} impl T<wasmtime::Engine> for S {}",
            "pub fn f() { let e = wasmtime::Engine::default(); }",
            "/// See [`wasmtime::Engine`].\npub fn f() {}",
            "mod b { wasmtime::component::bindgen!(\"x\"); } pub use b::airssys::core::types::Level;",
            "mod b { wasmtime::component::bindgen!(\"x\"); } pub fn f(l: b::airssys::core::types::Level) {}",
            "mod b { wasmtime::component::bindgen!(\"x\"); } pub struct S; impl b::a::c::Host for S {}",
            "#[cfg(test)] mod tests { pub fn f(e: wasmtime::Engine) {} }",
            "mod wasm { pub struct Engine; } pub use wasm::Engine; pub fn f(e: Engine) {}",
            "use std::error::Error; pub fn f(e: Box<dyn Error>) {}",
        ] {
            is_tight(lib);
        }
    }

    #[test]
    fn a_module_of_the_root_is_no_place_for_the_engine() {
        leaks("pub mod inner { pub use wasmtime::component::Linker; }");
        leaks("mod inner { pub use wasmtime::component::Linker; } pub use inner::*;");
    }

    #[test]
    fn what_the_specification_names_is_allowed_and_nothing_beside_it() {
        is_tight(
            "pub struct WasmtimeEngine; impl WasmtimeEngine { pub fn engine(&self) -> &wasmtime::Engine { g() } }",
        );
        is_tight("pub fn apply_limits_to_store<T>(s: &mut wasmtime::Store<T>) {}");
        is_tight(
            "pub struct ComponentResourceLimiter; impl wasmtime::ResourceLimiter for ComponentResourceLimiter {}",
        );
        leaks(
            "pub struct WasmtimeEngine; impl WasmtimeEngine { pub fn other(&self) -> &wasmtime::Engine { g() } }",
        );
        leaks("pub struct Other; impl Other { pub fn engine(&self) -> &wasmtime::Engine { g() } }");
    }

    #[test]
    fn modules_in_files_are_followed() {
        let inner = "use wasmtime::Engine;\n\npub fn f(e: Engine) {}\n";
        for (lib, file) in [
            ("mod a;", "a.rs"),
            ("mod a;", "a/mod.rs"),
            ("#[path = \"b.rs\"] mod a;", "b.rs"),
            ("mod a { mod c; }", "a/c.rs"),
        ] {
            let found = in_runtime(lib, &[(file, inner)]);
            assert_eq!(found.len(), 1, "{lib} {file}");
            assert!(found.iter().all(|found| found.contains(&format!("{file}:3"))), "{found:?}");
        }
        let nested = in_runtime("mod a;", &[("a.rs", "mod c;"), ("a/c.rs", inner)]);
        assert_eq!(nested.len(), 1);
    }

    #[test]
    fn others_may_not_name_the_engine_at_all() {
        for system in [
            "fn f() { let e = wasmtime::Engine::default(); }",
            "use wasmtime as w;",
            "use wasmtime_wasi::WasiCtx;",
            "m!(wasmtime);",
        ] {
            assert!(!in_system("", system).is_empty(), "{system}");
        }
        assert!(
            in_system("", "/// Runs on wasmtime.\npub struct WasmtimeLike; const A: &str = \"wasmtime\";")
                .is_empty()
        );
    }

    #[test]
    fn others_may_not_hand_on_all_of_runtime() {
        for system in ["pub use airssys_wasm_runtime;", "pub use airssys_wasm_runtime::*;"] {
            assert!(!in_system("", system).is_empty(), "{system}");
        }
        for system in [
            "use airssys_wasm_runtime::*;",
            "pub use airssys_wasm_runtime::WasmtimeEngine;",
            "pub fn f(e: airssys_wasm_runtime::WasmtimeEngine) {}",
        ] {
            let found = in_system("", system);
            assert!(found.is_empty(), "{system} {found:?}");
        }
    }
}
