//! How much work one function is for the compiler.
//!
//! The compiler holds a function as a graph of values. Most instructions add one or a few to it, whatever they are;
//! those that are listed here add more: as many as the file says with a single number, since a call of a function
//! with a thousand results is two bytes long, or those of the counting of fuel and the looking at deadlines, which a
//! loop of two bytes does at each turn. A unit of work is about what a byte of ordinary code costs: some
//! microseconds and a kibibyte while the function is compiled.

use engine_wasmparser::{BlockType, FunctionBody, Operator};

use crate::checkpoints::Checkpoints;

/// What a function is beside what is in it, and so is each way into it from elsewhere: the engine writes one for
/// every type of function, and for every function that can be reached otherwise than by a call from its own module.
const FUNCTION: u64 = 16;

/// What a call adds: fuel is written back before it and read again after it.
const CALL: u64 = 2;

/// What an indirect call adds to a direct one: the table's bounds, the type's check and a way to each failure.
const INDIRECT_CALL: u64 = 18;

/// What the beginning of a loop adds: fuel and deadline are looked at.
const LOOP: u64 = 20;

/// What a way that control may take adds.
const BRANCH: u64 = 4;

/// What an access to a table adds, which may be to an element that is not made yet.
const TABLE_ACCESS: u64 = 14;

/// What is done to many elements or bytes by a function of the host.
const BULK: u64 = 18;

/// Ways in what copies or writes elements of tables, of which any may not be made yet: loops of their own.
const TABLE_COPY_WAYS: u64 = 8;
const TABLE_WRITE_WAYS: u64 = 3;

/// The compiler follows the count of fuel through all ways that control may take, and looks at all of those before
/// for each: with their number the work grows as its square, of which this many make a unit.
const WAYS_PER_UNIT: u64 = 1_000;

/// Each way out of a `br_table`.
const BRANCH_TARGET: u64 = 16;

/// What one parameter or result of a block adds: on both ways into what follows it.
const BLOCK_VALUE: u64 = 2;

/// A local that is used is looked up through all joins of control flow since its last use, and a loop's beginning
/// is dearer than other joins: it is open until the loop's end.
const LOOP_JOINS: u64 = 12;
const JOINS_PER_UNIT: u64 = 12;

/// More locals than any function may have; a file that declares more is refused by validation.
const MAX_LOCALS: usize = 50_000;

/// The types of one core module, as far as they count: parameters and results of its functions.
#[derive(Debug, Default)]
pub(crate) struct Signatures {
    /// By type; none for what is no function.
    pub(crate) types: Vec<Option<Signature>>,
    /// The type of each function, imported ones first.
    pub(crate) functions: Vec<u32>,
    /// How many are imported.
    pub(crate) imported: u32,
}

/// How many values go into a function or block, and how many come out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) parameters: u64,
    pub(crate) results: u64,
}

impl Signature {
    fn values(self) -> u64 {
        self.parameters.saturating_add(self.results)
    }

    /// The work of a way into a function of this type: each value is taken from one place and put into another.
    pub(crate) fn entry(self) -> u64 {
        self.values().saturating_add(FUNCTION)
    }
}

impl Signatures {
    /// What validation refuses counts as nothing.
    fn of_type(&self, index: u32) -> Signature {
        let known = usize::try_from(index).ok().and_then(|index| self.types.get(index));
        known.copied().flatten().unwrap_or_default()
    }

    pub(crate) fn of_function(&self, index: u32) -> Signature {
        let known = usize::try_from(index).ok().and_then(|index| self.functions.get(index));
        known.map_or_else(Signature::default, |of| self.of_type(*of))
    }

    fn of_block(&self, block: BlockType) -> Signature {
        match block {
            BlockType::Empty => Signature::default(),
            BlockType::Type(_) => Signature { parameters: 0, results: 1 },
            BlockType::FuncType(index) => self.of_type(index),
        }
    }

    /// The work of a function of this type, given its body, as far as that is valid.
    pub(crate) fn work(&self, of: u32, body: &FunctionBody<'_>) -> u64 {
        let signature = self.of_type(of);
        let groups = body.get_locals_reader().into_iter().flatten();
        let declared = groups
            .map_while(Result::ok)
            .fold(signature.parameters, |sum, (count, _)| sum.saturating_add(u64::from(count)));
        let locals = usize::try_from(declared).unwrap_or(usize::MAX).min(MAX_LOCALS);
        let mut function = Function {
            signatures: self,
            labels: vec![signature.results],
            used_at: vec![0; locals],
            joins: 0,
            ways: 0,
            work: declared.saturating_add(FUNCTION).saturating_add(body.range().len() as u64),
        };
        // What comes before something that is not valid is given to the compiler all the same.
        let operators = body.get_operators_reader().into_iter().flatten();
        let mut checkpoints = Checkpoints::new(self.imported);
        for operator in operators.map_while(Result::ok) {
            function.add(&operator);
            if checkpoints.comes_after(&operator) {
                function.add_checkpoint();
            }
        }
        with_ways(function.work, function.ways)
    }
}

/// This work of one function with what so many ways in it add.
pub(crate) fn with_ways(work: u64, ways: u64) -> u64 {
    let squared = ways.saturating_mul(ways);
    work.saturating_add(squared / WAYS_PER_UNIT)
}

/// A function that is read from its beginning to its end.
struct Function<'a> {
    signatures: &'a Signatures,
    /// Values that a branch to each open label takes along, the function itself first.
    labels: Vec<u64>,
    /// The joins that there had been when each local was last used.
    used_at: Vec<u64>,
    joins: u64,
    /// Places where control may go on elsewhere.
    ways: u64,
    work: u64,
}

impl Function<'_> {
    fn add(&mut self, operator: &Operator<'_>) {
        let more = match operator {
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                self.signatures.of_function(*function_index).values().saturating_add(CALL)
            }
            Operator::CallIndirect { type_index, .. }
            | Operator::ReturnCallIndirect { type_index, .. }
            | Operator::CallRef { type_index }
            | Operator::ReturnCallRef { type_index } => {
                self.ways += 2;
                self.signatures.of_type(*type_index).values().saturating_add(INDIRECT_CALL)
            }
            Operator::Block { blockty } => self.open_block(*blockty),
            Operator::If { blockty } => {
                self.ways += 1;
                self.open_block(*blockty).saturating_add(BRANCH)
            }
            // What is caught leads out of a block as a branch does.
            Operator::TryTable { try_table } => {
                let catches = try_table.catches.len() as u64;
                self.ways += catches;
                self.open_block(try_table.ty).saturating_add(catches.saturating_mul(BRANCH_TARGET))
            }
            Operator::Loop { blockty } => {
                let block = self.signatures.of_block(*blockty);
                self.labels.push(block.parameters);
                self.joins += LOOP_JOINS;
                self.ways += 1;
                block.values().saturating_mul(BLOCK_VALUE).saturating_add(LOOP)
            }
            Operator::Else => {
                self.joins += 1;
                self.label(0)
            }
            Operator::End => {
                self.joins += 1;
                self.labels.pop().unwrap_or(0)
            }
            Operator::Br { relative_depth }
            | Operator::BrIf { relative_depth }
            | Operator::BrOnNull { relative_depth }
            | Operator::BrOnNonNull { relative_depth }
            | Operator::BrOnCast { relative_depth, .. }
            | Operator::BrOnCastFail { relative_depth, .. } => {
                self.joins += 1;
                self.ways += 1;
                self.label(*relative_depth).saturating_add(BRANCH)
            }
            Operator::Return => {
                self.ways += 1;
                self.labels.first().copied().unwrap_or(0).saturating_add(BRANCH)
            }
            Operator::TableGet { .. } => {
                self.ways += 2;
                TABLE_ACCESS
            }
            Operator::TableCopy { .. } => {
                self.ways += TABLE_COPY_WAYS;
                BULK
            }
            Operator::TableInit { .. } | Operator::TableFill { .. } | Operator::TableGrow { .. } => {
                self.ways += TABLE_WRITE_WAYS;
                BULK
            }
            Operator::MemoryFill { .. }
            | Operator::MemoryCopy { .. }
            | Operator::MemoryInit { .. }
            | Operator::MemoryGrow { .. } => BULK / 4,
            Operator::BrTable { targets } => {
                self.joins += 1;
                self.ways += 1;
                let listed = targets.targets().flatten().chain([targets.default()]);
                listed.fold(0, |sum: u64, target| {
                    sum.saturating_add(BRANCH_TARGET).saturating_add(self.label(target))
                })
            }
            Operator::LocalGet { local_index }
            | Operator::LocalSet { local_index }
            | Operator::LocalTee { local_index } => self.look_up(*local_index),
            _ => 0,
        };
        self.work = self.work.saturating_add(more);
    }

    /// A loop that ends at once, which is put there.
    fn add_checkpoint(&mut self) {
        self.joins += LOOP_JOINS + 1;
        self.ways += 1;
        self.work = LOOP.saturating_add(self.work);
    }

    /// The work of a block that begins.
    fn open_block(&mut self, blockty: BlockType) -> u64 {
        let block = self.signatures.of_block(blockty);
        self.labels.push(block.results);
        block.values().saturating_mul(BLOCK_VALUE)
    }

    /// Values that a branch to this label takes along.
    fn label(&self, depth: u32) -> u64 {
        let depth = usize::try_from(depth).unwrap_or(usize::MAX);
        self.labels.iter().rev().nth(depth).copied().unwrap_or(0)
    }

    fn look_up(&mut self, local: u32) -> u64 {
        let used_at = usize::try_from(local).ok().and_then(|local| self.used_at.get_mut(local));
        let Some(used_at) = used_at else { return 0 };
        let joins = self.joins - std::mem::replace(used_at, self.joins);
        joins / JOINS_PER_UNIT
    }
}
