//! Where checkpoints go in one function, found in one walk through its body.

use engine_wasmparser::{Catch, Operator};

use super::way::Way;
use super::{MAX_UNITS_AFTER_CALL, UNITS_ELSEWHERE, Work, work};

/// The checkpoints of a function that is read from its beginning to its end.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    /// Functions of the module that are imported, which come first.
    imported: u32,
    way: Way,
    /// Blocks that are open, the function itself first.
    blocks: Vec<Block>,
}

/// A block that is open.
#[derive(Debug)]
struct Block {
    is_loop: bool,
    /// What leads to the end of it so far.
    end: Way,
    /// What leads to the second branch of an `if`, which is not there yet.
    otherwise: Way,
}

impl Checkpoints {
    /// At the beginning of a function of a module that imports so many.
    pub(crate) fn new(imported: u32) -> Self {
        let function = Block { is_loop: false, end: Way::Unreachable, otherwise: Way::Unreachable };
        Self { imported, way: Way::Looked, blocks: vec![function] }
    }

    /// The next instruction. Whether there is a checkpoint after it.
    pub(crate) fn comes_after(&mut self, operator: &Operator<'_>) -> bool {
        match work(operator, self.imported) {
            Work::Here => self.way.extend(1),
            Work::Elsewhere => self.way.leave_for(UNITS_ELSEWHERE),
        }
        self.follow(operator);
        let is_due = matches!(self.way, Way::Returned(units) if units >= MAX_UNITS_AFTER_CALL);
        // Nothing comes after the end of the function.
        if is_due && !self.blocks.is_empty() {
            self.way = Way::Looked;
            return true;
        }
        false
    }

    fn follow(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Block { .. } => self.open(false, Way::Unreachable),
            Operator::Loop { .. } => {
                self.way.go_on(Way::Looked);
                self.open(true, Way::Unreachable);
            }
            Operator::If { .. } => self.open(false, self.way),
            Operator::TryTable { try_table } => {
                for catch in &try_table.catches {
                    let (Catch::One { label, .. }
                    | Catch::OneRef { label, .. }
                    | Catch::All { label }
                    | Catch::AllRef { label }) = catch;
                    // From anywhere in the block.
                    self.branch_with(*label, Way::Returned(MAX_UNITS_AFTER_CALL));
                }
                self.open(false, Way::Unreachable);
            }
            Operator::Else => {
                let before = self.way.leave();
                if let Some(block) = self.blocks.last_mut() {
                    block.end.join(before);
                    self.way = std::mem::replace(&mut block.otherwise, Way::Unreachable);
                }
            }
            Operator::End => {
                if let Some(Block { is_loop: _, end, otherwise }) = self.blocks.pop() {
                    self.way.join(end);
                    self.way.join(otherwise);
                }
            }
            Operator::Br { relative_depth } => {
                let way = self.way.leave();
                self.branch_with(*relative_depth, way);
            }
            Operator::BrIf { relative_depth }
            | Operator::BrOnNull { relative_depth }
            | Operator::BrOnNonNull { relative_depth }
            | Operator::BrOnCast { relative_depth, .. }
            | Operator::BrOnCastFail { relative_depth, .. } => self.branch_with(*relative_depth, self.way),
            Operator::BrTable { targets } => {
                let way = self.way.leave();
                for target in targets.targets().map_while(Result::ok).chain([targets.default()]) {
                    self.branch_with(target, way);
                }
            }
            Operator::Return
            | Operator::Unreachable
            | Operator::Throw { .. }
            | Operator::ThrowRef
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::ReturnCallRef { .. } => self.way = Way::Unreachable,
            // It looks where it begins.
            Operator::Call { function_index } if *function_index >= self.imported => {
                self.way.go_on(Way::Returned(0));
            }
            _ => {}
        }
    }

    fn open(&mut self, is_loop: bool, otherwise: Way) {
        self.blocks.push(Block { is_loop, end: Way::Unreachable, otherwise });
    }

    /// A way leads to this label. To a loop it leads back to its beginning, where the engine looks.
    fn branch_with(&mut self, label: u32, way: Way) {
        let depth = usize::try_from(label).unwrap_or(usize::MAX);
        if let Some(block) = self.blocks.iter_mut().rev().nth(depth)
            && !block.is_loop
        {
            block.end.join(way);
        }
    }
}

#[cfg(test)]
mod tests {
    use engine_wasmparser::{FunctionBody, Parser, Payload};

    use super::*;

    /// The instructions of the first function of a module with this body, and after which of them a checkpoint is.
    fn places(body: &str) -> Vec<usize> {
        let text = format!(
            r#"(module (import "host" "i" (func $i)) (memory 1) (table 1 funcref) (elem declare func $g) (tag $e)
              (func $f (param i32) {body}) (func $g))"#
        );
        let wasm = wat::parse_str(text).unwrap();
        let body = first_body(&wasm);
        let mut checkpoints = Checkpoints::new(1);
        let operators = body.get_operators_reader().unwrap().into_iter().map(Result::unwrap);
        let due = operators.enumerate().filter(|(_, operator)| checkpoints.comes_after(operator));
        due.map(|(number, _)| number).collect()
    }

    fn first_body(wasm: &[u8]) -> FunctionBody<'_> {
        let payloads = Parser::new(0).parse_all(wasm).map(Result::unwrap);
        let mut bodies = payloads.filter_map(|payload| match payload {
            Payload::CodeSectionEntry(body) => Some(body),
            _ => None,
        });
        bodies.next().unwrap()
    }

    #[track_caller]
    fn check(body: &str, expected: &[usize]) {
        assert_eq!(places(body), expected, "{body}");
    }

    fn nops(count: usize) -> String {
        "nop ".repeat(count)
    }

    #[test]
    fn there_is_none_where_nothing_has_come_back() {
        check(&nops(10_000), &[]);
        check(&format!("{} call $g", nops(1_000)), &[]);
        check(&format!("call $g {}", nops(62)), &[]);
        check(&format!("{} call $g {}", "call $g nop ".repeat(200), nops(62)), &[]);
    }

    #[test]
    fn one_is_put_after_so_many_units_and_none_after_it() {
        check(&format!("call $g {}", nops(64)), &[64]);
        check(&format!("call $g {}", nops(10_000)), &[64]);
        check(&format!("call $g {} call $g {}", nops(64), nops(64)), &[64, 129]);
        check(
            &format!("call $g ref.func $g drop ref.func $g drop ref.func $g drop {}", nops(100)),
            &[6 + 13],
        );
    }

    #[test]
    fn what_is_done_elsewhere_looks_at_nothing() {
        check(&"call $i ".repeat(9), &[3, 7]);
        check(&"i32.const 0 call_indirect ".repeat(9), &[7, 15]);
        check(&"i32.const 0 memory.grow drop ".repeat(9), &[10, 22]);
        check(&format!("{} call $i {}", nops(500), nops(100)), &[500 + 48]);
        check(&format!("call $g call $i call $i {} call $g {}", nops(31), nops(63)), &[]);
    }

    #[test]
    fn what_is_caught_may_come_from_anywhere() {
        check("block try_table (catch_all 0) throw $e end end", &[4]);
    }

    #[test]
    fn the_longest_way_counts_where_ways_join() {
        let (call, most) = ("call $g", nops(40));
        check(&format!("local.get 0 if {call} {most} else end {most}"), &[67]);
        check(&format!("local.get 0 if else {call} {most} end {most}"), &[67]);
        check(&format!("{call} local.get 0 if {most} end {most}"), &[63 + 1]);
        check(&format!("{call} local.get 0 if loop end else nop end {most} {most}"), &[67]);
        check(&format!("block {call} {most} local.get 0 br_if 0 loop end end {most}"), &[68]);
        check(
            &format!("block block {call} {most} local.get 0 br_table 0 1 1 end loop end end {most}"),
            &[70],
        );
        check(&format!("block {call} {most} br 0 loop end end {most}"), &[68]);
    }

    #[test]
    fn what_leads_back_to_a_loop_is_looked_at_there() {
        let long = nops(1_000);
        check(&format!("loop {long} call $g br 0 end"), &[]);
        check(&format!("call $g loop {long} local.get 0 br_if 0 end {long}"), &[]);
        check(&format!("loop call $g {} br 0 end {long}", nops(63)), &[]);
    }

    #[test]
    fn no_way_leads_on_from_where_a_function_is_left() {
        let long = nops(1_000);
        for left in ["return", "unreachable", "return_call $g", "br 0"] {
            check(&format!("call $g {left} {long} call $g {long}"), &[]);
        }
        check(&format!("block call $g {} br 0 {long} end {long}", nops(10)), &[1_013 + 53]);
    }
}
