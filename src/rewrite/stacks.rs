//! Loops that stack more than they did.

use crate::ir::{Loop, Val};

/// Has a loop stack these values of its program; gives where each is among what the loop gives. What it stacks already is
/// not stacked twice.
pub(super) fn stacking(of: &mut Loop, rows: &[Val]) -> Vec<u32> {
    let first = of.before_stacks();
    let mut program = of.callee.program().clone();
    let mut position = |&row: &Val| {
        let known = program.outputs[first..].iter().position(|&stacked| stacked == row);
        let stack = known.unwrap_or_else(|| {
            program.outputs.push(row);
            program.outputs.len() - 1 - first
        });
        of.states + stack as u32
    };
    let positions = rows.iter().map(&mut position).collect();
    of.callee = of.callee.with_program(program);
    positions
}
