//! The modules of one library and what the names in them mean.
//!
//! This follows `mod`, `use`, aliases and globs as far as types in signatures need it. It is not a
//! compiler: what macros make is not seen, and the check of the surface treats it with suspicion.

use std::collections::{BTreeMap, BTreeSet};

use syn::spanned::Spanned;
use syn::{Attribute, Item, UseTree, Visibility};

use super::edges::Crate;
use super::files::Files;

/// Longer chains of names than any that people write; it ends cycles of `use`.
const MAX_STEPS: usize = 64;

/// A path from the root of the library, or of an extern crate.
pub(super) type Path = Vec<String>;

/// One `use`, or one leaf of its tree.
#[derive(Debug)]
pub(super) struct Import {
    /// The name that it brings into scope; a glob brings no name of its own.
    pub(super) name: Option<String>,
    /// What it says.
    pub(super) path: Path,
    /// Whether it begins with `::` or is an `extern crate`.
    pub(super) absolute: bool,
    /// Whether it is a bare `pub`.
    pub(super) public: bool,
    pub(super) line: usize,
}

#[derive(Debug)]
pub(super) struct Module {
    pub(super) file: String,
    pub(super) items: Vec<Item>,
    pub(super) imports: Vec<Import>,
    /// Whether it can be named from outside: it and all above it are a bare `pub`.
    pub(super) public: bool,
    children: BTreeSet<String>,
    locals: BTreeMap<String, bool>,
    aliases: BTreeMap<String, syn::Type>,
}

/// A library, read from its sources.
#[derive(Debug, Default)]
pub(super) struct Library {
    pub(super) modules: BTreeMap<Path, Module>,
}

/// What a name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Something of another crate, or of the prelude, or a generic parameter.
    Outside(Path),
    /// An item of this library.
    Item(Path),
    /// A module of this library.
    Module(Path),
    /// Something below a module of this library that no source declares: a macro may.
    Unseen { module: Path, rest: Path },
}

impl Library {
    /// Reads the library of a crate; a file that is not there or is not Rust is left out, because the
    /// compiler and the rules of files say so already.
    pub(super) fn read(krate: &Crate, files: &Files) -> Self {
        let mut library = Self::default();
        if let Some(root) = &krate.library
            && let Some(file) = files.get(root).and_then(|text| syn::parse_file(text).ok())
        {
            let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
            library.add(Vec::new(), root, &folder, file.items, true, files);
        }
        library
    }

    fn add(&mut self, path: Path, file: &str, folder: &str, items: Vec<Item>, public: bool, files: &Files) {
        let mut module = Module {
            file: file.to_owned(),
            items: Vec::new(),
            imports: Vec::new(),
            public,
            children: BTreeSet::new(),
            locals: BTreeMap::new(),
            aliases: BTreeMap::new(),
        };
        for item in items {
            if attributes(&item).iter().any(is_for_tests) {
                continue;
            }
            match item {
                Item::Mod(child) => {
                    let name = child.ident.to_string();
                    let mut below = path.clone();
                    below.push(name.clone());
                    let public = public && matches!(child.vis, Visibility::Public(_));
                    module.children.insert(name.clone());
                    if let Some((_, items)) = child.content {
                        self.add(below, file, &format!("{folder}/{name}"), items, public, files);
                        continue;
                    }
                    let home = file.rsplit_once('/').map_or("", |(home, _)| home);
                    let candidates = match path_attribute(&child.attrs) {
                        Some(given) => vec![format!("{home}/{given}")],
                        None => vec![format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")],
                    };
                    for candidate in candidates {
                        if let Some(parsed) =
                            files.get(&candidate).and_then(|text| syn::parse_file(text).ok())
                        {
                            let folder = format!("{folder}/{name}");
                            self.add(below.clone(), &candidate, &folder, parsed.items, public, files);
                            break;
                        }
                    }
                }
                Item::Use(import) => {
                    let public = matches!(import.vis, Visibility::Public(_));
                    let absolute = import.leading_colon.is_some();
                    leaves(&import.tree, &mut Vec::new(), absolute, public, &mut module.imports);
                }
                Item::ExternCrate(import) => {
                    let name = import.rename.as_ref().map_or(&import.ident, |(_, name)| name);
                    module.imports.push(Import {
                        name: Some(name.to_string()),
                        path: vec![import.ident.to_string()],
                        absolute: true,
                        public: matches!(import.vis, Visibility::Public(_)),
                        line: import.span().start().line,
                    });
                }
                item => {
                    if let Some((name, visibility)) = declared(&item) {
                        module.locals.insert(name.clone(), matches!(visibility, Visibility::Public(_)));
                        if let Item::Type(alias) = &item {
                            module.aliases.insert(name, (*alias.ty).clone());
                        }
                    }
                    module.items.push(item);
                }
            }
        }
        self.modules.insert(path, module);
    }

    /// What a path means where it stands in a module.
    pub(super) fn meaning(&self, module: &Path, path: &Path, absolute: bool) -> Meaning {
        if absolute { Meaning::Outside(path.clone()) } else { self.named(module, path, MAX_STEPS) }
    }

    fn named(&self, module: &Path, path: &Path, steps: usize) -> Meaning {
        let Some((first, rest)) = path.split_first() else { return Meaning::Module(module.clone()) };
        match first.as_str() {
            "crate" => self.below(&Vec::new(), rest, steps),
            "self" => self.below(module, rest, steps),
            "super" => {
                let parent = module.split_last().map(|(_, parent)| parent.to_vec()).unwrap_or_default();
                self.named_below_super(&parent, rest, steps)
            }
            _ => self.find(module, path, steps).unwrap_or_else(|| Meaning::Outside(path.clone())),
        }
    }

    fn named_below_super(&self, module: &Path, rest: &[String], steps: usize) -> Meaning {
        match rest.first().map(String::as_str) {
            Some("super") => self.named(module, &rest.to_vec(), steps),
            _ => self.below(module, rest, steps),
        }
    }

    fn below(&self, module: &Path, rest: &[String], steps: usize) -> Meaning {
        if rest.is_empty() {
            return Meaning::Module(module.clone());
        }
        self.find(module, rest, steps)
            .unwrap_or_else(|| Meaning::Unseen { module: module.clone(), rest: rest.to_vec() })
    }

    /// Looks a path up among what a module declares and imports.
    fn find(&self, at: &Path, path: &[String], steps: usize) -> Option<Meaning> {
        let steps = steps.checked_sub(1)?;
        let module = self.modules.get(at)?;
        let (first, rest) = path.split_first()?;
        let mut own = at.clone();
        own.push(first.clone());
        if module.children.contains(first) {
            return Some(self.below(&own, rest, steps));
        }
        if module.locals.contains_key(first) {
            return Some(Meaning::Item(own));
        }
        if let Some(import) = module.imports.iter().find(|import| import.name.as_ref() == Some(first)) {
            let path: Path = import.path.iter().chain(rest).cloned().collect();
            // `use name;` names an extern crate and must not find itself.
            let itself = import.path.first() == Some(first);
            let outside = import.absolute || itself;
            return Some(if outside { Meaning::Outside(path) } else { self.named(at, &path, steps) });
        }
        module.imports.iter().filter(|import| import.name.is_none() && !import.absolute).find_map(|import| {
            match self.named(at, &import.path, steps) {
                Meaning::Module(target) if target != *at => self.find(&target, path, steps),
                _ => None,
            }
        })
    }

    /// The right side of a type alias.
    pub(super) fn alias(&self, item: &Path) -> Option<(Path, &syn::Type)> {
        let (name, module) = item.split_last()?;
        let alias = self.modules.get(module)?.aliases.get(name)?;
        Some((module.to_vec(), alias))
    }

    /// Whether an item is a bare `pub`.
    pub(super) fn is_public(&self, item: &Path) -> bool {
        item.split_last()
            .and_then(|(name, module)| self.modules.get(module)?.locals.get(name))
            .copied()
            .unwrap_or(false)
    }
}

pub(super) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn declared(item: &Item) -> Option<(String, &Visibility)> {
    let (name, visibility) = match item {
        Item::Const(item) => (&item.ident, &item.vis),
        Item::Enum(item) => (&item.ident, &item.vis),
        Item::Fn(item) => (&item.sig.ident, &item.vis),
        Item::Static(item) => (&item.ident, &item.vis),
        Item::Struct(item) => (&item.ident, &item.vis),
        Item::Trait(item) => (&item.ident, &item.vis),
        Item::TraitAlias(item) => (&item.ident, &item.vis),
        Item::Type(item) => (&item.ident, &item.vis),
        Item::Union(item) => (&item.ident, &item.vis),
        _ => return None,
    };
    Some((name.to_string(), visibility))
}

/// `#[cfg(test)]`, alone or with more.
fn is_for_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.meta.require_list().is_ok_and(|list| {
            let text = list.tokens.to_string();
            text == "test" || (text.starts_with("all") && text.contains("test") && !text.contains("not"))
        })
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("path")).find_map(|attribute| {
        match &attribute.meta.require_name_value().ok()?.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }) => Some(path.value()),
            _ => None,
        }
    })
}

fn leaves(tree: &UseTree, prefix: &mut Path, absolute: bool, public: bool, imports: &mut Vec<Import>) {
    let mut push = |name: Option<String>, path: Path, line: usize| {
        imports.push(Import { name, path, absolute, public, line });
    };
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            leaves(&path.tree, prefix, absolute, public, imports);
            prefix.pop();
        }
        UseTree::Name(leaf) if leaf.ident == "self" => {
            push(prefix.last().cloned(), prefix.clone(), leaf.span().start().line);
        }
        UseTree::Name(leaf) => {
            let name = leaf.ident.to_string();
            push(
                Some(name.clone()),
                prefix.iter().cloned().chain([name]).collect(),
                leaf.span().start().line,
            );
        }
        UseTree::Rename(leaf) => {
            let mut path = prefix.clone();
            if leaf.ident != "self" {
                path.push(leaf.ident.to_string());
            }
            push(Some(leaf.rename.to_string()), path, leaf.span().start().line);
        }
        UseTree::Glob(leaf) => push(None, prefix.clone(), leaf.span().start().line),
        UseTree::Group(group) => {
            for tree in &group.items {
                leaves(tree, prefix, absolute, public, imports);
            }
        }
    }
}
