//! Places where compiled code looks at fuel and time although the engine puts none there.
//!
//! The engine looks where functions and loops begin, and not when a call has come back. What a function does after its
//! last call runs to its end unseen, and then what its caller does, and so on: a recursion as deep as the stack makes
//! a few kilobytes of code without a loop compute for seconds, whatever their fuel and time. So a loop that does
//! nothing is put into such code, because the engine looks at its beginning.
//!
//! A function that is defined in the same module is looked at where it begins, whoever calls it. All other calls may lead
//! to functions of the engine or the host, which look at no fuel, and some at no time: they count as work.
//!
//! Invariant: on no way through a function there are more than [`MAX_UNITS_AFTER_CALL`] units of work, and the
//! instruction that they end with, between the return of a call, or the first of what is done elsewhere, and the next
//! look. What is unseen of a whole stack of functions is so much for each of them, and one function without either,
//! which is no longer than it may be.

mod body;
mod rewrite;
mod way;

use std::borrow::Cow;

use engine_wasmparser::Operator;

pub(crate) use body::Checkpoints;

/// Units of work after the return of a call at which a checkpoint is put.
const MAX_UNITS_AFTER_CALL: u32 = 64;

/// What an instruction counts whose work is done elsewhere.
const UNITS_ELSEWHERE: u32 = 16;

/// A loop without a body, parameters or results.
const CHECKPOINT: [u8; 3] = [0x03, 0x40, 0x0b];

/// The component with all its checkpoints. One that cannot be read is left as it is, for validation to say why.
///
/// Its functions have other offsets then, which is what traps tell of them.
pub(crate) fn with_checkpoints(wasm: &[u8]) -> Cow<'_, [u8]> {
    match rewrite::rewrite(wasm) {
        Ok(Some(rewritten)) => Cow::Owned(rewritten),
        Ok(None) | Err(_) => Cow::Borrowed(wasm),
    }
}

/// Where the work of one instruction is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// In the function itself: one unit.
    Here,
    /// In the engine, in another module or in the host, which may look at nothing.
    Elsewhere,
}

/// In a module that imports so many functions.
fn work(operator: &Operator<'_>, imported: u32) -> Work {
    match operator {
        Operator::Call { function_index } if *function_index < imported => Work::Elsewhere,
        Operator::CallIndirect { .. }
        | Operator::CallRef { .. }
        | Operator::MemoryGrow { .. }
        | Operator::MemoryInit { .. }
        | Operator::MemoryCopy { .. }
        | Operator::MemoryFill { .. }
        | Operator::DataDrop { .. }
        | Operator::TableGet { .. }
        | Operator::TableSet { .. }
        | Operator::TableGrow { .. }
        | Operator::TableInit { .. }
        | Operator::TableCopy { .. }
        | Operator::TableFill { .. }
        | Operator::ElemDrop { .. }
        | Operator::RefFunc { .. } => Work::Elsewhere,
        _ => Work::Here,
    }
}
