//! What one core module is for the compiler.

use engine_wasmparser::{
    CompositeInnerType, ConstExpr, ElementItems, ExternalKind, Operator, Payload, RecGroup, Result, SubType,
    TableInit, TypeRef,
};

use super::Burden;
use super::startup::{Startup, WRITTEN_TABLE_ELEMENTS};
use crate::config::WASM_PAGE_BYTES;
use crate::function_work::{Signature, Signatures};

/// What the host holds for each instance, in bytes: for an import, for a function that can be reached from elsewhere,
/// for a global or a segment of data, and for a passive segment of elements and each element in it.
const IMPORT_BYTES: u64 = 48;
const ENTRY_BYTES: u64 = 48;
const VALUE_BYTES: u64 = 16;
const SEGMENT_BYTES: u64 = 48;

/// What each instance of a module takes beside its memories and tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Share {
    /// Everything that it is given.
    pub(super) imports: u64,
    /// Bytes that the host holds for it.
    pub(super) held: u64,
    /// Bytes that its memories begin with.
    pub(super) memory: u64,
}

impl Share {
    /// What an instance of either takes.
    pub(super) fn max(self, other: Self) -> Self {
        Self {
            imports: self.imports.max(other.imports),
            held: self.held.max(other.held),
            memory: self.memory.max(other.memory),
        }
    }
}

/// A module that is not at its end yet.
#[derive(Default)]
pub(super) struct OpenModule {
    signatures: Signatures,
    /// Functions that are imported.
    imported: usize,
    /// Those and the ones whose body was read.
    seen: usize,
    /// Functions for which the engine has written a way in from elsewhere, by index.
    entered: Vec<bool>,
    startup: Startup,
    share: Share,
}

impl OpenModule {
    pub(super) fn add(&mut self, burden: &mut Burden, payload: Payload<'_>) -> Result<()> {
        match payload {
            Payload::TypeSection(section) => {
                for group in section {
                    self.add_types(burden, &group?);
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    self.share.imports += 1;
                    self.hold(IMPORT_BYTES);
                    match import?.ty {
                        TypeRef::Func(of) | TypeRef::FuncExact(of) => {
                            self.signatures.functions.push(of);
                            self.signatures.imported += 1;
                            self.imported += 1;
                            self.seen += 1;
                        }
                        TypeRef::Table(_) => self.startup.import_table(),
                        TypeRef::Memory(_) => self.startup.import_memory(),
                        TypeRef::Global(_) | TypeRef::Tag(_) => {}
                    }
                }
            }
            Payload::FunctionSection(section) => {
                for of in section {
                    self.signatures.functions.push(of?);
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    let table = table?;
                    let elements = table.ty.initial;
                    burden.largest_table = burden.largest_table.max(elements);
                    if elements <= WRITTEN_TABLE_ELEMENTS {
                        burden.table_elements = burden.table_elements.saturating_add(elements);
                    }
                    if let TableInit::Expr(expr) = &table.init {
                        self.enter_all(burden, expr);
                    }
                    self.startup.define_table(&table);
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    let memory = memory?;
                    let page_log2 = memory.page_size_log2.unwrap_or(WASM_PAGE_BYTES.ilog2()).min(16);
                    let bytes = memory.initial.saturating_mul(1 << page_log2);
                    burden.largest_memory = burden.largest_memory.max(bytes);
                    self.share.memory = self.share.memory.saturating_add(bytes);
                    self.startup.define_memory(bytes, page_log2);
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    let global = global?;
                    self.hold(VALUE_BYTES);
                    self.enter_all(burden, &global.init_expr);
                    self.startup.global(&global.init_expr);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if matches!(export.kind, ExternalKind::Func | ExternalKind::FuncExact) {
                        self.enter(burden, export.index);
                    }
                }
            }
            Payload::ElementSection(section) => {
                for element in section {
                    let element = element?;
                    match &element.items {
                        ElementItems::Functions(items) => {
                            for function in items.clone() {
                                self.enter(burden, function?);
                            }
                        }
                        ElementItems::Expressions(_, items) => {
                            for expr in items.clone() {
                                self.enter_all(burden, &expr?);
                            }
                        }
                    }
                    let held = self.startup.elements(&element);
                    self.hold(held.saturating_mul(VALUE_BYTES).saturating_add(SEGMENT_BYTES));
                }
            }
            Payload::DataSection(section) => {
                for data in section {
                    self.hold(VALUE_BYTES);
                    self.startup.data(&data?);
                }
            }
            Payload::CodeSectionEntry(body) => {
                let of = self.signatures.functions.get(self.seen).copied().unwrap_or(u32::MAX);
                self.seen += 1;
                burden.add_function(self.signatures.work(of, &body));
            }
            _ => {}
        }
        Ok(())
    }

    /// The module is at its end.
    pub(super) fn close(self, burden: &mut Burden) -> Share {
        let startup = self.startup.work();
        if startup > 0 {
            burden.add_function(startup);
        }
        self.share
    }

    fn add_types(&mut self, burden: &mut Burden, group: &RecGroup) {
        for ty in group.types() {
            let signature = signature(ty);
            if let Some(signature) = signature {
                burden.add_function(signature.entry());
            }
            self.signatures.types.push(signature);
        }
    }

    /// The functions that this names can be reached from elsewhere.
    fn enter_all(&mut self, burden: &mut Burden, expr: &ConstExpr<'_>) {
        for operator in expr.get_operators_reader().into_iter().map_while(Result::ok) {
            if let Operator::RefFunc { function_index } = operator {
                self.enter(burden, function_index);
            }
        }
    }

    fn enter(&mut self, burden: &mut Burden, function: u32) {
        let Ok(index) = usize::try_from(function) else { return };
        if self.entered.len() < self.signatures.functions.len() {
            self.entered.resize(self.signatures.functions.len(), false);
        }
        let Some(entered) = self.entered.get_mut(index) else { return };
        if !std::mem::replace(entered, true) {
            self.hold(ENTRY_BYTES);
            if index >= self.imported {
                burden.add_function(self.signatures.of_function(function).entry());
            }
        }
    }

    fn hold(&mut self, bytes: u64) {
        self.share.held = self.share.held.saturating_add(bytes);
    }
}

/// What goes into a function of this type and comes out; none where it is no type of a function.
pub(super) fn signature(ty: &SubType) -> Option<Signature> {
    let CompositeInnerType::Func(function) = &ty.composite_type.inner else { return None };
    let (parameters, results) = (function.params().len() as u64, function.results().len() as u64);
    Some(Signature { parameters, results })
}
