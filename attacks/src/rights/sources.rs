//! What the runtime's own sources put into the linker by name.
//!
//! The linker cannot be asked what it holds, and a function that nobody describes could not be asked for. So the
//! sources are read: each name that they define must be written out, in an interface that is written out as well.
//! What they link by bindings is described where the bindings come from.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use syn::visit::{self, Visit};
use syn::{
    Expr, ExprCall, ExprLit, ExprMethodCall, ImplItemFn, ItemConst, ItemFn, ItemMod, ItemUse, Lit, Local,
    Macro, Pat, UseTree,
};

/// Where the host's side of the imports is.
const SOURCES: &str = "airssys-wasm-runtime/src";

/// Methods of a linker that define something, and how many arguments each has.
const DEFINING: &[(&str, usize)] = &[
    ("func_new", 2),
    ("func_new_async", 2),
    ("func_new_concurrent", 2),
    ("func_wrap", 2),
    ("func_wrap_async", 2),
    ("func_wrap_concurrent", 2),
    ("module", 2),
    ("resource", 3),
    ("resource_async", 3),
    ("resource_concurrent", 3),
];

/// What makes an interface in a linker.
const INTERFACE: &[&str] = &["instance", "into_instance"];

/// Whose bindings are made from descriptions that are known.
const BOUND: &[&str] = &["wasmtime_wasi", "wasmtime_wasi_http", "crate::bindings"];

/// Where the bindings of the project's own interfaces come from.
const OWN_WIT: &str = "\"../wit\"";

/// What is defined, and where that cannot be read.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    /// Each as `INTERFACE#NAME`, without versions.
    pub(super) names: BTreeSet<String>,
    /// A sentence for each place whose meaning is not written out.
    pub(super) riddles: Vec<String>,
}

impl Definitions {
    /// Those of the workspace at `root`.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut definitions = Self::default();
        definitions.read_folder(&root.join(SOURCES))?;
        Ok(definitions)
    }

    fn read_folder(&mut self, folder: &Path) -> Result<()> {
        let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                self.read_folder(&path)?;
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path)?;
                // Where no linker is spoken of, methods of the same names are those of something else.
                if text.to_lowercase().contains("linker") {
                    self.add(&path.display().to_string(), &text)?;
                }
            }
        }
        Ok(())
    }

    /// Those of one file alone.
    #[cfg(test)]
    pub(super) fn of_file(file: &str, text: &str) -> Result<Self> {
        let mut definitions = Self::default();
        definitions.add(file, text)?;
        Ok(definitions)
    }

    /// Those of one file besides.
    fn add(&mut self, file: &str, text: &str) -> Result<()> {
        let syntax = syn::parse_file(text).with_context(|| format!("{file} is not Rust"))?;
        let mut names = Names::default();
        names.visit_file(&syntax);
        Reader { file, names, interfaces: HashMap::new(), definitions: self }.visit_file(&syntax);
        Ok(())
    }
}

/// Texts of a file that have names, and whence it has the names of others.
#[derive(Default)]
struct Names {
    texts: HashMap<String, String>,
    origins: HashMap<String, String>,
}

impl Names {
    /// Keeps each name that a `use` brings in with the path that leads to it.
    fn add_use(&mut self, tree: &UseTree, path: &str) {
        let joined = |name: &syn::Ident| match path {
            "" => name.to_string(),
            path => format!("{path}::{name}"),
        };
        match tree {
            UseTree::Path(inner) => self.add_use(&inner.tree, &joined(&inner.ident)),
            // `self` is the path itself.
            UseTree::Name(name) if name.ident == "self" => {
                let last = path.rsplit("::").next().unwrap_or(path);
                self.origins.insert(last.to_owned(), path.to_owned());
            }
            UseTree::Name(name) => drop(self.origins.insert(name.ident.to_string(), joined(&name.ident))),
            UseTree::Rename(renamed) => {
                self.origins.insert(renamed.rename.to_string(), joined(&renamed.ident));
            }
            UseTree::Glob(_) => {}
            UseTree::Group(group) => group.items.iter().for_each(|inner| self.add_use(inner, path)),
        }
    }

    /// The text that an expression stands for, where that is written out.
    fn text_of(&self, expression: &Expr) -> Option<String> {
        match expression {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            Expr::Path(path) => self.texts.get(&path.path.get_ident()?.to_string()).cloned(),
            Expr::Reference(reference) => self.text_of(&reference.expr),
            _ => None,
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_const(&mut self, item: &'ast ItemConst) {
        if let Some(text) = self.text_of(&item.expr) {
            self.texts.insert(item.ident.to_string(), text);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.add_use(&item.tree, "");
    }
}

/// Goes through one file.
struct Reader<'r> {
    file: &'r str,
    names: Names,
    /// The interfaces that variables of the function at hand stand for.
    interfaces: HashMap<String, String>,
    definitions: &'r mut Definitions,
}

impl Reader<'_> {
    fn riddle(&mut self, what: &str) {
        self.definitions.riddles.push(format!("{}: {what}", self.file));
    }

    /// The interface of a linker that an expression is; none where it is none, or cannot be told.
    fn interface_of(&self, expression: &Expr) -> Option<String> {
        match expression {
            Expr::Try(inner) => self.interface_of(&inner.expr),
            Expr::Paren(inner) => self.interface_of(&inner.expr),
            Expr::Reference(inner) => self.interface_of(&inner.expr),
            Expr::Path(path) => self.interfaces.get(&path.path.get_ident()?.to_string()).cloned(),
            Expr::MethodCall(call) if INTERFACE.contains(&call.method.to_string().as_str()) => {
                let [name] = call.args.iter().collect::<Vec<_>>()[..] else { return None };
                Some(without_version(&self.names.text_of(name)?).to_owned())
            }
            _ => None,
        }
    }

    fn define(&mut self, call: &ExprMethodCall, method: &str) {
        let name = call.args.first().and_then(|name| self.names.text_of(name));
        let (Some(interface), Some(name)) = (self.interface_of(&call.receiver), name) else {
            return self.riddle(&format!("what `{method}` defines is not written out"));
        };
        let name = if method.starts_with("resource") { format!("[resource-drop]{name}") } else { name };
        self.definitions.names.insert(format!("{interface}#{name}"));
    }

    /// A function or module that is called or named by a path.
    fn check_path(&mut self, path: &syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let (Some(first), Some(last)) = (segments.first(), segments.last()) else { return };
        if DEFINING.iter().any(|(method, _)| method == last) && segments.len() > 1 {
            return self.riddle(&format!("`{}` is named and not called as a method", segments.join("::")));
        }
        if !last.contains("to_linker") {
            return;
        }
        let origin = self.names.origins.get(first).unwrap_or(first);
        let whole = [std::slice::from_ref(origin), segments.get(1..).unwrap_or_default()].concat().join("::");
        if !BOUND.iter().any(|bound| whole.starts_with(&format!("{bound}::"))) {
            self.riddle(&format!("nobody knows the description of what `{whole}` links"));
        }
    }

    fn in_function(&mut self, visit: impl FnOnce(&mut Self)) {
        let outer = std::mem::take(&mut self.interfaces);
        visit(self);
        self.interfaces = outer;
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let is_test = |attribute: &syn::Attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
        };
        if !item.attrs.iter().any(is_test) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.in_function(|reader| visit::visit_item_fn(reader, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.in_function(|reader| visit::visit_impl_item_fn(reader, item));
    }

    fn visit_local(&mut self, local: &'ast Local) {
        visit::visit_local(self, local);
        let Pat::Ident(variable) = &local.pat else { return };
        match local.init.as_ref().and_then(|init| self.interface_of(&init.expr)) {
            Some(interface) => self.interfaces.insert(variable.ident.to_string(), interface),
            // Another variable of the same name is no interface.
            None => self.interfaces.remove(&variable.ident.to_string()),
        };
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let method = call.method.to_string();
        if DEFINING.contains(&(method.as_str(), call.args.len())) {
            self.define(call, &method);
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(function) = &*call.func {
            self.check_path(&function.path);
            // Visited for its arguments alone: the path was looked at.
            call.args.iter().for_each(|argument| self.visit_expr(argument));
        } else {
            visit::visit_expr_call(self, call);
        }
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        self.check_path(&path.path);
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        let text = item.tokens.to_string();
        let is_bindings = item.path.segments.last().is_some_and(|segment| segment.ident == "bindgen");
        if is_bindings && (!text.contains(OWN_WIT) || text.contains("inline")) {
            self.riddle(&format!("bindings that are not of {OWN_WIT} alone"));
        }
        let hides =
            |word: &str| text.contains("func_wrap") || text.contains("func_new") || text.contains(word);
        if hides("to_linker") {
            self.riddle("a macro that links something");
        }
    }
}

fn without_version(interface: &str) -> &str {
    interface.split('@').next().unwrap_or(interface)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::surface::Surface;

    fn definitions(text: &str) -> Definitions {
        Definitions::of_file("a.rs", text).unwrap()
    }

    #[track_caller]
    fn check(text: &str, names: &[&str]) {
        let found = definitions(text);
        assert_eq!(
            (found.names.iter().map(String::as_str).collect::<Vec<_>>(), found.riddles),
            (names.to_vec(), vec![])
        );
    }

    #[track_caller]
    fn check_riddle(text: &str, riddle: &str) {
        assert_eq!(definitions(text).riddles, [format!("a.rs: {riddle}")]);
    }

    #[test]
    fn names_are_read_however_they_are_written() {
        check(
            r#"const TYPES: &str = "wasi:http/types@0.2.12";
            fn link(linker: &mut Linker<HostState>) -> Result<()> {
                let mut types = linker.instance(TYPES)?;
                types.func_wrap("one", |_, (): ()| Ok(()))?;
                (&mut types).func_wrap_async("two", |_, (): ()| Ok(()))?;
                types.resource("thing", ty, |_, _| Ok(()))?;
                linker.instance("acme:new/things")?.func_new("three", |_| Ok(()))
            }"#,
            &[
                "acme:new/things#three",
                "wasi:http/types#[resource-drop]thing",
                "wasi:http/types#one",
                "wasi:http/types#two",
            ],
        );
        check(
            "use wasmtime_wasi::p2::bindings::cli::exit;\nfn f() { exit::add_to_linker(linker, get) }",
            &[],
        );
        check("mod bindings { bindgen!({ path: \"../wit\", world: \"w\" }); }", &[]);
        check("#[cfg(test)] mod tests { fn f() { x.func_wrap(y, z) } }", &[]);
        check("fn f() { sizes.instance(types, ty); parts.resource(1) }", &[]);
    }

    #[test]
    fn what_is_not_written_out_is_a_riddle() {
        let unknown = "what `func_wrap` defines is not written out";
        check_riddle(r#"fn f() { linker.instance("a:b/c")?.func_wrap(name, g) }"#, unknown);
        check_riddle(r#"fn f() { linker.instance(name)?.func_wrap("d", g) }"#, unknown);
        check_riddle(r#"fn f() { linker.root().func_wrap("d", g) }"#, unknown);
        check_riddle(r#"fn f(given: LinkerInstance<T>) { given.func_wrap("d", g) }"#, unknown);
        let once = r#"fn f() { let a = linker.instance("a:b/c")?; } fn g() { a.func_wrap("d", g) }"#;
        check_riddle(once, unknown);
        let path = "`LinkerInstance::func_wrap` is named and not called as a method";
        check_riddle(r#"fn f() { LinkerInstance::func_wrap(&mut a, "d", g) }"#, path);
        check_riddle("fn f() { let wrap = LinkerInstance::func_wrap; }", path);
        let foreign = "nobody knows the description of what `acme::add_to_linker` links";
        check_riddle("use acme::add_to_linker;\nfn f() { add_to_linker(linker) }", foreign);
        let other = "bindings that are not of \"../wit\" alone";
        check_riddle("bindgen!({ path: \"../other\" });", other);
        check_riddle(
            "macro_rules! more { () => { linker.func_wrap(a, b) } }",
            "a macro that links something",
        );
    }

    #[test]
    fn the_sources_define_what_is_described_and_nothing_else() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let definitions = Definitions::read(&root).unwrap();
        assert_eq!(definitions.riddles, [""; 0]);
        assert!(definitions.names.contains("wasi:sockets/tcp-create-socket#create-tcp-socket"));
        assert!(
            definitions.names.contains("wasi:sockets/ip-name-lookup#[resource-drop]resolve-address-stream")
        );
        let surface = Surface::read(&root).unwrap();
        let described: BTreeSet<String> = surface.functions.iter().map(|one| one.full_name()).collect();
        assert_eq!(definitions.names.difference(&described).collect::<Vec<_>>(), [""; 0]);
    }
}
