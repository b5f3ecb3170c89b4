//! What a module is for the compiler beside its functions: the one that the engine writes to begin an instance of it.
//!
//! That function sets what cannot be written out beforehand: elements of tables and data of memories that another
//! module defines or whose place is not known, passive elements, globals that begin with another global's value. An
//! item of one byte in the file is a call, a check or a store in it.
//!
//! Invariant: what the engine writes out beforehand is told apart as the engine does it. Large language runtimes have
//! tens of thousands of elements, which cost nothing there.

use engine_wasmparser::{
    ConstExpr, Data, DataKind, Element, ElementItems, ElementKind, Operator, Table, TableInit,
};

use crate::function_work::with_ways;

/// A passive element: the address of its function, stored.
const PASSIVE_ITEM: u64 = 4;

/// An element that is set in a table: its bounds are checked, and its page of the table is made.
const ACTIVE_ITEM: u64 = 14;

/// A segment of data that is copied: its length and place are looked at, and so are fuel and the deadline.
const DATA_SEGMENT: u64 = 60;

/// A segment of elements, whatever is in it.
const ELEMENT_SEGMENT: u64 = 30;

/// A global or a table that begins with what has to be computed.
const COMPUTED: u64 = 10;

/// A host's page: what has smaller ones is not written out.
const PAGE_LOG2: u32 = 16;

/// The engine writes a table out where it is no larger than this.
pub(super) const WRITTEN_TABLE_ELEMENTS: u64 = 1024 * 1024;

/// What the beginning of a module's instances is made of, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Startup {
    /// By table: elements that it begins with, where the engine may write them out.
    tables: Vec<Option<u64>>,
    /// A segment of elements was met that cannot be written out: no later one is.
    elements_are_set: bool,
    /// By memory: none where it is imported or its pages are small.
    memories: Vec<Option<Image>>,
    /// A segment of data was met that cannot be written out: none is.
    data_is_copied: bool,
    segments: u64,
    ways: u64,
    work: u64,
}

/// The data of one memory, if all of it were written out.
#[derive(Debug, Clone, Copy)]
struct Image {
    memory_bytes: u64,
    data_bytes: u64,
    begin: u64,
    end: u64,
}

impl Startup {
    pub(super) fn import_table(&mut self) {
        self.tables.push(None);
    }

    pub(super) fn import_memory(&mut self) {
        self.memories.push(None);
    }

    pub(super) fn define_table(&mut self, table: &Table<'_>) {
        let written = table.ty.initial <= WRITTEN_TABLE_ELEMENTS;
        let mut initial = Some(table.ty.initial).filter(|_| table.ty.element_type.is_func_ref());
        if let TableInit::Expr(expr) = &table.init {
            let is_function = matches!(single(expr), Some(Operator::RefFunc { .. }));
            if !(is_function && written && initial.is_some()) {
                initial = None;
                self.compute(expr);
            }
        }
        self.tables.push(initial);
    }

    /// `page_log2` is how large its pages are.
    pub(super) fn define_memory(&mut self, bytes: u64, page_log2: u32) {
        let image = Image { memory_bytes: bytes, data_bytes: 0, begin: u64::MAX, end: 0 };
        self.memories.push(Some(image).filter(|_| page_log2 >= PAGE_LOG2));
    }

    /// A global that begins with this.
    pub(super) fn global(&mut self, expr: &ConstExpr<'_>) {
        let is_known = matches!(
            single(expr),
            Some(
                Operator::I32Const { .. }
                    | Operator::I64Const { .. }
                    | Operator::F32Const { .. }
                    | Operator::F64Const { .. }
                    | Operator::V128Const { .. }
            )
        );
        if !is_known {
            self.compute(expr);
        }
    }

    /// A segment of elements. Gives back how many of them each instance holds for as long as it lives.
    pub(super) fn elements(&mut self, element: &Element<'_>) -> u64 {
        let (items, bytes) = match &element.items {
            ElementItems::Functions(items) => (u64::from(items.count()), 0),
            ElementItems::Expressions(_, items) => {
                let bytes = items.range().len() as u64;
                (u64::from(items.count()), bytes)
            }
        };
        let (item, held) = match &element.kind {
            ElementKind::Declared => return 0,
            ElementKind::Passive => (PASSIVE_ITEM, items),
            ElementKind::Active { table_index, offset_expr } => {
                let is_plain = matches!(element.items, ElementItems::Functions(_));
                let table = at(&self.tables, table_index.unwrap_or(0)).copied().flatten();
                let end = constant(offset_expr).and_then(|offset| offset.checked_add(items));
                let fits =
                    end.zip(table).is_some_and(|(end, table)| end <= table && end <= WRITTEN_TABLE_ELEMENTS);
                if is_plain && fits && !self.elements_are_set {
                    return 0;
                }
                self.elements_are_set = true;
                self.add(length(offset_expr));
                (ACTIVE_ITEM, 0)
            }
        };
        self.add(bytes);
        self.add(items.saturating_mul(item).saturating_add(ELEMENT_SEGMENT));
        held
    }

    /// A segment of data.
    pub(super) fn data(&mut self, data: &Data<'_>) {
        let DataKind::Active { memory_index, offset_expr } = &data.kind else { return };
        self.segments += 1;
        self.add(length(offset_expr));
        let bytes = data.data.len() as u64;
        let begin = constant(offset_expr);
        let end = begin.and_then(|begin| begin.checked_add(bytes));
        let memory = usize::try_from(*memory_index).ok().and_then(|index| self.memories.get_mut(index));
        match (memory, begin, end) {
            (Some(Some(image)), Some(begin), Some(end)) if end <= image.memory_bytes => {
                if bytes > 0 {
                    image.data_bytes = image.data_bytes.saturating_add(bytes);
                    image.begin = image.begin.min(begin);
                    image.end = image.end.max(end);
                }
            }
            _ => self.data_is_copied = true,
        }
    }

    /// The work of all of it, when the module is at its end.
    pub(super) fn work(&self) -> u64 {
        let images = self.memories.iter().flatten();
        let is_sparse = |image: &Image| {
            image.data_bytes > 0 && image.end - image.begin >= image.data_bytes.saturating_mul(2)
        };
        let copied = if self.data_is_copied || images.clone().any(is_sparse) {
            self.segments
        } else {
            images.filter(|image| image.data_bytes > 0).count() as u64
        };
        with_ways(self.work.saturating_add(copied.saturating_mul(DATA_SEGMENT)), self.ways + copied)
    }

    fn compute(&mut self, expr: &ConstExpr<'_>) {
        self.ways += 1;
        self.add(length(expr).saturating_add(COMPUTED));
    }

    fn add(&mut self, work: u64) {
        self.work = self.work.saturating_add(work);
    }
}

fn at<T>(list: &[T], index: u32) -> Option<&T> {
    usize::try_from(index).ok().and_then(|index| list.get(index))
}

fn length(expr: &ConstExpr<'_>) -> u64 {
    expr.get_binary_reader().range().len() as u64
}

/// The only instruction of this, where it has but one.
fn single<'a>(expr: &ConstExpr<'a>) -> Option<Operator<'a>> {
    let mut operators = expr.get_operators_reader();
    let first = operators.read().ok()?;
    matches!(operators.read(), Ok(Operator::End)).then_some(first)
}

/// The place that this stands for, where it is written in the file.
fn constant(expr: &ConstExpr<'_>) -> Option<u64> {
    match single(expr)? {
        Operator::I32Const { value } => Some(u64::from(value.cast_unsigned())),
        Operator::I64Const { value } => Some(value.cast_unsigned()),
        _ => None,
    }
}
